"""gpudl: a GPU-accelerated deep-learning framework."""

from __future__ import annotations

from . import backends, config, ops
from .autograd import enable_grad, grad, no_grad
from .backends import device, set_device
from .ops import methods as _methods
from .replay import capture
from .tensors import Tensor, from_dlpack, tensor
from .variables import Variable
from .version import __version__

__all__ = ["Tensor", "Variable", "__version__", "backends", "capture", "config", "device", "enable_grad", "from_dlpack", "grad", "no_grad", "ops",
           "set_device", "tensor"]

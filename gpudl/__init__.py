"""gpudl: deep learning with kernels of its own, in the words of Keras.

`gpudl.Sequential` with `gpudl.layers` trains models as a Keras script does. `gpudl.Tensor` with `gpudl.ops` computes and differentiates as
NumPy and PyTorch do. `gpudl.show_config()` says what runs where.
"""

from __future__ import annotations

from importlib import import_module as _import_module

from . import backends, config, ops
from .autograd import enable_grad, grad, no_grad
from .backends import device, set_device
from .errors import BackendError, CaptureError, DTypeError, GpudlError, ShapeError
from .errors import missing_attribute as _missing_attribute
from .ops import methods as _methods  # noqa: F401  binds the operators of Tensor
from .ops.create import arange, constant, eye, full, ones, zeros
from .profiling import profile
from .replay import capture
from .show import show_config
from .tensors import Tensor, from_dlpack, tensor
from .variables import Variable
from .version import __version__

# isort: split
from . import activations, callbacks, constraints, initializers, layers, losses, metrics, models, optimizers, random, regularizers, utils
from .layers import Input
from .models import Model, Sequential

try:
    _import_module(f"{__name__}.compat")  # fills the table of renames
except ModuleNotFoundError as _error:  # it may be deleted, and every old spelling with it
    if _error.name != f"{__name__}.compat":
        raise

__all__ = [
    "BackendError", "CaptureError", "DTypeError", "GpudlError", "Input", "Model", "Sequential", "ShapeError", "Tensor", "Variable",
    "__version__", "activations", "arange", "backends", "callbacks", "capture", "config", "constant", "constraints", "device",
    "enable_grad", "eye", "from_dlpack", "full", "grad", "initializers", "layers", "losses", "metrics", "models", "no_grad", "ones",
    "ops", "optimizers", "profile", "random", "regularizers", "set_device", "show_config", "tensor", "utils", "zeros",
]  # fmt: skip

_LAZY = ("datasets", "dtype_policies", "mixed_precision", "preprocessing", "saving", "testing")  # loaded when first named
_missing = _missing_attribute(__name__, (*__all__, *_LAZY))


def __getattr__(name: str) -> object:
    return _import_module(f"{__name__}.{name}") if name in _LAZY else _missing(name)

"""Compute in 16 bits and keep float32 weights: the names of `keras.mixed_precision` in one place.

>>> from gpudl import layers, mixed_precision
>>> mixed_precision.set_global_policy("mixed_bfloat16")
>>> layers.Dense(1).compute_dtype
'bfloat16'
>>> mixed_precision.set_global_policy("float32")
"""

from __future__ import annotations

from .config import dtype_policy, set_dtype_policy
from .dtype_policies import DTypePolicy
from .errors import missing_attribute
from .optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = ["DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy", "set_global_policy"]

__getattr__ = missing_attribute(__name__, __all__)

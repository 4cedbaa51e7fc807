"""Name number types and say what two of them make together (`promote`)."""

from __future__ import annotations

from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from . import config
from .errors import DTypeError

bool_ = np.dtype(np.bool_)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
uint32 = np.dtype(np.uint32)
float16 = np.dtype(np.float16)
bfloat16 = np.dtype(ml_dtypes.bfloat16)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)

FLOATS = (float16, bfloat16, float32, float64)
HALF = "eE"  # the letters of float16 and bfloat16
_NAMES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64")
_BY_NAME = {name: bfloat16 if name == "bfloat16" else np.dtype(name) for name in _NAMES}
_KNOWN = frozenset(_BY_NAME.values())
_PYTHON: dict[Any, str] = {bool: "bool", int: "int32"}


def is_name(name: str) -> bool:
    """Whether it names one of gpudl's number types."""
    return name in _BY_NAME


def standard(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype meant by a name, a Python type or a dtype, in native byte order. Raises DTypeError for what gpudl does not hold."""
    if isinstance(dtype, np.dtype):
        found = dtype if dtype.isnative else dtype.newbyteorder("=")
    elif dtype is float:
        found = _BY_NAME[config.floatx()]
    elif isinstance(dtype, str):
        if dtype not in _BY_NAME:
            raise DTypeError(f"[dtype] {dtype!r} is not a number type of gpudl. Expected one of: {', '.join(_NAMES)}")
        found = _BY_NAME[dtype]
    elif dtype in _PYTHON:
        found = _BY_NAME[_PYTHON[dtype]]
    else:
        try:
            found = np.dtype(dtype)
        except TypeError:
            raise DTypeError(f"[dtype] {dtype!r} is not a number type. Expected one of: {', '.join(_NAMES)}") from None
    if found not in _KNOWN:
        raise DTypeError(f"[dtype] {found} is not a number type of gpudl. Expected one of: {', '.join(_NAMES)}")
    return found


def floatx() -> np.dtype[Any]:
    return _BY_NAME[config.floatx()]


@cache
def is_float(dtype: np.dtype[Any]) -> bool:
    return dtype in FLOATS


@cache
def promote(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The type of a result of two arrays: an integer takes the float's type, float16 with bfloat16 gives float32, else the wider.

    >>> promote(np.dtype("int64"), np.dtype("float32"))
    dtype('float32')
    """
    if a == b:
        return a
    if is_float(a) and is_float(b):
        if a.itemsize == b.itemsize:
            return float32
        return a if a.itemsize > b.itemsize else b
    if is_float(a) or is_float(b):
        return a if is_float(a) else b
    return np.promote_types(a, b)


def with_scalar(dtype: np.dtype[Any], value: bool | int | float) -> np.dtype[Any]:
    """The type of a result of an array and a Python number, which is weak: it bends to the array's type where that can hold its kind."""
    if isinstance(value, bool) or is_float(dtype):
        return dtype
    if isinstance(value, int):
        return int32 if dtype == bool_ else dtype
    return floatx()

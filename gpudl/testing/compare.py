"""Say whether numbers agree: within rounding (`assert_close`), or bit for bit (`assert_same_bits`)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import dtypes
from ..tensors import Tensor

UNIT = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}  # half a step at 1: the rounding unit


def host(x: Any) -> np.ndarray[Any, Any]:
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def assert_close(got: Any, expected: Any, rtol: float = 16, atol: float = 16, what: str = "", dtype: Any = None) -> None:
    """Raise AssertionError unless |got - expected| <= (atol + rtol |expected|) * unit at every element.

    `unit` is the rounding unit of `got`'s dtype, or of `dtype`: 2^-24 for float32, 2^-11 for float16. NaN must meet NaN and inf the same
    inf, where `expected` is first rounded to the dtype (a value too large for float16 is inf). Integers and bools must be equal.

    >>> assert_close(np.float32(1) / np.float32(3), 1 / 3)
    """
    result, wanted = host(got), np.asarray(expected)
    prefix = f"{what}: " if what else ""
    assert result.shape == wanted.shape, f"{prefix}shape {result.shape}, expected {wanted.shape}"
    if not dtypes.is_float(result.dtype):
        assert wanted.dtype.kind in "biu", f"{prefix}dtype {result.dtype}, expected {wanted.dtype}"
        wrong = result != wanted
        off = np.zeros(result.shape)
    else:
        kind = result.dtype if dtype is None else dtypes.standard(dtype)
        with np.errstate(all="ignore"):
            exact, rounded = wanted.astype(np.float64), wanted.astype(kind).astype(np.float64)
            found = result.astype(np.float64)
            off = np.abs(found - exact) / UNIT[kind.name]
            near = off <= atol + rtol * np.abs(exact)
        same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
        wrong = ~(same | (near & np.isfinite(found) & np.isfinite(exact)))
    if wrong.any():
        worst = np.where(wrong, np.nan_to_num(off, nan=np.inf), -1.0)
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(worst)), worst.shape))
        raise AssertionError(
            f"{prefix}{int(wrong.sum())} of {wrong.size} elements of dtype {result.dtype} are off; at {at}: got {result[at]!r}, expected "
            f"{wanted[at]!r}, off by {off[at]:.4g} rounding units (allowed: {atol:g} + {rtol:g} * |expected|)"
        )


def assert_same_bits(got: Sequence[Any], expected: Sequence[Any], what: str) -> None:
    """Raise AssertionError unless arrays or tensors are equal bit for bit; None equals None.

    >>> assert_same_bits([np.float32(0.5)], [np.float32(0.5)], "a half")
    """
    for i, (a, b) in enumerate(zip_longest(got, expected)):
        if a is None and b is None:
            continue
        assert a is not None and b is not None, f"{what}: result {i} is there only once"
        x, y = host(a), host(b)
        assert x.shape == y.shape and x.dtype == y.dtype, f"{what}: result {i} is {x.dtype} {x.shape}, expected {y.dtype} {y.shape}"
        if x.tobytes() != y.tobytes():
            differ = x.view(np.uint8).reshape(*x.shape, x.itemsize) != y.view(np.uint8).reshape(*y.shape, y.itemsize) if x.ndim else None
            at = () if differ is None else tuple(int(n) for n in np.argwhere(differ.any(-1))[0])
            raise AssertionError(f"{what}: result {i} of shape {x.shape} differs, first at {at}: got {x[at]!r}, expected {y[at]!r}")


def one_nan(t: Any) -> Any:
    """The numbers, every NaN with the same bits: sign and payload of NaN mean nothing."""
    if t is None or not dtypes.is_float(t.dtype):
        return t
    array = host(t).copy()
    array[np.isnan(array)] = np.nan
    return array

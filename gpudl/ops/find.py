"""Find something along axes: whether `any` or `all` are true, how many are not 0, where the greatest and the smallest are."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, one_axis
from .reduce import count, reduced_shape, reduction, reduction_attrs


def _truth(dtype: Any) -> Any:
    return dtypes.bool_


def _any(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    x.any(axis=axes, out=y, keepdims=bool(keepdims))


def _all(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    x.all(axis=axes, out=y, keepdims=bool(keepdims))


def _count_nonzero(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    xp.sum(x != 0, axis=axes, dtype=y.dtype, out=y, keepdims=bool(keepdims))


ANY = Op("any", reduction("any", _truth), _any)
ALL = Op("all", reduction("all", _truth), _all)
COUNT_NONZERO = Op("count_nonzero", reduction("count_nonzero", lambda dtype: dtypes.int32), _count_nonzero)


def any(x: TensorLike, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether at least one element along axes is true; of numbers all but 0 count as true. False for none.

    >>> any([[True, False], [False, False]], axis=1)
    Tensor([ True, False], dtype=bool)
    """
    x = as_tensor(x)
    return apply(ANY, (x,), reduction_attrs("any", x, axis, keepdims))  # type: ignore[no-any-return]


def all(x: TensorLike, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether every element along axes is true; of numbers all but 0 count as true. True for none.

    >>> all([[True, False], [True, True]], axis=1)
    Tensor([False,  True], dtype=bool)
    """
    x = as_tensor(x)
    return apply(ALL, (x,), reduction_attrs("all", x, axis, keepdims))  # type: ignore[no-any-return]


def count_nonzero(x: TensorLike, axis: Any = None) -> Tensor:
    """How many elements along axes are not 0, as int32.

    >>> count_nonzero([[1, 0], [2, 3]], axis=0)
    Tensor([2, 1], dtype=int32)
    """
    x = as_tensor(x)
    return apply(COUNT_NONZERO, (x,), reduction_attrs("count_nonzero", x, axis, False))  # type: ignore[no-any-return]


# places ------------------------------------------------------------------------------------------------------------------------


def _place_infer(name: str) -> Any:
    def infer(x: Any, keepdims: int, *axes: int) -> Any:
        if 0 in [x.shape[i] for i in axes]:
            raise ShapeError(f"[{name}] of no elements does not exist. Received: x {x.shape}, axes {axes}")
        index = dtypes.int32 if count(x, axes) < 2**31 else dtypes.int64
        return ((reduced_shape(x.shape, keepdims, axes), index),)

    return infer


def _argmax(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    y[...] = xp.argmax(x, axis=axes[0] if len(axes) == 1 else None).reshape(y.shape)


def _argmin(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    y[...] = xp.argmin(x, axis=axes[0] if len(axes) == 1 else None).reshape(y.shape)


ARGMAX = Op("argmax", _place_infer("argmax"), _argmax)
ARGMIN = Op("argmin", _place_infer("argmin"), _argmin)


def _place(name: str, op: Op, x: TensorLike, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    wanted = None if axis is None else (one_axis(name, axis, x.ndim),)
    return apply(op, (x,), reduction_attrs(name, x, wanted, keepdims))  # type: ignore[no-any-return]


def argmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the greatest element along an axis is, the first of equals, NaN before all, as int32 (int64 from 2^31 elements).

    Args:
        x: a tensor.
        axis: an int; None: in the flattened tensor.
        keepdims: leave the axis in place, of length 1.

    >>> argmax([[1.0, 5.0], [3.0, 2.0]], axis=1)
    Tensor([1, 0], dtype=int32)
    """
    return _place("argmax", ARGMAX, x, axis, keepdims)


def argmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the smallest element along an axis is; arguments and result as for `argmax`.

    >>> argmin([[1.0, 5.0], [3.0, 2.0]], axis=1)
    Tensor([0, 1], dtype=int32)
    """
    return _place("argmin", ARGMIN, x, axis, keepdims)


__all__ = ["all", "any", "argmax", "argmin", "count_nonzero"]

"""Bring in order: `sort`, `argsort`, `top_k`. Equal elements keep their order; NaN counts as the largest."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, one_axis, whole
from .gather import TAKE_ALONG_AXIS, TAKE_ALONG_AXIS_GRAD
from .movement import ravel


def _sort(xp: Any, y: Any, order: Any, x: Any, axis: int) -> None:
    found = xp.argsort(x, axis=axis, kind="stable")
    order[...] = found
    y[...] = xp.take_along_axis(x, found, axis)


def _sort_vjp(ctx: Any, g: Tensor | None, _: None) -> Any:
    if g is None or not ctx.needs(0):
        return (None,)
    inverse = apply(ARGSORT, (ctx.output(1),), ctx.attrs)
    return (ctx.grad(0, TAKE_ALONG_AXIS, (g, inverse), (*ctx.attrs, *g.shape)),)


def _argsort(xp: Any, order: Any, x: Any, axis: int) -> None:
    order[...] = xp.argsort(x, axis=axis, kind="stable")


def _countable(name: str, x: Any, axis: int) -> None:
    if x.shape[axis] >= 2**31:
        raise ShapeError(
            f"[{name}] indices along the axis are int32, so it holds fewer than 2**31 elements. Received: x {x.shape}, axis={axis}"
        )


def _argsort_infer(x: Any, axis: int) -> Any:
    _countable("argsort", x, axis)
    return ((x.shape, dtypes.int32),)


def _sort_infer(x: Any, axis: int) -> Any:
    _countable("sort", x, axis)
    return (x.shape, x.dtype), (x.shape, dtypes.int32)


ARGSORT = Op("argsort", _argsort_infer, _argsort)
SORT = Op("sort", _sort_infer, _sort, _sort_vjp, saves=("y1",), twice=True)


def _lines(name: str, x: TensorLike, axis: int | None) -> tuple[Tensor, int]:
    x = as_tensor(x)
    if axis is None:
        return ravel(x), 0
    return x, one_axis(name, axis, x.ndim)


def sort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """x with the elements along an axis in ascending order; NaN last.

    Args:
        x: tensor.
        axis: default the last; None flattens x.

    >>> sort([3, 1, 2])
    Tensor([1, 2, 3], dtype=int32)
    """
    x, axis = _lines("sort", x, axis)
    out: Tensor = apply(SORT, (x,), (axis,))[0]
    return out


def argsort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """The indices (int32) that sort x along an axis; equal elements keep their order, NaN comes last.

    >>> argsort([3, 1, 2])
    Tensor([1, 2, 0], dtype=int32)
    """
    x, axis = _lines("argsort", x, axis)
    out: Tensor = apply(ARGSORT, (x,), (axis,))
    return out


def _top_k(xp: Any, values: Any, indices: Any, x: Any, k: int, *_: int) -> None:
    n = x.shape[-1]
    ascending = xp.argsort(x[..., ::-1], axis=-1, kind="stable")  # turned round twice, equal elements are in their order again
    found = n - 1 - ascending[..., ::-1][..., :k]
    indices[...] = found
    values[...] = xp.take_along_axis(x, found, -1)


def _top_k_infer(x: Any, k: int, *_: int) -> Any:  # attrs: (k, *shape of x)
    if x.ndim == 0 or not 0 <= k <= x.shape[-1]:
        raise ShapeError(f"[top_k] k must lie between 0 and the size of the last axis. Received: x {x.shape}, k={k}")
    _countable("top_k", x, -1)
    shape = (*x.shape[:-1], k)
    return (shape, x.dtype), (shape, dtypes.int32)


def _top_k_vjp(ctx: Any, g: Tensor | None, _: None) -> Any:
    if g is None:
        return (None,)
    return (ctx.grad(0, TAKE_ALONG_AXIS_GRAD, (g, ctx.output(1)), (g.ndim - 1, *ctx.attrs[1:])),)


TOP_K = Op("top_k", _top_k_infer, _top_k, _top_k_vjp, saves=("y1",), twice=True)


def top_k(x: TensorLike, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest elements along the last axis, largest first, and their indices (int32); of equal ones the lowest index first.

    Args:
        x: tensor; NaN counts as the largest.
        k: how many.
        sorted: for other libraries' sake; the result is always sorted.

    >>> values, indices = top_k([1.0, 5.0, 3.0], 2)
    >>> values.tolist(), indices.tolist()
    ([5.0, 3.0], [1, 2])
    """
    x = as_tensor(x)
    values, indices = apply(TOP_K, (x,), (whole("top_k", k, "k"), *x.shape))
    indices.edge = None
    return values, indices


__all__ = ["argsort", "sort", "top_k"]

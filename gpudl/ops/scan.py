"""Run along an axis and keep every intermediate result: `cumsum`, `cumprod`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import apply
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, cast, one_axis
from .movement import ravel
from .reduce import total_dtype


def _infer(x: Any, axis: int, *_: int) -> Any:
    return ((x.shape, total_dtype(x.dtype)),)


def _backwards(a: Any, axis: int) -> Any:
    return a[(*(slice(None),) * axis, slice(None, None, -1))]


def _cumsum(xp: Any, y: Any, x: Any, axis: int, reverse: int) -> None:
    """The running sum from the start, or from the end; float32 is added in float64, as errors pile up."""
    wide = np.float64 if y.dtype == np.float32 else y.dtype
    if reverse:
        x, y = _backwards(x, axis), _backwards(y, axis)
    y[...] = xp.cumsum(x, axis=axis, dtype=wide)


CUMSUM: Op = Op("cumsum", _infer, _cumsum, lambda ctx, g: (ctx.grad(0, CUMSUM, (g,), (ctx.attrs[0], 1 - ctx.attrs[1])),), twice=True)


def _cumprod(xp: Any, y: Any, x: Any, axis: int) -> None:
    y[...] = xp.cumprod(x, axis=axis, dtype=y.dtype)


def _cumprod_grad(xp: Any, dx: Any, g: Any, x: Any, y: Any, axis: int) -> None:
    """dx_i = sum over j >= i of g_j y_j / x_i. At the first zero of a row the y_j are those without it; after it all products are 0."""
    zero = x == 0
    zeros = xp.cumsum(zero, axis=axis)
    first = zero & (zeros == 1)
    without = xp.where(first, x.dtype.type(1), x)
    at_first = xp.cumprod(without, axis=axis)
    at_first *= g
    _cumsum(xp, dx, at_first, axis, 1)
    before = xp.empty_like(dx)
    _cumsum(xp, before, g * y, axis, 1)
    before /= without
    xp.copyto(dx, before, where=zeros == 0)
    xp.copyto(dx, 0, where=(zeros > 0) & ~first)


CUMPROD_GRAD = Op("cumprod_grad", lambda g, x, y, axis: ((x.shape, x.dtype),), _cumprod_grad)
CUMPROD = Op(
    "cumprod",
    _infer,
    _cumprod,
    lambda ctx, g: (ctx.grad(0, CUMPROD_GRAD, (g, ctx.input(0), ctx.output(0)), ctx.attrs),),
    saves=(0, "y0"),
)


def _scan(name: str, op: Op, x: TensorLike, axis: int | None, dtype: Any, attrs: tuple[int, ...]) -> Tensor:
    x = as_tensor(x) if dtype is None else cast(x, dtype)
    if axis is None or x.ndim == 0:
        x, axis = ravel(x), 0
    out: Tensor = apply(op, (x,), (one_axis(name, axis, x.ndim), *attrs))
    return out if dtype is None else cast(out, dtype)


def cumsum(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running sum along an axis.

    Args:
        x: a tensor; integers and bools are summed in int64.
        axis: an int; None: of the flattened tensor.
        dtype: of the operand and the result.

    >>> cumsum([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([[1., 3.],
            [3., 7.]], dtype=float32)
    """
    return _scan("cumsum", CUMSUM, x, axis, dtype, (0,))


def cumprod(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running product along an axis; arguments as for `cumsum`. The gradient is right beside zeros too.

    >>> cumprod([1.0, 2.0, 3.0])
    Tensor([1., 2., 6.], dtype=float32)
    """
    return _scan("cumprod", CUMPROD, x, axis, dtype, ())


__all__ = ["cumprod", "cumsum"]

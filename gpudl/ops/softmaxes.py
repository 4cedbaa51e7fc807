"""Turn scores into probabilities: `softmax`, `log_softmax`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import SUM_TO, apply
from ..dtypes import HALF, float32
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import floating, require_float, some_axes
from .elementwise import MULTIPLY, NEGATIVE, SUBTRACT, same

SHORT = 16  # numbers in a row that NumPy handles column by column


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with 1 in place of the axes that are reduced."""
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def sum_over(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The sum over axes, which are kept with size 1."""
    return apply(SUM_TO, (x,), reduced_shape(x.shape, axes))  # type: ignore[no-any-return]


def _softmax_infer(x: Any, *axes: int) -> Any:
    require_float("softmax", x)
    return (x.shape, x.dtype), ((2, *reduced_shape(x.shape, axes)), float32 if x.dtype.char in HALF else x.dtype)


def _short_rows(y: Any, stats: Any, x: Any) -> None:
    """The same for rows of few numbers: NumPy works column by column then, which is faster."""
    columns = np.array(x.T, order="C")
    high, log_sum = stats[0], stats[1]
    columns.max(0, out=high)
    columns -= high
    np.exp(columns, out=columns)
    columns.sum(0, out=log_sum)
    columns /= log_sum
    y[...] = columns.T
    np.log(log_sum, out=log_sum)


def _softmax(xp: Any, y: Any, stats: Any, x: Any, *axes: int) -> None:
    if not x.size:
        stats[...] = -math.inf
        return
    if xp is np and axes == (x.ndim - 1,) and x.shape[-1] <= SHORT:
        if x.ndim == 2:
            _short_rows(y, stats.reshape(2, -1), x)
        else:
            _short_rows(y.reshape(-1, x.shape[-1]), stats.reshape(2, -1), x.reshape(-1, x.shape[-1]))
        return
    high, log_sum = stats[0], stats[1]
    high[...] = x.max(axes, keepdims=True)  # with out=, NumPy before 2.2 is wrong for negative strides
    xp.subtract(x, high, out=y)
    xp.exp(y, out=y)
    y.sum(axes, out=log_sum, keepdims=True)
    xp.divide(y, log_sum, out=y)
    xp.log(log_sum, out=log_sum)


def _softmax_grad(xp: Any, dx: Any, g: Any, y: Any, *axes: int) -> None:
    xp.multiply(g, y, out=dx)
    along = dx.sum(axes, keepdims=True)
    xp.subtract(g, along, out=dx)
    xp.multiply(dx, y, out=dx)


def _softmax_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    y, axes = ctx.input(1), ctx.attrs
    dg = ctx.grad(0, SOFTMAX_GRAD, (gg, y), axes)
    dy = None
    if ctx.needs(1):  # of y (g - sum(g y)): gg (g - sum(g y)) - g sum(gg y)
        g = ctx.input(0)
        first = apply(MULTIPLY, (gg, apply(SUBTRACT, (g, sum_over(apply(MULTIPLY, (g, y)), axes)))))
        dy = ctx.grad(1, SUBTRACT, (first, apply(MULTIPLY, (g, sum_over(apply(MULTIPLY, (gg, y)), axes)))))
    return dg, dy


SOFTMAX_GRAD = Op("softmax_grad", same, _softmax_grad, _softmax_grad_vjp, saves=(0, 1), twice=True)

# The second output, (maximum, log of the sum of exp(x - maximum)), lets the cross-entropies work without another pass. It has no gradient.
SOFTMAX = Op(
    "softmax",
    _softmax_infer,
    _softmax,
    lambda ctx, g, _: (ctx.grad(0, SOFTMAX_GRAD, (g, ctx.output(0)), ctx.attrs),),
    saves=("y0",),
    twice=True,
)


def softmax(x: TensorLike, axis: int | tuple[int, ...] = -1) -> Tensor:
    """exp(x) / sum(exp(x)) over `axis`, computed with the maximum subtracted, so it is finite for every finite x.

    Args:
        x: scores (logits), a float tensor of any shape; integers become `floatx()`.
        axis: the axis, or axes, over which the result sums to 1. Default: the last one.

    Returns:
        Probabilities of x's shape and dtype.

    Raises:
        ShapeError: if x has no such axis.

    >>> softmax([[0.0, 0.0], [1e4, -1e4]])
    Tensor([[0.5, 0.5],
            [1. , 0. ]], dtype=float32)
    """
    x = floating(x)
    axes = some_axes("softmax", axis, x.ndim)
    y, stats = apply(SOFTMAX, (x,), axes)
    if axes == (x.ndim - 1,):
        y.origin = ("softmax", x, stats)  # a cross-entropy of y goes back to x, which is exact where y has lost digits
    return y  # type: ignore[no-any-return]


def _log_softmax_infer(x: Any, *axes: int) -> Any:
    require_float("log_softmax", x)
    return ((x.shape, x.dtype),)


def _log_softmax(xp: Any, y: Any, x: Any, *axes: int) -> None:
    if x.size:
        xp.subtract(x, x.max(axes, keepdims=True), out=y)
        xp.subtract(y, xp.log(xp.exp(y).sum(axes, keepdims=True)), out=y)


def _log_softmax_grad(xp: Any, dx: Any, g: Any, y: Any, *axes: int) -> None:
    xp.exp(y, out=dx)
    xp.multiply(dx, g.sum(axes, keepdims=True), out=dx)
    xp.subtract(g, dx, out=dx)


def _log_softmax_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    y, axes = ctx.input(1), ctx.attrs
    p = apply(SOFTMAX, (y,), axes)[0]  # exp(y), since y is normalised
    weighted = apply(MULTIPLY, (gg, p))
    dg = ctx.grad(0, SUBTRACT, (gg, sum_over(weighted, axes)))
    dy = None
    if ctx.needs(1):
        dy = ctx.grad(1, NEGATIVE, (apply(MULTIPLY, (weighted, sum_over(ctx.input(0), axes))),))
    return dg, dy


LOG_SOFTMAX_GRAD = Op("log_softmax_grad", same, _log_softmax_grad, _log_softmax_grad_vjp, saves=(0, 1), twice=True)
LOG_SOFTMAX = Op(
    "log_softmax",
    _log_softmax_infer,
    _log_softmax,
    lambda ctx, g: (ctx.grad(0, LOG_SOFTMAX_GRAD, (g, ctx.output(0)), ctx.attrs),),
    saves=("y0",),
    twice=True,
)


def log_softmax(x: TensorLike, axis: int | tuple[int, ...] = -1) -> Tensor:
    """log(softmax(x)) over `axis` = x - max(x) - log(sum(exp(x - max(x)))), accurate where softmax(x) would round to 0 or 1.

    Args:
        x: scores (logits), a float tensor of any shape; integers become `floatx()`.
        axis: the axis, or axes, of one distribution. Default: the last one.

    Returns:
        A tensor of x's shape and dtype.

    >>> log_softmax([0.0, -1000.0])
    Tensor([    0., -1000.], dtype=float32)
    """
    x = floating(x)
    return apply(LOG_SOFTMAX, (x,), some_axes("log_softmax", axis, x.ndim))  # type: ignore[no-any-return]


__all__ = ["log_softmax", "softmax"]

"""Measure how large a tensor is along axes: `logsumexp`, `norm`."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import apply
from ..backends.summation import sum_into
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import cast, constant_like, floating, one_axis, some_axes
from .comparison import equal, not_equal
from .elementwise import NEGATIVE, divide, multiply, where
from .mathematics import absolute
from .movement import squeeze
from .powers import power
from .reduce import SUM, count, kept, max, min, reduction, reduction_attrs, sum


def _logsumexp(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    if not count(x, axes):
        y[...] = -math.inf
        return
    top = xp.max(x, axis=axes, keepdims=True)
    top = xp.where(xp.isinf(top), x.dtype.type(0), top)
    e = xp.exp(x - top)
    sum_into(xp, y, e, axes)
    xp.log(y, out=y)
    y += top.reshape(y.shape)


def _logsumexp_grad(xp: Any, dx: Any, g: Any, x: Any, y: Any, keepdims: int, *axes: int) -> None:
    """g exp(x - y), and 0 where all x are -inf"""
    finite = kept(y, x.ndim, axes)
    xp.subtract(x, xp.where(xp.isinf(finite), x.dtype.type(0), finite), out=dx)
    xp.exp(dx, out=dx)
    dx *= kept(g, x.ndim, axes)


def _logsumexp_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    """d(g exp(x - y)): the gradient itself times gg; y is an input of its own, through which x is reached once more."""
    x, y = ctx.input(1), ctx.input(2)
    dg = dx = dy = None
    if ctx.needs(0):
        shares = apply(LOGSUMEXP_GRAD, (constant_like(1.0, x.dtype, x.storage.backend), x, y), ctx.attrs)
        dg = ctx.grad(0, SUM, (multiply(gg, shares),), ctx.attrs)
    if ctx.needs(1) or ctx.needs(2):
        dx = multiply(gg, ctx.output(0))
        dy = ctx.grad(2, NEGATIVE, (apply(SUM, (dx,), ctx.attrs),)) if ctx.needs(2) else None
    return dg, dx, dy


def _like_second(g: Any, x: Any, *_: Any) -> Any:
    return ((x.shape, x.dtype),)


def _with_result(gradient: Op) -> Any:
    return lambda ctx, g: (ctx.grad(0, gradient, (g, ctx.input(0), ctx.output(0)), ctx.attrs),)


LOGSUMEXP_GRAD = Op("logsumexp_grad", _like_second, _logsumexp_grad, _logsumexp_grad_vjp, saves=(1, 2, "y0"), twice=True)
LOGSUMEXP = Op("logsumexp", reduction("logsumexp"), _logsumexp, _with_result(LOGSUMEXP_GRAD), saves=(0, "y0"), twice=True)


def logsumexp(x: TensorLike, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) along axes, without overflow; -inf for no elements.

    >>> logsumexp([1000.0, 1000.0])
    Tensor(1000.6932, dtype=float32)
    """
    x = floating(x)
    return apply(LOGSUMEXP, (x,), reduction_attrs("logsumexp", x, axis, keepdims))  # type: ignore[no-any-return]


def _euclidean_norm(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    sum_into(xp, y, x * x, axes)
    xp.sqrt(y, out=y)


def _euclidean_norm_grad(xp: Any, dx: Any, g: Any, x: Any, y: Any, keepdims: int, *axes: int) -> None:
    """g x / y, and 0 where y is 0"""
    lengths = kept(y, x.ndim, axes)
    xp.multiply(x, kept(g, x.ndim, axes) / xp.where(lengths == 0, x.dtype.type(1), lengths), out=dx)


def _euclidean_norm_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    g, x, y = ctx.input(0), ctx.input(1), ctx.input(2)
    dg = dx = dy = None
    if ctx.needs(0):
        direction = apply(EUCLIDEAN_NORM_GRAD, (constant_like(1.0, x.dtype, x.storage.backend), x, y), ctx.attrs)
        dg = ctx.grad(0, SUM, (multiply(gg, direction),), ctx.attrs)
    if ctx.needs(1):
        dx = ctx.grad(1, EUCLIDEAN_NORM_GRAD, (g, gg, y), ctx.attrs)
    if ctx.needs(2):
        along = apply(SUM, (multiply(gg, ctx.output(0)),), ctx.attrs)  # sum of gg g x / y
        dy = ctx.grad(2, NEGATIVE, (divide(along, where(equal(y, 0.0), 1.0, y)),))
    return dg, dx, dy


EUCLIDEAN_NORM_GRAD = Op(
    "euclidean_norm_grad", _like_second, _euclidean_norm_grad, _euclidean_norm_grad_vjp, saves=(0, 1, 2, "y0"), twice=True
)
EUCLIDEAN_NORM = Op(
    "euclidean_norm", reduction("euclidean_norm"), _euclidean_norm, _with_result(EUCLIDEAN_NORM_GRAD), saves=(0, "y0"), twice=True
)


def norm(x: TensorLike, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors along one axis, or of matrices along two.

    Args:
        x: a tensor; integers become `floatx()`.
        ord: None: sqrt(sum(x^2)) over all the axes (gradient 0 at 0). For one axis p, inf, -inf or 0: sum(|x|^p)^(1/p), the greatest or the
            smallest |x|, the number of elements that are not 0. For two axes ``"fro"``, 1, -1, inf, -inf: sqrt(sum(x^2)), the greatest or
            smallest sum of |x| in a column (1) or in a row (inf).
        axis: an int, a tuple, or None for all axes.
        keepdims: leave the axes in place, of length 1.

    Raises:
        ValueError: if `ord` does not fit the number of axes, or if singular values are needed (2, -2, "nuc" of a matrix).

    >>> norm([3.0, 4.0])
    Tensor(5., dtype=float32)
    >>> norm([[1.0, -2.0], [3.0, 4.0]], ord=1, axis=(0, 1))
    Tensor(6., dtype=float32)
    """
    x = floating(x)
    axes = some_axes("norm", axis, x.ndim)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return apply(EUCLIDEAN_NORM, (x,), reduction_attrs("norm", x, axes, keepdims))  # type: ignore[no-any-return]
    if len(axes) == 1 and not isinstance(ord, str):
        if ord == 0:
            return sum(cast(not_equal(x, 0.0), x.dtype), axes, keepdims)
        if math.isinf(ord):
            return (max if ord > 0 else min)(absolute(x), axes, keepdims)
        if ord == 1:
            return sum(absolute(x), axes, keepdims)
        return power(sum(power(absolute(x), float(ord)), axes, keepdims), 1.0 / ord)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        row, column = (axes[0], axes[1]) if axis is None else (one_axis("norm", a, x.ndim) for a in axis)
        first, second = (row, column) if abs(ord) == 1 else (column, row)
        found = (max if ord > 0 else min)(sum(absolute(x), first, keepdims=True), second, keepdims=True)
        return found if keepdims else squeeze(found, axes)
    if len(axes) == 2 and ord in (2, -2, "nuc"):
        raise ValueError(f"[norm] ord={ord!r} of a matrix needs its singular values, which gpudl does not compute; use numpy.linalg")
    raise ValueError(f"[norm] ord={ord!r} is not defined along {len(axes)} axes. Received: x {x.shape}, axis={axis!r}")


__all__ = ["logsumexp", "norm"]

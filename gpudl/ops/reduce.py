"""Make one number of many along axes: `sum`, `mean`, `prod`, `max`, `min`, `var`, `std`.

Axes are None (all), an int or a tuple; `keepdims` leaves them in place with length 1. Reductions that find something (`any`, `argmax`) are
in `find.py`, `logsumexp` and `norm` in `magnitude.py`, running sums in `scan.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import apply
from ..backends.summation import sum_into
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, cast, constant_like, floating, input_shape, some_axes
from .elementwise import add, maximum, minimum, multiply
from .mathematics import sqrt

# attributes of a reduction: (keepdims, axis, axis, ...); of its gradient: (how many axes, *axes, *shape of x)


def reduced_shape(shape: tuple[int, ...], keepdims: int, axes: tuple[int, ...]) -> tuple[int, ...]:
    if len(axes) == len(shape) and not keepdims:
        return ()
    return tuple([1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes])


def kept(y: Any, ndim: int, axes: tuple[int, ...]) -> Any:
    """y with the axes that are gone put back, of length 1."""
    if y.ndim in (0, ndim):  # a single number broadcasts anyway
        return y
    lengths = iter(y.shape)
    return y.reshape([1 if i in axes else next(lengths) for i in range(ndim)])


def reduction(name: str, dtype: Any = None) -> Any:
    """infer of a reduction; `dtype(dtype of x)` is that of the result."""

    def infer(x: Any, keepdims: int, *axes: int) -> Any:
        return ((reduced_shape(x.shape, keepdims, axes), x.dtype if dtype is None else dtype(x.dtype)),)

    return infer


def _like_second(g: Any, x: Any, *_: Any) -> Any:
    return ((x.shape, x.dtype),)


def reduction_attrs(name: str, x: Tensor, axis: Any, keepdims: bool) -> tuple[int, ...]:
    ndim = x.array.ndim
    if type(axis) is int and -ndim <= axis < ndim:  # the usual case, without the detour
        return (1 if keepdims else 0, axis % ndim)
    return (1 if keepdims else 0, *some_axes(name, axis, ndim))


def count(x: Any, axes: tuple[int, ...]) -> int:
    return math.prod([x.shape[i] for i in axes])


# sum, mean ---------------------------------------------------------------------------------------------------------------------


def total_dtype(dtype: Any) -> Any:
    """What integers and bools are added and multiplied in."""
    return dtype if dtypes.is_float(dtype) or dtype == np.uint64 else dtypes.int64


def _sum(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    sum_into(xp, y, x, axes)


def _mean(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    sum_into(xp, y, x, axes)
    y /= count(x, axes)


def _spread_infer(g: Any, n_axes: int, *rest: int) -> Any:
    return ((rest[n_axes:], g.dtype),)


def _sum_grad(xp: Any, dx: Any, g: Any, n_axes: int, *rest: int) -> None:
    dx[...] = kept(g, dx.ndim, rest[:n_axes])


def _mean_grad(xp: Any, dx: Any, g: Any, n_axes: int, *rest: int) -> None:
    axes = rest[:n_axes]
    xp.divide(kept(g, dx.ndim, axes), dx.dtype.type(count(dx, axes)), out=dx)


def _spread_vjp(back: str) -> Any:
    def vjp(ctx: Any, gg: Tensor) -> Any:
        n_axes, axes = ctx.attrs[0], ctx.attrs[1 : ctx.attrs[0] + 1]
        keepdims = int(len(input_shape(ctx, 0)) == len(ctx.attrs) - 1 - n_axes)
        return (ctx.grad(0, SUM if back == "sum" else MEAN, (gg,), (keepdims, *axes)),)

    return vjp


def _spread(ctx: Any, g: Tensor, op: Op) -> Any:
    axes = ctx.attrs[1:]
    return (ctx.grad(0, op, (g,), (len(axes), *axes, *input_shape(ctx, 0))),)


SUM_GRAD = Op("sum_grad", _spread_infer, _sum_grad, _spread_vjp("sum"), twice=True)
MEAN_GRAD = Op("mean_grad", _spread_infer, _mean_grad, _spread_vjp("mean"), twice=True)
SUM = Op("sum", reduction("sum", total_dtype), _sum, lambda ctx, g: _spread(ctx, g, SUM_GRAD), twice=True)
MEAN = Op("mean", reduction("mean"), _mean, lambda ctx, g: _spread(ctx, g, MEAN_GRAD), twice=True)


def sum(x: TensorLike, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum of the elements along axes; 0 for none. Integers and bools are summed in int64 (uint64 in uint64), as NumPy and PyTorch do.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    Tensor([4., 6.], dtype=float32)
    """
    x = as_tensor(x)
    return apply(SUM, (x,), reduction_attrs("sum", x, axis, keepdims))  # type: ignore[no-any-return]


def mean(x: TensorLike, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean of the elements along axes, in `floatx()` for integers; NaN for no elements.

    >>> mean([[1, 2], [3, 4]], axis=-1)
    Tensor([1.5, 3.5], dtype=float32)
    """
    x = floating(x)
    return apply(MEAN, (x,), reduction_attrs("mean", x, axis, keepdims))  # type: ignore[no-any-return]


# product -----------------------------------------------------------------------------------------------------------------------


def _prod(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    x.prod(axis=axes, dtype=y.dtype, out=y, keepdims=bool(keepdims))


def _prod_grad(xp: Any, dx: Any, g: Any, x: Any, keepdims: int, *axes: int) -> None:
    """g times the product of the others: of those before and those after, so that zeros need no division."""
    others = [i for i in range(x.ndim) if i not in axes]
    order = (*others, *axes)
    rows = x.transpose(order)
    flat = rows.reshape((*rows.shape[: len(others)], count(x, axes)))
    before, after = xp.ones_like(flat), xp.ones_like(flat)
    before[..., 1:] = xp.cumprod(flat[..., :-1], axis=-1)
    after[..., :-1] = xp.cumprod(flat[..., :0:-1], axis=-1)[..., ::-1]
    before *= after
    back = sorted(range(x.ndim), key=order.__getitem__)
    xp.multiply(before.reshape(rows.shape).transpose(back), kept(g, x.ndim, axes), out=dx)


PROD_GRAD = Op("prod_grad", _like_second, _prod_grad)
PROD = Op("prod", reduction("prod", total_dtype), _prod, lambda ctx, g: (ctx.grad(0, PROD_GRAD, (g, ctx.input(0)), ctx.attrs),), saves=(0,))


def prod(x: TensorLike, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product of the elements along axes; 1 for none. Integers and bools multiply in int64. The gradient is right beside zeros too.

    >>> prod([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([ 2., 12.], dtype=float32)
    """
    x = as_tensor(x) if dtype is None else cast(x, dtype)
    out: Tensor = apply(PROD, (x,), reduction_attrs("prod", x, axis, keepdims))
    return out if dtype is None else cast(out, dtype)


# greatest, smallest ------------------------------------------------------------------------------------------------------------


def _extreme_infer(name: str) -> Any:
    def infer(x: Any, keepdims: int, *axes: int) -> Any:
        if 0 in [x.shape[i] for i in axes]:
            raise ShapeError(f"[{name}] of no elements does not exist; give initial=. Received: x {x.shape}, axes {axes}")
        return ((reduced_shape(x.shape, keepdims, axes), x.dtype),)

    return infer


def _max(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    # NumPy's functions of these names take 1 us longer than its methods; with out=, NumPy before 2.2 is wrong for negative strides
    y[...] = x.max(axis=axes, keepdims=bool(keepdims))


def _min(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    y[...] = x.min(axis=axes, keepdims=bool(keepdims))


def _extreme_grad(xp: Any, dx: Any, g: Any, x: Any, y: Any, keepdims: int, *axes: int) -> None:
    """g shared evenly by the elements that are equal to y; NaN if y is NaN"""
    xp.equal(x, kept(y, x.ndim, axes), out=dx)
    dx *= kept(g, x.ndim, axes) / xp.sum(dx, axis=axes, keepdims=True)


def _extreme_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    if not ctx.needs(0):
        return None, None, None
    x, y = ctx.input(1), ctx.input(2)
    shares = apply(EXTREME_GRAD, (constant_like(1.0, x.dtype, x.storage.backend), x, y), ctx.attrs)
    return ctx.grad(0, SUM, (multiply(gg, shares),), ctx.attrs), None, None


def _extreme_vjp(ctx: Any, g: Tensor) -> Any:
    return (ctx.grad(0, EXTREME_GRAD, (g, ctx.input(0), ctx.output(0)), ctx.attrs),)


EXTREME_GRAD = Op("extreme_grad", _like_second, _extreme_grad, _extreme_grad_vjp, saves=(1, 2), twice=True)
MAX = Op("max", _extreme_infer("max"), _max, _extreme_vjp, saves=(0, "y0"), twice=True)
MIN = Op("min", _extreme_infer("min"), _min, _extreme_vjp, saves=(0, "y0"), twice=True)


def _extreme(name: str, op: Op, pair: Any, x: Tensor, axis: Any, keepdims: bool, initial: Any) -> Tensor:
    attrs = reduction_attrs(name, x, axis, keepdims)
    if initial is None:
        return apply(op, (x,), attrs)  # type: ignore[no-any-return]
    if 0 in [x.shape[i] for i in attrs[1:]]:
        return add(cast(apply(SUM, (x,), attrs), x.dtype), initial)  # zeros
    out: Tensor = pair(apply(op, (x,), attrs), initial)
    return out


def max(x: TensorLike, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The greatest element along axes; NaN if one is NaN. Equal maxima share the gradient evenly, as in JAX and torch.amax.

    Args:
        x: a tensor.
        axis: None for all axes, an int or a tuple.
        keepdims: leave the axes in place, of length 1.
        initial: a number that is never undercut; also the result of no elements.

    Raises:
        ShapeError: if there are no elements along the axes and no `initial`.

    >>> max([[1.0, 5.0], [3.0, 2.0]], axis=1)
    Tensor([5., 3.], dtype=float32)
    """
    return _extreme("max", MAX, maximum, as_tensor(x), axis, keepdims, initial)


def min(x: TensorLike, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The smallest element along axes; NaN if one is NaN. Arguments and gradient as for `max`.

    >>> min([[1.0, 5.0], [3.0, 2.0]], axis=1)
    Tensor([1., 2.], dtype=float32)
    """
    return _extreme("min", MIN, minimum, as_tensor(x), axis, keepdims, initial)


amax, amin = max, min


# variance ----------------------------------------------------------------------------------------------------------------------


def _deviations(xp: Any, x: Any, axes: tuple[int, ...]) -> Any:
    mu = xp.empty(reduced_shape(x.shape, 1, axes), x.dtype)
    sum_into(xp, mu, x, axes)
    mu /= count(x, axes)
    return x - mu


def _var(xp: Any, y: Any, x: Any, keepdims: int, *axes: int) -> None:
    d = _deviations(xp, x, axes)
    d *= d
    sum_into(xp, y, d, axes)
    y /= count(x, axes)


def _var_grad(xp: Any, dx: Any, g: Any, x: Any, keepdims: int, *axes: int) -> None:
    d = _deviations(xp, x, axes)
    d *= 2.0 / count(x, axes) if x.size else 0.0
    xp.multiply(d, kept(g, x.ndim, axes), out=dx)


def _var_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    dg = dx = None
    if ctx.needs(0):
        slope = apply(VAR_GRAD, (constant_like(1.0, gg.dtype, gg.storage.backend), ctx.input(1)), ctx.attrs)
        dg = ctx.grad(0, SUM, (multiply(gg, slope),), ctx.attrs)
    if ctx.needs(1):
        dx = ctx.grad(1, VAR_GRAD, (ctx.input(0), gg), ctx.attrs)  # linear in x
    return dg, dx


VAR_GRAD = Op("var_grad", _like_second, _var_grad, _var_grad_vjp, saves=(0, 1), twice=True)
VAR = Op("var", reduction("var"), _var, lambda ctx, g: (ctx.grad(0, VAR_GRAD, (g, ctx.input(0)), ctx.attrs),), saves=(0,), twice=True)


def var(x: TensorLike, axis: Any = None, keepdims: bool = False) -> Tensor:
    """mean((x - mean(x))^2) along axes, in two passes: the variance of all there is, divided by n.

    >>> var([[1.0, 3.0], [2.0, 2.0]], axis=1)
    Tensor([1., 0.], dtype=float32)
    """
    x = floating(x)
    return apply(VAR, (x,), reduction_attrs("var", x, axis, keepdims))  # type: ignore[no-any-return]


def std(x: TensorLike, axis: Any = None, keepdims: bool = False) -> Tensor:
    """sqrt(var(x)) along axes. Its gradient at 0 does not exist and is NaN, as in PyTorch.

    >>> std([1.0, 3.0])
    Tensor(1., dtype=float32)
    """
    return sqrt(var(x, axis, keepdims))


__all__ = ["amax", "amin", "max", "mean", "min", "prod", "std", "sum", "var"]

"""Apply a function to each element: roots, exponentials, logarithms, trigonometry, rounding, tests for NaN and inf."""

from __future__ import annotations

import math
from typing import Any

from .. import dtypes
from ..autograd import apply
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, cast, floating, operands, whole
from ._erf import erf as erf_kernel
from ._unary import unary
from .elementwise import DIVIDE, FLAT_GRAD, MULTIPLY, NEGATIVE, binary, counted, same

_LN2, _LN10 = math.log(2.0), math.log(10.0)
_TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)

# roots, sign -----------------------------------------------------------------------------------------------------------------


def _absolute(xp: Any, y: Any, x: Any) -> None:
    xp.absolute(x, out=y)


def _absolute_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.multiply(g, xp.sign(x), out=dx)


ABSOLUTE = unary("absolute", _absolute, _absolute_grad)


def _sqrt(xp: Any, y: Any, x: Any) -> None:
    xp.sqrt(x, out=y)


def _sqrt_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    xp.divide(g, y, out=dx)
    dx *= 0.5


SQRT = unary("sqrt", _sqrt, _sqrt_grad, lambda h, y: -0.5 * h / (y * y), reads="y")


def _rsqrt(xp: Any, y: Any, x: Any) -> None:
    xp.sqrt(x, out=y)
    xp.divide(1.0, y, out=y)


def _rsqrt_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    xp.multiply(y, y, out=dx)
    dx *= y
    dx *= g
    dx *= -0.5


RSQRT = unary("rsqrt", _rsqrt, _rsqrt_grad, lambda h, y: -1.5 * h * y * y, reads="y")


def _reciprocal(xp: Any, y: Any, x: Any) -> None:
    xp.divide(1.0, x, out=y)


def _reciprocal_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    xp.multiply(y, y, out=dx)
    dx *= g
    xp.negative(dx, out=dx)


RECIPROCAL = unary("reciprocal", _reciprocal, _reciprocal_grad, lambda h, y: -2.0 * h * y, reads="y")

# exponentials, logarithms ----------------------------------------------------------------------------------------------------


def _exp(xp: Any, y: Any, x: Any) -> None:
    xp.exp(x, out=y)


EXP = Op("exp", same, _exp, lambda ctx, g: (ctx.grad(0, MULTIPLY, (g, ctx.output(0))),), saves=("y0",), twice=True)


def _log(xp: Any, y: Any, x: Any) -> None:
    xp.log(x, out=y)


LOG = Op("log", same, _log, lambda ctx, g: (ctx.grad(0, DIVIDE, (g, ctx.input(0))),), saves=(0,), twice=True)


def _expm1(xp: Any, y: Any, x: Any) -> None:
    xp.expm1(x, out=y)


def _expm1_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.exp(x, out=dx)
    dx *= g


EXPM1 = unary("expm1", _expm1, _expm1_grad, lambda h, x: h * exp(x))


def _log1p(xp: Any, y: Any, x: Any) -> None:
    xp.log1p(x, out=y)


def _log1p_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.add(x, 1.0, out=dx)
    xp.divide(g, dx, out=dx)


LOG1P = unary("log1p", _log1p, _log1p_grad, lambda h, x: -h / ((1.0 + x) * (1.0 + x)))


def _log2(xp: Any, y: Any, x: Any) -> None:
    xp.log2(x, out=y)


def _log2_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.multiply(x, _LN2, out=dx)
    xp.divide(g, dx, out=dx)


LOG2 = unary("log2", _log2, _log2_grad, lambda h, x: -h / (_LN2 * x * x))


def _log10(xp: Any, y: Any, x: Any) -> None:
    xp.log10(x, out=y)


def _log10_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.multiply(x, _LN10, out=dx)
    xp.divide(g, dx, out=dx)


LOG10 = unary("log10", _log10, _log10_grad, lambda h, x: -h / (_LN10 * x * x))


def _erf(xp: Any, y: Any, x: Any) -> None:
    erf_kernel(xp, y, x)


def _erf_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.multiply(x, -x, out=dx)
    xp.exp(dx, out=dx)
    dx *= g
    dx *= _TWO_OVER_ROOT_PI


ERF = unary("erf", _erf, _erf_grad, lambda h, x: -2.0 * _TWO_OVER_ROOT_PI * h * x * exp(-x * x))


def _logaddexp(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.logaddexp(a, b, out=y)


def _logaddexp_grad(xp: Any, da: Any, g: Any, a: Any, b: Any) -> None:
    """g exp(a) / (exp(a) + exp(b)) = g / (1 + exp(b - a)); half of g where both are the same infinity"""
    xp.subtract(b, a, out=da)
    xp.copyto(da, 0, where=a == b)
    xp.exp(da, out=da)
    da += 1.0
    xp.divide(g, da, out=da)


def _logaddexp_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    a, b = ctx.input(1), ctx.input(2)
    dg = ctx.grad(0, LOGADDEXP_GRAD, (gg, a, b))
    if not ctx.needs(1) and not ctx.needs(2):
        return dg, None, None
    slope = apply(LOGADDEXP_GRAD, (apply(LOGADDEXP_GRAD, (gg * ctx.input(0), a, b)), b, a))
    return dg, slope, ctx.grad(2, NEGATIVE, (slope,))


def _logaddexp_vjp(ctx: Any, g: Tensor) -> Any:
    a, b = ctx.input(0), ctx.input(1)
    return ctx.grad(0, LOGADDEXP_GRAD, (g, a, b)), ctx.grad(1, LOGADDEXP_GRAD, (g, b, a))


LOGADDEXP_GRAD = Op("logaddexp_grad", same, _logaddexp_grad, _logaddexp_grad_vjp, saves=(0, 1, 2), twice=True)
LOGADDEXP = Op("logaddexp", binary("logaddexp"), _logaddexp, _logaddexp_vjp, saves=(0, 1), twice=True)

# rounding: constant piece by piece ---------------------------------------------------------------------------------------------


def _flat_vjp(ctx: Any, g: Tensor) -> Any:
    return (ctx.grad(0, FLAT_GRAD, (g,)),)


def _sign(xp: Any, y: Any, x: Any) -> None:
    xp.sign(x, out=y)


def _floor(xp: Any, y: Any, x: Any) -> None:
    xp.floor(x, out=y)


def _ceil(xp: Any, y: Any, x: Any) -> None:
    xp.ceil(x, out=y)


def _round(xp: Any, y: Any, x: Any, decimals: int) -> None:
    if decimals == 0:
        xp.rint(x, out=y)
        return
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    to, back = (xp.multiply, xp.divide) if decimals > 0 else (xp.divide, xp.multiply)
    to(x, scale, out=y)
    xp.rint(y, out=y)
    back(y, scale, out=y)


SIGN = Op("sign", same, _sign, _flat_vjp, twice=True)
FLOOR = Op("floor", same, _floor, _flat_vjp, twice=True)
CEIL = Op("ceil", same, _ceil, _flat_vjp, twice=True)
ROUND = Op("round", same, _round, _flat_vjp, twice=True)

# tests -------------------------------------------------------------------------------------------------------------------------


def _truth(x: Any) -> Any:
    return ((x.shape, dtypes.bool_),)


def _isnan(xp: Any, y: Any, x: Any) -> None:
    xp.isnan(x, out=y)


def _isinf(xp: Any, y: Any, x: Any) -> None:
    xp.isinf(x, out=y)


def _isfinite(xp: Any, y: Any, x: Any) -> None:
    xp.isfinite(x, out=y)


ISNAN = Op("isnan", _truth, _isnan)
ISINF = Op("isinf", _truth, _isinf)
ISFINITE = Op("isfinite", _truth, _isfinite)

# user functions ----------------------------------------------------------------------------------------------------------------


def absolute(x: TensorLike) -> Tensor:
    """|x|. The gradient at 0 is 0.

    >>> absolute([-1.5, 2.0])
    Tensor([1.5, 2. ], dtype=float32)
    """
    return apply(ABSOLUTE, (as_tensor(x),))  # type: ignore[no-any-return]


abs = absolute


def sqrt(x: TensorLike) -> Tensor:
    """The square root of x, NaN for x < 0. The gradient at 0 is inf.

    >>> sqrt([4.0, 9.0])
    Tensor([2., 3.], dtype=float32)
    """
    return apply(SQRT, (floating(x),))  # type: ignore[no-any-return]


def rsqrt(x: TensorLike) -> Tensor:
    """1 / sqrt(x)

    >>> rsqrt([4.0, 0.25])
    Tensor([0.5, 2. ], dtype=float32)
    """
    return apply(RSQRT, (floating(x),))  # type: ignore[no-any-return]


def reciprocal(x: TensorLike) -> Tensor:
    """1 / x, in floating point.

    >>> reciprocal([2.0, -4.0])
    Tensor([ 0.5 , -0.25], dtype=float32)
    """
    return apply(RECIPROCAL, (floating(x),))  # type: ignore[no-any-return]


def exp(x: TensorLike) -> Tensor:
    """e to the power of x.

    >>> exp([0.0, 3.0])
    Tensor([ 1.      , 20.085537], dtype=float32)
    """
    return apply(EXP, (floating(x),))  # type: ignore[no-any-return]


def expm1(x: TensorLike) -> Tensor:
    """exp(x) - 1, accurate also near 0.

    >>> expm1([0.0, 1e-10])
    Tensor([0.e+00, 1.e-10], dtype=float32)
    """
    return apply(EXPM1, (floating(x),))  # type: ignore[no-any-return]


def log(x: TensorLike) -> Tensor:
    """The natural logarithm of x; -inf at 0, NaN below.

    >>> log([1.0, 0.0])
    Tensor([  0., -inf], dtype=float32)
    """
    return apply(LOG, (floating(x),))  # type: ignore[no-any-return]


def log1p(x: TensorLike) -> Tensor:
    """log(1 + x), accurate also near 0.

    >>> log1p([0.0, 1e-10])
    Tensor([0.e+00, 1.e-10], dtype=float32)
    """
    return apply(LOG1P, (floating(x),))  # type: ignore[no-any-return]


def log2(x: TensorLike) -> Tensor:
    """The logarithm of x to base 2.

    >>> log2([1.0, 8.0])
    Tensor([0., 3.], dtype=float32)
    """
    return apply(LOG2, (floating(x),))  # type: ignore[no-any-return]


def log10(x: TensorLike) -> Tensor:
    """The logarithm of x to base 10.

    >>> log10([1.0, 1000.0])
    Tensor([0.       , 3.0000002], dtype=float32)
    """
    return apply(LOG10, (floating(x),))  # type: ignore[no-any-return]


def erf(x: TensorLike) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    >>> erf([0.0, 1.0])
    Tensor([0.        , 0.84270084], dtype=float32)
    """
    return apply(ERF, (floating(x),))  # type: ignore[no-any-return]


def logaddexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """log(exp(x1) + exp(x2)) without overflow, with broadcasting.

    >>> logaddexp(1000.0, 1000.0)
    Tensor(1000.6932, dtype=float32)
    """
    a, b = operands("logaddexp", x1, x2)
    return apply(LOGADDEXP, (floating(a), floating(b)))  # type: ignore[no-any-return]


def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1; NaN for NaN. The gradient is 0.

    >>> sign([-1.5, 0.0, 2.0])
    Tensor([-1.,  0.,  1.], dtype=float32)
    """
    return apply(SIGN, (counted(as_tensor(x)),))  # type: ignore[no-any-return]


def floor(x: TensorLike) -> Tensor:
    """The greatest whole number that is not greater than x, as a float. The gradient is 0.

    >>> floor([-1.5, 1.5])
    Tensor([-2.,  1.], dtype=float32)
    """
    return apply(FLOOR, (floating(x),))  # type: ignore[no-any-return]


def ceil(x: TensorLike) -> Tensor:
    """The smallest whole number that is not smaller than x, as a float. The gradient is 0.

    >>> ceil([-1.5, 1.5])
    Tensor([-1.,  2.], dtype=float32)
    """
    return apply(CEIL, (floating(x),))  # type: ignore[no-any-return]


def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """x rounded to `decimals` places behind the point, halves to the even neighbour; the gradient is 0. Integers stay integers.

    >>> round([0.5, 1.5, 2.5])
    Tensor([0., 2., 2.], dtype=float32)
    """
    x, decimals = as_tensor(x), whole("round", decimals, "decimals")
    if dtypes.is_float(x.dtype):
        return apply(ROUND, (x,), (decimals,))  # type: ignore[no-any-return]
    if decimals >= 0:
        return counted(x)
    return cast(apply(ROUND, (cast(x, dtypes.float64),), (decimals,)), counted(x).dtype)


def isnan(x: TensorLike) -> Tensor:
    """Where x is not a number.

    >>> isnan([1.0, math.nan])
    Tensor([False,  True], dtype=bool)
    """
    return apply(ISNAN, (floating(x),))  # type: ignore[no-any-return]


def isinf(x: TensorLike) -> Tensor:
    """Where x is inf or -inf.

    >>> isinf([1.0, -math.inf])
    Tensor([False,  True], dtype=bool)
    """
    return apply(ISINF, (floating(x),))  # type: ignore[no-any-return]


def isfinite(x: TensorLike) -> Tensor:
    """Where x is neither NaN nor inf nor -inf.

    >>> isfinite([1.0, math.nan, math.inf])
    Tensor([ True, False, False], dtype=bool)
    """
    return apply(ISFINITE, (floating(x),))  # type: ignore[no-any-return]


__all__ = [
    "abs",
    "absolute",
    "ceil",
    "erf",
    "exp",
    "expm1",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "sqrt",
]  # fmt: skip

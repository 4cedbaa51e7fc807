"""Compute sines and their kin element by element: `sin`, `arctan2`, `sinh`, `arcsinh` and the others."""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import floating, operands
from ._unary import unary
from .elementwise import NEGATIVE, binary, same
from .mathematics import rsqrt


def _minus_three_halves(x: Tensor) -> Tensor:
    """x^(-3/2)"""
    r = rsqrt(x)
    return r * r * r


def _sin(xp: Any, y: Any, x: Any) -> None:
    xp.sin(x, out=y)


def _sin_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.cos(x, out=dx)
    dx *= g


SIN = unary("sin", _sin, _sin_grad, lambda h, x: -h * sin(x))


def _cos(xp: Any, y: Any, x: Any) -> None:
    xp.cos(x, out=y)


def _cos_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.sin(x, out=dx)
    dx *= g
    xp.negative(dx, out=dx)


COS = unary("cos", _cos, _cos_grad, lambda h, x: -h * cos(x))


def _tan(xp: Any, y: Any, x: Any) -> None:
    xp.tan(x, out=y)


def _tan_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    xp.multiply(y, y, out=dx)
    dx += 1.0
    dx *= g


TAN = unary("tan", _tan, _tan_grad, lambda h, y: 2.0 * h * y, reads="y")


def _arcsin(xp: Any, y: Any, x: Any) -> None:
    xp.arcsin(x, out=y)


def _arcsin_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.sqrt((1.0 - x) * (1.0 + x), out=dx)
    xp.divide(g, dx, out=dx)


ARCSIN = unary("arcsin", _arcsin, _arcsin_grad, lambda h, x: h * x * _minus_three_halves((1.0 - x) * (1.0 + x)))


def _arccos(xp: Any, y: Any, x: Any) -> None:
    xp.arccos(x, out=y)


def _arccos_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.sqrt((1.0 - x) * (1.0 + x), out=dx)
    xp.divide(g, dx, out=dx)
    xp.negative(dx, out=dx)


ARCCOS = unary("arccos", _arccos, _arccos_grad, lambda h, x: -h * x * _minus_three_halves((1.0 - x) * (1.0 + x)))


def _arctan(xp: Any, y: Any, x: Any) -> None:
    xp.arctan(x, out=y)


def _arctan_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.multiply(x, x, out=dx)
    dx += 1.0
    xp.divide(g, dx, out=dx)


ARCTAN = unary("arctan", _arctan, _arctan_grad, lambda h, x: -2.0 * h * x / ((1.0 + x * x) * (1.0 + x * x)))


def _sinh(xp: Any, y: Any, x: Any) -> None:
    xp.sinh(x, out=y)


def _sinh_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.cosh(x, out=dx)
    dx *= g


SINH = unary("sinh", _sinh, _sinh_grad, lambda h, x: h * sinh(x))


def _cosh(xp: Any, y: Any, x: Any) -> None:
    xp.cosh(x, out=y)


def _cosh_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.sinh(x, out=dx)
    dx *= g


COSH = unary("cosh", _cosh, _cosh_grad, lambda h, x: h * cosh(x))


def _arcsinh(xp: Any, y: Any, x: Any) -> None:
    xp.arcsinh(x, out=y)


def _arcsinh_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.hypot(x, x.dtype.type(1), out=dx)
    xp.divide(g, dx, out=dx)


ARCSINH = unary("arcsinh", _arcsinh, _arcsinh_grad, lambda h, x: -h * x * _minus_three_halves(1.0 + x * x))


def _arccosh(xp: Any, y: Any, x: Any) -> None:
    xp.arccosh(x, out=y)


def _arccosh_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.sqrt(x - 1.0, out=dx)
    dx *= xp.sqrt(x + 1.0)
    xp.divide(g, dx, out=dx)


ARCCOSH = unary("arccosh", _arccosh, _arccosh_grad, lambda h, x: -h * x * _minus_three_halves((x - 1.0) * (x + 1.0)))


def _arctanh(xp: Any, y: Any, x: Any) -> None:
    xp.arctanh(x, out=y)


def _arctanh_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.subtract(1.0, x, out=dx)
    dx *= 1.0 + x
    xp.divide(g, dx, out=dx)


ARCTANH = unary("arctanh", _arctanh, _arctanh_grad, lambda h, x: 2.0 * h * x / ((1.0 - x * x) * (1.0 - x * x)))


def _arctan2(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.arctan2(a, b, out=y)


def _arctan2_grad(xp: Any, da: Any, g: Any, p: Any, q: Any) -> None:
    """g p / (p^2 + q^2), without overflow"""
    r = xp.hypot(p, q)
    xp.divide(p, r, out=da)
    da *= g
    da /= r


def _arctan2_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    p, q = ctx.input(1), ctx.input(2)
    dg = ctx.grad(0, ARCTAN2_GRAD, (gg, p, q))
    if not ctx.needs(1) and not ctx.needs(2):
        return dg, None, None
    h = gg * ctx.input(0)
    u = apply(ARCTAN2_GRAD, (h, p, q))
    dp = apply(ARCTAN2_GRAD, (apply(ARCTAN2_GRAD, (h, q, p)), q, p)) - apply(ARCTAN2_GRAD, (u, p, q))
    return dg, dp, -2.0 * apply(ARCTAN2_GRAD, (u, q, p))


def _arctan2_vjp(ctx: Any, g: Tensor) -> Any:
    a, b = ctx.input(0), ctx.input(1)
    da = ctx.grad(0, ARCTAN2_GRAD, (g, b, a))
    db = ctx.grad(1, NEGATIVE, (apply(ARCTAN2_GRAD, (g, a, b)),)) if ctx.needs(1) else None
    return da, db


ARCTAN2_GRAD = Op("arctan2_grad", same, _arctan2_grad, _arctan2_grad_vjp, saves=(0, 1, 2), twice=True)
ARCTAN2 = Op("arctan2", binary("arctan2"), _arctan2, _arctan2_vjp, saves=(0, 1), twice=True)


def arctan2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The angle of the point (x2, x1) in -pi ... pi, with broadcasting.

    >>> arctan2([1.0, -1.0], [-1.0, 1.0])
    Tensor([ 2.3561945, -0.7853981], dtype=float32)
    """
    a, b = operands("arctan2", x1, x2)
    return apply(ARCTAN2, (floating(a), floating(b)))  # type: ignore[no-any-return]


def sin(x: TensorLike) -> Tensor:
    """The sine of x, in radians.

    >>> sin([0.0, 1.0])
    Tensor([0.      , 0.841471], dtype=float32)
    """
    return apply(SIN, (floating(x),))  # type: ignore[no-any-return]


def cos(x: TensorLike) -> Tensor:
    """The cosine of x, in radians.

    >>> cos([0.0, 1.0])
    Tensor([1.       , 0.5403023], dtype=float32)
    """
    return apply(COS, (floating(x),))  # type: ignore[no-any-return]


def tan(x: TensorLike) -> Tensor:
    """The tangent of x, in radians.

    >>> tan([0.0, 1.0])
    Tensor([0.       , 1.5574077], dtype=float32)
    """
    return apply(TAN, (floating(x),))  # type: ignore[no-any-return]


def arcsin(x: TensorLike) -> Tensor:
    """The angle in -pi/2 ... pi/2 whose sine is x; NaN outside -1 ... 1.

    >>> arcsin([0.0, 1.0])
    Tensor([0.       , 1.5707964], dtype=float32)
    """
    return apply(ARCSIN, (floating(x),))  # type: ignore[no-any-return]


def arccos(x: TensorLike) -> Tensor:
    """The angle in 0 ... pi whose cosine is x; NaN outside -1 ... 1.

    >>> arccos([0.0, 1.0])
    Tensor([1.5707964, 0.       ], dtype=float32)
    """
    return apply(ARCCOS, (floating(x),))  # type: ignore[no-any-return]


def arctan(x: TensorLike) -> Tensor:
    """The angle in -pi/2 ... pi/2 whose tangent is x.

    >>> arctan([0.0, 1.0])
    Tensor([0.       , 0.7853982], dtype=float32)
    """
    return apply(ARCTAN, (floating(x),))  # type: ignore[no-any-return]


def sinh(x: TensorLike) -> Tensor:
    """(exp(x) - exp(-x)) / 2

    >>> sinh([0.0, 1.0])
    Tensor([0.       , 1.1752012], dtype=float32)
    """
    return apply(SINH, (floating(x),))  # type: ignore[no-any-return]


def cosh(x: TensorLike) -> Tensor:
    """(exp(x) + exp(-x)) / 2

    >>> cosh([0.0, 1.0])
    Tensor([1.       , 1.5430807], dtype=float32)
    """
    return apply(COSH, (floating(x),))  # type: ignore[no-any-return]


def arcsinh(x: TensorLike) -> Tensor:
    """The inverse of sinh.

    >>> arcsinh([0.0, 1.0])
    Tensor([0.       , 0.8813736], dtype=float32)
    """
    return apply(ARCSINH, (floating(x),))  # type: ignore[no-any-return]


def arccosh(x: TensorLike) -> Tensor:
    """The inverse of cosh; NaN for x < 1.

    >>> arccosh([1.0, 2.0])
    Tensor([0.      , 1.316958], dtype=float32)
    """
    return apply(ARCCOSH, (floating(x),))  # type: ignore[no-any-return]


def arctanh(x: TensorLike) -> Tensor:
    """The inverse of tanh; inf at 1, NaN outside -1 ... 1.

    >>> arctanh([0.0, 0.5])
    Tensor([0.        , 0.54930615], dtype=float32)
    """
    return apply(ARCTANH, (floating(x),))  # type: ignore[no-any-return]


__all__ = ["arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cos", "cosh", "sin", "sinh", "tan"]

"""Raise to powers: `square`, `power`."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..autograd import apply
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, floating, operands
from .elementwise import add, binary, counted, multiply, same, subtract
from .mathematics import log, reciprocal, rsqrt, sqrt


def _square(xp: Any, y: Any, x: Any) -> None:
    xp.square(x, out=y)


def _square_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.multiply(g, x, out=dx)
    dx += dx


def _square_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    dg = ctx.grad(0, SQUARE_GRAD, (gg, ctx.input(1))) if ctx.needs(0) else None
    dx = ctx.grad(1, SQUARE_GRAD, (gg, ctx.input(0))) if ctx.needs(1) else None
    return dg, dx


SQUARE_GRAD = Op("square_grad", same, _square_grad, _square_grad_vjp, saves=(0, 1), twice=True)
SQUARE = Op("square", same, _square, lambda ctx, g: (ctx.grad(0, SQUARE_GRAD, (g, ctx.input(0))),), saves=(0,), twice=True)


def square(x: TensorLike) -> Tensor:
    """x * x

    >>> square([1.0, -3.0])
    Tensor([1., 9.], dtype=float32)
    """
    return apply(SQUARE, (counted(as_tensor(x)),))  # type: ignore[no-any-return]


def _power(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.power(a, b, out=y)


# the gradients are those of broadcast operands: g has the shape of the result, and the walk sums them back
def _power_grad_base(xp: Any, da: Any, g: Any, a: Any, b: Any) -> None:
    """g b a^(b - 1), and 0 where b is 0, also for a = 0."""
    xp.power(a, b - 1, out=da)
    da *= b
    da *= g
    xp.copyto(da, 0, where=b == 0)


def _power_grad_exponent(xp: Any, db: Any, g: Any, a: Any, b: Any) -> None:
    """g a^b log(a), and 0 where a is 0 and b is not negative."""
    xp.power(a, b, out=db)
    db *= xp.log(a)
    db *= g
    xp.copyto(db, 0, where=(a == 0) & (b >= 0))


def _power_mixed(h: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """h d^2(a^b) / da db = h (a^(b - 1) + b a^(b - 1) log(a))"""
    lower = subtract(b, 1)
    return add(multiply(h, apply(POWER, (a, lower))), apply(POWER_GRAD_EXPONENT, (multiply(h, b), a, lower)))


def _power_grad_base_vjp(ctx: Any, gg: Tensor) -> Any:
    g, a, b = ctx.input(0), ctx.input(1), ctx.input(2)
    dg = ctx.grad(0, POWER_GRAD_BASE, (gg, a, b))
    da = ctx.grad(1, POWER_GRAD_BASE, (multiply(multiply(gg, g), b), a, subtract(b, 1))) if ctx.needs(1) else None
    db = _power_mixed(multiply(gg, g), a, b) if ctx.needs(2) else None
    return dg, da, db


def _power_grad_exponent_vjp(ctx: Any, gg: Tensor) -> Any:
    g, a, b = ctx.input(0), ctx.input(1), ctx.input(2)
    dg = ctx.grad(0, POWER_GRAD_EXPONENT, (gg, a, b))
    da = _power_mixed(multiply(gg, g), a, b) if ctx.needs(1) else None
    db = None
    if ctx.needs(2):
        db = ctx.grad(2, POWER_GRAD_EXPONENT, (multiply(multiply(gg, g), log(a)), a, b))
    return dg, da, db


def _power_vjp(ctx: Any, g: Tensor) -> Any:
    a, b = ctx.input(0), ctx.input(1)
    return ctx.grad(0, POWER_GRAD_BASE, (g, a, b)), ctx.grad(1, POWER_GRAD_EXPONENT, (g, a, b))


POWER_GRAD_BASE = Op("power_grad_base", same, _power_grad_base, _power_grad_base_vjp, saves=(0, 1, 2), twice=True)
POWER_GRAD_EXPONENT = Op("power_grad_exponent", same, _power_grad_exponent, _power_grad_exponent_vjp, saves=(0, 1, 2), twice=True)
POWER = Op("power", binary("power"), _power, _power_vjp, saves=(0, 1), twice=True)


def power(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 ** x2, with broadcasting. Exponents 2, 0.5, -1 and -0.5 given as Python numbers are `square`, `sqrt`, `reciprocal`
    and `rsqrt`.

    d/dx1 is 0 where x2 is 0, and d/dx2 is 0 where x1 is 0 and x2 is not negative.

    Raises:
        ValueError: for an integer to a negative integer power, as NumPy; write the exponent as a float. A GPU cannot refuse what a tensor
            holds: there the result is 0, but for the bases 1 and -1.

    >>> power([1.0, 2.0, 3.0], 2)
    Tensor([1., 4., 9.], dtype=float32)
    >>> power(2.0, [0.0, 1.0, 3.0])
    Tensor([1., 2., 8.], dtype=float32)
    """
    if type(x2) is int or type(x2) is float:
        x = as_tensor(x1)
        if not dtypes.is_float(x.dtype):
            if type(x2) is float:
                x = floating(x)
            elif x2 < 0:
                raise ValueError(f"[power] an integer to a negative integer power is not an integer; write {float(x2)}. Received: {x2}")
        if x2 == 2:
            return square(x)
        if x2 == 0.5:
            return sqrt(x)
        if x2 == -1:
            return reciprocal(x)
        if x2 == -0.5:
            return rsqrt(x)
        x1 = x
    a, b = operands("power", x1, x2)
    return apply(POWER, (counted(a), counted(b)))  # type: ignore[no-any-return]


__all__ = ["power", "square"]

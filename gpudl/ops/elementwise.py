"""Compute element by element, with broadcasting: arithmetic, powers, exponentials, trigonometry, rounding, minima and maxima, `where`."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..autograd import ADD, apply, broadcast
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, cast, floating, operands


def same(x: Any, *_: Any) -> Any:
    """One output like the first input."""
    return ((x.shape, x.dtype),)


def binary(name: str) -> Any:
    """infer of an op of two broadcast operands of one dtype."""
    return lambda a, b, *_: ((broadcast(name, a, b), a.dtype),)


# multiplication, subtraction, division -----------------------------------------------------------------------------------------


def _multiply(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.multiply(a, b, out=y)


def _multiply_vjp(ctx: Any, g: Tensor) -> Any:
    da = ctx.grad(0, MULTIPLY, (g, ctx.input(1))) if ctx.needs(0) else None
    db = ctx.grad(1, MULTIPLY, (g, ctx.input(0))) if ctx.needs(1) else None
    return da, db


MULTIPLY = Op("multiply", binary("multiply"), _multiply, _multiply_vjp, saves=(0, 1), twice=True)


def _negative(xp: Any, y: Any, x: Any) -> None:
    xp.negative(x, out=y)


NEGATIVE = Op("negative", same, _negative, lambda ctx, g: (ctx.grad(0, NEGATIVE, (g,)),), twice=True)


def _subtract(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.subtract(a, b, out=y)


SUBTRACT = Op("subtract", binary("subtract"), _subtract, lambda ctx, g: (g, ctx.grad(1, NEGATIVE, (g,))), twice=True)


def _divide(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.divide(a, b, out=y)


def _divide_vjp(ctx: Any, g: Tensor) -> Any:
    b = ctx.input(1)
    da = ctx.grad(0, DIVIDE, (g, b))
    db = None
    if ctx.needs(1):
        db = ctx.grad(1, NEGATIVE, (multiply(g, divide(ctx.output(0), b)),))  # -g (a / b) / b
    return da, db


DIVIDE = Op("divide", binary("divide"), _divide, _divide_vjp, saves=(1, "y0"), twice=True)


def add(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 + x2

    >>> add([1.0, 2.0], 1)
    Tensor([2., 3.], dtype=float32)
    """
    return apply(ADD, operands("add", x1, x2))  # type: ignore[no-any-return]


def subtract(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 - x2"""
    return apply(SUBTRACT, operands("subtract", x1, x2))  # type: ignore[no-any-return]


def multiply(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 * x2"""
    return apply(MULTIPLY, operands("multiply", x1, x2))  # type: ignore[no-any-return]


def divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 / x2, in floating point: integers become `floatx()`.

    >>> divide([1, 2], 2)
    Tensor([0.5, 1. ], dtype=float32)
    """
    a, b = operands("divide", x1, x2)
    if not dtypes.is_float(a.dtype):
        a, b = floating(a), floating(b)
    return apply(DIVIDE, (a, b))  # type: ignore[no-any-return]


true_divide = divide


def negative(x: TensorLike) -> Tensor:
    """-x"""
    return apply(NEGATIVE, (as_tensor(x),))  # type: ignore[no-any-return]


__all__ = ["add", "cast", "divide", "multiply", "negative", "subtract", "true_divide"]

"""Compute element by element, with broadcasting: arithmetic, remainders, minima and maxima, `clip`, `where`.

Functions of one argument are in `mathematics.py`, powers in `powers.py`, comparisons in `comparison.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import ADD, apply, broadcast
from ..errors import DTypeError, ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import Number, as_tensor, cast, constant_like, floating, operands
from ._select import choose, keep


def same(x: Any, *_: Any) -> Any:
    """One output like the first input."""
    return ((x.shape, x.dtype),)


def binary(name: str) -> Any:
    """infer of an op of two broadcast operands of one dtype."""
    return lambda a, b, *_: ((broadcast(name, a, b), a.dtype),)


def _no_bool(name: str, x: Any) -> None:
    if x.dtype == dtypes.bool_:
        raise DTypeError(f"[{name}] is not defined for bool; use logical_xor or logical_not, or cast first. Received: dtype bool")


def counted(x: Tensor) -> Tensor:
    """bool as int32, where arithmetic with bools has no meaning of its own."""
    return cast(x, dtypes.int32) if x.dtype == dtypes.bool_ else x


# multiplication, subtraction, division -----------------------------------------------------------------------------------------


def _multiply(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.multiply(a, b, out=y)


def _multiply_vjp(ctx: Any, g: Tensor) -> Any:
    da = ctx.grad(0, MULTIPLY, (g, ctx.input(1))) if ctx.needs(0) else None
    db = ctx.grad(1, MULTIPLY, (g, ctx.input(0))) if ctx.needs(1) else None
    return da, db


MULTIPLY = Op("multiply", binary("multiply"), _multiply, _multiply_vjp, saves=(0, 1), twice=True)


def _negative_infer(x: Any) -> Any:
    _no_bool("negative", x)
    return ((x.shape, x.dtype),)


def _negative(xp: Any, y: Any, x: Any) -> None:
    xp.negative(x, out=y)


NEGATIVE: Op = Op("negative", _negative_infer, _negative, lambda ctx, g: (ctx.grad(0, NEGATIVE, (g,)),), twice=True)


def _subtract_infer(a: Any, b: Any) -> Any:
    _no_bool("subtract", a)
    return ((broadcast("subtract", a, b), a.dtype),)


def _subtract(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.subtract(a, b, out=y)


SUBTRACT = Op("subtract", _subtract_infer, _subtract, lambda ctx, g: (g, ctx.grad(1, NEGATIVE, (g,))), twice=True)


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
    """x1 + x2, with broadcasting; for bools their logical or.

    >>> add([1.0, 2.0], 1)
    Tensor([2., 3.], dtype=float32)
    """
    return apply(ADD, operands("add", x1, x2))  # type: ignore[no-any-return]


def subtract(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 - x2, with broadcasting. Raises DTypeError for bools.

    >>> subtract([1.0, 2.0], [[1.0], [3.0]])
    Tensor([[ 0.,  1.],
            [-2., -1.]], dtype=float32)
    """
    return apply(SUBTRACT, operands("subtract", x1, x2))  # type: ignore[no-any-return]


def multiply(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 * x2, with broadcasting; for bools their logical and.

    >>> multiply([1, 2], 0.5)
    Tensor([0.5, 1. ], dtype=float32)
    """
    return apply(MULTIPLY, operands("multiply", x1, x2))  # type: ignore[no-any-return]


def divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 / x2, with broadcasting, in floating point: integers become `floatx()`. Division by zero gives inf or NaN.

    >>> divide([1, 2], 2)
    Tensor([0.5, 1. ], dtype=float32)
    """
    a, b = operands("divide", x1, x2)
    if not dtypes.is_float(a.dtype):
        a, b = floating(a), floating(b)
    return apply(DIVIDE, (a, b))  # type: ignore[no-any-return]


true_divide = divide


def negative(x: TensorLike) -> Tensor:
    """-x. Raises DTypeError for bools.

    >>> negative([1, -2])
    Tensor([-1,  2], dtype=int32)
    """
    return apply(NEGATIVE, (as_tensor(x),))  # type: ignore[no-any-return]


# quotients rounded down, and their remainders ----------------------------------------------------------------------------------


def _flat(xp: Any, y: Any, g: Any) -> None:
    y[...] = 0


# the gradient of what is constant piece by piece, as in PyTorch: zeros rather than none
FLAT_GRAD: Op = Op("flat_grad", same, _flat, lambda ctx, g: (ctx.grad(0, FLAT_GRAD, (g,)),), twice=True)


def _floor_divide(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.floor_divide(a, b, out=y)


FLOOR_DIVIDE = Op(
    "floor_divide",
    binary("floor_divide"),
    _floor_divide,
    lambda ctx, g: (ctx.grad(0, FLAT_GRAD, (g,)), ctx.grad(1, FLAT_GRAD, (g,))),
    twice=True,
)


def _mod(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.remainder(a, b, out=y)


def _mod_vjp(ctx: Any, g: Tensor) -> Any:
    if not ctx.needs(1):
        return g, None
    return g, ctx.grad(1, NEGATIVE, (multiply(g, floor_divide(ctx.input(0), ctx.input(1))),))


MOD = Op("mod", binary("mod"), _mod, _mod_vjp, saves=(0, 1), twice=True)


def floor_divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """floor(x1 / x2), as NumPy: rounded towards minus infinity; integers stay integers. The gradient is 0.

    >>> floor_divide([7, -7], 2)
    Tensor([ 3, -4], dtype=int32)
    """
    a, b = operands("floor_divide", x1, x2)
    return apply(FLOOR_DIVIDE, (counted(a), counted(b)))  # type: ignore[no-any-return]


def mod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 - x2 * floor(x1 / x2), as NumPy: the result has the sign of x2.

    >>> mod([7, -7], 3)
    Tensor([1, 2], dtype=int32)
    """
    a, b = operands("mod", x1, x2)
    return apply(MOD, (counted(a), counted(b)))  # type: ignore[no-any-return]


# minima, maxima ----------------------------------------------------------------------------------------------------------------


def _maximum(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.maximum(a, b, out=y)


def _minimum(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.minimum(a, b, out=y)


def _maximum_grad(xp: Any, da: Any, g: Any, a: Any, b: Any) -> None:
    """g where a > b, half of it where they are equal, else 0; where one is NaN both operands get g, as in PyTorch."""
    keep(xp, da, ~(a < b), g)
    share = xp.multiply(a == b, da.dtype.type(-0.5))
    share += 1
    da *= share


def _maximum_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    return ctx.grad(0, MAXIMUM_GRAD, (gg, ctx.input(1), ctx.input(2))), None, None


def _maximum_vjp(ctx: Any, g: Tensor) -> Any:
    a, b = ctx.input(0), ctx.input(1)
    return ctx.grad(0, MAXIMUM_GRAD, (g, a, b)), ctx.grad(1, MAXIMUM_GRAD, (g, b, a))


def _minimum_vjp(ctx: Any, g: Tensor) -> Any:
    a, b = ctx.input(0), ctx.input(1)
    return ctx.grad(0, MAXIMUM_GRAD, (g, b, a)), ctx.grad(1, MAXIMUM_GRAD, (g, a, b))


MAXIMUM_GRAD = Op("maximum_grad", same, _maximum_grad, _maximum_grad_vjp, saves=(1, 2), twice=True)
MAXIMUM = Op("maximum", binary("maximum"), _maximum, _maximum_vjp, saves=(0, 1), twice=True)
MINIMUM = Op("minimum", binary("minimum"), _minimum, _minimum_vjp, saves=(0, 1), twice=True)


def maximum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The greater of x1 and x2; NaN if one is NaN. Where they are equal each gets half the gradient, as in PyTorch.

    >>> maximum([1.0, 5.0], [3.0, 2.0])
    Tensor([3., 5.], dtype=float32)
    """
    return apply(MAXIMUM, operands("maximum", x1, x2))  # type: ignore[no-any-return]


def minimum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The smaller of x1 and x2; NaN if one is NaN. Where they are equal each gets half the gradient, as in PyTorch.

    >>> minimum([1.0, 5.0], 2.0)
    Tensor([1., 2.], dtype=float32)
    """
    return apply(MINIMUM, operands("minimum", x1, x2))  # type: ignore[no-any-return]


def _clip(xp: Any, y: Any, x: Any, low: float, high: float) -> None:
    xp.maximum(x, x.dtype.type(low), out=y)
    xp.minimum(y, x.dtype.type(high), out=y)


def _clip_grad(xp: Any, dx: Any, g: Any, x: Any, low: float, high: float) -> None:
    keep(xp, dx, ~((x < x.dtype.type(low)) | (x > x.dtype.type(high))), g)


CLIP_GRAD: Op = Op(
    "clip_grad", same, _clip_grad, lambda ctx, gg: (ctx.grad(0, CLIP_GRAD, (gg, ctx.input(1)), ctx.attrs), None), saves=(1,), twice=True
)
CLIP = Op("clip", same, _clip, lambda ctx, g: (ctx.grad(0, CLIP_GRAD, (g, ctx.input(0)), ctx.attrs),), saves=(0,), twice=True)


def clip(x: TensorLike, x_min: TensorLike | None = None, x_max: TensorLike | None = None) -> Tensor:
    """min(max(x, x_min), x_max). The gradient passes where x_min <= x <= x_max, both ends included.

    Args:
        x: a tensor; an integer one becomes `floatx()` if a limit is a float.
        x_min, x_max: numbers, or tensors that broadcast with x (these get gradients as those of `minimum` and `maximum`); None: no limit.

    >>> clip([-1.0, 0.5, 2.0], 0.0, 1.0)
    Tensor([0. , 0.5, 1. ], dtype=float32)
    """
    x = as_tensor(x)
    if not (x_min is None or isinstance(x_min, Number)) or not (x_max is None or isinstance(x_max, Number)):
        x = x if x_min is None else maximum(x, x_min)
        return x if x_max is None else minimum(x, x_max)
    if not dtypes.is_float(x.dtype):
        if isinstance(x_min, float) or isinstance(x_max, float):
            x = floating(x)
        else:
            x = counted(x)
            limits = np.iinfo(x.dtype)
            low = limits.min if x_min is None else min(max(int(x_min), limits.min), limits.max)
            high = limits.max if x_max is None else min(max(int(x_max), limits.min), limits.max)
            return apply(CLIP, (x,), (low, high))  # type: ignore[no-any-return]
    attrs = (-math.inf if x_min is None else float(x_min), math.inf if x_max is None else float(x_max))
    return apply(CLIP, (x,), attrs)  # type: ignore[no-any-return]


# choice ------------------------------------------------------------------------------------------------------------------------


def _where_infer(c: Any, a: Any, b: Any) -> Any:
    if c.shape == a.shape == b.shape:
        return ((c.shape, a.dtype),)
    try:
        return ((np.broadcast_shapes(c.shape, a.shape, b.shape), a.dtype),)
    except ValueError:
        raise ShapeError(
            f"[where] the shapes do not broadcast: from the right, axes must be equal or 1. Received: condition {c.shape}, x1 {a.shape}, "
            f"x2 {b.shape}"
        ) from None


def _where(xp: Any, y: Any, c: Any, a: Any, b: Any) -> None:
    choose(xp, y, c, a, b)


def _where_vjp(ctx: Any, g: Tensor) -> Any:
    c, zero = ctx.input(0), constant_like(0.0, g.dtype, g.storage.backend)
    return None, ctx.grad(1, WHERE, (c, g, zero)), ctx.grad(2, WHERE, (c, zero, g))


WHERE = Op("where", _where_infer, _where, _where_vjp, saves=(0,), twice=True)


def where(condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None) -> Tensor:
    """x1 where the condition holds, else x2, with broadcasting of all three.

    Args:
        condition: bool, or numbers, of which all but 0 count as true.
        x1, x2: tensors or numbers, of any dtypes, which are promoted.

    Raises:
        ValueError: if x1 or x2 is missing: the places where a condition holds are as many as the data say, and no op has such a shape.

    >>> where([True, False], [1.0, 2.0], 0.0)
    Tensor([1., 0.], dtype=float32)
    """
    if x1 is None or x2 is None:
        raise ValueError(
            "[where] x1 and x2 are needed. The indices where a condition holds have a shape that depends on the data; use "
            "np.nonzero(condition.numpy()). Received: " + ("x1 and x2" if x1 is x2 else "x1" if x1 is None else "x2") + " None"
        )
    c = as_tensor(condition, x1 if isinstance(x1, Tensor) else x2 if isinstance(x2, Tensor) else None)
    if not isinstance(x1, Tensor) and not isinstance(x2, Tensor):
        x1 = as_tensor(x1, c)
    a, b = operands("where", x1, x2)
    return apply(WHERE, (cast(c, dtypes.bool_), a, b))  # type: ignore[no-any-return]


def stop_gradient(variable: TensorLike) -> Tensor:
    """The same values, off the tape: no gradient flows back through them. No copy.

    >>> x = as_tensor(2.0)
    >>> stop_gradient(x)
    Tensor(2., dtype=float32)
    """
    return as_tensor(variable).detach()


__all__ = [
    "add",
    "cast",
    "clip",
    "divide",
    "floor_divide",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "stop_gradient",
    "subtract",
    "true_divide",
    "where",
]

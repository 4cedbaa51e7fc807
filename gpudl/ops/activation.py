"""Bend a tensor element by element: `relu`, `leaky_relu` and the other activation functions, each with its gradient as an op."""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import floating
from .elementwise import same


def _relu(xp: Any, y: Any, x: Any) -> None:
    xp.maximum(x, x.dtype.type(0), out=y)


def _relu_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    dx[...] = 0
    xp.copyto(dx, g, where=y > 0)


def _relu_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    return ctx.grad(0, RELU_GRAD, (gg, ctx.input(1))), None


RELU_GRAD = Op("relu_grad", same, _relu_grad, _relu_grad_vjp, saves=(1,), twice=True)
RELU = Op("relu", same, _relu, lambda ctx, g: (ctx.grad(0, RELU_GRAD, (g, ctx.output(0))),), saves=("y0",), twice=True)


def relu(x: TensorLike) -> Tensor:
    """max(x, 0). The gradient at 0 is 0.

    >>> relu([-1.0, 2.0])
    Tensor([0., 2.], dtype=float32)
    """
    return apply(RELU, (floating(x),))  # type: ignore[no-any-return]


def _leaky_relu(xp: Any, y: Any, x: Any, negative_slope: float) -> None:
    xp.multiply(x, x.dtype.type(negative_slope), out=y)
    xp.copyto(y, x, where=x > 0)


def _leaky_relu_grad(xp: Any, dx: Any, g: Any, x: Any, negative_slope: float) -> None:
    xp.multiply(g, g.dtype.type(negative_slope), out=dx)
    xp.copyto(dx, g, where=x > 0)


def _leaky_relu_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    return ctx.grad(0, LEAKY_RELU_GRAD, (gg, ctx.input(1)), ctx.attrs), None


LEAKY_RELU_GRAD = Op("leaky_relu_grad", same, _leaky_relu_grad, _leaky_relu_grad_vjp, saves=(1,), twice=True)
LEAKY_RELU = Op(
    "leaky_relu", same, _leaky_relu, lambda ctx, g: (ctx.grad(0, LEAKY_RELU_GRAD, (g, ctx.input(0)), ctx.attrs),), saves=(0,), twice=True
)


def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """x where x > 0, else negative_slope * x.

    >>> leaky_relu([-1.0, 2.0], negative_slope=0.01)
    Tensor([-0.01,  2.  ], dtype=float32)
    """
    return apply(LEAKY_RELU, (floating(x),), (float(negative_slope),))  # type: ignore[no-any-return]


__all__ = ["leaky_relu", "relu"]

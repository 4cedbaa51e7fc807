"""Define y = f(x), element by element, together with its gradient as an op of its own (`unary`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..op import Op
from ..tensors import Tensor
from .elementwise import multiply, same


def unary(
    name: str,
    forward: Callable[..., Any],
    slope: Callable[..., Any],
    second: Callable[..., Tensor] | None = None,
    reads: str = "x",
) -> Op:
    """The op `name`, and `<name>_grad` beside it in the registry.

    Args:
        forward: ``forward(xp, y, x, *attrs)`` writes f(x).
        slope: ``slope(xp, dx, g, s, *attrs)`` writes g f'; s is x or y, as `reads` says. It may use dx on the way.
        second: ``second(h, s, *attrs) -> h d f'/d s`` on tensors, for gradients of gradients; None where f' is constant piece by piece.
        reads: "x" or "y": which of them the gradient keeps.
    """

    def slope_vjp(ctx: Any, gg: Tensor) -> Any:
        dg = ctx.grad(0, gradient, (gg, ctx.input(1)), ctx.attrs)
        if second is None or not ctx.needs(1):
            return dg, None
        return dg, second(multiply(gg, ctx.input(0)), ctx.input(1), *ctx.attrs)

    gradient = Op(f"{name}_grad", same, slope, slope_vjp, saves=(1,) if second is None else (0, 1), twice=True)
    if reads == "y":
        return Op(name, same, forward, lambda ctx, g: (ctx.grad(0, gradient, (g, ctx.output(0)), ctx.attrs),), saves=("y0",), twice=True)
    return Op(name, same, forward, lambda ctx, g: (ctx.grad(0, gradient, (g, ctx.input(0)), ctx.attrs),), saves=(0,), twice=True)

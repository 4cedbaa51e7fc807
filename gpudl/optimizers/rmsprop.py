"""Divide each step by the root of the gradient's mean square: `RMSprop`, also centered and with momentum."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class RMSprop(Optimizer):
    """Root mean square propagation.

    v = rho v + (1 - rho) g^2; w = w - rate g / sqrt(v + epsilon). Centered, v - a^2 stands in v's place, a = rho a + (1 - rho) g.
    With momentum, m = momentum m + rate g / sqrt(v + epsilon); w = w - m.

    Args:
        learning_rate: a number or a schedule, default 0.001.
        rho: decay of the averages, in [0, 1]. Default 0.9.
        momentum: in [0, 1]. Default 0.
        epsilon: keeps the division finite; at least 0. Default 1e-7.
        centered: divide by the estimated variance of the gradient. Default False.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Hinton, Neural networks for machine learning, lecture 6, 2012; centered: Graves, Generating sequences, 2013.

    >>> RMSprop(0.01, momentum=0.9).slot_names
    ('velocity', 'momentum')
    """

    fields = ("rho", "momentum", "epsilon", "centered")

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.rho = checked_number(own, "rho", rho, high=1.0)
        self.momentum = checked_number(own, "momentum", momentum, high=1.0)
        self.epsilon = checked_number(own, "epsilon", epsilon)
        self.centered = bool(centered)
        super().__init__(learning_rate, **options)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("velocity", *["momentum"] * bool(self.momentum), *["average_gradient"] * self.centered)

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        m = slots[1] if self.momentum else None
        average = slots[-1] if self.centered else None
        ops.rmsprop_(p, slots[0], m, average, g, self._rate, self.rho, self.momentum, self.epsilon)


__all__ = ["RMSprop"]

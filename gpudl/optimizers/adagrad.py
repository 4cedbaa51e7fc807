"""Divide each step by the root of all squared gradients so far: `Adagrad`."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class Adagrad(Optimizer):
    """Adaptive gradient: a = a + g^2; w = w - rate g / sqrt(a + epsilon).

    Args:
        learning_rate: a number or a schedule, default 0.001.
        initial_accumulator_value: where a starts; at least 0. Default 0.1.
        epsilon: keeps the division finite; at least 0. Default 1e-7.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Duchi et al., Adaptive subgradient methods for online learning and stochastic optimization, 2011.

    >>> Adagrad(0.1).initial_accumulator_value
    0.1
    """

    fields = ("initial_accumulator_value", "epsilon")
    slot_names = ("accumulator",)

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.initial_accumulator_value = checked_number(own, "initial_accumulator_value", initial_accumulator_value)
        self.epsilon = checked_number(own, "epsilon", epsilon)
        super().__init__(learning_rate, **options)

    def slot_starts(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.adagrad_(p, slots[0], g, self._rate, self.epsilon)


__all__ = ["Adagrad"]

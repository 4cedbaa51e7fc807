"""Divide each step by the root of all squared gradients so far: `Adagrad`."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer, checked_number


class Adagrad(Optimizer):
    """Adaptive gradient: a = a + g^2; w = w - rate g / sqrt(a + epsilon).

    Args:
        learning_rate: a number or a schedule, default 0.001.
        initial_accumulator_value: where a starts; at least 0. Default 0.1.
        epsilon: keeps the division finite; at least 0. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as for `Optimizer`.
        name: default "adagrad".

    Raises:
        ValueError: if a number is out of range.

    Source: Duchi et al., Adaptive subgradient methods for online learning and stochastic optimization, 2011.

    >>> Adagrad(0.1).initial_accumulator_value
    0.1
    """

    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "adagrad",
    ) -> None:
        own = type(self).__name__
        initial_accumulator_value = checked_number(own, "initial_accumulator_value", initial_accumulator_value, 0.0, float("inf"))
        epsilon = checked_number(own, "epsilon", epsilon, 0.0, float("inf"))
        super().__init__(
            learning_rate, weight_decay=weight_decay, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm, name=name
        )
        self._built = False
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon
        self._built = True

    def slot_starts(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.adagrad_(p, slots[0], g, self._rate, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}


__all__ = ["Adagrad"]

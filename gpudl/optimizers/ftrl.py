"""Follow the regularised leader, which sets small weights to zero: `Ftrl`."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class Ftrl(Optimizer):
    """Follow the regularised leader.

    With e = -learning_rate_power and n = a + g^2: z = z + g + 2 shrinkage w - (n^e - a^e) / rate w; a = n;
    w = (clip(z, -l1, l1) - z) / (n^e / rate + 2 l2 + beta / rate).

    Args:
        learning_rate: a number or a schedule, default 0.001.
        learning_rate_power: at most 0. Default -0.5.
        initial_accumulator_value: where a starts; at least 0. Default 0.1.
        l1_regularization_strength, l2_regularization_strength: l1 and l2; at least 0. Default 0.
        l2_shrinkage_regularization_strength: at least 0. Default 0.
        beta: at least 0. Default 0.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: McMahan et al., Ad click prediction: a view from the trenches, 2013.

    >>> Ftrl(0.1).learning_rate_power
    -0.5
    """

    fields = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )
    slot_names = ("accumulator", "linear")

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.learning_rate_power = -checked_number(own, "-learning_rate_power", -learning_rate_power)
        self.initial_accumulator_value = checked_number(own, "initial_accumulator_value", initial_accumulator_value)
        self.l1_regularization_strength = checked_number(own, "l1_regularization_strength", l1_regularization_strength)
        self.l2_regularization_strength = checked_number(own, "l2_regularization_strength", l2_regularization_strength)
        self.l2_shrinkage_regularization_strength = checked_number(
            own, "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength
        )
        self.beta = checked_number(own, "beta", beta)
        super().__init__(learning_rate, **options)

    def slot_starts(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        l1, l2, shrinkage = (
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
        )
        ops.ftrl_(p, slots[0], slots[1], g, self._rate, self.learning_rate_power, l1, l2, shrinkage, self.beta)


__all__ = ["Ftrl"]

"""Step by the sign of a momentum: `Lion`."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class Lion(Optimizer):
    """Evolved sign momentum: w = w - rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g.

    Args:
        learning_rate: a number or a schedule, default 0.001.
        beta_1: weight of the mean in the step, in [0, 1). Default 0.9.
        beta_2: decay of the mean that is kept, in [0, 1). Default 0.99.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Chen et al., Symbolic discovery of optimization algorithms, 2023.

    >>> Lion(0.0001).beta_2
    0.99
    """

    fields = ("beta_1", "beta_2")
    slot_names = ("momentum",)

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.beta_1 = checked_number(own, "beta_1", beta_1, high=1.0, below=True)
        self.beta_2 = checked_number(own, "beta_2", beta_2, high=1.0, below=True)
        super().__init__(learning_rate, **options)

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.lion_(p, slots[0], g, self._rate, self.beta_1, self.beta_2)


__all__ = ["Lion"]

"""Scale each step by the largest gradient of late: `Adamax`."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class Adamax(Optimizer):
    """Adam with the infinity norm.

    m = m + (1 - beta_1)(g - m); u = max(beta_2 u, abs(g)); w = w - rate / (1 - beta_1^t) m / (u + epsilon), t = 1, 2, ... the step.

    Args:
        learning_rate: a number or a schedule, default 0.001.
        beta_1: decay of the mean of gradients, in [0, 1). Default 0.9.
        beta_2: decay of the largest gradient, in [0, 1). Default 0.999.
        epsilon: keeps the division finite; at least 0. Default 1e-7.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2014, section 7.

    >>> Adamax(0.01).slot_names
    ('momentum', 'norm')
    """

    fields = ("beta_1", "beta_2", "epsilon")
    slot_names = ("momentum", "norm")

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.beta_1 = checked_number(own, "beta_1", beta_1, high=1.0, below=True)
        self.beta_2 = checked_number(own, "beta_2", beta_2, high=1.0, below=True)
        self.epsilon = checked_number(own, "epsilon", epsilon)
        super().__init__(learning_rate, **options)

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.adamax_(p, slots[0], slots[1], g, self._rate, self.iterations, self.beta_1, self.beta_2, self.epsilon)


__all__ = ["Adamax"]

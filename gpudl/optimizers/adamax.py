"""Scale each step by the largest gradient of late: `Adamax`."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer, checked_number


class Adamax(Optimizer):
    """Adam with the infinity norm.

    m = m + (1 - beta_1)(g - m); u = max(beta_2 u, abs(g)); w = w - rate / (1 - beta_1^t) m / (u + epsilon), t = 1, 2, ... the step.

    Args:
        learning_rate: a number or a schedule, default 0.001.
        beta_1: decay of the mean of gradients, in [0, 1). Default 0.9.
        beta_2: decay of the largest gradient, in [0, 1). Default 0.999.
        epsilon: keeps the division finite; at least 0. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as for `Optimizer`.
        name: default "adamax".

    Raises:
        ValueError: if a number is out of range.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2014, section 7.

    >>> Adamax(0.01).slot_names
    ('momentum', 'norm')
    """

    slot_names = ("momentum", "norm")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "adamax",
    ) -> None:
        own = type(self).__name__
        beta_1 = checked_number(own, "beta_1", beta_1, 0.0, 1.0, below=True)
        beta_2 = checked_number(own, "beta_2", beta_2, 0.0, 1.0, below=True)
        epsilon = checked_number(own, "epsilon", epsilon, 0.0, float("inf"))
        super().__init__(
            learning_rate, weight_decay=weight_decay, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm, name=name
        )
        self._built = False
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._built = True

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.adamax_(p, slots[0], slots[1], g, self._rate, self.iterations, self.beta_1, self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


__all__ = ["Adamax"]

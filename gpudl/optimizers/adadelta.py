"""Let the steps of the past set the size of the next: `Adadelta`."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer, checked_number


class Adadelta(Optimizer):
    """Adaptive steps from running averages A of squared gradients and D of squared steps.

    A = rho A + (1 - rho) g^2; d = -sqrt(D + epsilon) / sqrt(A + epsilon) g; D = rho D + (1 - rho) d^2; w = w + rate d.

    Args:
        learning_rate: default 0.001, as in Keras 3; the paper, and texts that follow it, mean 1.0.
        rho: decay of the averages, in [0, 1]. Default 0.95.
        epsilon: keeps the roots above zero; at least 0. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as for `Optimizer`.
        name: default "adadelta".

    Raises:
        ValueError: if a number is out of range.

    Source: Zeiler, ADADELTA: an adaptive learning rate method, 2012.

    >>> Adadelta(learning_rate=1.0, rho=0.9).rho
    0.9
    """

    slot_names = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "adadelta",
    ) -> None:
        own = type(self).__name__
        rho = checked_number(own, "rho", rho, 0.0, 1.0)
        epsilon = checked_number(own, "epsilon", epsilon, 0.0, float("inf"))
        super().__init__(
            learning_rate, weight_decay=weight_decay, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm, name=name
        )
        self._built = False
        self.rho, self.epsilon = rho, epsilon
        self._built = True

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.adadelta_(p, slots[0], slots[1], g, self._rate, self.rho, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}


__all__ = ["Adadelta"]

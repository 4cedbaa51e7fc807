"""Let the steps of the past set the size of the next: `Adadelta`."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class Adadelta(Optimizer):
    """Adaptive steps from running averages A of squared gradients and D of squared steps.

    A = rho A + (1 - rho) g^2; d = -sqrt(D + epsilon) / sqrt(A + epsilon) g; D = rho D + (1 - rho) d^2; w = w + rate d.

    Args:
        learning_rate: default 0.001, as in Keras 3; the paper, and texts that follow it, mean 1.0.
        rho: decay of the averages, in [0, 1]. Default 0.95.
        epsilon: keeps the roots above zero; at least 0. Default 1e-7.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Zeiler, ADADELTA: an adaptive learning rate method, 2012.

    >>> Adadelta(learning_rate=1.0, rho=0.9).rho
    0.9
    """

    fields = ("rho", "epsilon")
    slot_names = ("accumulated_grad", "accumulated_delta_var")

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.rho = checked_number(own, "rho", rho, high=1.0)
        self.epsilon = checked_number(own, "epsilon", epsilon)
        super().__init__(learning_rate, **options)

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.adadelta_(p, slots[0], slots[1], g, self._rate, self.rho, self.epsilon)


__all__ = ["Adadelta"]

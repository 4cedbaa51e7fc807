"""Give Adam Nesterov's look ahead: `Nadam`."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class Nadam(Optimizer):
    """Adam with Nesterov's momentum.

    With u_t = beta_1 (1 - 0.96^t / 2) and U_t = u_1 ... u_t: m = m + (1 - beta_1)(g - m); v = v + (1 - beta_2)(g^2 - v);
    w = w - rate (u_(t+1) m / (1 - U_(t+1)) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon), t = 1, 2, ... the step.

    Args:
        learning_rate: a number or a schedule, default 0.001.
        beta_1: decay of the mean of gradients, in [0, 1). Default 0.9.
        beta_2: decay of the mean of their squares, in [0, 1). Default 0.999.
        epsilon: keeps the division finite; at least 0. Default 1e-7.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Dozat, Incorporating Nesterov momentum into Adam, 2016.

    >>> Nadam(0.01).get_config()["beta_2"]
    0.999
    """

    fields = ("beta_1", "beta_2", "epsilon")
    slot_names = ("momentum", "velocity")

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
        self._product = Variable(1.0, trainable=False, dtype="float64", name="momentum_product")
        self._numbers.append(self._product)

    def begin(self) -> None:
        ops.nadam_product_(self._product, self.iterations, self.beta_1)

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        ops.nadam_(p, slots[0], slots[1], g, self._rate, self.iterations, self._product, self.beta_1, self.beta_2, self.epsilon)


__all__ = ["Nadam"]

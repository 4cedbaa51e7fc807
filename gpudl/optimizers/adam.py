"""Scale each step by the gradient's own size: `Adam`, its variant AMSGrad, and `AdamW`, which decays weights apart from that."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .clipping import Before, fuses
from .options import Further, Options, checked_number, with_options


class Adam(Optimizer):
    """Adaptive moments.

    m = m + (1 - beta_1)(g - m); v = v + (1 - beta_2)(g^2 - v);
    w = w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon), t = 1, 2, ... the number of the step.
    With amsgrad, v in the last line is the largest v so far.

    Args:
        learning_rate: default 0.001.
        beta_1: decay of the mean of gradients, in [0, 1). Default 0.9.
        beta_2: decay of the mean of their squares, in [0, 1). Default 0.999.
        epsilon: keeps the division finite; at least 0. Default 1e-7.
        amsgrad: default False.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2014, the form before section 2.1, so epsilon is their epsilon hat;
    Reddi et al., On the convergence of Adam and beyond, 2018.

    >>> Adam(0.01).get_config()["beta_2"]
    0.999
    """

    fields = ("beta_1", "beta_2", "epsilon", "amsgrad")

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.beta_1 = checked_number(own, "beta_1", beta_1, high=1.0, below=True)
        self.beta_2 = checked_number(own, "beta_2", beta_2, high=1.0, below=True)
        self.epsilon = checked_number(own, "epsilon", epsilon)
        self.amsgrad = bool(amsgrad)
        super().__init__(learning_rate, **options)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("momentum", "velocity", "velocity_hat") if self.amsgrad else ("momentum", "velocity")

    @fuses
    def update(self, p: Variable, g: Tensor, *slots: Variable, before: Before | None = None) -> None:
        numbers = (self._rate, self.iterations, self.beta_1, self.beta_2, self.epsilon)
        if self.amsgrad:
            m, v, high = slots
            if before is None:
                ops.adam_amsgrad_(p, m, v, high, g, *numbers)
            else:
                ops.adam_amsgrad_fused_(p, m, v, high, g, *numbers, *before)
        elif before is None:
            ops.adam_(p, slots[0], slots[1], g, *numbers)
        else:
            ops.adam_fused_(p, slots[0], slots[1], g, *numbers, *before)


class AdamW(Adam):
    """Adam with decoupled weight decay: w = w - rate weight_decay w before each of Adam's updates.

    Args:
        weight_decay: default 0.004.
        all other arguments: as for `Adam`.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, 2017.

    >>> AdamW(0.01).weight_decay
    0.004
    """

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Further],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)


__all__ = ["Adam", "AdamW"]

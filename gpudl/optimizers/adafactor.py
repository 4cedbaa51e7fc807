"""Estimate the size of a matrix's gradients from its rows and columns: `Adafactor`."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .options import Options, checked_number, with_options


class Adafactor(Optimizer):
    """Adaptive steps relative to the size of the parameter, with second moments of matrices factored into rows and columns.

    With k = 1 - t^beta_2_decay and s = g^2 + epsilon_1: r = k r + (1 - k) mean of s over the last axis; c the same over the axis before;
    v = r c / mean(r); for a vector v = k v + (1 - k) s. d = g / sqrt(v);
    w = w - max(epsilon_2, rms(w)) min(rate, 1 / sqrt(t)) d / max(1, rms(d) / clip_threshold), t = 1, 2, ... the step.

    Args:
        learning_rate: a number or a schedule, default 0.001.
        beta_2_decay: at most 0. Default -0.8.
        epsilon_1: keeps the division finite; at least 0. Default 1e-30.
        epsilon_2: the least size that a parameter counts as; at least 0. Default 0.001.
        clip_threshold: the largest root mean square of d; above 0. Default 1.
        relative_step: as in Keras, the rate is at most 1 / sqrt(t) either way. Default True.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if a number is out of range.

    Source: Shazeer and Stern, Adafactor: adaptive learning rates with sublinear memory cost, 2018.

    >>> Adafactor(0.01).clip_threshold
    1.0
    """

    fields = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
    slot_names = ("velocity",)
    elementwise = False

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.beta_2_decay = -checked_number(own, "-beta_2_decay", -beta_2_decay)
        self.epsilon_1 = checked_number(own, "epsilon_1", epsilon_1)
        self.epsilon_2 = checked_number(own, "epsilon_2", epsilon_2)
        self.clip_threshold = checked_number(own, "clip_threshold", clip_threshold, above=True)
        self.relative_step = bool(relative_step)
        super().__init__(learning_rate, **options)

    def further_slots(self, v: Variable) -> list[Variable]:
        if v.ndim < 2:
            return []
        shapes = {"row": v.shape[:-1], "column": (*v.shape[:-2], v.shape[-1])}
        return [Variable(ops.zeros(s, v.dtype, device=v.device), False, name=f"{v.name}/{name}") for name, s in shapes.items()]

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        numbers = (self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold, self.relative_step)
        ops.adafactor_(p, slots[0], slots[1:], g, self._rate, self.iterations, *numbers)


__all__ = ["Adafactor"]

"""Descend along the gradient: `SGD`, with momentum and Nesterov's look ahead."""

from __future__ import annotations

from typing import Any, Unpack

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer
from .clipping import Before, fuses
from .options import Options, checked_number, with_options


class SGD(Optimizer):
    """Stochastic gradient descent.

    With momentum 0: w = w - rate g. Else m = momentum m - rate g, then w = w + m, or with Nesterov's form w = w + momentum m - rate g.

    Args:
        learning_rate: default 0.01.
        momentum: in [0, 1]; how much of the last step is kept. Default 0.
        nesterov: look ahead by the momentum. Default False.
        weight_decay and all further arguments: as for `Optimizer`.

    Raises:
        ValueError: if the learning rate or the momentum is out of range.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning, 2013.

    >>> SGD(learning_rate=0.1, momentum=0.9).get_config()
    {'name': 'sgd', 'learning_rate': 0.1, 'momentum': 0.9, 'nesterov': False}
    """

    fields = ("momentum", "nesterov")

    @with_options
    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        own = type(self).__name__
        self.momentum = checked_number(own, "momentum", momentum, high=1.0)
        self.nesterov = bool(nesterov)
        super().__init__(learning_rate, **options)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("momentum",) if self.momentum else ()

    @fuses
    def update(self, p: Variable, g: Tensor, *slots: Variable, before: Before | None = None) -> None:
        if before is not None and self.momentum:
            ops.sgd_momentum_fused_(p, slots[0], g, self._rate, self.momentum, self.nesterov, *before)
        elif before is not None:
            ops.sgd_fused_(p, g, self._rate, *before)
        elif self.momentum:
            ops.sgd_momentum_(p, slots[0], g, self._rate, self.momentum, self.nesterov)
        else:
            ops.sgd_(p, g, self._rate)


__all__ = ["SGD"]

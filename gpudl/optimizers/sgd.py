"""Descend along the gradient: `SGD`, with momentum and Nesterov's look ahead."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from .base import Optimizer, checked_number


class SGD(Optimizer):
    """Stochastic gradient descent.

    With momentum 0: w = w - rate g. Else m = momentum m - rate g, then w = w + m, or with Nesterov's form w = w + momentum m - rate g.

    Args:
        learning_rate: default 0.01.
        momentum: in [0, 1]; how much of the last step is kept. Default 0.
        nesterov: look ahead by the momentum. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as for `Optimizer`.
        name: default "SGD".

    Raises:
        ValueError: if the learning rate or the momentum is out of range.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning, 2013.

    >>> SGD(learning_rate=0.1, momentum=0.9).get_config()
    {'name': 'SGD', 'learning_rate': 0.1, 'momentum': 0.9, 'nesterov': False}
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "SGD",
    ) -> None:
        momentum = checked_number(type(self).__name__, "momentum", momentum, 0.0, 1.0)
        super().__init__(
            learning_rate, weight_decay=weight_decay, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm, name=name
        )
        self._built = False
        self.momentum, self.nesterov = momentum, bool(nesterov)
        self._built = True

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("momentum",) if self.momentum else ()

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        if self.momentum:
            ops.sgd_momentum_(p, slots[0], g, self._rate, self.momentum, self.nesterov)
        else:
            ops.sgd_(p, g, self._rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


__all__ = ["SGD"]

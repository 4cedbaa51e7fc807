"""Let the rate of `SGD(lr=0.1, decay=1e-6)` be read and set, as it could be: what is set is the rate before the decay.

Today's optimizers refuse a number where the rate follows a schedule. With `decay=`, `optimizer.lr`, callbacks and `K.set_value` go on
working.
"""

from __future__ import annotations

import inspect
from typing import Any
from weakref import WeakSet

import numpy as np

from ..callbacks import learning_rate as rate_callbacks
from ..optimizers import Optimizer
from ..optimizers.schedules import InverseTimeDecay

default_rate: WeakSet[Any] = WeakSet()  # optimizers whose learning rate nobody wrote
told: list[str] = []  # notes that were given, each once in a process


class FirstRate:
    """What `optimizer.lr` is where there is a `decay=`: the rate before the decay.

    >>> import gpudl
    >>> optimizer = gpudl.optimizers.SGD(lr=0.5, decay=0.1)
    >>> optimizer.lr = 0.25
    >>> optimizer.lr
    0.25
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer

    def __float__(self) -> float:
        return float(self.optimizer._first_rate[0])

    def __repr__(self) -> str:
        return repr(float(self))

    def __mul__(self, other: Any) -> Any:
        return float(self) * other

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return float(self) / other

    def __eq__(self, other: object) -> bool:
        return float(self) == other

    def __hash__(self) -> int:
        return hash(float(self))

    def numpy(self) -> Any:
        """The rate as an array without axes."""
        return np.asarray(float(self))

    item = __float__

    def assign(self, value: Any) -> None:
        """Set the rate, from the next step on."""
        self.optimizer.learning_rate = value


def keep(optimizer: Any, first: Any, decay: float) -> None:
    """Remember the rate before the decay."""
    vars(optimizer)["_first_rate"] = (float(first), decay)


def install() -> None:
    """Let optimizers with a `decay=` have a rate that can be set."""
    plain: Any = inspect.getattr_static(Optimizer, "learning_rate")

    def read(self: Any) -> Any:
        return FirstRate(self) if "_first_rate" in vars(self) else plain.__get__(self)

    def write(self: Any, value: Any) -> None:
        if "_first_rate" in vars(self) and np.ndim(value) == 0 and not isinstance(value, (str, type)) and hasattr(value, "__float__"):
            keep(self, value, self._first_rate[1])
            value = InverseTimeDecay(float(value), 1, self._first_rate[1])
        plain.__set__(self, value)

    Optimizer.learning_rate = property(read, write, doc=plain.__doc__)  # type: ignore[assignment]
    refuse = rate_callbacks.check_settable

    def check_settable(me: str, optimizer: Any) -> None:
        if "_first_rate" not in vars(optimizer):
            refuse(me, optimizer)

    rate_callbacks.check_settable = check_settable


__all__ = ["FirstRate", "default_rate", "install", "keep", "told"]

"""What layers share beside themselves, per thread and per process: the call in progress, terms of the loss, names given."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..tensors import Tensor

if TYPE_CHECKING:
    from .base import Layer


class Calls(threading.local):
    """What nested calls of layers need to know of the call around them, in this thread."""

    training: bool | None = None  # of the call in progress; None outside any
    allowance: int | None = None  # while a file is loaded: how many more numbers its weights may have; they are not drawn

    def __init__(self) -> None:
        self.penalties: WeakKeyDictionary[Layer, list[Tensor]] = WeakKeyDictionary()  # terms of the loss that calls gave rise to


calls = Calls()
_names: dict[str, int] = {}


def automatic_name(prefix: str) -> str:
    """``"dense"``, then ``"dense_1"`` …"""
    number = _names.get(prefix, 0)
    _names[prefix] = number + 1
    return f"{prefix}_{number}" if number else prefix


def reset_names() -> None:
    """Begin again with ``"dense"``."""
    _names.clear()


def forget_penalties(layer: Layer) -> None:
    """A new outermost call begins: what earlier calls of these layers added is over."""
    for part in layer._tree():
        calls.penalties.pop(part, None)

"""Choose how parameters follow their gradients: SGD, Adam, Adadelta, by class or by name (`get`)."""

from __future__ import annotations

from typing import Any

from ..errors import missing_attribute
from ..named import Table
from .adadelta import Adadelta
from .adam import Adam
from .base import Optimizer
from .sgd import SGD

_table = Table("optimizer", Optimizer, [SGD, Adam, Adadelta])


def get(identifier: Any) -> Optimizer:
    """An Optimizer from a name, an instance, a class, or a configuration.

    Raises:
        ValueError: for an unknown name, with the nearest known one.

    >>> get("adam").name
    'adam'
    """
    found = _table.get(identifier)
    if not isinstance(found, Optimizer):
        raise TypeError(f"[optimizers] expected a name or an Optimizer, e.g. 'sgd' or Adam(0.001). Received: {identifier!r}")
    return found


def serialize(optimizer: Optimizer) -> Any:
    """What `get` takes back: a class name and a configuration."""
    return _table.serialize(optimizer)


def deserialize(config: Any) -> Optimizer:
    """The optimizer that `serialize` described."""
    return get(config)


__all__ = ["SGD", "Adadelta", "Adam", "Optimizer", "deserialize", "get", "serialize"]

__getattr__ = missing_attribute(__name__, __all__)

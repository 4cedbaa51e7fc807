"""Choose how parameters follow their gradients: SGD, RMSprop, Adam and others, by class or by name (`get`); `schedules` of their rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import missing_attribute
from ..named import Table, custom_object_scope
from . import schedules
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .base import Optimizer
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
from .loss_scale import LossScaleOptimizer
from .nadam import Nadam
from .rmsprop import RMSprop
from .sgd import SGD

_classes: list[type] = [SGD, RMSprop, Adam, AdamW, Adadelta, Adagrad, Adamax, Nadam, Lion, Ftrl, Adafactor, Lamb, LossScaleOptimizer]
_table = Table("optimizer", Optimizer, _classes, {c.__name__.lower(): c for c in _classes})


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
    """What `get` takes back: a class name and a configuration.

    >>> serialize(SGD(0.1))["class_name"]
    'SGD'
    """
    return _table.serialize(optimizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that `serialize` described; classes of your own stand in `custom_objects`, by name.

    >>> float(deserialize(serialize(SGD(0.25))).learning_rate)
    0.25
    """
    with custom_object_scope(custom_objects):
        return get(config)


__all__ = ["SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer", "Nadam",
           "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize"]  # fmt: skip

__getattr__ = missing_attribute(__name__, __all__)

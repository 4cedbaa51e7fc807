"""Give training something to lower: loss functions, loss objects, names for them (`get`), and a check of labels before a fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import missing_attribute
from ..named import Table, custom_object_scope
from ..tensors import Tensor
from .base import Loss, LossFunction
from .focal import *  # noqa: F403
from .focal import FOCAL
from .focal import __all__ as _focal
from .functions import (
    BCE,
    MSE,
    bce,
    binary_crossentropy,
    categorical_crossentropy,
    mean_squared_error,
    mse,
    sparse_categorical_crossentropy,
)
from .labels import check_labels
from .objects import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from .regression import *  # noqa: F403
from .regression import REGRESSION, SHORT
from .regression import __all__ as _more

_objects: dict[Callable[..., Tensor], type[Loss]] = {
    mean_squared_error: MeanSquaredError,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    **REGRESSION,
    **FOCAL,
}
_short: list[tuple[str, type[Loss]]] = [("mse", MeanSquaredError), ("bce", BinaryCrossentropy), *SHORT.items()]
_classes: list[type] = [*_objects.values(), CategoricalGeneralizedCrossEntropy]  # noqa: F405
_table = Table("loss", Loss, _classes, {spelling: c for name, c in _short for spelling in (name, name.upper())})


def get(identifier: Any) -> Loss | None:
    """A Loss object from a name, a Loss, a function of (y_true, y_pred), or a configuration; None stays None.

    Raises:
        ValueError: for an unknown name, with the nearest known one.

    >>> get("mse").name
    'mean_squared_error'
    """
    found = _table.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    known = _objects.get(found)
    return LossFunction(found) if known is None else known()


def serialize(loss: Loss | None) -> Any:
    """What `get` takes back.

    >>> serialize(Huber(delta=0.5))["class_name"]
    'Huber'
    """
    return _table.serialize(loss.function if isinstance(loss, LossFunction) else loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Loss | None:
    """The loss that `serialize` described; classes and functions of your own stand in `custom_objects`, by name.

    >>> deserialize(serialize(Huber(delta=0.5))).name
    'huber_loss'
    """
    with custom_object_scope(custom_objects):
        return get(name)


__all__ = [
    "BCE",
    "MSE",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunction",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "bce",
    "binary_crossentropy",
    "categorical_crossentropy",
    "check_labels",
    "deserialize",
    "get",
    "mean_squared_error",
    "mse",
    "serialize",
    "sparse_categorical_crossentropy",
    *_more,
    *_focal,
]

__getattr__ = missing_attribute(__name__, __all__)

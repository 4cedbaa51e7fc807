"""Small helpers around training: one-hot labels, seeds, unit vectors, names, a drawing of a model."""

from __future__ import annotations

from ..errors import missing_attribute
from ..models.keras_objects import deserialize_keras_object, serialize_keras_object
from ..named import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .drawing import plot_model
from .numerical import normalize, to_categorical
from .session import clear_session, set_random_seed

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
]

__getattr__ = missing_attribute(__name__, __all__)

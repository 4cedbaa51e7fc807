"""Keep models and objects: the names of `keras.saving` in one place. Files are described at `gpudl.models.load_model`.

>>> from gpudl.saving import register_keras_serializable
>>> @register_keras_serializable("mine")
... def half(x):
...     return x * 0.5
>>> from gpudl.layers import Activation, deserialize, serialize
>>> serialize(Activation(half))["config"]["activation"]
'mine>half'
>>> deserialize(serialize(Activation(half))).activation is half
True
"""

from __future__ import annotations

from .errors import missing_attribute
from .models.plain_data import deserialize_keras_object, serialize_keras_object
from .models.saving import load_model, load_weights, save_model, save_weights
from .named import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

__getattr__ = missing_attribute(__name__, __all__)

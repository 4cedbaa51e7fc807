"""Turn models and objects into plain data in Keras' words, and back. What does it is imported when it is needed: keras_*.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A new model, with new weights, from what `model.to_json` returned, here or in Keras.

    Args:
        json_string: the text.
        custom_objects: name -> class or function of your own that it names.

    Raises:
        ValueError: for what is no JSON, no model, or names what is unknown.

    >>> import gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3, name="out")], name="small")
    >>> again = model_from_json(model.to_json())
    >>> again.name, again.layers[0].name, again.count_params()
    ('small', 'out', 15)
    """
    from . import keras_models

    return keras_models.model_from_json(json_string, custom_objects)


def serialize_keras_object(obj: Any) -> Any:
    """An object as plain data: layers, models, optimizers, losses, functions, arrays, and lists and dicts of them.

    Raises:
        TypeError: for a lambda, since code is never kept, and for objects without `get_config`.

    >>> import gpudl
    >>> data = serialize_keras_object(gpudl.regularizers.L2(0.5))
    >>> data["module"], data["class_name"], data["config"]
    ('keras.regularizers', 'L2', {'l2': 0.5})
    """
    from . import keras_objects

    return keras_objects.serialize_keras_object(obj)


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True) -> Any:
    """The object that `serialize_keras_object` described, here or in Keras.

    Args:
        config: plain data.
        custom_objects: name -> class or function of your own.
        safe_mode: taken for scripts that pass it; code is never run.

    Raises:
        ValueError: for what is unknown, and for code.

    >>> deserialize_keras_object({"module": "keras.layers", "class_name": "Dropout", "config": {"rate": 0.5, "name": "drop"}})
    <Dropout name=drop, built=False>
    """
    from . import keras_objects

    return keras_objects.deserialize_keras_object(config, custom_objects, safe_mode)


__all__ = ["deserialize_keras_object", "model_from_json", "serialize_keras_object"]

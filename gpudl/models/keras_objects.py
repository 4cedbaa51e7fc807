"""Turn any object that has a configuration into plain data in Keras' words, and back.

`serialize_keras_object`, `deserialize_keras_object`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import activations, constraints, dtypes, initializers, layers, losses, metrics, optimizers, regularizers
from ..named import custom_object_scope, custom_objects, get_registered_name
from ..optimizers import schedules
from ..tensors import Tensor, tensor
from .keras_config import classes, function_from_keras, function_to_keras, is_object, object_from_keras, to_keras
from .keras_models import model_from, model_to_keras
from .keras_training import loss_to_keras, metric_to_keras

BASES: dict[str, type] = {
    "layer": layers.Layer,
    "initializer": initializers.Initializer,
    "regularizer": regularizers.Regularizer,
    "constraint": constraints.Constraint,
    "schedule": schedules.LearningRateSchedule,
    "optimizer": optimizers.Optimizer,
}
WHERE = "deserialize_keras_object"


def serialize_keras_object(obj: Any) -> Any:
    """See `plain_data.serialize_keras_object`."""
    if obj is None or isinstance(obj, str | int | float | bool):
        return obj
    if isinstance(obj, list | tuple):
        return type(obj)([serialize_keras_object(v) for v in obj])
    if isinstance(obj, dict):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, Tensor | np.ndarray):
        kind, array = ("__tensor__", obj.numpy()) if isinstance(obj, Tensor) else ("__numpy__", obj)
        return {"class_name": kind, "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {name: getattr(obj, name) for name in ("start", "stop", "step")}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(obj, "_stack"):
        return model_to_keras(obj)
    if isinstance(obj, losses.Loss):
        return loss_to_keras(obj)
    if isinstance(obj, metrics.Metric):
        return metric_to_keras(obj)
    for kind, base in BASES.items():
        if isinstance(obj, base):
            return to_keras({"class_name": get_registered_name(type(obj)), "config": obj.get_config()}, kind)  # type: ignore[attr-defined]
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        return to_keras({"class_name": get_registered_name(type(obj)), "config": obj.get_config()})
    name = getattr(obj, "__name__", None)
    if name == "<lambda>":
        raise TypeError("[serialize_keras_object] a lambda cannot be kept: code never goes into a file. Write a function with def")
    if callable(obj) and name is not None and (inspect.isfunction(obj) or inspect.isbuiltin(obj)):
        return function_to_keras(get_registered_name(obj))
    raise TypeError(f"[serialize_keras_object] {type(obj).__name__} has no get_config(). Received: {obj!r:.200}")


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True) -> Any:
    """See `plain_data.deserialize_keras_object`."""
    with custom_object_scope(custom_objects):
        return _deserialized(config)


def _deserialized(config: Any) -> Any:
    if isinstance(config, str):
        return custom_objects().get(config, config)
    if isinstance(config, list | tuple):
        return [_deserialized(v) for v in config]
    if not is_object(config):
        return {k: _deserialized(v) for k, v in config.items()} if isinstance(config, Mapping) else config
    name, inner = config["class_name"], config["config"]
    if isinstance(name, str) and name.startswith("__") and isinstance(inner, Mapping):
        return _special(name, inner)
    if name == "function":
        return _function(function_from_keras(config, WHERE))
    if name == "Sequential":
        return model_from(WHERE, config, None)
    own = next((custom_objects()[n] for n in (config.get("registered_name"), name) if n in custom_objects()), None)
    if own is not None and not (isinstance(own, type) and issubclass(own, layers.Layer)):
        return own.from_config(dict(inner)) if hasattr(own, "from_config") else own
    ours = object_from_keras(config, WHERE)
    kind = next((k for k, base in BASES.items() if own is not None and issubclass(own, base)), None) or _kind(config, ours["class_name"])
    makers: dict[str, Any] = {"layer": layers.deserialize, "schedule": schedules.deserialize, "loss": losses.get, "metric": metrics.get}
    if kind in makers:
        return makers[kind](ours)
    cls = classes(kind)[ours["class_name"]]
    return cls.from_config(ours["config"])


def _kind(config: Mapping[str, Any], name: str) -> str:
    from .keras_config import MODULES, kind_of_module

    return kind_of_module(config.get("module")) or next(k for k in MODULES if name in classes(k))


def _special(name: str, inner: Mapping[str, Any]) -> Any:
    if name == "__tensor__":
        return tensor(np.asarray(inner["value"], dtypes.standard(inner["dtype"])))
    if name == "__numpy__":
        return np.asarray(inner["value"], dtypes.standard(inner["dtype"]))
    if name == "__bytes__":
        return inner["value"].encode("utf-8")
    if name == "__slice__":
        return slice(inner["start"], inner["stop"], inner["step"])
    if name == "__ellipsis__":
        return Ellipsis
    raise ValueError(f"[{WHERE}] the data hold a {name!r}: code, or what gpudl does not know. Code is never taken from data")


def _function(name: str) -> Any:
    """A function of the user's, or one of ours that has this name."""
    found = custom_objects().get(name)
    for module in (activations, losses, metrics):
        if found is None and name in module.__all__ and callable(getattr(module, name)):
            found = getattr(module, name)
    if found is None:
        raise ValueError(f"[{WHERE}] unknown function {name!r}. A function of your own is found by custom_objects={{{name!r}: ...}}")
    return found


__all__ = ["deserialize_keras_object", "serialize_keras_object"]

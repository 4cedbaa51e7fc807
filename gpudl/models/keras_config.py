"""Say in Keras' words what objects are made from, and understand what Keras says: `to_keras`, `from_keras`.

Ours is ``{"class_name", "config"}``, Keras' has a ``module`` and a ``registered_name`` beside them. A module is written for Keras to find,
and never looked at here: classes come from our tables, or from the user's hands.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from .. import activations, constraints, initializers, losses, metrics, optimizers, regularizers, renames
from ..errors import did_you_mean
from ..layers import Layer, serialization
from ..layers.building import own_parameters
from ..layers.support import HINTS
from ..named import custom_objects
from ..optimizers import schedules
from .keras_words import EMPTY, OLD, OLD_CLASSES, OURS, SAME, UNKNOWN_TO_KERAS

Config = dict[str, Any]

MODULES = {
    "layer": "keras.layers",
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "schedule": "keras.optimizers.schedules",
    "loss": "keras.losses",
    "metric": "keras.metrics",
    "optimizer": "keras.optimizers",
}
KIND_OF_KEY = {"layer": "layer", "backward_layer": "layer", "layers": "layer", "cell": "layer", "cells": "layer",
               "learning_rate": "schedule", "inner_optimizer": "optimizer"}  # fmt: skip


def classes(kind: str) -> Mapping[str, Any]:
    """Our classes of a kind by their names."""
    if kind == "layer":
        return serialization._CLASSES
    if kind == "schedule":
        return {n: c for n, c in vars(schedules).items() if isinstance(c, type) and issubclass(c, schedules.LearningRateSchedule)}
    tables = {"initializer": initializers.table, "regularizer": regularizers.table, "constraint": constraints.table,
              "loss": losses._table, "metric": metrics._table, "optimizer": optimizers._table}  # fmt: skip
    return tables[kind].classes


def kind_of(key: str) -> str | None:
    """What an argument of this name is to hold."""
    last = key.rpartition("_")[2]
    return last if last in ("initializer", "regularizer", "constraint") else KIND_OF_KEY.get(key)


def is_object(value: Any) -> bool:
    return isinstance(value, Mapping) and "class_name" in value and "config" in value


# to Keras ----------------------------------------------------------------------------------------------------------------------


def to_keras(data: Mapping[str, Any], kind: str | None = None) -> Config:
    """What Keras makes the object from that ``{"class_name", "config"}`` describes.

    Args:
        data: as our `serialize` functions return it.
        kind: what it is, e.g. ``"loss"``, where its name alone does not say it.

    >>> to_keras({"class_name": "L2", "config": {"l2": 0.5}})
    {'module': 'keras.regularizers', 'class_name': 'L2', 'config': {'l2': 0.5}, 'registered_name': None}
    """
    name, config = data["class_name"], data["config"]
    kind = next((k for k in ([kind] if kind else MODULES) if name in classes(k)), None)
    own = custom_objects().get(name)
    if kind is None or own is not None:
        module = getattr(own, "__module__", None)
        inner = {k: value_to_keras(k, v) for k, v in config.items()}
        return {"module": module, "class_name": name.rpartition(">")[2], "config": inner, "registered_name": name}
    inner = {k: value_to_keras(k, v) for k, v in config.items() if k not in UNKNOWN_TO_KERAS.get(name, ())}
    if name in OURS:
        inner = OURS[name](inner)
    return {"module": "keras" if name == "Sequential" else MODULES[kind], "class_name": name, "config": inner, "registered_name": None}


def function_to_keras(name: str) -> Config:
    """A function, which a file holds by its name alone."""
    module = getattr(custom_objects().get(name), "__module__", "builtins")
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def value_to_keras(key: str, value: Any) -> Any:
    """An argument, and what is in it."""
    if is_object(value):
        return to_keras(value, kind_of(key))
    if isinstance(value, Mapping):
        return {k: value_to_keras(k, v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [value_to_keras(key, v) for v in value]
    if isinstance(value, str) and (
        (key.endswith("activation") and value not in KERAS_ACTIVATIONS) or (key == "function" and value) or kind_of(key)
    ):
        return function_to_keras(value)
    return value


# those of our activation functions that Keras has by the same names
KERAS_ACTIVATIONS = frozenset(activations.__all__) - {"deserialize", "get", "serialize", "step"}


# from Keras --------------------------------------------------------------------------------------------------------------------


def from_keras(data: Any, where: str, key: str = "") -> Any:
    """Our ``{"class_name", "config"}``, or the plain value, for what Keras wrote.

    Args:
        data: as it stands in a file, of Keras 2 or 3.
        where: for messages, e.g. ``"load_model"``.
        key: the argument that this is the value of.

    Raises:
        ValueError: for code in a file, for classes that neither we nor custom_objects have, and for options that ours do not have.

    >>> from_keras({"module": "keras.layers", "class_name": "Dropout", "config": {"rate": 0.5, "seed": None}}, "load_model")
    {'class_name': 'Dropout', 'config': {'rate': 0.5, 'seed': None}}
    """
    if isinstance(data, list | tuple):
        return [from_keras(v, where, key) for v in data]
    if not is_object(data):
        return {k: from_keras(v, where, k) for k, v in data.items()} if isinstance(data, Mapping) else data
    name, config = data["class_name"], data["config"]
    if name in ("__tensor__", "__numpy__") and isinstance(config, Mapping):
        return config.get("value")
    if name == "__lambda__":
        raise ValueError(
            f"[{where}] the file holds the code of a lambda, and code is never taken from a file. "
            "Pass the function: custom_objects={'<name of its layer>': function}"
        )
    if name == "function":
        return function_from_keras(data, where)
    if name in ("DTypePolicy", "Policy") or (isinstance(name, str) and name.endswith("DTypePolicy")):
        return policy_name(data, where)
    if not isinstance(name, str) or name.startswith("__"):
        raise ValueError(f"[{where}] the file has a {str(name)[:80]!r} in {key!r}, which is no data that gpudl takes")
    return object_from_keras(data, where, kind_of(key))


def function_from_keras(data: Mapping[str, Any], where: str) -> str:
    for name in (data.get("registered_name"), data["config"]):
        if isinstance(name, str) and name in custom_objects():
            return name
    name = data["config"]
    if not isinstance(name, str):
        raise ValueError(f"[{where}] the file names a function by {str(name)[:80]!r}, which is no name")
    if not any(name in known for known in (activations._names, losses._table.makers, metrics._table.makers, losses.__all__)):
        raise ValueError(
            f"[{where}] the file names a function {name[:80]!r}, which is not one of gpudl, and code is never taken from a file. "
            f"Pass it: custom_objects={{{name[:80]!r}: ...}}"
        )
    return name


def policy_name(data: Mapping[str, Any], where: str) -> str:
    found = data["config"].get("name") if isinstance(data["config"], Mapping) else None
    if not isinstance(found, str):
        raise ValueError(f"[{where}] the file has a dtype policy without a name: {str(data)[:200]}")
    return found


def object_from_keras(data: Mapping[str, Any], where: str, kind: str | None = None) -> Config:
    """The same for what is an object, and of a known kind."""
    name, config = data["class_name"], data["config"]
    registered = data.get("registered_name")
    own = next((n for n in (registered, name) if isinstance(n, str) and n in custom_objects()), None)
    if own is not None:
        return {"class_name": own, "config": from_keras(config, where)}
    name = name.removeprefix("Custom>")
    name = OLD_CLASSES.get(name, name)
    if name in ("Functional", "Model"):
        name, config = "Sequential", chain_from_keras(config, where)
    kind = kind or kind_of_module(data.get("module")) or next((k for k in MODULES if name in classes(k)), None)
    found = classes(kind).get(name) if kind else None
    if found is None:
        known = classes(kind) if kind else {n for k in MODULES for n in classes(k)}
        raise ValueError(
            f"[{where}] unknown {kind or 'object'} class {name!r}.{did_you_mean(name, known)} "
            f"A class of your own is found by custom_objects={{{str(registered or name)!r}: ...}}"
        )
    return {"class_name": name, "config": arguments_from_keras(found, name, config, where)}


def kind_of_module(module: Any) -> str | None:
    return next((kind for kind, m in MODULES.items() if m == module), None)


def arguments_from_keras(cls: type, name: str, config: Any, where: str) -> Config:
    """The arguments of one of our constructors, from Keras' of any version."""
    if name == "Sequential":
        return sequential_from_keras(config, where)
    if not isinstance(config, Mapping):
        raise ValueError(f"[{where}] the configuration of a {name} must be a dict. Received: {str(config)[:200]}")
    config = dict(config)
    if "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if name == "Lambda":
        config = lambda_from_keras(config, where)
    if name in OLD:
        config = OLD[name](config)
    elif issubclass(cls, optimizers.Optimizer):
        config = OLD["Optimizer"](config)
    elif issubclass(cls, losses.Loss):
        config = OLD["Loss"](config)
    accepted = accepted_by(cls)
    found: Config = {}
    for key, value in config.items():
        new = SAME.get(key, key) if key not in accepted else key
        if key in accepted or new in accepted or renames.keyword(cls, key) is not None:
            found[new] = from_keras(value, where, new)
        elif not neutral(name, key, value):
            raise ValueError(
                f"[{where}] the file says {key}={str(value)[:100]} of {name} {config.get('name', '')!r}, which gpudl's {name} does not have"
            )
    return found


def lambda_from_keras(config: Config, where: str) -> Config:
    """A function comes from the user's hands: under its own name, or under that of its layer."""
    function: Any = config.get("function")
    held = function["class_name"] if is_object(function) else "code" if isinstance(function, list) else "name"
    if held in ("__lambda__", "code"):
        name = config.get("name")
        if name not in custom_objects():
            raise ValueError(
                f"[{where}] the Lambda layer {name!r} holds code, and code is never taken from a file. "
                f"Pass its function: custom_objects={{{name!r}: function}}"
            )
        config["function"] = name
    kept = ("module", "function_type", "output_shape_type", "output_shape_module")
    return {k: v for k, v in config.items() if k not in kept}


def sequential_from_keras(config: Any, where: str) -> Config:
    if isinstance(config, list):  # Keras 1 and early 2
        config = {"layers": config}
    if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
        raise ValueError(f"[{where}] the file does not say which layers the model has")
    found: Config = {k: config[k] for k in ("name", "trainable", "build_input_shape") if config.get(k) is not None}
    layers = []
    for layer in config["layers"]:
        if not is_object(layer) or not isinstance(layer["class_name"], str):
            raise ValueError(f"[{where}] a layer's configuration is damaged: {str(layer)[:200]}")
        layers.append(object_from_keras(layer, where, "layer"))
    return {**found, "layers": layers}


def chain_from_keras(config: Any, where: str) -> Config:
    """A model of the functional API, if it is a chain: each layer is given the output of the one before, and nothing else."""
    if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
        raise ValueError(f"[{where}] the file does not say which layers the model has")
    held = {name_of(layer): layer for layer in config["layers"] if is_object(layer)}
    after: dict[str, str] = {}
    for name, layer in held.items():
        before = sources(layer.get("inbound_nodes"))
        if len(before) > 1 or any(b in after or b not in held for b in before):
            raise ValueError(
                f"[{where}] the model {config.get('name')!r} branches at layer {name!r}; gpudl has chains of layers, Sequential. Where a "
                "model branches, derive a class from Layer that holds the layers of its branches"
            )
        after.update(dict.fromkeys(before, name))
    starts = [name for name in held if name not in after.values()]
    if len(starts) != 1 or len(held) != len(config["layers"]):
        raise ValueError(f"[{where}] the model {config.get('name')!r} has {len(starts)} inputs; gpudl's Sequential has one")
    chain = [starts[0]]
    while chain[-1] in after:
        chain.append(after[chain[-1]])
    ends = sources(config.get("output_layers"))
    if len(chain) != len(held) or ends != chain[-1:]:
        raise ValueError(
            f"[{where}] the model {config.get('name')!r} has other outputs than that of its last layer; gpudl's Sequential has one"
        )
    return {**{k: config.get(k) for k in ("name", "trainable")}, "layers": [held[name] for name in chain]}


def name_of(layer: Mapping[str, Any]) -> str:
    name = layer.get("name") or (layer["config"].get("name") if isinstance(layer["config"], Mapping) else None)
    return str(name)


def sources(data: Any) -> list[str]:
    """The names of the layers whose outputs are named in Keras' nodes, of version 2 (``["dense", 0, 0, {}]``) or 3."""
    if is_object(data):
        history = data["config"].get("keras_history") if isinstance(data["config"], Mapping) else None
        return [str(history[0])] if isinstance(history, list) and history else []
    if isinstance(data, Mapping):
        return [name for value in data.values() for name in sources(value)]
    if not isinstance(data, list):
        return []
    if len(data) >= 3 and isinstance(data[0], str) and isinstance(data[1], int):
        return [data[0]]
    return [name for value in data for name in sources(value)]


def accepted_by(cls: type) -> set[str]:
    """The keyword arguments of a constructor and, where it passes others on, of those below it."""
    if issubclass(cls, Layer):
        return {*own_parameters(cls), "activity_regularizer", "trainable", "dtype", "name", *HINTS}
    found: set[str] = set()
    for c in cls.__mro__:
        if "__init__" in vars(c) and c is not object:
            parameters = inspect.signature(vars(c)["__init__"]).parameters.values()
            found.update(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return found - {"self"}


def neutral(name: str, key: str, value: Any) -> bool:
    """Whether an option that we do not have says nothing, or what we do anyway."""
    if value is None:
        return True
    allowed = EMPTY.get((name, key), EMPTY.get(key))
    return allowed is ... or (allowed is not None and any(value == a and type(value) is type(a) for a in allowed))


__all__ = ["accepted_by", "classes", "from_keras", "function_to_keras", "is_object", "object_from_keras", "to_keras"]

"""Say in Keras' words what a model is, and make one from that: `to_json`, `model_from_json`, and what the files are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import layers
from ..layers.context import calls
from ..named import custom_object_scope
from .keras_config import from_keras, is_object, to_keras
from .keras_training import compile_from_keras, compile_to_keras
from .saving import build_all

Config = dict[str, Any]


def model_to_keras(model: Any, training: bool = True) -> Config:
    """The configuration of a model in Keras' words, and how it is trained unless that is not wanted."""
    found = to_keras(layers.serialize(model), "layer")
    if model._batch_shape is not None:
        found["build_config"] = {"input_shape": list(model._batch_shape)}
    compiled = compile_to_keras(model) if training else None
    return found if compiled is None else {**found, "compile_config": compiled}


def as_text(what: str, config: Any, **kwargs: Any) -> str:
    """JSON; raises TypeError for what is no plain data."""
    try:
        return json.dumps(config, **kwargs)
    except (TypeError, ValueError) as error:
        raise TypeError(f"[{what}] a configuration must hold numbers, strings, lists and dicts only: {error}") from None


def to_json(model: Any, **kwargs: Any) -> str:
    """A model as JSON, without its weights; `model_from_json` of gpudl and of Keras takes it."""
    return as_text("to_json", model_to_keras(model), **kwargs)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """See `plain_data.model_from_json`."""
    if not isinstance(json_string, str | bytes):
        raise TypeError(f"[model_from_json] expects the text that model.to_json() returned. Received: {json_string!r:.200}")
    try:
        config = json.loads(json_string)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"[model_from_json] this is no JSON: {error}") from None
    if not is_object(config):
        raise ValueError(f"[model_from_json] this is not the configuration of a model: {str(config)[:200]}")
    model = model_from("model_from_json", config, custom_objects)
    if config.get("compile_config"):
        with custom_object_scope(custom_objects):
            model.compile(**compile_from_keras(config["compile_config"], "model_from_json"))
    return model


def model_from(what: str, config: Any, custom_objects: Mapping[str, Any] | None, numbers: int | None = None) -> Any:
    """A new model from a configuration of Keras.

    Args:
        what: for messages.
        config: of Keras 1 to 3.
        custom_objects: name -> class or function of your own.
        numbers: how many its weights may have; they are then left to be read, not drawn.
    """
    with custom_object_scope(custom_objects):
        before, calls.allowance = calls.allowance, numbers
        try:
            ours = from_keras(config, what, "layer")
            if not is_object(ours):
                raise ValueError(f"[{what}] this is not the configuration of a model: {str(config)[:200]}")
            model: Any = layers.deserialize(ours)
            if not hasattr(model, "_stack"):
                raise ValueError(f"[{what}] this is the configuration of a {type(model).__name__}, which is no model")
            shape = (config.get("build_config") or {}).get("input_shape")
            if not model.built and shape and model.layers:
                model.build(tuple(shape))
            build_all(model)
        finally:
            calls.allowance = before
    return model


__all__ = ["as_text", "model_from", "model_from_json", "model_to_keras", "to_json"]

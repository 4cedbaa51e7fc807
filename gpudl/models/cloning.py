"""Make a model of the same layers with weights of its own: `clone_model`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..layers import InputLayer, Layer
from .sequential import Sequential


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Any = None,
    recursive: bool = False,
) -> Any:
    """A model with the same layers, made anew, with new weights; it is not compiled.

    Args:
        model: a Sequential model.
        input_tensors: None.
        clone_function: called with each layer but the Input, returns the layer to put in its place. Default: one made from the
            configuration of the old.
        call_function: None.
        recursive: whether `clone_function` is called for the layers of models that are layers, too. Default False: for these models.

    Raises:
        TypeError: if this is no model, or clone_function returns no layer.

    >>> import gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3, name="out")])
    >>> def wider(layer):
    ...     return type(layer).from_config({**layer.get_config(), "units": 5})
    >>> clone_model(model, clone_function=wider).output_shape
    (None, 5)
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"[clone_model] a Sequential model is expected. Received: {model!r:.200}")
    for name, value in (("input_tensors", input_tensors), ("call_function", call_function)):
        if value is not None:
            raise ValueError(
                f"[clone_model] {name} is for models with several inputs; a Sequential model has none. Received: {value!r:.200}"
            )
    if clone_function is not None and not callable(clone_function):
        raise TypeError(f"[clone_model] clone_function must be a function of a layer. Received: {clone_function!r:.200}")
    clone = type(model)(name=model.name)
    for layer in model._stack:
        if isinstance(layer, InputLayer) or clone_function is None:
            made: Any = type(layer).from_config(layer.get_config())
        elif recursive and isinstance(layer, Sequential):
            made = clone_model(layer, clone_function=clone_function, recursive=True)
        else:
            made = clone_function(layer)
            if not isinstance(made, Layer):
                raise TypeError(f"[clone_model] clone_function must return a layer. Received: {made!r:.200} for {layer.name!r}")
            if made is layer:
                raise ValueError(f"[clone_model] clone_function must return a new layer, not {layer.name!r} itself")
        clone.add(made)
    if model._batch_shape is not None and not clone.built and clone.layers:
        clone.build(model._batch_shape)
    clone._trainable = model._trainable
    return clone


__all__ = ["clone_model"]

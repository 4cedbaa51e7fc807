"""Answer for attributes that layers once had: shapes of what went in and came out, and arguments by the names of Keras 1."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from .. import layers
from ..layers.support import Place
from .table import RENAMES


def input_shape(layer: Any) -> Any:
    """With the batch axis."""
    if layer._build_shape is None:
        raise AttributeError(f"layer {layer.name!r} has not been built: it does not know the shape of its input yet")
    return layer._build_shape


def output_shape(layer: Any) -> Any:
    """With the batch axis."""
    return layer.compute_output_shape(input_shape(layer))


ATTRIBUTES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("Layer", "input_shape"): input_shape,
    ("Layer", "output_shape"): output_shape,
    ("Layer", "input"): lambda layer: Place(tuple(input_shape(layer)), layer.compute_dtype, f"{layer.name}_input"),
    ("Layer", "output"): lambda layer: Place(tuple(output_shape(layer)), layer.compute_dtype, f"{layer.name}_output"),
    **{(owner, old): attrgetter(new) for (owner, old), new in RENAMES.items() if hasattr(layers, owner)},
}

__all__ = ["ATTRIBUTES"]

"""Turn layers into plain data and back: `serialize`, `deserialize`. Classes come from one closed table, or from the user's hands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import did_you_mean
from ..named import custom_object_scope, custom_objects, get_registered_name
from . import (
    activation,
    cells,
    conv,
    conv_transpose,
    core,
    embedding,
    encoding,
    function,
    layer_normalization,
    masking,
    merging,
    normalization,
    padding,
    pooling,
    pooling1d,
    rearrange,
    recurrent,
    regularization,
    rescaling,
    resizing,
    separable,
    stacking,
    upsampling,
    wrappers,
)
from .base import Layer

_CLASSES: dict[str, type[Layer]] = {}


def register(*classes: type[Layer]) -> None:
    """Let these classes of ours be named in files."""
    _CLASSES.update({c.__name__: c for c in classes})


register(
    activation.ELU, activation.LeakyReLU, activation.PReLU, activation.ReLU, activation.Softmax, cells.GRUCell, cells.LSTMCell,
    cells.SimpleRNNCell, conv.Conv1D, conv.Conv2D, conv_transpose.Conv1DTranspose, conv_transpose.Conv2DTranspose, core.Activation,
    core.Dense, core.Dropout, core.Flatten, core.InputLayer, core.Reshape, embedding.Embedding, encoding.CategoryEncoding,
    function.Identity, function.Lambda, layer_normalization.GroupNormalization, layer_normalization.LayerNormalization,
    layer_normalization.RMSNormalization, layer_normalization.UnitNormalization, masking.Masking, merging.Add, merging.Average,
    merging.Concatenate, merging.Dot, merging.Maximum, merging.Minimum, merging.Multiply, merging.Subtract,
    normalization.BatchNormalization, padding.Cropping1D, padding.Cropping2D, padding.ZeroPadding1D, padding.ZeroPadding2D,
    pooling.AveragePooling2D, pooling.GlobalAveragePooling2D, pooling.GlobalMaxPooling2D, pooling.MaxPooling2D, pooling1d.AveragePooling1D,
    pooling1d.GlobalAveragePooling1D, pooling1d.GlobalMaxPooling1D, pooling1d.MaxPooling1D, rearrange.Permute, rearrange.RepeatVector,
    recurrent.GRU, recurrent.LSTM, recurrent.RNN, recurrent.SimpleRNN, regularization.ActivityRegularization, regularization.AlphaDropout,
    regularization.GaussianDropout, regularization.GaussianNoise, regularization.SpatialDropout1D, regularization.SpatialDropout2D,
    rescaling.Normalization, rescaling.Rescaling, resizing.CenterCrop, resizing.Resizing, separable.DepthwiseConv2D,
    separable.SeparableConv1D, separable.SeparableConv2D, stacking.StackedRNNCells, upsampling.UpSampling1D, upsampling.UpSampling2D,
    wrappers.Bidirectional, wrappers.TimeDistributed,
)  # fmt: skip


def serialize(layer: Layer) -> dict[str, Any]:
    """``{"class_name": ..., "config": ...}``, without the weights.

    >>> import gpudl
    >>> data = serialize(gpudl.layers.Dropout(0.5, name="drop"))
    >>> data["class_name"], data["config"]["rate"]
    ('Dropout', 0.5)
    >>> deserialize(data)
    <Dropout name=drop, built=False>
    """
    return {"class_name": get_registered_name(type(layer)), "config": layer.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """A new layer from what `serialize` gave.

    Args:
        config: of the layer.
        custom_objects: name -> class or function of your own that the configuration names.

    Raises:
        ValueError: for classes that are neither ours nor in custom_objects; nothing is imported or run.
        TypeError: for unknown fields.

    >>> import gpudl
    >>> deserialize(serialize(gpudl.layers.Dense(3, activation="relu"))).units
    3
    """
    with custom_object_scope(custom_objects):
        return _deserialize(config)


def _deserialize(config: Mapping[str, Any]) -> Layer:
    name = config.get("class_name") if isinstance(config, Mapping) else None
    arguments = config.get("config") if isinstance(config, Mapping) else None
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        looks = "{'class_name': ..., 'config': {...}}"
        raise ValueError(f"[layers] a layer's configuration looks like {looks}. Received: {repr(config)[:200]}")
    found: Any = custom_objects().get(name, _CLASSES.get(name))
    if found is None:
        raise ValueError(
            f"[layers] unknown layer class {name!r}.{did_you_mean(name, _CLASSES)} "
            f"A class of your own is found by custom_objects={{{name!r}: ...}}"
        )
    if not (isinstance(found, type) and issubclass(found, Layer)):
        raise TypeError(f"[layers] {name!r} must be a class derived from Layer. Received: {found!r}")
    return found.from_config(dict(arguments))  # type: ignore[no-any-return]


__all__ = ["deserialize", "register", "serialize"]

"""Layers that Keras once had by other names: they compute, are kept, and are replayed as ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from footguns.training import check

import gpudl
from gpudl import layers


def test_thresholded_relu(path: str) -> None:
    x = np.array([[-1.0, 0.5, 1.0, 2.0]])
    for dtype in ("float32", "float64"):
        layer = layers.ThresholdedReLU(theta=1.0, dtype=dtype)
        found = layer(x)
        assert found.tolist() == [[0, 0, 0, 2]] and str(found.dtype) == dtype
    same = layers.deserialize(layers.serialize(layers.ThresholdedReLU(0.25, name="t")))
    assert same.theta == 0.25 and same.name == "t" and same.compute_output_shape((None, 3)) == (None, 3)
    check(lambda: [layers.ThresholdedReLU(0.2)])
    with pytest.raises(TypeError, match="theta must be a number >= 0"):
        layers.ThresholdedReLU("1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (lambda: layers.AtrousConvolution2D(8, 3, 5, atrous_rate=(2, 2)), lambda: layers.Conv2D(8, (3, 5), dilation_rate=2)),
        (lambda: layers.SeparableConvolution2D(8, 3, 3, "he_normal", "relu"), None),
        (lambda: layers.Deconvolution2D(8, 3, 2, (None, 9, 9, 8), "zeros", "relu"),
         lambda: layers.Conv2DTranspose(8, (3, 2), kernel_initializer="zeros", activation="relu")),
        (lambda: layers.Deconvolution2D(nb_filter=8, nb_row=3, nb_col=2, output_shape=(None, 9, 9, 8), border_mode="same"),
         lambda: layers.Conv2DTranspose(8, (3, 2), padding="same")),
        (lambda: layers.AtrousConvolution1D(8, 3, atrous_rate=2), lambda: layers.Conv1D(8, 3, dilation_rate=2)),
    ],
)  # fmt: skip
def test_convolutions(old: Any, new: Any) -> None:
    made = old()
    if new is None:
        assert made.kernel_size == (3, 3) and made.activation is gpudl.activations.relu
        return
    a, b = made.get_config(), new().get_config()
    assert {**a, "name": ""} == {**b, "name": ""} and type(made) is type(new())

"""Layers for sequences and images, and those that normalise samples: both layouts alike, known values, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpudl import layers as L
from gpudl.errors import ShapeError
from gpudl.models import Sequential


def data(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def ones(shape: Any, dtype: Any = None) -> np.ndarray:
    return np.ones(shape)


LAYOUTS = [
    (lambda f: L.Conv1D(4, 3, padding="causal", dilation_rate=2, data_format=f, kernel_initializer=ones), 1),
    (lambda f: L.Conv1DTranspose(4, 3, strides=2, padding="same", data_format=f, kernel_initializer=ones), 1),
    (lambda f: L.Conv2DTranspose(4, 3, strides=2, output_padding=1, data_format=f, kernel_initializer=ones, activation="relu"), 2),
    (lambda f: L.DepthwiseConv2D(3, depth_multiplier=2, data_format=f, depthwise_initializer=ones), 2),
    (lambda f: L.SeparableConv2D(4, 3, data_format=f, depthwise_initializer=ones, pointwise_initializer=ones), 2),
    (lambda f: L.SeparableConv1D(4, 3, data_format=f, depthwise_initializer=ones, pointwise_initializer=ones), 1),
    (lambda f: L.MaxPooling1D(3, strides=2, padding="same", data_format=f), 1),
    (lambda f: L.AveragePooling1D(2, data_format=f), 1),
    (lambda f: L.GlobalMaxPooling1D(data_format=f, keepdims=True), 1),
    (lambda f: L.GlobalAveragePooling1D(data_format=f, keepdims=True), 1),
    (lambda f: L.ZeroPadding1D((1, 2), data_format=f), 1),
    (lambda f: L.ZeroPadding2D(((1, 2), (3, 0)), data_format=f), 2),
    (lambda f: L.Cropping2D(((1, 2), (3, 0)), data_format=f), 2),
    (lambda f: L.UpSampling2D((2, 3), data_format=f), 2),
    (lambda f: L.UpSampling2D((2, 3), data_format=f, interpolation="bilinear"), 2),
]


@pytest.mark.parametrize("make,rank", LAYOUTS)
def test_channels_first_is_channels_last_transposed(make: Any, rank: int) -> None:
    x = data(2, 3, *(7, 6)[:rank])
    first = make("channels_first")(x).numpy()
    last = make("channels_last")(np.ascontiguousarray(np.moveaxis(x, 1, -1))).numpy()
    np.testing.assert_allclose(first, np.moveaxis(last, -1, 1), rtol=1e-6, atol=1e-6)  # a sum may run in another order


def test_channels_first_costs_no_copy_between_layers() -> None:
    y = L.Conv2D(4, 3, data_format="channels_first")(data(2, 3, 8, 8))
    first = {"data_format": "channels_first"}
    for layer in (L.ZeroPadding2D(**first), L.DepthwiseConv2D(2, **first), L.UpSampling2D(**first), L.Conv2DTranspose(3, 2, **first)):
        y = layer(y)
        assert y.array.transpose(0, 2, 3, 1).flags.c_contiguous, layer


def test_causal_outputs_do_not_see_the_future() -> None:
    layer = L.Conv1D(4, 3, padding="causal", dilation_rate=2)
    x = data(1, 9, 2)
    before = layer(x).numpy()
    x[:, 5:] += 1
    np.testing.assert_array_equal(layer(x).numpy()[:, :5], before[:, :5])
    assert layer(x).shape == (1, 9, 4) and (layer(x).numpy()[:, 5] != before[:, 5]).any()


def test_transpose_undoes_the_shape() -> None:
    for padding, size in (("valid", 15), ("same", 12)):
        for stride in (1, 2, 3):
            small = L.Conv2D(2, 3, strides=stride, padding=padding)(data(1, size, size, 3))
            assert L.Conv2DTranspose(3, 3, strides=stride, padding=padding)(small).shape == (1, size, size, 3)


def test_unit_normalization_of_zeros_huge_and_half() -> None:
    layer = L.UnitNormalization()
    np.testing.assert_array_equal(layer(np.zeros((2, 3))).numpy(), 0.0)
    half = L.UnitNormalization(dtype="float16")(np.full((1, 4), 6e4, np.float16)).numpy()
    np.testing.assert_array_equal(half, np.float16(0.5))


def test_group_normalization_of_one_group_and_each_channel() -> None:
    x = data(3, 4, 5, 6)
    one = L.GroupNormalization(groups=1)(x).numpy()
    mean, variance = x.mean((1, 2, 3), keepdims=True), x.var((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(one, (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-5, atol=1e-5)
    each = L.GroupNormalization(groups=-1)(x).numpy()
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    np.testing.assert_allclose(each, (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-5, atol=1e-5)


def test_aliases() -> None:
    assert L.MaxPool1D is L.MaxPooling1D and L.AvgPool1D is L.AveragePooling1D
    assert L.GlobalAvgPool1D is L.GlobalAveragePooling1D and L.GlobalMaxPool1D is L.GlobalMaxPooling1D


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: L.Conv1D(0, 3), ValueError, r"\[Conv1D\] filters .* filters=0"),
    (lambda: L.Conv1D(4, (3, 3)), ValueError, r"kernel_size=\(3, 3\)"),
    (lambda: L.Conv1D(4, 3, padding="casual"), ValueError, "Did you mean 'causal'"),
    (lambda: L.Conv2D(4, 3, padding="causal"), ValueError, "padding='causal'"),
    (lambda: L.Conv1D(4, 3, kernel_sise=3), TypeError, "Did you mean 'kernel_size'"),
    (lambda: L.Conv1D(4, 3, strides=2, dilation_rate=2), ValueError, "strides > 1"),
    (lambda: L.Conv2DTranspose(4, 3, strides=2, output_padding=2), ValueError, "must be below strides"),
    (lambda: L.Conv2DTranspose(4, 3, output_padding=-1), ValueError, "output_padding=-1"),
    (lambda: L.Conv2DTranspose(4, 3, padding="causal"), ValueError, "padding"),
    (lambda: L.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "depth_multiplier=0"),
    (lambda: L.SeparableConv2D(4, 3, depth_multiplier=1.5), TypeError, "depth_multiplier=1.5"),
    (lambda: L.MaxPooling1D((2, 2)), ValueError, r"\[MaxPooling1D\] pool_size must be one whole number"),
    (lambda: L.GlobalMaxPooling1D(keepdims=1), TypeError, "keepdims"),
    (lambda: L.ZeroPadding2D((1, 2, 3)), ValueError, r"padding=\(1, 2, 3\)"),
    (lambda: L.ZeroPadding2D(-1), ValueError, "padding=-1"),
    (lambda: L.ZeroPadding2D(((1, 2), (3,))), ValueError, "top, bottom"),
    (lambda: L.ZeroPadding1D(1.5), TypeError, "padding=1.5"),
    (lambda: L.Cropping1D((1, -1)), ValueError, "cropping=-1"),
    (lambda: L.UpSampling2D(0), ValueError, "size=0"),
    (lambda: L.UpSampling2D(2, interpolation="nearst"), ValueError, "Did you mean 'nearest'"),
    (lambda: L.LayerNormalization(axis="last"), TypeError, "axis='last'"),
    (lambda: L.LayerNormalization(epsilon=-1), ValueError, "epsilon=-1"),
    (lambda: L.GroupNormalization(groups=0), ValueError, "groups=0"),
    (lambda: L.GroupNormalization(groups=2, axis=(1, 2)), TypeError, "axis must be an integer"),
    (lambda: L.UnitNormalization(axis=None), TypeError, "axis=None"),
    (lambda: L.PReLU(shared_axes="all"), TypeError, "shared_axes='all'"),
    (lambda: L.ELU("1"), TypeError, "alpha='1'"),
]


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused_arguments(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()
    assert str(caught.value).startswith("["), "says where"


@pytest.mark.parametrize("make,shape,words", [
    (lambda: L.Conv1D(4, 9), (2, 8, 3), r"kernel \(9,\) is larger than its input \(8,\) with padding='valid'"),
    (lambda: L.Conv1D(4, 3), (2, 8), r"expected an input of 3 axes, \(batch, steps, channels\). Received: 2 axes"),
    (lambda: L.Conv1D(4, 3, data_format="channels_first"), (2, 8), r"\(batch, channels, steps\)"),
    (lambda: L.Conv1D(4, 3, groups=2), (2, 8, 3), "divisible by groups=2. Received: 3"),
    (lambda: L.Conv2DTranspose(4, 3), (2, 8, 3), "expected an input of 4 axes"),
    (lambda: L.Conv2DTranspose(4, 3), (2, 0, 4, 3), "nothing is left"),
    (lambda: L.DepthwiseConv2D(9), (2, 8, 8, 3), "larger than its input"),
    (lambda: L.DepthwiseConv2D(3), (2, 8, 8, 0), "at least one channel"),
    (lambda: L.SeparableConv1D(4, 9), (2, 8, 3), "larger than its input"),
    (lambda: L.MaxPooling1D(9), (2, 8, 3), r"pool_size \(9,\) is larger than its input \(8,\)"),
    (lambda: L.GlobalAveragePooling1D(), (2, 8), "expected an input of 3 axes"),
    (lambda: L.Cropping1D(4), (2, 8, 3), "nothing is left"),
    (lambda: L.Cropping2D(4), (2, 8, 9, 3), "nothing is left"),
    (lambda: L.UpSampling1D(2), (2, 8), "expected an input of 3 axes"),
    (lambda: L.LayerNormalization(axis=3), (2, 8), "axis 3 is out of range"),
    (lambda: L.LayerNormalization(axis=[0, 1]), (2, 8), "includes the batch axis"),
    (lambda: L.LayerNormalization(axis=[1, -1]), (2, 8), "names one axis twice"),
    (lambda: L.GroupNormalization(groups=3), (2, 8), "divisible by groups=3. Received: 8"),
    (lambda: L.PReLU(shared_axes=[0]), (2, 8), "includes the batch axis"),
])  # fmt: skip
def test_refused_shapes(make: Any, shape: tuple[int, ...], words: str) -> None:
    layer = make()
    with pytest.raises(ShapeError, match=words) as caught:
        layer(np.ones(shape, np.float32))
    assert f" layer {layer.name!r}: " in str(caught.value)
    assert layer.weights == []


@pytest.mark.parametrize("make,good,bad", [
    (lambda: L.Conv1D(4, 3), (2, 8, 3), (2, 8, 5)),
    (lambda: L.Conv2DTranspose(4, 3), (2, 8, 8, 3), (2, 8, 8, 5)),
    (lambda: L.DepthwiseConv2D(3), (2, 8, 8, 3), (2, 8, 8, 5)),
    (lambda: L.SeparableConv2D(4, 3), (2, 8, 8, 3), (2, 8, 8, 5)),
    (lambda: L.LayerNormalization(), (2, 3), (2, 5)),
    (lambda: L.GroupNormalization(groups=1), (2, 3), (2, 5)),
    (lambda: L.RMSNormalization(), (2, 3), (2, 5)),
    (lambda: L.PReLU(), (2, 3), (2, 5)),
    (lambda: L.PReLU(shared_axes=1), (2, 3, 4), (2, 3, 5)),
])  # fmt: skip
def test_other_channels_are_refused_once_built(make: Any, good: tuple[int, ...], bad: tuple[int, ...]) -> None:
    layer = make()
    layer(np.ones(good, np.float32))
    before = layer.get_weights()
    with pytest.raises(ShapeError, match="expected"):
        layer(np.ones(bad, np.float32))
    assert all((a == b).all() for a, b in zip(before, layer.get_weights()))
    assert layer(np.ones(good, np.float32)).shape[0] == 2


@pytest.mark.parametrize("make,shape,name,attribute", [
    (lambda **k: L.Conv1D(4, 3, **k), (2, 5, 3), "kernel_constraint", "kernel"),
    (lambda **k: L.Conv2DTranspose(4, 3, **k), (2, 5, 5, 3), "kernel_constraint", "kernel"),
    (lambda **k: L.Conv2DTranspose(4, 3, **k), (2, 5, 5, 3), "bias_constraint", "bias"),
    (lambda **k: L.DepthwiseConv2D(3, **k), (2, 5, 5, 3), "depthwise_constraint", "kernel"),
    (lambda **k: L.SeparableConv2D(4, 3, **k), (2, 5, 5, 3), "pointwise_constraint", "pointwise_kernel"),
    (lambda **k: L.SeparableConv1D(4, 3, **k), (2, 5, 3), "depthwise_constraint", "depthwise_kernel"),
    (lambda **k: L.LayerNormalization(**k), (2, 3), "gamma_constraint", "gamma"),
    (lambda **k: L.GroupNormalization(groups=1, **k), (2, 3), "beta_constraint", "beta"),
    (lambda **k: L.PReLU(**k), (2, 3), "alpha_constraint", "alpha"),
])  # fmt: skip
def test_constraints_reach_their_weight(make: Any, shape: tuple[int, ...], name: str, attribute: str) -> None:
    model = Sequential([L.Input(shape[1:]), make(**{name: "non_neg"}), L.Flatten(), L.Dense(1)])
    model.compile("sgd", "mse")
    layer = model.layers[0]
    layer.set_weights([np.full(w.shape, -1.0) for w in layer.weights])
    model.fit(data(*shape), np.ones((shape[0], 1)), epochs=1, verbose=0)
    for weight in layer.weights:
        assert (weight.numpy() < 0).any() == (weight is not getattr(layer, attribute)), weight.name
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_resizing(interpolation: str) -> None:
    """From the definition: number i of m lies at (i + 1/2) n / m - 1/2."""
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 3))

    def along(x: np.ndarray, axis: int, size: int) -> np.ndarray:
        n = x.shape[axis]
        if interpolation == "nearest":
            return np.take(x, [int((2 * i + 1) * n // (2 * size)) for i in range(size)], axis)
        places = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
        return np.apply_along_axis(lambda line: np.interp(places, np.arange(n), line), axis, x)

    for height, width in ((3, 10), (6, 5), (7, 1), (12, 4)):
        layer = L.Resizing(height, width, interpolation, dtype="float64")
        np.testing.assert_allclose(layer(x).numpy(), along(along(x, 1, height), 2, width), rtol=1e-12, atol=1e-13)
    padded = L.Resizing(4, 4, interpolation, pad_to_aspect_ratio=True, fill_value=9.0, dtype="float64")(x[:, :2, :4]).numpy()
    np.testing.assert_array_equal(padded[:, [0, 3]], 9.0)
    np.testing.assert_array_equal(padded[:, 1:3], x[:, :2, :4])
    cropped = L.Resizing(2, 2, interpolation, crop_to_aspect_ratio=True, dtype="float64")(x[:, :2]).numpy()
    np.testing.assert_array_equal(cropped, x[:, :2, 1:3])


def test_center_crop() -> None:
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 3))
    np.testing.assert_array_equal(L.CenterCrop(3, 2, dtype="float64")(x).numpy(), x[:, 1:4, 1:3])
    large = L.CenterCrop(6, 10, dtype="float64")(x)
    np.testing.assert_array_equal(large.numpy(), L.Resizing(6, 10, dtype="float64")(x[:, 1:4]).numpy())


@pytest.mark.parametrize("call,error,words", [
    (lambda: L.Resizing(0, 3), ValueError, r"\[Resizing\] height .* >= 1"),
    (lambda: L.Resizing(3, 3, "cubic"), ValueError, "interpolation='cubic'"),
    (lambda: L.Resizing(3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ValueError, "exclude each other"),
    (lambda: L.Resizing(3, 3, antialias=True), NotImplementedError, "antialias=True"),
    (lambda: L.CenterCrop(3, 3)(np.ones((6, 6, 3), np.float32)), ShapeError, "axes"),
])  # fmt: skip
def test_refused_sizes(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

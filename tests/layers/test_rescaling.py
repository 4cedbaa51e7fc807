"""Rescaling and Normalization: numbers, `adapt` on every kind of data, refusals that leave the layer as it was, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl.errors import DTypeError, ShapeError

X = np.random.default_rng(3).normal(5.0, 3.0, (40, 4, 3))


def test_rescaling_of_images_in_bytes() -> None:
    images = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    y = L.Rescaling(1 / 255, offset=-0.5)(images)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy(), images / 255 - 0.5, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(L.Rescaling([1.0, 10.0, 100.0])(images).numpy(), images * np.array([1.0, 10.0, 100.0]), rtol=1e-6)
    assert L.Rescaling([1.0, 2.0]).weights == []


def test_rescaling_by_channel_of_channels_first() -> None:
    gpudl.config.set_image_data_format("channels_first")
    x = np.ones((2, 3, 4, 5), np.float32)
    y = L.Rescaling([1.0, 2.0, 3.0], offset=[0.0, 0.5, 0.0])(x).numpy()
    np.testing.assert_array_equal(y, x * np.array([1.0, 2.0, 3.0])[:, None, None] + np.array([0.0, 0.5, 0.0])[:, None, None])


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), (2, 1), None, [-1]])
def test_adapt_finds_mean_and_variance(axis: Any) -> None:
    layer = L.Normalization(axis=axis)
    layer.adapt(X)
    kept = () if axis is None else tuple(int(a) % 3 for a in np.atleast_1d(axis))
    others = tuple(a for a in range(3) if a not in kept)
    mean, variance = X.mean(others, keepdims=True), X.var(others, keepdims=True)
    assert [w.name for w in layer.weights] == ["mean", "variance", "count"] and layer.trainable_weights == []
    np.testing.assert_allclose(layer.get_weights()[0], mean.squeeze(others), rtol=1e-6)
    np.testing.assert_allclose(layer(X).numpy(), (X - mean) / np.sqrt(variance), rtol=1e-5, atol=1e-5)
    back = L.Normalization(axis=axis, invert=True)
    back.adapt(X)
    np.testing.assert_allclose(back(layer(X)).numpy(), X, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("data", [
    X.tolist(), gpudl.Tensor(X), [X[:7], X[7:8], X[8:]], ((part, None) for part in (X[:30], X[30:])), [X[:0], X],
], ids=["lists", "tensor", "batches", "tuples", "empty_batch"])  # fmt: skip
def test_adapt_takes_all_kinds_of_data(data: Any) -> None:
    layer, whole = L.Normalization(dtype="float64"), L.Normalization(dtype="float64")
    layer.adapt(data)
    whole.adapt(X)
    for a, b in zip(layer.get_weights(), whole.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_adapt_forgets_what_was_before_and_replay_sees_it() -> None:
    model = gpudl.Sequential([L.Input((3,)), L.Normalization()])
    x = np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 4.0]], np.float32)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    for shift in (0.0, 10.0, 20.0):
        model.layers[0].adapt(x + shift)
        np.testing.assert_allclose(model.predict(x + shift, verbose=0), [[-1, 0, -1], [1, 0, 1]], atol=1e-6)


def test_constant_features_are_no_division_by_zero() -> None:
    layer = L.Normalization()
    layer.adapt(np.full((5, 2), 3.0))
    np.testing.assert_array_equal(layer(np.full((2, 2), 3.0)).numpy(), 0.0)


def test_statistics_of_large_offsets_are_exact() -> None:
    data = 1e6 + np.random.default_rng(0).normal(size=(1000, 1)).astype(np.float64)
    layer = L.Normalization(dtype="float64")
    layer.adapt([data[:10], data[10:]])
    np.testing.assert_allclose(layer.get_weights()[1], data.var(0), rtol=1e-9)


def test_files_and_configurations(tmp_path: Path) -> None:
    model = gpudl.Sequential([
        L.Input((3,)), L.Normalization(), L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 0.1]), L.Rescaling([1.0, 2.0, 0.5]),
    ])  # fmt: skip
    model.layers[0].adapt(X[:, 0])
    model.save(tmp_path / "model.safetensors")
    again = gpudl.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X[:, 0], verbose=0), model.predict(X[:, 0], verbose=0))
    assert [w.name for w in again.weights] == ["mean", "variance", "count"]
    config = L.Normalization(axis=(1, 2), mean=0.5, variance=2.0).get_config()
    assert L.Normalization.from_config(config).get_config() == config


@pytest.mark.parametrize("call,error,words", [
    (lambda: L.Rescaling("0.1"), TypeError, r"scale='0.1' \(a string\)"),
    (lambda: L.Rescaling(float("inf")), ValueError, "scale=inf"),
    (lambda: L.Rescaling([1.0, float("nan")]), ValueError, "finite"),
    (lambda: L.Rescaling(["a"]), TypeError, "scale"),
    (lambda: L.Rescaling(1.0, offset=None), TypeError, "offset=None"),
    (lambda: L.Rescaling([1.0, 2.0])(np.ones((2, 3))), ShapeError, r"scale of shape \(2,\) does not fit"),
    (lambda: L.Normalization(mean=1.0), ValueError, "mean and variance both"),
    (lambda: L.Normalization(mean=[1.0], variance=1.0), ValueError, "one shape"),
    (lambda: L.Normalization(mean=1.0, variance=-1.0), ValueError, "negative"),
    (lambda: L.Normalization(axis="last"), TypeError, "axis='last'"),
    (lambda: L.Normalization(invert=1), TypeError, "invert"),
    (lambda: L.Normalization(axis=5)(np.ones((2, 3))), ShapeError, "axis 5 is out of range"),
    (lambda: L.Normalization(axis=0)(np.ones((2, 3))), ShapeError, "axis=None"),
    (lambda: L.Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0])(np.ones((2, 3))), ShapeError, "do not fit axis=-1"),
    (lambda: L.Normalization(mean=1.0, variance=1.0).adapt(X), ValueError, "nothing to adapt"),
    (lambda: L.Normalization().adapt([]), ValueError, "needs data"),
    (lambda: L.Normalization().adapt(np.ones((0, 3))), ValueError, "needs data"),
    (lambda: L.Normalization().adapt(3.0), ShapeError, "batch axis"),
    (lambda: L.Normalization().adapt(np.array([["a"]])), DTypeError, "expects numbers"),
    (lambda: L.Normalization().adapt([np.ones((2, 3)), np.ones((2, 4))]), ShapeError, "batches of one shape"),
    (lambda: L.Normalization().adapt(np.ones(5)), ShapeError, "axis=None"),
])  # fmt: skip
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_refused_adapt_changes_nothing() -> None:
    layer = L.Normalization()
    layer.adapt(X)
    before = layer.get_weights()
    for bad in (np.ones((5, 4, 2)), np.ones((5, 3)), np.array([["a"]]), [X, "text"]):
        with pytest.raises((ShapeError, DTypeError)):
            layer.adapt(bad)
    for a, b in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(a, b)

"""Layers that disturb: their distribution in training, nothing otherwise; ActivityRegularization's term of the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpudl import layers as L
from gpudl.models import Sequential

X = np.full((200, 500), 3.0, np.float32)


@pytest.mark.parametrize("make,mean,deviation", [
    (lambda **k: L.GaussianNoise(0.5, **k), 3.0, 0.5), (lambda **k: L.GaussianDropout(0.2, **k), 3.0, 1.5),
], ids=["noise", "dropout"])  # fmt: skip
def test_distribution(make: Any, mean: float, deviation: float) -> None:
    layer = make(seed=1)
    np.testing.assert_array_equal(layer(X).numpy(), X)
    y = layer(X, training=True).numpy()
    assert abs(y.mean() - mean) < 5 * deviation / np.sqrt(y.size)  # five standard errors
    assert abs(y.std() - deviation) < 5 * deviation / np.sqrt(2 * y.size)
    assert (layer(X, training=True).numpy() != y).any(), "each draw is another"
    np.testing.assert_array_equal(make(seed=1)(X, training=True).numpy(), y)


@pytest.mark.parametrize("make,shape,axes", [
    (lambda **k: L.SpatialDropout1D(0.4, **k), (20, 6, 50), (1,)),
    (lambda **k: L.SpatialDropout2D(0.4, **k), (20, 3, 4, 50), (1, 2)),
    (lambda **k: L.SpatialDropout2D(0.4, data_format="channels_first", **k), (20, 50, 3, 4), (2, 3)),
], ids=["1d", "2d", "2d_first"])  # fmt: skip
def test_whole_channels_are_dropped(make: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = np.ones(shape, np.float32)
    np.testing.assert_array_equal(make()(x).numpy(), x)
    y = make(seed=2)(x, training=True).numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.6)}
    assert (y.max(axes) == y.min(axes)).all(), "a channel lives or dies whole"
    assert abs((y == 0).mean() - 0.4) < 5 * np.sqrt(0.24 / 1000)


def test_nothing_is_drawn_at_rate_0() -> None:
    for layer in (L.GaussianNoise(0.0), L.GaussianDropout(0.0), L.SpatialDropout1D(0)):
        np.testing.assert_array_equal(layer(X[:2, :3, None], training=True).numpy(), X[:2, :3, None])


def test_activity_regularization_is_in_the_loss() -> None:
    model = Sequential([L.Input((2,)), L.ActivityRegularization(l1=0.5, l2=0.25)])
    model.compile("sgd", "mse")
    x = np.array([[1.0, -2.0], [3.0, 0.0]], np.float32)
    np.testing.assert_allclose(model.evaluate(x, x, verbose=0), (0.5 * 6 + 0.25 * 14) / 2, rtol=1e-6)


@pytest.mark.parametrize("call,error,words", [
    (lambda: L.GaussianNoise(1.5), ValueError, "stddev=1.5"), (lambda: L.GaussianNoise("0.1"), TypeError, "stddev='0.1'"),
    (lambda: L.GaussianDropout(1.0), ValueError, "rate=1.0"), (lambda: L.GaussianDropout(-0.1), ValueError, "rate=-0.1"),
    (lambda: L.SpatialDropout1D(None), TypeError, "rate=None"), (lambda: L.SpatialDropout2D(0.5, seed="a"), TypeError, "seed='a'"),
    (lambda: L.SpatialDropout2D(0.5, data_format="NCHW"), ValueError, "'channels_first'"),
    (lambda: L.SpatialDropout1D(0.5)(np.ones((2, 3))), ValueError, "expected an input of 3 axes"),
    (lambda: L.ActivityRegularization(l1=-1.0), ValueError, "l1=-1.0"), (lambda: L.ActivityRegularization(l2="x"), TypeError, "l2='x'"),
])  # fmt: skip
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

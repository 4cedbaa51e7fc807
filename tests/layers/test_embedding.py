"""Embedding: rows of a table, their gradients, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gpudl
from gpudl import layers as L


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_rows_and_gradient(dtype: str) -> None:
    layer = L.Embedding(5, 3, dtype=dtype)
    x = np.array([[0, 4, 4], [2, 2, 2]])
    y = layer(x)
    table = layer.embeddings.numpy()
    assert y.dtype == dtype and np.abs(table).max() <= np.array(0.05).astype(table.dtype)
    np.testing.assert_array_equal(y.numpy(), table[x])
    y.sum().backward()
    assert layer.embeddings.grad is not None
    np.testing.assert_array_equal(layer.embeddings.grad.numpy().astype(np.float64), np.array([[1], [0], [3], [0], [2]]) * np.ones(3))
    assert layer.compute_output_shape((None, 3)) == (None, 3, 3)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "float32", "float64"])
def test_numbers_of_all_kinds(dtype: str) -> None:
    layer = L.Embedding(5, 3)
    np.testing.assert_array_equal(layer(np.array([[3, 0]], dtype)).numpy(), layer([[3, 0]]).numpy())


def test_weights_config_empty_and_out_of_range() -> None:
    table = np.arange(6.0).reshape(3, 2)
    layer = L.Embedding(3, 2, weights=[table], embeddings_regularizer="l2", name="words")
    np.testing.assert_array_equal(layer([[2]]).numpy(), [[[4.0, 5.0]]])
    assert layer(np.zeros((0, 4), np.int32)).shape == (0, 4, 2)
    assert np.isnan(layer([[3]]).numpy()).all()
    again = L.deserialize(json.loads(json.dumps(L.serialize(layer))))
    assert again.get_config() == layer.get_config() and again.name == "words"
    assert float(layer.losses[0]) == pytest.approx(0.01 * (table**2).sum(), rel=1e-6)


def test_trains_in_a_model() -> None:
    """The mean of two vectors tells which of two words was there: learnt by heart in a few epochs."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 10, (200, 2))
    y = (x.max(1) >= 7).astype(np.int64)
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential([L.Input((2,), dtype="int32"), L.Embedding(10, 8), L.Flatten(), L.Dense(2, activation="softmax")])
    model.compile(gpudl.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.95


REFUSED = [
    (lambda: L.Embedding(0, 3), ValueError, "input_dim=0"),
    (lambda: L.Embedding(3, "8"), TypeError, "output_dim='8'"),
    (lambda: L.Embedding(3, 8, mask_zero=1), TypeError, "mask_zero must be True or False"),
    (lambda: L.Embedding(3, 8, embedding_initializer="ones"), TypeError, "Did you mean 'embeddings_initializer'"),
    (lambda: L.Embedding(3, 2, weights=[np.ones((2, 2))]), ValueError, r"shape \(3, 2\)"),
]


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()  # type: ignore[operator]

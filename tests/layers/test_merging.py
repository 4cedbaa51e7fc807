"""Layers of several inputs, from their formulas: values, shapes, masks, what is refused; CategoryEncoding and AlphaDropout."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl.errors import ShapeError
from gpudl.tensors import mask_of

RNG = np.random.default_rng(0)
A, B, C = (RNG.standard_normal((3, 4, 5)) for _ in range(3))
TOKENS = np.array([[1, 2, 0, 0], [1, 0, 0, 0], [2, 2, 2, 2]]), np.array([[1, 1, 1, 0], [0, 2, 0, 0], [2, 2, 0, 0]])
SEEN = [t != 0 for t in TOKENS]


def embedded() -> list[Any]:
    return [L.Embedding(3, 5, mask_zero=True, dtype="float64")(t) for t in TOKENS]


VALUES: list[tuple[L.Layer, list[np.ndarray], np.ndarray]] = [
    (L.Add(dtype="float64"), [A, B, C], A + B + C),
    (L.Subtract(dtype="float64"), [A, B], A - B),
    (L.Multiply(dtype="float64"), [A, B, C], A * B * C),
    (L.Average(dtype="float64"), [A, B, C], (A + B + C) / 3),
    (L.Maximum(dtype="float64"), [A, B, C], np.maximum(np.maximum(A, B), C)),
    (L.Minimum(dtype="float64"), [A, B, C], np.minimum(np.minimum(A, B), C)),
    (L.Concatenate(dtype="float64"), [A, B[..., :2]], np.concatenate([A, B[..., :2]], -1)),
    (L.Concatenate(axis=1, dtype="float64"), [A, B[:, :1], C], np.concatenate([A, B[:, :1], C], 1)),
    (L.Add(dtype="float64"), [A, B[:, 0], C[:, :1]], A + B[:, :1] + C[:, :1]),  # axes of size 1 behind the batch axis
    (L.Dot(2, dtype="float64"), [A, B], np.einsum("nij,nkj->nik", A, B)),
    (L.Dot((1, -2), dtype="float64"), [A, B], np.einsum("nij,nik->njk", A, B)),
    (L.Dot(1, dtype="float64"), [A[:, 0], B[:, 0]], (A[:, 0] * B[:, 0]).sum(1, keepdims=True)),
    (L.Dot((2, 1), dtype="float64"), [A, B[:, 0]], np.einsum("nij,nj->ni", A, B[:, 0])),
    (
        L.Dot(1, normalize=True, dtype="float64"),
        [A[:, 0], B[:, 0]],
        (A[:, 0] * B[:, 0]).sum(1, keepdims=True) / np.linalg.norm(A[:, 0], axis=1)[:, None] / np.linalg.norm(B[:, 0], axis=1)[:, None],
    ),
]  # fmt: skip


@pytest.mark.parametrize("layer,inputs,expected", VALUES, ids=lambda v: type(v).__name__ if isinstance(v, L.Layer) else "")
def test_values_shapes_configurations(layer: L.Layer, inputs: list[np.ndarray], expected: np.ndarray) -> None:
    y = layer(inputs)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-13, atol=1e-14)
    assert layer.compute_output_shape([x.shape for x in inputs]) == y.shape
    assert layer.compute_output_shape([(None, *x.shape[1:]) for x in inputs]) == (None, *y.shape[1:])
    again = L.deserialize(json.loads(json.dumps(L.serialize(layer))))
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again(tuple(inputs)).numpy(), y.numpy())


def test_gradients() -> None:
    for layer, inputs, _ in VALUES:
        gpudl.testing.check_grads(lambda *xs, layer=layer: layer(list(xs)), *inputs, tolerance=1e-6)


def test_masks() -> None:
    either = SEEN[0] | SEEN[1]
    for layer in (L.Add(), L.Subtract(), L.Average(), L.Maximum(), L.Minimum(), L.Multiply()):
        np.testing.assert_array_equal(mask_of(layer(embedded())).numpy(), either)  # type: ignore[union-attr]
        x = embedded()[0]
        assert mask_of(layer([x, A])) is None
    np.testing.assert_array_equal(mask_of(L.Concatenate(axis=1)(embedded())).numpy(), np.concatenate(SEEN, 1))  # type: ignore[union-attr]
    assert mask_of(L.Dot(2)(embedded())) is None
    a, b = embedded()
    x, y, one, other = a.numpy(), b.numpy(), SEEN[0][..., None], SEEN[1][..., None]
    product = L.Multiply(dtype="float64")([a, b]).numpy()
    np.testing.assert_array_equal(product, np.where(one, x, 1) * np.where(other, y, 1) * either[..., None])
    largest = L.Maximum(dtype="float64")([a, b]).numpy()
    np.testing.assert_array_equal(largest[one[..., 0] & ~other[..., 0]], x[one[..., 0] & ~other[..., 0]])  # the masked one does not count
    np.testing.assert_array_equal(largest[~one[..., 0] & other[..., 0]], y[~one[..., 0] & other[..., 0]])


class Residual(L.Layer):
    """A branch and its input, added."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense, self.add = L.Dense(4, "relu"), L.Add()

    def call(self, inputs: Any) -> Any:
        return self.add([inputs, self.dense(inputs)])


def test_in_a_layer_of_ones_own() -> None:
    model = gpudl.Sequential([L.Input((4,)), Residual(), L.Dense(1)])
    model.compile("sgd", "mean_squared_error")
    losses = model.fit(RNG.standard_normal((32, 4)), RNG.standard_normal((32, 1)), epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and model._runners["train"].replayed


def test_category_encoding() -> None:
    x = np.array([[0, 2, 2], [1, 1, 1]])
    np.testing.assert_array_equal(L.CategoryEncoding(4)(x).numpy(), [[1, 0, 1, 0], [0, 1, 0, 0]])
    np.testing.assert_array_equal(L.CategoryEncoding(4, "count")(x).numpy(), [[1, 0, 2, 0], [0, 3, 0, 0]])
    weights = np.array([[0.5, 1.0, 2.0], [1.0, 0.0, 0.25]])
    np.testing.assert_array_equal(L.CategoryEncoding(4, "count")(x, count_weights=weights).numpy(), [[0.5, 0, 3, 0], [0, 1.25, 0, 0]])
    np.testing.assert_array_equal(L.CategoryEncoding(3, "one_hot")(x).numpy(), np.eye(3)[x])
    np.testing.assert_array_equal(L.CategoryEncoding(3, "one_hot")(x[:, :1]).numpy(), np.eye(3)[x[:, 0]])
    assert L.CategoryEncoding(4, "binary").output_mode == "multi_hot"


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = RNG.standard_normal((400, 500))
    layer = L.AlphaDropout(0.3, seed=1, dtype="float64")
    y = layer(x, training=True).numpy()
    assert abs(y.mean()) < 0.01 and abs(y.var() - 1) < 0.02
    a = (0.7 * (1 + 0.3 * 1.7580993408473766**2)) ** -0.5
    lowest = a * -1.7580993408473766 * (1 - 0.3)
    dropped = np.isclose(y, lowest, rtol=1e-9)
    assert abs(dropped.mean() - 0.3) < 0.01
    np.testing.assert_allclose(y[~dropped], (a * x + a * 1.7580993408473766 * 0.3)[~dropped], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    whole = L.AlphaDropout(0.5, noise_shape=(None, 1), seed=2, dtype="float64")(np.zeros((64, 8)), training=True).numpy()
    assert (whole == whole[:, :1]).all() and len(np.unique(whole)) == 2


REFUSED = [
    (lambda: L.Add()(A), ShapeError, r"\[Add\].* call it with a list of tensors: Add\(\)\(\[x1, x2\]\)\. Received: shape"),
    (lambda: L.Subtract()([A, B, C]), ShapeError, r"\[Subtract\].* call it with a list of 2 tensors.*Received: 3 tensors"),
    (lambda: L.Add()([A, B[:, :3]]), ShapeError, "the shapes must be equal"),
    (lambda: L.Add()([A, B[:1]]), ShapeError, "the shapes must be equal"),
    (lambda: L.Concatenate()([A, B[:, :3]]), ShapeError, r"all axes but axis -1 must agree"),
    (lambda: L.Concatenate()([A, B[:, 0]]), ShapeError, r"all axes but axis -1 must agree"),
    (lambda: L.Concatenate(axis=3)([A, B]), ShapeError, "axis 3 is out of range"),
    (lambda: L.Concatenate("1"), TypeError, "axis='1'"),
    (lambda: L.Dot(0)([A, B]), ShapeError, "axis 0 is the batch axis"),
    (lambda: L.Dot((1, 2))([A, B]), ShapeError, r"axes=\(1, 2\), over which is summed"),
    (lambda: L.Dot((1, 2, 3)), TypeError, r"axes must be an integer, or a pair"),
    (lambda: L.CategoryEncoding(), TypeError, "num_tokens=10"),
    (lambda: L.CategoryEncoding(4, "counts"), ValueError, "Did you mean 'count'"),
    (lambda: L.CategoryEncoding(4)(TOKENS[0], count_weights=TOKENS[0]), ValueError, "are for output_mode='count'"),
    (lambda: L.CategoryEncoding(4, "count")(TOKENS[0], count_weights=np.ones((3, 2))), ShapeError, r"count_weights must be \(3, 4\)"),
    (lambda: L.CategoryEncoding(4, sparse=True), NotImplementedError, "sparse"),
    (lambda: L.AlphaDropout(1.0), ValueError, "0 <= rate < 1"),
]  # fmt: skip


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

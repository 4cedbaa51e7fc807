"""Accuracies as functions: what the metric objects gather, one number a row or an element; replayed in `compile` as in eager training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers, metrics

R = np.random.default_rng(0)
P = R.uniform(size=(20, 7)).astype("f4")
LABELS = R.integers(0, 7, 20)
ROWS, BITS = np.eye(7, dtype="f4")[LABELS], (R.uniform(size=(20, 7)) > 0.5).astype("f4")

CASES: dict[str, tuple[Any, Any, dict[str, Any], Any]] = {  # function -> (metric, targets, arguments, by NumPy)
    "binary_accuracy": (metrics.BinaryAccuracy(threshold=0.3), BITS, {"threshold": 0.3}, (P > 0.3) == BITS),
    "categorical_accuracy": (metrics.CategoricalAccuracy(), ROWS, {}, P.argmax(1) == LABELS),
    "sparse_categorical_accuracy": (metrics.SparseCategoricalAccuracy(), LABELS, {}, P.argmax(1) == LABELS),
    "top_k_categorical_accuracy": (metrics.TopKCategoricalAccuracy(3), ROWS, {"k": 3}, (-P).argsort(1).argsort(1)[range(20), LABELS] < 3),
    "sparse_top_k_categorical_accuracy": (
        metrics.SparseTopKCategoricalAccuracy(3), LABELS, {"k": 3}, (-P).argsort(1).argsort(1)[range(20), LABELS] < 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(name: str, dtype: str, path: str) -> None:
    metric, targets, arguments, expected = CASES[name]
    found = getattr(metrics, name)(targets, P.astype(dtype), **arguments)
    assert str(found.dtype) == dtype
    np.testing.assert_array_equal(found.numpy(), expected)
    metric.reset_state()
    metric.update_state(targets, P)
    assert float(metric.result()) == pytest.approx(float(np.mean(expected)))


def test_columns_of_labels() -> None:
    for name in ("sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy"):
        function = getattr(metrics, name)
        np.testing.assert_array_equal(function(LABELS[:, None], P).numpy(), function(LABELS, P).numpy())
    assert metrics.binary_accuracy([1, 0], [[0.9], [0.9]]).tolist() == [[1], [0]]


@pytest.mark.parametrize("name", CASES)
def test_in_compile(name: str, path: str) -> None:
    _, targets, _, _ = CASES[name]
    sparse = name.startswith("sparse")
    loss = (
        "sparse_categorical_crossentropy" if sparse else "binary_crossentropy" if name.startswith("binary") else "categorical_crossentropy"
    )
    found = []
    for eager in (True, False):
        gpudl.utils.set_random_seed(0)
        m = gpudl.Sequential([layers.Dense(7, input_dim=7, activation="softmax")])
        m.compile("sgd", loss, metrics=[getattr(metrics, name)], run_eagerly=eager)
        found.append(m.fit(P, targets, batch_size=5, epochs=3, verbose=0).history)
    assert found[0] == found[1] and list(found[0]) == ["loss", name]


def test_losses_stand_here_too() -> None:
    assert metrics.mse is gpudl.losses.mean_squared_error and metrics.kl_divergence is gpudl.losses.kl_divergence
    same = gpudl.losses.cosine_similarity([[3.0, 4.0]], [[3.0, 4.0]])
    assert same.item() == pytest.approx(-1), "a loss: -1 is best"
    assert float(metrics.CosineSimilarity()([[3.0, 4.0]], [[3.0, 4.0]])) == pytest.approx(1), "a metric: 1 is best"

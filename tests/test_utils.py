"""Helpers: one-hot labels, unit vectors, seeds, names."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import config, layers
from gpudl.errors import DTypeError
from gpudl.models import Sequential
from gpudl.utils import clear_session, normalize, set_random_seed, to_categorical


@pytest.mark.parametrize("x,num_classes,expected", [
    (0, 4, [1, 0, 0, 0]),
    (np.int64(2), None, [0, 0, 1]),
    ([0, 2, 1], None, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
    (np.array([1, 0]), 2, [[0, 1], [1, 0]]),
    (np.array([[1], [0]]), 2, [[0, 1], [1, 0]]),
    (np.array([1.0, 0.0]), 2, [[0, 1], [1, 0]]),
    (np.array([True, False]), 2, [[0, 1], [1, 0]]),
    (np.array([1, 0], np.uint8), 2, [[0, 1], [1, 0]]),
    (np.array([[0, 1], [1, 1]]), 2, [[[1, 0], [0, 1]], [[0, 1], [0, 1]]]),
    (gpudl.Tensor([1, 0]), 2, [[0, 1], [1, 0]]),
    ([], 3, np.zeros((0, 3))),
])  # fmt: skip
def test_to_categorical(x: Any, num_classes: int | None, expected: Any) -> None:
    found = to_categorical(x, num_classes)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.asarray(expected, np.float32))


@pytest.mark.parametrize("x,num_classes,error,words", [
    ([0, 4], 3, ValueError, "num_classes=3 classes are 0 to 2. Received: 4 at position 1"),
    ([0, 3], 3, ValueError, "Received: 3 at position 1"),
    ([[0, 1], [-1, 0]], None, ValueError, r"not negative. Received: -1 at position \(1, 0\)"),
    ([0.0, 1.5], None, ValueError, "whole. Received: 1.5 at position 1"),
    ([0.0, float("nan")], None, ValueError, "whole. Received: nan"),
    ([0.0, float("inf")], None, ValueError, "whole. Received: inf"),
    (["a", "b"], None, DTypeError, "class numbers are expected"),
    (None, None, DTypeError, "class numbers are expected"),
    ([[0], [1, 2]], None, DTypeError, "class numbers are expected"),
    ([0, 1], 0, ValueError, "num_classes=0"),
    ([0, 1], 2.0, ValueError, "num_classes=2.0"),
])  # fmt: skip
def test_refused_labels(x: Any, num_classes: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        to_categorical(x, num_classes)


def test_to_categorical_leaves_its_input() -> None:
    x = np.array([0.0, 1.0])
    to_categorical(x)
    np.testing.assert_array_equal(x, [0.0, 1.0])


def test_normalize() -> None:
    x = np.random.default_rng(0).standard_normal((4, 5))
    found = normalize(x)
    assert found.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1)
    np.testing.assert_allclose(np.abs(normalize(x, axis=0, order=1)).sum(0), 1)
    assert normalize([3, 4]).tolist() == pytest.approx([0.6, 0.8]) and normalize(np.zeros((2, 3))).tolist() == np.zeros((2, 3)).tolist()
    with pytest.raises(ValueError, match="axis=2"):
        normalize(x, axis=2)


def train() -> list[np.ndarray]:
    x, y = np.random.rand(20, 4), np.random.randint(0, 2, 20)  # noqa: NPY002  NumPy's global generator is seeded, too
    model = Sequential([layers.Dense(4, input_dim=4), layers.Dropout(0.3), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    return model.get_weights()


def test_set_random_seed_makes_a_program_repeat() -> None:
    runs = []
    for seed in (5, 5, 6):
        set_random_seed(seed)
        runs.append([random.random(), *train()])
    for a, b in zip(runs[0], runs[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.any(a != b) for a, b in zip(runs[0], runs[2], strict=True))


@pytest.mark.parametrize("wrong", [-1, 2**32, 1.5, "1", None, True])
def test_refused_seeds(wrong: Any) -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(ValueError, match="seed="):
        set_random_seed(wrong)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_clear_session() -> None:
    layers.Dense(1)
    version = config.version
    clear_session()
    assert config.version > version and layers.Dense(1).name == "dense" and layers.Dense(1).name == "dense_1"

"""A small model and its data, for callbacks to take part in."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import layers


@pytest.fixture
def model() -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    made = gpudl.Sequential([layers.Dense(2, input_dim=3, activation="softmax")])
    made.compile(gpudl.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((40, 3)).astype(np.float32), rng.integers(0, 2, 40)

"""Training epochs of seven networks, as they run inside `fit`: shuffle, gather, step, accuracy, a smaller last batch."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from workloads import WORKLOADS, Workload, floor

import gpudl
from gpudl.models.data import Dataset

UNTIMED = 2  # examples and batch size where nothing is timed
ROUNDS = {
    "iris_mlp": 200,
    "dropout_mlp_b32": 25,
    "dropout_mlp_b128": 25,
    "mnist_mlp": 15,
    "mnist_convnet": 7,
    "cifar_batch_norm_cnn": 5,
    "alexnet": 3,
}


def in_fit(workload: Workload, model: Any, x: np.ndarray, y: np.ndarray, before: int) -> Callable[[], Any]:
    """One epoch after so many: by the fifth, what is to be recorded is recorded."""
    model.fit(x, y, batch_size=workload.batch, epochs=before, verbose=0)
    dataset = Dataset.make([x, y], model._backend, model._dtype, workload.batch)
    return lambda: model._epoch("train", dataset, shuffle=True)


def loss_error(workload: Workload, model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Relative error of our float32 loss against the same network in float64."""
    n = min(len(x), workload.batch)
    twin = gpudl.Sequential([gpudl.layers.Input(workload.shape, dtype="float64"), *[as_float64(layer) for layer in model.layers]])
    twin.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    twin.build((None, *workload.shape))
    twin.set_weights([w.astype(np.float64) for w in model.get_weights()])
    exact = float(twin.evaluate(x[:n].astype(np.float64), y[:n], batch_size=n, verbose=0))
    ours = model.evaluate(x[:n], y[:n], batch_size=n, verbose=0)[0]
    return abs(ours - exact) / max(abs(exact), 1e-12)


def as_float64(layer: Any) -> Any:
    return type(layer).from_config({**layer.get_config(), "dtype": "float64"})


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_training_step(name: str, race: Any) -> None:
    workload = WORKLOADS[name]
    x, y = workload.data()
    if race.benchmark.disabled:
        x, y = x[:UNTIMED], y[:UNTIMED]
    model = workload.model()

    def peer(which: str) -> Callable[[], Any]:
        return lambda: importlib.import_module(f"peers.{which}_peer").epoch(workload, model, x, y)

    steps = -(-len(x) // workload.batch)
    ours = in_fit(workload, model, x, y, 1 if race.benchmark.disabled else 5)
    error = loss_error(workload, model, x, y)  # now: after the race the examples are known by heart, and the loss is next to nothing
    makers = {which: peer(which) for which in ("numpy", "torch", "jax", "keras")}
    race(ours, makers, floor(workload), lambda: error, steps, ROUNDS[name], 2)
    assert all(np.isfinite(w).all() for w in model.get_weights())

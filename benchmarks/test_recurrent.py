"""Training steps of recurrent nets as they run inside `fit`: batch 64, 28 steps, 128 units, beside PyTorch, Keras and bare products."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from test_training_steps import in_fit, loss_error

import gpudl
from gpudl import layers

BATCH, STEPS, FEATURES, UNITS, CLASSES = 64, 28, 28, 128, 10
GATES = {"LSTM": 4, "GRU": 3}


@dataclass(frozen=True)
class Sequences:
    """Rows of images as sequences, one recurrent layer, one dense layer."""

    kind: str
    shape: tuple[int, ...] = (STEPS, FEATURES)
    classes: int = CLASSES
    batch: int = BATCH
    examples: int = 4 * BATCH

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.examples, *self.shape)).astype(np.float32)
        return x, rng.integers(0, self.classes, self.examples).astype(np.int64)

    def model(self) -> gpudl.Sequential:
        gpudl.utils.set_random_seed(0)
        recurrent = getattr(layers, self.kind)(UNITS)
        model = gpudl.Sequential([layers.Input(self.shape), recurrent, layers.Dense(self.classes, activation="softmax")])
        model.compile(gpudl.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


def products(workload: Sequences) -> Callable[[], None]:
    """The matrix products of an epoch: per step one forward and one backward, and over all steps those of the kernels."""
    width = GATES[workload.kind] * UNITS
    rows = BATCH * STEPS

    def pair(m: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.ones((m, k), np.float32), np.ones((k, n), np.float32), np.empty((m, n), np.float32)

    walks = [pair(BATCH, width, UNITS), pair(BATCH, UNITS, width)]
    whole = [pair(rows, width, FEATURES), pair(FEATURES, width, rows), pair(UNITS, width, rows)]

    def run() -> None:
        for _ in range(workload.examples // BATCH):
            for a, b, out in whole:
                np.matmul(a, b, out=out)
            for a, b, out in walks:
                for _ in range(STEPS):
                    np.matmul(a, b, out=out)

    return run


def torch_epoch(workload: Sequences, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.walk = getattr(nn, workload.kind)(FEATURES, UNITS, batch_first=True)
            self.out = nn.Linear(UNITS, CLASSES)

        def forward(self, x: Any) -> Any:
            return self.out(self.walk(x)[0][:, -1])

    net, data, labels = Net(), torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    loss_of = nn.CrossEntropyLoss()

    def run() -> float:
        order, total, right = torch.randperm(len(data)), torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for start in range(0, len(data), BATCH):
            rows = order[start : start + BATCH]
            xb, yb = data[rows], labels[rows]
            optimizer.zero_grad(set_to_none=True)
            out = net(xb)
            loss = loss_of(out, yb)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                total += loss.detach() * len(rows)
                right += (out.argmax(1) == yb).sum()
        return float(total) / len(data) + 0 * int(right)

    return run


@pytest.mark.parametrize("kind", list(GATES))
def test_recurrent_step(kind: str, race: Any) -> None:
    workload: Any = Sequences(kind)
    x, y = workload.data()
    if race.benchmark.disabled:
        x, y = x[:2], y[:2]
    model = workload.model()
    ours = in_fit(workload, model, x, y, 1 if race.benchmark.disabled else 5)
    error = loss_error(workload, model, x, y)
    makers = {
        "torch": lambda: torch_epoch(workload, x, y),
        "keras": lambda: importlib.import_module("peers.keras_peer").epoch(workload, model, x, y),
    }
    race(ours, makers, products(workload), lambda: error, workload.examples // BATCH, 15, 2)
    assert all(np.isfinite(w).all() for w in model.get_weights())

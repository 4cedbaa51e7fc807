"""The training step as one writes it by hand in NumPy, for the dense networks: what a framework's overhead is measured against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def epoch(workload: Any, model: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], tuple[float, float]] | None:
    """One epoch of the iris network: shuffle, batches with a smaller last one, ReLU, softmax cross-entropy, accuracy, SGD with Nesterov."""
    if workload.name != "iris_mlp":
        return None
    w1, b1, w2, b2 = (np.array(w) for w in model.get_weights())
    params = [w1, b1, w2, b2]
    velocities = [np.zeros_like(p) for p in params]
    rate, momentum = np.float32(0.01), np.float32(0.9)
    rng = np.random.default_rng(0)

    def step(xb: np.ndarray, yb: np.ndarray) -> tuple[float, float]:
        n = len(xb)
        z = xb @ w1 + b1
        h = np.maximum(z, 0)
        logits = h @ w2 + b2
        logits -= logits.max(axis=1, keepdims=True)
        e = np.exp(logits)
        total = e.sum(axis=1, keepdims=True)
        p = e / total
        rows = np.arange(n)
        loss = (np.log(total[:, 0]) - logits[rows, yb]).sum()
        right = (p.argmax(axis=1) == yb).sum()
        d = p
        d[rows, yb] -= 1
        d /= np.float32(n)
        dw2, db2 = h.T @ d, d.sum(axis=0)
        dh = d @ w2.T
        dh[z <= 0] = 0
        grads = [xb.T @ dh, dh.sum(axis=0), dw2, db2]
        for param, velocity, g in zip(params, velocities, grads):
            velocity *= momentum
            velocity -= rate * g
            param += momentum * velocity - rate * g
        return float(loss), float(right)

    def run() -> tuple[float, float]:
        order = rng.permutation(len(x))
        loss = right = 0.0
        for start in range(0, len(x), workload.batch):
            rows = order[start : start + workload.batch]
            a, b = step(x[rows], y[rows])
            loss, right = loss + a, right + b
        return loss / len(x), right / len(x)

    return run

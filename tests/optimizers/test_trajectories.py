"""Ten steps of each optimizer against its formula in float64, and against PyTorch where the two agree on a formula."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl import optimizers

STEPS = 10


def run(optimizer: optimizers.Optimizer, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Two parameters after ten given gradients."""
    rng = np.random.default_rng(5)
    vs = [gpudl.Variable(rng.standard_normal(s), dtype=dtype) for s in ((3, 4), (5,))]
    for _ in range(STEPS):
        optimizer.apply([gpudl.tensor(rng.standard_normal(v.shape), dtype=dtype) for v in vs], vs)
    return vs[0].numpy(), vs[1].numpy()


def by_formula(step, slots: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    ws = [rng.standard_normal(s) for s in ((3, 4), (5,))]
    state = [[np.zeros_like(w) for _ in range(slots)] for w in ws]
    for t in range(1, STEPS + 1):
        for i, w in enumerate(ws):
            ws[i], state[i] = step(w, rng.standard_normal(w.shape), t, *state[i])
    return ws[0], ws[1]


def momentum(w, g, t, m):
    m = 0.9 * m - 0.1 * g
    return w + m, [m]


def nesterov(w, g, t, m):
    m = 0.9 * m - 0.1 * g
    return w + 0.9 * m - 0.1 * g, [m]


def adam(w, g, t, m, v):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return w - 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7), [m, v]


def amsgrad(w, g, t, m, v, high):
    m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g * g
    high = np.maximum(high, v)
    return w - 0.01 * np.sqrt(1 - 0.9**t) / (1 - 0.8**t) * m / (np.sqrt(high) + 1e-3), [m, v, high]


def adadelta(w, g, t, a, d):
    a = 0.95 * a + 0.05 * g * g
    step = -np.sqrt(d + 1e-7) / np.sqrt(a + 1e-7) * g
    return w + 1.0 * step, [a, 0.95 * d + 0.05 * step**2]


FORMULAS = {
    "sgd": (lambda: optimizers.SGD(0.1), lambda w, g, t: (w - 0.1 * g, []), 0),
    "momentum": (lambda: optimizers.SGD(0.1, 0.9), momentum, 1),
    "nesterov": (lambda: optimizers.SGD(0.1, 0.9, nesterov=True), nesterov, 1),
    "adam": (lambda: optimizers.Adam(0.01), adam, 2),
    "amsgrad": (lambda: optimizers.Adam(0.01, 0.8, 0.9, 1e-3, amsgrad=True), amsgrad, 3),
    "adadelta": (lambda: optimizers.Adadelta(1.0), adadelta, 2),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
def test_formula(name, dtype, tolerance, path) -> None:
    make, step, slots = FORMULAS[name]
    for got, expected in zip(run(make(), dtype), by_formula(step, slots)):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def test_nesterov_without_momentum_is_plain_descent() -> None:
    for a, b in zip(run(optimizers.SGD(0.1, 0.0, nesterov=True)), run(optimizers.SGD(0.1))):
        np.testing.assert_array_equal(a, b)


def test_adam_long_after_the_start() -> None:
    """The powers of beta_2 are taken in float64: at 100,000 steps they are gone, not noise."""
    optimizer = optimizers.Adam(0.1)
    v = gpudl.Variable([1.0])
    optimizer.build([v])
    optimizer.iterations.assign(100_000)
    optimizer.apply([gpudl.tensor([2.0])], [v])
    np.testing.assert_allclose(v.numpy(), 1 - 0.1 * 0.2 / np.sqrt(0.001 * 4.0), rtol=1e-5)


KERAS = json.loads((Path(__file__).parents[1] / "golden" / "trajectories.json").read_text())


@pytest.mark.parametrize("case", KERAS, ids=[f"{c['class']}-{i}" for i, c in enumerate(KERAS)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 4e-6)])
def test_keras(case, dtype, tolerance, path) -> None:
    """Where Keras arrives in float64 (golden/make_trajectories.py)."""
    options = dict(case["arguments"])
    if isinstance(options.get("learning_rate"), list):
        schedule, values = options["learning_rate"]
        options["learning_rate"] = getattr(optimizers.schedules, schedule)(**values)
    rng = np.random.default_rng(5)
    vs = [gpudl.Variable(rng.standard_normal(s), dtype=dtype) for s in ((3, 4), (5,))]
    optimizer = getattr(optimizers, case["class"])(**options)
    for _ in range(8):
        optimizer.apply([gpudl.tensor(rng.standard_normal(v.shape), dtype=dtype) for v in vs], vs)
    got = np.concatenate([v.numpy().ravel() for v in vs])
    np.testing.assert_allclose(got, case["final"], rtol=tolerance, atol=tolerance)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("ours", "theirs", "arguments"),
    [
        (lambda: optimizers.SGD(0.1, 0.9, nesterov=True), "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (lambda: optimizers.Adam(0.01, epsilon=0), "Adam", {"lr": 0.01, "eps": 0}),
        (lambda: optimizers.Adam(0.01, epsilon=0, amsgrad=True), "Adam", {"lr": 0.01, "eps": 0, "amsgrad": True}),
        (lambda: optimizers.Adadelta(1.0), "Adadelta", {"lr": 1.0, "rho": 0.95, "eps": 1e-7}),
    ],
    ids=["nesterov", "adam", "amsgrad", "adadelta"],
)
def test_pytorch(ours, theirs, arguments) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    ws = [torch.tensor(rng.standard_normal(s), requires_grad=True) for s in ((3, 4), (5,))]
    optimizer = getattr(torch.optim, theirs)(ws, **arguments)
    for _ in range(STEPS):
        for w in ws:
            w.grad = torch.tensor(rng.standard_normal(tuple(w.shape)))
        optimizer.step()
    for got, expected in zip(run(ours()), ws):
        np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-12, atol=1e-13)

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


def by_formula(step, starts: int | tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The same by a function (w, g, t, *state) -> (w, state); starts: how many states, or where they start."""
    rng = np.random.default_rng(5)
    ws = [rng.standard_normal(s) for s in ((3, 4), (5,))]
    state = [[np.full_like(w, start) for start in ((0.0,) * starts if isinstance(starts, int) else starts)] for w in ws]
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


def adamw(w, g, t, m, v):
    return adam(w - 0.01 * 0.2 * w, g, t, m, v)


def adamax(w, g, t, m, u):
    m, u = 0.9 * m + 0.1 * g, np.maximum(0.999 * u, np.abs(g))
    return w - 0.01 / (1 - 0.9**t) * m / (u + 1e-7), [m, u]


def nadam(w, g, t, m, v):
    u = [0.9 * (1 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    ahead = u[t] * m / (1 - np.prod(u)) + (1 - u[t - 1]) * g / (1 - np.prod(u[:t]))
    return w - 0.01 * ahead / (np.sqrt(v / (1 - 0.999**t)) + 1e-7), [m, v]


def rmsprop(w, g, t, v, m, a):
    v, a = 0.8 * v + 0.2 * g * g, 0.8 * a + 0.2 * g
    m = 0.5 * m + 0.01 * g / np.sqrt(v - a * a + 1e-2)
    return w - m, [v, m, a]


def adagrad(w, g, t, a):
    a = a + g * g
    return w - 0.1 * g / np.sqrt(a + 1e-7), [a]


def lion(w, g, t, m):
    return w - 0.01 * np.sign(0.9 * m + 0.1 * g), [0.99 * m + 0.01 * g]


def ftrl(w, g, t, a, z):
    n = a + g * g
    z = z + g + 2 * 0.03 * w - (np.sqrt(n) - np.sqrt(a)) / 0.1 * w
    return np.where(np.abs(z) > 0.01, (0.01 * np.sign(z) - z) / (np.sqrt(n) / 0.1 + 2 * 0.02 + 0.04 / 0.1), 0.0), [n, z]


def lamb(w, g, t, m, v):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    d = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return w - 0.1 * np.linalg.norm(w) / np.linalg.norm(d) * d, [m, v]


def adafactor(w, g, t, average):
    keep = 1 - t**-0.8
    average = keep * average + (1 - keep) * (g * g + 1e-30)  # rows and columns of an average are averages of rows and columns
    rows, columns = average.mean(-1, keepdims=True), average.mean(-2, keepdims=True) if w.ndim > 1 else None
    d = g / np.sqrt(average if columns is None else rows * columns / average.mean())
    size = max(1e-3, np.sqrt((w * w).mean())) * min(0.1, t**-0.5)
    return w - size * d / max(1.0, np.sqrt((d * d).mean())), [average]


FORMULAS = {
    "sgd": (lambda: optimizers.SGD(0.1), lambda w, g, t: (w - 0.1 * g, []), 0),
    "momentum": (lambda: optimizers.SGD(0.1, 0.9), momentum, 1),
    "nesterov": (lambda: optimizers.SGD(0.1, 0.9, nesterov=True), nesterov, 1),
    "adam": (lambda: optimizers.Adam(0.01), adam, 2),
    "amsgrad": (lambda: optimizers.Adam(0.01, 0.8, 0.9, 1e-3, amsgrad=True), amsgrad, 3),
    "adadelta": (lambda: optimizers.Adadelta(1.0), adadelta, 2),
    "adamw": (lambda: optimizers.AdamW(0.01, weight_decay=0.2), adamw, 2),
    "adamax": (lambda: optimizers.Adamax(0.01), adamax, 2),
    "nadam": (lambda: optimizers.Nadam(0.01), nadam, 2),
    "rmsprop": (lambda: optimizers.RMSprop(0.01, 0.8, momentum=0.5, epsilon=1e-2, centered=True), rmsprop, 3),
    "adagrad": (lambda: optimizers.Adagrad(0.1), adagrad, (0.1,)),
    "lion": (lambda: optimizers.Lion(0.01), lion, 1),
    "ftrl": (lambda: optimizers.Ftrl(0.1, -0.5, 0.1, 0.01, 0.02, 0.03, 0.04), ftrl, (0.1, 0.0)),
    "lamb": (lambda: optimizers.Lamb(0.1), lamb, 2),
    "adafactor": (lambda: optimizers.Adafactor(0.1), adafactor, 1),
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


def made(name, arguments) -> optimizers.Optimizer:
    """An optimizer whose schedule or inner optimizer is written as [class, arguments]."""
    options = dict(arguments)
    if isinstance(options.get("learning_rate"), list):
        schedule, values = options["learning_rate"]
        options["learning_rate"] = getattr(optimizers.schedules, schedule)(**values)
    if "inner_optimizer" in options:
        options["inner_optimizer"] = made(*options["inner_optimizer"])
    return getattr(optimizers, name)(**options)


@pytest.mark.parametrize("case", KERAS, ids=[f"{c['class']}-{i}" for i, c in enumerate(KERAS)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 4e-6)])
def test_keras(case, dtype, tolerance, path) -> None:
    """Where Keras arrives in float64 (golden/make_trajectories.py)."""
    rng = np.random.default_rng(5)
    vs = [gpudl.Variable(rng.standard_normal(s), dtype=dtype) for s in ((3, 4), (5,))]
    optimizer = made(case["class"], case["arguments"])
    for step in range(8):
        gradients = [rng.standard_normal(v.shape) for v in vs]
        if step in case.get("infinite", ()):
            gradients[0][1, 2] = np.inf
        optimizer.apply([gpudl.tensor(g, dtype=dtype) for g in gradients], vs)
    for key, found in {"final": vs, "average": [optimizer.average_of(v) for v in vs]}.items():
        if key in case:
            np.testing.assert_allclose(np.concatenate([v.numpy().ravel() for v in found]), case[key], rtol=tolerance, atol=tolerance)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("ours", "theirs", "arguments"),
    [
        (lambda: optimizers.SGD(0.1, 0.9, nesterov=True), "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (lambda: optimizers.Adam(0.01, epsilon=0), "Adam", {"lr": 0.01, "eps": 0}),
        (lambda: optimizers.Adam(0.01, epsilon=0, amsgrad=True), "Adam", {"lr": 0.01, "eps": 0, "amsgrad": True}),
        (lambda: optimizers.Adadelta(1.0), "Adadelta", {"lr": 1.0, "rho": 0.95, "eps": 1e-7}),
        (lambda: optimizers.AdamW(0.01, 0.2, epsilon=0), "AdamW", {"lr": 0.01, "weight_decay": 0.2, "eps": 0}),
        (lambda: optimizers.Adamax(0.01, epsilon=0), "Adamax", {"lr": 0.01, "eps": 0}),
        (lambda: optimizers.Nadam(0.01), "NAdam", {"lr": 0.01, "eps": 1e-7, "momentum_decay": 1.0}),
        (lambda: optimizers.RMSprop(0.01, 0.8, 0.5, 0), "RMSprop", {"lr": 0.01, "alpha": 0.8, "momentum": 0.5, "eps": 0}),
        (lambda: optimizers.Adagrad(0.1, epsilon=0), "Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.1, "eps": 0}),
        (lambda: optimizers.Adafactor(0.1), "Adafactor", {"lr": 0.1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
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
    tolerance = 1e-8 if theirs == "NAdam" else 1e-12  # PyTorch keeps its product of momenta in float32
    for got, expected in zip(run(ours()), ws):
        np.testing.assert_allclose(got, expected.detach().numpy(), rtol=tolerance, atol=tolerance)

"""Schedules: formulas, steps beyond a table in eager and replayed steps, `fit` in long runs, what they refuse. Keras' values: golden."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl import optimizers
from gpudl.optimizers import schedules as s

ALL = [
    s.ExponentialDecay(0.1, 7, 0.9),
    s.ExponentialDecay(0.1, 7, 0.9, staircase=True),
    s.InverseTimeDecay(0.1, 7, 0.9),
    s.PiecewiseConstantDecay([3, 9], [0.3, 0.2, 0.1]),
    s.PolynomialDecay(0.1, 7, power=2.0, cycle=True),
    s.CosineDecay(0.1, 7, 0.5, warmup_target=0.2, warmup_steps=3),
    s.CosineDecayRestarts(0.1, 3, 1.5, 0.5, 0.1),
]


class Sawtooth(s.LearningRateSchedule):
    """A schedule of the user's own, made of ops."""

    def __call__(self, step):
        return gpudl.ops.mod(gpudl.tensor(step, dtype="float64"), 5.0) * 0.125


@pytest.mark.parametrize("schedule", ALL, ids=lambda x: type(x).__name__)
def test_configuration(schedule) -> None:
    again = s.deserialize(s.serialize(schedule))
    assert [again(i) for i in range(30)] == [schedule(i) for i in range(30)]
    optimizer = optimizers.deserialize(optimizers.serialize(optimizers.Adam(schedule)))
    assert float(optimizer.learning_rate) == schedule(0)
    optimizer.iterations.assign(11)
    assert float(optimizer.learning_rate) == schedule(11)


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("uses", [1, 3])
def test_more_steps_than_a_table(captured, uses, path) -> None:
    """Each update moves by the rate of its step: eager, replayed, several updates a step, and after a step count set from outside."""
    schedule = s.InverseTimeDecay(1.0, 10, 1.0)
    optimizer, v, one = optimizers.SGD(schedule), gpudl.Variable([0.0], dtype="float64"), gpudl.ones(1, "float64")

    def step(g):
        for _ in range(uses):
            optimizer.apply([g], [v])

    run = gpudl.capture(step, strict=True) if captured else step
    for _ in range(2100 // uses):
        run(one)
    np.testing.assert_allclose(v.numpy()[0], -sum(schedule(i) for i in range(2100)), rtol=1e-12)
    assert float(optimizer.learning_rate) == schedule(2100)
    optimizer.iterations.assign(5)
    before = v.numpy()[0]
    run(one)
    np.testing.assert_allclose(v.numpy()[0] - before, -sum(schedule(5 + i) for i in range(uses)), rtol=1e-9)
    if captured:
        assert run.replayed > 690


def fitted(mode: str, schedule) -> list[np.ndarray]:
    gpudl.utils.set_random_seed(3)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((1500, 2)).astype("f4"), rng.standard_normal((1500, 1)).astype("f4")
    model = gpudl.Sequential([L.Input((2,)), L.Dense(1)])
    model.compile(optimizers.SGD(schedule, momentum=0.5), "mse", run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = mode
    model.fit(x, y, epochs=2, batch_size=1, verbose=0)
    assert float(model.optimizer.learning_rate) == float(schedule(3000))
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


@pytest.mark.parametrize("schedule", [s.CosineDecay(0.1, 2500), Sawtooth()], ids=["cosine", "own"])
def test_fit_in_long_runs(schedule, path) -> None:
    eager = fitted("eager", schedule)
    for mode in ("replay", "poisoned"):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(fitted(mode, schedule), eager))


def test_a_rate_that_follows_a_schedule_cannot_be_set() -> None:
    optimizer = optimizers.SGD(ALL[0])
    with pytest.raises(TypeError, match="follows a schedule"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = s.InverseTimeDecay(0.5, 1, 1.0)
    assert float(optimizer.learning_rate) == 0.5


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="decay_steps must be above 0"):
        s.ExponentialDecay(0.1, 0, 0.5)
    with pytest.raises(TypeError, match="initial_learning_rate must be a number"):
        s.CosineDecay("0.1", 10)
    with pytest.raises(ValueError, match="one value more"):
        s.PiecewiseConstantDecay([1, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="must rise"):
        s.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="unknown class 'Exponential'"):
        s.deserialize({"class_name": "Exponential", "config": {}})
    with pytest.raises(NotImplementedError, match="write __call__"):
        optimizers.SGD(s.LearningRateSchedule())

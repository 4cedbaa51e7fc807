"""LearningRateScheduler and ReduceLROnPlateau: which rate each epoch has, what the logs say, what is refused; steps are replayed on."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

import gpudl
from gpudl import layers
from gpudl.callbacks import LearningRateScheduler, ReduceLROnPlateau


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (lambda epoch: 0.1 / (epoch + 1), [0.1, 0.05, 0.1 / 3]),
        (lambda epoch, lr: lr * 0.5, [0.25, 0.125, 0.0625]),
        (lambda epoch, lr=None: lr if epoch < 1 else np.float32(0.25), [0.5, 0.25, 0.25]),
        (lambda *args: 1, [1.0, 1.0, 1.0]),
        (lambda epoch, lr: gpudl.ops.exp(gpudl.tensor(-1.0)) * 0 + 0.5, [0.5, 0.5, 0.5]),
    ],
)
def test_rates_of_a_schedule(model, data, schedule, rates) -> None:
    history = model.fit(*data, epochs=3, batch_size=8, callbacks=[LearningRateScheduler(schedule)], verbose=0).history
    assert history["learning_rate"] == rates
    assert model._runner("train").replayed > 0


def test_the_rate_is_used_by_replayed_steps() -> None:
    """w loses the rate times 1 in every step: 4 steps of 0.1 and 4 of 0.01."""
    model = gpudl.Sequential([layers.Dense(1, use_bias=False, kernel_initializer="zeros", input_dim=1)])
    model.compile("sgd", lambda y, p: p)
    x = np.ones((4, 1), np.float32)
    model.fit(x, x, batch_size=1, epochs=2, callbacks=[LearningRateScheduler(lambda e: [0.1, 0.01][e])], verbose=0)
    assert model.get_weights()[0].item() == pytest.approx(-0.44, rel=1e-6)
    assert model._runner("train").replayed > 0


def test_it_says_so(model, data, capsys) -> None:
    model.fit(*data, epochs=1, callbacks=[LearningRateScheduler(lambda e: 0.25, verbose=1)], verbose=0)
    assert capsys.readouterr().out == "Epoch 1: LearningRateScheduler setting learning rate to 0.25.\n"


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (None, TypeError, "must return a number. At epoch 0 it returned None"),
        ("0.1", TypeError, "must return a number"),
        (True, TypeError, "must return a number"),
        (-0.1, ValueError, "at least 0. At epoch 0"),
        (math.nan, ValueError, "at least 0"),
    ],
)
def test_wrong_results_leave_the_model_alone(model, data, result, error, words) -> None:
    before = model.get_weights()
    with pytest.raises(error, match=words):
        model.fit(*data, callbacks=[LearningRateScheduler(lambda epoch: result)], verbose=0)
    assert float(model.optimizer.learning_rate) == 0.5
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_errors_of_the_schedule_come_out_unchanged(model, data) -> None:
    """Keras takes a TypeError within the schedule for a wrong number of arguments."""

    def broken(epoch, lr):
        raise TypeError("my own")

    with pytest.raises(TypeError, match="my own"):
        model.fit(*data, callbacks=[LearningRateScheduler(broken)], verbose=0)


# plateaus -----------------------------------------------------------------------------------------------------------------------


def rates(callback: ReduceLROnPlateau, values: list[float | None], name: str = "val_loss") -> list[float]:
    """The learning rate after each epoch when the monitored number goes like this; the rate is 1 at first."""
    model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=1.0))
    callback.set_model(model)
    callback.on_train_begin()
    found = []
    for epoch, v in enumerate(values):
        logs = {} if v is None else {name: v}
        before = model.optimizer.learning_rate
        callback.on_epoch_end(epoch, logs)
        assert logs["learning_rate"] == before
        found.append(model.optimizer.learning_rate)
    return found


@pytest.mark.parametrize(  # what Keras 3.15.1 does
    ("arguments", "values", "expected"),
    [
        ({"patience": 1}, [3, 3, 3, 2, 2], [1, 0.5, 0.25, 0.25, 0.125]),
        ({"patience": 2}, [3, 3, 3, 3, 3], [1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 0}, [3, 3, 2, 2], [1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "cooldown": 2}, [3, 3, 3, 3, 3, 3], [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
        ({"patience": 1, "min_lr": 0.3}, [3, 3, 3, 3, 3], [1, 0.5, 0.3, 0.3, 0.3]),
        ({"patience": 1, "min_delta": 0.5}, [3, 2.6, 2.4, 2.0], [1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "mode": "max"}, [1, 2, 2, 3], [1, 1, 0.5, 0.5]),
        ({"patience": 1}, [3, None, 3, 2], [1, 1, 0.5, 0.5]),
        ({"patience": 1}, [3, float("nan"), 2], [1, 0.5, 0.5]),
        ({"patience": 1, "factor": 0, "min_lr": 0.1}, [3, 3], [1, 0.1]),
    ],
)
def test_rates_of_a_plateau(arguments, values, expected) -> None:
    assert rates(ReduceLROnPlateau(**{"factor": 0.5, **arguments}), values) == expected


def test_it_starts_anew_in_every_fit() -> None:
    callback = ReduceLROnPlateau(factor=0.5, patience=1)
    assert rates(callback, [1, 1]) == [1, 0.5]
    assert rates(callback, [9, 8]) == [1, 1]


def test_a_plateau_in_a_fit(model, data, capsys) -> None:
    callback = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0, verbose=1)
    history = model.fit(*data, epochs=3, batch_size=8, callbacks=[callback], verbose=0).history
    assert history["learning_rate"] == [0.5, 0.5, 0.25]
    assert capsys.readouterr().out.splitlines()[0] == "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.25."
    assert model._runner("train").replayed > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"factor": 1.0}, r"factor must lie in \[0, 1\)"),
        ({"factor": -0.1}, "factor must lie in"),
        ({"factor": "a"}, "factor must be a number"),
        ({"min_lr": -1}, "min_lr must be at least 0"),
        ({"cooldown": 1.5}, "cooldown must be an integer"),
        ({"patience": -1}, "at least 0"),
        ({"cool_down": 3}, "Did you mean 'cooldown'"),
    ],
)
def test_bad_arguments(arguments, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        ReduceLROnPlateau(**arguments)


def test_a_wrong_monitor_is_refused_before_the_first_step(model, data) -> None:
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"\[ReduceLROnPlateau\] monitor='val_loss' needs validation data"):
        model.fit(*data, callbacks=[ReduceLROnPlateau()], verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_what_is_no_function() -> None:
    with pytest.raises(TypeError, match="schedule must be a function of the epoch"):
        LearningRateScheduler(0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("callback", [LearningRateScheduler(lambda epoch: 0.1), ReduceLROnPlateau("loss")])
def test_a_rate_that_follows_a_schedule_is_refused_before_the_first_step(model, data, callback) -> None:
    schedules = pytest.importorskip("gpudl.optimizers.schedules")
    model.compile(gpudl.optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5)), "sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"the learning rate of SGD follows a schedule, so it cannot be set. Leave this callback out"):
        model.fit(*data, callbacks=[callback], verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)

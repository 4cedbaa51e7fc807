"""EarlyStopping: when it stops, which weights remain, and wrong monitors refused before the first step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers
from gpudl.callbacks import Callback, EarlyStopping


class Model(SimpleNamespace):
    """As much of a model as the callback sees; its weights are the number of the epoch."""

    def get_weights(self) -> Any:
        return self.weights

    def set_weights(self, weights: Any) -> None:
        self.weights = weights


def run(callback: EarlyStopping, values: list[float | None], name: str = "val_loss") -> tuple[int, Model]:
    """How many epochs are run when the monitored number goes like this, and the model afterwards."""
    model = Model(stop_training=False, weights=-1)
    callback.set_model(model)
    callback.check(["loss", "accuracy", "val_loss", "val_accuracy"], True, False)
    callback.on_train_begin()
    epochs = 0
    for epoch, v in enumerate(values):
        model.weights = epoch
        callback.on_epoch_end(epoch, {} if v is None else {name: v})
        epochs += 1
        if model.stop_training:
            break
    callback.on_train_end()
    return epochs, model


@pytest.mark.parametrize(
    ("arguments", "values", "epochs"),
    [
        ({}, [3, 2, 2, 1], 3),
        ({"patience": 1}, [3, 2, 2, 1, 1, 1], 3),
        ({"patience": 2}, [3, 2, 2, 2, 1], 4),
        ({"min_delta": 0.5}, [3, 2, 1.8, 1], 3),
        ({"min_delta": -0.5}, [3, 2, 1.8, 1], 3),
        ({"mode": "max"}, [1, 2, 2, 3], 3),
        ({"monitor": "val_accuracy"}, [0.1, 0.2, 0.2], 3),
        ({"baseline": 1.0, "patience": 2}, [3, 2, 1.5, 1.2], 4),
        ({"baseline": 1.0, "patience": 2}, [3, 0.5, 0.4, 0.3], 4),
        ({"start_from_epoch": 3}, [1, 2, 3, 4, 5, 6], 5),
        ({"patience": 1}, [1, float("nan"), float("nan")], 2),
        ({}, [2, None, 1, 3], 4),
    ],
)
def test_when_it_stops(arguments, values, epochs) -> None:
    callback = EarlyStopping(**arguments)
    assert run(callback, values, callback.monitor)[0] == epochs


def test_it_can_be_used_again() -> None:
    callback = EarlyStopping()
    assert run(callback, [1, 2])[0] == 2
    assert run(callback, [9, 8, 9])[0] == 3
    assert callback.stopped_epoch == 2 and callback.best_epoch == 1


def test_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(EarlyStopping(patience=2), [3, 1, 2, 2])[1].weights == 3
    assert run(EarlyStopping(patience=2, restore_best_weights=True, verbose=1), [3, 1, 2, 2])[1].weights == 1
    assert capsys.readouterr().out == "Epoch 4: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    assert run(EarlyStopping(patience=9, restore_best_weights=True), [3, 1, 2, 2])[1].weights == 1  # also if it never stopped
    assert run(EarlyStopping(), [1, 2])[1].weights == 1
    assert capsys.readouterr().out == ""


# within fit ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def model() -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    made = gpudl.Sequential([layers.Dense(2, input_dim=3, activation="softmax")])
    made.compile(gpudl.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((40, 3)).astype(np.float32), rng.integers(0, 2, 40)


@pytest.mark.parametrize(
    ("monitor", "validation", "words"),
    [
        ("var_loss", 0.2, r"no 'var_loss'.*Did you mean 'val_loss'.*Available: loss, accuracy, val_loss, val_accuracy"),
        ("val_loss", 0.0, r"needs validation data.*validation_data=\(x, y\).*or monitor 'loss'"),
        ("val_acc", 0.0, "needs validation data"),
        ("f1", 0.2, "Available"),
    ],
)
def test_a_wrong_monitor_is_refused_before_the_first_step(model, data, monitor, validation, words) -> None:
    before = model.get_weights()
    with pytest.raises(ValueError, match=words):
        model.fit(*data, epochs=2, validation_split=validation, callbacks=[EarlyStopping(monitor)], verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    model.fit(*data, epochs=1, validation_split=0.2, callbacks=[EarlyStopping()], verbose=0)


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "val_acc", "loss"])
def test_in_a_fit(model, data, monitor) -> None:
    stop = EarlyStopping(monitor, patience=1, restore_best_weights=True)
    history = model.fit(*data, epochs=60, validation_split=0.5, callbacks=[stop], verbose=0).history
    name = monitor.replace("val_acc", "val_accuracy") if monitor == "val_acc" else monitor
    best = int(np.argmax(history[name]) if "acc" in name else np.argmin(history[name]))
    assert stop.best_epoch == best and stop.best == history[name][best]
    if name.startswith("val"):
        loss, accuracy = model.evaluate(data[0][20:], data[1][20:], verbose=0)
        assert (accuracy if "acc" in name else loss) == pytest.approx(history[name][best], rel=1e-6)
        assert len(history["loss"]) < 60


def test_a_name_that_another_callback_adds(model, data) -> None:
    class Adds(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["f1"] = -epoch

    history = model.fit(*data, epochs=9, callbacks=[Adds(), EarlyStopping("f1", patience=2)], verbose=0)
    assert len(history.epoch) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"monitor": 3}, "monitor must be a name"),
        ({"mode": "maximum"}, "mode must be"),
        ({"patience": 1.5}, "patience must be an integer"),
        ({"patience": -1}, "at least 0"),
        ({"min_delta": "a"}, "min_delta must be a number"),
        ({"patiens": 3}, "Did you mean 'patience'"),
    ],
)
def test_bad_arguments(arguments, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        EarlyStopping(**arguments)


def test_a_direction_that_cannot_be_guessed() -> None:
    with pytest.raises(ValueError, match="Pass mode='max' or mode='min'"):
        EarlyStopping("quality").check(["loss", "quality"], False, False)
    EarlyStopping("quality", mode="max").check(["loss", "quality"], False, False)

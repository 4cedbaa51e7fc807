"""Callbacks: hooks and their order, batch hooks noticed, wrong objects refused, History."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import gpudl
from gpudl import callbacks, layers
from gpudl.callbacks.base import CallbackList, overrides, spelled


def model_and_data() -> tuple[gpudl.Sequential, np.ndarray, np.ndarray]:
    gpudl.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 3)).astype(np.float32)
    model = gpudl.Sequential([layers.Dense(2, input_dim=3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, (x[:, 0] > 0).astype(np.int64)


class Diary(callbacks.Callback):
    """Writes down every hook."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattribute__(self, name: str):
        if name.startswith("on_"):
            return lambda *args: self.lines.append(f"{name} {args[0]}" if args and not isinstance(args[0], dict) else name)
        return super().__getattribute__(name)


class Losses(callbacks.Callback):
    """Listens to batches of training."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.seen.append((batch, logs["loss"]))


def test_hooks_of_a_fit_in_order() -> None:
    model, x, y = model_and_data()
    diary = Diary()
    model.fit(x, y, batch_size=10, epochs=2, validation_data=(x, y), callbacks=diary, verbose=0)
    batches = [f"on_train_batch_{when} {i}" for i in (0, 1) for when in ("begin", "end")]
    tests = ["on_test_begin", *[line.replace("train", "test") for line in batches], "on_test_end"]
    epochs = [[f"on_epoch_begin {e}", *batches, *tests, f"on_epoch_end {e}"] for e in (0, 1)]
    assert diary.lines == ["on_train_begin", *epochs[0], *epochs[1], "on_train_end"]


def test_hooks_of_evaluate_and_predict() -> None:
    model, x, y = model_and_data()
    diary = Diary()
    model.evaluate(x, y, batch_size=20, callbacks=[diary], verbose=0)
    model.predict(x, batch_size=20, callbacks=[diary], verbose=0)
    assert diary.lines == [f"on_{kind}_{hook}" for kind in ("test", "predict") for hook in ("begin", "batch_begin 0", "batch_end 0", "end")]


def test_losses_of_batches_are_running_means() -> None:
    model, x, y = model_and_data()
    losses = Losses()
    history = model.fit(x, y, batch_size=8, epochs=2, callbacks=[losses], verbose=0)
    assert [b for b, _ in losses.seen] == [0, 1, 2] * 2
    assert losses.seen[2][1] == history.history["loss"][0] and losses.seen[5][1] == history.history["loss"][1]


def test_batch_hooks_are_noticed() -> None:
    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):  # the older name
            pass

    attached = callbacks.Callback()
    attached.on_test_batch_end = lambda batch, logs=None: None  # type: ignore[method-assign]
    wants = [(callbacks.Callback(), ""), (Losses(), "train"), (Old(), "train"), (attached, "test"), (callbacks.History(), "")]
    for callback, kinds in wants:
        wanted = [kind for kind in ("train", "test", "predict") if CallbackList([callback]).wants_batches(kind)]
        assert wanted == kinds.split()
    assert overrides(attached, "on_test_batch_end") and not overrides(attached, "on_epoch_end")


def test_older_names_are_called() -> None:
    class Old(callbacks.Callback):
        count = 0

        def on_batch_begin(self, batch, logs=None):
            self.count += 1

    model, x, y = model_and_data()
    old = Old()
    model.fit(x, y, batch_size=5, callbacks=[old], verbose=0)
    assert old.count == 4


def test_model_and_params_are_known() -> None:
    class Curious(callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.told = (self.model, self.params["epochs"], self.params["steps"])

    model, x, y = model_and_data()
    curious = Curious()
    model.fit(x, y, batch_size=8, epochs=3, callbacks=[curious], verbose=0)
    assert curious.told == (model, 3, 3)


def test_history() -> None:
    model, x, y = model_and_data()
    history = model.fit(x, y, epochs=3, initial_epoch=1, validation_split=0.25, verbose=0)
    assert history is model.history and history.epoch == [1, 2]
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(v) == 2 and all(type(n) is float for n in v) for v in history.history.values())
    again = model.fit(x, y, verbose=0)
    assert again.epoch == [0] and history.epoch == [1, 2]
    mine = callbacks.History()
    assert model.fit(x, y, callbacks=[mine], verbose=0) is mine


def test_what_a_callback_adds_to_the_logs_is_kept() -> None:
    class Adds(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["extra"] = float(epoch)

    model, x, y = model_and_data()
    assert model.fit(x, y, epochs=2, callbacks=[Adds()], verbose=0).history["extra"] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (callbacks.EarlyStopping, r"Write EarlyStopping\(\)"),
        ([lambda: None], "instances of gpudl.callbacks.Callback"),
        (3, "instances"),
        (["early_stopping"], "instances"),
    ],
)
def test_things_that_are_no_callbacks(wrong, words) -> None:
    model, x, y = model_and_data()
    before = model.get_weights()
    with pytest.raises(TypeError, match=words):
        model.fit(x, y, callbacks=wrong, verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="verbose must be 0, 1, 2"):
        model.fit(x, y, verbose=3)


def test_other_spellings_in_logs() -> None:
    assert spelled("val_acc", ["loss", "accuracy", "val_accuracy"]) == "val_accuracy"
    assert spelled("val_accuracy", ["loss", "acc", "val_acc"]) == "val_acc"
    assert spelled("val_f1", ["loss"]) == "val_f1"


def test_stop_training_by_a_callback() -> None:
    class Enough(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model, x, y = model_and_data()
    assert len(model.fit(x, y, epochs=10, callbacks=Enough(), verbose=0).epoch) == 2


def test_a_list_of_ones_own() -> None:
    """As Keras allows: for loops of one's own."""
    history = callbacks.History()
    every = callbacks.CallbackList([history], add_progbar=False, model=SimpleNamespace(history=None), epochs=1)
    every.on_train_begin()
    every.on_epoch_end(0, {"loss": 1.0})
    every.append(Diary())
    every.on_epoch_begin(1)
    assert history.history == {"loss": [1.0]} and len(list(every)) == 2
    assert list(every)[1].lines == ["on_epoch_begin 1"]

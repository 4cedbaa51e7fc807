"""LambdaCallback, CSVLogger, TerminateOnNaN: what is called, what is written, where training ends."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import gpudl
from gpudl.callbacks import Callback, CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN, nan

# functions ----------------------------------------------------------------------------------------------------------------------


def test_functions_are_called_as_in_keras(model, data) -> None:
    seen = []
    take = LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"),
        on_epoch_begin=lambda epoch, logs: seen.append(f"epoch {epoch}"),
        on_train_batch_end=lambda batch, logs: seen.append(f"batch {batch} {sorted(logs)}"),
        on_test_begin=lambda logs: seen.append("test"),
        on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)),
        on_train_end=lambda logs: seen.append("end"),
    )
    model.fit(*data, batch_size=20, epochs=1, validation_split=0.5, callbacks=take, verbose=0)
    names = ["accuracy", "loss"]
    assert seen == ["begin", "epoch 0", f"batch 0 {names}", "test", [*names, "val_accuracy", "val_loss"], "end"]


def test_no_batch_hook_no_stop_at_batches(model, data) -> None:
    model.fit(*data, batch_size=4, epochs=2, callbacks=LambdaCallback(on_epoch_end=lambda epoch, logs: None), verbose=0)
    assert model._runner("train").replayed > 0
    listeners = gpudl.callbacks.CallbackList([LambdaCallback(on_epoch_end=print)])
    assert not listeners.wants_batches("train")
    assert gpudl.callbacks.CallbackList([LambdaCallback(on_train_batch_begin=print)]).wants_batches("train")
    assert gpudl.callbacks.CallbackList([LambdaCallback(on_batch_end=print)]).wants_batches("train")


def test_functions_may_change_what_layers_of_ones_own_do(data) -> None:
    class Switch(gpudl.layers.Layer):
        factor = 1.0

        def call(self, x):
            return x * Switch.factor

    def set_factor(epoch, logs) -> None:
        Switch.factor = float(epoch)

    model = gpudl.Sequential([gpudl.layers.Dense(1, input_dim=3), Switch()])
    model.compile("sgd", "mse")
    x, y = data[0], np.zeros(40, np.float32)
    losses = model.fit(x, y, batch_size=4, epochs=3, callbacks=LambdaCallback(on_epoch_begin=set_factor), verbose=0).history["loss"]
    assert losses[0] == 0 and losses[1] > 0 and losses[2] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"on_epoch_ends": print}, "Did you mean 'on_epoch_end'"), ({"on_epoch_end": 3}, "must be a function. Received: on_epoch_end=3")],
)
def test_wrong_hooks(arguments, words) -> None:
    with pytest.raises(TypeError, match=words):
        LambdaCallback(**arguments)


# tables -------------------------------------------------------------------------------------------------------------------------


def rows(path, separator=",") -> list[list[str]]:
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_a_line_an_epoch(model, data, tmp_path) -> None:
    path = tmp_path / "log.csv"
    history = model.fit(*data, epochs=2, batch_size=8, validation_split=0.2, callbacks=[CSVLogger(path, separator=";")], verbose=0).history
    names = ["accuracy", "loss", "val_accuracy", "val_loss"]
    head, *body = rows(path, ";")
    assert head == ["epoch", *names]
    assert [[int(r[0]), *map(float, r[1:])] for r in body] == [[e, *[history[n][e] for n in names]] for e in range(2)]
    assert path.read_bytes().count(b"\r\n") == 3
    assert model._runner("train").replayed > 0


def test_columns_are_those_of_the_first_epoch(model, data, tmp_path) -> None:
    """As in Keras: columns for validation from the start, none for names that come up later."""
    path = tmp_path / "log.csv"
    late = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(late=1.0) if epoch else None)
    model.fit(*data, epochs=2, validation_split=0.2, validation_freq=2, callbacks=[late, CSVLogger(path)], verbose=0)
    head, first, second = rows(path)
    assert head == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert first[3:] == ["NA", "NA"] and "NA" not in second


def test_append(model, data, tmp_path) -> None:
    path = tmp_path / "log.csv"
    model.fit(*data, epochs=1, callbacks=[CSVLogger(path, append=True)], verbose=0)
    model.fit(*data, initial_epoch=1, epochs=2, callbacks=[LearningRateScheduler(lambda e: 0.1), CSVLogger(path, append=True)], verbose=0)
    head, *body = rows(path)
    assert head == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [r[0] for r in body] == ["0", "1"] and all(len(r) == 5 and r[3:] == ["NA", "NA"] for r in body)
    model.fit(*data, epochs=1, callbacks=[CSVLogger(path)], verbose=0)
    assert len(rows(path)) == 2


def test_lists_and_text(tmp_path) -> None:
    log = CSVLogger(tmp_path / "log.csv")
    log.on_train_begin()
    log.on_epoch_end(0, {"loss": 0.5, "list": [1, 2], "text": "a,b", "zero": np.float32(0.25)})  # type: ignore[dict-item]
    assert rows(tmp_path / "log.csv")[1][:5] == ["0", "[1, 2]", "0.5", "a,b", "0.25"]


def test_nothing_is_lost_when_training_is_interrupted(model, data, tmp_path) -> None:
    def stop(epoch, logs) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, epochs=9, callbacks=[CSVLogger(tmp_path / "log.csv"), LambdaCallback(on_epoch_begin=stop)], verbose=0)
    assert [r[0] for r in rows(tmp_path / "log.csv")] == ["epoch", "0", "1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"filename": 3}, "must be a path"), ({"separator": ";;"}, "one character"), ({"sep": ";"}, "Did you mean 'separator'|no keyword")],
)
def test_bad_arguments(arguments, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        CSVLogger(**{"filename": "a.csv", **arguments})


def test_no_such_folder(model, data, tmp_path) -> None:
    before = model.get_weights()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        model.fit(*data, callbacks=[CSVLogger(tmp_path / "no" / "log.csv")], verbose=0)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        model.fit(*data, callbacks=[CSVLogger(tmp_path)], verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


# NaN ----------------------------------------------------------------------------------------------------------------------------


class Diverges(Callback):
    """Makes the weights infinite before an epoch."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.at:
            self.model.set_weights([np.full_like(w, np.inf) for w in self.model.get_weights()])


def test_training_ends(model, data, capsys) -> None:
    stop = TerminateOnNaN()
    assert not gpudl.callbacks.CallbackList([stop]).wants_batches("train")
    history = model.fit(*data, batch_size=4, epochs=9, callbacks=[Diverges(2), stop], verbose=0)
    assert history.epoch == [0, 1, 2] and not np.isfinite(history.history["loss"][-1])
    assert "Epoch 3, " in (said := capsys.readouterr().out) and said.count("invalid loss") == 1
    assert model._runner("train").replayed > 0


def test_an_error_in_place_of_an_end(model, data) -> None:
    ended = []
    with pytest.raises(RuntimeError, match=r"\[TerminateOnNaN\] the loss is (nan|inf) in epoch 2"):
        ends = LambdaCallback(on_train_end=lambda logs: ended.append(True))
        model.fit(*data, epochs=9, callbacks=[Diverges(1), TerminateOnNaN(raise_error=True), ends], verbose=0)
    assert not ended


def test_a_long_epoch_is_left_early(model, data, monkeypatch) -> None:
    """Many short steps: it looks between stretches of them, not only at the end."""
    monkeypatch.setattr(nan, "INTERVAL", 0.0)
    x, y = np.repeat(data[0], 200, axis=0), np.repeat(data[1], 200)
    model.fit(x, y, batch_size=1, epochs=2, callbacks=[Diverges(0), TerminateOnNaN()], verbose=0)
    assert int(model.optimizer.iterations) < 8000
    assert model.history.epoch == [0]


def test_it_reads_the_loss_seldom(model, data, monkeypatch) -> None:
    """2000 batches do not make 2000 reads."""
    reads, read = [], model._logs
    monkeypatch.setattr(type(model), "_logs", lambda self: reads.append(1) or read())
    model.fit(np.repeat(data[0], 50, axis=0), np.repeat(data[1], 50), batch_size=1, callbacks=[TerminateOnNaN()], verbose=0)
    assert int(model.optimizer.iterations) == 2000 and len(reads) < 100


def test_a_healthy_training_goes_on(model, data, capsys) -> None:
    assert len(model.fit(*data, epochs=3, callbacks=[TerminateOnNaN()], verbose=0).epoch) == 3
    assert capsys.readouterr().out == ""

"""The progress display: lines where nobody can see a bar, a bar on a terminal, silence, and metrics read at most five times a second."""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest

import gpudl
from gpudl import callbacks, layers
from gpudl.callbacks import progress


@pytest.fixture
def model() -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    made = gpudl.Sequential([layers.Dense(2, input_dim=3, activation="softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((40, 3)).astype(np.float32), rng.integers(0, 2, 40)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


NUMBER = r"\d+\.\d{4}"


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
def test_one_plain_line_an_epoch(model, data, verbose, capsys) -> None:
    model.fit(*data, epochs=2, batch_size=16, validation_split=0.25, verbose=verbose)
    out = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch")]
    pattern = rf"Epoch @/2 - 2 steps - \d+\.\ds - loss: {NUMBER} - accuracy: {NUMBER} - val_loss: {NUMBER} - val_accuracy: {NUMBER}"
    assert len(out) == 2 and all(re.fullmatch(pattern.replace("@", str(i + 1)), line) for i, line in enumerate(out)), out
    assert all(c.isprintable() for line in out for c in line)


def test_silence(model, data, capsys) -> None:
    model.fit(*data, verbose=0)
    model.evaluate(*data, verbose=0)
    model.predict(data[0], verbose=0)
    capsys.readouterr()
    model.fit(*data, verbose=0)
    model.predict(data[0])
    assert capsys.readouterr().out == ""


def test_evaluate_and_predict_lines(model, data, capsys) -> None:
    model.evaluate(*data, verbose=2)
    model.predict(data[0], verbose=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if " - " in line]
    assert re.fullmatch(rf"Evaluated - 2 steps - \d+\.\ds - loss: {NUMBER} - accuracy: {NUMBER}", lines[0])
    assert re.fullmatch(r"Predicted - 2 steps - \d+\.\ds", lines[1])


def test_a_bar_on_a_terminal(model, data, terminal) -> None:
    with redirect_stdout(terminal):
        model.fit(*data, epochs=2, batch_size=16, validation_split=0.25, verbose="auto")
    shown = terminal.getvalue()
    assert "\r" in shown
    last = shown.rstrip().split("\r")[-1]
    assert "Epoch 2/2: 100%" in last and "2/2" in last and re.search(rf"loss: {NUMBER}.*val_accuracy: {NUMBER}", last)


def test_lines_on_a_terminal_if_wanted(model, data, terminal) -> None:
    with redirect_stdout(terminal):
        model.fit(*data, verbose=2)
    assert terminal.getvalue() and "\r" not in terminal.getvalue()


def test_prints_of_callbacks_do_not_run_into_the_bar(model, data, terminal) -> None:
    class Says(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            print("epoch over")

    with redirect_stdout(terminal):
        model.fit(*data, callbacks=[Says()], verbose=1)
    assert "epoch over" in terminal.getvalue()
    before = terminal.getvalue().split("epoch over")[0]
    assert not before.split("\r")[-1].strip()  # the bar was wiped off before


def test_the_bar_is_closed_when_training_breaks_off(model, data, terminal) -> None:
    class Breaks(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"), redirect_stdout(terminal):
        model.fit(*data, callbacks=[Breaks()], verbose=1)
    assert terminal.getvalue().endswith("\n")


def test_metrics_are_read_at_most_five_times_a_second(terminal, monkeypatch) -> None:
    now, reads = [100.0], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    bar = callbacks.ProgbarLogger()
    with redirect_stdout(terminal):
        bar.set_params({"verbose": 1, "epochs": 1, "steps": 1000, "kind": "train"})
        assert bar.watches("train") and not bar.watches("test")
        bar.on_epoch_begin(0)
        for done in range(1000):
            now[0] += 0.01
            bar.on_progress("train", done, lambda: reads.append(now[0]) or {"loss": 0.5})
        bar.on_epoch_end(0, {"loss": 0.25})
    assert 40 <= len(reads) <= 50 and min(np.diff(reads)) >= 0.2 - 1e-9
    assert "1000/1000" in terminal.getvalue() and "loss: 0.2500" in terminal.getvalue()


def test_an_early_stop_leaves_the_bar_where_it_was(terminal) -> None:
    bar = callbacks.ProgbarLogger()
    bar.set_model(type("Model", (), {"stop_training": True})())
    with redirect_stdout(terminal):
        bar.set_params({"verbose": 1, "epochs": 1, "steps": 10, "kind": "train"})
        bar.on_epoch_begin(0)
        bar.on_epoch_end(0, {"loss": 0.25})
    assert "0/10" in terminal.getvalue() and "10/10" not in terminal.getvalue()


def test_numbers() -> None:
    assert progress.written({"loss": 12.34567, "tiny": 1.5e-5, "nan": float("nan")}) == "loss: 12.3457 - tiny: 1.5000e-05 - nan: nan"


def test_a_notebook(monkeypatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", type("IPython", (), {"get_ipython": staticmethod(lambda: shell)}))
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    assert progress.can_redraw()
    assert progress.bar_class().__mro__[1].__module__ == "tqdm.std"  # without ipywidgets there is still a bar of text

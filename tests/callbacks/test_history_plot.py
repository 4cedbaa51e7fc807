"""History.plot: a panel for each name, the right numbers at the right epochs, and what is said where Matplotlib is missing."""

from __future__ import annotations

import sys

import pytest

from gpudl.callbacks import History, LearningRateScheduler


def test_panels_and_lines(model, data, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    h = model.fit(*data, epochs=6, validation_split=0.25, validation_freq=4, callbacks=[LearningRateScheduler(lambda e: 0.1)], verbose=0)
    figure = h.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [a.get_title() for a in figure.axes] == ["loss", "accuracy", "learning_rate"]
    training, validation = figure.axes[0].get_lines()
    assert list(training.get_xdata()) == [1, 2, 3, 4, 5, 6] and list(training.get_ydata()) == h.history["loss"]
    assert list(validation.get_xdata()) == [4] and list(validation.get_ydata()) == h.history["val_loss"]
    assert len(figure.axes[2].get_lines()) == 1
    h.plot(str(tmp_path / "curves.svg"))
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")


def test_many_names(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    h = History()
    h.on_train_begin()
    h.on_epoch_end(7, {"loss": 1.0, "b": 2.0, "c": 3.0, "val_d": 4.0})
    figure = h.plot(tmp_path / "curves.png")
    assert [a.get_title() for a in figure.axes if a.get_visible()] == ["loss", "b", "c", "d"]
    assert [list(a.get_lines()[0].get_xdata()) for a in figure.axes[:4]] == [[8]] * 4
    assert [list(a.get_xticks()) for a in figure.axes[:4]] == [[8]] * 4, "no ticks at fractions of an epoch"
    assert all(a.get_visible() for a in figure.axes), "four panels make a square"


def test_without_a_path_the_figure_is_pyplots(model, data, monkeypatch) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    figure = model.fit(*data, epochs=2, verbose=0).plot()
    assert figure.number in pyplot.get_fignums()
    pyplot.close(figure)


def test_nothing_to_plot(model, data) -> None:
    with pytest.raises(ValueError, match=r"\[History.plot\] there is nothing to plot: no epoch has ended yet"):
        model.fit(*data, epochs=0, verbose=0).plot("curves.png")


def test_matplotlib_is_missing(model, data, monkeypatch) -> None:
    h = model.fit(*data, epochs=1, verbose=0)
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"Matplotlib is missing; install it with: pip install 'gpudl\[plot\]'"):
        h.plot("curves.png")

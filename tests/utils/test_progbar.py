"""The bar for loops of one's own: what it prints on a terminal and elsewhere, and what it averages."""

from __future__ import annotations

import itertools
import re

import pytest

from gpudl.utils import Progbar, progress


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is 0.1 ms after the one before, so that no text depends on how busy the machine is."""
    looks = itertools.count()
    monkeypatch.setattr(progress.time, "monotonic", lambda: 1000 + 1e-4 * next(looks))


def test_one_line_where_nothing_can_be_drawn_again(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose in (1, 2):
        bar = Progbar(4, verbose=verbose)
        for loss in (4.0, 2.0):
            bar.add(2, [("loss", loss), ("rate", 0.00001)])
        out = capsys.readouterr().out
        assert re.fullmatch(r"4/4 - 0s - \d+us/step - loss: 3.0000 - rate: 1.0000e-05\n", out), out
    Progbar(1, verbose=0).add(1)
    assert capsys.readouterr().out == ""


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "can_redraw", lambda: True)
    bar = Progbar(10, width=10, interval=0)
    bar.update(3, [("loss", 1.0)])
    bar.update(10, [("loss", 1.0)])
    first, last = capsys.readouterr().out.split("\r")[1:]
    assert first.startswith(" 3/10 ━━━······· - ") and last.startswith("10/10 ━━━━━━━━━━ - ") and last.endswith("loss: 1.0000\n")
    slow = Progbar(None, interval=60)
    slow.update(1)
    slow.update(2)
    slow.update(3, finalize=True)
    assert re.fullmatch(r"\r1 - \S+ - \S+/step\r3 - .*\n", capsys.readouterr().out)


def test_what_is_averaged(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Progbar(3, verbose=2, stateful_metrics=["rate"], unit_name="batch")
    bar.update(1, [("loss", 3.0), ("rate", 1.0)])
    bar.update(3, [("loss", [0.0, 0.0]), ("rate", 2.0)])  # two steps
    assert capsys.readouterr().out.endswith("/batch - loss: 1.0000 - rate: 2.0000\n")
    bar = Progbar(2, verbose=2, stateless_metrics=["loss"])
    for n in (1, 2):
        bar.update(n, [("loss", n), ("rate", n)])
    assert capsys.readouterr().out.endswith("loss: 1.5000 - rate: 2.0000\n")


def test_refused() -> None:
    with pytest.raises(ValueError, match="stateful_metrics or stateless_metrics"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])
    with pytest.raises(ValueError, match="target=-1"):
        Progbar(-1)

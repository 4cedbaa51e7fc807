"""Show how far a loop of one's own is: `Progbar`, as Keras has it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..callbacks.progress import can_redraw, number


class Progbar:
    """A bar with the steps done, the time and the means of some numbers.

    Args:
        target: how many steps there will be; None if that is not known.
        width: of the bar, default 20.
        verbose: 0 nothing, 1 a bar that is drawn again, 2 a line when all steps are done. Default 1.
        interval: seconds between two drawings, default 0.05.
        stateful_metrics: names of numbers that are shown as they are.
        stateless_metrics: names of numbers that are averaged; the others are shown as they are. Default: all are averaged.
        unit_name: default "step".

    Where nothing can be drawn again, e.g. in a file, there is only the line at the end.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.add(1, [("loss", 3.0)])
    >>> bar.add(1, [("loss", 1.0)])
    2/2 - 0s - ...s/step - loss: 2.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("[Progbar] pass stateful_metrics or stateless_metrics: each says which numbers are averaged")
        if target is not None and (isinstance(target, bool) or not isinstance(target, (int, np.integer)) or target < 0):
            raise ValueError(f"[Progbar] target must be a number of steps, or None. Received: target={target!r}")
        self.target, self.width, self.verbose, self.interval, self.unit_name = target, width, verbose, interval, unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._values: dict[str, tuple[float, int]] = {}  # name -> (total, weight)
        self._done, self._drawn, self._shown = 0, "", 0.0
        self._began = time.monotonic()

    def update(self, current: int, values: Sequence[tuple[str, Any]] | None = None, finalize: bool | None = None) -> None:
        """So many steps are done.

        Args:
            current: their number.
            values: (name, number of the last step).
            finalize: whether this is the last call; default: if `target` is reached.
        """
        last = (self.target is not None and current >= self.target) if finalize is None else finalize
        steps = max(current - self._done, 1)
        for name, value in values or ():
            mean, (total, weight) = float(np.mean(value)), self._values.get(name, (0.0, 0))
            self._values[name] = (total + mean * steps, weight + steps) if self._averages(name) else (mean, 1)
        self._done = current
        now = time.monotonic()
        if self.verbose == 1 and can_redraw():
            if last or now - self._shown >= self.interval:
                self._shown = now
                self._draw(self._line(now, bar=True), last)
        elif self.verbose in (1, 2) and last:
            print(self._line(now, bar=False), flush=True)

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """So many more steps are done."""
        self.update(self._done + n, values)

    def _averages(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return self.stateful_metrics is None or name not in self.stateful_metrics

    def _line(self, now: float, bar: bool) -> str:
        took = now - self._began
        each = took / max(self._done, 1)
        count = f"{self._done}/{self.target}" if self.target is not None else f"{self._done}"
        if bar and self.target:
            full = min(self.width, self.width * self._done // self.target)
            count = f"{self._done:{len(str(self.target))}d}/{self.target} {'━' * full}{'·' * (self.width - full)}"
        left = each * (self.target - self._done) if self.target is not None and self._done < self.target else took
        speed = f"{each:.0f}s" if each >= 1 else f"{each * 1e3:.0f}ms" if each >= 1e-3 else f"{each * 1e6:.0f}us"
        parts = [count, f"{left:.0f}s", f"{speed}/{self.unit_name}"]
        return " - ".join([*parts, *[f"{name}: {number(total / max(weight, 1))}" for name, (total, weight) in self._values.items()]])

    def _draw(self, line: str, last: bool) -> None:
        sys.stdout.write("\r" + line.ljust(len(self._drawn)) + ("\n" if last else ""))
        sys.stdout.flush()
        self._drawn = "" if last else line


__all__ = ["Progbar"]

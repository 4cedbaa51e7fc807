"""Keep what every epoch measured: `History`, which fit returns."""

from __future__ import annotations

from os import PathLike
from typing import Any

from ..errors import did_you_mean
from .base import Callback, Logs, spelled


class Values(dict[str, list[float]]):
    """Names in the logs and their values, which can be read by other spellings of the names too: `acc` where `accuracy` was logged."""

    def __missing__(self, name: str) -> list[float]:
        other = spelled(name, self) if isinstance(name, str) else name
        if not dict.__contains__(self, other):
            raise KeyError(f"[History] there is no {name!r}.{did_you_mean(name, self)} Logged: {', '.join(self) or 'nothing yet'}")
        return self[other]

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or (isinstance(name, str) and dict.__contains__(self, spelled(name, self)))

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


class History(Callback):
    """`history` maps each name in the logs to its values, one an epoch; `epoch` lists the epochs' numbers from 0.

    fit makes one by itself and returns it.

    >>> h = History()
    >>> h.on_train_begin()
    >>> h.on_epoch_end(0, {"loss": 0.5})
    >>> h.history, h.epoch
    ({'loss': [0.5]}, [0])
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = Values()
        self.epoch: list[int] = []
        self._when: dict[str, list[int]] = {}  # the epochs of each name: `validation_freq` leaves some out

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.history, self.epoch, self._when = Values(), [], {}
        if self.model is not None:
            self.model.history = self

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._when.setdefault(name, []).append(epoch)

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """Draw the values over the epochs: a panel for each name, training and validation in it. Needs Matplotlib.

        Args:
            path: of a file to write, e.g. "curves.png" or ".svg". Default None: the figure is shown by the notebook, or by
                `matplotlib.pyplot.show()`.

        Returns:
            Matplotlib's figure.

        Raises:
            ImportError: if Matplotlib is not installed.
            ValueError: if no epoch has ended yet.
        """
        from . import curves

        return curves.draw(self.history, self._when, path)


__all__ = ["History"]

"""Keep what every epoch measured: `History`, which fit returns."""

from __future__ import annotations

from .base import Callback, Logs


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
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.history, self.epoch = {}, []
        if self.model is not None:
            self.model.history = self

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


__all__ = ["History"]

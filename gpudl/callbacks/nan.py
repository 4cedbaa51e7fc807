"""Stop training when the loss is no number any more: `TerminateOnNaN`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from .base import Callback, Logs

INTERVAL = 0.05  # seconds between two looks


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    Reading the loss after every batch would make the host wait for the device every time. So it is read about ten times a second, and at
    the end of every epoch: the mean loss of an epoch stays NaN or infinite once one batch's loss was, so none is missed, and training goes
    on for a fraction of a second at most.

    Args:
        raise_error: raise RuntimeError in place of ending the epoch: `on_epoch_end` and `on_train_end` of the callbacks are not called.
            Default False.

    >>> TerminateOnNaN().raise_error
    False
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error
        self._last, self._found = 0.0, False
        self._epoch = self._seen = 0

    def watches(self, kind: str) -> bool:
        return kind == "train"

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch, self._seen, self._found = epoch, 0, False
        self._last = time.monotonic()

    def on_progress(self, kind: str, done: int, logs: Callable[[], Logs]) -> None:
        now = time.monotonic()
        if kind != "train" or now - self._last < INTERVAL:
            return
        self._last = now
        self._look(logs(), f"between batches {self._seen} and {done - 1}")
        self._seen = done

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._look(logs or {}, f"at batch {self._seen} or later")

    def _look(self, logs: Logs, where: str) -> None:
        loss = logs.get("loss")
        if self._found or loss is None or math.isfinite(loss):
            return
        self._found = True
        if self.raise_error:
            raise RuntimeError(f"[TerminateOnNaN] the loss is {loss} in epoch {self._epoch + 1}, {where}")
        print(f"Epoch {self._epoch + 1}, {where}: invalid loss ({loss}), terminating training")
        self.model.stop_training = True


__all__ = ["TerminateOnNaN"]

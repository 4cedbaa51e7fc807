"""Stop training when it no longer helps: `EarlyStopping`."""

from __future__ import annotations

from typing import Any

from .base import Logs
from .monitor import Monitor, count


class EarlyStopping(Monitor):
    """Stops training when a monitored number has not improved for `patience` epochs.

    Args:
        monitor: a name in the logs. Default "val_loss", which needs validation data.
        min_delta: a smaller change is no improvement. Default 0.
        patience: epochs without improvement before training stops. Default 0.
        verbose: 1 says so when it stops. Default 0.
        mode: "min", "max", or "auto": found from the name. Default "auto".
        baseline: a value to be reached: epochs that do not beat it count as no improvement. Default None.
        restore_best_weights: go back to the weights of the best epoch when training ends. Default False: the last ones stay.
        start_from_epoch: do not look before this epoch. Default 0.

    Raises:
        ValueError, TypeError: for arguments that make no sense; at the start of fit, if there is no such name in the logs.

    >>> EarlyStopping(monitor="val_loss", patience=10).patience
    10
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.verbose, self.baseline = verbose, baseline
        self.patience = count("EarlyStopping", "patience", patience)
        self.start_from_epoch = count("EarlyStopping", "start_from_epoch", start_from_epoch)
        self.restore_best_weights = restore_best_weights
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: Any = None
        self._stopped = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None
        self._stopped = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self._current(logs or {})
        if current is None:
            return
        if epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)
        self.wait += 1
        if self._improves(current, self.best):
            self.best = current
            if self.restore_best_weights:
                self._remember(epoch)
            self.best_epoch = epoch
            if self.baseline is None or self._improves(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch, self._stopped = epoch, True
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_weights, self.best_epoch = self.model.get_weights(), epoch

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._stopped and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


__all__ = ["EarlyStopping"]

"""Stop training when it no longer helps: `EarlyStopping`."""

from __future__ import annotations

import warnings
from typing import Any

from ..errors import did_you_mean
from .base import Callback, Logs, spelled

UP = ("acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "dice", "similarity", "correlation")
DOWN = ("loss", "error", "crossentropy", "mse", "mae", "mape", "msle", "rmse", "bce", "divergence", "kld", "hinge", "poisson", "logcosh")


class EarlyStopping(Callback):
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
        if not isinstance(monitor, str):
            raise TypeError(f"[EarlyStopping] monitor must be a name, e.g. 'val_loss'. Received: {monitor!r}")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"[EarlyStopping] mode must be 'auto', 'min' or 'max'. Received: mode={mode!r}")
        if isinstance(min_delta, bool) or not isinstance(min_delta, (int, float)):
            raise TypeError(f"[EarlyStopping] min_delta must be a number. Received: min_delta={min_delta!r}")
        for name, value in (("patience", patience), ("start_from_epoch", start_from_epoch)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"[EarlyStopping] {name} must be an integer. Received: {name}={value!r}")
            if value < 0:
                raise ValueError(f"[EarlyStopping] {name} must be at least 0. Received: {name}={value}")
        self.monitor, self.mode, self.verbose, self.baseline = monitor, mode, verbose, baseline
        self.min_delta, self.patience, self.start_from_epoch = abs(min_delta), patience, start_from_epoch
        self.restore_best_weights = restore_best_weights
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None
        self._stopped = False

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        name = spelled(self.monitor, available)
        if name not in available:
            if name.startswith("val_") and not validation and spelled(name[4:], available) in available:
                raise ValueError(
                    f"[EarlyStopping] monitor={self.monitor!r} needs validation data. Pass validation_data=(x, y) or "
                    f"validation_split=0.2 to fit(), or monitor {name[4:]!r}"
                )
            if not others_add:
                raise ValueError(
                    f"[EarlyStopping] there is no {self.monitor!r} to monitor.{did_you_mean(self.monitor, available)} "
                    f"Available: {', '.join(available)}"
                )
        if self._direction() is None:
            raise ValueError(f"[EarlyStopping] whether more of {self.monitor!r} is better is not known. Pass mode='max' or mode='min'")

    def _direction(self) -> str | None:
        if self.mode != "auto":
            return self.mode
        name = self.monitor.removeprefix("val_").lower()
        if any(word in name for word in DOWN):
            return "min"
        return "max" if any(word in name for word in UP) else None

    def _improves(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        return value - self.min_delta > reference if self._direction() == "max" else value + self.min_delta < reference

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None
        self._stopped = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        current = logs.get(spelled(self.monitor, logs))
        if current is None:  # validation_freq may leave it out
            if not self.monitor.startswith("val_"):
                warnings.warn(f"[EarlyStopping] {self.monitor!r} is not in the logs: {', '.join(logs)}", stacklevel=2)
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

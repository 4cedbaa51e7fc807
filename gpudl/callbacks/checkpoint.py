"""Keep the model in a file after every epoch, or the best one: `ModelCheckpoint`."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

from ..errors import did_you_mean
from .base import Logs, spelled
from .monitor import Monitor, count, number


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, after every epoch, after every so many batches, or when a monitored number is the best so far.

    A file appears whole or not at all: an interrupted save leaves the one before.

    Args:
        filepath: where to; may hold fields as `str.format` knows them: ``{epoch}`` (from 1), ``{batch}`` (from 1, if `save_freq` is a
            number), and the names in the logs, e.g. ``"{epoch:02d}-{val_loss:.2f}.safetensors"``. The extension is one that `save`, or
            `save_weights`, of the model takes. Folders are made.
        monitor: a name in the logs, only used with `save_best_only`. Default "val_loss".
        verbose: 1 says what is saved. Default 0.
        save_best_only: only save when the monitored number improves. Default False. Epochs without validation (`validation_freq`) do not.
        save_weights_only: `model.save_weights` in place of `model.save`. Default False.
        mode: "min", "max", or "auto": found from the name. Default "auto".
        save_freq: "epoch", or save after so many batches, counted on over epochs; then training stops at every batch to count, which is
            slower. Default "epoch".
        initial_value_threshold: a value to be beaten by the first file. Default None.

    Raises:
        ValueError, TypeError: for arguments that make no sense; at the start of fit, for a name that is not in the logs, and a path that
            cannot be saved to.

    >>> ModelCheckpoint("{epoch:02d}-{val_loss:.2f}.safetensors").path(0, {"val_loss": 0.4321})
    '01-0.43.safetensors'
    """

    def __init__(
        self,
        filepath: str | PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        if initial_value_threshold is not None:
            number("ModelCheckpoint", "initial_value_threshold", initial_value_threshold)
        super().__init__(monitor, mode, best=initial_value_threshold)
        if not isinstance(filepath, (str, PathLike)) or not os.fspath(filepath):
            raise TypeError(f"[ModelCheckpoint] filepath must be a path, e.g. 'best.safetensors'. Received: filepath={filepath!r}")
        self.filepath, self.verbose = str(os.fspath(filepath)), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        if save_freq != "epoch":
            if isinstance(save_freq, str):
                raise ValueError(f"[ModelCheckpoint] save_freq must be 'epoch' or a number of batches. Received: save_freq={save_freq!r}")
            count("ModelCheckpoint", "save_freq", save_freq, 1)
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]  # only then is fit to stop at batches
        self.save_freq = save_freq
        self._batches = self._epoch = 0

    def path(self, epoch: int, logs: Logs, batch: int | None = None) -> str:
        """The file for this epoch and these logs."""
        fields: dict[str, Any] = Fields(logs)
        fields["epoch"] = epoch + 1
        if batch is not None:
            fields["batch"] = batch + 1
        try:
            return self.filepath.format_map(fields)
        except KeyError as error:
            name = str(error.args[0])
            raise KeyError(
                f"[ModelCheckpoint] filepath={self.filepath!r}: there is no {name!r}.{did_you_mean(name, fields)} "
                f"Available: {', '.join(fields)}"
            ) from None
        except (ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"[ModelCheckpoint] filepath={self.filepath!r} cannot be filled in: {error}") from None

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        if self.save_best_only:
            super().check(available, validation, others_add)
        try:
            example = self.path(0, dict.fromkeys(available, 0.5), None if self.save_freq == "epoch" else 0)
        except KeyError as error:
            if not others_add:
                raise ValueError(error.args[0]) from None
            return
        if os.path.isdir(example):
            raise IsADirectoryError(f"[ModelCheckpoint] filepath is to name a file. Received: {example!r}, which is a folder")
        self.model.check_saves(example, weights_only=self.save_weights_only)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, batch, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        better = ""
        if self.save_best_only:
            current = self._current(logs)
            if current is None:
                return
            before = "None" if self.best is None else f"{self.best:.5f}"
            if not self._improves(current, self.best):
                self._say(epoch, f"{self.monitor} did not improve from {before}")
                return
            better = f"{self.monitor} improved from {before} to {current:.5f}, "
        path = self.path(epoch, logs, batch)
        self._say(epoch, f"{better}saving model to {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.save_best_only:  # only now is there a file as good as that
            self.best = current

    def _say(self, epoch: int, what: str) -> None:
        if self.verbose:
            print(f"Epoch {epoch + 1}: {what}")


class Fields(dict[str, Any]):
    """Logs whose names may be spelled in the old way, too."""

    def __missing__(self, name: str) -> Any:
        found = spelled(name, self)
        if found == name:
            raise KeyError(name)
        return self[found]


__all__ = ["ModelCheckpoint"]

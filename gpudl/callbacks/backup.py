"""Go on after an interruption as if there had been none: `BackupAndRestore`."""

from __future__ import annotations

import os
import warnings
from os import PathLike

from .base import Callback, Logs


class BackupAndRestore(Callback):
    """Keeps the state of training in a folder after every epoch; a later fit that finds one goes on from there.

    Kept are weights, slots and learning rate of the optimizer, the random states of layers, the generator that shuffles, and the number of
    the epoch: an interrupted and resumed training gives the same weights as one that was not. There are two files, written in turns, each
    whole or not at all; if the newer one is damaged, the older one is taken, with a warning. Put it last in the list of callbacks, so that
    it sees what the others have changed; what callbacks remember (e.g. the patience of EarlyStopping) starts anew.

    Args:
        backup_dir: a folder for this training alone; made if it is not there.
        save_freq: only "epoch".
        double_checkpoint: taken, without effect: there are always two files.
        delete_checkpoint: delete the files when training has ended by itself. Default True.

    Raises:
        ValueError, TypeError: for arguments that make no sense; in fit, if the files are all damaged or of another model.

    >>> BackupAndRestore("backup").backup_dir
    'backup'
    """

    def __init__(
        self, backup_dir: str | PathLike[str], save_freq: str = "epoch", double_checkpoint: bool = False, delete_checkpoint: bool = True
    ) -> None:
        if not isinstance(backup_dir, (str, PathLike)) or not os.fspath(backup_dir):
            raise TypeError(f"[BackupAndRestore] backup_dir must be a path, e.g. 'backup'. Received: backup_dir={backup_dir!r}")
        if save_freq != "epoch":
            raise ValueError(f"[BackupAndRestore] only save_freq='epoch' is supported. Received: save_freq={save_freq!r}")
        self.backup_dir = str(os.fspath(backup_dir))
        self.save_freq, self.double_checkpoint, self.delete_checkpoint = save_freq, double_checkpoint, delete_checkpoint
        self._next = 0

    @property
    def files(self) -> list[str]:
        """The files of the backup."""
        return [os.path.join(self.backup_dir, f"backup-{i}.safetensors") for i in range(2)]

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        if os.path.exists(self.backup_dir) and not os.path.isdir(self.backup_dir):
            raise NotADirectoryError(f"[BackupAndRestore] backup_dir is to be a folder. Received: {self.backup_dir!r}, which is a file")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._next = 0
        there = [path for path in self.files if os.path.exists(path)]
        found, damaged = {}, []
        for path in there:
            try:
                found[path] = self.model.read_training(path)
            except ValueError as error:
                damaged.append(str(error))
        if there and not found:
            raise ValueError(f"[BackupAndRestore] no backup can be read. Delete them to start anew. {' '.join(damaged)}")
        for why in damaged:
            warnings.warn(f"[BackupAndRestore] an older backup is used: {why}", stacklevel=2)
        if found:
            newest = max(found, key=lambda path: found[path][1]["epochs"])
            self.model.restore_training(*found[newest])
            self._next = 1 - self.files.index(newest)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        self.model.save_training(self.files[self._next], epoch + 1)
        self._next = 1 - self._next

    def on_train_end(self, logs: Logs | None = None) -> None:
        if not self.delete_checkpoint:
            return
        for path in self.files:
            if os.path.exists(path):
                os.unlink(path)
        if os.path.isdir(self.backup_dir) and not os.listdir(self.backup_dir):
            os.rmdir(self.backup_dir)


__all__ = ["BackupAndRestore"]

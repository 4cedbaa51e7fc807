"""Write one line an epoch to a table that spreadsheets read: `CSVLogger`."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

from .base import Callback, Logs


class CSVLogger(Callback):
    """Writes the logs of every epoch as one line of a CSV file: the epoch from 0, then the names of the first epoch's logs in order.

    Names that come up later have no column; where one is missing, "NA" is written. If the first epoch has no validation there are columns
    for it all the same.

    Args:
        filename: of the file. Its folder must exist.
        separator: between two columns. Default ",".
        append: go on after what the file holds, in its columns. Default False: start anew.

    Raises:
        TypeError, ValueError: for arguments that make no sense.
        FileNotFoundError, IsADirectoryError: at the start of fit, if there can be no such file.

    >>> CSVLogger("training.csv", separator=";").separator
    ';'
    """

    def __init__(self, filename: str | PathLike[str], separator: str = ",", append: bool = False) -> None:
        if not isinstance(filename, (str, PathLike)) or not os.fspath(filename):
            raise TypeError(f"[CSVLogger] filename must be a path, e.g. 'training.csv'. Received: filename={filename!r}")
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"[CSVLogger] separator must be one character, no quote or line end. Received: separator={separator!r}")
        self.filename, self.separator, self.append = str(os.fspath(filename)), separator, append
        self.columns: list[str] | None = None

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        folder = os.path.dirname(os.path.abspath(self.filename))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"[CSVLogger] the folder {folder!r} does not exist")
        if os.path.isdir(self.filename):
            raise IsADirectoryError(f"[CSVLogger] {self.filename!r} is a folder")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        import csv  # 3 ms that only its users pay

        self.columns = None
        if not self.append:
            open(self.filename, "w").close()
        elif os.path.exists(self.filename):
            with open(self.filename, newline="") as file:
                header = next(csv.reader(file, delimiter=self.separator), None)
            if header and header[0] == "epoch":
                self.columns = header[1:]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.columns is None:
            names = sorted(logs)
            self.columns = names if any(n.startswith("val_") for n in names) else [*names, *[f"val_{n}" for n in names]]
            self._write(["epoch", *self.columns])
        self._write([epoch, *[cell(logs.get(name, "NA")) for name in self.columns]])

    def _write(self, row: list[Any]) -> None:
        import csv

        with open(self.filename, "a", newline="") as file:  # closed after every line: nothing is lost when training is interrupted
            csv.writer(file, delimiter=self.separator).writerow(row)


def cell(value: Any) -> Any:
    """A number or text as it is, a list in brackets."""
    if isinstance(value, str) or not hasattr(value, "__iter__") or getattr(value, "ndim", 1) == 0:
        return value
    return f"[{', '.join(map(str, value))}]"


__all__ = ["CSVLogger"]

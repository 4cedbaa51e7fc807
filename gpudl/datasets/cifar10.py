"""60,000 colour pictures of animals and vehicles, 32x32 pixels, read from a file of yours."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from .. import config
from .files import Array, Split, checked, find, read_npz

WHERE = "cifar10.load_data"
PICTURE = 3 * 32 * 32  # bytes: red, then green, then blue, row by row; the label stands before


def load_data(path: str | PathLike[str] | None = None) -> Split:
    """CIFAR-10: pictures (N, 32, 32, 3) uint8, or (N, 3, 32, 32) with ``channels_first``, and labels (N, 1), 0 to 9.

    Args:
        path: the folder ``cifar-10-batches-bin`` of the binary version, or an ``.npz`` file with x_train, y_train, x_test, y_test.
            Default: the folder, or ``cifar10.npz``, in ``~/.keras/datasets`` or ``~/.gpudl/datasets``. The Python version is a pickle,
            which could run any code, and is not read.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``

    Raises:
        FileNotFoundError: with the places looked at; nothing is downloaded.
        ValueError: for a file that is damaged, or holds something else.

    >>> (x_train, y_train), (x_test, y_test) = load_data("cifar-10-batches-bin")  # doctest: +SKIP
    """
    wanted = "Put the folder cifar-10-batches-bin of CIFAR-10's binary version there (the Python version is a pickle, and is not read)"
    found = find(WHERE, path, ("cifar-10-batches-bin", "cifar10.npz"), wanted)
    data = read_folder(found) if found.is_dir() else read_npz(WHERE, found)
    (x_train, y_train), (x_test, y_test) = checked(WHERE, found, data, [(32, 32, 3), (3, 32, 32)])
    return (laid_out(x_train), y_train.reshape(-1, 1)), (laid_out(x_test), y_test.reshape(-1, 1))


def laid_out(x: Array) -> Array:
    """In the layout of `image_data_format`."""
    first = config.image_data_format() == "channels_first"
    if first != (x.shape[1] == 3):
        x = x.transpose(0, 3, 1, 2) if first else x.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(x)


def read_folder(folder: Path) -> Split:
    if (folder / "data_batch_1").exists() and not (folder / "data_batch_1.bin").exists():
        raise ValueError(f"[{WHERE}] {folder} is the Python version, a pickle, which is not read. Use the binary version")
    parts = [read_file(folder / f"data_batch_{i}.bin") for i in range(1, 6)]
    test = read_file(folder / "test_batch.bin")
    return (np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])), test


def read_file(file: Path) -> tuple[Array, Array]:
    if not file.is_file():
        raise FileNotFoundError(f"[{WHERE}] {file} is missing. The folder holds data_batch_1.bin to data_batch_5.bin and test_batch.bin")
    data = np.fromfile(file, np.uint8)
    if not data.size or data.size % (PICTURE + 1):
        raise ValueError(f"[{WHERE}] {file} is cut short or damaged: {data.size} bytes are no multiple of {PICTURE + 1}")
    rows = data.reshape(-1, PICTURE + 1)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0]


__all__ = ["load_data"]

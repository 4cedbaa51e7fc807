"""70,000 pictures of handwritten digits, 28x28 pixels, read from a file of yours."""

from __future__ import annotations

from os import PathLike

from .files import Split, load_pictures


def load_data(path: str | PathLike[str] | None = None) -> Split:
    """MNIST: pictures (N, 28, 28) uint8, 0 to 255, and labels (N,), 0 to 9; 60,000 to train on and 10,000 to test on.

    Args:
        path: Keras' ``mnist.npz``, or a folder with the four files ``train-images-idx3-ubyte.gz`` and so on. Default: ``mnist.npz`` or
            the folder ``mnist`` in ``~/.keras/datasets`` or ``~/.gpudl/datasets``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``

    Raises:
        FileNotFoundError: with the places looked at; nothing is downloaded. `digits` needs no file.
        ValueError: for a file that is damaged, or holds something else.

    >>> (x_train, y_train), (x_test, y_test) = load_data("mnist.npz")  # doctest: +SKIP
    """
    wanted = "Put Keras' mnist.npz there, or a folder mnist with MNIST's four .gz files (gpudl.datasets.digits needs no file)"
    return load_pictures("mnist.load_data", path, ("mnist.npz", "mnist"), wanted)


__all__ = ["load_data"]

"""70,000 pictures of clothes, 28x28 pixels, read from a file of yours."""

from __future__ import annotations

from os import PathLike

from .files import Split, load_pictures


def load_data(path: str | PathLike[str] | None = None) -> Split:
    """Fashion-MNIST: pictures (N, 28, 28) uint8, 0 to 255, and labels (N,), 0 to 9; 60,000 to train on and 10,000 to test on.

    Args:
        path: a folder with the four files ``train-images-idx3-ubyte.gz`` and so on, or an ``.npz`` file like Keras' ``mnist.npz``.
            Default: the folder ``fashion-mnist`` or the file ``fashion_mnist.npz`` in ``~/.keras/datasets`` or ``~/.gpudl/datasets``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``

    Raises:
        FileNotFoundError: with the places looked at; nothing is downloaded.
        ValueError: for a file that is damaged, or holds something else.

    >>> (x_train, y_train), (x_test, y_test) = load_data("fashion-mnist")  # doctest: +SKIP
    """
    wanted = "Put a folder fashion-mnist with the four .gz files of Fashion-MNIST there"
    return load_pictures("fashion_mnist.load_data", path, ("fashion-mnist", "fashion_mnist.npz"), wanted)


__all__ = ["load_data"]

"""1,797 pictures of handwritten digits, 8x8 pixels: a small relative of MNIST."""

from __future__ import annotations

import numpy as np

from .tables import Split, load


def load_data(test_split: float = 0.25, seed: int = 113) -> Split:
    """Handwritten digits of the UCI repository: 1,797 pictures of 8x8 pixels from 0 (white) to 16 (black).

    Args:
        test_split: the share to test on, default 0.25.
        seed: settles the order of the pictures, default 113.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, in the form of MNIST: x (N, 8, 8) uint8, y (N,) uint8, 0 to 9.

    Raises:
        ModuleNotFoundError: without scikit-learn, whose file it is.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((1348, 8, 8), (449, 8, 8))
    """
    (x_train, y_train), (x_test, y_test) = load("digits", test_split, seed)
    x_train, x_test = (x.reshape(-1, 8, 8).astype(np.uint8) for x in (x_train, x_test))
    return (x_train, y_train.astype(np.uint8)), (x_test, y_test.astype(np.uint8))


__all__ = ["load_data"]

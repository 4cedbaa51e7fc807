"""178 wines: 13 chemical measurements, and which of three growers made it."""

from __future__ import annotations

from .tables import Split, load


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Wine data: 13 chemical measurements of 178 wines of 3 growers.

    Args:
        test_split: the share to test on, default 0.2.
        seed: settles the order of the rows, default 113.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: x (N, 13) float64, y (N,) class numbers 0 to 2.

    Raises:
        ModuleNotFoundError: without scikit-learn, whose file it is.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((142, 13), (36, 13))
    """
    return load("wine", test_split, seed)


__all__ = ["load_data"]

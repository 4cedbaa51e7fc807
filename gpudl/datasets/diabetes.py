"""442 patients: 10 measurements, and how far the disease has gone a year later."""

from __future__ import annotations

from .tables import Split, load


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Diabetes data: 10 scaled measurements of 442 patients; a measure of the disease after a year, to be predicted.

    Args:
        test_split: the share to test on, default 0.2.
        seed: settles the order of the rows, default 113.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: x (N, 10) float64, y (N,) float64, 25 to 346.

    Raises:
        ModuleNotFoundError: without scikit-learn, whose file it is.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((354, 10), (88, 10))
    """
    return load("diabetes", test_split, seed)


__all__ = ["load_data"]

"""150 flowers: the length and width of sepal and petal, and which of three species it is."""

from __future__ import annotations

from .tables import Split, load


def load_data(test_split: float = 0.5, seed: int = 113) -> Split:
    """Fisher's iris data: 4 measurements in cm of 150 flowers, 50 of each of 3 species.

    Args:
        test_split: the share to test on, default 0.5.
        seed: settles the order of the rows, default 113.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: x (N, 4) float64, y (N,) class numbers 0 to 2.

    Raises:
        ModuleNotFoundError: without scikit-learn, whose file it is.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((75, 4), (75, 4))
    """
    return load("iris", test_split, seed)


__all__ = ["load_data"]

"""569 tumours: 30 measurements of cell nuclei, and whether it is benign."""

from __future__ import annotations

from .tables import Split, load


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Wisconsin breast cancer data: 30 measurements of 569 tumours; 0 is malignant, 1 benign.

    Args:
        test_split: the share to test on, default 0.2.
        seed: settles the order of the rows, default 113.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: x (N, 30) float64, y (N,) class numbers 0 and 1.

    Raises:
        ModuleNotFoundError: without scikit-learn, whose file it is.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((455, 30), (114, 30))
    """
    return load("breast_cancer", test_split, seed)


__all__ = ["load_data"]

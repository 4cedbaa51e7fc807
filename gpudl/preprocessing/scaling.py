"""Bring every column to one range (`MinMaxScaler`) or to mean 0 and deviation 1 (`StandardScaler`).

A column is one number of an example, e.g. one pixel. The attributes learned by `fit` end in an underscore, as in scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Array, Transform, column_means


class MinMaxScaler(Transform):
    """Every column to `feature_range`: (x - min) / (max - min), with the smallest and largest value of the training data.

    Other data may leave the range. A column that is constant in the training data becomes the lower end there: nothing is divided by zero.

    Args:
        feature_range: default (0, 1).
        clip: cut what leaves the range, default False.

    After `fit`: `data_min_`, `data_max_`, one number a column.

    Raises:
        ValueError: for a range without extent.

    >>> scaler = MinMaxScaler().fit([[0.0, 7.0], [10.0, 7.0]])
    >>> scaler.transform([[5.0, 7.0], [20.0, 8.0]])
    array([[0.5, 0. ],
           [2. , 1. ]], dtype=float32)
    """

    data_min_: Array
    data_max_: Array

    def __init__(self, feature_range: tuple[float, float] = (0, 1), clip: bool = False) -> None:
        try:
            low, high = (float(end) for end in feature_range)
        except (TypeError, ValueError):
            low = high = float("nan")
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"[MinMaxScaler] feature_range must be two numbers (low, high), low < high. Received: {feature_range!r}")
        if not isinstance(clip, bool):
            raise TypeError(f"[MinMaxScaler] clip must be True or False. Received: clip={clip!r}")
        self.feature_range, self.clip = (low, high), clip

    def _fit(self, x: Array) -> None:
        low, high = x.min(0), x.max(0)
        with np.errstate(over="ignore"):
            extent = high - low
        refuse_overflow("MinMaxScaler.fit", extent)
        self.data_min_, self.data_max_, self._extent = low, high, np.where(extent == 0, 1.0, extent)

    def _transform(self, x: Array) -> Array:
        low, high = self.feature_range
        y = (x - self.data_min_) / self._extent * (high - low) + low
        return np.clip(y, low, high) if self.clip else y

    def _inverse(self, x: Array) -> Array:
        low, high = self.feature_range
        return (x - low) / (high - low) * self._extent + self.data_min_


class StandardScaler(Transform):
    """Every column to mean 0 and standard deviation 1, as measured on the training data: (x - mean) / deviation.

    The deviation divides by N, not by N - 1. A constant column becomes 0: nothing is divided by zero.

    Args:
        with_mean: subtract the mean, default True.
        with_std: divide by the standard deviation, default True.

    After `fit`: `mean_`, `scale_` (the deviation; 1 for constant columns), one number a column.

    >>> StandardScaler().fit_transform([[1.0, 7.0], [3.0, 7.0]])
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """

    mean_: Array
    scale_: Array

    def __init__(self, with_mean: bool = True, with_std: bool = True) -> None:
        for name, value in (("with_mean", with_mean), ("with_std", with_std)):
            if not isinstance(value, bool):
                raise TypeError(f"[StandardScaler] {name} must be True or False. Received: {name}={value!r}")
        self.with_mean, self.with_std = with_mean, with_std

    def _fit(self, x: Array) -> None:
        mean = column_means(x)
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = np.sqrt(np.square(x - mean).mean(0))
        refuse_overflow("StandardScaler.fit", deviation)
        self.mean_, self.scale_ = mean, np.where(deviation == 0, 1.0, deviation)

    def _transform(self, x: Array) -> Array:
        y = x - self.mean_ if self.with_mean else x
        return y / self.scale_ if self.with_std else y

    def _inverse(self, x: Array) -> Array:
        y = x * self.scale_ if self.with_std else x
        return y + self.mean_ if self.with_mean else y


def refuse_overflow(where: str, extent: Any) -> None:
    if not np.isfinite(extent).all():
        column = int(np.argmin(np.isfinite(extent)))
        raise ValueError(f"[{where}] column {column} spreads wider than float64 can hold. Divide it by a large number first")


__all__ = ["MinMaxScaler", "StandardScaler"]

"""Disturb some labels anew in every epoch, so that a network does not learn them by heart: `DisturbLabel`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..random import host_rng
from ..tensors import Tensor, host_array
from .base import Callback

Array = np.ndarray[Any, Any]


class DisturbLabel(Callback):
    """Replaces each label with probability `alpha` by a class drawn from all classes alike, the true one included.

    As a callback of `fit` it does so anew in every epoch, to the training labels alone; the array that was passed is not changed.
    As a function of data, `transform(y)` returns a disturbed copy.

    Args:
        alpha: the probability, from 0 to 1, default 0.1: a label is wrong with probability alpha (C - 1) / C.
        num_classes: C; needed for class numbers unless the largest one occurs in the labels. One-hot rows say it themselves.
        seed: fixes the draws; default: the generator that `utils.set_random_seed` sets.

    Raises:
        ValueError, TypeError: for a number out of range, and for labels that are neither class numbers nor one-hot rows.

    Source: Xie et al., "DisturbLabel: Regularizing CNN on the Loss Layer", CVPR 2016.

    >>> DisturbLabel(alpha=1.0, num_classes=3, seed=0).transform([0, 0, 0, 0, 0, 0])
    array([2, 1, 1, 0, 0, 0], dtype=int32)
    """

    def __init__(self, alpha: float = 0.1, num_classes: int | None = None, seed: int | None = None) -> None:
        if isinstance(alpha, (bool, str)) or not isinstance(alpha, (int, float, np.number)):
            raise TypeError(f"[DisturbLabel] alpha must be a number from 0 to 1. Received: alpha={alpha!r}")
        if not 0 <= alpha <= 1:
            raise ValueError(f"[DisturbLabel] alpha must be a number from 0 to 1. Received: alpha={alpha!r}")
        for name, value, least in (("num_classes", num_classes, 2), ("seed", seed, 0)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer))):
                raise TypeError(f"[DisturbLabel] {name} must be a whole number. Received: {name}={value!r}")
            if value is not None and value < least:
                raise ValueError(f"[DisturbLabel] {name} must be at least {least}. Received: {name}={value!r}")
        self.alpha, self.num_classes, self.seed = float(alpha), num_classes, seed
        self._rng = None if seed is None else np.random.default_rng(seed)

    def transform(self, y: Any) -> Array:
        """A copy of the labels, some of them replaced.

        Args:
            y: class numbers of shape (N,) or (N, 1), or one-hot rows (N, C).
        """
        labels = np.array(y.numpy() if isinstance(y, Tensor) else host_array(y))
        if labels.ndim == 2 and labels.shape[1] > 1:
            if self.num_classes not in (None, labels.shape[1]):
                raise ValueError(f"[DisturbLabel] num_classes={self.num_classes}, but the one-hot rows have {labels.shape[1]} classes")
            drawn, replaced = self._draw(len(labels), labels.shape[1])
            labels[replaced] = np.arange(labels.shape[1]) == drawn[replaced, None]
            return labels
        if labels.ndim not in (1, 2):
            raise ShapeError(f"[DisturbLabel] labels are class numbers (N,) or one-hot rows (N, C). Received: shape {labels.shape}")
        if not labels.size:
            return labels
        if labels.min() < 0 or (labels.dtype.kind not in "biu" and (labels != np.floor(labels)).any()):
            raise ValueError("[DisturbLabel] class numbers are whole and not negative. These labels are for a regression, it seems")
        classes = int(labels.max()) + 1 if self.num_classes is None else int(self.num_classes)
        if labels.max() >= classes:
            raise ValueError(f"[DisturbLabel] with num_classes={classes} classes are 0 to {classes - 1}. Received: {labels.max()}")
        drawn, replaced = self._draw(len(labels), classes)
        labels[replaced] = drawn[replaced].reshape(-1, *labels.shape[1:])
        return labels

    def new_labels(self, epoch: int, y: Array) -> Array:
        return self.transform(y)

    def _draw(self, n: int, classes: int) -> tuple[Array, Array]:
        """A class for every example, and whether it replaces the label."""
        rng = host_rng() if self._rng is None else self._rng
        return rng.integers(0, classes, n), rng.random(n) < self.alpha


__all__ = ["DisturbLabel"]

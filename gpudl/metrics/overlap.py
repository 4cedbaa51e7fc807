"""Measure how far predicted areas cover the true ones: intersection over union, by a table of labels and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config, ops
from ..errors import ShapeError
from ..losses.functions import pair
from ..ops._common import cast
from ..tensors import Tensor, TensorLike
from .base import Metric
from .means import weighted


class IoU(Metric):
    """Intersection over union: for each class true positives / (true positives + false positives + false negatives), then the mean.

    Classes that occur neither in labels nor in predictions are left out of the mean, class numbers out of range out of the counts. Sample
    weights need not be whole numbers.

    Args:
        num_classes: how many there are.
        target_class_ids: the classes that are looked at.
        name, dtype: as for `Metric`.
        ignore_class: a label that is left out, e.g. 255. Default None.
        sparse_y_true: labels are class numbers; else the largest entry along `axis` says the class. Default True.
        sparse_y_pred: the same for predictions. Default True.
        axis: of the classes where they are not sparse. Default: the last one.

    Raises:
        ValueError: for class numbers that are none.
        ShapeError: if labels and predictions do not fit each other.

    >>> m = IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(m([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        where = type(self).__name__
        whole = (int, np.integer)
        if isinstance(num_classes, bool) or not isinstance(num_classes, whole) or num_classes < 1:
            raise ValueError(f"[{where}] num_classes must be a whole number >= 1. Received: num_classes={num_classes!r}")
        ids = list(target_class_ids) if isinstance(target_class_ids, (list, tuple, range, np.ndarray)) else []
        if not ids or not all(isinstance(i, whole) and 0 <= i < num_classes for i in ids):
            limits = f"a list of class numbers from 0 to {num_classes - 1}"
            raise ValueError(f"[{where}] target_class_ids must be {limits}. Received: target_class_ids={target_class_ids!r}")
        self.num_classes, self.target_class_ids = int(num_classes), [int(i) for i in ids]
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = bool(sparse_y_true), bool(sparse_y_pred)
        self.total_cm = self.add_variable((self.num_classes, self.num_classes), name="total_cm")
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = pair(y_true, y_pred)
        y_true = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = y_pred.detach() if self.sparse_y_pred else ops.argmax(y_pred.detach(), axis=self.axis)
        if y_true.size != y_pred.size:
            raise ShapeError(f"[{self.name}] there must be one label per prediction. Received: {y_true.shape} and {y_pred.shape}")
        self.stands_with(y_pred)
        weights: Any = sample_weight
        if sample_weight is not None and not isinstance(sample_weight, (bool, int, float)):
            weights = weighted(ops.ones(y_pred.shape, "float64", device=y_pred.device), sample_weight).reshape(-1)
        ops.crosstable_(self.total_cm, y_true.reshape(-1), y_pred.reshape(-1), weights, self.ignore_class)

    def result(self) -> Tensor:
        table, epsilon = self.total_cm.detach(), config.epsilon()
        right = ops.sum(table * ops.eye(self.num_classes, dtype="float64", device=table.device), axis=0)
        union = ops.sum(table, axis=0) + ops.sum(table, axis=1) - right
        there = ops.greater(union, 1e-9)
        shares = ops.where(there, right / (union + epsilon), 0.0)
        counted = cast(there, "float64")
        if self.target_class_ids != list(range(self.num_classes)):
            shares, counted = (ops.stack([x[i] for i in self.target_class_ids]) for x in (shares, counted))
        return cast(ops.sum(shares) / (ops.sum(counted) + epsilon), self.dtype)

    def _config(self, *names: str) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def get_config(self) -> dict[str, Any]:
        return self._config("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


class MeanIoU(IoU):
    """`IoU` of all classes, with the same further arguments.

    >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        ids = range(num_classes) if isinstance(num_classes, (int, np.integer)) else []
        super().__init__(num_classes, ids, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


class OneHotIoU(IoU):
    """`IoU` of one-hot labels, and of predictions that have one number for each class.

    >>> m = OneHotIoU(num_classes=2, target_class_ids=[1])
    >>> round(float(m([[1, 0], [0, 1]], [[0.2, 0.8], [0.1, 0.9]])), 4)
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot labels, and of predictions that have one number for each class.

    >>> round(float(OneHotMeanIoU(num_classes=2)([[1, 0], [0, 1]], [[0.8, 0.2], [0.1, 0.9]])), 4)
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config("num_classes", "ignore_class", "sparse_y_pred", "axis")


class BinaryIoU(IoU):
    """`IoU` of yes-or-no answers: predictions of at least `threshold` (default 0.5) are class 1.

    >>> m = BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
    >>> round(float(m([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
            raise TypeError(f"[{type(self).__name__}] threshold must be a number. Received: threshold={threshold!r}")
        self._built = False
        self.threshold = float(threshold)
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = pair(y_true, y_pred)
        super().update_state(y_true, cast(ops.greater_equal(y_pred.detach(), self.threshold), "int32"), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return self._config("target_class_ids", "threshold")


__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]

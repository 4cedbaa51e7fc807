"""Sum up in one score: `F1Score` and `FBetaScore` of classes, `R2Score` of predicted numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config, ops
from ..errors import ShapeError
from ..losses.functions import pair
from ..ops._common import cast
from ..tensors import Tensor, TensorLike
from ..variables import Variable
from .base import Metric
from .means import weighted


def _table(name: str, y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    """Both (N, C), in float64."""
    y_true, y_pred = pair(y_true, y_pred)
    if y_pred.ndim != 2 or y_true.shape != y_pred.shape:
        raise ShapeError(f"[{name}] labels and predictions must be (N, C), alike. Received: y_true {y_true.shape}, y_pred {y_pred.shape}")
    return cast(y_true.detach(), "float64"), y_pred.detach()


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), for predictions and one-hot or multi-label rows (N, C).

    Args:
        average: None: one score for each class; "micro": of the counts of all classes together; "macro": the mean of the classes' scores;
            "weighted": that mean weighted by how often a class occurs. Default None.
        beta: how much more recall counts than precision; above 0. Default 1.
        threshold: predictions above it say yes; above 0, at most 1. Default None: the largest one of a row does.
        name, dtype: as for `Metric`.

    Raises:
        ValueError, TypeError: for arguments that make no sense.
        ShapeError: for labels and predictions that are not (N, C).

    >>> m = FBetaScore(average="macro", beta=2.0, threshold=0.5)
    >>> round(float(m([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])), 4)
    0.709
    """

    counts: Variable  # true positives, false positives, false negatives, weight of the positives; (4, C), or (4, 1) for "micro"

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None, name: str = "fbeta_score", dtype: Any = None
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        where = type(self).__name__
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"[{where}] average must be None, 'micro', 'macro' or 'weighted'. Received: average={average!r}")
        for what, value, most in (("beta", beta, np.inf), ("threshold", threshold, 1.0)):
            if value is None and what == "threshold":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"[{where}] {what} must be a number. Received: {what}={value!r}")
            if not 0 < value <= most or value == np.inf:
                raise ValueError(f"[{where}] {what} must be above 0{'' if most == np.inf else ', at most 1'}. Received: {what}={value!r}")
        self.average, self.beta = average, float(beta)
        self.threshold = None if threshold is None else float(threshold)
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = _table(self.name, y_true, y_pred)
        width = 1 if self.average == "micro" else y_pred.shape[-1]
        if "counts" not in vars(self):
            self.counts = self.add_variable((4, width), name="counts")
        if width != self.counts.shape[-1]:
            raise ShapeError(f"[{self.name}] there were {self.counts.shape[-1]} classes before. Received: y_pred {y_pred.shape}")
        self.stands_with(y_pred)
        if self.threshold is None:
            largest = ops.equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            said = ops.logical_and(largest, ops.greater(ops.abs(y_pred), 1e-9))  # a row of zeros says nothing
        else:
            said = ops.greater(y_pred, self.threshold)
        found = cast(said, "float64")
        kinds = (found * y_true, found * (1.0 - y_true), (1.0 - found) * y_true, y_true)
        sums = [ops.sum(weighted(kind, sample_weight), axis=None if width == 1 and self.average == "micro" else 0) for kind in kinds]
        self.counts.assign(self.counts + ops.stack([s.reshape(width) for s in sums]))

    def result(self) -> Tensor:
        if "counts" not in vars(self):  # nothing was measured yet
            return ops.zeros((), self.dtype)
        hit, false, missed, weight = (self.counts[i] for i in range(4))
        epsilon, squared = config.epsilon(), self.beta**2
        precision, recall = hit / (hit + false + epsilon), hit / (hit + missed + epsilon)
        score = precision * recall / (precision * squared + recall + epsilon) * (1.0 + squared)
        if self.average == "weighted":
            score = ops.sum(score * (weight / (ops.sum(weight) + epsilon)))
        elif self.average is not None:
            score = ops.mean(score)
        return cast(score, self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall): `FBetaScore` with beta = 1, whose other arguments it takes.

    >>> m = F1Score(threshold=0.5)
    >>> m([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).numpy().round(4)
    array([0.5   , 0.8   , 0.6667])
    """

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str = "f1_score", dtype: Any = None) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config


class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2): the share of the variance that is explained; 1 is best. For (N, outputs).

    Args:
        class_aggregation: "uniform_average": the mean of the outputs' scores; "variance_weighted_average": weighted by their variance;
            None: one score for each output. Default "uniform_average".
        num_regressors: adjust for so many independent variables p: 1 - (1 - R2)(n - 1) / (n - p - 1), with n the number of values. Where
            n - 1 <= p nothing is adjusted. Default 0.
        name, dtype: as for `Metric`.

    Raises:
        ValueError: for arguments that make no sense.
        ShapeError: for labels and predictions that are not (N, outputs).

    >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    sums: Variable  # of weights, labels, squared labels, squared errors; (4, outputs)

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str = "r2_score", dtype: Any = None
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            allowed = "None, 'uniform_average' or 'variance_weighted_average'"
            raise ValueError(f"[R2Score] class_aggregation must be {allowed}. Received: class_aggregation={class_aggregation!r}")
        if isinstance(num_regressors, bool) or not isinstance(num_regressors, (int, np.integer)) or num_regressors < 0:
            raise ValueError(f"[R2Score] num_regressors must be a whole number >= 0. Received: num_regressors={num_regressors!r}")
        self.class_aggregation, self.num_regressors = class_aggregation, int(num_regressors)
        self.num_samples = self.add_variable((), name="num_samples")
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = _table(self.name, y_true, y_pred)
        width = y_pred.shape[-1]
        if "sums" not in vars(self):
            self.sums = self.add_variable((4, width), name="sums")
        if width != self.sums.shape[-1]:
            raise ShapeError(f"[{self.name}] there were {self.sums.shape[-1]} outputs before. Received: y_pred {y_pred.shape}")
        self.stands_with(y_pred)
        error = y_true - cast(y_pred, "float64")
        kinds = (ops.ones_like(y_true), y_true, y_true * y_true, error * error)
        self.sums.assign(self.sums + ops.stack([ops.sum(weighted(kind, sample_weight), axis=0) for kind in kinds]))
        self.num_samples.assign(self.num_samples + float(y_true.size))

    def result(self) -> Tensor:
        if "sums" not in vars(self):  # nothing was measured yet
            return ops.zeros((), self.dtype)
        weight, total, squares, errors = (self.sums[i] for i in range(4))
        spread = squares - total * (total / weight)
        score = 1.0 - errors / spread
        score = ops.where(ops.isinf(score), 0.0, score)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation is not None:
            score = ops.sum(spread * score) / ops.sum(spread)
        if self.num_regressors:
            n = self.num_samples.detach()
            left = n - float(self.num_regressors) - 1.0
            some = ops.greater(left, 0.0)
            score = ops.where(some, 1.0 - (1.0 - score) * (n - 1.0) / ops.where(some, left, 1.0), score)
        return cast(score, self.dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}


__all__ = ["F1Score", "FBetaScore", "R2Score"]

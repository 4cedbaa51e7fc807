"""Count right and wrong answers at thresholds: true and false positives and negatives, `Precision`, `Recall`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..errors import ShapeError
from ..losses.functions import pair, same_rank
from ..ops._common import cast
from ..tensors import Tensor, TensorLike
from ..variables import Variable, move
from .base import Metric
from .means import weighted

EVEN = 1e-7  # thresholds that are off by less than this count as evenly spaced


class Confusion(Metric):
    """Counts of true positives, false positives, true negatives and false negatives at thresholds: `counts` of shape (4, T, L).

    L is 1 unless labels are counted one by one. Thresholds are kept rising.
    """

    counts: Variable

    def _set_limits(self, thresholds: list[float]) -> None:
        """Rising thresholds. As in Keras, predictions are kept within 0 and 1 if they are evenly spaced there."""
        self.limits = Variable(np.array(thresholds, np.float64), trainable=False, name="thresholds")
        n = len(thresholds)
        self._clips = n > 2 and all(math.isclose(t, i / (n - 1), rel_tol=1e-5, abs_tol=EVEN) for i, t in enumerate(thresholds))

    def _set_counts(self, labels: int = 1) -> None:
        self.counts = self.add_variable((4, self.limits.size, labels), name="counts")

    def _count(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: Any, label_weights: Variable | None = None) -> None:
        y_true, y_pred = same_rank(*pair(y_true, y_pred))
        if y_true.shape != y_pred.shape:
            raise ShapeError(
                f"[{self.name}] labels and predictions differ in shape. Received: y_true {y_true.shape}, y_pred {y_pred.shape}"
            )
        self.stands_with(y_pred)
        constants = [v for v in (self.limits, label_weights) if v is not None and v.device != y_pred.device]
        if constants:
            move(constants, y_pred.device)
        labels = self.counts.shape[-1]
        weights: Any = 1.0 if sample_weight is None else sample_weight
        if not isinstance(weights, (bool, int, float)) or label_weights is not None:
            weights = weighted(ops.ones(y_pred.shape, "float64", device=y_pred.device), sample_weight)
            weights = (weights if label_weights is None else weights * label_weights).reshape(-1, labels)
        y_pred = ops.clip(y_pred.detach(), 0.0, 1.0) if self._clips else y_pred.detach()
        ops.confusion_(self.counts, y_pred.reshape(-1, labels), y_true.reshape(-1, labels), self.limits, weights)


def ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, or 0 where b is 0."""
    none = ops.equal(b, 0.0)
    return ops.where(none, 0.0, a / ops.where(none, 1.0, b))


class _AtThresholds(Confusion):
    """What Precision, Recall and the plain counts share: thresholds as the user writes them, and one number for each."""

    row = 0  # the row of counts that is shown

    def _take(self, thresholds: Any, default: float = 0.5) -> None:
        if isinstance(thresholds, np.ndarray):
            thresholds = thresholds.tolist()
        given = list(thresholds) if isinstance(thresholds, (list, tuple)) else [default if thresholds is None else thresholds]
        numbers = all(isinstance(t, (int, float)) and not isinstance(t, bool) for t in given)
        if not given or not numbers or not (thresholds is None or all(0 <= t <= 1 for t in given)):
            raise ValueError(f"[{type(self).__name__}] thresholds must lie between 0 and 1. Received: {thresholds!r}")
        self.thresholds = thresholds
        rising = sorted(float(t) for t in given)
        self._places = [rising.index(float(t)) for t in given]
        self._set_limits(rising)
        self._set_counts()

    def _shown(self, found: Tensor) -> Tensor:
        """One number for a single threshold, else one for each, in the order of the user."""
        found = found.reshape(-1)
        if len(self._places) == 1:
            return cast(found[0], self.dtype)
        if self._places != sorted(self._places):
            found = ops.stack([found[place] for place in self._places])
        return cast(found * 1.0, self.dtype)

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        """Count a batch.

        Args:
            y_true: 0 or 1, of y_pred's shape; what is not 0 says yes.
            y_pred: numbers from 0 to 1; above a threshold they say yes.
            sample_weight: what each one counts: of y_pred's shape, (N,), or a number.
        """
        self._count(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        return self._shown(self.counts[self.row])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.thresholds}


class _Count(_AtThresholds):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name)
        self._take(thresholds)
        self._built = True


class TruePositives(_Count):
    """How many predictions are above the threshold and right to be.

    Args:
        thresholds: a number, or several in a list, each between 0 and 1. Default None: 0.5.
        name, dtype: as for `Metric`.

    >>> float(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """


class FalsePositives(_Count):
    """How many predictions are above the threshold and wrong. Arguments as for `TruePositives`.

    >>> float(FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
    2.0
    """

    row = 1


class TrueNegatives(_Count):
    """How many predictions are not above the threshold and right not to be. Arguments as for `TruePositives`.

    >>> float(TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
    2.0
    """

    row = 2


class FalseNegatives(_Count):
    """How many predictions are not above the threshold and wrong. Arguments as for `TruePositives`.

    >>> float(FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
    2.0
    """

    row = 3


class _Share(_AtThresholds):
    """What Precision and Recall share: true positives, by themselves and others."""

    other = 0  # the row of counts that is added below

    def __init__(self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        for what, value, least in (("top_k", top_k, 1), ("class_id", class_id, 0)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least):
                raise ValueError(f"[{type(self).__name__}] {what} must be a whole number >= {least}, or None. Received: {what}={value!r}")
        self.top_k, self.class_id = top_k, class_id
        self._take(thresholds, 0.5 if top_k is None else -1e10)
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = same_rank(*pair(y_true, y_pred))
        classes = y_pred.shape[-1] if y_pred.ndim > 1 else 1
        for what, value, most in (("top_k", self.top_k, classes), ("class_id", self.class_id, classes - 1)):
            if value is not None and (y_pred.ndim < 2 or value > most):
                raise ShapeError(
                    f"[{self.name}] {what}={value} needs predictions (N, C) with C > {value - (what == 'top_k')}. "
                    f"Received: y_pred {y_pred.shape}"
                )
        if self.top_k is not None:
            places = ops.top_k(y_pred.detach(), self.top_k)[1]
            chosen = ops.sum(ops.one_hot(places, y_pred.shape[-1], dtype=y_pred.dtype), axis=-2)
            y_pred = ops.where(ops.greater(chosen, 0.0), y_pred.detach(), -1e10)
        if self.class_id is not None:
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
        self._count(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        return self._shown(ratio(self.counts[0], self.counts[0] + self.counts[self.other]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """True positives / all predicted positives: how many of the predictions above the threshold are right.

    Args:
        thresholds: a number, or several in a list, each between 0 and 1. Default None: 0.5.
        top_k: only the k largest predictions of a row count as positive. Default None.
        class_id: look at this class alone. Default None.
        name, dtype: as for `Metric`.

    >>> float(Precision()([0, 1, 1, 1], [1, 0, 1, 1]))
    0.6666666666666666
    """

    other = 1


class Recall(_Share):
    """True positives / all positives: how many of the positives are predicted. Arguments as for `Precision`.

    >>> float(Recall()([0, 1, 1, 1], [1, 0, 1, 1]))
    0.6666666666666666
    """

    other = 3


__all__ = ["Confusion", "FalseNegatives", "FalsePositives", "Precision", "Recall", "TrueNegatives", "TruePositives", "ratio"]

"""Count right and wrong answers at thresholds: `Precision`, `Recall`, `AUC`."""

from __future__ import annotations

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


class _Confusion(Metric):
    """Counts of true and false positives and negatives at thresholds, in `counts`: rows TP, FP, TN, FN."""

    def _count_at(self, thresholds: list[float]) -> None:
        self.counts = self.add_variable((4, len(thresholds)), name="counts")
        self.limits = Variable(np.array(thresholds, np.float64).reshape(-1, 1), trainable=False, name="thresholds")

    def _count(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any) -> None:
        if y_true.shape != y_pred.shape:
            raise ShapeError(
                f"[{self.name}] labels and predictions differ in shape. Received: y_true {y_true.shape}, y_pred {y_pred.shape}"
            )
        self.stands_with(y_pred)
        if self.limits.device != y_pred.device:
            move([self.limits], y_pred.device)
        ones = ops.ones_like(cast(y_pred.detach(), "float64"))
        weights = weighted(ones, sample_weight).reshape(1, -1)
        above = ops.greater(cast(y_pred.detach(), "float64").reshape(1, -1), self.limits)
        right = ops.not_equal(y_true, 0).reshape(1, -1)
        hits = cast(above, "float64") * weights
        yes = cast(right, "float64")
        hit = ops.sum(hits * yes, axis=1)
        every, good = ops.sum(weights), ops.sum(weights * yes)
        false = ops.sum(hits, axis=1) - hit
        self.counts.assign(self.counts + ops.stack([hit, false, every - good - false, good - hit]))


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, or 0 where b is 0."""
    none = ops.equal(b, 0.0)
    return ops.where(none, 0.0, a / ops.where(none, 1.0, b))


class _Share(_Confusion):
    """What Precision and Recall share: true positives, by themselves and others."""

    other = 0  # the row of counts that is added below

    def __init__(self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        given = thresholds if isinstance(thresholds, (list, tuple)) else [0.5 if thresholds is None else thresholds]
        if not given or not all(isinstance(t, (int, float)) and 0 <= t <= 1 for t in given):
            raise ValueError(f"[{type(self).__name__}] thresholds must lie between 0 and 1. Received: {thresholds!r}")
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self._count_at([-1e10] if top_k is not None and thresholds is None else [float(t) for t in given])
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = same_rank(*pair(y_true, y_pred))
        if self.top_k is not None:
            places = ops.top_k(y_pred.detach(), self.top_k)[1]
            chosen = ops.sum(ops.one_hot(places, y_pred.shape[-1], dtype=y_pred.dtype), axis=-2)
            y_pred = ops.where(ops.greater(chosen, 0.0), y_pred.detach(), -1e10)
        if self.class_id is not None:
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
        self._count(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        found = _ratio(self.counts[0], self.counts[0] + self.counts[self.other])
        return cast(found if isinstance(self.thresholds, (list, tuple)) else found[0], self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.thresholds, "top_k": self.top_k, "class_id": self.class_id}


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


class AUC(_Confusion):
    """The area under the curve of recall over the false positive rate ("ROC"), or of precision over recall ("PR"), by counts at thresholds.

    Args:
        num_thresholds: at least 3; evenly spaced from 0 to 1. Default 200.
        curve: "ROC" or "PR". Default "ROC".
        name, dtype: as for `Metric`.

    Source of the PR curve's interpolation: Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC", name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name or "auc")
        if curve not in ("ROC", "PR") or isinstance(num_thresholds, bool) or not isinstance(num_thresholds, int) or num_thresholds < 3:
            raise ValueError(f"[AUC] curve must be 'ROC' or 'PR', num_thresholds at least 3. Received: {curve!r}, {num_thresholds!r}")
        self.num_thresholds, self.curve = num_thresholds, curve
        between = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        self._count_at([-1e-7, *between, 1.0 + 1e-7])
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        self._count(*same_rank(*pair(y_true, y_pred)), sample_weight)

    def result(self) -> Tensor:
        hit, false, rest, missed = self.counts[0], self.counts[1], self.counts[2], self.counts[3]
        recall = _ratio(hit, hit + missed)
        if self.curve == "ROC":
            x = _ratio(false, false + rest)
            return cast(ops.sum((x[:-1] - x[1:]) * (recall[:-1] + recall[1:]) * 0.5), self.dtype)
        found = hit + false
        gained, step = hit[:-1] - hit[1:], found[:-1] - found[1:]
        slope = _ratio(gained, ops.maximum(step, 0.0))
        start = hit[1:] - slope * found[1:]
        both = ops.logical_and(ops.greater(found[:-1], 0.0), ops.greater(found[1:], 0.0))
        ratio = ops.where(both, _ratio(found[:-1], ops.maximum(found[1:], 0.0)), 1.0)
        return cast(ops.sum(_ratio(slope * (gained + start * ops.log(ratio)), ops.maximum(hit[1:] + missed[1:], 0.0))), self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_thresholds": self.num_thresholds, "curve": self.curve}

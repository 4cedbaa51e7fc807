"""Judge predictions at all thresholds at once: the area under a curve (`AUC`), the best share of one kind at a given share of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config, ops
from ..errors import ShapeError
from ..losses.functions import pair, same_rank
from ..ops._common import cast
from ..tensors import Tensor, TensorLike
from ..variables import Variable
from .counts import Confusion, ratio

CURVES, METHODS = ("ROC", "PR", "PRGAIN"), ("interpolation", "minoring", "majoring")


def _whole(where: str, what: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"[{where}] {what} must be a whole number >= {least}. Received: {what}={value!r}")
    return int(value)


class AUC(Confusion):
    """The area under the curve of recall over the false positive rate ("ROC"), or of precision over recall ("PR"), by counts at thresholds.

    Args:
        num_thresholds: at least 2; evenly spaced from 0 to 1. Default 200.
        curve: "ROC", "PR" or "PRGAIN" (precision and recall as gains over always saying yes). Default "ROC".
        summation_method: the height between two thresholds: "interpolation" (the middle; for "PR" of the counts), "minoring" (the lower
            one) or "majoring" (the upper one). Default "interpolation".
        name, dtype: as for `Metric`.
        thresholds: numbers from 0 to 1 in place of num_thresholds; both ends are added. Default None.
        multi_label: the mean of the areas of all labels, for predictions (N, labels), in place of one area over all of them. Default False.
        num_labels: with multi_label; default: found from the first batch.
        label_weights: one weight for each label, for that mean, or without multi_label for the counts. Default None.
        from_logits: predictions are scores before sigmoid. Default False.

    Raises:
        ValueError: for arguments that make no sense.
        ShapeError: for predictions that are not (N, labels), with multi_label or label_weights.

    Source of the PR curve's interpolation: Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006;
    of the gains: Flach and Kull, Precision-recall-gain curves, 2015.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype=dtype, name=name or "auc")
        for what, value, allowed in (("curve", curve, CURVES), ("summation_method", summation_method, METHODS)):
            if not isinstance(value, str) or value.lower() not in [a.lower() for a in allowed]:
                raise ValueError(f"[AUC] {what} must be one of {', '.join(map(repr, allowed))}. Received: {what}={value!r}")
        self.curve, self.summation_method = curve.upper(), summation_method.lower()
        self.thresholds = None if thresholds is None else sorted(float(t) for t in thresholds)
        if self.thresholds is not None and not all(0 <= t <= 1 for t in self.thresholds):
            raise ValueError(f"[AUC] thresholds must lie between 0 and 1. Received: {thresholds!r}")
        num_thresholds = _whole("AUC", "num_thresholds", num_thresholds, 2)
        evenly = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        between = evenly if self.thresholds is None else self.thresholds
        self.num_thresholds = len(between) + 2
        self._set_limits([0.0, *between, 1.0])
        self.limits.assign(np.array([-config.epsilon(), *between, 1.0 + config.epsilon()]))
        self.multi_label, self.from_logits = bool(multi_label), bool(from_logits)
        if num_labels is not None and not multi_label:
            raise ValueError(f"[AUC] num_labels is needed with multi_label=True alone. Received: num_labels={num_labels!r}")
        self.num_labels = None if num_labels is None else _whole("AUC", "num_labels", num_labels, 1)
        given = None if label_weights is None else np.asarray(label_weights, np.float64)
        if given is not None and (given.ndim != 1 or not (given >= 0).all()):
            raise ValueError(f"[AUC] label_weights must be a list of numbers >= 0. Received: {label_weights!r}")
        self.label_weights = None if given is None else Variable(given, trainable=False, name="label_weights")
        if not multi_label or num_labels:
            self._set_counts(self.num_labels or 1)
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = same_rank(*pair(y_true, y_pred))
        labels = y_pred.shape[-1] if y_pred.ndim > 1 else 1
        weights = self.label_weights
        if (self.multi_label and (y_pred.ndim != 2 or labels != (self.num_labels or labels))) or (
            weights is not None and labels != weights.size
        ):
            told = self.num_labels if weights is None else weights.size
            wanted = f"(N, {told})" if told else "(N, labels)"
            raise ShapeError(f"[{self.name}] multi_label and label_weights need predictions {wanted}. Received: y_pred {y_pred.shape}")
        if "counts" not in vars(self):
            self._set_counts(labels)
        if self.multi_label and labels != self.counts.shape[-1]:
            raise ShapeError(f"[{self.name}] there were {self.counts.shape[-1]} labels before. Received: y_pred {y_pred.shape}")
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        self._count(y_true, y_pred, sample_weight, None if self.multi_label else weights)

    def result(self) -> Tensor:
        if "counts" not in vars(self):  # nothing was measured yet
            return ops.zeros((), self.dtype)
        areas = ops.sum(self._pieces(*[self.counts[i] for i in range(4)]), axis=0)  # one for each label
        if self.multi_label and self.label_weights is not None:
            total = ops.sum(self.label_weights.detach()).reshape(1)
            return cast(ratio(ops.sum(areas * self.label_weights.detach()).reshape(1), total)[0], self.dtype)
        return cast(ops.mean(areas), self.dtype)

    def _pieces(self, hit: Tensor, false: Tensor, rest: Tensor, missed: Tensor) -> Tensor:
        """The areas between neighbouring thresholds, (T - 1, labels)."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            found = hit + false
            gained, step = hit[:-1] - hit[1:], found[:-1] - found[1:]
            slope = ratio(gained, ops.maximum(step, 0.0))
            start = hit[1:] - slope * found[1:]
            both = ops.logical_and(ops.greater(found[:-1], 0.0), ops.greater(found[1:], 0.0))
            quotient = ops.where(both, ratio(found[:-1], ops.maximum(found[1:], 0.0)), 1.0)
            return ratio(slope * (gained + start * ops.log(quotient)), ops.maximum(hit[1:] + missed[1:], 0.0))
        x, y = self._curve(hit, false, rest, missed)
        width = x[:-1] - x[1:]
        if self.summation_method == "interpolation":
            return width * (y[:-1] + y[1:]) * 0.5
        return width * (ops.minimum if self.summation_method == "minoring" else ops.maximum)(y[:-1], y[1:])

    def _curve(self, hit: Tensor, false: Tensor, rest: Tensor, missed: Tensor) -> tuple[Tensor, Tensor]:
        if self.curve == "ROC":
            return ratio(false, false + rest), ratio(hit, hit + missed)
        if self.curve == "PR":
            return ratio(hit, hit + missed), ratio(hit, hit + false)
        odds, none = ratio(hit + missed, rest + false), ops.equal(hit, 0.0)
        recall, precision = (1.0 - odds * ratio(wrong, hit) for wrong in (missed, false))
        return ops.maximum(ops.where(none, 0.0, recall), 0.0), ops.where(none, 1.0, precision)

    def get_config(self) -> dict[str, Any]:
        own: dict[str, Any] = {k: getattr(self, k) for k in ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels",
                                                             "from_logits")}  # fmt: skip
        own["label_weights"] = None if self.label_weights is None else self.label_weights.tolist()
        return {**super().get_config(), **own, **({} if self.thresholds is None else {"thresholds": self.thresholds})}


class _Best(Confusion):
    """The largest share of one kind at thresholds where the share of another is at least a given one."""

    given: str  # the argument's name
    shares: tuple[tuple[int, int], tuple[int, int]]  # rows of counts: (above, added below) of the given share, and of the one that is shown

    def _start(self, value: Any, num_thresholds: int, class_id: int | None) -> None:
        where = type(self).__name__
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f"[{where}] {self.given} must be a number from 0 to 1. Received: {self.given}={value!r}")
        self._least = float(value)
        self.num_thresholds = n = _whole(where, "num_thresholds", num_thresholds, 1)
        self.class_id = None if class_id is None else _whole(where, "class_id", class_id, 0)
        self._set_limits([i / (n - 1) for i in range(n)] if n > 1 else [0.5])
        self._set_counts()
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:
        y_true, y_pred = same_rank(*pair(y_true, y_pred))
        if self.class_id is not None:
            if y_pred.ndim < 2 or self.class_id >= y_pred.shape[-1]:
                raise ShapeError(
                    f"[{self.name}] class_id={self.class_id} needs predictions (N, C) with C > {self.class_id}. "
                    f"Received: y_pred {y_pred.shape}"
                )
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
        self._count(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        held, shown = [ratio(self.counts[above], self.counts[above] + self.counts[by]) for above, by in self.shares]
        return cast(ops.max(ops.where(ops.greater_equal(held, self._least), shown, 0.0)), self.dtype)

    def get_config(self) -> dict[str, Any]:
        own = {self.given: self._least, "num_thresholds": self.num_thresholds, "class_id": self.class_id}
        return {**super().get_config(), **own}


class SensitivityAtSpecificity(_Best):
    """The largest recall of the positives where at least the share `specificity` of the negatives is recognised.

    Args:
        specificity: from 0 to 1.
        num_thresholds: evenly spaced from 0 to 1. Default 200.
        class_id: look at this class alone. Default None.
        name, dtype: as for `Metric`.

    >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    given, shares = "specificity", ((2, 1), (0, 3))

    def __init__(self, specificity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        self._start(specificity, num_thresholds, class_id)


class SpecificityAtSensitivity(_Best):
    """The largest share of recognised negatives where the recall is at least `sensitivity`. Arguments as for `SensitivityAtSpecificity`.

    >>> round(float(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    given, shares = "sensitivity", ((0, 3), (2, 1))

    def __init__(self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        self._start(sensitivity, num_thresholds, class_id)


class PrecisionAtRecall(_Best):
    """The largest precision where the recall is at least `recall`. Arguments as for `SensitivityAtSpecificity`.

    >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    given, shares = "recall", ((0, 3), (0, 1))

    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        self._start(recall, num_thresholds, class_id)


class RecallAtPrecision(_Best):
    """The largest recall where the precision is at least `precision`. Arguments as for `SensitivityAtSpecificity`.

    >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    given, shares = "precision", ((0, 1), (0, 3))

    def __init__(self, precision: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        self._start(precision, num_thresholds, class_id)


__all__ = ["AUC", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"]

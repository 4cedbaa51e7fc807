"""Gather numbers over many steps without reading them: weighted means and counts of right predictions, in float64.

An accumulator is float64 of shape (2,): the weighted total and the weight. float32 would stop counting at 2^24.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd import apply
from ..dtypes import float64
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor
from ._common import cast, constant_like


def _add_up(xp: Any, total: Any, values: Any, weights: Any) -> None:
    """values: one number a sample; weights: the same shape, or one for all."""
    if weights.ndim:
        total[0] += (values * weights.astype(float64)).sum()
        total[1] += weights.sum(dtype=float64)
        return
    weight, count = weights[()], values.size
    if not values.ndim:
        values = values[()]
    else:
        values = xp.count_nonzero(values) if values.dtype.kind == "b" else values.sum(dtype=float64)
    total[0] += values * weight
    total[1] += count * weight


def _mean_infer(values: Any, weights: Any) -> Any:
    if values.shape[: weights.ndim] != weights.shape:
        raise ShapeError(f"[mean_] weights must be one per leading axes of the values. Received: {weights.shape} for {values.shape}")
    return ()


def _mean_(xp: Any, total: Any, values: Any, weights: Any) -> None:
    if not values.size:
        return
    kept = max(weights.ndim, 1)
    if values.ndim > kept:  # what lies below a sample, or below a weight, is averaged
        values = values.reshape(*values.shape[:kept], -1).mean(-1, dtype=float64)
    if weights.ndim > 1:
        below = math.prod(weights.shape[1:])
        total[0] += (values * weights.astype(float64)).sum() / below
        total[1] += weights.sum(dtype=float64) / below
    else:
        _add_up(xp, total, values, weights)


def _rows_infer(pred: Any, target: Any, weights: Any) -> Any:
    if not pred.ndim or target.shape not in (pred.shape, pred.shape[:-1]) or weights.shape not in ((), pred.shape[:-1]):
        raise ShapeError(
            "[accuracy] predictions (..., classes) need targets and weights to match. "
            f"Received: predictions {pred.shape}, targets {target.shape}, weights {weights.shape}"
        )
    return ()


def _categorical_accuracy_(xp: Any, total: Any, pred: Any, target: Any, weights: Any) -> None:
    if pred.size:
        _add_up(xp, total, pred.argmax(-1) == target.argmax(-1), weights)


def _sparse_categorical_accuracy_(xp: Any, total: Any, pred: Any, labels: Any, weights: Any) -> None:
    if pred.size:
        _add_up(xp, total, pred.argmax(-1) == labels, weights)


def _binary_infer(pred: Any, target: Any, weights: Any, threshold: float) -> Any:
    if target.shape != pred.shape or weights.shape != pred.shape[: weights.ndim]:
        raise ShapeError(
            "[binary_accuracy] predictions and targets must have one shape, weights its leading axes. "
            f"Received: predictions {pred.shape}, targets {target.shape}, weights {weights.shape}"
        )
    return ()


def _binary_accuracy_(xp: Any, total: Any, pred: Any, target: Any, weights: Any, threshold: float) -> None:
    _mean_(xp, total, (pred > threshold) == target, weights)


def _result(xp: Any, y: Any, total: Any) -> None:
    y[...] = xp.where(total[1] == 0, 0.0, total[0] / total[1])


MEAN_ = Op("mean_", _mean_infer, _mean_, updates=1)
CATEGORICAL_ACCURACY_ = Op("categorical_accuracy_", _rows_infer, _categorical_accuracy_, updates=1)
SPARSE_CATEGORICAL_ACCURACY_ = Op("sparse_categorical_accuracy_", _rows_infer, _sparse_categorical_accuracy_, updates=1)
BINARY_ACCURACY_ = Op("binary_accuracy_", _binary_infer, _binary_accuracy_, updates=1)
MEAN_RESULT = Op("mean_result", lambda total: (((), total.dtype),), _result)


def _weight(weights: Tensor | float | None, total: Tensor) -> Tensor:
    """Weights, one number in float64."""
    if isinstance(weights, Tensor):
        return weights if weights.ndim else cast(weights, float64)
    return constant_like(1.0 if weights is None else float(weights), float64, total.storage.backend)


def mean_(total: Tensor, values: Tensor, weights: Tensor | float | None = None) -> None:
    """total += (sum of values * weights, sum of weights); axes of the values below the weights' are averaged. None weighs 1.

    >>> import gpudl
    >>> total = gpudl.zeros(2, dtype="float64")
    >>> mean_(total, gpudl.tensor([1.0, 4.0]))
    >>> total
    Tensor([5., 2.], dtype=float64)
    """
    apply(MEAN_, (values.detach(), _weight(weights, total)), updates=(total,))


def categorical_accuracy_(total: Tensor, pred: Tensor, target: Tensor, weights: Tensor | float | None = None) -> None:
    """Count the rows whose largest prediction stands where the target's largest entry does.

    >>> import gpudl
    >>> total = gpudl.zeros(2, dtype="float64")
    >>> categorical_accuracy_(total, gpudl.tensor([[0.2, 0.8], [0.6, 0.4]]), gpudl.tensor([[0.0, 1.0], [0.0, 1.0]]))
    >>> total
    Tensor([1., 2.], dtype=float64)
    """
    apply(CATEGORICAL_ACCURACY_, (pred.detach(), target, _weight(weights, total)), updates=(total,))


def sparse_categorical_accuracy_(total: Tensor, pred: Tensor, labels: Tensor, weights: Tensor | float | None = None) -> None:
    """Count the rows whose largest prediction stands at the label.

    >>> import gpudl
    >>> total = gpudl.zeros(2, dtype="float64")
    >>> sparse_categorical_accuracy_(total, gpudl.tensor([[0.2, 0.8], [0.6, 0.4]]), gpudl.tensor([1, 1]))
    >>> total
    Tensor([1., 2.], dtype=float64)
    """
    apply(SPARSE_CATEGORICAL_ACCURACY_, (pred.detach(), labels, _weight(weights, total)), updates=(total,))


def binary_accuracy_(total: Tensor, pred: Tensor, target: Tensor, threshold: float, weights: Tensor | float | None = None) -> None:
    """Count the elements where (prediction > threshold) equals the target; elements of one sample are averaged.

    >>> import gpudl
    >>> total = gpudl.zeros(2, dtype="float64")
    >>> binary_accuracy_(total, gpudl.tensor([[0.7], [0.6]]), gpudl.tensor([[1.0], [0.0]]), 0.5)
    >>> total
    Tensor([1., 2.], dtype=float64)
    """
    apply(BINARY_ACCURACY_, (pred.detach(), target, _weight(weights, total)), (float(threshold),), updates=(total,))


def mean_result(total: Tensor) -> Tensor:
    """total[0] / total[1], or 0 where nothing was gathered; a tensor of its own.

    >>> import gpudl
    >>> mean_result(gpudl.tensor([5.0, 2.0], dtype="float64"))
    Tensor(2.5, dtype=float64)
    """
    return apply(MEAN_RESULT, (total,))  # type: ignore[no-any-return]


__all__ = ["binary_accuracy_", "categorical_accuracy_", "mean_", "mean_result", "sparse_categorical_accuracy_"]

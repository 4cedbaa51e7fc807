"""Count predictions without reading them: right and wrong ones above thresholds, and how often one class was taken for another.

Counts are float64, so that weights add up and 2^24 is no limit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import apply
from ..dtypes import float64
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor
from ._segments import segment_sum
from .metric import _weight


def _sums(xp: Any, keys: Any, weights: Any, n: int) -> Any:
    """For each number below n the sum of the weights of its occurrences; n itself is left out."""
    values = xp.broadcast_to(weights, keys.shape).astype(float64)
    if xp is np:
        return np.bincount(keys, values, n + 1)[:n]
    out = xp.empty((n, 1), float64)
    segment_sum(xp, out, values.reshape(-1, 1), keys)
    return out.reshape(-1)


def _confusion_infer(pred: Any, target: Any, weights: Any, limits: Any) -> Any:
    if pred.ndim != 2 or target.shape != pred.shape or weights.shape not in ((), pred.shape) or limits.ndim != 1:
        raise ShapeError(
            "[confusion_] predictions (N, L), targets and weights must have one shape. "
            f"Received: predictions {pred.shape}, targets {target.shape}, weights {weights.shape}, limits {limits.shape}"
        )
    return ()


def _confusion_(xp: Any, counts: Any, pred: Any, target: Any, weights: Any, limits: Any) -> None:
    labels, steps = pred.shape[1], len(limits) + 1
    if not pred.size:
        return
    p = xp.where(pred == pred, pred, pred.dtype.type(-math.inf))  # NaN is above nothing
    above = xp.searchsorted(limits.astype(p.dtype), p)  # how many limits lie below
    keys = ((above + xp.arange(labels) * steps) * 2 + (target != 0)).reshape(-1)
    table = _sums(xp, keys, weights.reshape(-1) if weights.ndim else weights, labels * steps * 2).reshape(labels, steps, 2)
    below = xp.cumsum(table, axis=1)
    over = xp.cumsum(table[:, ::-1], axis=1)[:, ::-1]
    found = (over[:, 1:, 1], over[:, 1:, 0], below[:, :-1, 0], below[:, :-1, 1])
    for count, more in zip(counts, found):
        count += more.T


def _crosstable_infer(target: Any, pred: Any, weights: Any, *attrs: Any) -> Any:
    if target.ndim != 1 or target.shape != pred.shape or weights.shape not in ((), pred.shape):
        raise ShapeError(
            "[crosstable_] class numbers and weights must have one shape (N,). "
            f"Received: labels {target.shape}, predictions {pred.shape}, weights {weights.shape}"
        )
    return ()


def _crosstable_(xp: Any, total: Any, target: Any, pred: Any, weights: Any, ignored: int, ignores: bool) -> None:
    if not target.size:
        return
    n = len(total)
    kept = (target >= 0) & (target < n) & (pred >= 0) & (pred < n)
    if ignores:
        kept &= target != ignored
    row, column = (xp.where(kept, x, x.dtype.type(0)).astype(xp.int64) for x in (target, pred))
    total += _sums(xp, xp.where(kept, row * n + column, n * n), weights, n * n).reshape(n, n)


CONFUSION_ = Op("confusion_", _confusion_infer, _confusion_, updates=1)
CROSSTABLE_ = Op("crosstable_", _crosstable_infer, _crosstable_, updates=1)


def confusion_(counts: Tensor, pred: Tensor, target: Tensor, limits: Tensor, weights: Tensor | float | None = None) -> None:
    """counts += weights of true positives, false positives, true negatives, false negatives, for predictions above each limit.

    Args:
        counts: (4, T, L), float64.
        pred, target: (N, L); a target other than 0 says yes. NaN is above no limit.
        limits: (T,), rising; compared in pred's dtype.
        weights: (N, L), or a number for all. Default 1.

    >>> import gpudl
    >>> counts = gpudl.zeros((4, 1, 1), "float64")
    >>> confusion_(counts, gpudl.tensor([[0.9], [0.2], [0.7]]), gpudl.tensor([[1], [1], [0]]), gpudl.tensor([0.5]))
    >>> counts.reshape(4)
    Tensor([1., 1., 0., 1.], dtype=float64)
    """
    apply(CONFUSION_, (pred.detach(), target, _weight(weights, counts), limits), updates=(counts,))


def crosstable_(total: Tensor, target: Tensor, pred: Tensor, weights: Tensor | float | None = None, ignored: int | None = None) -> None:
    """total[i, j] += the weights of predictions j where the label is i.

    Args:
        total: (C, C), float64.
        target, pred: class numbers (N,). What is not from 0 to C - 1 is left out.
        weights: (N,), or a number for all. Default 1.
        ignored: a label that is left out too. Default None.

    >>> import gpudl
    >>> total = gpudl.zeros((2, 2), "float64")
    >>> crosstable_(total, gpudl.tensor([0, 1, 1]), gpudl.tensor([0, 0, 1]))
    >>> total
    Tensor([[1., 0.],
            [1., 1.]], dtype=float64)
    """
    attrs = (0 if ignored is None else int(ignored), ignored is not None)
    apply(CROSSTABLE_, (target, pred.detach(), _weight(weights, total)), attrs, updates=(total,))


__all__ = ["confusion_", "crosstable_"]

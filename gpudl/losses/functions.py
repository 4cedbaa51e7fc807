"""Compute one loss per row: `mean_squared_error` and the cross-entropies, as functions of (y_true, y_pred)."""

from __future__ import annotations

from .. import ops
from ..ops import loss as _loss
from ..ops._common import as_tensor, cast, floating
from ..tensors import Tensor, TensorLike


def same_rank(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both with as many axes: a last axis of size 1 is given to (N,) against (N, 1), or else taken away."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b.reshape(*b.shape, 1)) if b.ndim == 1 else (a.reshape(a.shape[:-1]), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a.reshape(*a.shape, 1), b) if a.ndim == 1 else (a, b.reshape(b.shape[:-1]))
    return a, b


def pair(y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    y_pred = floating(as_tensor(y_pred, y_true if isinstance(y_true, Tensor) else None))
    return as_tensor(y_true, y_pred), y_pred


def _mean_last(x: Tensor, axis: int = -1) -> Tensor:
    if axis in (-1, x.ndim - 1) and x.shape[-1] == 1:
        return x.reshape(x.shape[:-1])
    return ops.mean(x, axis=axis)


def mean_squared_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean((y_true - y_pred)^2) over the last axis.

    Args:
        y_true: true values, of y_pred's shape; (N,) also fits (N, 1).
        y_pred: predictions, at least one axis.

    Returns:
        One loss per row: y_pred's shape without its last axis.

    >>> mean_squared_error([[0.0, 2.0]], [[1.0, 1.0]])
    Tensor([1.], dtype=float32)
    """
    y_true, y_pred = same_rank(*pair(y_true, y_pred))
    return _loss.mean_squared_error(y_true, y_pred)


def binary_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """mean(-(y log(p) + (1 - y) log(1 - p))) over `axis`: the cross-entropy of yes-or-no answers.

    Args:
        y_true: 0 or 1, of y_pred's shape; (N,) also fits (N, 1).
        y_pred: probabilities, or scores before sigmoid with `from_logits`.
        from_logits: default False.
        label_smoothing: between 0 and 1: moves labels towards 0.5, y (1 - s) + s / 2. Default 0.
        axis: over which the mean is taken. Default: the last one.

    >>> binary_crossentropy([[1.0], [0.0]], [[0.5], [0.5]])
    Tensor([0.6931472, 0.6931472], dtype=float32)
    """
    y_true, y_pred = same_rank(*pair(y_true, y_pred))
    if label_smoothing:
        y_true = cast(y_true, y_pred.dtype) * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return _mean_last(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis)


def categorical_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-sum(y log(p)) over the classes, for one-hot or soft targets.

    Args:
        y_true: one-hot rows, of y_pred's shape. Class numbers belong to `sparse_categorical_crossentropy`.
        y_pred: probabilities (straight from softmax they need no clipping), or scores before softmax with `from_logits`.
        from_logits: default False.
        label_smoothing: between 0 and 1: y (1 - s) + s / classes. Default 0.
        axis: the axis of the classes. Default: the last one.

    >>> categorical_crossentropy([[0.0, 1.0, 0.0]], [[0.05, 0.95, 0.0]])
    Tensor([0.05129...], dtype=float32)
    """
    y_true, y_pred = pair(y_true, y_pred)
    if label_smoothing:
        y_true = cast(y_true, y_pred.dtype) * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """-log(p[label]), for class numbers.

    Args:
        y_true: class numbers, of y_pred's shape without `axis`, or with 1 there.
        y_pred: probabilities, or scores before softmax with `from_logits`.
        from_logits: default False.
        ignore_class: a class whose rows have loss 0 and no gradient. Default None.
        axis: the axis of the classes. Default: the last one.

    >>> sparse_categorical_crossentropy([1], [[0.05, 0.95, 0.0]])
    Tensor([0.05129...], dtype=float32)
    """
    y_true, y_pred = pair(y_true, y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    kept = ops.not_equal(y_true, ignore_class)
    each = ops.sparse_categorical_crossentropy(ops.where(kept, y_true, 0), y_pred, from_logits=from_logits, axis=axis)
    return ops.where(kept, each, 0.0)


mse = MSE = mean_squared_error
bce = BCE = binary_crossentropy

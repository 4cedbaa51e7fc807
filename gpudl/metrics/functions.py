"""Measure one batch without keeping count: accuracies as functions of (y_true, y_pred). The functions of losses stand here, too."""

from __future__ import annotations

from .. import ops
from ..losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from ..losses.functions import pair, same_rank
from ..ops._common import as_tensor, cast
from ..tensors import Tensor, TensorLike

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kl_divergence


def binary_accuracy(y_true: TensorLike, y_pred: TensorLike, threshold: float = 0.5) -> Tensor:
    """1 where a prediction is right, i.e. greater than the threshold where the label says 1, else 0.

    Args:
        y_true: 0 or 1, of y_pred's shape; (N,) also fits (N, 1).
        y_pred: numbers, at least one axis.
        threshold: default 0.5.

    Returns:
        One number an element.

    >>> binary_accuracy([[1], [1], [0]], [[0.9], [0.2], [0.3]]).tolist()
    [[1.0], [0.0], [1.0]]
    """
    y_true, y_pred = same_rank(*pair(y_true, y_pred))
    return cast(ops.equal(cast(ops.greater(y_pred, threshold), y_pred.dtype), cast(y_true, y_pred.dtype)), y_pred.dtype)


def categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where the largest prediction of a row stands where the largest target does, else 0.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.1, 0.9]])
    Tensor([1., 0.], dtype=float32)
    """
    y_true, y_pred = pair(y_true, y_pred)
    return cast(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)), y_pred.dtype)


def sparse_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where the largest prediction of a row stands at the class number, else 0.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.1, 0.9]])
    Tensor([1., 0.], dtype=float32)
    """
    y_true, y_pred = _rows(y_true, y_pred)
    found = ops.argmax(y_pred, axis=-1)
    return cast(ops.equal(cast(y_true, found.dtype), found), y_pred.dtype)


def top_k_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike, k: int = 5) -> Tensor:
    """1 where fewer than k predictions of a row are larger than the one at the largest target, else 0.

    >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.2, 0.3]], k=2)
    Tensor([1.], dtype=float32)
    """
    y_true, y_pred = pair(y_true, y_pred)
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike, k: int = 5, from_sorted_ids: bool = False) -> Tensor:
    """1 where fewer than k predictions of a row are larger than the one at the class number, else 0.

    With `from_sorted_ids` the rows are class numbers, the best first: 1 where the label is among the first k.

    >>> sparse_top_k_categorical_accuracy([2, 1], [[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]], k=2)
    Tensor([1., 0.], dtype=float32)
    """
    y_true, y_pred = _rows(y_true, y_pred)
    if from_sorted_ids:
        found = ops.equal(y_pred[..., :k], ops.expand_dims(cast(y_true, y_pred.dtype), -1))
        return cast(ops.any(found, axis=-1), y_pred.dtype)
    at = ops.expand_dims(cast(y_true, "int32"), -1)
    larger = ops.greater(y_pred, ops.take_along_axis(y_pred, at, axis=-1))
    return cast(ops.less(ops.sum(cast(larger, "int32"), axis=-1), k), y_pred.dtype)


def _rows(y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    """Class numbers without a last axis of size 1, and predictions."""
    y_true, y_pred = pair(y_true, y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true.reshape(y_true.shape[:-1])
    return as_tensor(y_true), y_pred


__all__ = [
    "BCE", "bce", "binary_accuracy", "binary_crossentropy", "binary_focal_crossentropy", "categorical_accuracy",
    "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "hinge", "huber", "kl_divergence", "KLD", "kld",
    "log_cosh", "MAE", "mae", "MAPE", "mape", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "MSE", "mse", "MSLE", "msle", "poisson", "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy", "squared_hinge", "top_k_categorical_accuracy",
]  # fmt: skip

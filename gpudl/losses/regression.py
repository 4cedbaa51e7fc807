"""Compute one loss per row of predicted numbers: absolute, relative, logarithmic errors, hinges, divergences; and the same as objects."""

from __future__ import annotations

import math
from typing import Any

from .. import config, ops
from ..ops._common import cast
from ..tensors import Tensor, TensorLike
from .base import Loss
from .functions import _mean_last, pair, same_rank
from .plain import Plain


def _operands(y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    """Both in the predictions' dtype, with as many axes."""
    y_true, y_pred = same_rank(*pair(y_true, y_pred))
    return cast(y_true, y_pred.dtype), y_pred


def _signs(y_true: Tensor) -> Tensor:
    """Labels 0 and 1 as -1 and 1; labels that hold others stay as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(binary, y_true * 2.0 - 1.0, y_true)


def mean_absolute_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(abs(y_true - y_pred)) over the last axis; arguments and result as for `mean_squared_error`.

    >>> mean_absolute_error([[0.0, 2.0]], [[1.0, 5.0]])
    Tensor([2.], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    return _mean_last(ops.abs(y_true - y_pred))


def mean_absolute_percentage_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """100 mean(abs((y_true - y_pred) / max(abs(y_true), epsilon))) over the last axis.

    >>> mean_absolute_percentage_error([[1.0, 2.0]], [[1.5, 3.0]])
    Tensor([50.], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    return _mean_last(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), config.epsilon()))) * 100.0


def mean_squared_logarithmic_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean((log(y_true + 1) - log(y_pred + 1))^2) over the last axis; both are kept at least epsilon.

    >>> mean_squared_logarithmic_error([[0.0]], [[0.0]])
    Tensor([0.], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    epsilon = config.epsilon()
    difference = ops.log(ops.maximum(y_pred, epsilon) + 1.0) - ops.log(ops.maximum(y_true, epsilon) + 1.0)
    return _mean_last(ops.square(difference))


def hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(max(1 - y_true y_pred, 0)) over the last axis, for labels -1 and 1, or 0 and 1.

    >>> hinge([[-1.0, 1.0]], [[0.5, 0.5]])
    Tensor([1.], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    return _mean_last(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0))


def squared_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(max(1 - y_true y_pred, 0)^2) over the last axis, for labels -1 and 1, or 0 and 1.

    >>> squared_hinge([[-1.0, 1.0]], [[0.0, 2.0]])
    Tensor([0.5], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    return _mean_last(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)))


def categorical_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0) over the last axis, for one-hot labels.

    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.25]])
    Tensor([1.25], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    right = ops.sum(y_true * y_pred, axis=-1)
    return ops.maximum(ops.max((1.0 - y_true) * y_pred, axis=-1) - right + 1.0, 0.0)


def kl_divergence(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """sum(y_true log(y_true / y_pred)) over the last axis; both are kept in [epsilon, 1].

    >>> kl_divergence([[1.0, 0.0]], [[1.0, 0.0]])
    Tensor([0.], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, config.epsilon(), 1.0), ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def huber(y_true: TensorLike, y_pred: TensorLike, delta: float = 1.0) -> Tensor:
    """mean of d^2 / 2 where abs(d) <= delta, else delta abs(d) - delta^2 / 2, over the last axis; d = y_pred - y_true.

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
    Tensor([1.5], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    distance = ops.abs(y_pred - y_true)
    near = ops.less_equal(distance, delta)
    return _mean_last(ops.where(near, ops.square(distance) * 0.5, distance * delta - 0.5 * delta * delta))


def log_cosh(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(log(cosh(y_pred - y_true))) over the last axis, computed as d + softplus(-2 d) - log(2).

    >>> log_cosh([[0.0]], [[0.0]])
    Tensor([0.], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    difference = y_pred - y_true
    return _mean_last(difference + ops.softplus(difference * -2.0) - math.log(2.0))


def poisson(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(y_pred - y_true log(y_pred + epsilon)) over the last axis.

    >>> poisson([[0.0, 0.0]], [[1.0, 2.0]])
    Tensor([1.5], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    return _mean_last(y_pred - y_true * ops.log(y_pred + config.epsilon()))


def cosine_similarity(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """-sum(y_true y_pred) along `axis`, both scaled to norm 1: the negative cosine of the angle, -1 is best. The metric has no minus.

    >>> cosine_similarity([[0.0, 2.0]], [[0.0, 4.0]])
    Tensor([-1.], dtype=float32)
    """
    return -cosine(y_true, y_pred, axis)


def cosine(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """sum(y_true y_pred) along `axis`, both scaled to norm 1."""
    y_true, y_pred = _operands(y_true, y_pred)
    return ops.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    """x / max(norm, sqrt(1e-12)) along an axis."""
    return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


class MeanAbsoluteError(Plain, function=mean_absolute_error):
    """mean(abs(y_true - y_pred)): see `mean_absolute_error`.

    >>> MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]])
    Tensor(2., dtype=float32)
    """


class MeanAbsolutePercentageError(Plain, function=mean_absolute_percentage_error):
    """Mean of relative errors, in percent: see `mean_absolute_percentage_error`.

    >>> MeanAbsolutePercentageError()([[1.0], [2.0]], [[1.5], [2.0]])
    Tensor(25., dtype=float32)
    """


class MeanSquaredLogarithmicError(Plain, function=mean_squared_logarithmic_error):
    """mean((log(y_true + 1) - log(y_pred + 1))^2): see `mean_squared_logarithmic_error`.

    >>> MeanSquaredLogarithmicError()([[1.0]], [[1.0]])
    Tensor(0., dtype=float32)
    """


class Hinge(Plain, function=hinge):
    """mean(max(1 - y_true y_pred, 0)): see `hinge`.

    >>> Hinge()([[-1.0], [1.0]], [[0.5], [0.5]])
    Tensor(1., dtype=float32)
    """


class SquaredHinge(Plain, function=squared_hinge):
    """mean(max(1 - y_true y_pred, 0)^2): see `squared_hinge`.

    >>> SquaredHinge()([[-1.0], [1.0]], [[0.0], [2.0]])
    Tensor(0.5, dtype=float32)
    """


class CategoricalHinge(Plain, function=categorical_hinge):
    """Distance of the right class from the best wrong one: see `categorical_hinge`.

    >>> CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]])
    Tensor(1.25, dtype=float32)
    """


class KLDivergence(Plain, function=kl_divergence):
    """sum(y_true log(y_true / y_pred)): see `kl_divergence`.

    >>> KLDivergence()([[1.0, 0.0]], [[1.0, 0.0]])
    Tensor(0., dtype=float32)
    """


class LogCosh(Plain, function=log_cosh):
    """mean(log(cosh(y_pred - y_true))): see `log_cosh`.

    >>> LogCosh()([[0.0]], [[0.0]])
    Tensor(0., dtype=float32)
    """


class Poisson(Plain, function=poisson):
    """mean(y_pred - y_true log(y_pred + epsilon)): see `poisson`.

    >>> Poisson()([[0.0, 0.0]], [[1.0, 2.0]])
    Tensor(1.5, dtype=float32)
    """


class Huber(Loss):
    """Squared error near zero, absolute error from `delta` (default 1) on: see `huber`.

    >>> Huber()([[0.0, 0.0]], [[1.0, 3.0]])
    Tensor(1.5, dtype=float32)
    """

    def __init__(
        self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str = "huber_loss", dtype: Any = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if isinstance(delta, bool) or not isinstance(delta, (int, float)) or not delta > 0:
            raise ValueError(f"[{type(self).__name__}] delta must be a number above 0. Received: {delta!r}")
        self._built = False
        self.delta = float(delta)
        self._built = True

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return huber(y_true, y_pred, self.delta)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "delta": self.delta}


class CosineSimilarity(Loss):
    """The negative cosine of the angle, along `axis` (default the last); -1 is best: see `cosine_similarity`.

    >>> CosineSimilarity()([[0.0, 2.0]], [[0.0, 4.0]])
    Tensor(-1., dtype=float32)
    """

    def __init__(
        self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str = "cosine_similarity", dtype: Any = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self._built = False
        self.axis = axis
        self._built = True

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return cosine_similarity(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kl_divergence
logcosh = log_cosh

REGRESSION: dict[Any, type[Loss]] = {
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    kl_divergence: KLDivergence,
    log_cosh: LogCosh,
    poisson: Poisson,
    huber: Huber,
    cosine_similarity: CosineSimilarity,
}
SHORT: dict[str, type[Loss]] = {
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "kld": KLDivergence,
    "kl_divergence": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCosh,
    "huber_loss": Huber,
}

__all__ = [
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLD",
    "KLDivergence",
    "LogCosh",
    "MAE",
    "MAPE",
    "MSLE",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SquaredHinge",
    "categorical_hinge",
    "cosine_similarity",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "log_cosh",
    "logcosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "msle",
    "poisson",
    "squared_hinge",
]

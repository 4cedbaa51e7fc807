"""Gather sums and means: `Sum`, the losses as metrics, root mean squared error, how often the label is among the k best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import losses, ops
from ..errors import ShapeError
from ..losses.functions import pair, same_rank
from ..losses.regression import cosine
from ..named import snake_case
from ..ops._common import as_tensor, cast
from ..tensors import Tensor, TensorLike
from .base import Mean, MeanOf, Metric, prepared_weight, row_weight, with_mask


class Sum(Metric):
    """The weighted sum of all values so far.

    >>> m = Sum()
    >>> float(m([1.0, 3.0, 5.0]))
    9.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: TensorLike, sample_weight: TensorLike | None = None) -> None:
        values = as_tensor(values)
        self.stands_with(values)
        self.total.assign(self.total + ops.sum(weighted(cast(values.detach(), "float64"), sample_weight)))

    def result(self) -> Tensor:
        return cast(self.total * 1.0, self.dtype)


def weighted(values: Tensor, sample_weight: Any) -> Tensor:
    """Values times weights that have their leading axes."""
    weights = prepared_weight(sample_weight, values)
    if isinstance(weights, Tensor):
        weights = cast(weights, values.dtype)
        while 0 < weights.ndim < values.ndim:
            weights = weights.reshape(*weights.shape, 1)
    return values if weights is None else values * weights


class _MeanLoss(MeanOf):
    """The mean of one of the loss functions."""

    loss: Callable[..., TensorLike]

    def __init__(self, name: str | None = None, dtype: Any = None, **arguments: Any) -> None:
        super().__init__(type(self).loss, name=name or snake_case(type(self).__name__), dtype=dtype, **arguments)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **self._arguments}


class MeanAbsoluteError(_MeanLoss):
    """mean(abs(y_true - y_pred)).

    >>> float(MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]]))
    2.0
    """

    loss = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(_MeanLoss):
    """The mean of `losses.mean_absolute_percentage_error`.

    >>> m = MeanAbsolutePercentageError()
    >>> m.update_state([[2.0]], [[1.0]])
    >>> float(m.result())
    50.0
    """

    loss = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(_MeanLoss):
    """The mean of `losses.mean_squared_logarithmic_error`.

    >>> m = MeanSquaredLogarithmicError()
    >>> m.update_state([[0.0]], [[1.0]])
    >>> round(float(m.result()), 4)
    0.4805
    """

    loss = staticmethod(losses.mean_squared_logarithmic_error)


class Hinge(_MeanLoss):
    """The mean of `losses.hinge`.

    >>> m = Hinge()
    >>> m.update_state([[-1.0, 1.0]], [[0.5, 0.5]])
    >>> float(m.result())
    1.0
    """

    loss = staticmethod(losses.hinge)


class KLDivergence(_MeanLoss):
    """The mean of `losses.kl_divergence`.

    >>> m = KLDivergence()
    >>> m.update_state([[1.0, 0.0]], [[0.5, 0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """

    loss = staticmethod(losses.kl_divergence)


class CosineSimilarity(_MeanLoss):
    """The mean of the cosine of the angle along `axis`; 1 is best, where `losses.cosine_similarity` is -1.

    >>> float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 2.0]]))
    1.0
    """

    loss = staticmethod(cosine)

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


class BinaryCrossentropy(_MeanLoss):
    """The mean of `losses.binary_crossentropy`.

    >>> m = BinaryCrossentropy()
    >>> m.update_state([[1.0], [0.0]], [[0.5], [0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """

    loss = staticmethod(losses.binary_crossentropy)

    def __init__(
        self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_MeanLoss):
    """The mean of `losses.categorical_crossentropy`.

    >>> m = CategoricalCrossentropy()
    >>> m.update_state([[0.0, 1.0]], [[0.5, 0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """

    loss = staticmethod(losses.categorical_crossentropy)

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(_MeanLoss):
    """The mean of `losses.sparse_categorical_crossentropy`.

    >>> m = SparseCategoricalCrossentropy()
    >>> m.update_state([1], [[0.5, 0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """

    loss = staticmethod(losses.sparse_categorical_crossentropy)

    def __init__(self, name: str = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False, axis: int = -1) -> None:
        super().__init__(name, dtype, from_logits=from_logits, axis=axis)


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)^2)).

    >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]]))
    5.0
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        y_true, y_pred = same_rank(*pair(y_true, y_pred))
        super().update_state(ops.square(cast(y_true, y_pred.dtype) - y_pred), sample_weight)

    def result(self) -> Tensor:
        return ops.sqrt(super().result())


def in_top_k(labels: Tensor, y_pred: Tensor, k: int) -> Tensor:
    """Whether fewer than k predictions of a row are larger than that at its label."""
    there = ops.take_along_axis(y_pred, cast(labels, "int64").reshape(*labels.shape, 1), axis=-1)
    return ops.less(ops.sum(cast(ops.greater(y_pred, there), "int32"), axis=-1), k)


class SparseTopKCategoricalAccuracy(Mean):
    """How often the label, a class number, is among the k largest predictions.

    >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.1, 0.6, 0.3], [0.5, 0.1, 0.4]]))
    0.5
    """

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"[{type(self).__name__}] k must be a whole number above 0. Received: {k!r}")
        self.k = k
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        sample_weight = with_mask(sample_weight, y_pred)
        y_true, y_pred = pair(y_true, y_pred)
        if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
            y_true = y_true.reshape(y_true.shape[:-1])
        if y_true.shape != y_pred.shape[:-1]:
            raise ShapeError(
                f"[{self.name}] needs one class number per row of predictions. Received: y_true {y_true.shape}, y_pred {y_pred.shape}"
            )
        super().update_state(in_top_k(y_true, y_pred.detach(), self.k), row_weight(sample_weight, y_pred))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}


class TopKCategoricalAccuracy(SparseTopKCategoricalAccuracy):
    """How often the largest target of a row is among the k largest predictions.

    >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.6, 0.3], [0.5, 0.1, 0.4]]))
    0.5
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(k, name, dtype)

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        y_true, y_pred = pair(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise ShapeError(f"[{self.name}] needs one-hot labels. Received: y_true {y_true.shape}, y_pred {y_pred.shape}")
        super().update_state(ops.argmax(y_true, axis=-1), y_pred, sample_weight)

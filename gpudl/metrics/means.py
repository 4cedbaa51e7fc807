"""Gather sums and means: `Sum`, the losses as metrics, root mean squared error, how often the label is among the k best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import config, losses, ops
from ..errors import ShapeError
from ..losses.functions import pair, same_rank
from ..losses.regression import cosine
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
    """The mean of one of the loss functions. Its name, unless another is given, is that of the function, or `default`."""

    _of: Callable[..., TensorLike]

    def __init__(self, name: str = "", dtype: Any = None, **arguments: Any) -> None:
        super().__init__(self._of, name=name, dtype=dtype, **arguments)

    def __init_subclass__(cls, function: Callable[..., TensorLike] | None = None, default: str = "", **kwargs: Any) -> None:
        if function is not None:
            cls._of, default = staticmethod(function), default or function.__name__
            if "__init__" not in vars(cls):

                def __init__(self: _MeanLoss, name: str = default, dtype: Any = None) -> None:
                    _MeanLoss.__init__(self, name, dtype)

                type.__setattr__(cls, "__init__", __init__)
        super().__init_subclass__(**kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **self._arguments}


class MeanSquaredError(_MeanLoss, function=losses.mean_squared_error):
    """mean((y_true - y_pred)^2).

    >>> m = MeanSquaredError()
    >>> float(m([[0.0], [0.0]], [[1.0], [3.0]]))
    5.0
    """


class MeanAbsoluteError(_MeanLoss, function=losses.mean_absolute_error):
    """mean(abs(y_true - y_pred)).

    >>> float(MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]]))
    2.0
    """


class MeanAbsolutePercentageError(_MeanLoss, function=losses.mean_absolute_percentage_error):
    """The mean of `losses.mean_absolute_percentage_error`.

    >>> m = MeanAbsolutePercentageError()
    >>> m.update_state([[2.0]], [[1.0]])
    >>> float(m.result())
    50.0
    """


class MeanSquaredLogarithmicError(_MeanLoss, function=losses.mean_squared_logarithmic_error):
    """The mean of `losses.mean_squared_logarithmic_error`.

    >>> m = MeanSquaredLogarithmicError()
    >>> m.update_state([[0.0]], [[1.0]])
    >>> round(float(m.result()), 4)
    0.4805
    """


class Hinge(_MeanLoss, function=losses.hinge):
    """The mean of `losses.hinge`.

    >>> m = Hinge()
    >>> m.update_state([[-1.0, 1.0]], [[0.5, 0.5]])
    >>> float(m.result())
    1.0
    """


class KLDivergence(_MeanLoss, function=losses.kl_divergence):
    """The mean of `losses.kl_divergence`.

    >>> m = KLDivergence()
    >>> m.update_state([[1.0, 0.0]], [[0.5, 0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """


class CosineSimilarity(_MeanLoss, function=cosine):
    """The mean of the cosine of the angle along `axis`; 1 is best, where `losses.cosine_similarity` is -1.

    >>> float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 2.0]]))
    1.0
    """

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


class BinaryCrossentropy(_MeanLoss, function=losses.binary_crossentropy):
    """The mean of `losses.binary_crossentropy`.

    >>> m = BinaryCrossentropy()
    >>> m.update_state([[1.0], [0.0]], [[0.5], [0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """

    def __init__(self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_MeanLoss, function=losses.categorical_crossentropy):
    """The mean of `losses.categorical_crossentropy`.

    >>> m = CategoricalCrossentropy()
    >>> m.update_state([[0.0, 1.0]], [[0.5, 0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(_MeanLoss, function=losses.sparse_categorical_crossentropy):
    """The mean of `losses.sparse_categorical_crossentropy`; with `ignore_class`, over the rows of other classes, as the loss.

    >>> m = SparseCategoricalCrossentropy()
    >>> m.update_state([1], [[0.5, 0.5]])
    >>> round(float(m.result()), 4)
    0.6931
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        ignored, axis = self._arguments["ignore_class"], self._arguments["axis"]
        if ignored is not None:
            sample_weight = with_mask(sample_weight, y_pred)
            y_true, y_pred = pair(y_true, y_pred)
            if y_true.ndim == y_pred.ndim:
                y_true = ops.squeeze(y_true, axis=axis)
            kept = cast(ops.not_equal(y_true, ignored), "float64")
            sample_weight = weighted(kept, sample_weight)
        super().update_state(y_true, y_pred, sample_weight)


class SquaredHinge(_MeanLoss, function=losses.squared_hinge):
    """The mean of `losses.squared_hinge`.

    >>> float(SquaredHinge()([[-1.0, 1.0]], [[0.0, 2.0]]))
    0.5
    """


class CategoricalHinge(_MeanLoss, function=losses.categorical_hinge):
    """The mean of `losses.categorical_hinge`.

    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.25
    """


class LogCoshError(_MeanLoss, function=losses.log_cosh, default="logcosh"):
    """The mean of `losses.log_cosh`.

    >>> round(float(LogCoshError()([[0.0]], [[2.0]])), 4)
    1.325
    """


class Poisson(_MeanLoss, function=losses.poisson):
    """The mean of `losses.poisson`.

    >>> float(Poisson()([[0.0, 0.0]], [[1.0, 2.0]]))
    1.5
    """


def pearson_correlation(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """The mean along `axis` of the product of both, each with its mean taken away and divided by its standard deviation.

    >>> pearson_correlation([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]])
    Tensor([1.], dtype=float32)
    """
    a, b = ((x - ops.mean(x, axis=axis, keepdims=True)) for x in _numbers(y_true, y_pred))
    spread = ops.sqrt(ops.mean(ops.square(a), axis=axis)) * ops.sqrt(ops.mean(ops.square(b), axis=axis))
    return ops.mean(a * b, axis=axis) / spread


def concordance_correlation(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """2 cov(a, b) / (var(a) + var(b) + (mean(a) - mean(b))^2 + epsilon) along `axis`: 1 only where both are equal.

    Source: Lin, A concordance correlation coefficient to evaluate reproducibility, 1989.

    >>> concordance_correlation([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])
    Tensor([0.57142854], dtype=float32)
    """
    a, b = _numbers(y_true, y_pred)
    means = [ops.mean(x, axis=axis, keepdims=True) for x in (a, b)]
    a, b = a - means[0], b - means[1]
    spread = ops.mean(ops.square(a), axis=axis) + ops.mean(ops.square(b), axis=axis)
    between = ops.squeeze(ops.square(means[0] - means[1]), axis=axis)
    return ops.mean(a * b, axis=axis) * 2.0 / (spread + between + config.epsilon())


def _numbers(y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    y_true, y_pred = same_rank(*pair(y_true, y_pred))
    return cast(y_true, y_pred.dtype), y_pred


class PearsonCorrelation(_MeanLoss, function=pearson_correlation):
    """The mean of `pearson_correlation` along `axis`, by default of each row.

    >>> float(PearsonCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]]))
    1.0
    """

    def __init__(self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


class ConcordanceCorrelation(_MeanLoss, function=concordance_correlation):
    """The mean of `concordance_correlation` along `axis`, by default of each row.

    >>> round(float(ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])), 4)
    0.5714
    """

    def __init__(self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


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

    Args:
        k: default 5.
        name, dtype: as for `Metric`.
        from_sorted_ids: predictions are class numbers, the best first, in place of numbers for the classes. Default False.

    >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.1, 0.6, 0.3], [0.5, 0.1, 0.4]]))
    0.5
    """

    def __init__(
        self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"[{type(self).__name__}] k must be a whole number above 0. Received: {k!r}")
        self.k, self.from_sorted_ids = k, bool(from_sorted_ids)
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
        if self.from_sorted_ids:
            labels = cast(y_true, y_pred.dtype).reshape(*y_true.shape, 1)
            found = ops.any(ops.equal(y_pred.detach()[..., : self.k], labels), axis=-1)
        else:
            found = in_top_k(y_true, y_pred.detach(), self.k)
        super().update_state(found, row_weight(sample_weight, y_pred))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k, **({"from_sorted_ids": True} if self.from_sorted_ids else {})}


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

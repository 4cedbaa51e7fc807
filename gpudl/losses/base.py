"""Make one number of the losses of a batch: `Loss` with reduction and sample weights, `LossFunction` for functions of the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes, ops, renames
from ..errors import ShapeError
from ..named import snake_case
from ..ops import loss as _loss
from ..ops._common import as_tensor, cast
from ..tensors import Tensor, TensorLike, mask_of
from ..versioned import Versioned
from .functions import pair, same_rank

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none")


class Loss(Versioned):
    """A loss as an object: subclasses write `call(y_true, y_pred)`, which returns one number per sample (or per row).

    Args:
        name: shown in logs. Default: the class's name in lower case.
        reduction: what becomes of the losses of a batch: "sum_over_batch_size" (= "mean": sum / number of losses, sample weights do not
            change the number), "sum", "mean_with_sample_weight" (sum / sum of weights), "none" or None (all of them).
        dtype: in which the loss is computed. Default: the predictions' own float32 or float64; float16 and bfloat16 become `floatx()`.

    Raises:
        ValueError: for an unknown reduction.

    >>> class Absolute(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return abs(y_true - y_pred)
    >>> Absolute()([1.0, 2.0], [1.0, 4.0])
    Tensor(1., dtype=float32)
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None) -> None:
        if reduction is not None and reduction not in REDUCTIONS:
            raise ValueError(f"[{type(self).__name__}] reduction must be None or one of {', '.join(REDUCTIONS)}. Received: {reduction!r}")
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self.dtype = None if dtype is None else dtypes.standard(dtype)
        self._built = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        renames.checked_keywords(cls)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of every example: a tensor of (N,) or more axes, which the reduction makes one number of."""
        raise NotImplementedError(f"[{type(self).__name__}] write call(y_true, y_pred), which returns one loss per sample")

    def __call__(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> Tensor:
        """The loss of a batch: a number, or all losses with reduction "none". What the predictions' mask leaves out has weight 0, and
        "sum_over_batch_size" divides by how many losses are left.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: a factor for each loss: (N,), (N, 1), or a number.
        """
        mask = mask_of(y_pred)
        y_true, y_pred = pair(y_true, y_pred)
        dtype = self.dtype or (y_pred.dtype if y_pred.dtype.itemsize > 2 else dtypes.floatx())
        if dtype != y_pred.dtype:
            y_pred = recast(y_pred, dtype)
        values = self.call(y_true, y_pred)
        inner = mask_of(values)  # of rows whose class is ignored
        if mask is not None and inner is not None:
            mask = ops.logical_and(mask, inner)
        return reduce_loss(values, sample_weight, self.reduction, inner if mask is None else mask)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes the same loss from."""
        config: dict[str, Any] = {"name": self.name, "reduction": self.reduction}
        return config if self.dtype is None else {**config, "dtype": str(self.dtype)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss from what `get_config` gave."""
        return cls(**config)


renames.checked_keywords(Loss)


def recast(y_pred: Tensor, dtype: Any) -> Tensor:
    """Predictions in another dtype. What came from softmax or sigmoid is computed again, from scores in that dtype."""
    origin = getattr(y_pred, "origin", None)
    if origin is None:
        return cast(y_pred, dtype)
    return (ops.softmax if origin[0] == "softmax" else ops.sigmoid)(cast(origin[1], dtype))


def reduce_loss(values: Tensor, sample_weight: TensorLike | None, reduction: str | None, mask: Tensor | None = None) -> Tensor:
    """Losses times weights, then summed and divided as `reduction` says."""
    weights: Tensor | float | None = None
    if isinstance(sample_weight, (bool, int, float)):
        weights = float(sample_weight)
    elif sample_weight is not None:
        weights = cast(as_tensor(sample_weight, values), values.dtype)
        if weights.ndim and not values.ndim:  # a loss of the batch as a whole counts for each of its samples
            values = ops.broadcast_to(values, weights.shape)
        weights = fitted(weights, values)
    if mask is not None:
        shares = seen_shares(mask, values, reduction in ("sum_over_batch_size", "mean"))
        weights = shares if weights is None else shares * weights
    if reduction in (None, "none") or not values.ndim:
        return values if weights is None else values * weights
    if isinstance(weights, Tensor) and weights.requires_grad:  # the op below gives weights no gradient
        if reduction == "mean_with_sample_weight":
            total = ops.sum(ops.broadcast_to(weights, values.shape))
            return ops.sum(values * weights) / ops.where(ops.equal(total, 0.0), 1.0, total)
        return reduce_loss(values * weights, None, reduction)
    if reduction == "mean_with_sample_weight" and weights is not None:
        spread = ops.broadcast_to(weights, values.shape) if isinstance(weights, Tensor) else ops.full_like(values.detach(), weights)
        total = _loss.weighted_sum(spread, None, 1.0)
        return _loss.weighted_sum(values, weights, 1.0) / ops.where(ops.equal(total, 0.0), 1.0, total)
    return _loss.weighted_sum(values, weights, 1.0 if reduction == "sum" else max(values.size, 1))


def seen_shares(mask: Tensor, values: Tensor, spread: bool) -> Tensor:
    """Weights for losses of which a mask leaves some out: 0 for these; for the others 1, or so much that their mean is 1."""
    if mask.ndim > values.ndim or mask.shape != values.shape[: mask.ndim]:
        raise ShapeError(
            f"[loss] the predictions' mask {mask.shape} does not fit the losses {values.shape}: there must be one loss, or several, for "
            "each step. A layer that takes the steps away must say so by compute_mask"
        )
    shares = cast(mask, values.dtype)
    if spread:
        seen = ops.sum(shares)
        shares = shares * ops.where(ops.equal(seen, 0.0), 0.0, float(mask.size) / ops.maximum(seen, 1.0))
    return fitted(shares, values)


def fitted(weights: Tensor, values: Tensor) -> Tensor:
    """Weights with the shape of the losses: one for each sample goes to all losses of that sample."""
    if not weights.ndim or weights.shape == values.shape:
        return weights
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights.reshape(weights.shape[:-1])
    while weights.ndim < values.ndim:
        weights = weights.reshape(*weights.shape, 1)
    if weights.ndim != values.ndim or any(w not in (1, n) for w, n in zip(weights.shape, values.shape)):
        raise ShapeError(f"[sample_weight] there must be one weight per sample. Received: weights {weights.shape}, losses {values.shape}")
    return weights if weights.shape == values.shape else ops.broadcast_to(weights, values.shape)


class LossFunction(Loss):
    """A function of (y_true, y_pred) as a Loss object: what `compile(loss=function)` makes of it.

    >>> import gpudl
    >>> loss = LossFunction(gpudl.losses.huber, delta=0.5)
    >>> float(loss([[0.0]], [[2.0]]))
    0.875
    """

    def __init__(
        self,
        fn: Callable[..., Tensor],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **arguments: Any,
    ) -> None:
        super().__init__(name=name or getattr(fn, "__name__", "loss"), reduction=reduction, dtype=dtype)
        self._fn, self._arguments = fn, arguments

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = same_rank(y_true, y_pred)
        return as_tensor(self._fn(y_true, y_pred, **self._arguments), y_pred)

    @property
    def function(self) -> Callable[..., Tensor]:
        """The function that it was made of."""
        return self._fn

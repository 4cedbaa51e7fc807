"""Train where classes differ much in size, or labels are wrong: focal cross-entropies, overlaps, a cross-entropy that bears mistakes."""

from __future__ import annotations

import math
from typing import Any

from .. import config, ops
from ..errors import ShapeError
from ..ops._common import cast, one_axis
from ..tensors import Tensor, TensorLike
from .base import Loss
from .functions import pair, same_rank
from .objects import _Crossentropy


def _operands(y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    y_true, y_pred = same_rank(*pair(y_true, y_pred))
    return cast(y_true, y_pred.dtype), y_pred


def _share(where: str, name: str, value: Any, high: float = math.inf) -> float:
    """A number from 0 to `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"[{where}] {name} must be a number. Received: {name}={value!r}")
    if not 0 <= value <= high or math.isinf(value):
        raise ValueError(f"[{where}] {name} must be a number {'from 0 to 1' if high == 1 else '>= 0'}. Received: {name}={value!r}")
    return float(value)


# focal cross-entropies ----------------------------------------------------------------------------------------------------------


def binary_focal_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """mean((1 - q)^gamma c) over `axis`: the cross-entropy c of yes-or-no answers, where q is the probability given to the label.

    Args:
        y_true: 0 or 1, of y_pred's shape; (N,) also fits (N, 1).
        y_pred: probabilities, or scores before sigmoid with `from_logits`.
        apply_class_balancing: multiply by alpha where the label is 1, and by 1 - alpha where it is 0. Default False.
        alpha: from 0 to 1. Default 0.25.
        gamma: how much less the easy ones count; 0 gives the plain cross-entropy. Default 2.
        from_logits: default False.
        label_smoothing: between 0 and 1: moves labels towards 0.5. Default 0.
        axis: over which the mean is taken. Default: the last one.

    Source: Lin et al., Focal loss for dense object detection, 2017.

    >>> binary_focal_crossentropy([[1.0], [0.0]], [[0.5], [0.5]])
    Tensor([0.1732868, 0.1732868], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    each = ops.binary_crossentropy(y_true, y_pred)
    right = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    each = ops.power(1.0 - right, gamma) * each
    if apply_class_balancing:
        each = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * each
    return ops.mean(each, axis=axis)


def categorical_focal_crossentropy(
    y_true: TensorLike,
    y_pred: TensorLike,
    alpha: float | list[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """sum(-alpha (1 - p)^gamma y log(p)) over the classes: the cross-entropy of one-hot rows, in which easy ones count less.

    Args:
        y_true: one-hot rows, of y_pred's shape.
        y_pred: probabilities, which are divided by their sum, or scores before softmax with `from_logits`.
        alpha: a factor, or one for each class. Default 0.25.
        gamma, from_logits, label_smoothing: as for `binary_focal_crossentropy`; labels are smoothed by y (1 - s) + s / classes.
        axis: the axis of the classes. Default: the last one.

    Raises:
        ShapeError: if the shapes differ.

    Source: Lin et al., Focal loss for dense object detection, 2017.

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    Tensor([0.0433217], dtype=float32)
    """
    y_true, y_pred = pair(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"[categorical_focal_crossentropy] needs one-hot labels of the predictions' shape. Received: y_true {y_true.shape}, y_pred "
            f"{y_pred.shape}. Class numbers become one-hot rows by gpudl.utils.to_categorical"
        )
    y_true, axis = cast(y_true, y_pred.dtype), one_axis("categorical_focal_crossentropy", axis, y_pred.ndim)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    origin = getattr(y_pred, "origin", None)
    if origin is not None and origin[0] == "softmax" and axis == y_pred.ndim - 1:  # exact where the probability has lost its digits
        p, log_p = y_pred, ops.log_softmax(origin[1], axis=axis)
    else:
        epsilon = config.epsilon()
        total = ops.sum(y_pred, axis=axis, keepdims=True)
        p = ops.clip(y_pred / ops.where(ops.equal(total, 0.0), 1.0, total), epsilon, 1.0 - epsilon)
        log_p = ops.log(p)
    factor: Any = alpha
    if isinstance(alpha, (list, tuple)):
        shape = [1] * y_pred.ndim
        shape[axis] = len(alpha)
        factor = ops.concatenate([ops.full(1, float(a), y_pred.dtype, device=y_pred.device) for a in alpha]).reshape(*shape)
    return -ops.sum(ops.power(1.0 - p, gamma) * factor * y_true * log_p, axis=axis)


class BinaryFocalCrossentropy(_Crossentropy):
    """Focal cross-entropy of yes-or-no answers: see `binary_focal_crossentropy`.

    >>> BinaryFocalCrossentropy(gamma=0.0)([[1.0], [0.0]], [[0.5], [0.5]])
    Tensor(0.6931472, dtype=float32)
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        where = type(self).__name__
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha, self.gamma = _share(where, "alpha", alpha, 1), _share(where, "gamma", gamma)
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        balancing = (self.apply_class_balancing, self.alpha, self.gamma)
        return binary_focal_crossentropy(y_true, y_pred, *balancing, self.from_logits, self.label_smoothing, self.axis)

    def get_config(self) -> dict[str, Any]:
        own = {"apply_class_balancing": self.apply_class_balancing, "alpha": self.alpha, "gamma": self.gamma}
        return {**super().get_config(), **own}


class CategoricalFocalCrossentropy(_Crossentropy):
    """Focal cross-entropy of one-hot rows: see `categorical_focal_crossentropy`.

    >>> CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])
    Tensor(0.0433217, dtype=float32)
    """

    def __init__(
        self,
        alpha: float | list[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        where, several = type(self).__name__, isinstance(alpha, (list, tuple))
        self.alpha: Any = [_share(where, "alpha", a) for a in alpha] if several else _share(where, "alpha", alpha)  # type: ignore[union-attr]
        self.gamma = _share(where, "gamma", gamma)
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_focal_crossentropy(y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "gamma": self.gamma}


# overlaps -----------------------------------------------------------------------------------------------------------------------


def _axes(where: str, axis: Any) -> Any:
    several = axis if isinstance(axis, (list, tuple)) else [] if axis is None else [axis]
    if not all(isinstance(a, int) and not isinstance(a, bool) for a in several):
        raise TypeError(f"[{where}] axis must be a whole number, several in a list, or None for all axes. Received: axis={axis!r}")
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis


def dice(y_true: TensorLike, y_pred: TensorLike, axis: Any = None) -> Tensor:
    """1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + epsilon): 0 where the predicted area is the true one.

    Args:
        y_true: 0 or 1, of y_pred's shape.
        y_pred: probabilities.
        axis: over which the sums are taken: (1, 2, 3) for one loss an image. Default None: all, one number for the batch.

    >>> dice([[0.0, 1.0]], [[0.5, 0.5]], axis=1)
    Tensor([0.5], dtype=float32)
    """
    y_true, y_pred = _operands(y_true, y_pred)
    axis = _axes("dice", axis)
    total = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis) + config.epsilon()
    return 1.0 - ops.sum(y_true * y_pred, axis=axis) * 2.0 / total


def tversky(y_true: TensorLike, y_pred: TensorLike, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Tensor:
    """1 - a / (a + alpha b + beta c + epsilon), a = sum(y_true y_pred), b = sum(y_true (1 - y_pred)), c = sum((1 - y_true) y_pred).

    Args:
        y_true, y_pred, axis: as for `dice`, which it is with alpha = beta = 0.5.
        alpha: what is missed weighs so much. Default 0.5.
        beta: what is found wrongly weighs so much. Default 0.5.

    Source: Salehi et al., Tversky loss function for image segmentation, 2017 (where alpha and beta are the other way round).

    >>> [round(x, 4) for x in tversky([[0.0, 1.0]], [[0.5, 0.5]], axis=1).tolist()]
    [0.5]
    """
    y_true, y_pred = _operands(y_true, y_pred)
    axis = _axes("tversky", axis)
    both = ops.sum(y_true * y_pred, axis=axis)
    missed, wrong = ops.sum((1.0 - y_pred) * y_true, axis=axis), ops.sum(y_pred * (1.0 - y_true), axis=axis)
    return 1.0 - both / (both + missed * alpha + wrong * beta + config.epsilon())


class Dice(Loss):
    """How far two areas are from covering each other: see `dice`.

    >>> Dice()([[0.0, 1.0]], [[0.5, 0.5]])
    Tensor(0.5, dtype=float32)
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "dice", axis: Any = None, dtype: Any = None) -> None:
        self.axis = _axes(type(self).__name__, axis)
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return dice(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class Tversky(Loss):
    """The same with weights for what is missed and what is found wrongly: see `tversky`.

    >>> round(float(Tversky(alpha=0.3, beta=0.7)([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.5
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        where = type(self).__name__
        self.alpha, self.beta, self.axis = _share(where, "alpha", alpha), _share(where, "beta", beta), _axes(where, axis)
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta, "axis": self.axis}


# wrong labels -------------------------------------------------------------------------------------------------------------------


def categorical_generalized_cross_entropy(y_true: TensorLike, y_pred: TensorLike, q: float) -> Tensor:
    """(1 - p^q) / q with the probability p of the true class: near q = 0 the cross-entropy, at q = 1 the absolute error, which bears noise.

    Args:
        y_true: class numbers, one a row of y_pred.
        y_pred: probabilities, the classes last.
        q: above 0, at most 1.

    Source: Zhang and Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels, 2018.

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5)
    Tensor([1.], dtype=float32)
    """
    y_true, y_pred = pair(y_true, y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true.reshape(y_true.shape[:-1])
    if y_true.shape != y_pred.shape[:-1]:
        raise ShapeError(
            "[categorical_generalized_cross_entropy] needs one class number per row of predictions. "
            f"Received: y_true {y_true.shape}, y_pred {y_pred.shape}"
        )
    rows = ops.one_hot(cast(y_true.detach(), "int64"), y_pred.shape[-1], dtype=y_pred.dtype)
    return (1.0 - ops.power(ops.sum(y_pred * rows, axis=-1), q)) / q


class CategoricalGeneralizedCrossEntropy(Loss):
    """A cross-entropy of class numbers that wrong labels harm less: see `categorical_generalized_cross_entropy`.

    >>> CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]])
    Tensor(1., dtype=float32)
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        where = type(self).__name__
        self.q = _share(where, "q", q, 1)
        if not self.q:
            raise ValueError(f"[{where}] q must be above 0. Received: q={q!r}. For q = 0 use SparseCategoricalCrossentropy")
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "q": self.q}


FOCAL: dict[Any, type[Loss]] = {
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    dice: Dice,
    tversky: Tversky,
}
KINDS = {
    BinaryFocalCrossentropy: "binary",
    CategoricalFocalCrossentropy: "categorical",
    Dice: "squared",
    Tversky: "squared",
    CategoricalGeneralizedCrossEntropy: "sparse",
}

__all__ = [
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "Dice",
    "Tversky",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "dice",
    "tversky",
]

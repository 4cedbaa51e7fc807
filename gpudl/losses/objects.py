"""The losses as objects: `MeanSquaredError`, `BinaryCrossentropy`, `CategoricalCrossentropy`, `SparseCategoricalCrossentropy`."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from .base import Loss
from .functions import binary_crossentropy, categorical_crossentropy, mean_squared_error, sparse_categorical_crossentropy
from .plain import Plain


class MeanSquaredError(Plain, function=mean_squared_error):
    """mean((y_true - y_pred)^2).

    Args:
        reduction, name, dtype: as for `Loss`.

    >>> MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]])
    Tensor(5., dtype=float32)
    """


class _Crossentropy(Loss):
    """What the cross-entropies share: their arguments."""

    def __init__(self, from_logits: bool, label_smoothing: float, axis: int, reduction: str | None, name: str, dtype: Any) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self._built = False
        if not isinstance(label_smoothing, (int, float)) or not 0.0 <= label_smoothing <= 1.0:
            raise ValueError(f"[{type(self).__name__}] label_smoothing must be between 0 and 1. Received: {label_smoothing!r}")
        self.from_logits, self.label_smoothing, self.axis = bool(from_logits), float(label_smoothing), axis
        self._built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits, "label_smoothing": self.label_smoothing, "axis": self.axis}


class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of yes-or-no answers: see `binary_crossentropy`.

    >>> BinaryCrossentropy(from_logits=True)([[1.0], [0.0]], [[0.0], [0.0]])
    Tensor(0.6931472, dtype=float32)
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy of one-hot or soft targets: see `categorical_crossentropy`.

    >>> CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])
    Tensor(0.6931472, dtype=float32)
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class SparseCategoricalCrossentropy(_Crossentropy):
    """Cross-entropy of class numbers: see `sparse_categorical_crossentropy`. With `ignore_class`, the mean is over the other rows.

    >>> SparseCategoricalCrossentropy()([1, 0], [[0.5, 0.5], [0.5, 0.5]])
    Tensor(0.6931472, dtype=float32)
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(from_logits, 0.0, axis, reduction, name, dtype)
        self._built = False
        self.ignore_class = ignore_class
        self._built = True

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        each = sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)
        if self.ignore_class is not None:
            each._keras_mask = ops.not_equal(y_true.reshape(each.shape), self.ignore_class)
        return each

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "ignore_class": self.ignore_class}
        del config["label_smoothing"]
        return config

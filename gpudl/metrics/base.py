"""Gather numbers over many steps: `Metric`, `Mean`, means of functions, and the accuracies.

Totals lie on the device in float64 and are moved by launches, so that a recorded step goes on counting; the host reads them when asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes, ops, renames
from ..errors import ShapeError
from ..losses.functions import pair, same_rank
from ..named import snake_case
from ..ops._common import as_tensor, cast
from ..tensors import Tensor, TensorLike, mask_of
from ..variables import Variable, move
from ..versioned import Versioned


class Metric(Versioned):
    """Base class: subclasses make state by `add_variable`, change it in `update_state`, and read it in `result`.

    Args:
        dtype: of the result. Default: float64.
        name: the key in logs. Default: the class's name in lower case.

    >>> class Largest(Metric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name=name)
    ...         self.largest = self.add_variable((), name="largest")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.largest.assign(gpudl.ops.maximum(self.largest, gpudl.ops.cast(y_pred.max(), "float64")))
    ...     def result(self):
    ...         return self.largest * 1.0
    >>> import gpudl
    >>> largest = Largest()
    >>> largest.update_state(None, gpudl.tensor([1.0, 3.0]))
    >>> float(largest.result())
    3.0
    """

    _free = frozenset({"name", "weighted"})

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.dtype = dtypes.float64 if dtype is None else dtypes.standard(dtype)
        self.weighted = False  # whether fit hands it the sample weights
        self._variables: list[tuple[Variable, Any]] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        renames.checked_keywords(cls)

    @property
    def variables(self) -> list[Variable]:
        """What it gathers in."""
        return [v for v, _ in self._variables]

    def add_variable(self, shape: tuple[int, ...] = (), initializer: Any = "zeros", dtype: Any = None, name: str = "state") -> Variable:
        """State that `reset_state` returns to its first value.

        Args:
            shape: default a single number.
            initializer: "zeros", "ones", a number, or a function of the shape. Default "zeros".
            dtype: default float64.
            name: shown in messages.
        """
        start: Any = {"zeros": 0.0, "ones": 1.0}.get(initializer, initializer) if isinstance(initializer, str) else initializer
        if isinstance(start, str) or start is None:
            raise ValueError(f"[{self.name}] initializer must be 'zeros', 'ones', a number or a function. Received: {initializer!r}")
        value = np.asarray(start(shape) if callable(start) else start)
        first = np.array(np.broadcast_to(value, shape), dtypes.standard(dtype or "float64"))
        v = Variable(first, trainable=False, name=name)
        self._variables.append((v, first))
        return v

    add_weight = add_variable

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account."""
        raise NotImplementedError(f"[{type(self).__name__}] write update_state(y_true, y_pred, sample_weight=None)")

    def result(self) -> Tensor:
        """What was measured since the last reset, as a new tensor."""
        raise NotImplementedError(f"[{type(self).__name__}] write result()")

    def reset_state(self) -> None:
        """Start anew."""
        for v, value in self._variables:
            v.assign(value)

    def read(self) -> Any:
        """The result on the host: a number, or an array of several."""
        found = self.result()
        return float(found) if not found.size > 1 else found.numpy()

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def stands_with(self, t: Tensor) -> None:
        """Take the state to the device of what is measured."""
        away = [v for v in self.variables if v.device != t.device]
        if away:
            move(away, t.device)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        config: dict[str, Any] = {"name": self.name}
        return config if self.dtype == dtypes.float64 else {**config, "dtype": str(self.dtype)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """A metric from what `get_config` gave."""
        return cls(**config)


renames.checked_keywords(Metric)


class Mean(Metric):
    """The weighted mean of all values so far: sum of value * weight / sum of weights.

    `total` is the state: (sum, weight).

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state(5.0, sample_weight=2)
    >>> float(mean.result())
    3.5
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name)
        self.total = self.add_variable((2,), name="total")

    def update_state(self, values: TensorLike, sample_weight: TensorLike | None = None) -> None:
        values = as_tensor(values)
        self.stands_with(values)
        ops.mean_(self.total, values, prepared_weight(sample_weight, values))

    def result(self) -> Tensor:
        found = ops.mean_result(self.total)
        return found if self.dtype == dtypes.float64 else cast(found, self.dtype)

    def read(self) -> Any:
        if type(self).result is not Mean.result or self.dtype != dtypes.float64:
            return super().read()
        total, weight = self.total.numpy()
        return float(total / weight) if weight else 0.0


def prepared_weight(sample_weight: Any, values: Tensor) -> Tensor | float | None:
    """Weights as a tensor with the leading axes of the values, or a number for all."""
    if sample_weight is None or isinstance(sample_weight, (bool, int, float)):
        return None if sample_weight is None else float(sample_weight)
    weights = as_tensor(sample_weight, values)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights.reshape(weights.shape[:-1])
    if weights.ndim > 1 and weights.shape[1:] == (1,) * (weights.ndim - 1) and weights.shape != values.shape[: weights.ndim]:
        weights = weights.reshape(weights.shape[:1])
    return weights


def with_mask(sample_weight: Any, y_pred: Any) -> Any:
    """Weights that are 0 where the predictions' mask says that a step does not count."""
    mask = mask_of(y_pred)
    if mask is None:
        return sample_weight
    seen = cast(mask, dtypes.floatx())
    if sample_weight is None or isinstance(sample_weight, (bool, int, float)):
        return seen if sample_weight is None else seen * float(sample_weight)
    weights = cast(as_tensor(sample_weight, seen), seen.dtype)
    if weights.ndim == seen.ndim + 1 and weights.shape[-1] == 1:
        weights = weights.reshape(weights.shape[:-1])
    while 0 < weights.ndim < seen.ndim:
        weights = weights.reshape(*weights.shape, 1)
    return seen * weights


class MeanOf(Mean):
    """The mean over all samples of a function of (y_true, y_pred) that gives a number, or numbers, for each sample.

    >>> import gpudl
    >>> m = MeanOf(lambda y_true, y_pred: gpudl.ops.abs(y_true - y_pred), name="distance")
    >>> m.update_state([1.0, 2.0], [1.0, 4.0])
    >>> float(m.result())
    1.0
    """

    def __init__(self, fn: Callable[..., TensorLike], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name or getattr(fn, "__name__", "metric"), dtype=dtype)
        self._fn, self._arguments = fn, kwargs

    @property
    def function(self) -> Callable[..., TensorLike]:
        """The function that it was made of."""
        return self._fn

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        sample_weight = with_mask(sample_weight, y_pred)
        y_true, y_pred = pair(y_true, y_pred)
        super().update_state(as_tensor(self._fn(y_true, y_pred, **self._arguments), y_pred), sample_weight)


MeanMetricWrapper = MeanOf


class BinaryAccuracy(Mean):
    """How often (prediction > threshold) equals the label, element by element.

    >>> m = BinaryAccuracy()
    >>> float(m([[1], [1], [0], [0]], [[0.98], [1.0], [0.0], [0.6]]))
    0.75
    """

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name=name, dtype=dtype)
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
            raise TypeError(f"[{type(self).__name__}] threshold must be a number. Received: {threshold!r}")
        self.threshold = float(threshold)
        self._built = True

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        sample_weight = with_mask(sample_weight, y_pred)
        y_true, y_pred = same_rank(*pair(y_true, y_pred))
        self.stands_with(y_pred)
        ops.binary_accuracy_(self.total, y_pred, y_true, self.threshold, prepared_weight(sample_weight, y_pred))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


class CategoricalAccuracy(Mean):
    """How often the largest prediction of a row stands where the largest target does.

    >>> m = CategoricalAccuracy()
    >>> float(m([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]]))
    0.5
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        sample_weight = with_mask(sample_weight, y_pred)
        y_true, y_pred = pair(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise ShapeError(
                f"[{self.name}] needs one-hot labels of the predictions' shape. Received: y_true {y_true.shape}, y_pred {y_pred.shape}. "
                "For class numbers use 'sparse_categorical_accuracy'"
            )
        self.stands_with(y_pred)
        ops.categorical_accuracy_(self.total, y_pred, y_true, row_weight(sample_weight, y_pred))


class SparseCategoricalAccuracy(Mean):
    """How often the largest prediction of a row stands at the label, a class number.

    >>> m = SparseCategoricalAccuracy()
    >>> float(m([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0.0]]))
    0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        sample_weight = with_mask(sample_weight, y_pred)
        y_true, y_pred = pair(y_true, y_pred)
        if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
            y_true = y_true.reshape(y_true.shape[:-1])
        if y_true.shape != y_pred.shape[:-1]:
            raise ShapeError(
                f"[{self.name}] needs one class number per row of predictions. Received: y_true {y_true.shape}, y_pred {y_pred.shape}. "
                "For one-hot labels use 'categorical_accuracy'"
            )
        self.stands_with(y_pred)
        ops.sparse_categorical_accuracy_(self.total, y_pred, y_true, row_weight(sample_weight, y_pred))


def row_weight(sample_weight: Any, y_pred: Tensor) -> Tensor | float | None:
    """Weights with the shape of the rows; one for each sample goes to all its rows."""
    weights = prepared_weight(sample_weight, y_pred)
    rows = y_pred.shape[:-1]
    if isinstance(weights, Tensor) and weights.ndim and weights.shape != rows:
        while weights.ndim < len(rows):
            weights = weights.reshape(*weights.shape, 1)
        weights = ops.broadcast_to(weights, rows)
    return weights


class Accuracy(Mean):
    """How often predictions equal labels, element by element; for predictions that are labels themselves.

    >>> m = Accuracy()
    >>> float(m([1, 2, 3, 4], [0, 2, 3, 4]))
    0.75
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> None:  # type: ignore[override]
        sample_weight = with_mask(sample_weight, y_pred)
        y_pred = as_tensor(y_pred, y_true if isinstance(y_true, Tensor) else None)
        y_true, y_pred = same_rank(as_tensor(y_true, y_pred), y_pred)
        self.stands_with(y_pred)
        ops.mean_(self.total, ops.equal(y_true, y_pred), prepared_weight(sample_weight, y_pred))

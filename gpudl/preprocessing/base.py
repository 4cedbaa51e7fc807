"""Learn something from training data (`fit`), apply it to any data (`transform`), and take it back (`inverse_transform`): `Transform`."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from .. import dtypes
from ..errors import ShapeError
from ..models.data import check_finite, to_array

Array = np.ndarray[Any, Any]
T = TypeVar("T", bound="Transform")


class Transform:
    """Base class. A subclass writes `_fit`, `_transform` and `_inverse`, each on a float64 matrix with one row an example.

    Examples may have any shape, e.g. images: they are laid flat on the way in, and get their shape back on the way out. Results have the
    dtype of the data; whole numbers become `floatx()`. Computation is in float64.

    >>> class Halve(Transform):
    ...     def _fit(self, x):
    ...         pass
    ...     def _transform(self, x):
    ...         return x / 2
    ...     def _inverse(self, x):
    ...         return x * 2
    >>> halve = Halve().fit([[1.0], [2.0]])
    >>> halve.transform([[4.0]]), halve.inverse_transform([[2.0]])
    (array([[2.]], dtype=float32), array([[4.]], dtype=float32))
    """

    _shape: tuple[int, ...] | None = None  # of one example; None before fit

    def fit(self: T, x: Any) -> T:
        """Learn from training data, one row an example. Test data are then transformed with what was learned here.

        Raises:
            ValueError: for data that are empty or hold NaN or infinity; nothing is changed then.
        """
        array = to_array(x, "x", self._where("fit"))
        if len(array) == 0 or array.size == 0:
            raise ValueError(f"[{self._where('fit')}] x is empty: received shape {array.shape}")
        check_finite(array, "x", self._where("fit"))
        self._fit(array.reshape(len(array), -1).astype(np.float64))
        self._shape = array.shape[1:]
        return self

    def transform(self, x: Any) -> Array:
        """The data as the learned transform makes them; x is not changed."""
        array = self._checked(x, "transform", self._shape)
        return self._restored(self._transform(self._flat(array)), array, self._transformed_shape())

    def fit_transform(self, x: Any) -> Array:
        """`fit` and `transform` in one call."""
        return self.fit(x).transform(x)

    def inverse_transform(self, x: Any) -> Array:
        """The data that `transform` made these from."""
        array = self._checked(x, "inverse_transform", self._transformed_shape())
        return self._restored(self._inverse(self._flat(array)), array, self._shape)

    # written by subclasses --------------------------------------------------------------------------------------------------

    def _fit(self, x: Array) -> None:
        raise NotImplementedError

    def _transform(self, x: Array) -> Array:
        raise NotImplementedError

    def _inverse(self, x: Array) -> Array:
        raise NotImplementedError

    def _transformed_shape(self) -> tuple[int, ...] | None:
        """The shape of one transformed example."""
        return self._shape

    # shared -----------------------------------------------------------------------------------------------------------------

    def _where(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def _checked(self, x: Any, method: str, expected: tuple[int, ...] | None) -> Array:
        where = self._where(method)
        if expected is None:
            raise RuntimeError(f"[{where}] nothing has been learned yet. Call fit(x_train) first")
        array = to_array(x, "x", where)
        if array.shape[1:] != expected:
            wanted = "(" + ", ".join(map(str, ("N", *expected))) + ("," if not expected else "") + ")"
            hint = " A single example needs its batch axis: x[None]" if array.shape == expected else ""
            raise ShapeError(f"[{where}] expected x of shape {wanted}, as in fit. Received: shape {array.shape}.{hint}")
        return array

    @staticmethod
    def _flat(array: Array) -> Array:
        return array.reshape(len(array), int(np.prod(array.shape[1:]))).astype(np.float64)

    @staticmethod
    def _restored(flat: Array, like: Array, shape: tuple[int, ...] | None) -> Array:
        dtype = like.dtype if dtypes.is_float(like.dtype) else dtypes.floatx()
        return flat.reshape(len(flat), *(shape or ())).astype(dtype, copy=False)


def column_means(x: Array) -> Array:
    """The mean of every column; of a constant one its value, which a mean may miss by a rounding."""
    with np.errstate(over="ignore", invalid="ignore"):
        means: Array = np.where(x.min(0) == x.max(0), x[0], x.mean(0))
    return means


__all__ = ["Transform"]

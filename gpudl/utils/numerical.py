"""Prepare arrays on the host: `to_categorical`, `normalize`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError
from ..tensors import host_array

Array = np.ndarray[Any, Any]


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Class numbers as rows of zeros with a one.

    Args:
        x: whole numbers >= 0 of any shape: a number, a list, an array; a last axis of size 1 is dropped. Whole floats are fine.
        num_classes: length of a row; default: the largest class + 1.

    Returns:
        A float32 array, one axis more than x.

    Raises:
        ValueError: for classes that are negative, fractional, or not below `num_classes`, naming the first.

    >>> to_categorical([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    >>> to_categorical(0, 4)
    array([1., 0., 0., 0.], dtype=float32)
    """
    try:
        labels = host_array(x)
    except DTypeError as error:
        raise DTypeError(f"[to_categorical] class numbers are expected. {str(error).removeprefix('[tensor] ')}") from None
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if num_classes is not None and (isinstance(num_classes, bool) or not isinstance(num_classes, (int, np.integer)) or num_classes < 1):
        raise ValueError(f"[to_categorical] num_classes must be a whole number >= 1. Received: num_classes={num_classes!r}")
    if not labels.size:
        return np.zeros((*labels.shape, 0 if num_classes is None else num_classes), np.float32)
    if labels.dtype.kind not in "biu":
        wide = labels.astype(np.float64)
        refuse(labels, ~np.isfinite(wide) | (wide != np.floor(wide)) | (np.abs(wide) >= 2**53), "class numbers are whole")
    refuse(labels, labels < 0, "class numbers are not negative")
    if num_classes is None:
        num_classes = int(labels.max()) + 1
    refuse(labels, labels >= num_classes, f"with num_classes={num_classes} classes are 0 to {num_classes - 1}")
    found = labels.astype(np.int64)
    out = np.zeros((found.size, int(num_classes)), np.float32)
    out[np.arange(found.size), found.ravel()] = 1
    return out.reshape((*labels.shape, int(num_classes)))


def refuse(labels: Array, wrong: Array, rule: str) -> None:
    """Raise ValueError for the first label where `wrong`."""
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"[to_categorical] {rule}. Received: {labels[at]} at position {at if len(at) != 1 else at[0]}")


def normalize(x: Any, axis: int = -1, order: int = 2) -> Array:
    """Vectors divided by their length: x / norm(x), where vectors of length 0 stay. It does not subtract a mean or scale to 0..1.

    Args:
        x: an array.
        axis: along which the vectors lie, default -1.
        order: of the norm, default 2.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    array = np.atleast_1d(host_array(x))
    if array.dtype.kind in "biu":
        array = array.astype(np.float32)
    if isinstance(axis, bool) or not isinstance(axis, int) or not -array.ndim <= axis < array.ndim:
        raise ValueError(f"[normalize] axis must be an axis of the array. Received: axis={axis!r}, array of shape {array.shape}")
    length = np.linalg.norm(array, order, axis, keepdims=True)
    return (array / np.where(length == 0, 1, length)).astype(array.dtype)


__all__ = ["normalize", "to_categorical"]

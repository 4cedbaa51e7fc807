"""Walk through resident data: take the next rows of an order, put results in their place, move the cursor.

The cursor is an int64 buffer of one element, so that a recorded step takes other rows each time it runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor


def _gather_infer(data: Any, order: Any, cursor: Any, batch: int) -> Any:
    if not data.ndim or order.ndim != 1 or cursor.size != 1 or batch > order.shape[0]:
        raise ShapeError(
            "[gather_rows] data with rows, a flat order of at least `batch` rows and a cursor of one element are needed. "
            f"Received: data {data.shape}, order {order.shape}, cursor {cursor.shape}, batch {batch}"
        )
    return (((batch, *data.shape[1:]), data.dtype),)


def _gather_rows(xp: Any, y: Any, data: Any, order: Any, cursor: Any, batch: int) -> None:
    if xp is np:  # the cursor may be read here: it lies on the host
        at = cursor.item()
        rows = order[at : at + batch]
        data.take(rows, 0, y, "clip")  # "clip" writes straight into y, and never reads beyond the data
    else:
        rows = order[xp.arange(batch) + cursor.reshape(-1)]
        y[...] = data[rows]


def _scatter_rows_(xp: Any, result: Any, rows: Any, cursor: Any) -> None:
    n = rows.shape[0]
    if xp is np:
        at = cursor.item()
        result[at : at + n] = rows
    else:
        result[xp.arange(n) + cursor.reshape(-1)] = rows


def _advance_(xp: Any, counter: Any, by: int) -> None:
    flat = counter.reshape(-1)
    flat[0] += by


GATHER_ROWS = Op("gather_rows", _gather_infer, _gather_rows)
SCATTER_ROWS_ = Op("scatter_rows_", None, _scatter_rows_, updates=1)
ADVANCE_ = Op("advance_", None, _advance_, updates=1)


def gather_rows(data: Tensor, order: Tensor, cursor: Tensor, batch: int) -> Tensor:
    """data[order[cursor : cursor + batch]]: a batch of rows (axis 0).

    Args:
        data: any dtype, at least one axis.
        order: int64, flat: row numbers, each inside the data.
        cursor: int64, one element; cursor + batch must not exceed the order's length.
        batch: how many rows, a constant of the step.

    >>> import gpudl
    >>> order, cursor = gpudl.tensor([2, 0, 1], dtype="int64"), gpudl.tensor([1], dtype="int64")
    >>> gather_rows(gpudl.tensor([[1.0], [2.0], [3.0]]), order, cursor, 2)
    Tensor([[1.],
            [2.]], dtype=float32)
    """
    return apply(GATHER_ROWS, (data, order, cursor), (batch,))  # type: ignore[no-any-return]


def scatter_rows_(result: Tensor, rows: Tensor, cursor: Tensor) -> None:
    """result[cursor : cursor + len(rows)] = rows, in place.

    >>> import gpudl
    >>> result, cursor = gpudl.zeros((3, 1)), gpudl.tensor([1], dtype="int64")
    >>> scatter_rows_(result, gpudl.ones((2, 1)), cursor)
    >>> result.numpy().ravel()
    array([0., 1., 1.], dtype=float32)
    """
    apply(SCATTER_ROWS_, (rows, cursor), updates=(result,))


def advance_(counter: Tensor, by: int) -> None:
    """counter += by, in place, for a counter of one element. `by` is a constant of the step.

    >>> import gpudl
    >>> counter = gpudl.tensor([5], dtype="int64")
    >>> advance_(counter, 2)
    >>> counter
    Tensor([7], dtype=int64)
    """
    apply(ADVANCE_, (), (by,), updates=(counter,))


__all__ = ["advance_", "gather_rows", "scatter_rows_"]

"""Gather: `take` entries along an axis, `take_along_axis` other ones in every line, with gradients that sum in a fixed order.

An index out of range raises IndexError if the host knows it (ints, lists, NumPy arrays). Indices in a tensor are not read on the host:
one out of range gives NaN (0 in integers).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import apply
from ..errors import DTypeError, ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, one_axis
from ._segments import keys_of, mark, segment_sum, wrapped
from .movement import ravel


def only_integers(name: str, index: Any) -> None:
    if index.dtype.kind not in "iu":
        raise DTypeError(f"[{name}] indices must be integers. Received: dtype {index.dtype}")


def index_array(name: str, index: Any, n: int) -> np.ndarray[Any, Any]:
    """Indices known to the host into an axis of size n, checked."""
    host = np.asarray(index)
    if host.size == 0 and host.dtype.kind == "f":
        host = host.astype(np.int32)  # an empty list
    only_integers(name, host)
    if host.size and (host.min() < -n or host.max() >= n):
        wrong = host[(host < -n) | (host >= n)].flat[0]
        raise IndexError(f"[{name}] index {wrong} is out of range for an axis of size {n}")
    return host


def index_tensor(name: str, index: Any, n: int, x: Tensor) -> Tensor:
    """Integer indices into an axis of size n, as a tensor on x's device; checked if the host knows them."""
    if isinstance(index, Tensor):
        only_integers(name, index)
        return index
    host = index_array(name, index, n)
    return Tensor(host.astype(np.int32) if n < 2**31 else host, device=x.device)


# take: the axes of the index take the place of one axis. attrs: (axis, *shape of x) -----------------------------------------------


def _take_infer(x: Any, index: Any, axis: int, *shape: int) -> Any:
    only_integers("take", index)
    return (((*shape[:axis], *index.shape, *shape[axis + 1 :]), x.dtype),)


def _take(xp: Any, y: Any, x: Any, index: Any, axis: int, *shape: int) -> None:
    found, bad = wrapped(xp, index, shape[axis])
    y[...] = xp.take(x, found, axis=axis) if shape[axis] else 0
    mark(xp, y, bad.reshape((1,) * axis + index.shape + (1,) * (x.ndim - axis - 1)))


def _take_or_zero(xp: Any, y: Any, x: Any, index: Any, axis: int, *shape: int) -> None:
    found, bad = wrapped(xp, index, shape[axis])
    picked = xp.take(x, found, axis=axis) if shape[axis] else 0
    y[...] = xp.where(bad.reshape((1,) * axis + index.shape + (1,) * (x.ndim - axis - 1)), x.dtype.type(0), picked)


def _take_grad(xp: Any, dx: Any, g: Any, index: Any, axis: int, *shape: int) -> None:
    n, before, after = shape[axis], math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    rows = g.reshape(before, index.size, after)
    out = dx.reshape(before, n, after)
    keys = keys_of(xp, index, n)
    if before == 1:
        segment_sum(xp, out[0], rows[0], keys)
        return
    sums = xp.empty((n, before * after), dx.dtype)
    segment_sum(xp, sums, rows.transpose(1, 0, 2).reshape(index.size, before * after), keys)
    out[...] = sums.reshape(n, before, after).transpose(1, 0, 2)


def _take_vjp(ctx: Any, g: Tensor) -> Any:
    return ctx.grad(0, TAKE_GRAD, (g, ctx.input(1)), ctx.attrs), None


def _take_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    return ctx.grad(0, TAKE, (gg, ctx.input(1)), ctx.attrs), None


TAKE = Op("take", _take_infer, _take, _take_vjp, saves=(1,), twice=True)
TAKE_GRAD = Op("take_grad", lambda g, index, axis, *shape: ((shape, g.dtype),), _take_grad, _take_grad_vjp, saves=(1,), twice=True)

# the same the other way round: forward a sum of what meets, whose gradient is 0 for what was left out
SCATTER: Op = Op(
    "scatter",
    lambda values, index, axis, *shape: ((shape, values.dtype),),
    _take_grad,
    lambda ctx, g: (ctx.grad(0, SCATTER_GRAD, (g, ctx.input(1)), ctx.attrs), None),
    saves=(1,),
    twice=True,
)
SCATTER_GRAD: Op = Op(
    "scatter_grad",
    _take_infer,
    _take_or_zero,
    lambda ctx, gg: (ctx.grad(0, SCATTER, (gg, ctx.input(1)), ctx.attrs), None),
    saves=(1,),
    twice=True,
)


def take_rows(x: Tensor, index: Tensor, axis: int) -> Tensor:
    out: Tensor = apply(TAKE, (x, index), (axis, *x.array.shape))
    return out


def take(x: TensorLike, indices: Any, axis: int | None = None) -> Tensor:
    """The entries of x at `indices` along an axis.

    Args:
        x: tensor.
        indices: integers of any shape, which takes the place of the axis; negative ones count from the end.
        axis: default: x is flattened first.

    Raises:
        IndexError: for indices known to the host that are out of range. In a tensor they give NaN (0 in integers).

    >>> take([[1, 2], [3, 4], [5, 6]], [2, 0], axis=0)
    Tensor([[5, 6],
            [1, 2]], dtype=int32)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = one_axis("take", axis, x.ndim)
    return take_rows(x, index_tensor("take", indices, x.shape[axis], x), axis)


# take_along_axis: attrs (axis, *shape of x) --------------------------------------------------------------------------------------


def _along_infer(x: Any, index: Any, axis: int, *shape: int) -> Any:
    only_integers("take_along_axis", index)
    if index.ndim != len(shape):
        raise ShapeError(f"[take_along_axis] indices must have as many axes as x. Received: x {shape}, indices {index.shape}")
    out = []
    for i, (n, m) in enumerate(zip(shape, index.shape)):
        if i != axis and n != m and n != 1 and m != 1:
            raise ShapeError(f"[take_along_axis] axes other than {axis} must broadcast. Received: x {shape}, indices {index.shape}")
        out.append(m if i == axis or n == 1 else n)
    return ((tuple(out), x.dtype),)


def _take_along_axis(xp: Any, y: Any, x: Any, index: Any, axis: int, *shape: int) -> None:
    found, bad = wrapped(xp, index, shape[axis])
    y[...] = xp.take_along_axis(x, found, axis) if shape[axis] else 0
    mark(xp, y, bad)


def _take_along_axis_grad(xp: Any, dx: Any, g: Any, index: Any, axis: int, *shape: int) -> None:
    found, bad = wrapped(xp, index, shape[axis])
    keys, stride = xp.zeros((1,) * len(shape), xp.int64), 1
    for i in reversed(range(len(shape))):
        if i == axis:
            keys = keys + found * stride
        elif shape[i] > 1:
            keys = keys + xp.arange(shape[i], dtype=xp.int64).reshape((1,) * i + (-1,) + (1,) * (len(shape) - i - 1)) * stride
        stride *= shape[i]
    keys = xp.broadcast_to(xp.where(bad, dx.size, keys), g.shape)
    segment_sum(xp, dx.reshape(-1, 1), g.reshape(-1, 1), keys.reshape(-1))


def _along_vjp(ctx: Any, g: Tensor) -> Any:
    return ctx.grad(0, TAKE_ALONG_AXIS_GRAD, (g, ctx.input(1)), ctx.attrs), None


def _along_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    return ctx.grad(0, TAKE_ALONG_AXIS, (gg, ctx.input(1)), ctx.attrs), None


TAKE_ALONG_AXIS = Op("take_along_axis", _along_infer, _take_along_axis, _along_vjp, saves=(1,), twice=True)
TAKE_ALONG_AXIS_GRAD = Op(
    "take_along_axis_grad",
    lambda g, index, axis, *shape: ((shape, g.dtype),),
    _take_along_axis_grad,
    _along_grad_vjp,
    saves=(1,),
    twice=True,
)


def along_axis(x: Tensor, index: Tensor, axis: int) -> Tensor:
    out: Tensor = apply(TAKE_ALONG_AXIS, (x, index), (axis, *x.array.shape))
    return out


def take_along_axis(x: TensorLike, indices: Any, axis: int | None = -1) -> Tensor:
    """y[.., j, ..] = x[.., indices[.., j, ..], ..]: for every line along an axis other entries.

    Args:
        x: tensor.
        indices: integers with as many axes as x; axes other than `axis` broadcast against x.
        axis: default the last; None flattens both.

    Raises:
        IndexError: for indices known to the host that are out of range. In a tensor they give NaN (0 in integers).

    >>> take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1)
    Tensor([[20],
            [30]], dtype=int32)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
        indices = ravel(indices) if isinstance(indices, Tensor) else np.asarray(indices).reshape(-1)
    axis = one_axis("take_along_axis", axis, x.ndim)
    return along_axis(x, index_tensor("take_along_axis", indices, x.shape[axis], x), axis)


__all__ = ["take", "take_along_axis"]

"""Put elements by index, into a copy: `slice_update`, `scatter` (sums what meets), `scatter_update` (the last one stays)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, operands
from ._segments import keys_of, winners
from .gather import SCATTER
from .indexing import block, getitem, one_index
from .movement import key_of, reshape, take_slice, whole_shape

# slice_update: attrs (*starts, *lengths) ---------------------------------------------------------------------------------------


def _where(attrs: tuple[int, ...]) -> tuple[slice, ...]:
    n = len(attrs) // 2
    return key_of(attrs[:n], (1,) * n, attrs[n:])


def _slice_update(xp: Any, y: Any, x: Any, updates: Any, *attrs: int) -> None:
    y[...] = x
    y[_where(attrs)] = updates


def _slice_clear(xp: Any, y: Any, x: Any, *attrs: int) -> None:
    y[...] = x
    y[_where(attrs)] = 0


def _slice_update_vjp(ctx: Any, g: Tensor) -> Any:
    n = len(ctx.attrs) // 2
    part = take_slice(g, ctx.attrs[:n], (1,) * n, ctx.attrs[n:]) if ctx.needs(1) else None
    return ctx.grad(0, SLICE_CLEAR, (g,), ctx.attrs), part


SLICE_CLEAR: Op = Op(
    "slice_clear",
    lambda x, *attrs: ((x.shape, x.dtype),),
    _slice_clear,
    lambda ctx, g: (ctx.grad(0, SLICE_CLEAR, (g,), ctx.attrs),),
    twice=True,
)
SLICE_UPDATE = Op("slice_update", lambda x, updates, *attrs: ((x.shape, x.dtype),), _slice_update, _slice_update_vjp, twice=True)


def slice_update(x: TensorLike, start_indices: Any, updates: TensorLike) -> Tensor:
    """A copy of x with the block that begins at `start_indices` replaced by `updates`.

    Args:
        x: tensor.
        start_indices: an int per axis.
        updates: a tensor with as many axes as x, cast to its dtype.

    Raises:
        ShapeError: if the block does not lie within x.

    >>> slice_update([1, 2, 3, 4], (1,), [8, 9])
    Tensor([1, 8, 9, 4], dtype=int32)
    """
    x, updates = operands("slice_update", x, updates)
    starts, sizes = block("slice_update", x, start_indices, updates.shape)
    out: Tensor = apply(SLICE_UPDATE, (x, updates), (*starts, *sizes))
    return out


# scatter -----------------------------------------------------------------------------------------------------------------------


def _keys(name: str, indices: Any, shape: tuple[int, ...], like: Tensor) -> tuple[Tensor, int]:
    """One index into the first k axes of `shape` from indices (..., k), and k."""
    known = indices if isinstance(indices, Tensor) else np.asarray(indices)
    if known.ndim == 0 or not 0 < known.shape[-1] <= len(shape):
        raise ShapeError(f"[{name}] the last axis of indices holds an index per axis. Received: indices {known.shape}, shape {shape}")
    k = int(known.shape[-1])
    parts = [getitem(known, (..., j)) if isinstance(known, Tensor) else known[..., j] for j in range(k)]
    return one_index(name, parts, shape[:k], like), k


def _check_values(name: str, values: Tensor, index: Tensor, k: int, shape: tuple[int, ...]) -> None:
    if values.shape != (*index.shape, *shape[k:]):
        raise ShapeError(f"[{name}] values of shape {(*index.shape, *shape[k:])} are needed for these indices. Received: {values.shape}")


def scatter(indices: Any, values: TensorLike, shape: Any) -> Tensor:
    """Zeros of `shape` with `values` added at `indices`; values that meet are summed, in their order.

    Args:
        indices: integers (..., k): an index into each of the first k axes. In a tensor, one out of range adds nothing.
        values: (..., *shape[k:]).
        shape: of the result.

    >>> scatter([[0], [2], [0]], [1.0, 2.0, 3.0], (4,))
    Tensor([4., 0., 2., 0.], dtype=float32)
    """
    values = as_tensor(values)
    sizes = whole_shape("scatter", shape)
    index, k = _keys("scatter", indices, sizes, values)
    _check_values("scatter", values, index, k, sizes)
    out: Tensor = apply(SCATTER, (values, index), (0, math.prod(sizes[:k]), *sizes[k:]))
    return reshape(out, sizes)


# scatter_update: attrs () ; x (n, ...), updates (m..., ...), index (m...) ----------------------------------------------------------


def _scatter_update(xp: Any, y: Any, x: Any, updates: Any, index: Any) -> None:
    n = len(x)
    everything = xp.empty((n + 1, *x.shape[1:]), x.dtype)  # what must not be seen goes to one more row
    everything[:n] = x
    everything[winners(xp, keys_of(xp, index, n), n)] = updates.reshape(-1, *x.shape[1:])
    y[...] = everything[:n]


def _scatter_update_grad(xp: Any, dx: Any, du: Any, g: Any, index: Any) -> None:
    n = len(g)
    keys = winners(xp, keys_of(xp, index, n), n)
    padded = xp.concatenate([g, xp.zeros((1, *g.shape[1:]), g.dtype)])
    du[...] = padded[keys].reshape(du.shape)
    padded[keys] = 0
    dx[...] = padded[:n]


def _scatter_update_vjp(ctx: Any, g: Tensor) -> Any:
    return *ctx.grads((0, 1), SCATTER_UPDATE_GRAD, (g, ctx.input(2))), None


def _scatter_update_grad_vjp(ctx: Any, gx: Tensor | None, gu: Tensor | None) -> Any:
    gx = _zeros(ctx, 0, gu) if gx is None else gx
    gu = _zeros(ctx, 1, gx) if gu is None else gu
    return ctx.grad(0, SCATTER_UPDATE, (gx, gu, ctx.input(1))), None


def _zeros(ctx: Any, output: int, like: Any) -> Tensor:
    from .create import zeros

    return zeros(ctx.shape(output), like.dtype, device=like.device)


SCATTER_UPDATE_GRAD = Op(
    "scatter_update_grad",
    lambda g, index: ((g.shape, g.dtype), ((*index.shape, *g.shape[1:]), g.dtype)),
    _scatter_update_grad,
    _scatter_update_grad_vjp,
    saves=(1,),
    twice=True,
)
SCATTER_UPDATE = Op(
    "scatter_update", lambda x, updates, index: ((x.shape, x.dtype),), _scatter_update, _scatter_update_vjp, saves=(2,), twice=True
)


def scatter_update(inputs: TensorLike, indices: Any, updates: TensorLike) -> Tensor:
    """A copy of `inputs` with `updates` at `indices`; of updates that meet, the last one stays.

    Args:
        inputs: tensor.
        indices: integers (..., k): an index into each of the first k axes. In a tensor, one out of range changes nothing.
        updates: (..., *inputs.shape[k:]), cast to the dtype of inputs.

    >>> scatter_update([1, 2, 3], [[0], [2]], [8, 9])
    Tensor([8, 2, 9], dtype=int32)
    """
    x, updates = operands("scatter_update", inputs, updates)
    index, k = _keys("scatter_update", indices, x.shape, x)
    _check_values("scatter_update", updates, index, k, x.shape)
    rows = reshape(x, (math.prod(x.shape[:k]), *x.shape[k:]))
    out: Tensor = apply(SCATTER_UPDATE, (rows, updates, index))
    return reshape(out, x.shape)


__all__ = ["scatter", "scatter_update", "slice_update"]

"""Index as in NumPy: `x[key]` (`getitem`), `slice`, `one_hot`.

Ints, slices and None give views, integer arrays pick, a boolean mask is read on the host (its result's shape depends on the data).
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import apply, view
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike, host_array
from ._common import _CODE_OF, _CODES, as_tensor, cast, one_axis, whole
from ._segments import wrapped
from .gather import index_array, index_tensor, only_integers, take_rows
from .movement import SLICE, moveaxis, reshape, take_slice, transpose, whole_shape

_slice = builtins.slice


# several index arrays make one -------------------------------------------------------------------------------------------------


def _ravel_index(xp: Any, y: Any, *args: Any) -> None:
    k = len(args) // 2
    y[...] = 0
    wrong = xp.zeros(y.shape, bool)
    for index, n in zip(args[:k], args[k:]):
        found, bad = wrapped(xp, index, n)
        y *= n
        y += found
        wrong |= bad
    y[...] = xp.where(wrong, math.prod(args[k:]), y)  # out of range there too


def _ravel_index_infer(*args: Any) -> Any:
    indices = args[: len(args) // 2]
    for index in indices:
        only_integers("getitem", index)
    return ((_broadcast([i.shape for i in indices]), dtypes.int64),)


def _broadcast(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise IndexError(f"[getitem] the index arrays do not broadcast. Received: shapes {', '.join(map(str, shapes))}") from None


RAVEL_INDEX = Op("ravel_index", _ravel_index_infer, _ravel_index)


def one_index(name: str, indices: list[Any], sizes: tuple[int, ...], x: Tensor) -> Tensor:
    """One index into flattened axes from one per axis, as a tensor on x's device."""
    if len(indices) == 1:
        return index_tensor(name, indices[0], sizes[0], x)
    if not any(isinstance(i, Tensor) for i in indices):
        hosts = [index_array(name, i, n) for i, n in zip(indices, sizes)]
        _broadcast([h.shape for h in hosts])
        flat = np.zeros((), np.int64)
        for h, n in zip(hosts, sizes):
            flat = flat * n + np.where(h < 0, h + n, h)
        return Tensor(flat, device=x.device)
    out: Tensor = apply(RAVEL_INDEX, tuple([index_tensor(name, i, n, x) for i, n in zip(indices, sizes)]), tuple(sizes))
    return out


# x[key] ------------------------------------------------------------------------------------------------------------------------


def _plain(item: Any) -> Any:
    """A part of a key as int, slice, None, an integer Tensor or array; a mask as an array of bool on the host."""
    if type(item) in (int, _slice) or item is None:
        return item
    if isinstance(item, (bool, np.bool_)):
        raise IndexError("[getitem] a single bool is not an index; use expand_dims or where")
    if isinstance(item, Tensor):
        if item.dtype == dtypes.bool_:
            return item.numpy()  # a data-dependent shape: a step that does this is not recorded
        only_integers("getitem", item)
        return item
    if isinstance(item, (list, tuple, np.ndarray)):
        host = host_array(item)
        return host if host.size or host.dtype.kind != "f" else host.astype(np.int32)
    try:
        return item.__index__()
    except (AttributeError, TypeError):
        raise IndexError(f"[getitem] an index is an int, a slice, None, ..., an integer array or a mask. Received: {item!r}") from None


def _items(x: Tensor, key: Any) -> list[Any]:
    """The key, one entry per axis and None; a mask becomes index arrays, ... and what is left out become whole axes."""
    items: list[Any] = []
    rest = None
    for item in key if isinstance(key, tuple) else (key,):
        if item is Ellipsis:
            if rest is not None:
                raise IndexError("[getitem] an index can have one ... only")
            rest = len(items)
            continue
        item = _plain(item)
        if isinstance(item, np.ndarray) and item.dtype == dtypes.bool_:
            items.extend(_Mask(item, part) for part in np.nonzero(item))
        else:
            items.append(item)
    missing = x.ndim - sum(item is not None for item in items)
    if missing < 0:
        raise IndexError(f"[getitem] too many indices. Received: x {x.shape}, {x.ndim - missing} indices")
    rest = len(items) if rest is None else rest
    items[rest:rest] = [_slice(None)] * missing
    return _unmasked(x, items)


class _Mask:
    """One axis of a boolean mask: where it is True."""

    def __init__(self, mask: np.ndarray[Any, Any], index: np.ndarray[Any, Any]) -> None:
        self.mask, self.index = mask, index


def _unmasked(x: Tensor, items: list[Any]) -> list[Any]:
    axis, found, seen = 0, [], None
    for item in items:
        if isinstance(item, _Mask):
            if item.mask is not seen:
                seen = item.mask
                if x.shape[axis : axis + seen.ndim] != seen.shape:
                    raise IndexError(
                        f"[getitem] a mask must have the sizes of the axes it picks from. Received: x {x.shape}, mask {seen.shape}"
                    )
            item = item.index
        axis += item is not None
        found.append(item)
    return found


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key] as in NumPy: ints, slices, None and ... give views; integer arrays, lists and tensors pick, a mask picks where it is True.

    Raises:
        IndexError: for an index known to the host that is out of range, too many indices, a mask that does not fit.

    >>> x = as_tensor([[1, 2, 3], [4, 5, 6]])
    >>> getitem(x, (..., -1))
    Tensor([3, 6], dtype=int32)
    >>> getitem(x, [[1, 0]])
    Tensor([[[4, 5, 6],
             [1, 2, 3]]], dtype=int32)
    """
    x = as_tensor(x)
    shape = x.array.shape
    items = _items(x, key)
    starts, steps, lengths = [], [], []
    basic: list[Any] = []  # the same with whole axes where arrays pick
    arrays: list[tuple[int, Any]] = []  # axis of the basic view, index
    places: list[int] = []  # where in the key ints and arrays stand
    axis = dims = 0
    for place, item in enumerate(items):
        basic.append(item)
        if item is None:
            dims += 1
            continue
        n = shape[axis]
        if type(item) is int:
            if not -n <= item < n:
                raise IndexError(f"[getitem] index {item} is out of range for axis {axis} of size {n}")
            start, step, length = item % n, 1, 1
            places.append(place)
        elif type(item) is _slice:
            try:
                start, stop, step = item.indices(n)
            except ValueError as error:
                raise IndexError(f"[getitem] {error}") from None
            length = len(range(start, stop, step))
            start = start if length else 0
            dims += 1
        else:
            start, step, length = 0, 1, n
            arrays.append((dims, item))
            places.append(place)
            basic[-1] = _slice(None)
            dims += 1
        starts.append(start)
        steps.append(step)
        lengths.append(length)
        axis += 1
    if dims == len(shape) and None not in basic:
        out = take_slice(x, starts, steps, lengths)
    else:
        out = view(SLICE, x, x.array[(*basic, ...)], (len(shape), *starts, *steps, *shape, *lengths))
    return _pick(out, arrays, places[-1] - places[0] + 1 == len(places)) if arrays else out


get_item = getitem


def _pick(x: Tensor, arrays: list[tuple[int, Any]], together: bool) -> Tensor:
    """Gather along the given axes. The picked axes stand where the first was if all indices stood together in the key, else in front."""
    axes, indices = [a for a, _ in arrays], [i for _, i in arrays]
    if axes != list(range(axes[0], axes[0] + len(axes))):
        x = transpose(x, axes + [a for a in range(x.ndim) if a not in axes])
        axes = list(range(len(axes)))
    first, k = axes[0], len(axes)
    sizes = x.shape[first : first + k]
    index = one_index("getitem", indices, sizes, x)
    if k > 1:
        x = reshape(x, (*x.shape[:first], math.prod(sizes), *x.shape[first + k :]))
    out = take_rows(x, index, first)
    if together or first == 0:
        return out
    return moveaxis(out, tuple(range(first, first + index.ndim)), tuple(range(index.ndim)))


def slice(x: TensorLike, start_indices: Any, shape: Any) -> Tensor:
    """The block of x that begins at `start_indices` and has `shape`. A view.

    Raises:
        ShapeError: if the block does not lie within x.

    >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2))
    Tensor([[2, 3],
            [5, 6]], dtype=int32)
    """
    x = as_tensor(x)
    starts, sizes = block("slice", x, start_indices, whole_shape("slice", shape))
    return take_slice(x, starts, (1,) * x.ndim, sizes)


def block(name: str, x: Tensor, start_indices: Any, sizes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Start and shape of a block that lies within x."""
    starts = whole_shape(name, start_indices, "start_indices") if x.ndim else ()
    if len(starts) != x.ndim or len(sizes) != x.ndim or any(a < 0 or s < 0 or a + s > n for a, s, n in zip(starts, sizes, x.shape)):
        raise ShapeError(f"[{name}] the block must lie within x. Received: x {x.shape}, start_indices {starts}, shape {sizes}")
    return starts, sizes


# one_hot -----------------------------------------------------------------------------------------------------------------------


def _one_hot_infer(x: Any, num_classes: int, code: int) -> Any:
    return (((*x.shape, num_classes), _CODES[code]),)


def _one_hot(xp: Any, y: Any, x: Any, num_classes: int, code: int) -> None:
    y[...] = x[..., None] == xp.arange(num_classes, dtype=xp.int64)


ONE_HOT = Op("one_hot", _one_hot_infer, _one_hot)


def one_hot(x: TensorLike, num_classes: int, axis: int = -1, dtype: Any = None) -> Tensor:
    """A new axis with 1 at the label and 0 elsewhere.

    Args:
        x: integer labels (floats are truncated); one outside 0..num_classes-1 gives zeros only.
        num_classes: size of the new axis.
        axis: its place in the result, default the last.
        dtype: default `floatx()`.

    >>> one_hot([2, 0], 3)
    Tensor([[0., 0., 1.],
            [1., 0., 0.]], dtype=float32)
    """
    x = as_tensor(x)
    x = cast(x, dtypes.int64).detach() if dtypes.is_float(x.dtype) else x
    n = whole("one_hot", num_classes, "num_classes")
    if n < 0:
        raise ValueError(f"[one_hot] num_classes cannot be negative. Received: num_classes={n}")
    place = one_axis("one_hot", axis, x.ndim + 1)
    out: Tensor = apply(ONE_HOT, (x,), (n, _CODE_OF[dtypes.floatx() if dtype is None else dtypes.standard(dtype)]))
    return out if place == x.ndim else moveaxis(out, -1, place)


__all__ = ["get_item", "getitem", "one_hot", "slice"]

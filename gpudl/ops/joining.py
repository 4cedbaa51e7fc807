"""Put tensors together and fill them up: `concatenate`, `stack`, `pad`, `repeat`, `tile`, `roll`, `tril`, `triu`. These copy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, cast, one_axis, whole
from .gather import take
from .movement import broadcast_to, expand_dims, key_of, part, ravel, reshape, same_nan, squeeze, take_slice, whole_shape

# concatenate: attrs (axis, *sizes of the inputs along it) ------------------------------------------------------------------------


def _concatenate_infer(*args: Any) -> Any:
    k = len(args) // 2
    axis, shape = args[k], args[0].shape
    return (((*shape[:axis], sum(args[k + 1 :]), *shape[axis + 1 :]), args[0].dtype),)


def _concatenate(xp: Any, y: Any, *args: Any) -> None:
    k = len(args) // 2
    xp.concatenate(args[:k], axis=args[k], out=y)


def _concatenate_vjp(ctx: Any, g: Tensor) -> Any:
    axis, sizes = ctx.attrs[0], ctx.attrs[1:]
    starts = accumulate(sizes, initial=0)
    return tuple([part(g, axis, start, n) if ctx.needs(i) else None for i, (start, n) in enumerate(zip(starts, sizes))])


CONCATENATE = Op("concatenate", _concatenate_infer, _concatenate, _concatenate_vjp, twice=True)


def _together(name: str, xs: Any) -> list[Tensor]:
    """Several tensors as one dtype on one device."""
    if isinstance(xs, Tensor):
        xs = [part(xs, 0, i, 1) for i in range(len(xs))]
        xs = [reshape(x, x.shape[1:]) for x in xs]
    if not isinstance(xs, (list, tuple)) or not xs:
        raise ValueError(f"[{name}] a list of tensors is expected. Received: {xs!r}")
    like = next((x for x in xs if isinstance(x, Tensor)), None)
    tensors = [as_tensor(x, like) for x in xs]
    dtype = reduce(dtypes.promote, [t.dtype for t in tensors])
    return [cast(t, dtype) for t in tensors]


def concatenate(xs: Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """Tensors one after the other along an axis.

    Args:
        xs: tensors whose sizes differ along `axis` only; dtypes are promoted.
        axis: default 0; None flattens them.

    >>> concatenate([[1, 2], [3]])
    Tensor([1, 2, 3], dtype=int32)
    """
    tensors = _together("concatenate", xs)
    if axis is None:
        tensors, axis = [ravel(t) for t in tensors], 0
    shape = tensors[0].shape
    axis = one_axis("concatenate", axis, len(shape))
    for t in tensors:
        if t.ndim != len(shape) or any(n != m for i, (n, m) in enumerate(zip(t.shape, shape)) if i != axis):
            shapes = ", ".join(str(t.shape) for t in tensors)
            raise ShapeError(f"[concatenate] sizes may differ along axis {axis} only. Received: shapes {shapes}")
    out: Tensor = apply(CONCATENATE, tuple(tensors), (axis, *[t.array.shape[axis] for t in tensors]))
    return out


def stack(x: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis.

    >>> stack([[1, 2], [3, 4]], axis=1)
    Tensor([[1, 3],
            [2, 4]], dtype=int32)
    """
    tensors = _together("stack", x)
    if any(t.shape != tensors[0].shape for t in tensors):
        raise ShapeError(f"[stack] shapes must be equal. Received: {', '.join(str(t.shape) for t in tensors)}")
    place = one_axis("stack", axis, tensors[0].ndim + 1)
    return concatenate([expand_dims(t, place) for t in tensors], place)


def hstack(xs: Sequence[TensorLike]) -> Tensor:
    """Tensors one after the other along their second axis; along the only one if they have one axis or none.

    >>> hstack([[1, 2], [3]])
    Tensor([1, 2, 3], dtype=int32)
    """
    tensors = [expand_dims(t, 0) if t.ndim == 0 else t for t in _together("hstack", xs)]
    return concatenate(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(xs: Sequence[TensorLike]) -> Tensor:
    """Tensors one after the other along their first axis; those of one axis or none are rows.

    >>> vstack([[1, 2], [3, 4]])
    Tensor([[1, 2],
            [3, 4]], dtype=int32)
    """
    return concatenate([reshape(t, (1, t.size)) if t.ndim < 2 else t for t in _together("vstack", xs)], 0)


def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The entries of x along an axis, which goes away, as views. `num`, if given, must be their number.

    >>> [t.tolist() for t in unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    x = as_tensor(x)
    axis = one_axis("unstack", axis, x.ndim)
    if num is not None and num != x.shape[axis]:
        raise ShapeError(f"[unstack] there are {x.shape[axis]} entries along axis {axis}. Received: x {x.shape}, num={num}")
    return [squeeze(part(x, axis, i, 1), axis) for i in range(x.shape[axis])]


def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """Coordinates of a grid: each vector broadcast along the axes of the others.

    Args:
        x: vectors.
        indexing: ``"xy"``, in which the first two axes are exchanged as in pictures (default), or ``"ij"``.

    >>> [t.tolist() for t in meshgrid([1, 2], [3, 4, 5], indexing="ij")]
    [[[1, 1, 1], [2, 2, 2]], [[3, 4, 5], [3, 4, 5]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"[meshgrid] indexing must be 'xy' or 'ij'. Received: {indexing!r}")
    vectors = [ravel(v) for v in x]
    places = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        places[:2] = [1, 0]
    shape = [0] * len(vectors)
    for place, v in zip(places, vectors):
        shape[place] = v.size
    return [broadcast_to(reshape(v, [v.size if i == place else 1 for i in range(len(shape))]), shape) for place, v in zip(places, vectors)]


# pad: attrs (value, *before, *after) -------------------------------------------------------------------------------------------


def _pad_infer(x: Any, value: float, *widths: int) -> Any:
    return ((tuple([a + n + b for a, n, b in zip(widths, x.shape, widths[x.ndim :])]), x.dtype),)


def _pad(xp: Any, y: Any, x: Any, value: float, *widths: int) -> None:
    y[...] = value
    y[key_of(widths[: x.ndim], (1,) * x.ndim, x.shape)] = x


def _pad_vjp(ctx: Any, g: Tensor) -> Any:
    n = g.ndim
    before, after = ctx.attrs[1 : n + 1], ctx.attrs[n + 1 :]
    return (take_slice(g, before, (1,) * n, [m - a - b for a, m, b in zip(before, g.shape, after)]),)


PAD = Op("pad", _pad_infer, _pad, _pad_vjp, twice=True)


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """(before, after) per axis, from an int, (n,), (before, after), ((before, after),) or one pair per axis."""
    try:
        pairs = np.broadcast_to(np.asarray(pad_width), (ndim, 2))
    except ValueError:
        pairs = np.zeros((0, 2))
    if pairs.dtype.kind not in "iu" or len(pairs) != ndim or (pairs < 0).any():
        raise ShapeError(
            f"[pad] pad_width must be ints >= 0: one, a pair, or a pair per axis. Received: pad_width={pad_width}, x of {ndim} axes"
        )
    return [(int(a), int(b)) for a, b in pairs]


def pad(x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """x with a border.

    Args:
        x: tensor.
        pad_width: how much is added: one int, (before, after), or ((before, after), ...) per axis.
        mode: ``"constant"``, ``"reflect"`` (mirrored at the edge element), ``"symmetric"`` (mirrored at the edge) or ``"edge"``
            (the edge repeated).
        constant_values: for mode constant, default 0.

    Raises:
        ShapeError: for widths that do not fit; a mirrored border cannot be wider than x (reflect: than x less one).

    >>> pad([1, 2, 3], (1, 2))
    Tensor([0, 1, 2, 3, 0, 0], dtype=int32)
    >>> pad([1, 2, 3], 2, mode="reflect")
    Tensor([3, 2, 1, 2, 3, 2, 1], dtype=int32)
    """
    x = as_tensor(x)
    widths = _widths(pad_width, x.ndim)
    if mode == "constant":
        value = 0 if constant_values is None else constant_values
        if isinstance(value, (Tensor, np.ndarray, np.generic)):
            value = value.item()
        if all(w == (0, 0) for w in widths):
            return x
        out: Tensor = apply(PAD, (x,), (same_nan(value), *[a for a, _ in widths], *[b for _, b in widths]))
        return out
    if constant_values is not None:
        raise ValueError(f"[pad] constant_values belongs to mode 'constant'. Received: mode={mode!r}, constant_values={constant_values}")
    if mode not in ("reflect", "symmetric", "edge"):
        raise ValueError(f"[pad] mode must be 'constant', 'reflect', 'symmetric' or 'edge'. Received: {mode!r}")
    for axis, (before, after) in enumerate(widths):
        x = _mirrored(x, axis, before, after, mode)
    return x


def _mirrored(x: Tensor, axis: int, before: int, after: int, mode: str) -> Tensor:
    n, skip = x.shape[axis], 1 if mode == "reflect" else 0
    if mode == "edge":
        if n == 0 and before + after:
            raise ShapeError(f"[pad] there is no edge to repeat. Received: x {x.shape}, mode='edge'")
        ends = [(part(x, axis, 0, 1), before), (part(x, axis, n - 1, 1), after)]
        left, right = ([broadcast_to(t, (*x.shape[:axis], w, *x.shape[axis + 1 :]))] if w else [] for t, w in ends)
        return concatenate([*left, x, *right], axis) if left or right else x
    if max(before, after) > n - skip:
        raise ShapeError(
            f"[pad] a border mirrored on axis {axis} cannot be wider than {n - skip}. Received: x {x.shape}, pad_width ({before}, {after})"
        )
    left = [part(x, axis, before - 1 + skip, before, -1)] if before else []
    right = [part(x, axis, n - 1 - skip, after, -1)] if after else []
    return concatenate([*left, x, *right], axis) if left or right else x


# repetition --------------------------------------------------------------------------------------------------------------------


def repeat(x: TensorLike, repeats: Any, axis: int | None = None) -> Tensor:
    """Each entry of x along an axis several times.

    Args:
        x: tensor.
        repeats: how often: an int, or one per entry.
        axis: default: x is flattened first.

    >>> repeat([1, 2], 2)
    Tensor([1, 1, 2, 2], dtype=int32)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = one_axis("repeat", axis, x.ndim)
    many = whole_shape("repeat", repeats, "repeats")
    n = x.shape[axis]
    if min(many, default=0) < 0 or (len(many) != 1 and len(many) != n):
        raise ShapeError(
            f"[repeat] repeats must be an int or one per entry, not negative. Received: x {x.shape}, repeats {many}, axis={axis}"
        )
    if len(many) != 1:
        return take(x, np.repeat(np.arange(n), many), axis)
    wide = broadcast_to(expand_dims(x, axis + 1), (*x.shape[: axis + 1], many[0], *x.shape[axis + 1 :]))
    return reshape(wide, (*x.shape[:axis], n * many[0], *x.shape[axis + 1 :]))


def tile(x: TensorLike, repeats: Any) -> Tensor:
    """x as a whole repeated along each axis; `repeats` and the shape of x are filled up with leading ones.

    >>> tile([1, 2], (2, 2))
    Tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]], dtype=int32)
    """
    x = as_tensor(x)
    many = whole_shape("tile", repeats, "repeats")
    if min(many, default=0) < 0:
        raise ShapeError(f"[tile] repeats cannot be negative. Received: repeats {many}")
    ndim = max(x.ndim, len(many))
    many, shape = (1,) * (ndim - len(many)) + many, (1,) * (ndim - x.ndim) + x.shape
    narrow = reshape(x, [n for size in shape for n in (1, size)])
    wide = broadcast_to(narrow, [n for m, size in zip(many, shape) for n in (m, size)])
    return reshape(wide, [m * size for m, size in zip(many, shape)])


def roll(x: TensorLike, shift: Any, axis: Any = None) -> Tensor:
    """x with the entries moved by `shift` along an axis; what falls out comes in at the other end.

    Args:
        x: tensor.
        shift: an int, or one per axis.
        axis: an int or several; default: x is flattened, and restored.

    >>> roll([1, 2, 3], 1)
    Tensor([3, 1, 2], dtype=int32)
    """
    x = as_tensor(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = whole_shape("roll", shift, "shift")
    if len(shifts) not in (1, len(axes)) and len(axes) != 1:
        raise ShapeError(f"[roll] shift and axis must be equally many. Received: shift={shift}, axis={axis}")
    count = max(len(axes), len(shifts))
    for a, s in zip(axes if len(axes) == count else axes * count, shifts if len(shifts) == count else shifts * count):
        place = one_axis("roll", a, x.ndim)
        n = x.shape[place]
        cut = -s % n if n else 0
        if cut:
            x = concatenate([part(x, place, cut, n - cut), part(x, place, 0, cut)], place)
    return x


# triangles: attrs (k,) ---------------------------------------------------------------------------------------------------------


def _tril(xp: Any, y: Any, x: Any, k: int) -> None:
    y[...] = xp.tril(x, k)


def _triu(xp: Any, y: Any, x: Any, k: int) -> None:
    y[...] = xp.triu(x, k)


def _triangle_infer(x: Any, k: int) -> Any:
    if x.ndim < 2:
        raise ShapeError(f"[tril, triu] x must have two axes or more. Received: x {x.shape}")
    return ((x.shape, x.dtype),)


TRIL: Op = Op("tril", _triangle_infer, _tril, lambda ctx, g: (ctx.grad(0, TRIL, (g,), ctx.attrs),), twice=True)
TRIU: Op = Op("triu", _triangle_infer, _triu, lambda ctx, g: (ctx.grad(0, TRIU, (g,), ctx.attrs),), twice=True)


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """x with zeros above diagonal k of its last two axes.

    >>> tril([[1, 2], [3, 4]])
    Tensor([[1, 0],
            [3, 4]], dtype=int32)
    """
    out: Tensor = apply(TRIL, (as_tensor(x),), (whole("tril", k, "k"),))
    return out


def triu(x: TensorLike, k: int = 0) -> Tensor:
    """x with zeros below diagonal k of its last two axes.

    >>> triu([[1, 2], [3, 4]])
    Tensor([[1, 2],
            [0, 4]], dtype=int32)
    """
    out: Tensor = apply(TRIU, (as_tensor(x),), (whole("triu", k, "k"),))
    return out


__all__ = ["concatenate", "hstack", "meshgrid", "pad", "repeat", "roll", "stack", "tile", "tril", "triu", "unstack", "vstack"]

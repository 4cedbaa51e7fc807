"""Look at the same numbers in another arrangement, without a copy: `reshape`, `transpose`, `expand_dims`, `squeeze`, `broadcast_to`,
slices and `flip`, `split`, `diagonal`. Copies that join or fill are in `joining`.

A view is another Tensor over the same memory: on the tape, never launched. NumPy leaves the strides of axes of size 1 undefined, so nothing
here reads strides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..autograd import apply, view
from ..errors import ShapeError
from ..op import COPY, Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, one_axis, some_axes, whole


def _only_view(name: str, vjp: Any) -> Op:
    return Op(name, None, None, vjp, twice=True)


def whole_shape(name: str, shape: Any, what: str = "shape") -> tuple[int, ...]:
    """A tuple of ints from an int or a sequence of ints."""
    if isinstance(shape, (tuple, list)):
        return tuple([n if type(n) is int else whole(name, n, what) for n in shape])
    if hasattr(shape, "shape") and shape.shape:
        return tuple([int(n) for n in shape])
    return (whole(name, shape, what),)


def same_nan(value: Any) -> Any:
    """A number as an attribute: NaN as one object, since attributes are compared and NaN equals only itself as an object."""
    return math.nan if value != value else value


# reshape -----------------------------------------------------------------------------------------------------------------------

RESHAPE = _only_view("reshape", lambda ctx, g: (reshape(g, ctx.attrs),))


def reshape(x: TensorLike, newshape: Any) -> Tensor:
    """The same numbers, in C order, in another shape; one size may be -1. A view if x is contiguous, else a view of a contiguous copy.

    Raises:
        ShapeError: if the numbers of elements differ.

    >>> reshape([[1, 2, 3], [4, 5, 6]], (3, -1))
    Tensor([[1, 2],
            [3, 4],
            [5, 6]], dtype=int32)
    """
    x = as_tensor(x)
    shape = whole_shape("reshape", newshape, "newshape")
    old = x.array.shape
    if shape == old:
        return x
    if -1 in shape:
        known = -math.prod(shape)
        if shape.count(-1) > 1 or known == 0 or x.size % known or min(shape) < -1:
            raise ShapeError(f"[reshape] the size of -1 cannot be found. Received: x {old} of {x.size} elements, newshape {shape}")
        shape = tuple([x.size // known if n == -1 else n for n in shape])
    elif math.prod(shape) != x.size or (shape and min(shape) < 0):
        raise ShapeError(
            f"[reshape] newshape must hold as many elements as x. Received: x {old} of {x.size} elements, newshape {shape} of "
            f"{math.prod(shape)}"
        )
    source = contiguous(x)
    return view(RESHAPE, source, source.array.reshape(shape), old)


def contiguous(x: Tensor) -> Tensor:
    """The tensor itself if its memory is C-contiguous, else a copy on the tape."""
    if x.array.flags.c_contiguous:
        return x
    out: Tensor = apply(COPY, (x,))
    return out


def ravel(x: TensorLike) -> Tensor:
    """All elements in one axis.

    >>> ravel([[1, 2], [3, 4]])
    Tensor([1, 2, 3, 4], dtype=int32)
    """
    x = as_tensor(x)
    return reshape(x, (x.size,))


# order of axes -----------------------------------------------------------------------------------------------------------------


def _transpose_vjp(ctx: Any, g: Tensor) -> Any:
    axes = ctx.attrs
    return (transpose(g, sorted(range(len(axes)), key=axes.__getitem__)),)


TRANSPOSE = _only_view("transpose", _transpose_vjp)


def transpose(x: TensorLike, axes: Any = None) -> Tensor:
    """x with its axes in another order, by default reversed. A view.

    Args:
        x: tensor.
        axes: a permutation of the axes; output axis i is input axis ``axes[i]``.

    >>> transpose([[1, 2, 3], [4, 5, 6]])
    Tensor([[1, 4],
            [2, 5],
            [3, 6]], dtype=int32)
    """
    x = as_tensor(x)
    ndim = x.array.ndim
    if axes is None:
        order = tuple(range(ndim))[::-1]
    else:
        order = tuple([one_axis("transpose", a, ndim) for a in axes])
        if len(order) != ndim or len(set(order)) != ndim:
            raise ShapeError(f"[transpose] axes must be a permutation of 0..{ndim - 1}. Received: x {x.shape}, axes {tuple(axes)}")
    return view(TRANSPOSE, x, x.array.transpose(order), order)


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged. A view.

    >>> import gpudl
    >>> swapaxes(gpudl.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = as_tensor(x)
    a, b = one_axis("swapaxes", axis1, x.ndim), one_axis("swapaxes", axis2, x.ndim)
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return transpose(x, order)


def moveaxis(x: TensorLike, source: Any, destination: Any) -> Tensor:
    """x with the axes `source` moved to the places `destination`, the others in their order. A view.

    >>> moveaxis([[[1, 2, 3]]], 0, -1).shape
    (1, 3, 1)
    """
    x = as_tensor(x)
    src = [one_axis("moveaxis", a, x.ndim) for a in (source if isinstance(source, (tuple, list)) else [source])]
    dst = [one_axis("moveaxis", a, x.ndim) for a in (destination if isinstance(destination, (tuple, list)) else [destination])]
    if len(src) != len(dst) or len(set(src)) != len(src) or len(set(dst)) != len(dst):
        raise ShapeError(f"[moveaxis] source and destination must be equally many different axes. Received: {source}, {destination}")
    order = [a for a in range(x.ndim) if a not in src]
    for to, a in sorted(zip(dst, src)):
        order.insert(to, a)
    return transpose(x, order)


# axes of size 1 ----------------------------------------------------------------------------------------------------------------

EXPAND_DIMS = _only_view("expand_dims", lambda ctx, g: (squeeze(g, ctx.attrs),))
SQUEEZE = _only_view("squeeze", lambda ctx, g: (expand_dims(g, ctx.attrs),))


def expand_dims(x: TensorLike, axis: Any) -> Tensor:
    """x with new axes of size 1 at the places `axis` of the result. A view.

    >>> expand_dims([1, 2], 1).shape
    (2, 1)
    """
    x = as_tensor(x)
    many = isinstance(axis, (tuple, list))
    axes = some_axes("expand_dims", axis, x.ndim + (len(axis) if many else 1))
    key = tuple([None if i in axes else slice(None) for i in range(x.ndim + len(axes))])
    return view(EXPAND_DIMS, x, x.array[key], axes) if axes else x


def squeeze(x: TensorLike, axis: Any = None) -> Tensor:
    """x without axes of size 1: all of them, or those named. A view.

    Raises:
        ShapeError: if a named axis is longer than 1.

    >>> squeeze([[[1], [2]]]).shape
    (2,)
    """
    x = as_tensor(x)
    if axis is None:
        axes = tuple([i for i, n in enumerate(x.shape) if n == 1])
    else:
        axes = some_axes("squeeze", axis, x.ndim)
        if any(x.shape[i] != 1 for i in axes):
            raise ShapeError(f"[squeeze] only axes of size 1 can go. Received: x {x.shape}, axis={axis}")
    key = tuple([0 if i in axes else slice(None) for i in range(x.ndim)])
    return view(SQUEEZE, x, x.array[(*key, ...)], axes) if axes else x  # the ... keeps an array where no axis is left


# broadcasting ------------------------------------------------------------------------------------------------------------------

BROADCAST_TO = _only_view("broadcast_to", lambda ctx, g: (g,))  # the walk sums the gradient back to the input's shape


def broadcast_to(x: TensorLike, shape: Any) -> Tensor:
    """x repeated along new leading axes and axes of size 1 until it has `shape`. A view: nothing is copied.

    >>> broadcast_to([1, 2], (3, 2))
    Tensor([[1, 2],
            [1, 2],
            [1, 2]], dtype=int32)
    """
    x = as_tensor(x)
    wanted = whole_shape("broadcast_to", shape)
    lead = len(wanted) - x.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(x.shape, wanted[lead:])):
        raise ShapeError(
            f"[broadcast_to] from the right, axes of x must be equal to those of shape, or 1. Received: x {x.shape}, shape {wanted}"
        )
    if wanted == x.shape:
        return x
    return view(BROADCAST_TO, x, x.storage.backend.xp.broadcast_to(x.array, wanted), ())


# slices ------------------------------------------------------------------------------------------------------------------------
# A slice is given per axis by start, step and length; attrs: (ndim, *starts, *steps, *shape of the whole, *lengths).


def key_of(starts: Sequence[int], steps: Sequence[int], lengths: Sequence[int]) -> tuple[slice, ...]:
    """The basic index that takes `lengths[i]` elements of axis i from `starts[i]` on, `steps[i]` apart."""
    key = []
    for start, step, length in zip(starts, steps, lengths):
        stop = start + length * step
        key.append(slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0))
    return tuple(key)


def _slice_grad(xp: Any, dx: Any, g: Any, n: int, *attrs: int) -> None:
    dx[...] = 0
    dx[key_of(attrs[:n], attrs[n : 2 * n], attrs[3 * n :])] = g


def _slice_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    n, attrs = ctx.attrs[0], ctx.attrs[1:]
    return (take_slice(gg, attrs[:n], attrs[n : 2 * n], attrs[3 * n :]),)


SLICE_GRAD = Op("slice_grad", lambda g, n, *attrs: ((attrs[2 * n : 3 * n], g.dtype),), _slice_grad, _slice_grad_vjp, twice=True)


def _slice_vjp(ctx: Any, g: Tensor) -> Any:
    lengths = ctx.attrs[1 + 3 * ctx.attrs[0] :]
    return (ctx.grad(0, SLICE_GRAD, (reshape(g, lengths),), ctx.attrs),)  # indexing drops and adds axes of size 1


SLICE = _only_view("slice", _slice_vjp)


def take_slice(x: Tensor, starts: Sequence[int], steps: Sequence[int], lengths: Sequence[int]) -> Tensor:
    """The strided view that `key_of` describes; the arguments must fit x. x itself if that is all of it in order."""
    shape = x.array.shape
    if tuple(lengths) == shape and all(s == 1 or n < 2 for s, n in zip(steps, lengths)):
        return x
    return view(SLICE, x, x.array[(*key_of(starts, steps, lengths), ...)], (len(shape), *starts, *steps, *shape, *lengths))


def part(x: Tensor, axis: int, start: int, length: int, step: int = 1) -> Tensor:
    """`take_slice` along one axis."""
    ndim = x.array.ndim
    starts, steps, lengths = [0] * ndim, [1] * ndim, list(x.array.shape)
    starts[axis], steps[axis], lengths[axis] = start, step, length
    return take_slice(x, starts, steps, lengths)


def flip(x: TensorLike, axis: Any = None) -> Tensor:
    """x with the order of elements reversed along `axis`, by default along all axes. A view.

    >>> flip([1, 2, 3])
    Tensor([3, 2, 1], dtype=int32)
    """
    x = as_tensor(x)
    axes = some_axes("flip", axis, x.ndim)
    starts = [n - 1 if i in axes and n else 0 for i, n in enumerate(x.shape)]
    return take_slice(x, starts, [-1 if i in axes else 1 for i in range(x.ndim)], x.shape)


def split(x: TensorLike, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Cut x along an axis into views.

    Args:
        x: tensor.
        indices_or_sections: the number of equal parts, or the places to cut at.
        axis: default 0.

    Raises:
        ShapeError: if the axis is not divisible by the number of parts.

    >>> [t.tolist() for t in split([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    >>> [t.tolist() for t in split([1, 2, 3, 4], [1])]
    [[1], [2, 3, 4]]
    """
    x = as_tensor(x)
    axis = one_axis("split", axis, x.ndim)
    n = x.shape[axis]
    if isinstance(indices_or_sections, (tuple, list)) or getattr(indices_or_sections, "shape", None):
        cuts = [0, *whole_shape("split", indices_or_sections, "indices"), n]
    else:
        sections = whole("split", indices_or_sections, "indices_or_sections")
        if sections < 1 or n % sections:
            raise ShapeError(f"[split] axis {axis} must be divisible by the number of parts. Received: x {x.shape}, {sections} parts")
        cuts = [i * (n // sections) for i in range(sections + 1)]
    ends = [slice(a, b).indices(n) for a, b in pairwise(cuts)]  # as NumPy: negative and too large places are allowed
    return [part(x, axis, start, max(0, stop - start)) for start, stop, _ in ends]


# diagonals ---------------------------------------------------------------------------------------------------------------------


def _diagonal_key(k: int, length: int, columns: int) -> slice:
    """Where a diagonal lies in a flattened matrix."""
    start = k if k >= 0 else -k * columns
    return slice(start, start + length * (columns + 1) - columns if length else start, columns + 1)


def _diagonal_grad(xp: Any, dx: Any, g: Any, k: int, rows: int, columns: int) -> None:
    dx[...] = 0
    dx.reshape(*g.shape[:-1], rows * columns)[..., _diagonal_key(k, g.shape[-1], columns)] = g


DIAGONAL_GRAD = Op(
    "diagonal_grad",
    lambda g, k, rows, columns: (((*g.shape[:-1], rows, columns), g.dtype),),
    _diagonal_grad,
    lambda ctx, gg: (diagonal(gg, ctx.attrs[0], -2, -1),),
    twice=True,
)
DIAGONAL = _only_view("diagonal", lambda ctx, g: (ctx.grad(0, DIAGONAL_GRAD, (g,), ctx.attrs),))


def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonals of the matrices in two axes of x, as a new last axis. A view.

    >>> diagonal([[1, 2], [3, 4]])
    Tensor([1, 4], dtype=int32)
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"[diagonal] x must have two axes or more. Received: x {x.shape}")
    x = moveaxis(x, (axis1, axis2), (-2, -1)) if (axis1, axis2) != (-2, -1) else x
    return view(DIAGONAL, x, x.array.diagonal(offset, -2, -1), (whole("diagonal", offset, "offset"), *x.shape[-2:]))


def diag(x: TensorLike, k: int = 0) -> Tensor:
    """A square matrix with x on diagonal k if x has one axis; diagonal k of x if it has two.

    >>> diag([1, 2])
    Tensor([[1, 0],
            [0, 2]], dtype=int32)
    """
    x = as_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"[diag] x must have one or two axes. Received: x {x.shape}")
    n = x.size + abs(whole("diag", k, "k"))
    out: Tensor = apply(DIAGONAL_GRAD, (x,), (k, n, n))
    return out


__all__ = [
    "broadcast_to",
    "diag",
    "diagonal",
    "expand_dims",
    "flip",
    "moveaxis",
    "ravel",
    "reshape",
    "split",
    "squeeze",
    "swapaxes",
    "transpose",
]

"""Multiply matrices: `matmul`, `dot`, `tensordot`, `outer`, `inner`, `vdot`. One op does all of it, on the last two axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import one_axis, operands
from .elementwise import multiply
from .movement import expand_dims, ravel, reshape, squeeze, swapaxes, transpose


def _turned(x: Any, transposed: bool) -> Any:
    return x.swapaxes(-1, -2) if transposed else x


def _matmul_infer(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    *batch_a, rows, inner = a.shape
    *batch_b, inner_b, columns = b.shape
    if transpose_a:
        rows, inner = inner, rows
    if transpose_b:
        inner_b, columns = columns, inner_b
    if inner != inner_b:
        raise ShapeError(
            "[matmul] the last axis of x1 and the last but one of x2 must be equal. Received: "
            f"x1 {a.shape}{' transposed' if transpose_a else ''}, x2 {b.shape}{' transposed' if transpose_b else ''}"
        )
    batch = tuple(batch_a)
    if batch_a != batch_b:
        try:
            batch = np.broadcast_shapes(batch, tuple(batch_b))
        except ValueError:
            raise ShapeError(f"[matmul] the leading axes do not broadcast. Received: x1 {a.shape}, x2 {b.shape}") from None
    return (((*batch, rows, columns), a.dtype),)


def _matmul(xp: Any, y: Any, a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> None:
    a, b = _turned(a, transpose_a), _turned(b, transpose_b)
    if a.ndim == b.ndim == 2 and y.ndim == 2:
        a.dot(b, y)  # the same product; on NumPy half the overhead of matmul
    else:
        xp.matmul(a, b, out=y)


def product_gradients(ctx: Any, g: Tensor, ta: bool, tb: bool) -> Any:
    """Of inputs 0 and 1: products again, with transposes as attributes: no copies, and a weight's gradient lands in its place."""
    da = db = None
    if ctx.needs(0):
        b = ctx.input(1)
        da = ctx.grad(0, MATMUL, (b, g), (tb, True)) if ta else ctx.grad(0, MATMUL, (g, b), (False, not tb))
    if ctx.needs(1):
        a = ctx.input(0)
        db = ctx.grad(1, MATMUL, (g, a), (True, ta)) if tb else ctx.grad(1, MATMUL, (a, g), (not ta, False))
    return da, db


def _matmul_vjp(ctx: Any, g: Tensor) -> Any:
    return product_gradients(ctx, g, *ctx.attrs)


MATMUL = Op("matmul", _matmul_infer, _matmul, _matmul_vjp, saves=(0, 1), twice=True)


def matmul(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The matrix product over the last axis of x1 and the last but one of x2.

    Args:
        x1: (..., M, K), or (K,).
        x2: (..., K, N), or (K,). Leading axes broadcast; an integer operand takes a float's dtype.

    Returns:
        (..., M, N), without M or N where an operand has one axis. K = 0 gives zeros.

    Raises:
        ShapeError: if K differs, if leading axes do not broadcast, if an operand has no axis.

    >>> matmul([[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0])
    Tensor([21., 43.], dtype=float32)
    """
    a, b = operands("matmul", x1, x2)
    m, n = a.array.ndim, b.array.ndim
    if m == 2 and n == 2:
        out: Tensor = apply(MATMUL, (a, b), (False, False))
        return out
    if m == 0 or n == 0:
        raise ShapeError(f"[matmul] the operands must have an axis; use multiply. Received: x1 {a.shape}, x2 {b.shape}")
    if m > 2 and n <= 2:
        # one product of many rows, whose weight gradient is one product too
        if a.shape[-1] != b.shape[0]:
            _matmul_infer(a.array, b.array.reshape(b.shape[0], -1))
        rows = reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))
        return reshape(matmul(rows, b), (*a.shape[:-1], *b.shape[1:]))
    if m == 1:
        a = expand_dims(a, 0)
    if n == 1:
        b = expand_dims(b, 1)
    out = apply(MATMUL, (a, b), (False, False))
    if m == 1:
        out = squeeze(out, -2)
    return squeeze(out, -1) if n == 1 else out


def dot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The sum of products over the last axis of x1 and the last but one of x2 (its only one if it has one).

    Unlike in `matmul`, leading axes do not pair up: the result has those of x1, then those of x2. A number multiplies.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    Tensor(11., dtype=float32)
    """
    a, b = operands("dot", x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 2,)))


def tensordot(x1: TensorLike, x2: TensorLike, axes: Any = 2) -> Tensor:
    """The sum of products over several axes.

    Args:
        x1, x2: tensors.
        axes: how many of the last axes of x1 pair up, in order, with the first ones of x2; or (axes of x1, axes of x2). Default 2.

    Returns:
        A tensor with the axes of x1 that are left, then those of x2.

    >>> tensordot([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]])
    Tensor(5., dtype=float32)
    """
    a, b = operands("tensordot", x1, x2)
    if isinstance(axes, (tuple, list)):
        pair = [tuple(s) if isinstance(s, (tuple, list)) else (s,) for s in axes]
        if len(pair) != 2:
            raise ShapeError(f"[tensordot] axes must be a number or a pair. Received: axes={axes}")
        left, right = ([one_axis("tensordot", i, t.ndim) for i in s] for s, t in zip(pair, (a, b)))
    else:
        left, right = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    twice = len(set(left)) < len(left) or len(set(right)) < len(right)
    bad = twice or len(left) != len(right) or (left and min(left) < 0) or len(right) > b.ndim
    if bad or any(a.shape[i] != b.shape[j] for i, j in zip(left, right)):
        raise ShapeError(f"[tensordot] the paired axes must have equal sizes. Received: x1 {a.shape}, x2 {b.shape}, axes={axes}")
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    inner = math.prod(a.shape[i] for i in left)
    rows, columns = [a.shape[i] for i in free_a], [b.shape[i] for i in free_b]
    a = reshape(transpose(a, free_a + left), (math.prod(rows), inner))
    b = reshape(transpose(b, right + free_b), (inner, math.prod(columns)))
    return reshape(matmul(a, b), (*rows, *columns))


def outer(x1: TensorLike, x2: TensorLike) -> Tensor:
    """All products of an element of x1 and one of x2, both flattened: (size of x1, size of x2).

    >>> outer([1, 2], [3, 4])
    Tensor([[3, 4],
            [6, 8]], dtype=int32)
    """
    a, b = operands("outer", x1, x2)
    return multiply(expand_dims(ravel(a), 1), ravel(b))


def inner(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The sum of products over the last axes of both; a number multiplies.

    >>> inner([1.0, 2.0], [3.0, 4.0])
    Tensor(11., dtype=float32)
    """
    a, b = operands("inner", x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    return dot(a, b if b.ndim == 1 else swapaxes(b, -1, -2))


def vdot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The sum of products of all elements, both flattened.

    >>> vdot([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor(11., dtype=float32)
    """
    a, b = operands("vdot", x1, x2)
    return matmul(ravel(a), ravel(b))


__all__ = ["dot", "inner", "matmul", "outer", "tensordot", "vdot"]

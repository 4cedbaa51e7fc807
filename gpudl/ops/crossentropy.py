"""Measure how far predicted classes are from the true ones: cross-entropies of scores, of softmax and of plain probabilities.

Where a prediction came out of `softmax`, its cross-entropy is computed from the scores before it: exact where the probability has lost
its digits, and its gradient is one op.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from .. import config, dtypes
from ..autograd import EXPAND, SUM_TO, apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, cast, constant_like, floating, number, one_axis
from .comparison import equal
from .elementwise import MULTIPLY, clip, divide, multiply, negative, where
from .mathematics import log
from .softmaxes import SOFTMAX, log_softmax, sum_over

# softmax cross-entropy ---------------------------------------------------------------------------------------------------------
#
# Inputs: scores z (..., C), p = softmax(z), and what softmax knows besides: (maximum, log of the sum of exp(z - maximum)).
# The forward pass reads z and that, the gradient p: so nothing is computed twice, and a gradient of the gradient goes through softmax.


def _crossentropy_infer(z: Any, p: Any, stats: Any, t: Any) -> Any:
    if t.shape != z.shape:
        raise ShapeError(f"[categorical_crossentropy] target and output must have one shape. Received: target {t.shape}, output {z.shape}")
    return ((z.shape[:-1], z.dtype),)


def _crossentropy(xp: Any, loss: Any, z: Any, p: Any, stats: Any, t: Any) -> None:
    each = xp.subtract(z, stats[0])
    xp.subtract(stats[1], each, out=each)
    xp.multiply(each, t, out=each)
    each.sum(-1, out=loss)


def _crossentropy_grad(xp: Any, dz: Any, g: Any, p: Any, t: Any) -> None:
    xp.multiply(p, t.sum(-1, keepdims=True), out=dz)  # targets need not sum to 1
    xp.subtract(dz, t, out=dz)
    xp.multiply(dz, g[..., None], out=dz)


def _per_row_grad_vjp(op: Op, dp_factor: Any) -> Any:
    """The vjp of dz = g * f(p, target), f linear in p: with gg, dg = sum(gg * f) over the last axis and dp = gg * g * df/dp."""

    def vjp(ctx: Any, gg: Tensor) -> Any:
        g, target = ctx.input(0), ctx.input(2)
        dg = dp = None
        if ctx.needs(0):
            ones = apply(EXPAND, (constant_like(1.0, g.dtype, g.storage.backend),), g.shape)
            f = apply(op, (ones, ctx.input(1), target))
            dg = apply(SUM_TO, (apply(MULTIPLY, (gg, f)),), (*g.shape, 1)).reshape(g.shape)
        if ctx.needs(1):
            dp = apply(MULTIPLY, (gg, g.reshape(*g.shape, 1)))
            if dp_factor is not None:
                dp = apply(MULTIPLY, (dp, dp_factor(target)))
        return dg, dp, None

    return vjp


CATEGORICAL_CROSSENTROPY_GRAD = Op("categorical_crossentropy_grad", lambda g, p, t: ((p.shape, p.dtype),), _crossentropy_grad, None,
                                   saves=(0, 1, 2), twice=True)  # fmt: skip
CATEGORICAL_CROSSENTROPY_GRAD.vjp = _per_row_grad_vjp(CATEGORICAL_CROSSENTROPY_GRAD, lambda t: sum_over(t, (t.ndim - 1,)))
CATEGORICAL_CROSSENTROPY = Op(
    "categorical_crossentropy",
    _crossentropy_infer,
    _crossentropy,
    lambda ctx, g: (ctx.grad(0, CATEGORICAL_CROSSENTROPY_GRAD, (g, ctx.input(1), ctx.input(3))), None, None, None),
    saves=(1, 3),
    twice=True,
)


def _sparse_infer(z: Any, p: Any, stats: Any, labels: Any) -> Any:
    if labels.shape != z.shape[:-1]:
        raise ShapeError(
            "[sparse_categorical_crossentropy] target must have the output's shape without its last axis (the classes). "
            f"Received: target {labels.shape}, output {z.shape}"
        )
    return ((z.shape[:-1], z.dtype),)


@lru_cache(maxsize=64)
def _row_starts(rows: int, classes: int) -> Any:
    return np.arange(0, rows * classes, classes)


def _positions(xp: Any, labels: Any, classes: int) -> tuple[Any, Any]:
    """Where each row's label lies in the flattened scores (inside them, whatever the label), and which are no class; None if all are."""
    flat, rows = labels.reshape(-1), labels.size
    if flat.dtype.kind not in "iu":
        flat = xp.where((flat >= 0) & (flat < classes), flat, -1)
    flat = flat.astype(xp.int64, copy=False)
    unsigned = flat.view(xp.uint64)  # a negative label becomes a large one
    outside = unsigned >= number(xp, classes, xp.uint64)
    if xp is np:  # on the host it costs nothing to look
        starts = _row_starts(rows, classes) if rows <= 4096 else np.arange(0, rows * classes, classes)
        if not np.count_nonzero(outside):
            return flat + starts, None
        return np.minimum(unsigned, np.uint64(classes - 1)).view(np.int64) + starts, outside
    return xp.minimum(unsigned, xp.uint64(classes - 1)).view(xp.int64) + xp.arange(0, rows * classes, classes), outside


def _sparse(xp: Any, loss: Any, z: Any, p: Any, stats: Any, labels: Any) -> None:
    if not z.size:
        loss[...] = math.nan
        return
    at, outside = _positions(xp, labels, z.shape[-1])
    high, log_sum = stats.reshape(2, -1)
    each = z.reshape(-1)[at]
    each -= high
    out = loss.reshape(-1)
    xp.subtract(log_sum, each, out=out)
    if outside is not None:
        out[outside] = math.nan


def _sparse_grad(xp: Any, dz: Any, g: Any, p: Any, labels: Any) -> None:
    if not p.size:
        return
    at, outside = _positions(xp, labels, p.shape[-1])
    dz[...] = p
    flat = dz.reshape(-1)
    flat[at] -= number(xp, 1.0, p.dtype)  # one place a row, none twice
    dz *= g[..., None]
    if outside is not None:
        dz.reshape(-1, dz.shape[-1])[outside] = math.nan


SPARSE_CATEGORICAL_CROSSENTROPY_GRAD = Op("sparse_categorical_crossentropy_grad", lambda g, p, t: ((p.shape, p.dtype),), _sparse_grad, None,
                                          saves=(0, 1, 2), twice=True)  # fmt: skip
SPARSE_CATEGORICAL_CROSSENTROPY_GRAD.vjp = _per_row_grad_vjp(SPARSE_CATEGORICAL_CROSSENTROPY_GRAD, None)
SPARSE_CATEGORICAL_CROSSENTROPY = Op(
    "sparse_categorical_crossentropy",
    _sparse_infer,
    _sparse,
    lambda ctx, g: (ctx.grad(0, SPARSE_CATEGORICAL_CROSSENTROPY_GRAD, (g, ctx.input(1), ctx.input(3))), None, None, None),
    saves=(1, 3),
    twice=True,
)


# targets from labels, for cross-entropies of probabilities that did not come from softmax ---------------------------------------


def _label_rows(xp: Any, y: Any, labels: Any, classes: int, code: int) -> None:
    column = labels[..., None]
    xp.equal(column, xp.arange(classes), out=y)
    xp.copyto(y, y.dtype.type(math.nan), where=(column < 0) | (column >= classes) | (column != column))


LABEL_ROWS = Op("label_rows", lambda labels, classes, code: (((*labels.shape, classes), dtypes.FLOATS[code]),), _label_rows)


def one_device(target: TensorLike, output: TensorLike) -> tuple[Tensor, Tensor]:
    output = floating(as_tensor(output, target if isinstance(target, Tensor) else None))
    return as_tensor(target, output), output


def _last(x: Tensor, axis: int) -> Tensor:
    """The tensor with an axis moved to the end."""
    if axis == x.ndim - 1:
        return x
    order = [i for i in range(x.ndim) if i != axis] + [axis]
    return x.transpose(*order)


def _scores(output: Tensor, from_logits: bool, kind: str) -> tuple[Tensor, Tensor, Tensor] | None:
    """(scores, probabilities, statistics) if they are known: the output are scores, or it came from softmax."""
    if from_logits:
        p, stats = apply(SOFTMAX, (output,), (output.ndim - 1,))
        return output, p, stats
    origin = getattr(output, "origin", None)
    return (origin[1], output, origin[2]) if origin is not None and origin[0] == kind else None


def _log_probabilities(output: Tensor) -> Tensor:
    """log of probabilities, renormalised and kept away from 0 and 1 by `config.epsilon()`; finite for a row of zeros too."""
    total = sum_over(output, (output.ndim - 1,))
    total = where(equal(total, 0.0), 1.0, total)
    epsilon = config.epsilon()
    return log(clip(divide(output, total), epsilon, 1.0 - epsilon))


def _row_loss(target: Tensor, log_p: Tensor) -> Tensor:
    product = multiply(target, log_p)
    return negative(sum_over(product, (product.ndim - 1,)).reshape(product.shape[:-1]))


def categorical_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-sum(target * log(output)) over the classes: the cross-entropy of every row.

    Args:
        target: one-hot or soft targets, of output's shape; cast to its dtype.
        output: probabilities, which are divided by their sum and kept in [epsilon, 1 - epsilon]; or scores with `from_logits`.
            Probabilities straight from `softmax` are not clipped: the loss is computed from the scores, exactly.
        from_logits: whether output are scores before softmax. Default False.
        axis: the axis of the classes. Default: the last one.

    Returns:
        A tensor of output's shape without `axis`.

    Raises:
        ShapeError: if the shapes differ.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    Tensor([0.6931472], dtype=float32)
    """
    target, output = one_device(target, output)
    axis = one_axis("categorical_crossentropy", axis, output.ndim)
    if target.shape != output.shape:
        raise ShapeError(
            f"[categorical_crossentropy] target and output must have one shape. Received: target {target.shape}, output {output.shape}. "
            "Integer labels belong to sparse_categorical_crossentropy, or become one-hot rows by to_categorical."
        )
    target = _last(cast(target, output.dtype), axis)
    known = _scores(_last(output, axis), from_logits, "softmax")
    if target.requires_grad and known is not None:
        return _row_loss(target, log_softmax(known[0]))
    if known is not None:
        return apply(CATEGORICAL_CROSSENTROPY, (*known, target))  # type: ignore[no-any-return]
    return _row_loss(target, _log_probabilities(_last(output, axis)))


def sparse_categorical_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-log(output[label]): the cross-entropy of every row with its class number.

    Args:
        target: class numbers, of output's shape without `axis` (or with 1 there). A number outside 0 ... classes-1 gives NaN in its row.
        output: probabilities, or scores with `from_logits`, as for `categorical_crossentropy`.
        from_logits: whether output are scores before softmax. Default False.
        axis: the axis of the classes. Default: the last one.

    Returns:
        A tensor of output's shape without `axis`.

    Raises:
        ShapeError: if the shapes do not fit.

    >>> sparse_categorical_crossentropy([1, 2], [[0.5, 0.5], [0.5, 0.5]])
    Tensor([0.6931472,       nan], dtype=float32)
    """
    target, output = one_device(target, output)
    axis = one_axis("sparse_categorical_crossentropy", axis, output.ndim)
    shape = output.shape[:axis] + output.shape[axis + 1 :]
    if target.shape != shape:
        if target.shape != (*output.shape[:axis], 1, *output.shape[axis + 1 :]):
            raise ShapeError(
                "[sparse_categorical_crossentropy] target must have the output's shape without its axis of classes. "
                f"Received: target {target.shape}, output {output.shape}, axis={axis}. One-hot targets belong to categorical_crossentropy."
            )
        target = target.reshape(shape)
    target = target.detach()
    known = _scores(_last(output, axis), from_logits, "softmax")
    if known is not None:
        return apply(SPARSE_CATEGORICAL_CROSSENTROPY, (*known, target))  # type: ignore[no-any-return]
    rows = apply(LABEL_ROWS, (target,), (output.shape[axis], dtypes.FLOATS.index(output.dtype)))
    return _row_loss(rows, _log_probabilities(_last(output, axis)))


__all__ = ["categorical_crossentropy", "sparse_categorical_crossentropy"]

"""Bring channels to mean 0 and variance 1 over a batch: `batch_normalization`, its training form `batch_norm`, and `moments`.

The ops see channels last; another axis comes by views. Statistics are taken in two passes over pieces that stay in the cache, and pieces
are joined by their means (Chan, Golub, LeVeque 1983): never as E[x²] - E[x]², which fails where the mean is large.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd import apply
from ..dtypes import float32, float64
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike, mode
from ._common import as_tensor, cast, constant_like, floating, one_axis
from ._windows import images_at_once
from .mathematics import rsqrt
from .movement import moveaxis
from .reduce import mean, var

LONG = 1024  # numbers in a row that NumPy works on without noticing its own overhead


def statistics_dtype(dtype: Any) -> Any:
    """float32, for float64 float64."""
    return float64 if dtype == float64 else float32


class Pieces:
    """An array (..., C) as pieces of a few long rows, each row several times the channels."""

    def __init__(self, xp: Any, x: Any) -> None:
        c = x.shape[-1]
        self.xp, self.channels, self.count = xp, c, x.size // max(1, c)
        longer = LONG // max(1, c) if x.size > LONG * c else 1  # rows of c numbers each; folding little is not worth its calls
        self.fold = math.gcd(self.count, 1 << (longer.bit_length() - 1)) if longer else 1
        self.width = self.fold * c
        self.height = self.count // self.fold
        self.step = images_at_once(xp, 8 * self.width * x.itemsize)  # rows; small pieces, because several stay in the cache at once
        self.slices = [slice(i, min(i + self.step, self.height)) for i in range(0, self.height, self.step)]

    def rows(self, x: Any) -> Any:
        return self.xp.ascontiguousarray(x).reshape(self.height, self.width)

    def row(self, v: Any) -> Any:
        """A number per channel, or one for all, repeated along a row."""
        if not v.ndim or self.fold == 1:
            return v
        row = self.xp.empty((self.fold, self.channels), v.dtype)
        row[...] = v
        return row.reshape(-1)

    def sum(self, rows: Any) -> Any:
        """Channel by channel."""
        total = rows.sum(axis=0)
        return total if self.fold == 1 else total.reshape(self.fold, self.channels).sum(axis=0)


def channel_moments(xp: Any, x: Any) -> tuple[Any, Any]:
    """Mean and biased variance of every channel; 0 and 0 if there is nothing."""
    pieces = Pieces(xp, x)
    rows, n, c = pieces.rows(x), len(pieces.slices), pieces.channels
    if not pieces.count:
        return xp.zeros(c, x.dtype), xp.zeros(c, x.dtype)
    means, squares = xp.empty((n, c), x.dtype), xp.empty((n, c), x.dtype)
    off = xp.empty((min(pieces.step, pieces.height), pieces.width), x.dtype)
    for i, piece in enumerate(pieces.slices):
        some = rows[piece]
        d, count = off[: some.shape[0]], x.dtype.type(some.size // c)
        mean = pieces.sum(some) / count
        xp.subtract(some, pieces.row(mean), out=d)
        error = pieces.sum(d) / count  # of the rounded mean
        xp.multiply(d, d, out=d)
        squares[i] = pieces.sum(d) - count * error * error
        means[i] = mean + error
    if n == 1:
        return means[0], squares[0] / count
    weights = xp.full((n, 1), pieces.step * pieces.fold / pieces.count, x.dtype)
    weights[-1] = (pieces.height - (n - 1) * pieces.step) * pieces.fold / pieces.count
    mean = means[0] + ((means - means[0]) * weights).sum(axis=0)
    variance = squares.sum(axis=0) / x.dtype.type(pieces.count) + ((means - mean) ** 2 * weights).sum(axis=0)
    return mean, variance


def scale_and_shift(xp: Any, y: Any, x: Any, mean: Any, scale: Any, offset: Any) -> None:
    """y = (x - mean) scale + offset"""
    pieces = Pieces(xp, x)
    source, out = pieces.rows(x), y.reshape(pieces.height, pieces.width)
    mean, scale, offset = pieces.row(mean), pieces.row(scale), pieces.row(offset)
    for piece in pieces.slices:
        xp.subtract(source[piece], mean, out=out[piece])
        xp.multiply(out[piece], scale, out=out[piece])
        xp.add(out[piece], offset, out=out[piece])


def sums_of_gradient(xp: Any, g: Any, x: Any, mean: Any) -> tuple[Any, Any]:
    """Channel by channel, the sums of g and of g (x - mean)."""
    pieces = Pieces(xp, x)
    gs, xs, n, c = pieces.rows(g), pieces.rows(x), len(pieces.slices), pieces.channels
    plain, with_x = xp.zeros((n, c), x.dtype), xp.zeros((n, c), x.dtype)
    off, row = xp.empty((min(pieces.step, pieces.height), pieces.width), x.dtype), pieces.row(mean)
    for i, piece in enumerate(pieces.slices):
        d = off[: piece.stop - piece.start]
        xp.subtract(xs[piece], row, out=d)
        xp.multiply(d, gs[piece], out=d)
        plain[i], with_x[i] = pieces.sum(gs[piece]), pieces.sum(d)
    return plain.sum(axis=0), with_x.sum(axis=0)


# training form -----------------------------------------------------------------------------------------------------------------


def _channels(name: str, x: Any, **vectors: Any) -> None:
    """Every vector has one number per channel, or is one number."""
    for what, v in vectors.items():
        if v.shape not in ((), (x.shape[-1],)):
            raise ShapeError(f"[{name}] {what} must have shape ({x.shape[-1]},), one number per channel. Received: {v.shape}, x {x.shape}")


def _batch_norm_infer(x: Any, gamma: Any, beta: Any, *_: float) -> Any:
    _channels("batch_norm", x, gamma=gamma, beta=beta)
    statistics = (x.shape[-1:], statistics_dtype(x.dtype))
    return (x.shape, x.dtype), statistics, statistics


def _batch_norm(
    xp: Any, y: Any, mean: Any, rstd: Any, moving_mean: Any, moving_variance: Any, x: Any, gamma: Any, beta: Any, *attrs: float
) -> None:
    momentum, epsilon = attrs
    mean[...], variance = channel_moments(xp, x)
    rstd[...] = 1 / xp.sqrt(variance + x.dtype.type(epsilon))
    scale_and_shift(xp, y, x, mean, rstd * gamma, beta)
    if x.size:  # an empty batch says nothing
        for moving, now in ((moving_mean, mean), (moving_variance, variance)):
            moving *= moving.dtype.type(momentum)
            moving += (now * x.dtype.type(1 - momentum)).astype(moving.dtype)


def _batch_norm_grad(xp: Any, dx: Any, dgamma: Any, dbeta: Any, g: Any, x: Any, gamma: Any, mean: Any, rstd: Any) -> None:
    # dx = gamma rstd (g - sum(g) / M - (x - mean) rstd² sum(g (x - mean)) / M)
    total, with_x = sums_of_gradient(xp, g, x, mean)
    dbeta[...] = total
    dgamma[...] = with_x * rstd
    pieces = Pieces(xp, x)
    gs, xs, out = pieces.rows(g), pieces.rows(x), dx.reshape(pieces.height, pieces.width)
    count = x.dtype.type(max(1, pieces.count))
    scale = gamma * rstd
    slope, shift = -scale * rstd * rstd * with_x / count, -scale * total / count
    mean, scale, slope, shift = pieces.row(mean), pieces.row(scale), pieces.row(slope), pieces.row(shift)
    off = xp.empty((min(pieces.step, pieces.height), pieces.width), x.dtype)
    for piece in pieces.slices:
        d = off[: piece.stop - piece.start]
        xp.subtract(xs[piece], mean, out=d)
        xp.multiply(d, slope, out=d)
        xp.add(d, shift, out=d)
        xp.multiply(gs[piece], scale, out=out[piece])
        xp.add(out[piece], d, out=out[piece])


def _batch_norm_grad_infer(g: Any, x: Any, gamma: Any, *_: Any) -> Any:
    return (x.shape, x.dtype), (x.shape[-1:], gamma.dtype), (x.shape[-1:], gamma.dtype)


def normalized_gradient(g: Tensor, x: Tensor, gamma: Tensor, axes: tuple[int, ...], epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of ``gamma (x - mean) rstd + beta`` with statistics over `axes`, by ops that have a gradient themselves."""
    middle, variance = moments(x, axes, keepdims=True)
    rstd = rsqrt(variance + epsilon)
    normal, share = (x - middle) * rstd, g * gamma
    dx = rstd * (share - mean(share, axes, True) - normal * mean(share * normal, axes, True))
    return dx, g * normal, g


def _batch_norm_vjp(ctx: Any, g: Tensor | None, *_: None) -> Any:
    if g is None:
        return None, None, None
    x, gamma = ctx.input(0), ctx.input(1)
    if mode.grad:
        return normalized_gradient(g, x, gamma, tuple(range(x.ndim - 1)), ctx.attrs[1])
    return ctx.grads((0, 1, 2), BATCH_NORM_GRAD, (g, x, gamma, ctx.output(1), ctx.output(2)))


BATCH_NORM_GRAD = Op("batch_norm_grad", _batch_norm_grad_infer, _batch_norm_grad)
BATCH_NORM = Op("batch_norm", _batch_norm_infer, _batch_norm, _batch_norm_vjp, saves=(0, 1, "y1", "y2"), updates=2, twice=True)


def one_or(value: TensorLike | None, number: float, x: Tensor) -> Tensor:
    """A vector in the type of x's statistics, or a number in its place."""
    dtype = statistics_dtype(x.dtype)
    return constant_like(number, dtype, x.storage.backend) if value is None else cast(as_tensor(value, x), dtype)


def training_operands(
    name: str, x: TensorLike, gamma: TensorLike | None, beta: TensorLike | None, moving_mean: Any, moving_variance: Any, axis: int
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor], int]:
    """x with its channels last, the inputs of the op, and where the channels were."""
    x = floating(x)
    at = one_axis(name, axis, x.ndim)
    last = moveaxis(x, at, -1) if at != x.ndim - 1 else x
    for what, moving in (("moving_mean", moving_mean), ("moving_variance", moving_variance)):
        if not isinstance(moving, Tensor) or moving.shape != last.shape[-1:]:
            received = moving.shape if isinstance(moving, Tensor) else moving
            raise ShapeError(f"[{name}] {what} must be a tensor of shape {last.shape[-1:]}, one number a channel. Received: {received}")
    return last, (last, one_or(gamma, 1.0, x), one_or(beta, 0.0, x)), at


def batch_norm(
    x: TensorLike,
    gamma: TensorLike | None,
    beta: TensorLike | None,
    moving_mean: Tensor,
    moving_variance: Tensor,
    axis: int = -1,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
) -> Tensor:
    """``gamma (x - mean) / sqrt(variance + epsilon) + beta`` with the statistics of this batch, which also move the moving ones:
    ``moving = momentum moving + (1 - momentum) now``. The variance is the biased one, as in Keras.

    Args:
        x: floats of any shape; mean and variance are taken over all axes but `axis`.
        gamma, beta: (C,) or None: 1 and 0.
        moving_mean, moving_variance: (C,), not on the tape; written in place. An empty batch leaves them as they are.
        axis: the axis of channels. Default -1.
        momentum: what stays of the moving statistics. Default 0.99.
        epsilon: added to the variance. Default 1e-3.

    Returns:
        A tensor like x.

    Raises:
        ShapeError: if a vector does not have one number per channel.

    Source: Ioffe and Szegedy, Batch Normalization, 2015.

    >>> import gpudl
    >>> mean, variance = gpudl.zeros(1), gpudl.ones(1)
    >>> batch_norm([[1.0], [3.0]], None, None, mean, variance, momentum=0.5, epsilon=0.0)
    Tensor([[-1.],
            [ 1.]], dtype=float32)
    >>> mean
    Tensor([1.], dtype=float32)
    """
    last, ins, at = training_operands("batch_norm", x, gamma, beta, moving_mean, moving_variance, axis)
    y: Tensor = apply(BATCH_NORM, ins, (float(momentum), float(epsilon)), updates=(moving_mean, moving_variance))[0]
    return moveaxis(y, -1, at) if at != last.ndim - 1 else y


# with given statistics -----------------------------------------------------------------------------------------------------------


def _inference_infer(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, *_: float) -> Any:
    _channels("batch_normalization", x, mean=mean, variance=variance, scale=gamma, offset=beta)
    return ((x.shape, x.dtype),)


def _inference(xp: Any, y: Any, x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float) -> None:
    scale_and_shift(xp, y, x, mean, gamma / xp.sqrt(variance + variance.dtype.type(epsilon)), beta)


def _inference_grad_infer(g: Any, x: Any, mean: Any, variance: Any, gamma: Any, *_: float) -> Any:
    return (x.shape, x.dtype), *[(x.shape[-1:], v.dtype) for v in (mean, variance, gamma, gamma)]


def _inference_grad(
    xp: Any, dx: Any, dmean: Any, dvar: Any, dgamma: Any, dbeta: Any, g: Any, x: Any, mean: Any, variance: Any, gamma: Any, epsilon: float
) -> None:
    rstd = 1 / xp.sqrt(variance + variance.dtype.type(epsilon))
    scale = gamma * rstd
    total, with_x = sums_of_gradient(xp, g, x, mean)
    dbeta[...] = total
    dgamma[...] = with_x * rstd
    dmean[...] = -scale * total
    dvar[...] = scale * rstd * rstd * with_x / -2
    xp.multiply(g, scale, out=dx)


def inference_vjp(ctx: Any, g: Tensor) -> Any:
    x, mean, variance, gamma = [ctx.input(i) for i in range(4)]
    if not mode.grad:
        return ctx.grads((0, 1, 2, 3, 4), BATCH_NORM_INFERENCE_GRAD, (g, x, mean, variance, gamma), ctx.attrs[:1])
    rstd = rsqrt(variance + ctx.attrs[0])
    dx = g * (gamma * rstd)
    from_mean = dx * (x - mean)
    return dx, -dx, from_mean * rstd * rstd * -0.5, g * (x - mean) * rstd, g


BATCH_NORM_INFERENCE_GRAD = Op("batch_norm_inference_grad", _inference_grad_infer, _inference_grad)
BATCH_NORM_INFERENCE = Op("batch_norm_inference", _inference_infer, _inference, inference_vjp, saves=(0, 1, 2, 3), twice=True)


def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: int,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """``scale (x - mean) / sqrt(variance + epsilon) + offset``, channel by channel; differentiable in all of them.

    Args:
        x: floats of any shape.
        mean, variance: (C,).
        axis: the axis of the C channels.
        offset, scale: (C,) or None: 0 and 1.
        epsilon: added to the variance. Default 1e-3.

    Returns:
        A tensor like x.

    Raises:
        ShapeError: if a vector does not have one number per channel.

    >>> batch_normalization([[1.0, 4.0]], [0.0, 2.0], [1.0, 4.0], axis=-1, epsilon=0.0)
    Tensor([[1., 1.]], dtype=float32)
    """
    x = floating(x)
    at = one_axis("batch_normalization", axis, x.ndim)
    last = moveaxis(x, at, -1) if at != x.ndim - 1 else x
    vectors = one_or(mean, 0.0, x), one_or(variance, 1.0, x), one_or(scale, 1.0, x), one_or(offset, 0.0, x)
    y: Tensor = apply(BATCH_NORM_INFERENCE, (last, *vectors), (float(epsilon),))
    return moveaxis(y, -1, at) if at != x.ndim - 1 else y


# mean and variance over any axes -------------------------------------------------------------------------------------------------


def moments(x: TensorLike, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over `axes`.

    Args:
        x: floats of any shape.
        axes: an axis or several.
        keepdims: leave the axes in place with length 1. Default False.
        synchronized: must be False: there is one device.

    Returns:
        Two tensors without `axes`.

    >>> moments([[1.0, 2.0], [3.0, 6.0]], axes=0)
    (Tensor([2., 4.], dtype=float32), Tensor([1., 4.], dtype=float32))
    """
    if synchronized:
        raise NotImplementedError("[moments] synchronized=True is for several devices, which gpudl does not train on")
    x = floating(x)
    return mean(x, axes, keepdims), var(x, axes, keepdims)


__all__ = ["batch_norm", "batch_normalization", "moments"]

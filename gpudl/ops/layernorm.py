"""Bring every sample to mean 0 and variance 1 (`layer_normalization`), or to mean square 1 (`rms_normalization`), over any axes.

The ops see the normalised axes last, as rows; other orders come by views.
"""

from __future__ import annotations

import math
from typing import Any

from .. import config
from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike, mode
from ._common import as_tensor, cast, constant_like, floating, some_axes
from ._windows import images_at_once
from .mathematics import rsqrt
from .movement import transpose
from .normalization import normalized_gradient, statistics_dtype
from .reduce import mean as mean_of


def _lead(x: Any, axes: int) -> tuple[int, ...]:
    """The shape without its last `axes` axes, which become of length 1: it broadcasts against x."""
    return (*x.shape[: x.ndim - axes], *(1,) * axes)


def _turns(xp: Any, m: int, n: int, itemsize: int) -> list[slice]:
    """A few rows each; several such pieces stay in the cache."""
    step = images_at_once(xp, 8 * n * itemsize)
    return [slice(i, min(i + step, m)) for i in range(0, m, step)]


class Rows:
    """Arrays as (M, L): one row for each set of statistics, with means along rows by products, which are fast for short rows too."""

    def __init__(self, xp: Any, x: Any, axes: int) -> None:
        self.xp = xp
        self.n = math.prod(x.shape[x.ndim - axes :])
        self.m = math.prod(x.shape[: x.ndim - axes])
        self.turns = _turns(xp, self.m, self.n, x.itemsize)
        self.ones = xp.ones(self.n, x.dtype)
        self.share = x.dtype.type(1 / max(1, self.n))

    def flat(self, x: Any) -> Any:
        return self.xp.ascontiguousarray(x).reshape(self.m, self.n)

    def mean(self, rows: Any) -> Any:
        """(rows, 1)"""
        return (self.xp.matmul(rows, self.ones) * self.share)[:, None]

    def vector(self, v: Any) -> Any:
        return v.reshape(self.n) if v.ndim else v


def _infer(name: str) -> Any:
    def infer(x: Any, gamma: Any, *rest: Any) -> Any:
        axes = rest[-1]
        for what, v in (("gamma" if len(rest) == 3 else "scale", gamma), *((("beta", rest[0]),) if len(rest) == 3 else ())):
            if v.shape not in ((), x.shape[x.ndim - axes :]):
                raise ShapeError(f"[{name}] {what} must have shape {x.shape[x.ndim - axes :]}. Received: {v.shape}, x {x.shape}")
        statistics = (_lead(x, axes), statistics_dtype(x.dtype))
        return ((x.shape, x.dtype), *(statistics,) * (len(rest) - 1))

    return infer


def _layer_norm(xp: Any, y: Any, mean: Any, rstd: Any, x: Any, gamma: Any, beta: Any, epsilon: float, axes: int) -> None:
    rows = Rows(xp, x, axes)
    xs, ys, means, rstds = rows.flat(x), y.reshape(rows.m, rows.n), mean.reshape(-1, 1), rstd.reshape(-1, 1)
    gamma, beta = rows.vector(gamma), rows.vector(beta)
    for turn in rows.turns:
        d = ys[turn]
        middle = rows.mean(xs[turn])
        xp.subtract(xs[turn], middle, out=d)
        error = rows.mean(d)  # of the rounded mean
        means[turn] = middle + error
        d -= error
        rstds[turn] = 1 / xp.sqrt(rows.mean(d * d) + x.dtype.type(epsilon))
        d *= rstds[turn]
        d *= gamma
        d += beta


def _layer_norm_grad(xp: Any, dx: Any, dgamma: Any, dbeta: Any, g: Any, x: Any, gamma: Any, mean: Any, rstd: Any, axes: int) -> None:
    # with n = (x - mean) rstd and h = g gamma: dx = rstd (h - mean(h) - n mean(h n))
    rows = Rows(xp, x, axes)
    gs, xs, out, means, rstds = rows.flat(g), rows.flat(x), dx.reshape(rows.m, rows.n), mean.reshape(-1, 1), rstd.reshape(-1, 1)
    gamma, to_gamma, to_beta = rows.vector(gamma), dgamma.reshape(-1), dbeta.reshape(-1)
    to_gamma.fill(0)
    to_beta.fill(0)
    for turn in rows.turns:
        normal = (xs[turn] - means[turn]) * rstds[turn]
        to_beta += gs[turn].sum(axis=0)
        to_gamma += (gs[turn] * normal).sum(axis=0)
        h = gs[turn] * gamma
        normal *= rows.mean(h * normal)
        h -= rows.mean(h)
        h -= normal
        xp.multiply(h, rstds[turn], out=out[turn])


def _rms_norm(xp: Any, y: Any, rstd: Any, x: Any, scale: Any, epsilon: float, axes: int) -> None:
    rows = Rows(xp, x, axes)
    xs, ys, rstds, scale = rows.flat(x), y.reshape(rows.m, rows.n), rstd.reshape(-1, 1), rows.vector(scale)
    for turn in rows.turns:
        rstds[turn] = 1 / xp.sqrt(rows.mean(xs[turn] * xs[turn]) + x.dtype.type(epsilon))
        xp.multiply(xs[turn], rstds[turn], out=ys[turn])
        ys[turn] *= scale


def _rms_norm_grad(xp: Any, dx: Any, dscale: Any, g: Any, x: Any, scale: Any, rstd: Any, axes: int) -> None:
    # with n = x rstd and h = g scale: dx = rstd (h - n mean(h n))
    rows = Rows(xp, x, axes)
    gs, xs, out, rstds = rows.flat(g), rows.flat(x), dx.reshape(rows.m, rows.n), rstd.reshape(-1, 1)
    scale, to_scale = rows.vector(scale), dscale.reshape(-1)
    to_scale.fill(0)
    for turn in rows.turns:
        normal = xs[turn] * rstds[turn]
        to_scale += (gs[turn] * normal).sum(axis=0)
        h = gs[turn] * scale
        normal *= rows.mean(h * normal)
        h -= normal
        xp.multiply(h, rstds[turn], out=out[turn])


def _layer_norm_grad_infer(g: Any, x: Any, gamma: Any, mean: Any, rstd: Any, axes: int) -> Any:
    vector = (x.shape[x.ndim - axes :], gamma.dtype)
    return (x.shape, x.dtype), vector, vector


def _rms_norm_grad_infer(g: Any, x: Any, scale: Any, rstd: Any, axes: int) -> Any:
    return (x.shape, x.dtype), (x.shape[x.ndim - axes :], scale.dtype)


def _trailing(x: Tensor, axes: int) -> tuple[int, ...]:
    return tuple(range(x.ndim - axes, x.ndim))


def _layer_norm_vjp(ctx: Any, g: Tensor | None, *_: None) -> Any:
    if g is None:
        return None, None, None
    x, gamma, (epsilon, axes) = ctx.input(0), ctx.input(1), ctx.attrs
    if mode.grad:
        return normalized_gradient(g, x, gamma, _trailing(x, axes), epsilon)
    return ctx.grads((0, 1, 2), LAYER_NORM_GRAD, (g, x, gamma, ctx.output(1), ctx.output(2)), (axes,))


def _rms_norm_vjp(ctx: Any, g: Tensor | None, *_: None) -> Any:
    if g is None:
        return None, None
    x, scale, (epsilon, axes) = ctx.input(0), ctx.input(1), ctx.attrs
    if not mode.grad:
        return ctx.grads((0, 1), RMS_NORM_GRAD, (g, x, scale, ctx.output(1)), (axes,))
    along = _trailing(x, axes)
    rstd = rsqrt(mean_of(x * x, along, True) + epsilon)
    normal, share = x * rstd, g * scale
    return rstd * (share - normal * mean_of(share * normal, along, True)), g * normal


LAYER_NORM_GRAD = Op("layer_norm_grad", _layer_norm_grad_infer, _layer_norm_grad)
LAYER_NORM = Op("layer_norm", _infer("layer_normalization"), _layer_norm, _layer_norm_vjp, saves=(0, 1, "y1", "y2"), twice=True)
RMS_NORM_GRAD = Op("rms_norm_grad", _rms_norm_grad_infer, _rms_norm_grad)
RMS_NORM = Op("rms_norm", _infer("rms_normalization"), _rms_norm, _rms_norm_vjp, saves=(0, 1, "y1"), twice=True)


# user functions ----------------------------------------------------------------------------------------------------------------


def _normalize(name: str, op: Op, x: Tensor, axis: Any, epsilon: float | None, vectors: dict[str, tuple[Any, float]]) -> Tensor:
    axes = some_axes(name, axis, x.ndim)
    shape, dtype = tuple([x.shape[a] for a in axes]), statistics_dtype(x.dtype)
    neutral = [constant_like(number, dtype, x.storage.backend) for _, number in vectors.values()]
    given = [None if v is None else cast(as_tensor(v, x), dtype) for v, _ in vectors.values()]
    inside = all(v is None or v.shape == shape for v in given)  # of the op; else what broadcasts comes after it
    ins = [v if v is not None and inside else number for v, number in zip(given, neutral)]
    order = [*[a for a in range(x.ndim) if a not in axes], *axes]
    moved = order != sorted(order)
    attrs = (config.epsilon() if epsilon is None else float(epsilon), len(axes))
    y: Tensor = apply(op, (transpose(x, order) if moved else x, *ins), attrs)[0]
    if moved:
        y = transpose(y, sorted(range(x.ndim), key=order.__getitem__))
    if inside:
        return y
    for i, what in enumerate(vectors):
        v = given[i]
        if v is None:
            continue
        if v.ndim > x.ndim or any(n not in (1, m) for n, m in zip(v.shape[::-1], x.shape[::-1])):
            raise ShapeError(f"[{name}] {what} must have shape {shape}, or broadcast against x. Received: {what} {v.shape}, x {x.shape}")
        v = cast(v, x.dtype)
        y = y * v if i == 0 else y + v
    return y


def layer_normalization(
    x: TensorLike, gamma: TensorLike | None = None, beta: TensorLike | None = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    """``gamma (x - mean) / sqrt(variance + epsilon) + beta`` with mean and biased variance over `axis`, for each sample on its own.

    Args:
        x: floats of any shape.
        gamma, beta: of the shape that `axis` has in x, or anything that broadcasts against x, or None: 1 and 0.
        axis: an axis or several. Default -1.
        epsilon: added to the variance; default ``gpudl.config.epsilon()``.

    Returns:
        A tensor like x.

    Raises:
        ShapeError: if gamma or beta does not fit.

    Source: Ba, Kiros and Hinton, Layer Normalization, 2016.

    >>> layer_normalization([[1.0, 3.0]])
    Tensor([[-1.,  1.]], dtype=float32)
    """
    return _normalize("layer_normalization", LAYER_NORM, floating(x), axis, epsilon, {"gamma": (gamma, 1.0), "beta": (beta, 0.0)})


def rms_normalization(x: TensorLike, scale: TensorLike | None = None, axis: Any = -1, epsilon: float | None = None) -> Tensor:
    """``scale x / sqrt(mean(x²) + epsilon)`` with the mean over `axis`.

    Args:
        x: floats of any shape.
        scale: of the shape that `axis` has in x, or anything that broadcasts against x, or None: 1.
        axis: an axis or several. Default -1.
        epsilon: added to the mean square; default ``gpudl.config.epsilon()``.

    Returns:
        A tensor like x.

    Raises:
        ShapeError: if scale does not fit.

    Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.

    >>> rms_normalization([[3.0, 3.0, -3.0]])
    Tensor([[ 1.,  1., -1.]], dtype=float32)
    """
    return _normalize("rms_normalization", RMS_NORM, floating(x), axis, epsilon, {"scale": (scale, 1.0)})


__all__ = ["layer_normalization", "rms_normalization"]

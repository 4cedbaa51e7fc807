"""Shrink images and sequences window by window: `max_pool` and `average_pool`, 1-D and 2-D, with their gradients as ops.

Attributes of every op here: window R, S; strides; padding top, bottom, left, right; H, W of the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import floating
from ._windows import count, from_nhwc, images_at_once, layout, padding_mode, padding_of, per_axis, rank_of, taps, to_nhwc, two


def _taps(y: Any, attrs: tuple[int, ...]) -> Iterator[Any]:
    r, s, stride_h, stride_w, top, _, left, _, h, w = attrs
    return taps((h, w), y.shape[1:3], (r, s), (stride_h, stride_w), (top, left))


def _turns(xp: Any, x: Any) -> list[slice]:
    """Slices of a few images each."""
    n = x.shape[0]
    step = images_at_once(xp, x.nbytes // n) if n else 1
    return [slice(i, i + step) for i in range(0, n, step)]


def _places(r: int, s: int) -> np.dtype[Any]:
    """A type that can number the taps of a window."""
    return np.dtype(np.uint8 if r * s <= 255 else np.int32)


def _to_windows(x: Any, *attrs: int) -> Any:
    r, s, stride_h, stride_w, top, bottom, left, right, h, w = attrs
    n, c = x.shape[0], x.shape[3]
    return ((n, count(h, r, stride_h, 1, top, bottom), count(w, s, stride_w, 1, left, right), c), x.dtype)


def _to_input(g: Any, *rest: Any) -> Any:
    return (((g.shape[0], *rest[-2:], g.shape[3]), g.dtype),)


def _check(name: str, x: Any, attrs: tuple[int, ...]) -> None:
    r, s, stride_h, stride_w, top, bottom, left, right, h, w = attrs
    if h + top + bottom < r or w + left + right < s:
        raise ShapeError(
            f"[{name}] the window ({r}, {s}) is larger than its input ({h}, {w}); use padding='same' or a smaller pool_size. "
            f"Received: x {x.shape}, pool_size ({r}, {s}), strides ({stride_h}, {stride_w}), padding='valid'"
        )


# maximum: the place of the first maximum in its window is kept; NaN counts as the largest --------------------------------------


def _max_pool2d_infer(x: Any, *attrs: int) -> Any:
    _check("max_pool2d", x, attrs)
    y = _to_windows(x, *attrs)
    return y, (y[0], _places(attrs[0], attrs[1]))


def _max_pool2d(xp: Any, y: Any, index: Any, x: Any, *attrs: int) -> None:
    number, of = index.dtype.type, attrs[0] * attrs[1]
    steps = list(_taps(y, attrs))[::-1]  # last tap first, so that the first of equal ones stays
    y.fill(-np.inf)
    index.fill(0)
    for turn in _turns(xp, x):
        xs, ys, places = x[turn], y[turn], index[turn]
        for r, s, out, at in steps:
            new, best, place = xp.ascontiguousarray(xs[:, *at]), ys[:, *out], places[:, *out]
            better = new >= best
            better |= new != new
            xp.maximum(best, new, out=best)
            here = better.astype(index.dtype)
            here *= number(of - r * attrs[1] - s)  # grows from turn to turn, so that a maximum replaces the place: no masked copy
            xp.maximum(place, here, out=place)
        xp.subtract(number(of), places, out=places)


def _kept(here: Any, g: Any) -> Any:
    """g where `here`, else 0, also where g is NaN or inf: the product of its bits with 1 or 0, which is faster than a masked copy."""
    bits = np.dtype(f"u{g.itemsize}")
    return (g.view(bits) * here.astype(bits)).view(g.dtype)


def _max_pool2d_grad(xp: Any, dx: Any, g: Any, index: Any, *attrs: int) -> None:
    overlap = attrs[0] > attrs[2] or attrs[1] > attrs[3]
    dx.fill(0)
    for turn in _turns(xp, dx):
        gs, places, to = g[turn], index[turn], dx[turn]
        for r, s, out, at in _taps(g, attrs):
            here = _kept(places[:, *out] == r * attrs[1] + s, gs[:, *out])
            if overlap:
                xp.add(to[:, *at], here, out=to[:, *at])
            else:
                to[:, *at] = here


def _max_pool2d_take(xp: Any, y: Any, x: Any, index: Any, *attrs: int) -> None:
    for r, s, out, at in _taps(y, attrs):
        xp.copyto(y[:, *out], x[:, *at], where=index[:, *out] == r * attrs[1] + s)


def _max_pool2d_vjp(ctx: Any, g: Tensor | None, _: None) -> Any:
    return (None if g is None else ctx.grad(0, MAX_POOL2D_GRAD, (g, ctx.output(1)), ctx.attrs),)


def _max_pool2d_grad_vjp(ctx: Any, g: Tensor) -> Any:
    return ctx.grad(0, MAX_POOL2D_TAKE, (g, ctx.input(1)), ctx.attrs), None


def _max_pool2d_take_vjp(ctx: Any, g: Tensor) -> Any:
    return ctx.grad(0, MAX_POOL2D_GRAD, (g, ctx.input(1)), ctx.attrs), None


MAX_POOL2D_TAKE = Op(
    "max_pool2d_take", lambda x, index, *_: ((index.shape, x.dtype),), _max_pool2d_take, _max_pool2d_take_vjp, saves=(1,), twice=True
)
MAX_POOL2D_GRAD = Op("max_pool2d_grad", _to_input, _max_pool2d_grad, _max_pool2d_grad_vjp, saves=(1,), twice=True)
MAX_POOL2D = Op("max_pool2d", _max_pool2d_infer, _max_pool2d, _max_pool2d_vjp, saves=("y1",), twice=True)


# average: padding is not counted -----------------------------------------------------------------------------------------------


def _average_pool2d_infer(x: Any, *attrs: int) -> Any:
    _check("average_pool2d", x, attrs)
    return (_to_windows(x, *attrs),)


def _elements(xp: Any, size: int, windows: int, taps: int, stride: int, before: int, dtype: Any) -> Any:
    """How many elements of an axis each window holds."""
    start = xp.arange(windows) * stride - before
    return (xp.minimum(start + taps, size) - xp.maximum(start, 0)).astype(dtype)


def _counts(xp: Any, y: Any, attrs: tuple[int, ...]) -> Any:
    """How many elements of the image each window holds, to be broadcast against y."""
    r, s, stride_h, stride_w, top, bottom, left, right, h, w = attrs
    if top == bottom == left == right == 0:
        return y.dtype.type(r * s)
    rows = _elements(xp, h, y.shape[1], r, stride_h, top, y.dtype)
    columns = _elements(xp, w, y.shape[2], s, stride_w, left, y.dtype)
    return (rows[:, None] * columns)[:, :, None]


def _average_pool2d(xp: Any, y: Any, x: Any, *attrs: int) -> None:
    counts, steps = _counts(xp, y, attrs), list(_taps(y, attrs))
    y.fill(0)
    for turn in _turns(xp, x):
        xs, ys = x[turn], y[turn]
        for _, _, out, at in steps:
            xp.add(ys[:, *out], xs[:, *at], out=ys[:, *out])
        xp.divide(ys, counts, out=ys)


def _average_pool2d_grad(xp: Any, dx: Any, g: Any, *attrs: int) -> None:
    counts, steps = _counts(xp, g, attrs), list(_taps(g, attrs))
    dx.fill(0)
    for turn in _turns(xp, dx):
        shares, to = g[turn] / counts, dx[turn]
        for _, _, out, at in steps:
            xp.add(to[:, *at], shares[:, *out], out=to[:, *at])


def _average_pool2d_vjp(ctx: Any, g: Tensor) -> Any:
    return (ctx.grad(0, AVERAGE_POOL2D_GRAD, (g,), ctx.attrs),)


def _average_pool2d_grad_vjp(ctx: Any, g: Tensor) -> Any:
    return (ctx.grad(0, AVERAGE_POOL2D, (g,), ctx.attrs),)


AVERAGE_POOL2D_GRAD = Op("average_pool2d_grad", _to_input, _average_pool2d_grad, _average_pool2d_grad_vjp, twice=True)
AVERAGE_POOL2D = Op("average_pool2d", _average_pool2d_infer, _average_pool2d, _average_pool2d_vjp, twice=True)


# user functions ----------------------------------------------------------------------------------------------------------------


def _pool(name: str, op: Op, inputs: TensorLike, pool_size: Any, strides: Any, padding: Any, data_format: Any) -> Tensor:
    x = floating(inputs)
    rank, last = rank_of(name, x), layout(name, data_format)
    window = two(per_axis(name, pool_size, "pool_size", rank))
    stride = window if strides is None else two(per_axis(name, strides, "strides", rank))
    if not isinstance(padding, str):
        raise ValueError(f"[{name}] padding must be 'valid' or 'same'. Received: {padding!r}")
    x = to_nhwc(x, last)
    size = x.shape[1], x.shape[2]
    around = padding_of(padding_mode(name, padding, rank), size, window, stride, (1, 1))
    y = apply(op, (x,), (*window, *stride, *around, *size))
    return from_nhwc(y if isinstance(y, Tensor) else y[0], rank, last)


def max_pool(inputs: TensorLike, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None) -> Tensor:
    """The largest element of every window, channel by channel. NaN is larger than everything; the gradient goes to the first maximum.

    Args:
        inputs: (N, L, C) or (N, H, W, C), or channels second with ``data_format="channels_first"``.
        pool_size: size of the window, an integer or one for each spatial axis.
        strides: distance of windows; default: `pool_size`.
        padding: ``"valid"``: windows lie inside, P = (H - R) // stride + 1. ``"same"``: P = ceil(H / stride); what windows cover outside is
            not looked at.
        data_format: ``"channels_last"`` or ``"channels_first"``; default: ``gpudl.config.image_data_format()``.

    Returns:
        A tensor (N, P, C) or (N, P, Q, C), or with the channels second.

    Raises:
        ShapeError: if a window is larger than its input with ``padding="valid"``.

    >>> max_pool([[[1.0], [3.0], [2.0], [0.0]]], 2)
    Tensor([[[3.],
             [2.]]], dtype=float32)
    """
    return _pool("max_pool", MAX_POOL2D, inputs, pool_size, strides, padding, data_format)


def average_pool(inputs: TensorLike, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None) -> Tensor:
    """The mean of every window, channel by channel; with ``padding="same"`` over the elements that lie inside the input.

    Args:
        inputs: (N, L, C) or (N, H, W, C), or channels second with ``data_format="channels_first"``.
        pool_size: size of the window, an integer or one for each spatial axis.
        strides: distance of windows; default: `pool_size`.
        padding: ``"valid"`` or ``"same"``, as in `max_pool`.
        data_format: ``"channels_last"`` or ``"channels_first"``; default: ``gpudl.config.image_data_format()``.

    Returns:
        A tensor (N, P, C) or (N, P, Q, C), or with the channels second.

    Raises:
        ShapeError: if a window is larger than its input with ``padding="valid"``.

    >>> average_pool([[[1.0], [3.0], [2.0]]], 2, padding="same")
    Tensor([[[2.],
             [2.]]], dtype=float32)
    """
    return _pool("average_pool", AVERAGE_POOL2D, inputs, pool_size, strides, padding, data_format)


__all__ = ["average_pool", "max_pool"]

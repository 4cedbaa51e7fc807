"""Cases of max_pool and average_pool."""

from __future__ import annotations

import math

import numpy as np

from gpudl import ops
from gpudl.autograd import apply
from gpudl.errors import ShapeError
from gpudl.ops import pool
from gpudl.testing import Case


def distinct(shape):
    """Numbers at least 1/4 apart and exact in every dtype, so that no step of a difference changes which is the largest."""
    return lambda rng: [rng.permutation(math.prod(shape)).reshape(shape) / 4 - 8]


def normal(shape):
    return lambda rng: [rng.standard_normal(shape)]


def pooled(x, window, strides, same, of):
    """By definition, window by window: NHWC, `of` reduces the axes of a window."""
    n, h, w, c = x.shape
    around = []
    for size, taps, stride in zip((h, w), window, strides):
        p = -(-size // stride) if same else (size - taps) // stride + 1
        around.append((p, max((p - 1) * stride + taps - size, 0) // 2 if same else 0))
    (p, top), (q, left) = around
    y = np.empty((n, p, q, c))
    for i in range(p):
        for j in range(q):
            a, b = i * strides[0] - top, j * strides[1] - left
            seen = x[:, max(a, 0) : a + window[0], max(b, 0) : b + window[1]]
            y[:, i, j] = of(seen)
    return y


def oracle(of, window, strides=None, same=False, first=False):
    window = window if isinstance(window, tuple) else (window, window)
    strides = strides if isinstance(strides, tuple) else (strides, strides) if strides else window

    def run(x):
        rank = x.ndim - 2
        if first:
            x = np.moveaxis(x, 1, -1)
        y = pooled(x, window, strides, same, of) if rank == 2 else pooled(x[:, None], (1, window[1]), (1, strides[1]), same, of)[:, 0]
        return np.moveaxis(y, -1, 1) if first else y

    return run


def largest(a):
    return a.max((1, 2))


def mean(a):
    return a.mean((1, 2))


def cases(function, name, of, inputs):
    def one(what, shape, args, **options):
        keywords = {}
        if options.get("same"):
            keywords["padding"] = "same"
        if options.get("first"):
            keywords["data_format"] = "channels_first"
        return Case(f"{name}/{what}", lambda x: function(x, *args, **keywords), inputs(shape), oracle(of, *args, **options))

    return [
        one("2x2", (2, 6, 4, 3), (2,)),
        one("leaves a rest", (2, 7, 5, 17), (2,)),
        one("overlapping", (2, 7, 6, 2), (3, 2)),
        one("overlapping by more", (1, 6, 5, 2), ((3, 4), (1, 2))),
        one("gaps", (2, 9, 8, 2), (2, 3)),
        one("same", (2, 7, 6, 2), ((3, 2), (2, 1)), same=True),
        one("same, wide", (1, 5, 3, 2), (4, 3), same=True),
        one("same, even", (1, 4, 4, 1), (2,), same=True),
        one("channels first", (2, 3, 7, 6), (3, 2), first=True),
        one("channels first, same", (2, 3, 5, 4), (2,), same=True, first=True),
        one("1-D", (2, 9, 3), (2,)),
        one("1-D, same, overlapping", (2, 8, 3), (3, 2), same=True),
        one("1-D, channels first", (2, 3, 9), (2, 3), first=True),
        one("one pixel", (1, 1, 1, 1), (1,)),
        one("whole image", (2, 5, 4, 3), ((5, 4),)),
        one("empty batch", (0, 4, 4, 2), (2,)),
        one("no channels", (2, 4, 4, 0), (2,)),
    ]


def ones(*shape):
    return np.ones(shape, np.float32)


def take(x, other):
    """The gather that the gradient of the gradient of max_pool is made of."""
    attrs = (2, 2, 2, 2, 0, 0, 0, 0, 4, 6)
    return apply(pool.MAX_POOL2D_TAKE, (x, apply(pool.MAX_POOL2D, (other.detach(),), attrs)[1]), attrs)


def take_oracle(x, other):
    def blocks(a):
        return a.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(2, 2, 3, 3, 4)

    at = blocks(other).argmax(-1)
    return np.take_along_axis(blocks(x), at[..., None], -1)[..., 0]


def places(x):
    """Where max_pool found the maxima, as numbers of taps."""
    return apply(pool.MAX_POOL2D, (x,), (2, 2, 2, 2, 0, 0, 0, 0, 4, 6))[1]


def places_oracle(x):
    return x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(2, 2, 3, 3, 4).argmax(-1)  # the first; NaN is the largest


CASES = [
    *cases(ops.max_pool, "max_pool", largest, distinct),
    *cases(ops.average_pool, "average_pool", mean, normal),
    Case("max_pool/many taps", lambda x: ops.max_pool(x, 17, 1), distinct((1, 18, 18, 1)), oracle(largest, 17, 1),
         dtypes=("float32", "float64")),
    Case("max_pool/NaN, inf", lambda x: ops.max_pool(x, 3, 2, padding="same"),
         lambda rng: [np.array([1, np.nan, 3, 4, -np.inf, -np.inf, -np.inf, -np.inf, np.inf, 0]).reshape(1, 10, 1)],
         oracle(largest, 3, 2, True), differentiable=()),
    Case("average_pool/NaN, inf", lambda x: ops.average_pool(x, 2),
         lambda rng: [np.array([1, np.nan, 3, 4, np.inf, 1, np.inf, -np.inf]).reshape(1, 8, 1)], oracle(mean, 2), differentiable=()),
    Case("max_pool/first of equals", places, lambda rng: [rng.choice([0.0, 1.0, -1.0, np.nan, np.inf, -np.inf], (2, 4, 6, 3))],
         places_oracle, differentiable=()),
    Case("max_pool2d_take", take, lambda rng: [*normal((2, 4, 6, 3))(rng), *distinct((2, 4, 6, 3))(rng)], take_oracle, differentiable=(0,)),
    Case("max_pool/refused", lambda x: ops.max_pool(x, 1), normal((1, 2, 1)), lambda x: x, errors=(
        (lambda: ops.max_pool(ones(1, 3, 3, 1), 4), ShapeError, "the window (4, 4) is larger than its input (3, 3)"),
        (lambda: ops.average_pool(ones(1, 3, 1), 4), ShapeError, "larger than its input"),
        (lambda: ops.max_pool(ones(3, 3), 1), ShapeError, "[max_pool] inputs must have 3 axes (1-D) or 4 axes (2-D)"),
        (lambda: ops.max_pool(ones(1, 3, 3, 1), 0), ValueError, "[max_pool] pool_size must be at least 1"),
        (lambda: ops.max_pool(ones(1, 3, 3, 1), 2, (1, 0)), ValueError, "[max_pool] strides must be at least 1"),
        (lambda: ops.max_pool(ones(1, 3, 3, 1), (2, 2, 2)), ValueError, "[max_pool] pool_size must be an integer or 2 of them"),
        (lambda: ops.max_pool(ones(1, 3, 3, 1), 2.5), TypeError, "[max_pool] pool_size must be an integer"),
        (lambda: ops.average_pool(ones(1, 3, 3, 1), 2, padding="full"), ValueError, "Received: 'full'"),
        (lambda: ops.average_pool(ones(1, 3, 3, 1), 2, data_format="NHWC"), ValueError, "data_format must be"),
    )),
]  # fmt: skip

"""Cases of conv, conv_transpose, depthwise_conv and separable_conv, against their definitions written window by window."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case


def normal(*shapes):
    return lambda rng: [rng.standard_normal(s) for s in shapes]


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def same_padding(size, taps, stride, dilation):
    total = max((-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def convolved(x, k, strides=1, padding="valid", dilation_rate=1, groups=1):
    """NHWC by NHWC, one output pixel after the other."""
    (a, b), (e, f), (n, h, w, c), (r, s, _, filters) = pair(strides), pair(dilation_rate), x.shape, k.shape
    if padding == "same":
        padding = same_padding(h, r, a, e), same_padding(w, s, b, f)
    elif padding == "valid":
        padding = (0, 0), (0, 0)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    p, q = (x.shape[1] - (r - 1) * e - 1) // a + 1, (x.shape[2] - (s - 1) * f - 1) // b + 1
    y = np.zeros((n, p, q, filters))
    for i in range(p):
        for j in range(q):
            seen = x[:, i * a : i * a + (r - 1) * e + 1 : e, j * b : j * b + (s - 1) * f + 1 : f]
            for g in range(groups):
                mine = slice(g * filters // groups, (g + 1) * filters // groups)
                channels = slice(g * c // groups, (g + 1) * c // groups)
                y[:, i, j, mine] = np.einsum("nrsc,rsck->nk", seen[..., channels], k[..., mine])
    return y


def transposed(x, k, strides=1, padding="valid", dilation_rate=1, extra=None):
    """Every pixel adds the kernel times itself to a canvas; then the canvas is cut, or prolonged, to the size that Keras documents."""
    strides, steps = pair(strides), pair(dilation_rate)
    n, p, q, _ = x.shape
    reach = [(t - 1) * d + 1 for t, d in zip(k.shape[:2], steps)]
    most = [(size - 1) * s + 2 * t + 2 * s for size, t, s in zip((p, q), reach, strides)]
    canvas = np.zeros((n, *most, k.shape[2]))
    for i in range(p):
        for j in range(q):
            for r in range(k.shape[0]):
                for s in range(k.shape[1]):
                    canvas[:, i * strides[0] + r * steps[0], j * strides[1] + s * steps[1]] += x[:, i, j] @ k[r, s].T
    cut = []
    for size, t, s, more in zip((p, q), reach, strides, pair(extra)):
        if padding == "valid":
            cut.append(slice(0, (size - 1) * s + (max(t, s) if more is None else t + more)))
        elif more is None:
            before = max(t - s, 0) // 2
            cut.append(slice(before, before + size * s))
        else:
            before = t - 1 - min((t + t % 2 - 1 + more) // 2, t - 1)
            cut.append(slice(before, before + (size - 1) * s + t % 2 + more))
    return canvas[:, cut[0], cut[1]]


def in_1d(f):
    """A function of (N, L, C) and (S, C, K) from one of images."""

    def run(x, k, strides=1, padding="valid", dilation_rate=1, **options):
        if isinstance(padding, tuple):
            padding = ((0, 0), *padding)
        return f(x[:, None], k[None], (1, strides), padding, (1, dilation_rate), **options)[:, 0]

    return run


def first(f):
    """The same with channels second."""
    return lambda x, *rest, **options: np.moveaxis(f(np.moveaxis(x, 1, -1), *rest, **options), -1, 1)


def depthwise(x, k, *args, **options):
    return convolved(x, k.reshape(*k.shape[:2], 1, -1), *args, **options, groups=x.shape[-1])


def conv(what, x, k, strides=1, padding="valid", dilation_rate=1, of=convolved, **options):
    groups = (x[1] if what.startswith("channels first") else x[-1]) // k[-2]
    oracle = in_1d(of) if len(x) == 3 else of
    data_format = None
    if what.startswith("channels first"):
        oracle, data_format = first(oracle), "channels_first"
    return Case(
        f"conv/{what}", lambda a, b: ops.conv(a, b, strides, padding, data_format, dilation_rate), normal(x, k),
        lambda a, b: oracle(a, b, strides, padding, dilation_rate, groups=groups), rtol=32, atol=256, **options,
    )  # fmt: skip


def transpose(what, x, k, strides=1, padding="valid", output_padding=None, dilation_rate=1):
    oracle, data_format = (in_1d(transposed) if len(x) == 3 else transposed), None
    extra = (0, output_padding) if len(x) == 3 and output_padding is not None else output_padding
    if what == "channels first":
        oracle, data_format = first(oracle), "channels_first"
    return Case(
        f"conv_transpose/{what}", lambda a, b: ops.conv_transpose(a, b, strides, padding, output_padding, data_format, dilation_rate),
        normal(x, k), lambda a, b: oracle(a, b, strides, padding, dilation_rate, extra=extra), rtol=32, atol=256,
    )  # fmt: skip


def ones(*shape):
    return np.ones(shape, np.float32)


CASES = [
    conv("3x3", (2, 6, 5, 3), (3, 3, 3, 4)),
    conv("tails", (1, 5, 6, 17), (3, 2, 17, 19)),
    conv("1x1", (2, 4, 5, 3), (1, 1, 3, 4)),
    conv("1x1, strides", (2, 5, 5, 3), (1, 1, 3, 4), 2),
    conv("one channel", (3, 7, 6, 1), (3, 3, 1, 2)),
    conv("strides", (2, 8, 7, 2), (3, 2, 2, 3), (2, 3)),
    conv("strides, same", (2, 7, 8, 2), (3, 4, 2, 3), 2, "same"),
    conv("same", (2, 5, 6, 2), (3, 4, 2, 3), 1, "same"),
    conv("same, larger than the image", (1, 2, 3, 2), (5, 5, 2, 2), 1, "same"),
    conv("padding", (2, 5, 4, 2), (3, 3, 2, 3), 2, ((2, 1), (0, 3))),
    conv("dilation", (2, 8, 7, 2), (3, 3, 2, 3), 1, "valid", 2),
    conv("dilation, same", (1, 6, 7, 2), (3, 2, 2, 3), 1, "same", (2, 3)),
    conv("groups", (2, 5, 5, 6), (3, 3, 2, 9)),
    conv("groups of one channel", (2, 5, 5, 3), (3, 3, 1, 6), 1, "same"),
    conv("1-D", (2, 9, 3), (3, 3, 4)),
    conv("1-D, strides, same", (2, 8, 3), (3, 3, 4), 3, "same"),
    conv("1-D, dilation, padding", (2, 9, 3), (3, 3, 4), 1, ((4, 0),), 2),
    conv("channels first", (2, 3, 6, 5), (3, 3, 3, 4), 2, "same"),
    conv("channels first, 1x1", (2, 3, 4, 5), (1, 1, 3, 4)),
    conv("channels first, 1-D", (2, 3, 9), (3, 3, 4)),
    conv("one pixel", (1, 1, 1, 1), (1, 1, 1, 1)),
    conv("empty batch", (0, 4, 4, 2), (3, 3, 2, 3)),
    transpose("3x3", (2, 4, 3, 2), (3, 3, 4, 2)),
    transpose("strides", (2, 4, 3, 2), (3, 2, 4, 2), (2, 3)),
    transpose("strides, same", (2, 4, 3, 2), (3, 3, 4, 2), 2, "same"),
    transpose("even, same", (1, 3, 4, 2), (4, 4, 3, 2), 2, "same"),
    transpose("strides larger than the kernel", (1, 3, 4, 2), (2, 1, 3, 2), 3),
    transpose("strides larger than the kernel, same", (1, 3, 4, 2), (2, 1, 3, 2), 3, "same"),
    transpose("output padding", (1, 3, 4, 2), (3, 3, 3, 2), 2, "valid", 1),
    transpose("output padding, same", (1, 3, 4, 2), (3, 3, 3, 2), 2, "same", 1),
    transpose("dilation", (1, 3, 4, 2), (3, 2, 3, 2), 1, "same", None, 2),
    transpose("1x1", (2, 3, 4, 2), (1, 1, 3, 2)),
    transpose("1-D", (2, 5, 3), (3, 4, 3), 2, "same"),
    transpose("1-D, output padding", (2, 5, 3), (3, 4, 3), 3, "valid", 2),
    transpose("channels first", (2, 2, 4, 3), (3, 3, 4, 2), 2, "same"),
    transpose("empty batch", (0, 4, 4, 2), (3, 3, 3, 2)),
    Case("depthwise_conv", lambda a, b: ops.depthwise_conv(a, b, 1, "same"), normal((2, 6, 5, 3), (3, 3, 3, 2)),
         lambda a, b: depthwise(a, b, 1, "same"), rtol=32, atol=256),
    Case("depthwise_conv/strides", lambda a, b: ops.depthwise_conv(a, b, 2), normal((2, 7, 6, 5), (3, 2, 5, 1)),
         lambda a, b: depthwise(a, b, 2), rtol=32, atol=256),
    Case("depthwise_conv/one channel", lambda a, b: ops.depthwise_conv(a, b), normal((2, 4, 5, 1), (3, 2, 1, 3)),
         depthwise, rtol=32, atol=256),
    Case("depthwise_conv/1-D, dilation", lambda a, b: ops.depthwise_conv(a, b, 1, "valid", None, 2), normal((2, 7, 3), (3, 3, 2)),
         lambda a, b: in_1d(depthwise)(a, b, 1, "valid", 2), rtol=32, atol=256),
    Case("depthwise_conv/channels first", lambda a, b: ops.depthwise_conv(a, b, data_format="channels_first"),
         normal((2, 3, 5, 4), (3, 3, 3, 2)), first(depthwise), rtol=32, atol=256),
    Case("separable_conv", lambda a, b, c: ops.separable_conv(a, b, c, 2, "same"), normal((2, 6, 5, 3), (3, 3, 3, 2), (1, 1, 6, 4)),
         lambda a, b, c: depthwise(a, b, 2, "same") @ c[0, 0], rtol=64, atol=1024),
    Case("separable_conv/1-D", lambda a, b, c: ops.separable_conv(a, b, c), normal((2, 6, 3), (3, 3, 1), (1, 3, 2)),
         lambda a, b, c: in_1d(depthwise)(a, b) @ c[0], rtol=64, atol=1024),
    Case("conv/mixed dtypes", lambda a, b: ops.conv(a, ops.cast(b, "float64")), normal((1, 4, 4, 2), (3, 3, 2, 2)), convolved,
         dtypes=("float64",), rtol=32, atol=256),
    Case("conv/NaN, inf", lambda a, b: ops.conv(a, b),
         lambda rng: [np.array([[[1.0], [np.nan], [2.0], [3.0], [np.inf]]]), np.ones((2, 1, 1))],
         lambda a, b: np.array([[[np.nan], [np.nan], [5.0], [np.inf]]]), differentiable=()),
    Case("conv/refused", lambda a, b: ops.conv(a, b), normal((1, 1, 1), (1, 1, 1)), lambda a, b: a * b, errors=(
        (lambda: ops.conv(ones(8, 3, 2, 2), ones(5, 5, 2, 1)), ShapeError, "[conv2d] kernel (5, 5) is larger than its input (3, 2)"),
        (lambda: ops.conv(ones(1, 4, 4, 1), ones(3, 3, 1, 1), dilation_rate=2), ShapeError, "with dilation (2, 2) is larger"),
        (lambda: ops.conv(ones(1, 4, 4, 3), ones(3, 3, 2, 1)), ShapeError, "[conv] the input's channels must be divisible by the kernel's"),
        (lambda: ops.conv(ones(1, 4, 4, 4), ones(3, 3, 2, 3)), ShapeError, "the filters (the last one) by the number of groups"),
        (lambda: ops.conv(ones(1, 4, 4, 1), ones(3, 1, 1)), ShapeError, "inputs and kernel must have equally many axes"),
        (lambda: ops.conv(ones(4, 4), ones(3, 1)), ShapeError, "inputs must have 3 axes (1-D) or 4 axes (2-D)"),
        (lambda: ops.conv(ones(1, 4, 1), ones(3, 1, 0)), ShapeError, "no axis of a kernel may have size 0"),
        (lambda: ops.conv(ones(1, 4, 1), ones(3, 1, 1), strides=0), ValueError, "[conv] strides must be at least 1"),
        (lambda: ops.conv(ones(1, 4, 1), ones(3, 1, 1), strides=1.5), TypeError, "[conv] strides must be an integer"),
        (lambda: ops.conv(ones(1, 9, 1), ones(3, 1, 1), 2, dilation_rate=2), ValueError, "strides > 1 cannot be combined with dilation"),
        (lambda: ops.conv(ones(1, 4, 1), ones(3, 1, 1), padding="full"), ValueError, "Received: 'full'"),
        (lambda: ops.conv(ones(1, 4, 1), ones(3, 1, 1), padding=((-1, 0),)), ValueError, "padding must be at least 0"),
        (lambda: ops.conv(ones(1, 4, 1), ones(3, 1, 1), data_format="NCHW"), ValueError, "data_format must be"),
        (lambda: ops.conv_transpose(ones(1, 4, 2), ones(3, 1, 1)), ShapeError, "the kernel's last axis must be the input's channels"),
        (lambda: ops.conv_transpose(ones(1, 4, 1), ones(3, 1, 1), 2, output_padding=2), ValueError, "output_padding must be below strides"),
        (lambda: ops.conv_transpose(ones(1, 4, 1), ones(3, 1, 1), padding="full"), ValueError, "Received: 'full'"),
        (lambda: ops.conv_transpose(ones(1, 0, 1), ones(3, 1, 1), padding="same"), ShapeError, "nothing is left of the output"),
        (lambda: ops.depthwise_conv(ones(1, 4, 2), ones(3, 1, 1)), ShapeError, "[depthwise_conv] the kernel's last but one axis"),
        (lambda: ops.separable_conv(ones(1, 4, 2), ones(3, 2, 1), ones(2, 2, 1)), ShapeError, "[separable_conv] pointwise_kernel must be"),
    )),
]  # fmt: skip

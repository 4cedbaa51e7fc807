"""Cases of the fused ops, which no function of `gpudl.ops` calls: products and convolutions with bias and activation, forward and backward,
softmax with its cross-entropies."""

from __future__ import annotations

import numpy as np
from cases.conv import convolved

from gpudl.autograd import apply
from gpudl.errors import DTypeError, ShapeError
from gpudl.ops._correlate import Slide
from gpudl.ops.fused import (
    ACTIVATIONS,
    CONV2D_ACT_GRAD,
    CONV2D_BIAS,
    MATMUL_ACT_GRAD,
    MATMUL_BIAS,
    SOFTMAX_CROSSENTROPY,
    SOFTMAX_SPARSE_CROSSENTROPY,
)
from gpudl.tensors import Tensor
from gpudl.testing import Case

SLOPE = 0.25


def squash(z, act, slope=SLOPE):
    """The activation of a number."""
    return [z, np.maximum(z, 0), np.where(z > 0, z, slope * z), 1 / (1 + np.exp(-z)), np.tanh(z)][act]


def steepness(y, act, slope=SLOPE):
    """Its derivative, from its value y."""
    return [np.ones_like(y), (y > 0) * 1.0, np.where(y > 0, 1.0, slope), y * (1 - y), 1 - y * y][act]


def turned(x, transposed):
    return np.swapaxes(x, -1, -2) if transposed else x


def away(*shapes):
    """Normal numbers; the last array keeps off 0, where activations may have a kink."""

    def make(rng):
        *rest, last = [rng.standard_normal(s) for s in shapes]
        return *rest, last + np.copysign(0.1, last)

    return make


def outputs(y, act):
    """Numbers that the activation can give, away from kinks, from such as it cannot."""
    return 1 / (1 + np.exp(-y)) if act == 3 else np.tanh(y) if act == 4 else y


def dense(what, a, b, act=1, ta=False, tb=False, slope=SLOPE, **options):
    n = b[-2] if tb else b[-1]

    def make(rng):
        x, w, bias = rng.standard_normal(a), rng.standard_normal(b), rng.standard_normal(n)
        if x.size and w.size and act in (1, 2):  # no sum close to the kink
            z = turned(x, ta) @ turned(w, tb) + bias
            while np.abs(z).min() < 1e-3:
                bias += 0.01
                z = turned(x, ta) @ turned(w, tb) + bias
        return x, w, bias

    return Case(
        f"matmul_bias/{what}",
        lambda x, w, bias: apply(MATMUL_BIAS, (x, w, bias), (ta, tb, act, slope)),
        make,
        lambda x, w, bias: squash(turned(x, ta) @ turned(w, tb) + bias, act, slope),
        rtol=32,
        atol=64,
        **options,
    )


def dense_back(what, a, b, act=1, ta=False, tb=True, slope=SLOPE, **options):
    rows = [*a[:-2], a[-1] if ta else a[-2], b[-2] if tb else b[-1]]
    made = away(a, b, rows)

    def make(rng):
        g, w, y = made(rng)
        return g, w, outputs(y, act)

    def oracle(g, w, y):
        dz = turned(g, ta) @ turned(w, tb) * steepness(y, act, slope)
        return dz, dz.sum(tuple(range(dz.ndim - 1)))

    return Case(
        f"matmul_act_grad/{what}",
        lambda g, w, y: tuple(apply(MATMUL_ACT_GRAD, (g, w, y), (ta, tb, act, slope))),
        make,
        oracle,
        rtol=32,
        atol=options.pop("atol", 128),
        **options,
    )


def slide(x, k, stride=1, padding="valid", groups=1):
    h, w, r, s = x[1], x[2], k[0], k[1]
    around = ((r - 1) // 2, r // 2, (s - 1) // 2, s // 2) if padding == "same" else (0, 0, 0, 0)
    return Slide(stride, stride, *around, 1, 1, groups, h, w, r, s)


def conv(what, x, k, act=1, stride=1, padding="valid", groups=1):
    where = slide(x, k, stride, padding, groups)
    around = ((where.top, where.bottom), (where.left, where.right))

    def make(rng):
        a, b, bias = rng.standard_normal(x), rng.standard_normal(k), rng.standard_normal(k[-1])
        while a.size and act in (1, 2) and np.abs(convolved(a, b, stride, around, 1, groups) + bias).min() < 1e-3:
            bias += 0.01
        return a, b, bias

    return Case(
        f"conv2d_bias/{what}",
        lambda a, b, bias: apply(CONV2D_BIAS, (a, b, bias), (*where, act, SLOPE)),
        make,
        lambda a, b, bias: squash(convolved(a, b, stride, around, 1, groups) + bias, act),
        rtol=32,
        atol=256,
    )


def spread(g, k, where):
    """The transpose of `convolved` in x, as its matrix would do it: from the images of unit vectors."""
    n, c = len(g), k.shape[2] * where.groups
    units = np.eye(where.h * where.w * c).reshape(-1, where.h, where.w, c)
    around = ((where.top, where.bottom), (where.left, where.right))
    matrix = convolved(units, k, where.stride_h, around, 1, where.groups).reshape(len(units), -1)
    return (g.reshape(n, matrix.shape[1]) @ matrix.T).reshape(n, where.h, where.w, c)


def conv_back(what, x, k, act=1, stride=1, padding="valid", groups=1):
    where = slide(x, k, stride, padding, groups)
    made = away((x[0], *where.windows, k[-1]), k, x)

    def make(rng):
        g, w, y = made(rng)
        return g, w, outputs(y, act)

    def oracle(g, w, y):
        dz = spread(g, w, where) * steepness(y, act)
        return dz, dz.sum((0, 1, 2))

    return Case(
        f"conv2d_act_grad/{what}",
        lambda g, w, y: tuple(apply(CONV2D_ACT_GRAD, (g, w, y), (*where, act, SLOPE))),
        make,
        oracle,
        rtol=32,
        atol=512,
    )


def chances(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    total = e.sum(-1, keepdims=True)
    return e / total, np.stack([z.max(-1, keepdims=True), np.log(total)])


def with_loss(z, t):
    p, stats = chances(z)
    return p, (t * (stats[1] - (z - stats[0]))).sum(-1)


def with_sparse_loss(z, labels):
    p, stats = chances(z)
    loss = np.take_along_axis(stats[1] - (z - stats[0]), labels[..., None], -1)[..., 0]
    return p, loss


def ends(op):
    """Probabilities and losses; the statistics between them have no gradient, and no dtype but float32 and float64."""

    def call(z, target):
        p, _, loss = apply(op, (z, target.detach()))
        return p, loss

    return call


def scores(*shape):
    return lambda rng: [rng.standard_normal(shape), rng.random(shape)]


def classed(*shape, dtype="int32"):
    return lambda rng: [rng.standard_normal(shape), rng.integers(0, shape[-1], shape[:-1]).astype(dtype)]


def of_bad_labels():
    bad = np.array([0, 3, -1])
    p, stats = chances(FAR)
    return p, np.array([stats[1, 0, 0] - (FAR[0, 0] - stats[0, 0, 0]), np.nan, np.nan]), bad


FAR = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [0.0, 0.0, 0.0]])
SOFTMAX = ends(SOFTMAX_CROSSENTROPY)
SPARSE = ends(SOFTMAX_SPARSE_CROSSENTROPY)


def ones(*shape, dtype="float32"):
    return Tensor(np.ones(shape, dtype))


def bias_of(*operands, ta=False, tb=False, act=1, slope=SLOPE):
    return lambda: apply(MATMUL_BIAS, operands, (ta, tb, act, slope))


CASES = [
    *[dense(name, (5, 7), (7, 4), i) for i, name in enumerate(ACTIVATIONS)],
    *[dense(f"transposes {ta} {tb}", (7, 5) if ta else (5, 7), (4, 7) if tb else (7, 4), 1, ta, tb) for ta in (0, 1) for tb in (0, 1)],
    dense("steep", (5, 7), (7, 4), 2, slope=1.5),
    dense("flat", (5, 7), (7, 4), 2, slope=0.0),
    dense("tails", (17, 19), (19, 33)),
    dense("one number", (1, 1), (1, 1)),
    dense("batches", (2, 3, 5), (2, 5, 4)),
    dense("one matrix for all batches", (2, 3, 5), (5, 4), 4),
    dense("empty sum", (3, 0), (0, 4)),
    dense("no rows", (0, 5), (5, 4)),
    dense("no columns", (3, 5), (5, 0)),
    Case(
        "matmul_bias/NaN and infinity",
        lambda x, w, bias: apply(MATMUL_BIAS, (x, w, bias), (False, False, 2, SLOPE)),
        lambda rng: [np.array([[np.nan], [np.inf], [-np.inf], [0.0]]), np.ones((1, 3)), np.array([1.0, np.nan, -np.inf])],
        lambda x, w, bias: squash(x @ w + bias, 2),
        differentiable=(),
        errors=(
            (bias_of(ones(2, 3), ones(4, 5), ones(5)), ShapeError, "x1 (2, 3), x2 (4, 5)"),
            (bias_of(ones(2, 3), ones(3, 5), ones(4)), ShapeError, "bias must have shape (5,)"),
            (bias_of(ones(2, 3), ones(3, 5), ones(1)), ShapeError, "bias must have shape (5,)"),
            (bias_of(ones(2, 3), ones(3, 5), ones(5, dtype="float64")), DTypeError, "float64"),
            (bias_of(ones(2, 3, dtype="int32"), ones(3, 5, dtype="int32"), ones(5, dtype="int32")), DTypeError, "int32"),
            (bias_of(ones(2, 3), ones(3, 5), ones(5), act=5), ValueError, "act"),
            (bias_of(ones(2, 3), ones(3, 5), ones(5), act=2, slope=-0.5), ValueError, "negative"),
        ),
    ),
    *[dense_back(name, (5, 4), (7, 4), i) for i, name in enumerate(ACTIVATIONS)],
    *[dense_back(f"transposes {ta} {tb}", (7, 5) if ta else (5, 7), (4, 7) if tb else (7, 4), 4, ta, tb) for ta in (0, 1) for tb in (0, 1)],
    dense_back("flat", (5, 4), (7, 4), 2, slope=0.0),
    dense_back("many rows", (200, 3), (17, 3), atol=1024),
    dense_back("batches", (2, 3, 5), (2, 4, 5), 3),
    dense_back("empty sum", (3, 0), (4, 0)),
    dense_back("no rows", (0, 5), (4, 5)),
    dense_back("no columns", (3, 5), (0, 5)),
    Case(
        "matmul_act_grad/sums alone",
        lambda g, w, y: apply(MATMUL_ACT_GRAD, (g, w, y), (False, True, 4, 0.0))[1],
        lambda rng: [rng.standard_normal((5, 4)), rng.standard_normal((7, 4)), np.tanh(rng.standard_normal((5, 7)))],
        lambda g, w, y: (g @ w.T * (1 - y * y)).sum(0),
        rtol=32,
        atol=128,
        errors=(
            (
                lambda: apply(MATMUL_ACT_GRAD, (ones(5, 4), ones(7, 4), ones(5, 1)), (False, True, 1, 0.0)),
                ShapeError,
                "Received: y (5, 1), gradient (5, 7)",
            ),
        ),
    ),
    *[conv(name, (2, 5, 6, 3), (3, 3, 3, 4), i) for i, name in enumerate(ACTIVATIONS)],
    conv("strides, same", (2, 7, 8, 2), (3, 3, 2, 3), 1, 2, "same"),
    conv("1x1", (2, 4, 5, 3), (1, 1, 3, 4)),
    conv("groups", (2, 5, 5, 6), (3, 3, 2, 9), 1, 1, "valid", 3),
    conv("groups of one channel", (2, 5, 5, 3), (3, 3, 1, 6), 4, 1, "same", 3),
    conv("empty batch", (0, 4, 4, 2), (3, 3, 2, 3)),
    Case(
        "conv2d_bias/refused",
        lambda a, b, bias: apply(CONV2D_BIAS, (a, b, bias), (*slide((1, 4, 4, 2), (3, 3, 2, 3)), 0, 0.0)),
        lambda rng: [rng.standard_normal(s) for s in ((1, 4, 4, 2), (3, 3, 2, 3), (3,))],
        lambda a, b, bias: convolved(a, b) + bias,
        rtol=32,
        atol=256,
        errors=(
            (
                lambda: apply(CONV2D_BIAS, (ones(1, 4, 4, 2), ones(3, 3, 2, 3), ones(2)), (*slide((1, 4, 4, 2), (3, 3)), 0, 0.0)),
                ShapeError,
                "bias must have shape (3,)",
            ),
            (
                lambda: apply(CONV2D_BIAS, (ones(1, 2, 2, 2), ones(3, 3, 2, 3), ones(3)), (*slide((1, 2, 2, 2), (3, 3)), 0, 0.0)),
                ShapeError,
                "larger than its input",
            ),
        ),
    ),
    *[conv_back(name, (2, 5, 4, 3), (3, 3, 3, 4), i) for i, name in enumerate(ACTIVATIONS)],
    conv_back("strides, same", (2, 5, 6, 2), (3, 3, 2, 3), 1, 2, "same"),
    conv_back("1x1", (2, 4, 5, 3), (1, 1, 3, 4)),
    conv_back("groups of one channel", (2, 4, 4, 3), (3, 3, 1, 6), 4, 1, "same", 3),
    conv_back("empty batch", (0, 4, 4, 2), (3, 3, 2, 3)),
    Case("softmax_crossentropy", SOFTMAX, scores(5, 7), with_loss, differentiable=(0,)),
    Case("softmax_crossentropy/more axes", SOFTMAX, scores(2, 3, 17), with_loss, differentiable=(0,)),
    Case(
        "softmax_crossentropy/loss alone", lambda z, t: SOFTMAX(z, t)[1], scores(5, 3), lambda z, t: with_loss(z, t)[1], differentiable=(0,)
    ),
    Case("softmax_crossentropy/far apart", SOFTMAX, lambda rng: [FAR, np.eye(3)], with_loss, differentiable=()),
    Case("softmax_sparse_crossentropy", SPARSE, classed(5, 7), with_sparse_loss),
    Case("softmax_sparse_crossentropy/more axes", SPARSE, classed(2, 3, 17, dtype="uint8"), with_sparse_loss),
    Case("softmax_sparse_crossentropy/loss alone", lambda z, t: SPARSE(z, t)[1], classed(5, 3), lambda z, t: with_sparse_loss(z, t)[1]),
    Case(
        "softmax_sparse_crossentropy/labels outside",
        SPARSE,
        lambda rng: [FAR, of_bad_labels()[2]],
        lambda z, t: of_bad_labels()[:2],
        differentiable=(),
        errors=(
            (lambda: apply(SOFTMAX_SPARSE_CROSSENTROPY, (ones(5, 3), ones(4))), ShapeError, "target (4,), output (5, 3)"),
            (lambda: apply(SOFTMAX_CROSSENTROPY, (ones(5, 3), ones(5, 4))), ShapeError, "target (5, 4), output (5, 3)"),
        ),
    ),
]

"""Cases of batch, layer and RMS normalisation and of moments."""

from __future__ import annotations

import numpy as np

from gpudl import op, ops
from gpudl.autograd import apply
from gpudl.errors import ShapeError
from gpudl.testing import Case


def drawn(*shapes, mean=0.0):
    """Normal numbers, around `mean` in the first array."""
    return lambda rng: [rng.standard_normal(s) + (mean if i == 0 else 0.0) for i, s in enumerate(shapes)]


def along(x, v, axis):
    """A vector along one axis of x."""
    shape = [1] * x.ndim
    shape[axis] = -1
    return v.reshape(shape)


# batch norm --------------------------------------------------------------------------------------------------------------------


def batch_norm(axis=-1, momentum=0.75, epsilon=0.25, center=True, scale=True):
    """The layer's step; the moving statistics are copied first, because inputs of a case stay as they are."""

    def function(x, gamma, beta, moving_mean, moving_variance):
        mean, variance = apply(op.COPY, (moving_mean.detach(),)), apply(op.COPY, (moving_variance.detach(),))
        y = ops.batch_norm(x, gamma if scale else None, beta if center else None, mean, variance, axis, momentum, epsilon)
        return y, mean, variance

    def oracle(x, gamma, beta, moving_mean, moving_variance):
        axes = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
        if not x.size:
            return x, moving_mean, moving_variance
        mean, variance = x.mean(axes), x.var(axes)
        y = (x - along(x, mean, axis)) / np.sqrt(along(x, variance, axis) + epsilon)
        y = y * (along(x, gamma, axis) if scale else 1.0) + (along(x, beta, axis) if center else 0.0)
        return y, *[momentum * old + (1 - momentum) * new for old, new in ((moving_mean, mean), (moving_variance, variance))]

    return function, oracle


def trained(what, shape, axis=-1, mean=0.0, differentiable=(0, 1, 2), dtypes=None, rtol=64, atol=256, **options):
    """What is differentiable gives y alone: the statistics have no gradient, though they depend on x. Else y and the statistics."""
    c = shape[axis]
    all_of, oracle_of_all = batch_norm(axis, **options)
    function, oracle = all_of, oracle_of_all
    if differentiable:
        function, oracle = (lambda *ins: all_of(*ins)[0]), (lambda *ins: oracle_of_all(*ins)[0])
    return Case(f"batch_norm/{what}", function, drawn(shape, (c,), (c,), (c,), (c,), mean=mean), oracle, differentiable=differentiable,
                **({"dtypes": dtypes} if dtypes else {}), rtol=rtol, atol=atol)  # fmt: skip


def inference(axis=-1, epsilon=0.25, offset=True, scale=True):
    def function(x, mean, deviation, beta, gamma):
        return ops.batch_normalization(x, mean, deviation * deviation, axis, beta if offset else None, gamma if scale else None, epsilon)

    def oracle(x, mean, deviation, beta, gamma):
        y = (x - along(x, mean, axis)) / np.sqrt(along(x, deviation**2, axis) + epsilon)
        return y * (along(x, gamma, axis) if scale else 1.0) + (along(x, beta, axis) if offset else 0.0)

    return function, oracle


def given(what, shape, axis=-1, **options):
    function, oracle = inference(axis, **options)
    return Case(f"batch_normalization/{what}", function, drawn(shape, *[(shape[axis],)] * 4), oracle, rtol=128, atol=512)


# layer norm --------------------------------------------------------------------------------------------------------------------


def rest(axes, ndim):
    return tuple(a % ndim for a in (axes if isinstance(axes, tuple) else (axes,)))


def broadcast(x, v, axes):
    """A gamma or beta of the shape that the axes have, along them; anything else as it is."""
    kept = rest(axes, x.ndim)
    shape = [n if i in kept else 1 for i, n in enumerate(x.shape)]
    return v.reshape(shape) if v.shape == tuple(x.shape[a] for a in sorted(kept)) else v


def layered(what, shape, axis=-1, epsilon=0.25, vector=None, mean=0.0, **options):
    kept = rest(axis, len(shape))
    vector = tuple(shape[a] for a in sorted(kept)) if vector is None else vector
    n = max(1, int(np.prod([shape[a] for a in kept])))

    def oracle(x, gamma, beta):
        d = x - x.sum(kept, keepdims=True) / n
        return d / np.sqrt((d * d).sum(kept, keepdims=True) / n + epsilon) * broadcast(x, gamma, axis) + broadcast(x, beta, axis)

    return Case(f"layer_normalization/{what}", lambda x, gamma, beta: ops.layer_normalization(x, gamma, beta, axis, epsilon),
                drawn(shape, vector, vector, mean=mean), oracle, **({"rtol": 64, "atol": 512} | options))  # fmt: skip


def rms(what, shape, axis=-1, epsilon=0.25, vector=None):
    kept = rest(axis, len(shape))
    vector = tuple(shape[a] for a in sorted(kept)) if vector is None else vector
    n = max(1, int(np.prod([shape[a] for a in kept])))

    def oracle(x, scale):
        return x / np.sqrt((x * x).sum(kept, keepdims=True) / n + epsilon) * broadcast(x, scale, axis)

    return Case(f"rms_normalization/{what}", lambda x, scale: ops.rms_normalization(x, scale, axis, epsilon), drawn(shape, vector), oracle,
                rtol=64, atol=512)  # fmt: skip


def plain(x, axes):
    d = x - x.mean(axes, keepdims=True)
    return d / np.sqrt((d * d).mean(axes, keepdims=True) + 1e-7)


def ones(*shape):
    return np.ones(shape, np.float32)


def train(x, gamma=None, mean=None, axis=-1):
    return ops.batch_norm(x, gamma, None, ops.zeros(3) if mean is None else mean, ops.ones(3), axis)


CASES = [
    trained("images", (4, 3, 5, 3)),
    trained("rows", (16, 5)),
    trained("sequence", (4, 7, 3)),
    trained("channels first", (3, 4, 5, 6), axis=1),
    trained("first axis", (3, 5), axis=0),
    trained("tails", (37, 33)),
    trained("many rows", (6, 16, 16, 2), dtypes=("float32", "float64"), atol=2048),
    trained("wide", (3, 1030)),
    trained("no scale", (8, 3), scale=False),
    trained("no center", (8, 3), center=False),
    trained("neither", (4, 3, 2, 3), axis=1, center=False, scale=False),
    trained("one sample", (1, 4)),
    trained("one number", (1, 1)),
    trained("empty batch", (0, 4)),
    trained("statistics of images", (4, 3, 5, 3), differentiable=()),
    trained("statistics of channels first", (4, 3, 5, 2), axis=1, differentiable=()),
    trained("statistics of one sample", (1, 4), differentiable=()),
    trained("statistics of an empty batch", (0, 4), differentiable=()),
    trained("no channels", (4, 0)),
    # the mean itself is rounded to float32, by up to half a step of 2^-14, which is 512 units
    trained("mean 1000", (8, 16, 16, 3), mean=1000.0, differentiable=(), dtypes=("float32",), epsilon=0.0, rtol=1024, atol=1024),
    Case("batch_norm/NaN, inf", train, lambda rng: [np.array([[1.0, 2.0, 3.0], [np.inf, np.nan, 5.0]])],
         lambda x: np.array([[np.nan, np.nan, -1.0], [np.nan, np.nan, 1.0]]) / np.sqrt(1.001), differentiable=(), atol=64),
    given("images", (2, 3, 4, 3)),
    given("rows, tails", (7, 33)),
    given("channels first", (3, 4, 5, 2), axis=1),
    given("no offset", (6, 3), offset=False),
    given("no scale", (6, 3), scale=False),
    given("neither", (6, 3), offset=False, scale=False),
    given("one sample", (1, 2)),
    given("empty batch", (0, 3)),
    layered("rows", (4, 6)),
    layered("tails", (3, 5, 17)),
    layered("wide", (2, 1030)),
    layered("two axes", (3, 4, 5), (-2, -1)),
    layered("middle axis", (3, 4, 5), 1),
    layered("axes in another order", (3, 4, 5), (2, 0)),
    layered("all axes", (3, 4), (0, 1)),
    layered("vectors with all axes", (3, 4, 5), (1, 2), vector=(1, 4, 5)),
    layered("vectors that broadcast", (3, 4, 5), 1, vector=(4, 1)),
    layered("one number", (3, 1)),
    layered("empty batch", (0, 4)),
    layered("no elements", (4, 0)),
    layered("mean 1000", (5, 64), mean=1000.0, epsilon=0.0, differentiable=(), dtypes=("float32", "float64"), rtol=256, atol=2048),
    Case("layer_normalization/plain", ops.layer_normalization, drawn((5, 7)), lambda x: plain(x, 1), rtol=128, atol=512),
    Case("layer_normalization/gamma alone", lambda x, g: ops.layer_normalization(x, g), drawn((5, 7), (7,)),
         lambda x, g: plain(x, 1) * g, rtol=128, atol=512),
    Case("layer_normalization/beta alone", lambda x, b: ops.layer_normalization(x, beta=b, axis=0), drawn((5, 7), (5,)),
         lambda x, b: plain(x, 0) + b[:, None], rtol=128, atol=512),
    rms("rows", (4, 6)),
    rms("tails", (3, 5, 17)),
    rms("middle axis", (3, 4, 5), 1),
    rms("two axes", (3, 4, 5), (-1, -2)),
    rms("scale that broadcasts", (3, 4, 5), 1, vector=(4, 1)),
    rms("empty batch", (0, 4)),
    Case("rms_normalization/plain", ops.rms_normalization, drawn((5, 7)), lambda x: x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-7),
         rtol=128, atol=512),
    Case("moments/leading", lambda x: ops.moments(x, (0, 1)), drawn((4, 3, 5)), lambda x: (x.mean((0, 1)), x.var((0, 1))),
         rtol=64, atol=64),
    Case("moments/keepdims", lambda x: ops.moments(x, -1, keepdims=True), drawn((3, 17)),
         lambda x: (x.mean(1, keepdims=True), x.var(1, keepdims=True)), rtol=64, atol=64),
    Case("batch_norm/refused", lambda x: train(x), drawn((2, 3)), lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3),
         rtol=256, atol=512, errors=(
        (lambda: train(ones(2, 4)), ShapeError, "[batch_norm] moving_mean must be a tensor of shape (4,)"),
        (lambda: train(ones(2, 3), mean=[0.0, 0.0, 0.0]), ShapeError, "[batch_norm] moving_mean must be a tensor"),
        (lambda: train(ones(2, 3), ones(2)), ShapeError, "[batch_norm] gamma must have shape (3,), one number per channel. Received: (2,)"),
        (lambda: train(ones(2, 3), axis=2), ShapeError, "[batch_norm] axis 2 is out of range"),
        (lambda: ops.batch_normalization(ones(2, 3), ones(2), ones(3), -1), ShapeError, "[batch_normalization] mean must have shape (3,)"),
        (lambda: ops.layer_normalization(ones(2, 3), ones(2)), ShapeError, "[layer_normalization] gamma must have shape (3,), or"),
        (lambda: ops.layer_normalization(ones(2, 3), axis=5), ShapeError, "[layer_normalization] axis 5 is out of range"),
        (lambda: ops.rms_normalization(ones(2, 3), ones(1, 2, 3)), ShapeError, "[rms_normalization] scale must have shape (3,)"),
        (lambda: ops.moments(ones(2, 3), 0, synchronized=True), NotImplementedError, "synchronized"),
    )),
]  # fmt: skip

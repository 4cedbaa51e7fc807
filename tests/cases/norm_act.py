"""Cases of batch normalization with the activation in the same op."""

from __future__ import annotations

import numpy as np
from cases.norm import batch_norm, drawn, inference

from gpudl import op, ops
from gpudl.autograd import apply
from gpudl.errors import ShapeError
from gpudl.testing import Case


def bent(z, activation="relu", slope=0.2):
    return np.where(np.isnan(z) | (z > 0), z, z * slope if activation == "leaky_relu" else 0.0)


def step(axis=-1, momentum=0.75, epsilon=0.25, center=True, scale=True, **activation):
    """The layers' step; the moving statistics are copied first, because inputs of a case stay as they are."""

    def function(x, gamma, beta, moving_mean, moving_variance):
        mean, variance = apply(op.COPY, (moving_mean.detach(),)), apply(op.COPY, (moving_variance.detach(),))
        vectors = gamma if scale else None, beta if center else None
        y = ops.batch_norm_act(x, *vectors, mean, variance, axis=axis, momentum=momentum, epsilon=epsilon, **activation)
        return y, mean, variance

    plain = batch_norm(axis, momentum, epsilon, center, scale)[1]

    def oracle(*ins):
        z, mean, variance = plain(*ins)
        return bent(z, *activation.values()), mean, variance

    return function, oracle


def trained(what, shape, axis=-1, mean=0.0, differentiable=(0, 1, 2), dtypes=None, rtol=64, atol=256, **options):
    """What is differentiable gives y alone, else y and the statistics."""
    c = shape[axis]
    all_of, oracle_of_all = step(axis, **options)
    function, oracle = all_of, oracle_of_all
    if differentiable:
        function, oracle = (lambda *ins: all_of(*ins)[0]), (lambda *ins: oracle_of_all(*ins)[0])
    return Case(f"batch_norm_act/{what}", function, drawn(shape, (c,), (c,), (c,), (c,), mean=mean), oracle, differentiable=differentiable,
                **({"dtypes": dtypes} if dtypes else {}), rtol=rtol, atol=atol)  # fmt: skip


def given(what, shape, axis=-1, epsilon=0.25, offset=True, scale=True, **activation):
    def function(x, mean, deviation, beta, gamma):
        vectors = beta if offset else None, gamma if scale else None
        return ops.batch_normalization_act(x, mean, deviation * deviation, axis, *vectors, epsilon=epsilon, **activation)

    plain = inference(axis, epsilon, offset, scale)[1]
    return Case(f"batch_normalization_act/{what}", function, drawn(shape, *[(shape[axis],)] * 4),
                lambda *ins: bent(plain(*ins), *activation.values()), rtol=128, atol=512)  # fmt: skip


LEAKY = {"activation": "leaky_relu", "negative_slope": 0.3}
FALLING = {"activation": "leaky_relu", "negative_slope": -0.5}  # the sign of y says nothing then


def train(x, gamma=None, activation="relu", **options):
    return ops.batch_norm_act(x, gamma, None, ops.zeros(3), ops.ones(3), activation, **options)


def ones(*shape):
    return np.ones(shape, np.float32)


CASES = [
    trained("images", (4, 3, 5, 3)),
    trained("rows", (16, 5), **LEAKY),
    trained("channels first", (3, 4, 5, 6), axis=1, **LEAKY),
    trained("tails", (37, 33)),
    trained("falling", (12, 3), **FALLING),
    trained("many rows", (6, 16, 16, 2), dtypes=("float32", "float64"), atol=2048, **LEAKY),
    trained("wide", (3, 1030)),
    trained("no scale", (8, 3), scale=False),
    trained("no center", (8, 3), center=False, **LEAKY),
    trained("neither", (4, 3, 2, 3), axis=1, center=False, scale=False),
    trained("one number", (1, 1), dtypes=("float32", "float64")),
    trained("empty batch", (0, 4)),
    trained("no channels", (4, 0)),
    trained("statistics of images", (4, 3, 5, 3), differentiable=()),
    trained("statistics of channels first", (4, 3, 5, 2), axis=1, differentiable=(), **LEAKY),
    trained("statistics of an empty batch", (0, 4), differentiable=()),
    trained("mean 1000", (8, 16, 16, 3), mean=1000.0, differentiable=(), dtypes=("float32",), epsilon=0.0, rtol=1024, atol=1024),
    Case("batch_norm_act/NaN, inf", train, lambda rng: [np.array([[1.0, 2.0, 3.0], [np.inf, np.nan, 5.0]])],
         lambda x: np.array([[np.nan, np.nan, 0.0], [np.nan, np.nan, 1.0 / np.sqrt(1.001)]]), differentiable=(), atol=64),
    given("images", (2, 3, 4, 3)),
    given("rows, tails", (7, 33), **LEAKY),
    given("channels first", (3, 4, 5, 2), axis=1, **LEAKY),
    given("falling", (7, 3), **FALLING),
    given("neither", (6, 3), offset=False, scale=False),
    given("empty batch", (0, 3)),
    Case("batch_norm_act/refused", train, drawn((4, 3)), lambda x: bent((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)), rtol=256, atol=512,
         errors=(
        (lambda: train(ones(2, 4)), ShapeError, "[batch_norm_act] moving_mean must be a tensor of shape (4,)"),
        (lambda: train(ones(2, 3), ones(2)), ShapeError, "gamma must have shape (3,), one number per channel. Received: (2,)"),
        (lambda: train(ones(2, 3), axis=2), ShapeError, "[batch_norm_act] axis 2 is out of range"),
        (lambda: train(ones(2, 3), activation="tanh"), ValueError, "activation must be one of ['leaky_relu', 'relu']. Received: 'tanh'"),
        (lambda: ops.batch_normalization_act(ones(2, 3), ones(2), ones(3), -1), ShapeError, "mean must have shape (3,)"),
        (lambda: ops.batch_normalization_act(ones(2, 3), ones(3), ones(3), -1, activation="elu"), ValueError, "Received: 'elu'"),
    )),
]  # fmt: skip

"""Cases of softmax and log_softmax: axes, tails, large classes, outliers, NaN and infinity."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case


def normal(*shape, scale=1.0):
    return lambda rng: [rng.standard_normal(shape) * scale]


def oracle(axis=-1):
    def softmax(x):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    return softmax


def log_oracle(axis=-1):
    def log_softmax(x):
        shifted = x - x.max(axis=axis, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))

    return log_softmax


def empty(x):
    return np.zeros(x.shape)


OUTLIERS = np.array([[1e4, -1e4, 0.0, 9999.0], [-1e4, -1e4, -1e4, -1e4], [3.0, 3.0, 3.0, 3.0]])
SPECIAL = np.array([[0.0, np.nan, 1.0], [np.inf, 0.0, 1.0], [-np.inf, 0.0, 1.0], [-np.inf, -np.inf, -np.inf]])

CASES = [
    Case("softmax", ops.softmax, normal(5, 7), oracle()),
    Case("softmax/iris", ops.softmax, normal(32, 3), oracle()),
    Case("softmax/tails", ops.softmax, normal(3, 17), oracle()),
    Case("softmax/one axis", ops.softmax, normal(9), oracle()),
    Case("softmax/axis 0", lambda x: ops.softmax(x, axis=0), normal(5, 7), oracle(0)),
    Case("softmax/inner axis", lambda x: ops.softmax(x, axis=1), normal(3, 5, 4), oracle(1)),
    Case("softmax/two axes", lambda x: ops.softmax(x, axis=(1, 2)), normal(3, 5, 4), oracle((1, 2))),
    Case("softmax/one class", ops.softmax, normal(4, 1), oracle()),
    Case("softmax/many classes", ops.softmax, normal(2, 1031), oracle()),
    Case("softmax/no rows", ops.softmax, normal(0, 3), empty),
    Case("softmax/no classes", ops.softmax, normal(3, 0), empty),
    Case("softmax/outliers", ops.softmax, lambda rng: [OUTLIERS], oracle(), differentiable=()),
    Case("softmax/NaN and infinity", ops.softmax, lambda rng: [SPECIAL], oracle(), differentiable=(),
         errors=(
             (lambda: ops.softmax(np.zeros((2, 3)), axis=2), ShapeError, "axis 2"),
             (lambda: ops.softmax(1.0), ShapeError, "softmax"),
             (lambda: ops.softmax(np.zeros((2, 3)), axis=(0, 0)), ShapeError, "twice"),
             (lambda: ops.softmax(np.zeros(3), axis=0.5), TypeError, "integer"),
         )),
    Case("softmax/integers", lambda x: ops.softmax(x), lambda rng: [np.arange(6, dtype=np.int32).reshape(2, 3)],
         lambda x: oracle()(x.astype(float)).astype(np.float32), dtypes=(), rtol=4, atol=4),
    Case("log_softmax", ops.log_softmax, normal(5, 7), log_oracle()),
    Case("log_softmax/axis 0", lambda x: ops.log_softmax(x, axis=0), normal(5, 7), log_oracle(0)),
    Case("log_softmax/two axes", lambda x: ops.log_softmax(x, axis=(0, 2)), normal(3, 5, 4), log_oracle((0, 2))),
    Case("log_softmax/tails", ops.log_softmax, normal(3, 17), log_oracle()),
    Case("log_softmax/many classes", ops.log_softmax, normal(2, 1031), log_oracle()),
    Case("log_softmax/no rows", ops.log_softmax, normal(0, 3), empty),
    Case("log_softmax/no classes", ops.log_softmax, normal(3, 0), empty),
    Case("log_softmax/outliers", ops.log_softmax, lambda rng: [OUTLIERS], log_oracle(), differentiable=()),
    Case("log_softmax/NaN and infinity", ops.log_softmax, lambda rng: [SPECIAL], log_oracle(), differentiable=(),
         errors=((lambda: ops.log_softmax(np.zeros((2, 3)), axis=-3), ShapeError, "axis -3"),)),
]  # fmt: skip

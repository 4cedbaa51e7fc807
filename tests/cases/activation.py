"""Cases of activation functions."""

from __future__ import annotations

import numpy as np
import scipy.special

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case

WIDE = ("float32", "float64")
ODD = [np.nan, np.inf, 1000.0, -1000.0, 100.0, -100.0, 20.5, -20.5, 0.0, -0.0, 1e-4]


def these(*arrays):
    return lambda rng: [np.array(a) for a in arrays]


def off(*kinks):
    """Numbers in -4 ... 4 that keep away from kinks."""

    def inputs(rng):
        x = rng.uniform(-4, 4, (3, 17))
        for k in kinks:
            x = np.where(np.abs(x - k) < 0.05, k + 0.1, x)
        return [x]

    return inputs


def sigmoid(x):
    return scipy.special.expit(x)


def softplus(x):
    return np.logaddexp(x, 0.0)


def clip01(x):
    return np.clip(x, 0.0, 1.0)


def gelu(x):
    return x * scipy.special.ndtr(x)


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def halves(x):
    a, b = np.split(x, 2, -1)
    return a * sigmoid(b)


SELU = (1.0507009873554804934193349852946, 1.6732632423543772848170429916717)

FUNCTIONS = {  # name: (function, oracle, kinks, is odd numbers' value defined by the oracle?)
    "relu": (ops.relu, lambda x: np.maximum(x, 0), (0,), True),
    "relu6": (ops.relu6, lambda x: np.clip(x, 0, 6), (0, 6), True),
    "leaky_relu": (ops.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x), (0,), True),
    "leaky_relu/slope": (lambda x: ops.leaky_relu(x, 0.01), lambda x: np.where(x > 0, x, 0.01 * x), (0,), True),
    "elu": (ops.elu, elu, (0,), True),
    "elu/alpha": (lambda x: ops.elu(x, 0.5), lambda x: elu(x, 0.5), (0,), True),
    "selu": (ops.selu, lambda x: SELU[0] * elu(x, SELU[1]), (0,), True),
    "celu": (lambda x: ops.celu(x, 2.0), lambda x: np.maximum(x, 0) + np.minimum(2 * np.expm1(x / 2), 0), (0,), True),
    "gelu": (ops.gelu, gelu_tanh, (), False),
    "gelu/exact": (lambda x: ops.gelu(x, approximate=False), gelu, (), False),
    "sigmoid": (ops.sigmoid, sigmoid, (), True),
    "tanh": (ops.tanh, np.tanh, (), True),
    "hard_sigmoid": (ops.hard_sigmoid, lambda x: clip01(x / 6 + 0.5), (-3, 3), True),
    "softplus": (ops.softplus, softplus, (), True),
    "softsign": (ops.softsign, lambda x: x / (1 + np.abs(x)), (0,), False),
    "silu": (ops.silu, lambda x: x * sigmoid(x), (), True),
    "swish": (ops.swish, lambda x: x * sigmoid(x), (), True),
    "hard_silu": (ops.hard_silu, lambda x: x * clip01(x / 6 + 0.5), (-3, 3), True),
    "hard_swish": (ops.hard_swish, lambda x: x * clip01(x / 6 + 0.5), (-3, 3), True),
    "log_sigmoid": (ops.log_sigmoid, lambda x: -softplus(-x), (), True),
    "mish": (ops.mish, lambda x: x * np.tanh(softplus(x)), (), True),
    "threshold": (lambda x: ops.threshold(x, 0.5, -2.0), lambda x: np.where(x <= 0.5, -2.0, x), (0.5,), True),
    "hard_tanh": (ops.hard_tanh, lambda x: np.clip(x, -1, 1), (-1, 1), True),
    "hard_shrink": (ops.hard_shrink, lambda x: np.where(np.abs(x) <= 0.5, 0, x), (-0.5, 0.5), True),
    "soft_shrink": (ops.soft_shrink, lambda x: x - np.clip(x, -0.5, 0.5), (-0.5, 0.5), True),
    "tanh_shrink": (ops.tanh_shrink, lambda x: x - np.tanh(x), (), True),
    "squareplus": (ops.squareplus, lambda x: (x + np.sqrt(x * x + 4)) / 2, (), False),
    "squareplus/b": (lambda x: ops.squareplus(x, 0.5), lambda x: (x + np.sqrt(x * x + 0.5)) / 2, (), False),
    "sparse_plus": (ops.sparse_plus, lambda x: np.where(x >= 1, x, np.where(x <= -1, 0, (x + 1) ** 2 / 4)), (-1, 1), False),
    "step": (ops.step, lambda x: np.where(np.isnan(x), x, (x >= 0) * 1.0), (0,), True),
    "sparse_sigmoid": (ops.sparse_sigmoid, lambda x: clip01((x + 1) / 2), (-1, 1), True),
}


def typical():
    for name, (function, oracle, kinks, odd) in FUNCTIONS.items():
        yield Case(name, function, off(*kinks), oracle)
        yield Case(f"{name}{'/' if '/' not in name else ', '}no axes", function, these(0.7), oracle)
        if odd:
            yield Case(f"{name}{'/' if '/' not in name else ', '}odd numbers", function, these(ODD), oracle, dtypes=WIDE, differentiable=())


CASES = [
    *typical(),
    Case("relu/at 0", ops.relu, these([[0.0, -0.0]]), lambda x: np.maximum(x, 0), differentiable=()),
    Case("relu/empty", ops.relu, these(np.zeros((0, 3))), lambda x: x),
    Case("relu/tail of 1025", ops.relu, lambda rng: [rng.uniform(0.1, 1, 1025) * rng.choice([-1, 1], 1025)], lambda x: np.maximum(x, 0)),
    Case("sigmoid/empty", ops.sigmoid, these(np.zeros((0, 3))), lambda x: x),
    Case("sigmoid/small, to the last digit", ops.sigmoid, these([-30.0, -60.0, -10.0]), sigmoid, dtypes=WIDE, atol=0, differentiable=()),
    Case("softplus/small, to the last digit", ops.softplus, these([-30.0, -60.0, -10.0]), softplus, dtypes=WIDE, atol=0, differentiable=()),
    Case("squareplus/far", ops.squareplus, these([-1e4, 1e4, -300.0, 1e18]), lambda x: np.where(x < 0, 2 / (np.sqrt(x * x + 4) - x), (
        x + np.sqrt(x * x + 4)) / 2), dtypes=WIDE, atol=0, differentiable=()),
    Case("sparse_plus/far", ops.sparse_plus, these([np.nan, np.inf, -np.inf, 1e30]), lambda x: np.where(x < 0, 0, x), dtypes=WIDE,
         differentiable=()),
    Case("softsign/far", ops.softsign, these([1e30, -1e30, np.nan]), lambda x: x / (1 + np.abs(x)), dtypes=WIDE, differentiable=()),
    Case("gelu/far", lambda x: (ops.gelu(x), ops.gelu(x, False)), these([100.0, -100.0, 1e15, np.nan]),
         lambda x: (np.maximum(x, 0), np.maximum(x, 0)), dtypes=WIDE, differentiable=()),
    Case("glu", ops.glu, lambda rng: [rng.standard_normal((3, 18))], halves),
    Case("glu/first axis", lambda x: ops.glu(x, axis=0), lambda rng: [rng.standard_normal((4, 3))], lambda x: halves(x.T).T),
    Case("glu/empty", ops.glu, these(np.zeros((3, 0))), lambda x: x),
    Case("activation/integers", lambda x: (ops.relu(x), ops.sigmoid(x)), these(np.array([-1, 0, 2])),
         lambda x: (np.maximum(x, 0).astype("f4"), sigmoid(x.astype("f4"))), dtypes=(), differentiable=()),
    Case(
        "activation/refused",
        ops.relu,
        these([1.0, -1.0]),
        lambda x: np.maximum(x, 0),
        errors=(
            (lambda: ops.glu(np.zeros((2, 3), "f4")), ShapeError, "even length"),
            (lambda: ops.glu(np.zeros((2, 3), "f4"), axis=2), ShapeError, "axis 2"),
            (lambda: ops.celu(np.zeros(3, "f4"), alpha=0), ValueError, "alpha"),
            (lambda: ops.squareplus(np.zeros(3, "f4"), b=-1), ValueError, "positive"),
            (lambda: ops.soft_shrink(np.zeros(3, "f4"), -1.0), ValueError, "negative"),
        ),
    ),
]  # fmt: skip

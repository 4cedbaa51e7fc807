"""Cases of the optimizers' updates: Keras' arithmetic written out once more, flat, shaped, empty and longer than a block."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.autograd import apply
from gpudl.op import COPY
from gpudl.ops import cast, optim
from gpudl.testing import Case

RATE = 0.25  # a number that every float type holds


def run(function, slots, steps=False):
    """Update copies of the first 1 + slots operands; returns them."""

    def updated(*operands):
        copies = [apply(COPY, (t.detach(),)) for t in operands[: 1 + slots]]
        gradient, rate, *rest = [t.detach() for t in operands[1 + slots :]]
        function(*copies, gradient, cast(rate, "float64"), *(rest if steps else ()))
        return tuple(copies)

    return updated


def inputs(*shape, slots, steps=None):
    """Parameter, slots (averages of squares are not negative), gradient, rate, and for Adam the steps done."""

    def draw(rng):
        made = [rng.standard_normal(shape) for _ in range(1 + slots)]
        made = [m if i < 2 else np.abs(m) + 0.25 for i, m in enumerate(made)]
        return [*made, rng.standard_normal(shape), np.array(RATE), *([] if steps is None else [np.array(steps)])]

    return draw


def squares(*shape, slots):
    """The same with slots that are all averages of squares."""

    def draw(rng):
        return [rng.standard_normal(shape), *[rng.random(shape) + 0.25 for _ in range(slots)], rng.standard_normal(shape), np.array(RATE)]

    return draw


def momentum(by, nesterov):
    def oracle(p, m, g, rate):
        m = by * m - rate * g
        return p + (by * m - rate * g if nesterov else m), m

    return oracle


def adam(beta_1=0.9, beta_2=0.999, epsilon=1e-3, amsgrad=False):
    def oracle(p, m, v, *rest):
        high, g, rate, steps = (*rest,) if amsgrad else (None, *rest)
        t = steps + 1
        m = m + (1 - beta_1) * (g - m)
        v = v + (1 - beta_2) * (g * g - v)
        if amsgrad:
            high = np.maximum(high, v)
        p = p - rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(high if amsgrad else v) + epsilon)
        return (p, m, v, high) if amsgrad else (p, m, v)

    return oracle


def adadelta(rho=0.95, epsilon=1e-3):
    def oracle(p, a, d, g, rate):
        a = rho * a + (1 - rho) * g * g
        delta = -np.sqrt(d + epsilon) / np.sqrt(a + epsilon) * g
        return p + rate * delta, a, rho * d + (1 - rho) * delta**2

    return oracle


def sgd_momentum(by, nesterov):
    return run(lambda p, m, g, rate: ops.sgd_momentum_(p, m, g, rate, by, nesterov), 1)


SGD = run(ops.sgd_, 0)
ADAM = run(lambda p, m, v, g, rate, steps: ops.adam_(p, m, v, g, rate, steps, 0.9, 0.999, 1e-3), 2, steps=True)
AMSGRAD = run(lambda p, m, v, high, g, rate, steps: ops.adam_amsgrad_(p, m, v, high, g, rate, steps, 0.9, 0.999, 1e-3), 3, steps=True)
ADADELTA = run(lambda p, a, d, g, rate: ops.adadelta_(p, a, d, g, rate, 0.95, 1e-3), 2)
LONG = optim.BLOCK + 17
F = ("float32", "float64")


def case(name, function, draw, oracle, **options):
    return Case(name, function, draw, oracle, differentiable=(), **options)


CASES = [
    case("sgd_", SGD, inputs(33, slots=0), lambda p, g, rate: (p - rate * g,)),
    case("sgd_/shaped", SGD, inputs(3, 4, 5, slots=0), lambda p, g, rate: (p - rate * g,)),
    case("sgd_/no axes", SGD, inputs(slots=0), lambda p, g, rate: (p - rate * g,)),
    case("sgd_/empty", SGD, inputs(0, slots=0), lambda p, g, rate: (p,)),
    case("sgd_/long", SGD, inputs(LONG, slots=0), lambda p, g, rate: (p - rate * g,), dtypes=F),
    case("sgd_/NaN", SGD, lambda rng: [np.ones(3), np.array([np.nan, np.inf, 0.0]), np.array(RATE)], lambda p, g, rate: (p - rate * g,)),
    case("sgd_momentum_", sgd_momentum(0.9, False), inputs(33, slots=1), momentum(0.9, False)),
    case("sgd_momentum_/nesterov", sgd_momentum(0.9, True), inputs(33, slots=1), momentum(0.9, True)),
    case("sgd_momentum_/shaped", sgd_momentum(0.5, True), inputs(3, 17, slots=1), momentum(0.5, True)),
    case("sgd_momentum_/no axes", sgd_momentum(0.5, False), inputs(slots=1), momentum(0.5, False)),
    case("sgd_momentum_/long", sgd_momentum(0.9, True), inputs(LONG, slots=1), momentum(0.9, True), dtypes=F),
    case("adam_/first step", ADAM, inputs(33, slots=2, steps=0), adam(), rtol=64),
    case("adam_/later", ADAM, inputs(33, slots=2, steps=10_000), adam(), rtol=64),
    case("adam_/shaped", ADAM, inputs(3, 17, slots=2, steps=3), adam(), rtol=64),
    case("adam_/no axes", ADAM, inputs(slots=2, steps=3), adam(), rtol=64),
    case("adam_/long", ADAM, inputs(LONG, slots=2, steps=3), adam(), dtypes=F, rtol=64),
    case("adam_amsgrad_", AMSGRAD, inputs(33, slots=3, steps=3), adam(amsgrad=True), rtol=64),
    case("adam_amsgrad_/long", AMSGRAD, inputs(LONG, slots=3, steps=3), adam(amsgrad=True), dtypes=F, rtol=64),
    case("adadelta_", ADADELTA, squares(33, slots=2), adadelta(), rtol=64),
    case("adadelta_/shaped", ADADELTA, squares(3, 17, slots=2), adadelta(), rtol=64),
    case("adadelta_/no axes", ADADELTA, squares(slots=2), adadelta(), rtol=64),
    case("adadelta_/long", ADADELTA, squares(LONG, slots=2), adadelta(), dtypes=F, rtol=64),
    case("adadelta_/zeros", ADADELTA, lambda rng: [np.ones(3), np.zeros(3), np.zeros(3), np.zeros(3), np.array(RATE)], adadelta()),
]  # fmt: skip

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


def rmsprop(rho=0.9, momentum=0.0, centered=False, epsilon=1e-3):
    def oracle(p, v, *rest):
        *slots, g, rate = rest
        v = rho * v + (1 - rho) * g * g
        a = rho * slots[-1] + (1 - rho) * g if centered else 0.0
        step = rate * g / np.sqrt(v - a * a + epsilon)
        if not momentum:
            return (p - step, v, a) if centered else (p - step, v)
        m = momentum * slots[0] + step
        return (p - m, v, m, a) if centered else (p - m, v, m)

    return oracle


def rmsprop_(momentum=0.0, centered=False):
    def step(*operands):
        p, v, *slots, g, rate = operands
        m, a = slots[0] if momentum else None, slots[-1] if centered else None
        ops.rmsprop_(p, v, m, a, g, rate, 0.9, momentum, 1e-3)

    return run(step, 1 + bool(momentum) + centered)


def spread(*shape, slots):
    """v, then maybe m, then a whose square stays below v."""

    def draw(rng):
        made = [rng.standard_normal(shape), rng.random(shape) + 2.0, *[0.25 * rng.random(shape) for _ in range(slots - 1)]]
        return [*made, rng.standard_normal(shape), np.array(RATE)]

    return draw


def adagrad(p, a, g, rate):
    a = a + g * g
    return p - rate * g / np.sqrt(a + 1e-3), a


def adamax(p, m, u, g, rate, steps):
    m = m + 0.1 * (g - m)
    u = np.maximum(0.999 * u, np.abs(g))
    return p - rate / (1 - 0.9 ** (steps + 1)) * m / (u + 1e-3), m, u


def nadam(p, m, v, g, rate, steps, product):
    now, after = 0.9 * (1 - 0.5 * 0.96 ** (steps + 1)), 0.9 * (1 - 0.5 * 0.96 ** (steps + 2))
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    look = after * m / (1 - product * after) + (1 - now) * g / (1 - product)
    return p - rate * look / (np.sqrt(v / (1 - 0.999 ** (steps + 1))) + 1e-3), m, v


def nadam_inputs(*shape):
    draw = inputs(*shape, slots=2, steps=3)
    return lambda rng: [*draw(rng), np.array(0.25)]


def nadam_(p, m, v, g, rate, steps, product):
    ops.nadam_(p, m, v, g, rate, steps, cast(product, "float64"), 0.9, 0.999, 1e-3)


def nadam_product(product, steps):
    copy = apply(COPY, (cast(product.detach(), "float64"),))
    ops.nadam_product_(copy, steps, 0.9)
    return copy


def lion(p, m, g, rate):
    return p - rate * np.sign(0.9 * m + 0.1 * g), 0.99 * m + 0.01 * g


def ftrl(p, a, z, g, rate, power=-0.5, l1=0.125, l2=0.25, shrinkage=0.5, beta=0.125):
    n = a + g * g
    z = z + g + 2 * shrinkage * p - (n**-power - a**-power) / rate * p
    return (np.clip(z, -l1, l1) - z) / (n**-power / rate + 2 * l2 + beta / rate), n, z


def positive(*shape):
    return lambda rng: [rng.standard_normal(shape), rng.random(shape) + 0.25, rng.standard_normal(shape), rng.standard_normal(shape),
                        np.array(RATE)]  # fmt: skip


def norms(g):
    def short(part):
        return part * 0.5 / max(np.sqrt((part * part).sum()), 0.5)

    flat = np.array(g, copy=True).reshape(-1)
    flat[1:9], flat[9:20] = short(flat[1:9]), short(flat[9:20])
    return flat.reshape(g.shape)


def picked(rate, table, steps, first):
    copy = apply(COPY, (rate.detach(),))
    ops.pick_rate_(copy, table.detach(), steps, first)
    return copy


def fused_sgd(p, g, rate, factor):
    ops.sgd_fused_(p, g, rate, cast(factor, "float64" if p.dtype == "float64" else "float32"), 0.5, 0.125)


def fused_momentum(p, m, g, rate, factor):
    factor = cast(factor, "float64" if p.dtype == "float64" else "float32")
    ops.sgd_momentum_fused_(p, m, g, rate, 0.9, True, factor, 0.5, 0.125)


def fused_adam(p, m, v, g, rate, steps):
    ops.adam_fused_(p, m, v, g, rate, steps, 0.9, 0.999, 1e-3, None, 0.5, 0.125)


def fused_amsgrad(p, m, v, high, g, rate, steps):
    ops.adam_amsgrad_fused_(p, m, v, high, g, rate, steps, 0.9, 0.999, 1e-3, None, 0.5, 0.125)


def before(oracle, slots, own_factor=False):
    """Decay, a factor, a limit, and then the rule."""

    def both(p, *rest):
        held, (g, rate, *more) = rest[:slots], rest[slots:]
        factor = more.pop() if own_factor else 1.0
        return oracle(p - p * 0.125 * rate, *held, np.clip(g * factor, -0.5, 0.5), rate, *more)

    return both


def with_factor(draw, factor=0.75):
    return lambda rng: [*draw(rng), np.array(factor)]


SGD = run(ops.sgd_, 0)
ADAGRAD = run(lambda p, a, g, rate: ops.adagrad_(p, a, g, rate, 1e-3), 1)
ADAMAX = run(lambda p, m, u, g, rate, steps: ops.adamax_(p, m, u, g, rate, steps, 0.9, 0.999, 1e-3), 2, steps=True)
LION = run(lambda p, m, g, rate: ops.lion_(p, m, g, rate, 0.9, 0.99), 1)
FTRL = run(lambda p, a, z, g, rate: ops.ftrl_(p, a, z, g, rate, -0.5, 0.125, 0.25, 0.5, 0.125), 2)
DECAY = run(lambda p, g, rate: ops.decay_(p, rate, 0.5), 0)
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
    case("rmsprop_", rmsprop_(), spread(33, slots=1), rmsprop(), rtol=64),
    case("rmsprop_/long", rmsprop_(), spread(LONG, slots=1), rmsprop(), dtypes=F, rtol=64),
    case("rmsprop_/no axes", rmsprop_(), spread(slots=1), rmsprop(), rtol=64),
    case("rmsprop_/momentum", rmsprop_(0.5), spread(3, 17, slots=2), rmsprop(momentum=0.5), rtol=64),
    case("rmsprop_/centered", rmsprop_(0.0, True), spread(33, slots=2), rmsprop(centered=True), rtol=64),
    case("rmsprop_/centered, momentum", rmsprop_(0.5, True), spread(33, slots=3), rmsprop(momentum=0.5, centered=True), rtol=64),
    case("adagrad_", ADAGRAD, squares(33, slots=1), adagrad, rtol=64),
    case("adagrad_/shaped", ADAGRAD, squares(3, 17, slots=1), adagrad, rtol=64),
    case("adagrad_/no axes", ADAGRAD, squares(slots=1), adagrad, rtol=64),
    case("adagrad_/empty", ADAGRAD, squares(0, slots=1), adagrad, rtol=64),
    case("adamax_", ADAMAX, inputs(33, slots=2, steps=3), adamax, rtol=64),
    case("adamax_/first step, no axes", ADAMAX, inputs(slots=2, steps=0), adamax, rtol=64),
    case("nadam_", run(nadam_, 2, steps=True), nadam_inputs(33), nadam, rtol=64),
    case("nadam_/shaped", run(nadam_, 2, steps=True), nadam_inputs(3, 17), nadam, rtol=64),
    case("nadam_product_", nadam_product, lambda rng: [np.array(0.25), np.array(4)],
         lambda product, steps: product * 0.9 * (1 - 0.5 * 0.96**5), dtypes=("float64",), rtol=64),
    case("lion_", LION, inputs(33, slots=1), lion, rtol=64),
    case("lion_/long", LION, inputs(LONG, slots=1), lion, dtypes=F, rtol=64),
    case("ftrl_", FTRL, positive(33), ftrl, dtypes=F, rtol=1024),
    case("ftrl_/no axes", FTRL, positive(), ftrl, dtypes=F, rtol=1024),
    case("decay_", DECAY, inputs(33, slots=0), lambda p, g, rate: (p - p * 0.5 * rate,)),
    case("decay_/long", DECAY, inputs(LONG, slots=0), lambda p, g, rate: (p - p * 0.5 * rate,), dtypes=F),
    case("clip_norms", lambda g: ops.clip_norms(g.detach(), 0.5, 1, 9, 9, 20), lambda rng: [rng.standard_normal(21)], norms, rtol=64),
    case("clip_norms/short and shaped", lambda g: ops.clip_norms(g.detach(), 0.5, 1, 9, 9, 20),
         lambda rng: [0.01 * rng.standard_normal((3, 7))], norms, rtol=64),
    case("clip_norms/zeros", lambda g: ops.clip_norms(g.detach(), 0.5, 0, 4), lambda rng: [np.zeros(4)], lambda g: g),
    case("sgd_fused_", run(fused_sgd, 0, steps=True), with_factor(inputs(33, slots=0)),
         before(lambda p, g, rate: (p - rate * g,), 0, True)),
    case("sgd_fused_/long", run(fused_sgd, 0, steps=True), with_factor(inputs(LONG, slots=0)),
         before(lambda p, g, rate: (p - rate * g,), 0, True), dtypes=F),
    case("sgd_fused_/no axes", run(fused_sgd, 0, steps=True), with_factor(inputs(slots=0)),
         before(lambda p, g, rate: (p - rate * g,), 0, True)),
    case("sgd_fused_/nothing", run(lambda p, g, rate: ops.sgd_fused_(p, g, rate), 0),
         lambda rng: [np.array([np.inf, -0.0, 1.0]), np.array([1.0, 0.0, np.nan]), np.array(RATE)], lambda p, g, rate: (p - rate * g,)),
    case("sgd_momentum_fused_", run(fused_momentum, 1, steps=True), with_factor(inputs(3, 17, slots=1)),
         before(momentum(0.9, True), 1, True)),
    case("adam_fused_", run(fused_adam, 2, steps=True), inputs(33, slots=2, steps=3), before(adam(), 2), rtol=64),
    case("adam_fused_/long", run(fused_adam, 2, steps=True), inputs(LONG, slots=2, steps=3), before(adam(), 2), dtypes=F, rtol=64),
    case("adam_amsgrad_fused_", run(fused_amsgrad, 3, steps=True), inputs(33, slots=3, steps=3), before(adam(amsgrad=True), 3), rtol=64),
    case("square_sum", lambda g: cast(ops.square_sum(g.detach()), g.dtype), lambda rng: [rng.standard_normal((3, 50))],
         lambda g: (g * g).sum()),
    case("square_sum/long", lambda g: ops.square_sum(g.detach()), lambda rng: [rng.standard_normal(LONG)], lambda g: (g * g).sum(),
         dtypes=F),
    case("square_sum/empty", lambda g: ops.square_sum(g.detach()), lambda rng: [np.zeros((0, 3))], lambda g: 0.0 * g.sum(), dtypes=F),
    case("clip_factor", lambda t: ops.clip_factor(t.detach(), 2.5), lambda rng: [np.array(25.0)], lambda t: 2.5 / np.sqrt(t)),
    case("clip_factor/short", lambda t: ops.clip_factor(t.detach(), 2.0), lambda rng: [np.array(0.0)], lambda t: t + 1.0, dtypes=F),
    case("clip_factor/infinite", lambda t: ops.clip_factor(t.detach(), 2.0), lambda rng: [np.array(np.inf)], lambda t: t - t, dtypes=F),
    case("pick_rate_", picked, lambda rng: [np.array(0.0), rng.random(9), np.array(13), np.array(8)], lambda r, t, n, first: t[5],
         dtypes=("float64",)),
    case("pick_rate_/beyond", picked, lambda rng: [np.array(0.0), rng.random(9), np.array(93), np.array(8)], lambda r, t, n, first: t[8],
         dtypes=("float64",)),
]  # fmt: skip

"""Cases of what optimizers gather over steps, and of steps whose size follows from a whole parameter."""

from __future__ import annotations

import numpy as np
from cases.optim import LONG, RATE, F, case, inputs, run

from gpudl import ops
from gpudl.autograd import apply
from gpudl.op import COPY
from gpudl.ops import cast


def draw(*shape, more=()):
    return lambda rng: [rng.standard_normal(shape), rng.standard_normal(shape), *[np.array(x) for x in more]]


def updated(function, count=1):
    """Update copies of the first `count` operands in place; returns them, behind what the function returns."""

    def call(*operands):
        copies = [apply(COPY, (t.detach(),)) for t in operands[:count]]
        made = function(*copies, *[t.detach() for t in operands[count:]])
        return (*([] if made is None else [made]), *copies)

    return call


def average(a, p, steps):
    kept = 0.75 if steps else 0.0
    return (kept * a + (1 - kept) * p,)


def loss_scale(scale, count, finite):
    if not finite:
        return scale * 0.5, np.zeros_like(count)
    return (scale * 2, np.zeros_like(count)) if count >= 3 else (scale, count + 1)


def lamb(p, m, v, g, rate, steps):
    t = steps + 1
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    d = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-3)
    weight, length = np.sqrt((p * p).sum()), np.sqrt((d * d).sum())
    return p - rate * (weight / length if weight and length else 1.0) * d, m, v


def adafactor(p, *rest, relative=True):
    *slots, g, rate, steps = rest
    t = steps + 1.0
    kept, square = 1 - t**-0.8, g * g + 1e-30
    if len(slots) == 3:
        _, r, c = slots
        r, c = kept * r + (1 - kept) * square.mean(-1), kept * c + (1 - kept) * square.mean(-2)
        v = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
    else:
        v = kept * slots[0] + (1 - kept) * square
    d = g / np.sqrt(v)
    size = max(1e-3, np.sqrt((p * p).mean())) * min(rate, 1 / np.sqrt(t))
    p = p - size * d / max(1.0, np.sqrt((d * d).mean()) / 0.5)
    return (p, v, r, c) if len(slots) == 3 else (p, v)


def adafactor_(*operands):
    p, v, *averages, g, rate, steps = operands
    ops.adafactor_(p, v, tuple(averages), g, rate, steps, -0.8, 1e-30, 1e-3, 0.5, True)


def factored(*shape, steps):
    def made(rng):
        r, c = rng.random(shape[:-1]) + 0.25, rng.random((*shape[:-2], shape[-1])) + 0.25
        return [rng.standard_normal(shape), np.zeros(shape), r, c, rng.standard_normal(shape), np.array(RATE), np.array(steps)]

    return made


LAMB = run(lambda p, m, v, g, rate, steps: ops.lamb_(p, m, v, g, rate, steps, 0.9, 0.999, 1e-3), 2, steps=True)
ADAFACTOR, FACTORED = run(adafactor_, 1, steps=True), run(adafactor_, 3, steps=True)
AVERAGE = updated(lambda a, p, steps: ops.average_(a, p, steps, 0.75))
OVERWRITE = updated(lambda p, a, steps: ops.overwrite_(p, a, steps, 3))
MEAN = updated(lambda total, g: ops.mean_gradient_(total, g, 3))
ACCUMULATE = updated(ops.accumulate_)
SCALE = updated(lambda scale, count, finite: ops.loss_scale_(scale, count, cast(finite, "bool"), 4), 2)
UNDO = updated(lambda x, before, finite: ops.undo_(x, before, cast(finite, "bool")))


def finite(*xs):
    return np.array(all(np.isfinite(x).all() for x in xs))


CASES = [
    case("accumulate_", ACCUMULATE, draw(33), lambda total, g: (total + g,)),
    case("accumulate_/no axes", ACCUMULATE, draw(), lambda total, g: (total + g,)),
    case("accumulate_/long", ACCUMULATE, draw(LONG), lambda total, g: (total + g,), dtypes=F),
    case("mean_gradient_", MEAN, draw(3, 11), lambda total, g: ((total + g) / 3, np.zeros_like(g))),
    case("mean_gradient_/empty", MEAN, draw(0), lambda total, g: (g, g)),
    case("mean_gradient_/no axes", MEAN, draw(), lambda total, g: ((total + g) / 3, np.zeros_like(g))),
    case("mean_gradient_/long", MEAN, draw(LONG), lambda total, g: ((total + g) / 3, np.zeros_like(g)), dtypes=F),
    case("average_", AVERAGE, draw(33, more=(4,)), average),
    case("average_/first step", AVERAGE, draw(3, 11, more=(0,)), average),
    case("average_/no axes", AVERAGE, draw(more=(1,)), average),
    case("average_/long", AVERAGE, draw(LONG, more=(1,)), average, dtypes=F),
    case("overwrite_", OVERWRITE, draw(33, more=(5,)), lambda p, a, steps: (a,)),
    case("overwrite_/not yet", OVERWRITE, draw(33, more=(3,)), lambda p, a, steps: (p,)),
    case("overwrite_/no axes", OVERWRITE, draw(more=(2,)), lambda p, a, steps: (a,)),
    case("overwrite_/long", OVERWRITE, draw(LONG, more=(2,)), lambda p, a, steps: (a,), dtypes=F),
    case("all_finite", lambda *xs: ops.all_finite(*[x.detach() for x in xs]), draw(33), finite),
    case("all_finite/infinity", lambda *xs: ops.all_finite(*[x.detach() for x in xs]),
         lambda rng: [np.ones(3), np.array([1.0, np.inf])], finite),
    case("all_finite/NaN", lambda *xs: ops.all_finite(*[x.detach() for x in xs]), lambda rng: [np.array(np.nan), np.ones((2, 2))], finite),
    case("all_finite/empty", lambda *xs: ops.all_finite(*[x.detach() for x in xs]), lambda rng: [np.ones(0)], finite),
    case("all_finite/many", lambda *xs: ops.all_finite(*[x.detach() for x in xs]),
         lambda rng: [rng.standard_normal(n) for n in range(1, 19)] + [np.array([1.0, -np.inf])], finite),
    case("all_finite/long", lambda *xs: ops.all_finite(*[x.detach() for x in xs]), draw(LONG), finite, dtypes=F),
    case("all_finite/last of long", lambda *xs: ops.all_finite(*[x.detach() for x in xs]),
         lambda rng: [np.append(np.ones(LONG), np.nan), np.ones(3)], finite, dtypes=F),
    case("backup", lambda x: ops.backup(x.detach()), lambda rng: [rng.standard_normal((3, 5))], lambda x: x),
    case("undo_", UNDO, draw(33, more=(0,)), lambda x, before, finite: (before,)),
    case("undo_/finite", UNDO, draw(33, more=(1,)), lambda x, before, finite: (x,)),
    case("undo_/no axes, NaN", UNDO, lambda rng: [np.array(np.nan), np.array(1.5), np.array(0)], lambda x, before, finite: (before,)),
    case("undo_/long", UNDO, draw(LONG, more=(0,)), lambda x, before, finite: (before,), dtypes=F),
    case("loss_scale_", SCALE, lambda rng: [np.array(8.0), np.array(1), np.array(1)], loss_scale),
    case("loss_scale_/grows", SCALE, lambda rng: [np.array(8.0), np.array(3), np.array(1)], loss_scale),
    case("loss_scale_/shrinks", SCALE, lambda rng: [np.array(8.0), np.array(3), np.array(0)], loss_scale),
    case("lamb_", LAMB, inputs(33, slots=2, steps=3), lamb, rtol=256),
    case("lamb_/shaped, first step", LAMB, inputs(3, 17, slots=2, steps=0), lamb, rtol=256),
    case("lamb_/no axes", LAMB, inputs(slots=2, steps=3), lamb, rtol=256),
    case("lamb_/zeros", LAMB, lambda rng: [np.zeros(3), np.zeros(3), np.zeros(3), np.ones(3), np.array(RATE), np.array(0)], lamb, rtol=256),
    case("adafactor_", ADAFACTOR, lambda rng: [rng.standard_normal(33), rng.random(33) + 0.25, rng.standard_normal(33), np.array(RATE),
                                               np.array(3)], adafactor, rtol=256, dtypes=F),
    case("adafactor_/first step", ADAFACTOR, lambda rng: [rng.standard_normal(5), np.zeros(5), rng.standard_normal(5), np.array(RATE),
                                                          np.array(0)], adafactor, rtol=256, dtypes=F),
    case("adafactor_factored_", FACTORED, factored(3, 17, steps=3), adafactor, rtol=256, dtypes=F),
    case("adafactor_factored_/first step, three axes", FACTORED, factored(2, 3, 4, steps=0), adafactor, rtol=256, dtypes=F),
]  # fmt: skip

"""Cases of the counters: thresholds that are hit, several labels, weights, NaN, class numbers out of range, empty batches."""

from __future__ import annotations

import numpy as np
from cases.metric import add_to

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case

LIMITS = np.array([0.0, 0.25, 0.5, 0.75])


def confusion(counts, pred, target, limits, weights=1.0):
    weights = np.broadcast_to(np.asarray(weights, float), pred.shape)
    above = pred > limits[:, None, None]
    yes = target != 0
    return counts + np.stack([(weights * (a & b)).sum(1) for a, b in ((above, yes), (above, ~yes), (~above, ~yes), (~above, yes))])


def crosstable(ignored=None):
    def made(total, target, pred, weights=1.0):
        total = total.copy()
        for t, p, w in zip(target, pred, np.broadcast_to(np.asarray(weights, float), pred.shape)):
            if 0 <= t < len(total) and 0 <= p < len(total) and t != ignored:
                total[int(t), int(p)] += w
        return total

    return made


def inputs(n, labels, weighted=False, hits=False):
    def draw(rng):
        pred = rng.integers(0, 5, (n, labels)) / 4 if hits else rng.random((n, labels))
        made = [rng.random((4, len(LIMITS), labels)), pred, rng.integers(0, 2, (n, labels)), LIMITS]
        return [*made, rng.random((n, labels))] if weighted else made

    return draw


def classes(n, weighted=False, low=0, high=3):
    def draw(rng):
        made = [rng.random((3, 3)), rng.integers(low, high, n), rng.integers(low, high, n)]
        return [*made, rng.random(n)] if weighted else made

    return draw


def case(name, function, draw, oracle, **options):
    return Case(name, add_to(function), draw, oracle, dtypes=("float64",), differentiable=(), **options)


def table(total, target, pred, weights=None):
    ops.crosstable_(total, target, pred, weights)


def table_ignoring(total, target, pred, weights=None):
    ops.crosstable_(total, target, pred, weights, ignored=1)


CASES = [
    case("confusion_", ops.confusion_, inputs(33, 1), confusion),
    case("confusion_/several labels, weighted", ops.confusion_, inputs(17, 3, weighted=True), confusion, rtol=64),
    case("confusion_/on a limit", ops.confusion_, inputs(40, 2, hits=True), confusion),
    case("confusion_/empty", ops.confusion_, inputs(0, 2), confusion,
         errors=((lambda: ops.confusion_(ops.zeros((4, 4, 1), "float64"), ops.ones((3, 1)), ops.ones((3, 2)), ops.ones(4)), ShapeError,
                  "must have one shape"),)),
    case("confusion_/one number, one weight", ops.confusion_,
         lambda rng: [*inputs(1, 1)(rng), np.array(0.5)], confusion),
    case("confusion_/NaN and infinity", ops.confusion_,
         lambda rng: [np.zeros((4, 4, 1)), np.array([[np.nan], [np.inf], [-np.inf], [0.5]]), np.array([[1.0], [0.0], [2.0], [-1.0]]),
                      LIMITS], confusion),
    case("crosstable_", table, classes(33), crosstable()),
    case("crosstable_/weighted", table, classes(33, weighted=True), crosstable(), rtol=64),
    case("crosstable_/out of range", table, classes(33, weighted=True, low=-2, high=6), crosstable(), rtol=64),
    case("crosstable_/ignored", table_ignoring, classes(33), crosstable(1)),
    case("crosstable_/empty", table, classes(0), crosstable(),
         errors=((lambda: ops.crosstable_(ops.zeros((3, 3), "float64"), ops.ones(3), ops.ones(2)), ShapeError, "must have one shape"),)),
]  # fmt: skip

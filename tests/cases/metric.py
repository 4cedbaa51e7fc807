"""Cases of the accumulators: means and accuracies, weighted and not, ties, NaN, empty batches."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.autograd import apply
from gpudl.errors import ShapeError
from gpudl.op import COPY
from gpudl.testing import Case

START = np.array([10.0, 100.0])


def add_to(function):
    """Accumulate into a copy of the first operand."""

    def gathered(total, *rest):
        copy = apply(COPY, (total.detach(),))
        function(copy, *[t.detach() for t in rest])
        return copy

    return gathered


def mean(total, values, weights=None):
    values, weights = np.asarray(values, float), np.ones(()) if weights is None else np.asarray(weights, float)
    kept = max(weights.ndim, 1)
    values = values.reshape(*values.shape[:kept], -1).mean(-1) if values.ndim > kept else values
    weights = np.broadcast_to(weights, values.shape)
    below = np.prod(values.shape[1:]) if values.ndim else 1.0
    return total + np.array([(values * weights).sum() / below, weights.sum() / below])


def matches(kind):
    def gathered(total, pred, target, weights=None):
        wanted = target.argmax(-1) if kind == "categorical" else target
        found = (pred > 0.5) == target if kind == "binary" else pred.argmax(-1) == wanted
        weights = np.broadcast_to(1.0 if weights is None else weights, found.shape)
        if kind == "binary" and found.ndim > 1:
            return mean(total, found, weights[:, 0])
        return total + np.array([(found * weights).sum(), weights.sum()])

    return gathered


def rows(n, classes, weighted=False, labels=False):
    def draw(rng):
        target = rng.integers(0, classes, n)
        made = [START, rng.standard_normal((n, classes)), target if labels else np.eye(classes, dtype=np.float32)[target]]
        return [*made, rng.random(n)] if weighted else made

    return draw


def case(name, function, draw, oracle, **options):
    return Case(name, add_to(function), draw, oracle, dtypes=("float64",), differentiable=(), **options)


def narrow(dtype):
    """The mean of values in another dtype: the total stays float64."""
    return lambda total, values: ops.mean_(total, ops.cast(values, dtype))


CASES = [
    case("mean_", ops.mean_, lambda rng: [START, rng.standard_normal(33)], mean),
    case("mean_/number", ops.mean_, lambda rng: [START, np.array(2.5)], mean),
    case("mean_/number, weighed", lambda total, v: ops.mean_(total, v, 32), lambda rng: [START, np.array(2.5)],
         lambda total, v: total + np.array([2.5 * 32, 32])),
    case("mean_/two axes", ops.mean_, lambda rng: [START, rng.standard_normal((5, 7))], mean, rtol=64),
    case("mean_/weights", ops.mean_, lambda rng: [START, rng.standard_normal(33), rng.random(33)], mean, rtol=64),
    case("mean_/weights, two axes", ops.mean_, lambda rng: [START, rng.standard_normal((5, 7)), rng.random(5)], mean, rtol=64),
    case("mean_/weights of two axes", ops.mean_, lambda rng: [START, rng.standard_normal((5, 7, 2)), rng.random((5, 7))], mean, rtol=64),
    case("mean_/float32", narrow("float32"), lambda rng: [START, np.full(1001, 0.1)],
         lambda total, v: total + np.array([v.astype(np.float32).astype(float).sum(), 1001]), rtol=1024),
    case("mean_/bool", ops.mean_, lambda rng: [START, np.array([True, False, True])], mean),
    case("mean_/empty", ops.mean_, lambda rng: [START, np.zeros((0, 3))], lambda total, v: total),
    case("mean_/NaN", ops.mean_, lambda rng: [START, np.array([1.0, np.nan])], mean,
         errors=((lambda: ops.mean_(ops.zeros(2, "float64"), ops.ones(3), ops.ones(2)), ShapeError, "weights"),)),
    case("categorical_accuracy_", ops.categorical_accuracy_, rows(33, 3), matches("categorical")),
    case("categorical_accuracy_/weights", ops.categorical_accuracy_, rows(33, 3, weighted=True), matches("categorical"), rtol=64),
    case("categorical_accuracy_/ties", ops.categorical_accuracy_, lambda rng: [START, np.zeros((2, 3)), np.eye(3)[:2]],
         matches("categorical")),
    case("categorical_accuracy_/empty", ops.categorical_accuracy_, rows(0, 3), lambda total, p, t: total,
         errors=(
             (lambda: ops.categorical_accuracy_(ops.zeros(2, "float64"), ops.ones((3, 2)), ops.ones((2, 2))), ShapeError, "targets (2, 2)"),
         )),
    case("sparse_categorical_accuracy_", ops.sparse_categorical_accuracy_, rows(33, 3, labels=True), matches("sparse")),
    case("sparse_categorical_accuracy_/weights", ops.sparse_categorical_accuracy_, rows(33, 3, True, True), matches("sparse"), rtol=64),
    case("sparse_categorical_accuracy_/more axes", ops.sparse_categorical_accuracy_,
         lambda rng: [START, rng.standard_normal((2, 5, 3)), rng.integers(0, 3, (2, 5))], matches("sparse")),
    case("binary_accuracy_", lambda total, p, t: ops.binary_accuracy_(total, p, t, 0.5),
         lambda rng: [START, rng.random((33, 1)), rng.integers(0, 2, (33, 1)).astype(np.float32)], matches("binary")),
    case("binary_accuracy_/several outputs, weights", lambda total, p, t, w: ops.binary_accuracy_(total, p, t, 0.5, w),
         lambda rng: [START, rng.random((33, 4)), rng.integers(0, 2, (33, 4)), rng.random(33)],
         lambda total, p, t, w: mean(total, (p > 0.5) == t, w), rtol=64),
    case("binary_accuracy_/at the threshold", lambda total, p, t: ops.binary_accuracy_(total, p, t, 0.5),
         lambda rng: [START, np.array([0.5, 0.5, np.nan]), np.array([0, 1, 0])], matches("binary")),
    Case("mean_result", lambda total: ops.mean_result(total), lambda rng: [START], lambda total: np.array(0.1), dtypes=("float64",),
         differentiable=()),
    Case("mean_result/nothing yet", lambda total: ops.mean_result(total), lambda rng: [np.zeros(2)], lambda total: np.array(0.0),
         dtypes=("float64",), differentiable=()),
]  # fmt: skip

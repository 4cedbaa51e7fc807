"""Cases of the cross-entropies, from scores, from softmax and sigmoid, and from plain probabilities; of squared error and weighted sums."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.autograd import apply
from gpudl.errors import ShapeError
from gpudl.ops import crossentropy, loss
from gpudl.testing import Case

EPSILON = 1e-7


def log_softmax(z):
    shifted = z - z.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def one_hot(labels, classes):
    labels = np.asarray(labels)
    rows = (labels[..., None] == np.arange(classes)).astype(np.float64)
    rows[(labels < 0) | (labels >= classes) | (labels != labels)] = np.nan
    return rows


def from_scores(z, t):
    return -(t * log_softmax(z)).sum(-1)


def from_probabilities(p, t):
    total = p.sum(-1, keepdims=True)
    q = np.clip(p / np.where(total == 0, 1, total), EPSILON, 1 - EPSILON)
    return -(t * np.log(q)).sum(-1)


def sparse(function):
    def labelled(z, labels):
        each = function(z, np.nan_to_num(one_hot(labels, z.shape[-1])))
        return np.where((labels >= 0) & (labels < z.shape[-1]), each, np.nan)

    return labelled


def binary_scores(z, t):
    return np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))


def binary_probabilities(p, t):
    q = np.clip(p, EPSILON, 1 - EPSILON)
    return -(t * np.log(q) + (1 - t) * np.log(1 - q))


def scores(*shape):
    """Scores, and soft targets that do not sum to 1."""
    return lambda rng: [rng.standard_normal(shape), rng.random(shape)]


def classed(*shape, dtype=np.int32):
    return lambda rng: [rng.standard_normal(shape), rng.integers(0, shape[-1], shape[:-1]).astype(dtype)]


def chances(*shape):
    return lambda rng: [0.05 + 0.9 * rng.random(shape), rng.random(shape)]


def categorical(z, t):
    return ops.categorical_crossentropy(t, z, from_logits=True)


def of_softmax(z, t):
    return ops.categorical_crossentropy(t, ops.softmax(z))


def of_probabilities(p, t):
    return ops.categorical_crossentropy(t, p)


def sparse_of_scores(z, labels):
    return ops.sparse_categorical_crossentropy(labels, z, from_logits=True)


def sparse_of_softmax(z, labels):
    return ops.sparse_categorical_crossentropy(labels, ops.softmax(z))


def sparse_of_probabilities(p, labels):
    return ops.sparse_categorical_crossentropy(labels, p)


def binary_of_scores(z, t):
    return ops.binary_crossentropy(t, z, from_logits=True)


def binary_of_sigmoid(z, t):
    return ops.binary_crossentropy(t, ops.sigmoid(z))


def weighted(divisor):
    return lambda v, w: loss.weighted_sum(v, w.detach(), divisor)


BAD_LABELS = np.array([0, 3, -1, 2, 2**31 - 1, -(2**31)])
FAR = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [0.0, 0.0, 0.0]])
F = ("float32", "float64")

CASES = [
    # scores: only they are differentiated here, targets in cases of their own
    Case("categorical_crossentropy", categorical, scores(5, 7), from_scores, differentiable=(0,)),
    Case("categorical_crossentropy/iris", categorical, lambda rng: [rng.standard_normal((32, 3)), one_hot(rng.integers(0, 3, 32), 3)],
         from_scores, differentiable=(0,)),
    Case("categorical_crossentropy/more axes", categorical, scores(2, 3, 17), from_scores, differentiable=(0,)),
    Case("categorical_crossentropy/one row", categorical, scores(6), from_scores, differentiable=(0,)),
    Case("categorical_crossentropy/many classes", categorical, scores(2, 1031), from_scores, differentiable=(0,), atol=256, rtol=64),
    Case("categorical_crossentropy/no rows", categorical, scores(0, 3), from_scores, differentiable=(0,)),
    Case("categorical_crossentropy/target too", categorical, scores(5, 7), from_scores),
    Case("categorical_crossentropy/far apart", categorical, lambda rng: [FAR, np.eye(3)], from_scores, differentiable=()),
    Case("categorical_crossentropy/axis", lambda z, t: ops.categorical_crossentropy(t, z, from_logits=True, axis=1), scores(2, 5, 3),
         lambda z, t: from_scores(z.swapaxes(1, 2), t.swapaxes(1, 2)), differentiable=(0,),
         errors=(
             (lambda: ops.categorical_crossentropy([0, 1], [[0.5, 0.5], [0.5, 0.5]]), ShapeError, "to_categorical"),
             (lambda: ops.categorical_crossentropy(np.zeros((2, 3)), np.zeros((2, 3)), axis=2), ShapeError, "axis 2"),
         )),
    Case("categorical_crossentropy/of softmax", of_softmax, scores(5, 7), from_scores, differentiable=(0,)),
    Case("categorical_crossentropy/of softmax, target too", of_softmax, scores(5, 7), from_scores),
    Case("categorical_crossentropy/probabilities", of_probabilities, chances(5, 7), from_probabilities, dtypes=F, rtol=32),
    Case("categorical_crossentropy/probabilities clipped", of_probabilities,
         lambda rng: [np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), np.eye(3)], from_probabilities, dtypes=F,
         differentiable=(), rtol=32),
    # class numbers
    Case("sparse_categorical_crossentropy", sparse_of_scores, classed(5, 7), sparse(from_scores)),
    Case("sparse_categorical_crossentropy/int64", sparse_of_scores, classed(33, 3, dtype=np.int64), sparse(from_scores)),
    Case("sparse_categorical_crossentropy/uint8", sparse_of_scores, classed(4, 3, dtype=np.uint8), sparse(from_scores)),
    Case("sparse_categorical_crossentropy/more axes", sparse_of_scores, classed(2, 3, 17), sparse(from_scores)),
    Case("sparse_categorical_crossentropy/column of labels", lambda z, t: sparse_of_scores(z, t.reshape(5, 1)), classed(5, 7),
         sparse(from_scores)),
    Case("sparse_categorical_crossentropy/one row", sparse_of_scores, lambda rng: [rng.standard_normal(6), np.array(2)],
         sparse(from_scores)),
    Case("sparse_categorical_crossentropy/no rows", sparse_of_scores, classed(0, 3), lambda z, t: np.zeros(0)),
    Case("sparse_categorical_crossentropy/many classes", sparse_of_scores, classed(2, 1031), sparse(from_scores)),
    Case("sparse_categorical_crossentropy/outside", sparse_of_scores, lambda rng: [rng.standard_normal((6, 3)), BAD_LABELS],
         sparse(from_scores), differentiable=()),
    Case("sparse_categorical_crossentropy/no classes", sparse_of_scores, lambda rng: [np.zeros((2, 0)), np.array([0, 1])],
         lambda z, t: np.full(2, np.nan), differentiable=()),
    Case("sparse_categorical_crossentropy/float labels", lambda z, t: sparse_of_scores(z, t.detach()),
         lambda rng: [rng.standard_normal((4, 3)), np.array([0.0, 2.0, 3.0, np.nan])], sparse(from_scores), differentiable=()),
    Case("sparse_categorical_crossentropy/far apart", sparse_of_scores, lambda rng: [FAR, np.array([0, 0, 1])], sparse(from_scores),
         differentiable=()),
    Case("sparse_categorical_crossentropy/axis", lambda z, t: ops.sparse_categorical_crossentropy(t, z, from_logits=True, axis=1),
         lambda rng: [rng.standard_normal((2, 5, 3)), rng.integers(0, 5, (2, 3))],
         lambda z, t: sparse(from_scores)(z.swapaxes(1, 2), t),
         errors=(
             (lambda: ops.sparse_categorical_crossentropy(np.eye(3), np.eye(3)), ShapeError, "categorical_crossentropy"),
             (lambda: ops.sparse_categorical_crossentropy([0, 1, 2], np.zeros((2, 3))), ShapeError, "(3,)"),
         )),
    Case("sparse_categorical_crossentropy/of softmax", sparse_of_softmax, classed(5, 7), sparse(from_scores)),
    Case("sparse_categorical_crossentropy/probabilities", sparse_of_probabilities,
         lambda rng: [0.05 + 0.9 * rng.random((5, 7)), rng.integers(0, 7, 5)], sparse(from_probabilities), dtypes=F, rtol=32),
    Case("sparse_categorical_crossentropy/probabilities, outside", sparse_of_probabilities,
         lambda rng: [0.05 + 0.9 * rng.random((6, 3)), BAD_LABELS], sparse(from_probabilities), dtypes=F, differentiable=(), rtol=32),
    # yes or no
    Case("binary_crossentropy", binary_of_scores, scores(5, 7), binary_scores, differentiable=(0,)),
    Case("binary_crossentropy/tails", binary_of_scores, scores(33), binary_scores, differentiable=(0,)),
    Case("binary_crossentropy/no axes", binary_of_scores, scores(), binary_scores, differentiable=(0,)),
    Case("binary_crossentropy/empty", binary_of_scores, scores(0, 1), binary_scores, differentiable=(0,)),
    Case("binary_crossentropy/target too", binary_of_scores, scores(5, 7), binary_scores),
    Case("binary_crossentropy/far", binary_of_scores, lambda rng: [np.array([1e4, -1e4, 1e4, -1e4]), np.array([1.0, 0.0, 0.0, 1.0])],
         binary_scores, differentiable=(),
         errors=((lambda: ops.binary_crossentropy(np.zeros(3), np.zeros((3, 1))), ShapeError, "(3, 1)"),)),
    Case("binary_crossentropy/of sigmoid", binary_of_sigmoid, scores(5, 7), binary_scores, differentiable=(0,)),
    Case("binary_crossentropy/integer target", binary_of_scores, lambda rng: [rng.standard_normal(3), np.array([0, 1, 1])],
         binary_scores),
    Case("binary_crossentropy/probabilities", lambda p, t: ops.binary_crossentropy(t, p), chances(5, 7), binary_probabilities, dtypes=F,
         rtol=64, atol=64),
    Case("binary_crossentropy/probabilities clipped", lambda p, t: ops.binary_crossentropy(t, p),
         lambda rng: [np.array([0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0])], binary_probabilities, dtypes=F, differentiable=()),
    # the rest
    Case("mean_squared_error", lambda a, b: loss.mean_squared_error(b, a), scores(5, 7), lambda a, b: ((a - b) ** 2).mean(-1)),
    Case("mean_squared_error/one column", lambda a, b: loss.mean_squared_error(b, a), scores(33, 1), lambda a, b: ((a - b) ** 2).mean(-1)),
    Case("mean_squared_error/more axes", lambda a, b: loss.mean_squared_error(b, a), scores(2, 3, 17),
         lambda a, b: ((a - b) ** 2).mean(-1)),
    Case("mean_squared_error/no rows", lambda a, b: loss.mean_squared_error(b, a), scores(0, 3), lambda a, b: np.zeros(0),
         errors=((lambda: loss.mean_squared_error(np.zeros((2, 3)), np.zeros((2, 1))), ShapeError, "(2, 3)"),)),
    Case("weighted_sum", weighted(8.0), scores(8), lambda v, w: (v * w).sum() / 8, differentiable=(0,), atol=32),
    Case("weighted_sum/one weight", weighted(3.0), lambda rng: [rng.standard_normal((3, 5)), np.array(0.5)],
         lambda v, w: (v * w).sum() / 3, differentiable=(0,), atol=64),
    Case("weighted_sum/no weights", lambda v: loss.weighted_sum(v, None, 15.0), lambda rng: [rng.standard_normal((3, 5))],
         lambda v: v.mean(), atol=32),
    Case("weighted_sum/empty", lambda v: loss.weighted_sum(v, None, 1.0), lambda rng: [np.zeros((0,))], lambda v: np.array(0.0),
         errors=((lambda: loss.weighted_sum(ops.ones((3,)), ops.ones((2,)), 1.0), ShapeError, "weights"),)),
    Case("label_rows", lambda labels: ops.cast(apply(crossentropy.LABEL_ROWS, (labels,), (3, 2)), "float32"),
         lambda rng: [np.array([[0, 2], [1, 3]])], lambda labels: one_hot(labels, 3).astype(np.float32), dtypes=()),
]  # fmt: skip

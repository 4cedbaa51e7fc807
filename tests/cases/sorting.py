"""Cases of sort, argsort, top_k: values apart for gradients, ties and NaN for the order."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case


def distinct(*shape):
    """Numbers in random order, far apart, exact in every dtype."""
    return lambda rng: [(rng.permutation(int(np.prod(shape))).reshape(shape) - 5) / 4.0]


def these(*arrays):
    return lambda rng: [np.array(a) for a in arrays]


def top(x, k):
    order = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, -1), order


def case(name, function, oracle, *shape):
    return Case(name, function, distinct(*shape), oracle, atol=0)


def value(name, function, inputs, oracle, **options):
    return Case(name, function, inputs, oracle, differentiable=(), **options)


TIES = np.array([[2.0, 1.0, 2.0, 2.0, 1.0], [0.0, -0.0, 0.0, -1.0, 0.0]])
NAN = np.array([2.0, np.nan, -np.inf, np.inf, np.nan, 1.0])

CASES = [
    *[case(f"sort/axis {a}", lambda x, a=a: ops.sort(x, a), lambda x, a=a: np.sort(x, a), 4, 3, 5) for a in (0, 1, -1)],
    case("sort/flat", lambda x: ops.sort(x, None), lambda x: np.sort(x, None), 4, 6),
    case("sort/many", ops.sort, np.sort, 200),
    case("sort/one", ops.sort, np.sort, 1),
    case("sort/none", ops.sort, np.sort, 3, 0),
    value("sort/NaN comes last", ops.sort, these(NAN), np.sort),
    value("sort/integers", ops.sort, these(np.array([3, -1, 2], "int32")), np.sort, dtypes=()),
    *[value(f"argsort/axis {a}", lambda x, a=a: ops.argsort(x, a), distinct(4, 6), lambda x, a=a: np.argsort(x, a)) for a in (0, 1, None)],
    value("argsort/ties keep their order", ops.argsort, these(TIES), lambda x: np.argsort(x, kind="stable")),
    value("argsort/NaN comes last", ops.argsort, these(NAN), lambda x: np.argsort(x, kind="stable")),
    case("top_k", lambda x: ops.top_k(x, 3), lambda x: top(x, 3), 3, 7),
    case("top_k/all", lambda x: ops.top_k(x, 5), lambda x: top(x, 5), 5),
    case("top_k/none", lambda x: ops.top_k(x, 0), lambda x: top(x, 0), 2, 5),
    case("top_k/values only", lambda x: ops.top_k(x, 2)[0], lambda x: top(x, 2)[0], 2, 3, 4),
    value("top_k/ties: lowest index first", lambda x: ops.top_k(x, 3), these(TIES), lambda x: top(x, 3)),
    value("top_k/NaN is the largest", lambda x: ops.top_k(x, 3), these(NAN), lambda x: (x[[1, 4, 3]], np.array([1, 4, 3]))),
    Case(
        "top_k/unsigned",
        lambda x: ops.top_k(x, 2),
        these(np.array([0, 3, 3], "uint8")),
        lambda x: (x[[1, 2]], np.array([1, 2])),
        dtypes=(),
        errors=(
            (lambda: ops.top_k([1.0], 2), ShapeError, "k=2"),
            (lambda: ops.top_k(1.0, 1), ShapeError, "x ()"),
            (lambda: ops.top_k([1.0], -1), ShapeError, "k=-1"),
            (lambda: ops.sort([1.0], 1), ShapeError, "axis 1"),
        ),
    ),
]

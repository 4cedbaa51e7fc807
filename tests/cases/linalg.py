"""Cases of matrix products: every combination of ranks, broadcast batches, transposes as attributes, integers, empty sums."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.autograd import apply
from gpudl.errors import ShapeError
from gpudl.ops.linalg import MATMUL
from gpudl.testing import Case


def normal(*shapes):
    return lambda rng: [rng.standard_normal(s) for s in shapes]


def product(name, a, b, **options):
    return Case(f"matmul/{name}", ops.matmul, normal(a, b), np.matmul, **options)


def turned(ta, tb):
    """The op itself with transposes as attributes, which gradients use."""
    a, b = (5, 3) if ta else (3, 5), (4, 5) if tb else (5, 4)
    return Case(
        f"matmul/attributes {ta} {tb}",
        lambda x, y: apply(MATMUL, (x, y), (ta, tb)),
        normal(a, b),
        lambda x, y: np.matmul(x.T if ta else x, y.T if tb else y),
    )


def turned_batches(ta, tb):
    a, b = (2, 1, 5, 3) if ta else (2, 1, 3, 5), (4, 4, 5) if tb else (4, 5, 4)
    return Case(
        f"matmul/attributes {ta} {tb}, batches",
        lambda x, y: apply(MATMUL, (x, y), (ta, tb)),
        normal(a, b),
        lambda x, y: np.matmul(np.swapaxes(x, -1, -2) if ta else x, np.swapaxes(y, -1, -2) if tb else y),
    )


def refused(name, function, kind, words):
    """A call that must be refused, beside a small one that is right."""
    return Case(name, ops.matmul, normal((2, 3), (3, 2)), np.matmul, errors=((function, kind, words),))


ONES = np.ones
INTEGERS = [np.arange(-6, 6, dtype="int32").reshape(3, 4), np.arange(20, dtype="int32").reshape(4, 5)]

CASES = [
    product("plain", (3, 5), (5, 4)),
    product("one number", (1, 1), (1, 1)),
    product("tails", (17, 19), (19, 33), atol=64),
    product("long sums", (3, 1025), (1025, 2), atol=512, twice=True),
    product("row", (1, 5), (5, 4)),
    product("column", (7, 5), (5, 1)),
    product("vector left", (5,), (5, 4)),
    product("vector right", (3, 5), (5,)),
    product("vectors", (5,), (5,)),
    product("batches", (2, 3, 5), (2, 5, 4)),
    product("batches broadcast", (2, 1, 3, 5), (4, 5, 2)),
    product("batch of one", (1, 3, 5), (2, 5, 4)),
    product("rows of a batch", (2, 3, 5), (5, 4)),
    product("rows of two batch axes", (2, 2, 3, 5), (5, 4)),
    product("batch and vector", (2, 3, 5), (5,)),
    product("vector and batch", (5,), (2, 5, 4)),
    product("matrix and batch", (3, 5), (2, 5, 4)),
    product("empty sum", (3, 0), (0, 4)),
    product("empty sum in batches", (2, 3, 0), (2, 0, 4)),
    product("no rows", (0, 5), (5, 4)),
    product("no columns", (3, 5), (5, 0)),
    product("no batches", (0, 3, 5), (0, 5, 4)),
    *[turned(ta, tb) for ta in (False, True) for tb in (False, True)],
    *[turned_batches(ta, tb) for ta in (False, True) for tb in (False, True)],
    Case("matmul/with itself transposed", lambda x: ops.matmul(x, ops.transpose(x)), normal((3, 5)), lambda x: x @ x.T),
    Case("matmul/integers", ops.matmul, lambda rng: INTEGERS, np.matmul, dtypes=()),
    Case("matmul/integer and float", ops.matmul, lambda rng: [INTEGERS[0], rng.standard_normal((4, 2))], np.matmul),
    Case(
        "matmul/NaN and inf",
        ops.matmul,
        lambda rng: [np.array([[np.nan, 1.0], [np.inf, 1.0], [1.0, 1.0]]), ONES((2, 2))],
        np.matmul,
        differentiable=(),
    ),
    refused("matmul/sizes", lambda: ops.matmul(ONES((2, 3)), ONES((4, 5))), ShapeError, "x1 (2, 3), x2 (4, 5)"),
    refused("matmul/sizes of rows", lambda: ops.matmul(ONES((2, 2, 3)), ONES((4, 5))), ShapeError, "x1 (2, 2, 3), x2 (4, 5)"),
    refused("matmul/batch sizes", lambda: ops.matmul(ONES((2, 2, 3)), ONES((3, 3, 5))), ShapeError, "do not broadcast"),
    refused("matmul/no axes", lambda: ops.matmul(2.0, ONES(3)), ShapeError, "use multiply"),
    Case("dot", ops.dot, normal((3, 5), (5, 4)), np.dot),
    Case("dot/vectors", ops.dot, normal((5,), (5,)), np.dot),
    Case("dot/number", ops.dot, normal((), (2, 3)), np.dot),
    Case("dot/vector right", ops.dot, normal((2, 3, 5), (5,)), np.dot),
    Case("dot/leading axes do not pair", ops.dot, normal((2, 5), (3, 5, 4)), np.dot),
    Case("tensordot", ops.tensordot, normal((2, 3, 4), (3, 4, 5)), np.tensordot),
    Case("tensordot/one axis", lambda a, b: ops.tensordot(a, b, 1), normal((2, 3), (3, 4)), lambda a, b: np.tensordot(a, b, 1)),
    Case("tensordot/no axes", lambda a, b: ops.tensordot(a, b, 0), normal((2, 3), (4,)), lambda a, b: np.tensordot(a, b, 0)),
    Case(
        "tensordot/pairs",
        lambda a, b: ops.tensordot(a, b, ((0, 2), (2, 1))),
        normal((2, 3, 4), (5, 4, 2)),
        lambda a, b: np.tensordot(a, b, ((0, 2), (2, 1))),
        errors=(
            (lambda: ops.tensordot(ONES((2, 3)), ONES((2, 3)), 1), ShapeError, "axes=1"),
            (lambda: ops.tensordot(ONES((2, 3)), ONES((2, 3)), ((0, 0), (0, 0))), ShapeError, "axes="),
            (lambda: ops.tensordot(ONES((2, 3)), ONES((2, 3)), 3), ShapeError, "axes=3"),
        ),
    ),
    Case(
        "tensordot/negative axes",
        lambda a, b: ops.tensordot(a, b, (-1, 0)),
        normal((2, 3), (3, 4)),
        lambda a, b: np.tensordot(a, b, (-1, 0)),
    ),
    Case("outer", ops.outer, normal((3,), (2, 2)), np.outer),
    Case("inner", ops.inner, normal((3, 4), (5, 4)), np.inner),
    Case("inner/vectors", ops.inner, normal((4,), (4,)), np.inner),
    Case("inner/number", ops.inner, normal((), (4,)), np.inner),
    Case("vdot", ops.vdot, normal((2, 3), (3, 2)), np.vdot),
]

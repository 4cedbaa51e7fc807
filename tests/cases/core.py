"""Cases of the ops that the engine itself needs: add, copy, cast, full, expansion and its sum, writes in place."""

from __future__ import annotations

import numpy as np

from gpudl import autograd, op
from gpudl.autograd import apply
from gpudl.ops import _common, elementwise
from gpudl.testing import Case


def normal(*shapes):
    return lambda rng: [rng.standard_normal(s) for s in shapes]


def in_place(record):
    """Write b into a copy of a, as assignment does."""

    def function(a, b):
        target = apply(op.COPY, (a.detach(),))
        apply(record, (b.detach(),), updates=(target,))
        return target

    return function


CASES = [
    Case("copy", lambda x: apply(op.COPY, (x,)), normal((3, 17)), lambda x: x),
    Case("copy/no axes", lambda x: apply(op.COPY, (x,)), normal(()), lambda x: x),
    Case("copy/empty", lambda x: apply(op.COPY, (x,)), normal((0, 3)), lambda x: x),
    Case("expand", lambda x: apply(autograd.EXPAND, (x,), (4, 3, 5)), normal((3, 1)), lambda x: np.broadcast_to(x, (4, 3, 5))),
    Case("sum_to/leading", lambda x: apply(autograd.SUM_TO, (x,), (5,)), normal((4, 3, 5)), lambda x: x.sum((0, 1)), atol=64),
    Case("sum_to/last", lambda x: apply(autograd.SUM_TO, (x,), (6, 1)), normal((6, 5)), lambda x: x.sum(1, keepdims=True)),
    Case("sum_to/inner", lambda x: apply(autograd.SUM_TO, (x,), (1, 3, 1)), normal((2, 4, 3, 5)),
         lambda x: x.sum((0, 1, 3)).reshape(1, 3, 1), atol=64),
    Case("sum_to/no axes", lambda x: apply(autograd.SUM_TO, (x,), ()), normal((6, 5)), lambda x: x.sum(), atol=64),
    Case("sum_to/empty", lambda x: apply(autograd.SUM_TO, (x,), (3,)), normal((0, 3)), lambda x: np.zeros(3)),
    Case("add_", in_place(autograd.ADD_), normal((3, 17), (3, 17)), lambda a, b: a + b, differentiable=()),
    Case("assign_", in_place(autograd.ASSIGN_), normal((3, 17), (3, 17)), lambda a, b: b, differentiable=()),
    Case("assign_/number", in_place(autograd.ASSIGN_), normal((3, 17), ()), lambda a, b: np.broadcast_to(b, (3, 17)), differentiable=()),
    Case("cast/float64", lambda x: elementwise.cast(elementwise.cast(x, "float64"), x.dtype), normal((3, 17)), lambda x: x),
    Case("cast/float16 overflows", lambda x: elementwise.cast(x, "float16"), lambda rng: [np.array([1e5, -1e5, 1.0, np.nan])],
         lambda x: x.astype(np.float16), dtypes=("float32", "float64"), differentiable=()),
    Case("cast/integers", lambda x: elementwise.cast(x, "int32"), lambda rng: [np.array([1.7, -1.7, 0.0, 100.4])],
         lambda x: x.astype(np.int32), differentiable=()),
    Case("full/by number of the dtype", lambda x: apply(_common.FULL, (), (2.5, _common._CODE_OF[x.dtype], 3, 4),
         backend=x.storage.backend), normal(()),
         lambda x: np.full((3, 4), 2.5), differentiable=()),
]  # fmt: skip

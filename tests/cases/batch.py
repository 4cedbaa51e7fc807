"""Cases of gathering batches, scattering results, and moving the cursor."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.autograd import apply
from gpudl.errors import ShapeError
from gpudl.op import COPY
from gpudl.testing import Case


def gather(batch):
    return lambda data, order, cursor: ops.gather_rows(data.detach(), order, cursor, batch)


def gathered(batch):
    return lambda data, order, cursor: data[order[int(cursor.reshape(())) :][:batch]]


def data(*shape, at=0, dtype=np.float64):
    def draw(rng):
        values = rng.standard_normal(shape) * 10
        return [values.astype(dtype), rng.permutation(shape[0]), np.array([at])]

    return draw


def scatter(result, rows, cursor):
    copy = apply(COPY, (result.detach(),))
    ops.scatter_rows_(copy, rows.detach(), cursor)
    return copy


def scattered(result, rows, cursor):
    result = result.copy()
    at = int(cursor.reshape(()))
    result[at : at + len(rows)] = rows
    return result


def advance(counter):
    copy = apply(COPY, (counter,))
    ops.advance_(copy, 32)
    return copy


def case(name, function, draw, oracle, **options):
    return Case(name, function, draw, oracle, differentiable=(), **options)


CASES = [
    case("gather_rows", gather(4), data(11, 3), gathered(4)),
    case("gather_rows/later", gather(4), data(11, 3, at=7), gathered(4)),
    case("gather_rows/tail", gather(1), data(11, 3, at=10), gathered(1)),
    case("gather_rows/images", gather(2), data(5, 4, 3, 2, at=1), gathered(2)),
    case("gather_rows/flat", gather(3), data(7, at=2), gathered(3)),
    case("gather_rows/nothing", gather(0), data(7, 2, at=2), gathered(0)),
    case("gather_rows/labels", gather(4), data(11, at=5, dtype=np.int32), gathered(4), dtypes=()),
    case("gather_rows/uint8", gather(4), data(11, 5, at=5, dtype=np.uint8), gathered(4), dtypes=(),
         errors=(
             (lambda: ops.gather_rows(ops.ones((3, 2)), ops.arange(3), ops.zeros(1, "int64"), 4), ShapeError, "batch 4"),
             (lambda: ops.gather_rows(ops.ones((3, 2)), ops.arange(3), ops.zeros(2, "int64"), 1), ShapeError, "cursor"),
         )),
    case("gather_rows/cursor without axes", gather(4), lambda rng: [rng.standard_normal((9, 2)), rng.permutation(9), np.array(3)],
         gathered(4)),
    case("scatter_rows_", scatter, lambda rng: [rng.standard_normal((9, 3)), rng.standard_normal((4, 3)), np.array([5])], scattered),
    case("scatter_rows_/flat", scatter, lambda rng: [rng.standard_normal(9), rng.standard_normal(4), np.array([0])], scattered),
    case("scatter_rows_/nothing", scatter, lambda rng: [rng.standard_normal((9, 3)), rng.standard_normal((0, 3)), np.array([9])],
         scattered),
    case("advance_", advance, lambda rng: [np.array([7])], lambda counter: counter + 32, dtypes=()),
    case("advance_/no axes", advance, lambda rng: [np.array(7)], lambda counter: counter + 32, dtypes=()),
]  # fmt: skip

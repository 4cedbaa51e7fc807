"""Cases of indexing, gathers and scatters. Indices are inputs, as tensors; what the host knows is tested in test_indexing.py."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.errors import DTypeError, ShapeError
from gpudl.testing import Case

ONES = np.ones


def I(*values):  # noqa: E743
    return np.array(values, "int32")


def picked(name, function, oracle, shape, *indices, **options):
    """Picks from one float tensor by integer inputs: exact."""
    return Case(
        name, function, lambda rng: [rng.standard_normal(shape), *indices], oracle, atol=0 if options.pop("exact", False) else 16, **options
    )


def basic(text, shape=(4, 5, 6)):
    """x[...] with ints, slices, None."""
    key = eval(f"Key()[{text}]", {"Key": Key})
    return picked(f"getitem/[{text}] of {shape}", lambda x: ops.getitem(x, key), lambda x: x[key], shape, exact=True)


class Key:
    def __getitem__(self, key):
        return key


def advanced(text, shape, *indices):
    """x[...] with index tensors i, j."""
    key = eval(f"lambda i, j=None: Key()[{text}]", {"Key": Key})
    name = f"getitem/[{text}] of {shape}, indices of {', '.join(str(i.shape) for i in indices)}"
    return picked(name, lambda x, *i: ops.getitem(x, key(*i)), lambda x, *i: x[key(*i)], shape, *indices)


def take(name, axis, shape, index, **options):
    return picked(f"take/{name}", lambda x, i: ops.take(x, i, axis), lambda x, i: np.take(x, i, axis), shape, index, **options)


def along(name, axis, shape, index):
    return picked(
        f"take_along_axis/{name}", lambda x, i: ops.take_along_axis(x, i, axis), lambda x, i: np.take_along_axis(x, i, axis), shape, index
    )


def out_of_range(x, i):
    return np.where(((i >= -len(x)) & (i < len(x)))[:, None], x[np.clip(i, -len(x), len(x) - 1)], np.nan)


def updated(x, u):
    y = x.copy()
    y[1:3, 0:2] = u
    return y


def added(i, v, shape):
    y = np.zeros(shape)
    np.add.at(y, tuple(np.moveaxis(i, -1, 0)), v)
    return y


def put(x, i, u):
    y = x.copy()
    for index, value in zip(i, u):  # the last one stays
        y[tuple(index)] = value
    return y


def hot(i, n, axis=-1):
    return np.moveaxis((i[..., None] == np.arange(n)).astype("float32"), -1, axis)


MANY = np.random.default_rng(3).integers(-20, 20, 97).astype("int32")

BASIC = [basic(text) for text in (
    "0", "-1, 2", "1, 2, 3", "1:3", "::-1", "::-2, 4:1:-2", "..., 0", "1, ..., 2:4", "None", ":, None, 2, ..., None", "3:1", "-3:", "...",
    "10:, :2", ":, :, ::3",
)]  # fmt: skip

CASES = [
    *BASIC,
    basic("()", ()),
    basic("..., None", ()),
    basic("::-1", (0, 3)),
    advanced("i", (4, 5), I(2, 0, -1, 0)),
    advanced("i", (4, 5), I([2, 0], [1, 1])),
    advanced("i", (4, 5), np.array(2, "int64")),
    advanced("i", (4, 5), np.zeros((0,), "int32")),
    advanced("i", (20, 3), MANY),
    advanced("i, j", (4, 5), I(2, 0, 2), I(1, -1, 1)),
    advanced("i, j", (4, 5, 3), I([0], [1]), I(1, 2, 0)),
    advanced(":, i", (4, 5), I(2, 0, -1, 0)),
    advanced(":, i, j", (3, 4, 5), I(2, 0, 2), I(1, -1, 1)),
    advanced("i, :, j", (3, 4, 5), I(2, 0, 2), I(1, -1, 1)),
    advanced("i, 1:3", (4, 5), I(2, 2)),
    advanced("0, :, i", (3, 4, 5), I(2, 2)),
    advanced(":, 0, i", (3, 4, 5), I(2, 2)),
    advanced("i, None, j", (3, 4), I(2, 2), I(0, 1)),
    advanced("..., i", (3, 4, 5), I(2, 2)),
    advanced("::-1, i", (4, 5), I([0, 1])),
    Case(
        "getitem/integers", lambda x, i: ops.getitem(x, i), lambda rng: [np.arange(12).reshape(3, 4), I(2, 0)], lambda x, i: x[i], dtypes=()
    ),
    take("rows", 0, (4, 5), I(2, 0, 0, -1)),
    take("many rows, few sources", 0, (20, 17), MANY),
    take("columns", 1, (4, 5), I([3, 1], [1, -1])),
    take("middle", 1, (3, 4, 5), I(3, 3)),
    take("last of three", -1, (3, 4, 5), I(0, 4)),
    take("flat", None, (3, 4), I(11, 0, 5, 5)),
    take("one number", 0, (4, 5), np.array(1, "int32")),
    take("no indices", 0, (4, 5), np.zeros((0,), "int32")),
    take("empty rows", 0, (4, 0), I(1, 1)),
    take(
        "unsigned",
        0,
        (4, 5),
        np.array([3, 0], "uint8"),
        errors=(
            (lambda: ops.take(ONES(3), [3], 0), IndexError, "index 3"),
            (lambda: ops.take(ONES(3), [-4], 0), IndexError, "index -4"),
            (lambda: ops.take(ONES(3), [1.5], 0), DTypeError, "integers"),
            (lambda: ops.take(ONES(3), [0], 1), ShapeError, "axis 1"),
        ),
    ),
    picked(
        "take/out of range in a tensor", lambda x, i: ops.take(x, i, 0), out_of_range, (4, 5), I(4, 0, -5, -4, 2**31 - 1), differentiable=()
    ),
    picked("take/from nothing", lambda x, i: ops.take(x, i, 0), lambda x, i: np.full((2, 3), np.nan), (0, 3), I(0, 1), differentiable=()),
    picked(
        "getitem/out of range in tensors",
        lambda x, i, j: ops.getitem(x, (i, j)),
        lambda x, i, j: np.array([x[0, 1], np.nan, np.nan, x[-1, -1]]),
        (3, 2),
        I(0, 3, 0, -1),
        I(1, 0, -3, -1),
        differentiable=(),
    ),
    Case(
        "take/out of range from integers", lambda x, i: ops.take(x, i, 0), lambda rng: [I(7, 8), I(0, 2)], lambda x, i: I(7, 0), dtypes=()
    ),
    along("columns", 1, (3, 4), I([3, 1], [0, 0], [-2, 2])),
    along("rows", 0, (3, 4), I([2, 1, 0, 2], [2, 2, 2, 2])),
    along("broadcast index", 1, (3, 4), I([3, 1])),
    along("broadcast x", 1, (1, 4), I([3, 1], [0, 0], [-2, 2])),
    along("three axes", -2, (2, 3, 4), np.random.default_rng(1).integers(0, 3, (2, 5, 4))),
    picked(
        "take_along_axis/flat",
        lambda x, i: ops.take_along_axis(x, i, None),
        lambda x, i: np.take_along_axis(x, i, None),
        (2, 3),
        I(5, 0, 5),
        errors=(
            (lambda: ops.take_along_axis(ONES((2, 3)), [0], 1), ShapeError, "as many axes"),
            (lambda: ops.take_along_axis(ONES((2, 3)), [[0]] * 3, 1), ShapeError, "broadcast"),
            (lambda: ops.take_along_axis(ONES((2, 3)), [[3]], 1), IndexError, "index 3"),
        ),
    ),
    picked(
        "slice",
        lambda x: ops.slice(x, (0, 1, 2), (2, 2, 3)),
        lambda x: x[0:2, 1:3, 2:5],
        (3, 4, 5),
        exact=True,
        errors=(
            (lambda: ops.slice(ONES((2, 3)), (1, 0), (2, 3)), ShapeError, "start_indices (1, 0)"),
            (lambda: ops.slice(ONES((2, 3)), (0,), (2,)), ShapeError, "x (2, 3)"),
        ),
    ),
    Case(
        "slice_update",
        lambda x, u: ops.slice_update(x, (1, 0), u),
        lambda rng: [rng.standard_normal((4, 5)), rng.standard_normal((2, 2))],
        updated,
        errors=((lambda: ops.slice_update(ONES((2, 3)), (0, 2), ONES((1, 2))), ShapeError, "start_indices (0, 2)"),),
    ),
    Case(
        "slice_update/integers",
        lambda x, u: ops.slice_update(x, (1,), u),
        lambda rng: [I(1, 2, 3), I(9)],
        lambda x, u: I(1, 9, 3),
        dtypes=(),
    ),
    Case(
        "scatter",
        lambda i, v: ops.scatter(i, v, (4, 3)),
        lambda rng: [I([0], [2], [0]), rng.standard_normal((3, 3))],
        lambda i, v: added(i, v, (4, 3)),
    ),
    Case(
        "scatter/two axes",
        lambda i, v: ops.scatter(i, v, (3, 4, 2)),
        lambda rng: [I([0, 1], [2, -1], [0, 1]), rng.standard_normal((3, 2))],
        lambda i, v: added(i, v, (3, 4, 2)),
        errors=(
            (lambda: ops.scatter([[9]], [1.0], (3,)), IndexError, "index 9"),
            (lambda: ops.scatter([[0]], [1.0, 2.0], (3,)), ShapeError, "(1,)"),
            (lambda: ops.scatter([[0, 0]], [1.0], (3,)), ShapeError, "last axis"),
        ),
    ),
    Case(
        "scatter/out of range in a tensor",
        lambda i, v: ops.scatter(i, v, (3,)),
        lambda rng: [I([3], [1]), np.array([5.0, 6.0])],
        lambda i, v: np.array([0.0, 6.0, 0.0]),
        differentiable=(1,),
    ),
    Case(
        "scatter_update",
        lambda x, i, u: ops.scatter_update(x, i, u),
        lambda rng: [rng.standard_normal((4, 3)), I([0], [2], [0]), rng.standard_normal((3, 3))],
        put,
    ),
    Case(
        "scatter_update/elements",
        lambda x, i, u: ops.scatter_update(x, i, u),
        lambda rng: [rng.standard_normal((4, 3)), I([0, 1], [2, -1], [0, 1]), rng.standard_normal(3)],
        put,
        errors=((lambda: ops.scatter_update(ONES(3), [[3]], [1.0]), IndexError, "index 3"),),
    ),
    Case(
        "scatter_update/nothing",
        lambda x, i, u: ops.scatter_update(x, i, u),
        lambda rng: [rng.standard_normal((4, 3)), np.zeros((0, 1), "int32"), np.zeros((0, 3))],
        put,
    ),
    Case("one_hot", lambda i: ops.one_hot(i, 4), lambda rng: [I(2, 0, 3, 1)], lambda i: hot(i, 4), dtypes=()),
    Case("one_hot/axis", lambda i: ops.one_hot(i, 3, axis=1), lambda rng: [I([1, 0], [2, 2])], lambda i: hot(i, 3, 1), dtypes=()),
    Case(
        "one_hot/out of range",
        lambda i: ops.one_hot(i, 3),
        lambda rng: [I(-1, 3, 1)],
        lambda i: hot(i, 3),
        dtypes=(),
        errors=((lambda: ops.one_hot([0], -1), ValueError, "num_classes=-1"), (lambda: ops.one_hot([0], 2, axis=2), ShapeError, "axis 2")),
    ),
    Case(
        "one_hot/no axes, integers", lambda i: ops.one_hot(i, 3, dtype="int32"), lambda rng: [np.array(2)], lambda i: I(0, 0, 1), dtypes=()
    ),
    Case(
        "one_hot/float labels", lambda i: ops.one_hot(i, 3), lambda rng: [np.array([1.0, 2.0], "float32")], lambda i: hot(i, 3), dtypes=()
    ),
]

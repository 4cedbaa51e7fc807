"""Cases of tensors made from nothing: each is a launch, so a step that makes them is replayed."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.errors import DTypeError
from gpudl.testing import Case


def made(name, function, expected, *inputs, **options):
    return Case(name, function, lambda rng: [np.array(a) for a in inputs], lambda *_: np.asarray(expected), dtypes=(), **options)


def like(name, function, oracle):
    return Case(name, function, lambda rng: [rng.standard_normal((3, 17))], oracle, differentiable=())


F = "float32"

CASES = [
    made("zeros", lambda: ops.zeros((2, 17)), np.zeros((2, 17), F)),
    made("zeros/no axes", lambda: ops.zeros(()), np.zeros((), F)),
    made("zeros/empty", lambda: ops.zeros((0, 3)), np.zeros((0, 3), F)),
    made("ones", lambda: ops.ones(3, "int64"), np.ones(3, "int64")),
    made("ones/bool", lambda: ops.ones(3, "bool"), np.ones(3, "bool")),
    made("empty", lambda: ops.empty((2, 3)), np.zeros((2, 3), F)),
    made(
        "full",
        lambda: ops.full((2, 3), 2.5),
        np.full((2, 3), 2.5, F),
        errors=(
            (lambda: ops.full((-1,), 0.0), ValueError, "shape (-1,)"),
            (lambda: ops.zeros(2, "complex64"), DTypeError, "complex64"),
            (lambda: ops.zeros((2.5,)), TypeError, "2.5"),
        ),
    ),
    like("empty_like", ops.empty_like, np.zeros_like),
    Case(
        "shape, ndim, size",
        lambda x: ops.reshape(x, (ops.shape(x)[0], ops.ndim(x), ops.size(x) // 6)) if ops.is_tensor(x) else x,
        lambda rng: [rng.standard_normal((3, 4))],
        lambda x: x.reshape(3, 2, 2),
    ),
    made("full/NaN", lambda: ops.full(3, float("nan")), np.full(3, np.nan, F)),
    made("full/a NumPy number", lambda: ops.full(3, np.float64(2.5)), np.full(3, 2.5, F)),
    made("full/float64", lambda: ops.full(2, 0.1, "float64"), np.full(2, 0.1)),
    made("full/of a tensor", lambda x: ops.full((2, 2), x), [[1, 2], [1, 2]], [1, 2]),
    like("zeros_like", ops.zeros_like, np.zeros_like),
    like("ones_like", ops.ones_like, np.ones_like),
    like("full_like", lambda x: ops.full_like(x, 2.0), lambda x: np.full_like(x, 2.0)),
    made("zeros_like/other dtype", lambda x: ops.zeros_like(x, "int32"), np.zeros(2, "int32"), [1.0, 2.0]),
    made("arange", lambda: ops.arange(7), np.arange(7, dtype="int32")),
    made("arange/from, to, step", lambda: ops.arange(3, 20, 4), np.arange(3, 20, 4, dtype="int32")),
    made("arange/down", lambda: ops.arange(5, -2, -3), np.arange(5, -2, -3, dtype="int32")),
    made("arange/floats", lambda: ops.arange(0.5, 2.0, 0.25), np.arange(0.5, 2.0, 0.25, dtype=F)),
    made("arange/float64", lambda: ops.arange(0, 1, 0.1, "float64"), np.arange(10) * 0.1),
    made("arange/large numbers", lambda: ops.arange(2**40, 2**40 + 3, dtype="int64"), 2**40 + np.arange(3)),
    made("arange/nothing", lambda: ops.arange(3, 1), np.zeros(0, "int32"), errors=((lambda: ops.arange(0, 1, 0), ValueError, "step"),)),
    made("linspace", lambda: ops.linspace(0.0, 1.0, 5), np.linspace(0, 1, 5, dtype=F)),
    made("linspace/without the end", lambda: ops.linspace(-1, 1, 4, endpoint=False), np.linspace(-1, 1, 4, endpoint=False, dtype=F)),
    made("linspace/one", lambda: ops.linspace(2, 3, 1), np.array([2], F)),
    made("linspace/none", lambda: ops.linspace(2, 3, 0), np.array([], F), errors=((lambda: ops.linspace(0, 1, -1), ValueError, "num=-1"),)),
    Case(
        "linspace/tensors",
        lambda a, b: ops.linspace(a, b, 3, dtype=a.dtype, axis=-1),
        lambda rng: [np.array([0.0, 1.0]), np.array([1.0, 5.0])],
        lambda a, b: np.linspace(a, b, 3, axis=-1),
    ),
    made("eye", lambda: ops.eye(3), np.eye(3, dtype=F)),
    made("eye/diagonal", lambda: ops.eye(3, 4, 1, "int32"), np.eye(3, 4, 1, "int32")),
    made("identity", lambda: ops.identity(2), np.eye(2, dtype=F)),
    made("tri", lambda: ops.tri(3, 4, -1), np.tri(3, 4, -1, F)),
    made("constant", lambda: ops.constant(2.5, shape=(2,)), np.full(2, 2.5, F)),
    like("convert_to_tensor", ops.convert_to_tensor, lambda x: x),
    like("array", ops.array, lambda x: x),
    made("convert_to_tensor/cast", lambda x: ops.convert_to_tensor(x, F), np.array([1, 2], F), [1, 2]),
]

"""Cases of reductions along axes, of places (argmax), and of running sums and products."""

from __future__ import annotations

import numpy as np
import scipy.special

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case

WIDE = ("float32", "float64")
ORDERS = ("fro", 1, -1, np.inf, -np.inf)
AXES = {"": None, "/last": -1, "/first": 0, "/middle": 1, "/outer two": (0, 2), "/leading": (0, 1), "/no axis": ()}


def normal(*shapes):
    return lambda rng: [rng.standard_normal(s) for s in shapes]


def near_one(shape):
    return lambda rng: [rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)]


def apart(shape):
    """Numbers of which no two are nearly equal."""
    return lambda rng: [rng.permutation(np.linspace(-2, 2, int(np.prod(shape)))).reshape(shape) + 0.013]


def these(*arrays):
    return lambda rng: [np.array(a) for a in arrays]


def value(name, function, inputs, oracle, **options):
    return Case(name, function, inputs, oracle, differentiable=(), **options)


def whole(name, function, oracle, *arrays):
    return Case(name, function, these(*arrays), oracle, dtypes=(), differentiable=())


def moved(f):
    """An oracle along several axes, from one along the last."""

    def along(x, axis=None, keepdims=False):
        axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        if not axes:
            return f(x[..., None])
        axes = tuple(a % x.ndim for a in axes)
        others = [i for i in range(x.ndim) if i not in axes]
        flat = x.transpose(*others, *axes).reshape(*[x.shape[i] for i in others], -1)
        y = f(flat)
        return y.reshape([1 if i in axes else n for i, n in enumerate(x.shape)]) if keepdims else y

    return along


FAMILIES = {  # name: (oracle, inputs, dtypes, twice)
    "sum": (np.sum, normal, ("float32", "float64", "float16", "bfloat16"), True),
    "mean": (np.mean, normal, ("float32", "float64", "float16", "bfloat16"), True),
    "prod": (np.prod, near_one, ("float32", "float64", "float16", "bfloat16"), False),
    "max": (np.max, apart, ("float32", "float64", "float16", "bfloat16"), True),
    "min": (np.min, apart, ("float32", "float64", "float16", "bfloat16"), True),
    "var": (np.var, normal, ("float32", "float64", "float16", "bfloat16"), True),
    "std": (np.std, normal, WIDE, True),
    "logsumexp": (scipy.special.logsumexp, normal, ("float32", "float64", "float16", "bfloat16"), True),
    "norm": (moved(lambda x: np.sqrt((x * x).sum(-1))), near_one, ("float32", "float64", "float16", "bfloat16"), True),
}


def families():
    for name, (oracle, inputs, dtypes, twice) in FAMILIES.items():
        f = getattr(ops, name)
        for kind, axis in AXES.items():
            if kind == "/no axis" and name in ("std", "norm", "logsumexp"):
                continue
            yield Case(
                name + kind,
                lambda x, f=f, a=axis: (f(x, axis=a), f(x, axis=a, keepdims=True)),
                inputs((3, 4, 5)),
                lambda x, o=oracle, a=axis: (o(x, axis=a), o(x, axis=a, keepdims=True)),
                dtypes=dtypes,
                twice=twice,
                rtol=32,
                atol=32,
            )
        if name not in ("std", "norm"):  # which have no gradient there, or a jump
            yield Case(f"{name}/no axes", lambda x, f=f: f(x), these(1.5), lambda x, o=oracle: o(x), dtypes=dtypes, twice=twice)
        yield Case(
            f"{name}/size 1",
            lambda x, f=f: f(x, axis=1, keepdims=True),
            inputs((3, 1)),
            lambda x, o=oracle: o(x, axis=1, keepdims=True),
            dtypes=dtypes,
            twice=twice,
            differentiable=() if name == "std" else None,
        )
    for name in ("sum", "mean", "prod", "var"):
        f, oracle = getattr(ops, name), getattr(np, name)
        yield value(f"{name}/of nothing", lambda x, f=f: f(x, axis=1), these(np.zeros((3, 0))), lambda x, o=oracle: o(x, axis=1))
        yield value(f"{name}/empty", lambda x, f=f: f(x, axis=1), these(np.zeros((0, 3))), lambda x, o=oracle: o(x, axis=1))
    for name in ("sum", "mean", "max", "min", "prod"):
        f, oracle = getattr(ops, name), getattr(np, name)
        yield value(
            f"{name}/odd numbers",
            lambda x, f=f: f(x, axis=1),
            these([[1.0, np.nan], [np.inf, 1.0], [-np.inf, 2.0], [np.inf, -np.inf], [0.0, -0.0]]),
            lambda x, o=oracle: o(x, axis=1),
        )
    for name in ("sum", "prod", "max", "min"):
        f, oracle = getattr(ops, name), getattr(np, name)
        yield whole(
            f"{name}/integers", lambda x, f=f: f(x, axis=0), lambda x, o=oracle: o(x, axis=0), np.arange(-6, 6, dtype="int32").reshape(3, 4)
        )
        yield whole(f"{name}/bytes", f, lambda x, o=oracle: o(x), np.array([200, 3, 7], "uint8"))
    for name in ("any", "all"):
        f, oracle = getattr(ops, name), getattr(np, name)
        truths = np.array([[True, False], [True, True], [False, False]])
        yield whole(
            name,
            lambda x, f=f: (f(x), f(x, axis=1), f(x, axis=0, keepdims=True), f(x[:0], axis=0)),
            lambda x, o=oracle: (o(x), o(x, axis=1), o(x, axis=0, keepdims=True), o(x[:0], axis=0)),
            truths,
        )
        yield value(
            f"{name}/numbers",
            lambda x, f=f: f(x, axis=1),
            these([[0.0, np.nan], [0.0, -0.0], [1.0, 2.0]]),
            lambda x, o=oracle: o(x, axis=1),
        )
    for name in ("argmax", "argmin"):
        f, oracle = getattr(ops, name), getattr(np, name)
        yield value(
            name,
            lambda x, f=f: (f(x), f(x, axis=0), f(x, axis=-1), f(x, axis=1, keepdims=True)),
            apart((3, 17, 2)),
            lambda x, o=oracle: (o(x), o(x, axis=0), o(x, axis=-1), o(x, axis=1, keepdims=True)),
        )
        yield value(
            f"{name}/equals and NaN",
            lambda x, f=f: f(x, axis=1),
            these([[2.0, 2.0, 1.0], [1.0, np.nan, np.nan], [1.0, 1.0, 1.0]]),
            lambda x, o=oracle: o(x, axis=1),
        )
        yield whole(f"{name}/integers", f, lambda x, o=oracle: o(x), np.array([[3, 9], [9, -4]]))


def rows(n, m):
    """Positive numbers, where errors pile up."""
    return lambda rng: [rng.random((n, m))]


total = moved(lambda x: np.ascontiguousarray(x).astype(np.longdouble).sum(-1).astype(np.float64))  # NumPy's own sum over rows is too coarse


CASES = [
    *families(),
    # sums of many: within a few rounding units however many rows there are
    value("sum/100,000 rows", lambda x: (ops.sum(x, axis=0), ops.sum(x), ops.mean(x, axis=0)), rows(100_000, 20),
          lambda x: (total(x, 0), total(x), total(x, 0) / len(x)), dtypes=WIDE, rtol=6, atol=0),
    value("sum/100,000 narrow rows", lambda x: ops.sum(x, axis=0), rows(100_000, 3), lambda x: total(x, 0), dtypes=WIDE, rtol=6, atol=0),
    value("sum/images by channel", lambda x: (ops.sum(x, axis=(0, 1, 2)), ops.sum(x, axis=(0, 2)), ops.sum(ops.transpose(x), axis=(1, 3))),
          lambda rng: [rng.random((8, 33, 31, 12))],
          lambda x: (total(x, (0, 1, 2)), total(x, (0, 2)), total(x.T, (1, 3))), dtypes=WIDE, rtol=6, atol=0),
    value("sum/strided slice", lambda x: (ops.sum(x[:, :3]), ops.sum(x[::2, 1::2], axis=0)), rows(30_001, 8),
          lambda x: (total(x[:, :3]), total(x[::2, 1::2], 0)), dtypes=WIDE, rtol=6, atol=0),
    value("var/far from 0", lambda x: (ops.var(x + 1000.0, axis=0), ops.var(x)), rows(5_000, 8),
          lambda x: (np.var(x.astype("f4") + np.float32(1000.0), axis=0, dtype="f8"), np.var(x)), dtypes=("float32",), rtol=64, atol=0),
    whole("mean/integers", lambda x: (ops.mean(x), ops.var(x)), lambda x: (np.float32(x.mean()), np.float32(x.var())),
          np.array([1, 2, 4, 9])),
    whole("sum/bools", lambda x: ops.sum(x, axis=0), lambda x: x.sum(0), np.array([[True, False], [True, True]])),
    Case("amax", ops.amax, apart((3, 5)), np.max),
    Case("amin", ops.amin, apart((3, 5)), np.min),
    Case("max/equal maxima", lambda x: (ops.max(x, axis=1), ops.min(x)), these([[2.0, 2.0, 1.0], [0.0, 0.0, 0.0]]),
         lambda x: (x.max(1), x.min()), differentiable=()),
    Case("max/initial", lambda x: (ops.max(x, axis=1, initial=0.25), ops.min(x, axis=1, initial=0.25)), apart((3, 5)),
         lambda x: (x.max(1, initial=0.25), x.min(1, initial=0.25))),
    value("max/initial of nothing", lambda x: (ops.max(x, axis=1, initial=-1.5), ops.min(x, initial=7.0)), these(np.zeros((3, 0))),
          lambda x: (x.max(1, initial=-1.5), x.min(initial=7.0))),
    Case("prod/zeros", lambda x: ops.prod(x, axis=1), these([[2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]),
         lambda x: x.prod(1), twice=False),
    Case("prod/dtype", lambda x: ops.prod(x, dtype="float64"), near_one((3, 4)), np.prod, dtypes=("float64",), twice=False),
    value("count_nonzero", lambda x: (ops.count_nonzero(x), ops.count_nonzero(x, axis=1)), these([[0.0, 1.0, np.nan], [-0.0, 0.0, 2.0]]),
          lambda x: (np.count_nonzero(x), np.count_nonzero(x, axis=1))),
    value("logsumexp/odd numbers", lambda x: ops.logsumexp(x, axis=1),
          these([[1000.0, 1000.0], [-1000.0, -1000.0], [-np.inf, -np.inf], [np.inf, 1.0], [np.nan, 1.0]]),
          lambda x: scipy.special.logsumexp(x, axis=1), dtypes=WIDE),
    value("logsumexp/of nothing", lambda x: ops.logsumexp(x, axis=1), these(np.zeros((3, 0))), lambda x: np.full(3, -np.inf)),
    # norms
    Case("norm/vector orders", lambda x: [ops.norm(x, o, axis=1) for o in (2, 1, 3, np.inf, -np.inf)], apart((3, 5)),
         lambda x: [np.linalg.norm(x, o, axis=1) for o in (2, 1, 3, np.inf, -np.inf)], rtol=32, atol=32),
    value("norm/number of non-zeros", lambda x: ops.norm(x, 0, axis=0, keepdims=True), these([[0.0, 1.0], [0.0, 2.0]]),
          lambda x: np.linalg.norm(x, 0, axis=0, keepdims=True)),
    Case("norm/matrix orders", lambda x: [ops.norm(x, o, axis=(0, 2), keepdims=k) for o in ORDERS for k in (False, True)], apart((3, 2, 5)),
         lambda x: [np.linalg.norm(x, o, axis=(0, 2), keepdims=k) for o in ORDERS for k in (False, True)], rtol=32, atol=32),
    Case("norm/matrix axes turned", lambda x: ops.norm(x, 1, axis=(2, 0)), apart((3, 2, 5)), lambda x: np.linalg.norm(x, 1, axis=(2, 0))),
    # running
    Case("cumsum", lambda x: ops.cumsum(x, axis=1), normal((3, 17)), lambda x: x.cumsum(1)),
    Case("cumsum/first", lambda x: ops.cumsum(x, axis=0), normal((3, 17)), lambda x: x.cumsum(0)),
    Case("cumsum/flattened", ops.cumsum, normal((3, 4)), np.cumsum),
    Case("cumsum/no axes", ops.cumsum, these(1.5), np.cumsum),
    Case("cumsum/empty", lambda x: ops.cumsum(x, axis=1), these(np.zeros((3, 0))), lambda x: x),
    value("cumsum/100,000", ops.cumsum, rows(100_000, 1), np.cumsum, dtypes=("float32",), rtol=2, atol=0),
    whole("cumsum/integers", lambda x: (ops.cumsum(x, axis=0), ops.cumsum(x > 1, axis=1), ops.cumprod(x, axis=1)),
          lambda x: (x.cumsum(0), (x > 1).cumsum(1), x.cumprod(1)), np.array([[1, 2], [3, 4]], "int32")),
    Case("cumprod", lambda x: ops.cumprod(x, axis=1), near_one((3, 9)), lambda x: x.cumprod(1), twice=False, rtol=32),
    Case("cumprod/zeros", lambda x: ops.cumprod(x, axis=0), these([[2.0, 0.0, 3.0, 1.5], [0.0, 2.0, 3.0, 0.5], [1.5, 2.0, 0.0, 3.0],
         [1.5, 0.0, 0.0, 3.0]]), lambda x: x.cumprod(0), twice=False),
    Case("cumprod/flattened", ops.cumprod, near_one((3, 4)), np.cumprod, twice=False, rtol=32),
    Case("cumsum/dtype", lambda x: ops.cumsum(x, axis=0, dtype="float64"), normal((3, 4)), lambda x: x.cumsum(0), dtypes=("float64",)),
    Case(
        "reduce/refused",
        ops.sum,
        normal((3, 4)),
        np.sum,
        errors=(
            (lambda: ops.sum(np.zeros((2, 3), "f4"), axis=2), ShapeError, "axis 2"),
            (lambda: ops.sum(np.zeros((2, 3), "f4"), axis=(0, -2)), ShapeError, "twice"),
            (lambda: ops.sum(np.zeros((2, 3), "f4"), axis=1.5), TypeError, "axis must be an integer"),
            (lambda: ops.max(np.zeros((2, 0), "f4")), ShapeError, "initial="),
            (lambda: ops.argmax(np.zeros((2, 0), "f4"), axis=1), ShapeError, "no elements"),
            (lambda: ops.norm(np.zeros((2, 3), "f4"), 2, axis=(0, 1)), ValueError, "singular values"),
            (lambda: ops.norm(np.zeros((2, 3), "f4"), "fro", axis=0), ValueError, "1 axes"),
            (lambda: ops.norm(np.zeros((2, 3, 4), "f4"), 1), ValueError, "3 axes"),
        ),
    ),
]  # fmt: skip

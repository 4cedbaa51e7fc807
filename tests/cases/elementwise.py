"""Cases of arithmetic, powers, functions of one argument, minima and maxima, clip, where, rounding."""

from __future__ import annotations

import numpy as np
import scipy.special

import gpudl
from gpudl import ops
from gpudl.errors import DTypeError, ShapeError
from gpudl.testing import Case

WIDE = ("float32", "float64")


def normal(*shapes):
    return lambda rng: [rng.standard_normal(s) for s in shapes]


def between(low, high, *shapes):
    return lambda rng: [rng.uniform(low, high, s) for s in shapes]


def away(*shapes):
    """Numbers that keep away from 0, of either sign."""
    return lambda rng: [rng.uniform(0.4, 2.0, s) * rng.choice([-1.0, 1.0], s) for s in shapes]


def apart(*shapes):
    """As `away`, and no two operands nearly equal."""
    return lambda rng: [np.round(rng.uniform(-3, 3, s) * 4) / 4 + 0.1 * i for i, s in enumerate(shapes)]


def these(*arrays):
    return lambda rng: [np.array(a) for a in arrays]


def value(name, function, inputs, oracle, **options):
    """Only the value: where a gradient has no meaning, or the inputs are integers."""
    return Case(name, function, inputs, oracle, differentiable=(), **options)


def whole(name, function, oracle, *arrays):
    return Case(name, function, these(*arrays), oracle, dtypes=(), differentiable=())


ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 3e38, -3e38, 1e-38]
SMALL = np.array([[7, -7, 0], [5, -128, 127]], "int32")

ONE_ARGUMENT = {  # function: (oracle, where it is smooth)
    "exp": (np.exp, (-3, 3)),
    "expm1": (np.expm1, (-3, 3)),
    "log": (np.log, (0.2, 4)),
    "log1p": (np.log1p, (-0.7, 4)),
    "log2": (np.log2, (0.2, 4)),
    "log10": (np.log10, (0.2, 4)),
    "sqrt": (np.sqrt, (0.2, 4)),
    "rsqrt": (lambda x: 1 / np.sqrt(x), (0.3, 4)),
    "reciprocal": (lambda x: 1 / x, (0.4, 4)),
    "square": (np.square, (-3, 3)),
    "negative": (np.negative, (-3, 3)),
    "absolute": (np.abs, (0.1, 3)),
    "sin": (np.sin, (-4, 4)),
    "cos": (np.cos, (-4, 4)),
    "tan": (np.tan, (-1.2, 1.2)),
    "arcsin": (np.arcsin, (-0.8, 0.8)),
    "arccos": (np.arccos, (-0.8, 0.8)),
    "arctan": (np.arctan, (-4, 4)),
    "sinh": (np.sinh, (-3, 3)),
    "cosh": (np.cosh, (-3, 3)),
    "arcsinh": (np.arcsinh, (-4, 4)),
    "arccosh": (np.arccosh, (1.3, 4)),
    "arctanh": (np.arctanh, (-0.8, 0.8)),
    "erf": (scipy.special.erf, (-3, 3)),
}
FLAT = {"floor": np.floor, "ceil": np.ceil, "round": np.rint, "sign": np.sign}


def one_argument():
    for name, (oracle, (low, high)) in ONE_ARGUMENT.items():
        function = getattr(ops, name)
        yield Case(name, function, between(low, high, (3, 17)), oracle)
        yield Case(f"{name}/no axes", function, between(low, high, ()), oracle)
        if name not in ("rsqrt", "reciprocal"):  # 1 / 0 has the sign of 0, which is compared below
            yield value(f"{name}/odd numbers", function, these(ODD), oracle, dtypes=WIDE)
    for name, oracle in FLAT.items():
        yield Case(name, getattr(ops, name), these([[-1.7, -1.2, -0.4], [0.3, 1.2, 2.8]]), oracle)
        yield value(f"{name}/odd numbers", getattr(ops, name), these([*ODD, 0.5, 1.5, 2.5, -0.5]), oracle)
    for name, oracle in {"isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite}.items():
        yield value(name, getattr(ops, name), these(ODD), oracle, dtypes=WIDE)
        yield whole(f"{name}/integers", getattr(ops, name), oracle, SMALL)


TWO_ARGUMENTS = {
    "add": (np.add, normal),
    "subtract": (np.subtract, normal),
    "multiply": (np.multiply, normal),
    "divide": (np.divide, away),
    "maximum": (np.maximum, apart),
    "minimum": (np.minimum, apart),
    "logaddexp": (np.logaddexp, normal),
    "arctan2": (np.arctan2, away),
}
SHAPES = {
    "": ((3, 17), (3, 17)),
    "/row": ((3, 17), (17,)),
    "/column": ((3, 17), (3, 1)),
    "/both ways": ((3, 1, 4), (5, 1)),
    "/number": ((3, 17), ()),
    "/no axes": ((), ()),
    "/empty": ((0, 3), (3,)),
    "/size 1": ((1, 1), (1,)),
}


def two_arguments():
    for name, (oracle, inputs) in TWO_ARGUMENTS.items():
        for kind, shapes in SHAPES.items():
            yield Case(name + kind, getattr(ops, name), inputs(*shapes), oracle)
        if name not in ("logaddexp", "arctan2", "divide"):
            yield whole(f"{name}/integers", getattr(ops, name), oracle, SMALL, np.array([3, -2, 1], "int32"))
    for name in ("maximum", "minimum", "logaddexp", "multiply", "add"):
        yield value(f"{name}/odd numbers", getattr(ops, name), these(np.array(ODD)[:, None], ODD), TWO_ARGUMENTS[name][0], dtypes=WIDE)
    for name, oracle in {"floor_divide": np.floor_divide, "mod": np.mod}.items():
        f = getattr(ops, name)
        yield Case(f"{name}/signs", f, these([[7.3, -7.3], [5.1, -5.1]], [[2.0, 2.5], [-2.0, -2.5]]), oracle, dtypes=WIDE)
        yield value(
            f"{name}/odd numbers", f, these([1.0, -1.0, np.nan, np.inf, 5.0], [0.0, np.inf, 1.0, 2.0, -np.inf]), oracle, dtypes=WIDE
        )
        yield whole(f"{name}/integers", f, oracle, np.array([7, -7, 7, -7]), np.array([3, 3, -3, -3]))


def weak(f):
    """With a Python number beside the tensor."""
    return lambda x: (f(x, 2), f(2.5, x))


CASES = [
    *one_argument(),
    *two_arguments(),
    Case("add/tail of 1025", ops.add, normal((1025,), (1025,)), np.add),
    Case("multiply/the same operand twice", lambda x: ops.multiply(x, x), normal((3, 17)), np.square),
    Case("add/weak numbers", weak(ops.add), normal((3, 17)), lambda x: (x + 2, 2.5 + x)),
    Case("add/NumPy numbers", lambda x: (x + np.float16(2), np.int32(3) * x), normal((3, 17)), lambda x: (x + 2, 3 * x), dtypes=WIDE),
    Case("divide/weak numbers", weak(ops.divide), away((3, 17)), lambda x: (x / 2, 2.5 / x)),
    value("divide/by zero", ops.divide, these([1.0, -1.0, 0.0, np.nan], 0.0), np.divide),
    Case("divide/integers", lambda a, b: ops.divide(a, b), these(np.array([1, 2, 3]), np.array([2, 2, 0])),
         lambda a, b: (a / b).astype("float32"), dtypes=(), differentiable=()),
    Case("true_divide", ops.true_divide, away((3, 17), (17,)), np.divide),
    value("rsqrt/odd numbers", ops.rsqrt, these([np.nan, np.inf, 0.0, 4.0, -1.0]), lambda x: 1 / np.sqrt(x)),
    value("reciprocal/odd numbers", ops.reciprocal, these([np.nan, np.inf, -np.inf, 0.0, -0.0, 4.0]), lambda x: 1 / x),
    value("log1p/near 0", ops.log1p, these([1e-10, -1e-12, 1e-30]), np.log1p, dtypes=WIDE, atol=0),
    value("expm1/near 0", ops.expm1, these([1e-10, -1e-12, 1e-30]), np.expm1, dtypes=WIDE, atol=0),
    value("erf/near 0 and far", ops.erf, these([1e-30, 1e-5, 0.46875, 0.469, 4.0, 5.9, 6.1, 30.0]), scipy.special.erf,
          dtypes=WIDE, rtol=8, atol=0),
    value("erf/many", ops.erf, normal((40_000,)), scipy.special.erf, dtypes=WIDE, rtol=8, atol=0),
    value("round/decimals", lambda x: (ops.round(x, 2), ops.round(x, -1)), these([1.234, -17.0, 25.5, 0.128]),
          lambda x: (np.round(x, 2), np.round(x, -1)), dtypes=WIDE),
    whole("round/integers", lambda x: (ops.round(x), ops.round(x, -1)), lambda x: (x, np.round(x, -1)), SMALL),
    whole("floor/integers", lambda x: ops.floor(x), lambda x: x.astype("float32"), SMALL),
    whole("sign/integers", ops.sign, np.sign, SMALL),
    whole("absolute/integers", ops.absolute, np.abs, SMALL),
    whole("negative/integers", ops.negative, np.negative, SMALL),
    whole("square/bools", ops.square, lambda x: x.astype("int32"), np.array([True, False])),
    whole("sqrt/integers", ops.sqrt, lambda x: np.sqrt(x.astype("float32")), np.array([4, 9, 2])),
    Case("abs/at 0", lambda x: (ops.abs(x), ops.stop_gradient(x)), these([0.0, 1.0, -2.0]), lambda x: (np.abs(x), x), differentiable=()),
    # powers
    Case("power", ops.power, between(0.3, 2.0, (3, 17), (3, 17)), np.power),
    Case("power/row", ops.power, between(0.3, 2.0, (3, 17), (17,)), np.power),
    Case("power/negative base", lambda x: (ops.power(x, 3), ops.power(x, -2.0), ops.power(x, 4.0)), away((3, 17)),
         lambda x: (x**3, x**-2.0, x**4.0), rtol=32),
    Case("power/fast exponents", lambda x: (x**2, x**0.5, x**-1, x**-0.5, x**1, x**0), between(0.3, 2.0, (3, 17)),
         lambda x: (x**2, x**0.5, x**-1, x**-0.5, x, np.ones_like(x))),
    Case("power/base 0", lambda b: ops.power(gpudl.ops.zeros_like(b), b), these([1.5, 2.0, 3.0]), lambda b: 0**b),
    Case("power/number to a tensor", lambda x: 2.0**x, normal((3, 17)), lambda x: 2.0**x),
    value("power/odd numbers", ops.power, these(np.array(ODD)[:, None], [0.0, 1.0, -1.0, 2.0, 0.5, np.nan, np.inf]), np.power, dtypes=WIDE),
    whole("power/integers", lambda a, b: (ops.power(a, b), a**2, a**3), lambda a, b: (a**b, a**2, a**3),
          np.array([2, -3, 0]), np.array([3, 2, 0])),
    # limits and choice
    Case("clip", lambda x: ops.clip(x, -0.8, 1.3), these([[-2.0, -0.5, 0.2], [1.2, 1.5, 3.0]]), lambda x: np.clip(x, -0.8, 1.3)),
    Case("clip/one limit", lambda x: (ops.clip(x, 0.1, None), x.clip(None, 0.1)), these([[-2.0, -0.5], [0.2, 3.0]]),
         lambda x: (np.maximum(x, 0.1), np.minimum(x, 0.1))),
    Case("clip/tensors", ops.clip, these([[-2.0, -0.5], [0.2, 3.0]], [-1.0, 0.1], [[0.5], [1.5]]), np.clip),
    value("clip/odd numbers", lambda x: ops.clip(x, -2.0, 3.0), these(ODD), lambda x: np.clip(x, -2.0, 3.0), dtypes=WIDE),
    whole("clip/integers", lambda x: (ops.clip(x, -3, 5), ops.clip(x, 0, 10**12), ops.clip(x, 0, None)),
          lambda x: (np.clip(x, -3, 5), np.clip(x, 0, None), np.clip(x, 0, None)), SMALL),
    Case("where", ops.where, lambda rng: [rng.integers(0, 2, (3, 17)).astype(bool), *normal((3, 17), (3, 17))(rng)], np.where),
    Case("where/broadcast", ops.where, lambda rng: [np.array([[True], [False], [True]]), *normal((17,), ())(rng)], np.where),
    Case("where/broadcast condition", ops.where, lambda rng: [np.array([True, False]), *normal((3, 1), (1, 1))(rng)], np.where),
    Case("where/numbers", lambda c, x: (ops.where(c, x, 0), ops.where(c, 1.0, x)), lambda rng: [np.array([2, 0, -1]), rng.normal(size=3)],
         lambda c, x: (np.where(c, x, 0), np.where(c, 1.0, x))),
    Case("where/numbers alone", lambda c: ops.where(c, 1.0, 0.0), these([True, False]), lambda c: np.where(c, 1.0, 0.0).astype("f4"),
         dtypes=(), differentiable=()),
    value("where/NaN on the other side", ops.where, these([True, False], [1.0, np.nan], [np.nan, 2.0]), np.where),
    Case(
        "elementwise/refused",
        lambda x: x + 0,
        normal((2,)),
        lambda x: x,
        errors=(
            (lambda: ops.add(np.zeros((2, 3), "f4"), np.zeros(4, "f4")), ShapeError, "(2, 3)"),
            (lambda: ops.where(np.zeros((2, 3), bool), np.zeros(4, "f4"), 1.0), ShapeError, "condition (2, 3)"),
            (lambda: ops.where(np.zeros(3, bool)), ValueError, "depends on the data"),
            (lambda: ops.subtract(np.array([True]), np.array([True])), DTypeError, "bool"),
            (lambda: ops.negative(np.array([True])), DTypeError, "bool"),
            (lambda: ops.power(np.array([2, 3]), -1), ValueError, "negative integer power"),
            (lambda: ops.power(np.array([2, 3]), np.array([-1, 2])), ValueError, "negative integer power"),
            (lambda: ops.round(np.zeros(3, "f4"), 1.5), TypeError, "decimals"),
            (lambda: ops.add(np.array(["a"]), 1), DTypeError, "U1"),
        ),
    ),
]  # fmt: skip

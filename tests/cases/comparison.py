"""Cases of comparisons, logical functions and bits."""

from __future__ import annotations

import numpy as np

import gpudl
from gpudl import ops
from gpudl.errors import DTypeError, ShapeError
from gpudl.testing import Case

ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 2.5])
INTEGERS = np.array([[6, 3, -1], [0, 2, 127]], "int32")
OTHERS = np.array([2, 3, -7], "int32")
TRUTHS = np.array([True, True, False, False])
OTHER_TRUTHS = np.array([True, False, True, False])


def these(*arrays):
    return lambda rng: [np.array(a) for a in arrays]


def case(name, function, inputs, oracle, **options):
    return Case(name, function, inputs, oracle, differentiable=(), **options)


def whole(name, function, oracle, *arrays):
    return Case(name, function, these(*arrays), oracle, dtypes=(), differentiable=())


def families():
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        f, oracle = getattr(ops, name), getattr(np, name)
        yield case(name, f, lambda rng: [rng.integers(-2, 3, (3, 17)) * 0.5, rng.integers(-2, 3, (3, 17)) * 0.5], oracle)
        yield case(f"{name}/broadcast", f, lambda rng: [rng.integers(-2, 3, (3, 1)) * 0.5, rng.integers(-2, 3, (17,)) * 0.5], oracle)
        yield case(f"{name}/odd numbers", f, these(ODD[:, None], ODD), oracle)
        yield case(f"{name}/empty", f, these(np.zeros((0, 3)), np.zeros(3)), oracle)
        yield whole(f"{name}/integers", f, oracle, INTEGERS, OTHERS)
        yield whole(
            f"{name}/a number beyond the type",
            lambda x, f=f: (f(x, 300), f(-1, x)),
            lambda x, oracle=oracle: (oracle(x.astype(int), 300), oracle(-1, x.astype(int))),
            np.array([0, 200, 255], "uint8"),
        )
    for name in ("logical_and", "logical_or", "logical_xor"):
        f, oracle = getattr(ops, name), getattr(np, name)
        yield whole(name, f, oracle, TRUTHS, OTHER_TRUTHS)
        yield whole(f"{name}/integers", f, oracle, INTEGERS, OTHERS * 0)
        yield case(f"{name}/odd numbers", f, these(ODD[:, None], ODD), oracle)
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        f, oracle = getattr(ops, name), getattr(np, name)
        yield whole(name, f, oracle, INTEGERS, OTHERS)
        yield whole(f"{name}/bools", f, oracle, TRUTHS, OTHER_TRUTHS)


def operators(a, b):
    return a == b, a != b, a < b, a <= b, a > b, a >= b


CASES = [
    *families(),
    whole("logical_not", ops.logical_not, np.logical_not, TRUTHS),
    case("logical_not/odd numbers", ops.logical_not, these(ODD), np.logical_not),
    whole("bitwise_not", ops.bitwise_not, np.invert, INTEGERS),
    whole("bitwise_not/bools", ops.bitwise_not, np.invert, TRUTHS),
    case("comparison/operators", operators, these(ODD[:, None], ODD), operators),
    case("comparison/operators with numbers", lambda x: operators(x, 1), these(ODD), lambda x: operators(x, 1)),
    whole("comparison/operators of truths", lambda a, b: (a & b, a | b, a ^ b, ~a, a & True),
          lambda a, b: (a & b, a | b, a ^ b, ~a, a & True), TRUTHS, OTHER_TRUTHS),
    whole("comparison/integers with a fraction", lambda x: (x > 2.5, x == 2.0), lambda x: (x > 2.5, x == 2.0), INTEGERS),
    case("isclose", lambda a, b: (ops.isclose(a, b), ops.isclose(a, b, equal_nan=True), ops.isclose(a, b, rtol=0.5, atol=0.0)),
         these(ODD[:, None], ODD), lambda a, b: (np.isclose(a, b), np.isclose(a, b, equal_nan=True), np.isclose(a, b, rtol=0.5, atol=0.0))),
    whole("isclose/integers", lambda a, b: ops.isclose(a, b, atol=1.0), lambda a, b: np.isclose(a, b, atol=1.0), INTEGERS, OTHERS),
    Case(
        "comparison/refused",
        lambda x: x < 0,
        these([1.0, -1.0]),
        lambda x: x < 0,
        differentiable=(),
        errors=(
            (lambda: ops.less(np.zeros((2, 3), "f4"), np.zeros(4, "f4")), ShapeError, "(2, 3)"),
            (lambda: gpudl.tensor([1.0]) & gpudl.tensor([1.0]), DTypeError, "integers or bools"),
            (lambda: ~gpudl.tensor([1.0]), DTypeError, "integers or bools"),
            (lambda: gpudl.tensor([1.0]) < None, TypeError, "not supported"),
            (lambda: gpudl.tensor([1.0]) + "a", TypeError, "unsupported operand"),
        ),
    ),
]  # fmt: skip

"""Compare element by element and combine truths: `equal`, `less`, `logical_and`, `bitwise_or`, … Results carry no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import apply, broadcast
from ..errors import DTypeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, cast, constant_like, operands
from .mathematics import absolute, isfinite, isnan


def _truth_of_two(name: str) -> Callable[..., Any]:
    return lambda a, b: ((broadcast(name, a, b), dtypes.bool_),)


def _equal(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.equal(a, b, out=y)


def _not_equal(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.not_equal(a, b, out=y)


def _less(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.less(a, b, out=y)


def _less_equal(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.less_equal(a, b, out=y)


def _greater(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.greater(a, b, out=y)


def _greater_equal(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.greater_equal(a, b, out=y)


def _logical_and(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.logical_and(a, b, out=y)


def _logical_or(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.logical_or(a, b, out=y)


def _logical_xor(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.logical_xor(a, b, out=y)


def _logical_not(xp: Any, y: Any, x: Any) -> None:
    xp.logical_not(x, out=y)


EQUAL = Op("equal", _truth_of_two("equal"), _equal)
NOT_EQUAL = Op("not_equal", _truth_of_two("not_equal"), _not_equal)
LESS = Op("less", _truth_of_two("less"), _less)
LESS_EQUAL = Op("less_equal", _truth_of_two("less_equal"), _less_equal)
GREATER = Op("greater", _truth_of_two("greater"), _greater)
GREATER_EQUAL = Op("greater_equal", _truth_of_two("greater_equal"), _greater_equal)
LOGICAL_AND = Op("logical_and", _truth_of_two("logical_and"), _logical_and)
LOGICAL_OR = Op("logical_or", _truth_of_two("logical_or"), _logical_or)
LOGICAL_XOR = Op("logical_xor", _truth_of_two("logical_xor"), _logical_xor)
LOGICAL_NOT = Op("logical_not", lambda x: ((x.shape, dtypes.bool_),), _logical_not)


def _pair(name: str, a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor]:
    """Two operands of one dtype; a Python int that does not fit into the tensor's integers is compared all the same."""
    for x, other in ((a, b), (b, a)):
        if type(x) is int and isinstance(other, Tensor) and other.dtype.kind in "iu":
            limits = np.iinfo(other.dtype)
            if not limits.min <= x <= limits.max:
                wide = dtypes.int64 if -(2**63) <= x < 2**63 and other.dtype != np.uint64 else dtypes.float64
                number = constant_like(x if wide == dtypes.int64 else float(x), wide, other.storage.backend)
                return (number, cast(other, wide)) if x is a else (cast(other, wide), number)
    return operands(name, a, b)


def equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 == x2, with broadcasting; NaN equals nothing.

    >>> equal([1, 2, 3], [1, 0, 3])
    Tensor([ True, False,  True], dtype=bool)
    """
    return apply(EQUAL, _pair("equal", x1, x2))  # type: ignore[no-any-return]


def not_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 != x2, with broadcasting.

    >>> not_equal([1, 2, 3], 2)
    Tensor([ True, False,  True], dtype=bool)
    """
    return apply(NOT_EQUAL, _pair("not_equal", x1, x2))  # type: ignore[no-any-return]


def less(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 < x2, with broadcasting.

    >>> less([1, 2, 3], 2.5)
    Tensor([ True,  True, False], dtype=bool)
    """
    return apply(LESS, _pair("less", x1, x2))  # type: ignore[no-any-return]


def less_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 <= x2, with broadcasting.

    >>> less_equal([1, 2, 3], 2)
    Tensor([ True,  True, False], dtype=bool)
    """
    return apply(LESS_EQUAL, _pair("less_equal", x1, x2))  # type: ignore[no-any-return]


def greater(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 > x2, with broadcasting.

    >>> greater([1, 2, 3], 2)
    Tensor([False, False,  True], dtype=bool)
    """
    return apply(GREATER, _pair("greater", x1, x2))  # type: ignore[no-any-return]


def greater_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 >= x2, with broadcasting.

    >>> greater_equal([1, 2, 3], 2)
    Tensor([False,  True,  True], dtype=bool)
    """
    return apply(GREATER_EQUAL, _pair("greater_equal", x1, x2))  # type: ignore[no-any-return]


def logical_and(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Where both are true; of numbers all but 0 count as true, NaN too.

    >>> logical_and([True, True], [True, False])
    Tensor([ True, False], dtype=bool)
    """
    return apply(LOGICAL_AND, operands("logical_and", x1, x2))  # type: ignore[no-any-return]


def logical_or(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Where at least one is true; of numbers all but 0 count as true.

    >>> logical_or([True, False], [False, False])
    Tensor([ True, False], dtype=bool)
    """
    return apply(LOGICAL_OR, operands("logical_or", x1, x2))  # type: ignore[no-any-return]


def logical_xor(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Where exactly one is true; of numbers all but 0 count as true.

    >>> logical_xor([True, True], [True, False])
    Tensor([False,  True], dtype=bool)
    """
    return apply(LOGICAL_XOR, operands("logical_xor", x1, x2))  # type: ignore[no-any-return]


def logical_not(x: TensorLike) -> Tensor:
    """Where x is false, or 0.

    >>> logical_not([True, False])
    Tensor([False,  True], dtype=bool)
    """
    return apply(LOGICAL_NOT, (as_tensor(x),))  # type: ignore[no-any-return]


def isclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """|x1 - x2| <= atol + rtol * |x2|; infinities are close to themselves, NaN only to NaN and only if `equal_nan`.

    >>> isclose([1.0, 2.0], [1.0 + 1e-7, 2.1])
    Tensor([ True, False], dtype=bool)
    """
    a, b = operands("isclose", x1, x2)
    if not dtypes.is_float(a.dtype):
        a, b = cast(a, dtypes.float64), cast(b, dtypes.float64)
    near = logical_and(less_equal(absolute(a - b), absolute(b) * rtol + atol), isfinite(b))
    near = logical_or(near, equal(a, b))
    return logical_or(near, logical_and(isnan(a), isnan(b))) if equal_nan else near


# bits --------------------------------------------------------------------------------------------------------------------------


def _no_float(name: str, x: Any) -> None:
    if dtypes.is_float(x.dtype):
        raise DTypeError(f"[{name}] integers or bools are needed; for the truth of numbers use the logical functions. Received: {x.dtype}")


def _bits_of_two(name: str) -> Callable[..., Any]:
    def infer(a: Any, b: Any) -> Any:
        _no_float(name, a)
        return ((broadcast(name, a, b), a.dtype),)

    return infer


def _bits(x: Any) -> Any:
    _no_float("bitwise_not", x)
    return ((x.shape, x.dtype),)


def _bitwise_and(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.bitwise_and(a, b, out=y)


def _bitwise_or(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.bitwise_or(a, b, out=y)


def _bitwise_xor(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.bitwise_xor(a, b, out=y)


def _bitwise_not(xp: Any, y: Any, x: Any) -> None:
    xp.invert(x, out=y)


BITWISE_AND = Op("bitwise_and", _bits_of_two("bitwise_and"), _bitwise_and)
BITWISE_OR = Op("bitwise_or", _bits_of_two("bitwise_or"), _bitwise_or)
BITWISE_XOR = Op("bitwise_xor", _bits_of_two("bitwise_xor"), _bitwise_xor)
BITWISE_NOT = Op("bitwise_not", _bits, _bitwise_not)


def bitwise_and(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that both have; for bools the logical and. Raises DTypeError for floats.

    >>> bitwise_and([6, 3], 2)
    Tensor([2, 2], dtype=int32)
    """
    return apply(BITWISE_AND, operands("bitwise_and", x, y))  # type: ignore[no-any-return]


def bitwise_or(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that at least one has; for bools the logical or. Raises DTypeError for floats.

    >>> bitwise_or([4, 3], 2)
    Tensor([6, 3], dtype=int32)
    """
    return apply(BITWISE_OR, operands("bitwise_or", x, y))  # type: ignore[no-any-return]


def bitwise_xor(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that exactly one has; for bools the logical xor. Raises DTypeError for floats.

    >>> bitwise_xor([6, 3], 2)
    Tensor([4, 1], dtype=int32)
    """
    return apply(BITWISE_XOR, operands("bitwise_xor", x, y))  # type: ignore[no-any-return]


def bitwise_not(x: TensorLike) -> Tensor:
    """All bits inverted; for bools the logical not. Raises DTypeError for floats.

    >>> bitwise_not([0, 1])
    Tensor([-1, -2], dtype=int32)
    """
    return apply(BITWISE_NOT, (as_tensor(x),))  # type: ignore[no-any-return]


__all__ = ["bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "equal", "greater", "greater_equal", "isclose", "less", "less_equal",
           "logical_and", "logical_not", "logical_or", "logical_xor", "not_equal"]  # fmt: skip

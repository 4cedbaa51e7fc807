"""Check an op against an oracle, its gradient against differences, its replay against itself: `Case`, `check_case`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOATS = ("float32", "float64", "float16", "bfloat16")


@dataclass(frozen=True)
class Case:
    """One way to call an op, with what it must give.

    Args:
        name: unique, ``"<function>/<what is special>"``.
        function: takes tensors, returns a tensor or a tuple of tensors; calls gpudl ops.
        inputs: ``inputs(rng) -> sequence of arrays``; float arrays as float64 (they are cast to the dtype under test), others as they are.
        oracle: the same in NumPy or SciPy, ``oracle(*arrays) -> array or tuple``, run in float64; independent of our reference kernels.
        dtypes: float types under test; () for ops without float operands.
        differentiable: the numbers of the float inputs that get a gradient; None: all float inputs; () none.
        twice: whether the gradient can be differentiated again.
        rtol, atol: multiples of the dtype's rounding unit that value and gradient may be off by, absolute and relative to the oracle.
        errors: calls that must be refused: (function of no arguments, exception class, words in its message).
    """

    name: str
    function: Callable[..., Any]
    inputs: Callable[[np.random.Generator], Sequence[Any]]
    oracle: Callable[..., Any]
    dtypes: tuple[str, ...] = FLOATS
    differentiable: tuple[int, ...] | None = None
    twice: bool = True
    rtol: float = 16
    atol: float = 16
    errors: tuple[tuple[Callable[[], Any], type[Exception], str], ...] = field(default=())

"""Check an op against an oracle, its gradient against differences, its replay against itself: `Case`, `check_case`, `check_grads`.

Whoever writes an op writes a `Case`; `check_case` then tries everything that the engine promises of every op:

    value       equals the oracle, within rounding, in every dtype; same inputs, same bits; inputs are left alone
    gradient    equals central differences in float64, and float64's gradient in the other dtypes; the same inside a parameter arena
    twice       the gradient's gradient is right, or is refused before any work
    layout      strided, transposed and reversed inputs give what contiguous ones give
    launches    each kernel writes all of its outputs and nothing else; the compiled kernel agrees with the reference
    replay      a recorded step equals the eager one bit for bit, also when temporaries turn to NaN at the end of their planned life
    errors      wrong calls are refused in clear words
"""

from __future__ import annotations

from .compare import assert_close, assert_same_bits
from .contract import (
    Case,
    check_case,
    check_errors,
    check_gradient,
    check_launches,
    check_layout,
    check_op,
    check_replay,
    check_twice,
    check_value,
)
from .differences import check_grads
from .kernels import inspected_launches, use_kernels

__all__ = [
    "Case", "assert_close", "assert_same_bits", "check_case", "check_errors", "check_gradient", "check_grads", "check_launches",
    "check_layout", "check_op", "check_replay", "check_twice", "check_value", "inspected_launches", "use_kernels",
]  # fmt: skip

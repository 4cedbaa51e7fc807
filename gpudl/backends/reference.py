"""Run the reference kernels with NumPy or CuPy, the module passed in.

float16 and bfloat16 are computed in float32 and rounded once, here, so that no reference kernel needs to know.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..dtypes import HALF, float32
from ..errors import BackendError

if TYPE_CHECKING:
    from ..op import Op


def run_reference(xp: Any, op: Op, outs: list[Any], ins: list[Any], attrs: tuple[Any, ...]) -> None:
    """Run `op` on arrays, in float32 where an operand has 16 bits."""
    for a in (*outs, *ins):
        if a.dtype.char in HALF:
            run_half(xp, op, outs, ins, attrs)
            return
    kernel_of(op)(xp, *outs, *ins, *attrs)


def kernel_of(op: Op) -> Callable[..., Any]:
    if op.reference is None:
        raise BackendError(f"[{op.name}] is a view: it has no kernel and is never launched")
    return op.reference


def run_half(xp: Any, op: Op, outs: Any, ins: Any, attrs: tuple[Any, ...]) -> None:
    """Widen 16-bit inputs, run, round the outputs once."""
    fresh = len(outs) - op.updates
    wide_outs = [
        a if a.dtype.char not in HALF else xp.empty(a.shape, float32) if i < fresh else a.astype(float32) for i, a in enumerate(outs)
    ]
    kernel_of(op)(xp, *wide_outs, *[a.astype(float32) if a.dtype.char in HALF else a for a in ins], *attrs)
    for narrow, wide in zip(outs, wide_outs):
        if narrow is not wide:
            narrow[...] = wide.astype(narrow.dtype)


def bound_reference(xp: Any, op: Op, outs: tuple[Any, ...], ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Callable[[], Any]:
    """The same as a call without arguments, for replay."""
    if any(a.dtype.char in HALF for a in (*outs, *ins)):
        return partial(run_half, xp, op, outs, ins, attrs)
    return partial(kernel_of(op), xp, *outs, *ins, *attrs)

"""Recurrent nets of sizes that need several tiles, several parts of scratch memory and split sums, against float64."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, MODULES, call, needs_modules, poisoned

from gpudl.op import registry

pytestmark = needs_modules
GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3}
# N, T, U: one tile and ragged ones, sums of several pieces, and more sequences than the emulation's scratch memory holds at once
SMALL, LARGE = [(5, 4, 7), (33, 9, 40)], (700, 2, 130)
FLOATS = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
RUNS: list[Any] = [(module, dtype, size) for module in MODULES for dtype in FLOATS for size in SMALL]
RUNS += [(module, np.float32, LARGE) for module in MODULES[:1]]  # parts are the same for all, and the emulation takes its time


def operands(name: str, n: int, t: int, u: int, dtype: Any) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    """Inputs, and the shapes of the outputs."""
    rng, gates = np.random.default_rng(n), GATES[name]
    more = {"simple_rnn": [], "lstm": [(n, u)], "gru": [(gates * u,)]}[name]
    shapes: list[Any] = [(n, t, gates * u), (u, gates * u), *more, (n, u)]
    ins = [(rng.standard_normal(s) * (0.5 if s == (u, gates * u) else 1.0) / (u**0.5 if len(s) == 2 else 1)).astype(dtype) for s in shapes]
    return ins, [(n, t, u)] if name == "simple_rnn" else [(n, t, u), (n, t, u), (n, t, gates * u)]


def exactly(name: str, shapes: list[Any], ins: list[np.ndarray], attrs: tuple[int, ...] = ()) -> list[np.ndarray]:
    reference = registry[name].reference
    assert reference is not None
    made = [np.empty(s) for s in shapes]
    reference(np, *made, *[a.astype(np.float64) for a in ins], *attrs)
    return made


@pytest.mark.parametrize(
    ("module", "dtype", "size"),
    [pytest.param(*run, id=f"{run[0].__name__.split('.')[-1]}-{np.dtype(run[1]).name}-{run[2]}") for run in RUNS],
)
@pytest.mark.parametrize("name", GATES)
def test_sizes(module: Any, dtype: Any, size: tuple[int, int, int], name: str) -> None:
    n, t, u = size
    unit = float(np.finfo(dtype).eps) if np.dtype(dtype).kind == "f" else 2.0**-7
    ins, shapes = operands(name, n, t, u, dtype)
    made = [poisoned(s, dtype) for s in shapes]
    assert call(module, name, made, ins) is None
    for got, right in zip(made, exactly(name, shapes, ins)):
        np.testing.assert_allclose(got.astype(np.float64), right, rtol=0, atol=8 * unit)

    g = np.random.default_rng(0).standard_normal((n, t, u)).astype(dtype)
    first = [g, g * dtype(0.5)] if name == "lstm" else [g]
    given, attrs = [*first, *ins[1:], *made], ((1,) if name == "lstm" else ())
    grads = [a.shape for a in ins]
    if name == "lstm":
        grads = [ins[0].shape, ins[1].shape, ins[2].shape, ins[3].shape]
    results = [poisoned(s, dtype) for s in grads]
    assert call(module, f"{name}_grad", results, given, attrs) is None
    for got, right in zip(results, exactly(f"{name}_grad", grads, given, attrs)):
        np.testing.assert_allclose(got.astype(np.float64), right, rtol=0, atol=16 * unit * np.abs(right).max())


def test_explain_lists_a_launch_for_every_step() -> None:
    assert FAST.module is not None
    ins, shapes = operands("lstm", 33, 5, 40, np.float32)
    lines = FAST.module.explain("lstm", tuple(np.zeros(s, np.float32) for s in shapes), tuple(ins), ())
    steps = [line for line in lines if line.startswith("launch ") and "step_kernel" in line]
    assert len(steps) == 5 and all("<<<2x2x1, 256, 0>>>" in line for line in steps), lines

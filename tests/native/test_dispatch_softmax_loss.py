"""Softmax with its cross-entropy in one launch: rows in registers, in shared memory, in pieces and beyond, against float64."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, MODULES, call, needs_modules, poisoned

from gpudl.op import registry

pytestmark = needs_modules
F = np.float32
FLOATS = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
NAMES = ("softmax_crossentropy", "softmax_sparse_crossentropy")


def operands(name: str, rows: int, classes: int, dtype: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Outputs and inputs; one label of a row is no class."""
    rng = np.random.default_rng(classes)
    z = (3 * rng.standard_normal((rows, classes))).astype(dtype)
    target = (2 * rng.random((rows, classes)) / classes).astype(dtype) if name == NAMES[0] else rng.integers(-1, classes, rows)
    wide = F if np.dtype(dtype).itemsize == 2 else dtype
    return [poisoned((rows, classes), dtype), poisoned((2, rows, 1), wide), poisoned(rows, dtype)], [z, target]


def chosen(name: str, rows: int, classes: int, **device: int) -> str:
    assert FAST.module is not None
    outs, ins = operands(name, rows, classes, F)
    lines = [line for line in FAST.module.explain(name, tuple(outs), tuple(ins), (), **device) if line.endswith(" chosen")]
    assert len(lines) == 1
    return str(lines[0]).split(": ")[1].split(" ")[0]


@pytest.mark.parametrize("name", NAMES)
def test_choice(name: str) -> None:
    assert chosen(name, 600, 1000) == "rows_in_registers"
    assert chosen(name, 600, 3000) == "rows_in_shared"
    assert chosen(name, 2, 40_000) == "pieces_of_rows"
    assert chosen(name, 600, 3000, tier=0) == "any"
    assert chosen(name, 600, 3000, sm=70) == "any"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])
@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "classes"), [(5, 1), (9, 10), (3, 1000), (2, 2051), (1, 20_003)])
def test_every_tier_gives_what_float64_gives(module: Any, name: str, rows: int, classes: int, dtype: Any) -> None:
    outs, ins = operands(name, rows, classes, dtype)
    exact = [np.empty(a.shape) for a in outs]
    reference = registry[name].reference
    assert reference is not None
    reference(np, *exact, *[a.astype(np.float64) if a.dtype.kind not in "iu" else a for a in ins])
    unit = float(np.finfo(dtype).eps) if np.dtype(dtype).kind == "f" else 2.0**-7
    for tier in (-1, 0):
        made = [poisoned(a.shape, a.dtype) for a in outs]
        module.force_tier(tier)
        try:
            assert call(module, name, made, ins) is None
        finally:
            module.force_tier(-1)
        for got, right in zip(made, exact):
            tiny = 2.0**-24 if np.dtype(dtype) == np.float16 else 1e-30  # of subnormal probabilities
            np.testing.assert_allclose(got.astype(np.float64), right, rtol=32 * unit, atol=tiny)

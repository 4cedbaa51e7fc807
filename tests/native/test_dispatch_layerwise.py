"""LAMB and Adafactor: which kernels they choose, and that each of them moves parameters as float64 does."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, MODULES, call, needs_modules

from gpudl.op import registry

pytestmark = needs_modules
F = np.float32
RATE, STEPS = np.array(0.25), np.array(3)
LAMB, ADAFACTOR = (0.9, 0.999, 1e-3), (-0.8, 1e-30, 1e-3, 0.5, True)
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])


def arrays(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What is updated, and the gradient, the rate, the steps done."""
    rng = np.random.default_rng(len(shape))
    p, g = rng.standard_normal(shape).astype(dtype), rng.standard_normal(shape).astype(dtype)
    averages: list[Any] = {
        "lamb_": [shape, shape],
        "adafactor_": [shape],
        "adafactor_factored_": [shape, shape[:-1], shape[:-2] + shape[-1:]],
    }[name]
    return [p, *[(rng.random(s) + 0.25).astype(dtype) for s in averages]], [g, RATE, STEPS]


def chosen(name: str, outs: list[np.ndarray], ins: list[np.ndarray], **device: int) -> list[str]:
    assert FAST.module is not None
    attrs = LAMB if name == "lamb_" else ADAFACTOR
    lines = FAST.module.explain(name, tuple(outs), tuple(ins), attrs, **device)
    return [line.split(": ")[1].split(" ")[0] for line in lines if line.endswith(" chosen")]


def odd(array: np.ndarray) -> np.ndarray:
    """A copy that begins one element behind a multiple of 16 bytes."""
    memory = np.zeros(array.nbytes + 32, np.uint8)
    start = next(i for i in range(32) if memory[i:].ctypes.data % 16 == array.itemsize)
    found = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


def test_choice() -> None:
    for name in ("lamb_", "adafactor_"):
        outs, ins = arrays(name, (100,), F)
        assert chosen(name, outs, ins) == ["one_block"]
        assert chosen(name, outs, ins, tier=0) == ["simple"]
        outs, ins = arrays(name, (20_000,), F)
        assert chosen(name, outs, ins) == ["packets"]
        assert chosen(name, [odd(outs[0]), *outs[1:]], ins) == ["simple"]
    outs, ins = arrays("adafactor_factored_", (100, 200), F)
    assert chosen("adafactor_factored_", outs, ins) == ["short_rows", "columns", "packets"]
    assert chosen("adafactor_factored_", outs, ins, tier=0) == ["any", "any", "simple"]


@each_module
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16], ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("shape", [(7, 5), (3, 40, 85), (103, 97), (1, 9001)])
@pytest.mark.parametrize("name", ["lamb_", "adafactor_", "adafactor_factored_"])
def test_every_tier_moves_as_float64_does(module: Any, name: str, shape: tuple[int, ...], dtype: Any) -> None:
    outs, ins = arrays(name, shape, dtype)
    attrs = LAMB if name == "lamb_" else ADAFACTOR
    exact = [a.astype(np.float64) for a in outs]
    reference = registry[name].reference
    assert reference is not None
    reference(np, *exact, ins[0].astype(np.float64), RATE, STEPS, *attrs)
    unit = float(np.finfo(dtype).eps) if np.dtype(dtype).kind == "f" else 2.0**-7
    for tier in (-1, 0):
        for place in (np.copy, odd):
            made = [place(a) for a in outs]
            module.force_tier(tier)
            try:
                assert call(module, name, made, ins, attrs) is None
            finally:
                module.force_tier(-1)
            for got, right in zip(made, exact):
                np.testing.assert_allclose(got.astype(np.float64), right, rtol=8 * unit, atol=4 * unit)

"""Which candidate an elementwise kernel chooses for which operands, and that every tier gives the same bits."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, MODULES, call, needs_modules, poisoned

pytestmark = needs_modules
F = np.float32


def zeros(*shape: int, dtype: Any = F) -> np.ndarray:
    return np.zeros(shape, dtype)


def odd(n: int) -> np.ndarray:
    """Elements that begin 4 bytes behind a multiple of 16."""
    memory = np.zeros(n + 8, F)
    start = next(i for i in range(8) if memory[i:].ctypes.data % 16 == 4)
    return memory[start : start + n]


def chosen(name: str, out: np.ndarray, ins: list[np.ndarray], attrs: tuple[float, ...] = (), **device: int) -> str:
    assert FAST.module is not None
    lines = FAST.module.explain(name, (out,), tuple(ins), attrs, **device)
    found = [line for line in lines if line.endswith(" chosen")]
    assert len(found) == 1, lines
    return str(found[0]).split(": ")[1].split(" ")[0]


CHOICES: list[Any] = [
    ("relu", zeros(5, 7), [zeros(5, 7)], (), "flat_packets"),
    ("relu", zeros(3), [zeros(3)], (), "flat_packets"),
    ("relu", odd(64), [zeros(64)], (), "strided"),
    ("relu", zeros(64), [odd(64)], (), "strided"),
    ("relu", zeros(5, 8), [zeros(8, 5).T], (), "strided"),
    ("relu", zeros(5, 8), [zeros(5, 16)[:, 4:12]], (), "row_packets"),
    ("relu", zeros(5, 8), [zeros(5, 16)[:, 3:11]], (), "strided"),
    ("relu", zeros(5, 8), [zeros(5, 9)[:, :8]], (), "strided"),
    ("relu", zeros(16), [zeros(16)[::-1]], (), "strided"),
    ("add", zeros(5, 8), [zeros(5, 8), zeros(8)], (), "row_packets"),
    ("add", zeros(5, 8), [zeros(5, 8), zeros(5, 1)], (), "row_packets"),
    ("add", zeros(5, 7), [zeros(5, 7), zeros(7)], (), "strided"),
    ("add", zeros(5, 7), [zeros(5, 7), zeros()], (), "flat_packets"),
    ("add", zeros(5, 7), [zeros(1, 1), zeros(5, 7)], (), "flat_packets"),
    ("add", zeros(2, 3, 8), [zeros(2, 1, 8), zeros(3, 1)], (), "row_packets"),
    ("add", zeros(4, dtype=np.int32), [zeros(4, dtype=np.int32)] * 2, (), "strided"),
    ("less", zeros(5, 8, dtype=bool), [zeros(5, 8), zeros(8)], (), "row_packets"),
    ("where", zeros(8), [zeros(8, dtype=bool), zeros(8), zeros()], (), "flat_packets"),
    ("copy", zeros(40, 30), [zeros(30, 40).T], (), "transposed"),
    ("copy", zeros(9, 40, 30), [zeros(9, 30, 40).transpose(0, 2, 1)], (), "transposed"),
    ("copy", zeros(40, 9, 30), [zeros(30, 9, 40).transpose(2, 1, 0)], (), "transposed"),
    ("copy", zeros(40, 3), [zeros(3, 40).T], (), "strided"),
    ("copy", zeros(40, 32), [zeros(40, 64)[:, ::2]], (), "strided"),
    ("expand", zeros(7, 8), [zeros(8)], (7, 8), "row_packets"),
    ("expand", zeros(7, 8), [zeros()], (7, 8), "flat_packets"),
    ("full", zeros(7, 8), [], (1.0, 11, 7, 8), "flat_packets"),
]


@pytest.mark.parametrize(("name", "out", "ins", "attrs", "expected"), CHOICES)
def test_choice(name: str, out: np.ndarray, ins: list[np.ndarray], attrs: tuple[float, ...], expected: str) -> None:
    assert chosen(name, out, ins, attrs) == expected
    assert chosen(name, out, ins, attrs, tier=0) == "strided"
    assert chosen(name, out, ins, attrs, sm=70) == "strided"
    assert chosen(name, out, ins, attrs, sm=75) == expected


DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16, np.uint8]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: np.dtype(d).name)
def test_tiers_agree(module: Any, dtype: Any) -> None:
    """The candidate of every tier, over flat, row and transposed operands, with tails."""
    rng = np.random.default_rng(0)

    def some(*shape: int) -> np.ndarray:
        return rng.integers(-50, 50, shape).astype(dtype)

    def mapped(name: str, shape: tuple[int, ...], *ins: np.ndarray) -> list[np.ndarray]:
        found = []
        for tier in (0, -1):
            module.force_tier(tier)
            try:
                out = poisoned(shape, dtype)
                assert call(module, name, [out], ins) is None
            finally:
                module.force_tier(-1)
            found.append(out)
        return found

    for n in (1, 3, 16, 17, 1000, 4103):
        slow, fast = mapped("add", (n,), some(n), some(n))
        np.testing.assert_array_equal(slow.view(np.uint8), fast.view(np.uint8))
    for shapes in (((5, 32), (5, 32), (32,)), ((7, 3, 16), (7, 1, 16), (3, 1)), ((6, 33), (6, 33), (6, 1))):
        slow, fast = mapped("multiply", shapes[0], some(*shapes[1]), some(*shapes[2]))
        np.testing.assert_array_equal(slow.view(np.uint8), fast.view(np.uint8))
    for shape, axes in (((65, 40), (1, 0)), ((3, 33, 8), (0, 2, 1)), ((31, 2, 64), (2, 1, 0)), ((8, 9, 10, 11), (3, 1, 0, 2))):
        x = some(*shape).transpose(axes)
        for made in mapped("copy", x.shape, x):
            np.testing.assert_array_equal(made.view(np.uint8), np.ascontiguousarray(x).view(np.uint8))

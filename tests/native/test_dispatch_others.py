"""Which candidate optimizers, random numbers, pooling, gathers and sums by index choose, and that every tier gives the same bits."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, MODULES, call, needs_modules, poisoned

pytestmark = needs_modules
F = np.float32
STATE = np.array([1, 2, 3, 4], np.uint32)
POOL = (3, 3, 2, 2, 0, 0, 0, 0, 9, 9)  # windows of 3 x 3, two apart, of images of 9 x 9
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])


def zeros(*shape: int, dtype: Any = F) -> np.ndarray:
    return np.zeros(shape, dtype)


def odd(n: int) -> np.ndarray:
    """Elements that begin 4 bytes behind a multiple of 16."""
    memory = np.zeros(n + 8, F)
    start = next(i for i in range(8) if memory[i:].ctypes.data % 16 == 4)
    return memory[start : start + n]


def chosen(name: str, outs: list[np.ndarray], ins: list[np.ndarray], attrs: tuple[float, ...], **device: int) -> str:
    assert FAST.module is not None
    lines = FAST.module.explain(name, tuple(outs), tuple(ins), attrs, **device)
    found = [line for line in lines if line.endswith(" chosen")]
    assert len(found) == 1 and any(line.startswith("launch ") for line in lines), lines
    return str(found[0]).split(": ")[1].split(" ")[0]


RATE, STEPS = np.array(0.25), np.array(3)
ADAM = (0.9, 0.999, 1e-7)
CHOICES: list[Any] = [
    ("adam_", [zeros(100), zeros(100), zeros(100)], [zeros(100), RATE, STEPS], ADAM, "packets"),
    ("adam_", [zeros(100), odd(100), zeros(100)], [zeros(100), RATE, STEPS], ADAM, "simple"),
    ("adam_", [zeros(100), zeros(100), zeros(100)], [odd(100), RATE, STEPS], ADAM, "simple"),
    ("sgd_", [zeros(3)], [zeros(3), RATE], (), "packets"),
    ("random_uniform", [zeros(10)], [STATE], (0.0, 1.0, 11, 10), "packets"),
    ("random_uniform", [odd(10)], [STATE], (0.0, 1.0, 11, 10), "simple"),
    ("dropout", [zeros(5, 8), STATE.copy()], [zeros(5, 8), STATE], (0.5,), "packets"),
    ("dropout", [odd(40), STATE.copy()], [zeros(40), STATE], (0.5,), "simple"),
    ("dropout", [zeros(5, 8), STATE.copy()], [zeros(5, 8), STATE], (0.5, 5, 1), "simple"),
    ("max_pool2d", [zeros(1, 4, 4, 8), zeros(1, 4, 4, 8, dtype=np.uint8)], [zeros(1, 9, 9, 8)], POOL, "packets"),
    ("max_pool2d", [zeros(1, 4, 4, 6), zeros(1, 4, 4, 6, dtype=np.uint8)], [zeros(1, 9, 9, 6)], POOL, "simple"),
    ("average_pool2d_grad", [zeros(1, 9, 9, 4)], [zeros(1, 4, 4, 4)], POOL, "packets"),
    ("gather_rows", [zeros(2, 12)], [zeros(5, 12), np.arange(5), np.array([1])], (2,), "words"),
    ("gather_rows", [zeros(2, 3)], [zeros(5, 3), np.arange(5), np.array([1])], (2,), "simple"),
    ("take", [zeros(7, 3, 4)], [zeros(7, 9, 4), np.array([1, 2, 8], np.int32)], (1, 7, 9, 4), "words"),
    ("take", [zeros(7, 3, 5)], [zeros(7, 9, 5), np.array([1, 2, 8], np.int32)], (1, 7, 9, 5), "simple"),
    ("take_grad", [zeros(9, 4)], [zeros(3, 4), np.array([1, 2, 8], np.int32)], (0, 9, 4), "sorted"),
]


@pytest.mark.parametrize(("name", "outs", "ins", "attrs", "expected"), CHOICES)
def test_choice(name: str, outs: list[np.ndarray], ins: list[np.ndarray], attrs: tuple[float, ...], expected: str) -> None:
    assert chosen(name, outs, ins, attrs) == expected
    assert chosen(name, outs, ins, attrs, sm=75) == expected
    assert chosen(name, outs, ins, attrs, sm=70) == "simple"
    assert chosen(name, outs, ins, attrs, tier=0) == "simple"


def test_more_indices_than_scratch_memory_holds_are_gone_through_one_by_one() -> None:
    many = np.zeros(600_000, np.int32)  # explain() assumes 8 MiB of scratch memory, 16 bytes an index, padded to a power of two
    assert chosen("take_grad", [zeros(9, 4)], [np.empty((len(many), 4), F), many], (0, 9, 4)) == "simple"


def both_tiers(module: Any, name: str, outs: Any, ins: list[np.ndarray], attrs: tuple[float, ...]) -> list[list[np.ndarray]]:
    results = []
    for tier in (-1, 0):
        module.force_tier(tier)
        try:
            made = outs()
            assert call(module, name, made, ins, attrs) is None
        finally:
            module.force_tier(-1)
        results.append(made)
    return results


def same_bits(results: list[list[np.ndarray]]) -> None:
    for fast, simple in zip(*results):
        assert fast.tobytes() == simple.tobytes()


FLOATS = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
each_float = pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: np.dtype(d).name)


@each_module
@each_float
@pytest.mark.parametrize("n", [1, 7, 64, 4099])
def test_optimizers_and_dropout(module: Any, dtype: Any, n: int) -> None:
    rng = np.random.default_rng(n)
    arrays = [np.abs(rng.standard_normal(n)).astype(dtype) for _ in range(4)]
    same_bits(both_tiers(module, "adam_", lambda: [a.copy() for a in arrays[:3]], [arrays[3], RATE, STEPS], ADAM))
    same_bits(both_tiers(module, "dropout", lambda: [poisoned(n, dtype), STATE.copy()], [arrays[0], STATE], (0.3,)))


@each_module
@each_float
@pytest.mark.parametrize("channels", [8, 16])
def test_pooling(module: Any, dtype: Any, channels: int) -> None:
    rng = np.random.default_rng(channels)
    x, g = rng.standard_normal((2, 9, 9, channels)).astype(dtype), rng.standard_normal((2, 4, 4, channels)).astype(dtype)
    windows = (2, 4, 4, channels)
    forward = both_tiers(module, "max_pool2d", lambda: [poisoned(windows, dtype), np.zeros(windows, np.uint8)], [x], POOL)
    same_bits(forward)
    same_bits(both_tiers(module, "max_pool2d_grad", lambda: [poisoned(x.shape, dtype)], [g, forward[0][1]], POOL))
    same_bits(both_tiers(module, "average_pool2d", lambda: [poisoned(windows, dtype)], [x], POOL))
    same_bits(both_tiers(module, "average_pool2d_grad", lambda: [poisoned(x.shape, dtype)], [g], POOL))


@each_module
@each_float
def test_sums_by_index(module: Any, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    rows, index = rng.standard_normal((3000, 5)).astype(dtype), rng.integers(-40, 45, 3000)
    same_bits(both_tiers(module, "take_grad", lambda: [poisoned((40, 5), dtype)], [rows, index], (0, 40, 5)))


@each_module
@pytest.mark.parametrize("n", [1, 2, 3000, 5000])
def test_sort_is_stable_however_long_the_line(module: Any, n: int) -> None:
    x = np.random.default_rng(n).integers(0, 40, (2, n)).astype(F)  # lines beyond 2,048 leave shared memory on their way
    values, order = poisoned(x.shape), np.zeros(x.shape, np.int32)
    assert call(module, "sort", [values, order], [x], (1,)) is None
    np.testing.assert_array_equal(order, np.argsort(x, 1, kind="stable"))
    np.testing.assert_array_equal(values, np.sort(x, 1))
    top, places = poisoned((2, 1)), np.zeros((2, 1), np.int32)
    assert call(module, "top_k", [top, places], [x], (1, 2, n)) is None
    np.testing.assert_array_equal(places[:, 0], x.argmax(1))

"""Which candidate triangles, entries by index, rows that are replaced and what is gathered over steps choose, and that tiers agree."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, MODULES, call, needs_modules, poisoned

pytestmark = needs_modules
F = np.float32
FLOATS = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])
each_float = pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: np.dtype(d).name)


def zeros(*shape: int, dtype: Any = F) -> np.ndarray:
    return np.zeros(shape, dtype)


def odd(*shape: int) -> np.ndarray:
    """Elements that begin 4 bytes behind a multiple of 16."""
    n = int(np.prod(shape))
    memory = np.zeros(n + 8, F)
    start = next(i for i in range(8) if memory[i:].ctypes.data % 16 == 4)
    return memory[start : start + n].reshape(shape)


def chosen(name: str, outs: list[np.ndarray], ins: list[np.ndarray], attrs: tuple[float, ...], **device: int) -> str:
    assert FAST.module is not None
    found = [line for line in FAST.module.explain(name, tuple(outs), tuple(ins), attrs, **device) if line.endswith(" chosen")]
    assert len(found) >= 1
    return str(found[0]).split(": ")[1].split(" ")[0]


STEPS, YES, NO = np.array(3), np.array(True), np.array(False)
INDEX = np.zeros((5, 8), np.int32)
CHOICES: list[Any] = [
    ("tril", [zeros(5, 8)], [zeros(5, 8)], (0,), "packets"),
    ("triu", [zeros(5, 7)], [zeros(5, 7)], (1,), "packets"),
    ("tril", [odd(5, 8)], [zeros(5, 8)], (0,), "simple"),
    ("take_along_axis", [zeros(5, 8)], [zeros(5, 20), INDEX], (1, 5, 20), "packets"),
    ("take_along_axis", [zeros(5, 8)], [zeros(9, 8), INDEX], (0, 9, 8), "packets"),
    ("take_along_axis", [zeros(5, 7)], [zeros(9, 7), INDEX[:, :1]], (0, 9, 7), "simple"),
    ("take_along_axis", [odd(5, 8)], [zeros(9, 8), INDEX], (0, 9, 8), "simple"),
    ("take_along_axis_grad", [zeros(5, 20)], [zeros(5, 17), np.zeros((5, 17), np.int32)], (1, 5, 20), "lines"),
    ("take_along_axis_grad", [zeros(5, 20)], [zeros(5, 8), INDEX], (1, 5, 20), "simple"),
    ("scatter_update", [zeros(9, 4)], [zeros(9, 4), zeros(3, 4), INDEX[0, :3]], (), "words"),
    ("scatter_update", [zeros(9, 3)], [zeros(9, 3), zeros(3, 3), INDEX[0, :3]], (), "simple"),
    ("scatter_update", [zeros(9, 4)], [odd(9, 4), zeros(3, 4), INDEX[0, :3]], (), "simple"),
    ("scatter_update_grad", [zeros(9, 4), zeros(3, 4)], [zeros(9, 4), INDEX[0, :3]], (), "words"),
    ("accumulate_", [zeros(100)], [zeros(100)], (), "flat_packets"),
    ("average_", [odd(100)], [zeros(100), STEPS], (0.9,), "strided"),
    ("undo_", [zeros(100)], [zeros(100), YES], (), "words"),
    ("undo_", [odd(100)], [zeros(100), YES], (), "simple"),
    ("overwrite_", [zeros(100)], [odd(100), STEPS], (4,), "simple"),
    ("all_finite", [zeros(dtype=bool)], [zeros(100), zeros(3)], (2,), "words"),
    ("all_finite", [zeros(dtype=bool)], [zeros(100), odd(3)], (2,), "simple"),
]


@pytest.mark.parametrize(("name", "outs", "ins", "attrs", "expected"), CHOICES)
def test_choice(name: str, outs: list[np.ndarray], ins: list[np.ndarray], attrs: tuple[float, ...], expected: str) -> None:
    simple = "strided" if name in ("accumulate_", "average_") else "simple"
    assert chosen(name, outs, ins, attrs) == expected
    assert chosen(name, outs, ins, attrs, sm=75) == expected
    assert chosen(name, outs, ins, attrs, sm=70) == simple
    assert chosen(name, outs, ins, attrs, tier=0) == simple


def both_tiers(module: Any, name: str, outs: Any, ins: list[np.ndarray], attrs: tuple[float, ...] = ()) -> list[list[np.ndarray]]:
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


def same_bits(results: list[list[np.ndarray]]) -> list[np.ndarray]:
    for fast, simple in zip(*results):
        assert fast.tobytes() == simple.tobytes()
    return results[0]


def added(dx: np.ndarray, g: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """dx with g added at the places that `index` names, by NumPy in float64."""
    wide = dx.astype(np.float64)
    for at in np.ndindex(g.shape):
        n = dx.shape[axis]
        here = int(index[tuple(0 if m == 1 else a for a, m in zip(at, index.shape))])
        here += n if here < 0 else 0
        if 0 <= here < n:
            wide[tuple(here if d == axis else 0 if dx.shape[d] == 1 else a for d, a in enumerate(at))] += float(g[at])
    return wide


# shapes of x, of the indices, of what is taken, and the axis
LINES: list[Any] = [
    ((5, 20), (5, 40), (5, 40), 1),
    ((20, 5), (40, 5), (40, 5), 0),
    ((3, 20, 1), (3, 33, 4), (3, 33, 4), 1),
    ((3, 1, 20), (1, 6, 12), (3, 6, 12), 2),
    ((2, 20, 3), (2, 30, 1), (2, 30, 3), 1),
    ((1, 2100), (1, 70), (1, 70), 1),  # more places than shared memory holds at once
    ((7, 3), (7, 2), (7, 2), 1),
]


@each_module
@each_float
@pytest.mark.parametrize(("x", "index", "taken", "axis"), LINES)
def test_entries_along_an_axis(module: Any, dtype: Any, x: Any, index: Any, taken: Any, axis: int) -> None:
    rng = np.random.default_rng(len(x))
    attrs = (axis, *x)
    some = rng.integers(-x[axis] - 1, x[axis] + 1, index)  # some of them nowhere
    g = rng.integers(-8, 9, taken).astype(dtype)  # sums that every dtype holds exactly
    dx = same_bits(both_tiers(module, "take_along_axis_grad", lambda: [poisoned(x, dtype)], [g, some], attrs))[0]
    np.testing.assert_array_equal(dx.astype(np.float64), added(np.zeros(x), g, some, axis))
    data = rng.standard_normal(x).astype(dtype)
    y = same_bits(both_tiers(module, "take_along_axis", lambda: [poisoned(taken, dtype)], [data, some], attrs))[0]
    for at in np.ndindex(taken):
        here = int(some[tuple(0 if m == 1 else a for a, m in zip(at, index))])
        here += x[axis] if here < 0 else 0
        if not 0 <= here < x[axis]:
            assert np.isnan(np.float64(y[at]))
        else:
            assert y[at] == data[tuple(here if d == axis else 0 if x[d] == 1 else a for d, a in enumerate(at))]


@each_module
@pytest.mark.parametrize("row", [(), (3,), (8,)])
@pytest.mark.parametrize("n", [1, 9, 200])
def test_the_last_of_rows_that_meet_stays(module: Any, n: int, row: tuple[int, ...]) -> None:
    rng = np.random.default_rng(n)
    x, updates = rng.standard_normal((n, *row)).astype(F), rng.standard_normal((40, *row)).astype(F)
    index = rng.integers(-n - 2, n + 2, 40)
    y = same_bits(both_tiers(module, "scatter_update", lambda: [poisoned(x.shape)], [x, updates, index]))[0]
    expected, last = x.copy(), {}
    for i, at in enumerate(index):
        if -n <= at < n:
            expected[at] = updates[i]
            last[int(at) % n] = i
    np.testing.assert_array_equal(y, expected)
    dx, du = same_bits(both_tiers(module, "scatter_update_grad", lambda: [poisoned(x.shape), poisoned(updates.shape)], [x, index]))
    kept, given = x.copy(), np.zeros_like(updates)
    for at, i in last.items():
        kept[at], given[i] = 0, x[at]
    np.testing.assert_array_equal(dx, kept)
    np.testing.assert_array_equal(du, given)


def test_more_places_than_scratch_memory_holds() -> None:
    """A table of the emulation has 131,072 places; what lies behind them is done by further launches."""
    assert FAST.module is not None
    n = 200_000
    x, index = np.arange(n, dtype=F), np.array([5, 150_000, 5, n + 3, -1])
    y, updates = poisoned(n), np.array([1, 2, 3, 4, 5], F)
    assert call(FAST.module, "scatter_update", [y], [x, updates, index]) is None
    expected = x.copy()
    expected[[5, 150_000, n - 1]] = 3, 2, 5
    np.testing.assert_array_equal(y, expected)
    dx, du = poisoned(n), poisoned(5)
    assert call(FAST.module, "scatter_update_grad", [dx, du], [x, index]) is None
    np.testing.assert_array_equal(du, [0, 150_000, 5, 0, n - 1])
    expected[[5, 150_000, n - 1]] = 0
    np.testing.assert_array_equal(dx, expected)


@each_module
@each_float
@pytest.mark.parametrize("n", [1, 7, 64, 4099])
def test_gathered_over_steps(module: Any, dtype: Any, n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)
    same_bits(both_tiers(module, "average_", lambda: [a.copy()], [b, STEPS], (0.9,)))
    same_bits(both_tiers(module, "mean_gradient_", lambda: [poisoned(n, dtype), a.copy()], [b], (3,)))
    for name, flag, attrs, copied in (
        ("undo_", YES, (), False),
        ("undo_", NO, (), True),
        ("overwrite_", STEPS, (4,), True),
        ("overwrite_", STEPS, (3,), False),
    ):
        made = same_bits(both_tiers(module, name, lambda: [a.copy()], [b, flag], attrs))[0]
        assert made.tobytes() == (b if copied else a).tobytes()


@each_module
@each_float
@pytest.mark.parametrize("n", [1, 7, 64, 40_000])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found(module: Any, dtype: Any, n: int, wrong: float) -> None:
    large = np.finfo(np.float32).max if np.dtype(dtype).itemsize > 2 else 60000.0
    for at in {0, n // 2, n - 1}:
        x, others = np.full(n, large, dtype), np.full(5, -large, dtype)
        assert same_bits(both_tiers(module, "all_finite", lambda: [np.zeros((), bool)], [others, x], (2,)))[0]
        x[at] = wrong
        assert not same_bits(both_tiers(module, "all_finite", lambda: [np.ones((), bool)], [others, x], (2,)))[0]

"""Every kernel that multiplies matrices is right: against float64, on a covering set of small sizes and on seeded draws, candidate by
candidate, with epilogues, batches, strange strides, long sums, under every schedule; a smaller set with each access checked.

`make test-exhaustive` runs the full grid of sizes 1..33.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import CHECKED, FAST, SCHEDULES, call, needs_modules, poisoned

from gpudl import config
from gpudl.backends import cuda

pytestmark = needs_modules
DTYPES: dict[str, Any] = {"f": np.float32, "d": np.float64, "e": np.float16, "E": ml_dtypes.bfloat16}
ROUNDED = {"f": 2.0**-24, "d": 2.0**-53, "e": 2.0**-11, "E": 2.0**-8}  # half of the last place
SMALLEST = {"f": 0.0, "d": 0.0, "e": 2.0**-24, "E": 0.0}  # numbers of float16 that small come in steps
# What is lost of each operand before it is multiplied, for float32.
PRECISION = {"float32": 0.0, "tf32": 2.0**-11, "bf16x3": 2.0**-15, "bf16x6": 2.0**-22, "bf16x9": 0.0}
CANDIDATES = {"f": ("skinny", "tiles", "any"), "d": ("tiles", "any"), "e": ("skinny", "tensor_cores", "tiles", "any")}
CANDIDATES["E"] = CANDIDATES["e"]
ACTS = ("none", "relu", "leaky_relu", "sigmoid", "tanh")
SLOPE = 0.25


@contextmanager
def settings(module: ModuleType, candidate: str = "", precision: str = "float32", schedule: str = "ascending") -> Iterator[None]:
    module.force_candidate(candidate)
    module.set_matmul_precision(module.PRECISIONS.index(precision))
    module.configure(**SCHEDULES[schedule])
    try:
        yield
    finally:
        module.force_candidate("")
        module.set_matmul_precision(0)
        module.configure()


def filled(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, shift: int = 0) -> np.ndarray:
    """Normal numbers, `shift` items behind a multiple of 16 bytes."""
    size, item = int(np.prod(shape)), np.dtype(dtype).itemsize
    memory = np.zeros((size + 32) * item, np.uint8)
    x = np.ndarray(shape, dtype, memory.data, -memory.ctypes.data % 16 + shift * item)
    x[...] = rng.standard_normal(shape)
    return x


def turned(x: np.ndarray, transposed: bool) -> np.ndarray:
    return x.swapaxes(-1, -2) if transposed else x


def allowed(sizes: np.ndarray, k: int, dtype: str, precision: str) -> np.ndarray:
    """How far a sum may be off whose products' absolute values add up to `sizes`: operands, additions and the result are rounded."""
    unit = 2.0**-53 if dtype == "d" else 2.0**-24
    return sizes * (unit * (4 + min(k, 256) / 4 + k / 256) + 2 * PRECISION[precision]) + ROUNDED[dtype] * sizes + SMALLEST[dtype]


def check_product(
    module: ModuleType, a: np.ndarray, b: np.ndarray, ta: bool = False, tb: bool = False, precision: str = "float32"
) -> np.ndarray:
    dtype = {np.dtype(v): k for k, v in DTYPES.items()}[a.dtype]
    left, right = turned(a, ta).astype(np.float64), turned(b, tb).astype(np.float64)
    wanted = left @ right
    y = poisoned(wanted.shape, a.dtype)
    assert call(module, "matmul", [y], [a, b], (ta, tb)) is None
    off = np.abs(y.astype(np.float64) - wanted)
    bound = allowed(np.abs(left) @ np.abs(right), left.shape[-1], dtype, precision)
    assert (off <= bound).all(), f"{a.shape}{'T' * ta} {b.shape}{'T' * tb} {dtype}: off by {np.nanmax(off / bound):.3g} of what is allowed"
    return y


def covering() -> list[tuple[int, int, int]]:
    """Each value 1..33 on each axis, the others from four."""
    few, sizes = (1, 7, 16, 33), set()
    for value, first, second in product(range(1, 34), few, few):
        sizes |= {(value, first, second), (first, value, second), (first, second, value)}
    return sorted(sizes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_covering_set_of_small_sizes(dtype: str) -> None:
    """Every candidate, the transposes and misalignments in turn."""
    assert FAST.module is not None
    rng = np.random.default_rng(1)
    for candidate in CANDIDATES[dtype]:
        with settings(FAST.module, candidate):
            for i, (m, n, k) in enumerate(covering()):
                ta, tb, shift = bool(i & 1), bool(i & 2), i // 4 % 4
                a = filled(rng, (k, m) if ta else (m, k), DTYPES[dtype], shift & 1)
                b = filled(rng, (n, k) if tb else (k, n), DTYPES[dtype], shift >> 1)
                check_product(FAST.module, a, b, ta, tb)


@pytest.mark.skipif("GPUDL_EXHAUSTIVE" not in os.environ, reason="a long test; run make test-exhaustive")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("ta", "tb"), list(product((False, True), repeat=2)))
def test_full_grid_of_small_sizes(dtype: str, ta: bool, tb: bool) -> None:
    assert FAST.module is not None
    rng = np.random.default_rng(2)
    for candidate in CANDIDATES[dtype]:
        with settings(FAST.module, candidate):
            for m, n, k in product(range(1, 34), repeat=3):
                shift = (m + n + k) % 4
                a = filled(rng, (k, m) if ta else (m, k), DTYPES[dtype], shift & 1)
                b = filled(rng, (n, k) if tb else (k, n), DTYPES[dtype], shift >> 1)
                check_product(FAST.module, a, b, ta, tb)


def strided(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The same shape out of a larger array: with gaps, backwards, repeated."""
    kind = rng.integers(4)
    if kind == 0:
        return filled(rng, (*shape[:-1], shape[-1] * 2 + 1), dtype)[..., : 2 * shape[-1] : 2]
    if kind == 1:
        return filled(rng, (*shape[:-2], shape[-2] + 3, shape[-1] + 5), dtype)[..., 2 : 2 + shape[-2], 3 : 3 + shape[-1]]
    if kind == 2:
        return filled(rng, shape, dtype)[..., ::-1, :]
    return np.broadcast_to(filled(rng, (*shape[:-2], 1, shape[-1]), dtype), shape)


def draw(seed: int) -> dict[str, Any]:
    """One random call: sizes, dtype, layout, batches, epilogue, candidate, schedule."""
    rng = np.random.default_rng([7, seed])
    sizes = [int(rng.choice([rng.integers(0, 4), rng.integers(1, 34), rng.integers(30, 150)], p=[0.05, 0.6, 0.35])) for _ in range(3)]
    if rng.random() < 0.1:
        sizes[2] = int(rng.integers(500, 1300))
    dtype = str(rng.choice(list(DTYPES)))
    batches = [((), ()), ((2,), (2,)), ((3,), (1,)), ((2, 1), (2, 3)), ((1,), (4,))][int(rng.choice(5, p=[0.6, 0.1, 0.1, 0.1, 0.1]))]
    precisions = list(PRECISION) if dtype == "f" and rng.random() < 0.4 else ["float32"]
    precision = str(rng.choice(precisions))
    candidates = ("tensor_cores",) if precision != "float32" else ("", *CANDIDATES[dtype])
    return {"rng": rng, "sizes": sizes, "dtype": dtype, "ta": bool(rng.integers(2)), "tb": bool(rng.integers(2)), "batches": batches,
            "strided": rng.random() < 0.25, "shifts": rng.integers(0, 3, 2),
            "candidate": str(rng.choice(candidates)), "precision": precision,
            "act": int(rng.integers(len(ACTS))), "kind": str(rng.choice(["matmul", "matmul_bias", "matmul_act_grad"])),
            "schedule": str(rng.choice(list(SCHEDULES)))}  # fmt: skip


def activated(z: np.ndarray, act: int) -> np.ndarray:
    return [z, np.maximum(z, 0), np.where(z > 0, z, SLOPE * z), 1 / (1 + np.exp(-z)), np.tanh(z)][act]  # type: ignore[return-value]


def steepness(y: np.ndarray, act: int) -> np.ndarray:
    return [np.ones_like(y), (y > 0) * 1.0, np.where(y > 0, 1.0, SLOPE), y * (1 - y), 1 - y * y][act]  # type: ignore[return-value]


def check_draw(module: ModuleType, seed: int) -> None:
    d = draw(seed)
    rng, (m, n, k), dtype = d["rng"], d["sizes"], d["dtype"]
    kind = DTYPES[dtype]
    shapes = (*d["batches"][0], *((k, m) if d["ta"] else (m, k))), (*d["batches"][1], *((n, k) if d["tb"] else (k, n)))
    make = d["strided"] and min(m, n, k) > 0
    a, b = (strided(rng, s, kind) if make else filled(rng, s, kind, int(shift)) for s, shift in zip(shapes, d["shifts"]))
    left, right = turned(a, d["ta"]).astype(np.float64), turned(b, d["tb"]).astype(np.float64)
    exact, sizes = left @ right, np.abs(left) @ np.abs(right)
    outs, ins, attrs = [poisoned(exact.shape, kind)], [a, b], [d["ta"], d["tb"]]
    bound = allowed(sizes, k, dtype, d["precision"])
    rounded = 4 * ROUNDED[dtype]
    if d["kind"] == "matmul_bias":
        bias = filled(rng, (n,), kind, int(d["shifts"][0]))
        ins.append(bias)
        exact = activated(exact + bias.astype(np.float64), d["act"])
        bound = bound + rounded * (np.abs(exact) + np.abs(bias.astype(np.float64)))
    elif d["kind"] == "matmul_act_grad":
        y = filled(rng, exact.shape, kind)
        ins.append(y)
        steep = steepness(y.astype(np.float64), d["act"])
        lost = rounded * (1 + y.astype(np.float64) ** 2)  # of the steepness, where it is small between large numbers
        exact, bound = exact * steep, (bound + rounded * np.abs(exact)) * (np.abs(steep) + lost) + np.abs(exact) * lost + SMALLEST[dtype]
        outs.append(poisoned((n,), kind))
    if d["kind"] != "matmul":
        attrs += [d["act"], SLOPE]
    with settings(module, d["candidate"], d["precision"], d["schedule"]):
        assert call(module, d["kind"], outs, ins, tuple(attrs)) is None, d
        again = [poisoned(x.shape, kind) for x in outs]
        assert call(module, d["kind"], again, ins, tuple(attrs)) is None
    assert all(x.tobytes() == z.tobytes() for x, z in zip(outs, again)), f"not the same bits twice: {d}"
    off = np.abs(outs[0].astype(np.float64) - exact)
    assert (off <= bound).all(), f"{d}: off by {np.max(off / np.maximum(bound, 1e-300)):.3g} of what is allowed"
    if len(outs) > 1:
        axes = tuple(range(exact.ndim - 1))
        sums, room = exact.sum(axes), bound.sum(axes) + (rounded + 2.0**-21 * (dtype != "d")) * np.abs(exact).sum(axes)
        assert (np.abs(outs[1].astype(np.float64) - sums) <= room).all(), f"{d}: sums of columns"


@pytest.mark.parametrize("first", range(0, 500, 50))
def test_draws(first: int) -> None:
    assert FAST.module is not None
    for seed in range(first, first + 50):
        check_draw(FAST.module, seed)


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_no_access_of_a_draw_is_wrong(first: int) -> None:
    assert CHECKED.module is not None
    for seed in range(1000 + first, 1000 + first + 30):
        check_draw(CHECKED.module, seed)


LARGE: list[Any] = [  # more tiles than one, of every core and orientation: m, n, k, dtype, precision, shift of a
    (1153, 1160, 20, "f", "float32", 0), (1152, 1160, 17, "f", "float32", 0), (1160, 1160, 24, "f", "float32", 1),
    (1160, 1160, 40, "E", "float32", 0), (1161, 1160, 36, "e", "float32", 0), (1160, 1160, 20, "f", "tf32", 0),
    (1160, 1160, 36, "f", "bf16x3", 0), (130, 190, 520, "d", "float32", 0), (70, 130, 2050, "f", "float32", 0),
    (70, 130, 2048, "E", "float32", 0), (70, 130, 1031, "f", "bf16x6", 0), (10, 300, 3000, "f", "float32", 0),
    (4000, 10, 64, "e", "float32", 0),
]  # fmt: skip


@pytest.mark.parametrize("case", LARGE, ids=lambda c: "-".join(map(str, c)))
@pytest.mark.parametrize(("ta", "tb"), list(product((False, True), repeat=2)))
def test_large(case: Any, ta: bool, tb: bool) -> None:
    """Tiles of both sizes, parts of k through scratch memory; the same bits under every schedule."""
    assert FAST.module is not None
    m, n, k, dtype, precision, shift = case
    rng = np.random.default_rng(3)
    a, b = filled(rng, (k, m) if ta else (m, k), DTYPES[dtype], shift), filled(rng, (n, k) if tb else (k, n), DTYPES[dtype])
    bits = set()
    candidate = "skinny" if min(m, n) <= 10 else "tensor_cores" if dtype in "eE" or precision != "float32" else "tiles"
    for schedule in SCHEDULES if m * n < 100_000 else ("ascending", "random1"):
        with settings(FAST.module, candidate, precision, schedule):
            bits.add(check_product(FAST.module, a, b, ta, tb, precision).tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("candidate", ["skinny", "tensor_cores", "tiles", "any"])
def test_infinity_and_nan_stay_where_they_are(candidate: str) -> None:
    """Only the rows and columns that hold them are touched: nothing beyond the operands is read, no zero of padding meets an infinity.

    Split into parts an infinity meets parts that are 0, and makes NaN of what would be infinite: so it says in docs/accuracy.md."""
    assert FAST.module is not None
    for dtype in "fE":
        for precision in PRECISION if dtype == "f" and candidate == "tensor_cores" else ("float32",):
            a, b = np.ones((20, 37), DTYPES[dtype]), np.ones((37, 19), DTYPES[dtype])
            a[3, 5], a[7, 36], b[9, 11] = np.inf, np.nan, -np.inf
            y = poisoned((20, 19), DTYPES[dtype])
            with settings(FAST.module, candidate, precision), np.errstate(invalid="ignore"):
                assert call(FAST.module, "matmul", [y], [a, b], (False, False)) is None
                wanted = a.astype(np.float64) @ b.astype(np.float64)
            if precision.startswith("bf16"):
                wanted = np.where(np.isinf(wanted), np.nan, wanted)
            assert np.array_equal(y.astype(np.float64), wanted, equal_nan=True), (dtype, precision)


@pytest.mark.parametrize("k", [256, 2048, 16_384])
def test_long_sums_are_as_exact_as_numpys(k: int) -> None:
    """float32 sums of up to 16,384 products: errors beside those of the CPU's library, which sums in blocks, too."""
    assert FAST.module is not None
    rng = np.random.default_rng(4)
    a, b = filled(rng, (70, k), np.float32), filled(rng, (k, 66), np.float32)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    theirs = np.abs(a @ b - exact).max()
    for candidate in ("tiles", "any"):
        with settings(FAST.module, candidate):
            y = poisoned(exact.shape, np.float32)
            assert call(FAST.module, "matmul", [y], [a, b], (False, False)) is None
        assert np.abs(y - exact).max() <= 2 * theirs, candidate


def test_the_configuration_reaches_the_kernels() -> None:
    """config.set_matmul_precision moves a module that follows it, and only float32 products."""
    assert FAST.module is not None
    cuda.configure(FAST.module)
    x = filled(np.random.default_rng(5), (64, 64), np.float32)
    found = {}
    try:
        for name in ("float32", "bf16x3", "tf32"):
            config.set_matmul_precision(name)
            found[name] = poisoned((64, 64), np.float32)
            assert call(FAST.module, "matmul", [found[name]], [x, x], (False, False)) is None
    finally:
        config.set_matmul_precision("float32")
    exact = x.astype(np.float64) @ x.astype(np.float64)
    errors = {name: float(np.abs(y - exact).max()) for name, y in found.items()}
    assert errors["float32"] * 4 < errors["bf16x3"] and errors["bf16x3"] * 4 < errors["tf32"] < 0.05

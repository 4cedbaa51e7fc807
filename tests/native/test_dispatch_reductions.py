"""Which candidate a reduction, softmax, normalization or loss kernel chooses, and that each is right on every tier, schedule and alignment.

On shapes that the table of cases is too small for; with every access checked where they are small enough."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import CHECKED, FAST, SCHEDULES, call, needs_modules, poisoned

from gpudl import ops  # noqa: F401  (fills the registry)
from gpudl.op import registry
from gpudl.testing import assert_close

pytestmark = needs_modules
F = np.float32
Calls = list[tuple[str, list[np.ndarray], tuple[float, ...]]]


def normal(*shape: int, dtype: Any = F, mean: float = 0.0, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng([seed, *shape]).standard_normal(shape) + mean).astype(dtype)


def updated(name: str, channels: int) -> list[np.ndarray]:
    """What an op updates, before it does."""
    if name in ("batch_norm", "batch_norm_act"):
        return [np.full(channels, 0.5), np.full(channels, 2.0)]
    return [np.array([0.25, 0.5])] if name.endswith("_") else []


def outputs(name: str, ins: list[np.ndarray], attrs: tuple[float, ...]) -> list[np.ndarray]:
    op = registry[name]
    fresh = [poisoned(shape, dtype) for shape, dtype in (op.infer(*ins, *attrs) if op.infer else ())]
    held = np.float64 if "batch_norm" not in name or ins[0].dtype == np.float64 else F
    return [*fresh, *(a.astype(held) for a in updated(name, ins[0].shape[-1] if ins[0].ndim else 1))]


def run(module: ModuleType, name: str, ins: list[np.ndarray], attrs: tuple[float, ...]) -> list[np.ndarray]:
    outs = outputs(name, ins, attrs)
    assert call(module, name, outs, ins, attrs) is None, f"{name} has no kernel for these operands"
    return outs


def exact(name: str, ins: list[np.ndarray], attrs: tuple[float, ...]) -> list[np.ndarray]:
    wide = [a.astype(np.float64) if a.dtype.kind in "fV" or a.dtype == ml_dtypes.bfloat16 else a for a in ins]
    outs = outputs(name, wide, attrs)
    with np.errstate(all="ignore"):
        reference = registry[name].reference
        assert reference is not None
        reference(np, *outs, *wide, *attrs)
    return outs


def soft(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and what softmax knows besides."""
    made = outputs("softmax", [x], axes)
    for array, values in zip(made, exact("softmax", [x], axes)):
        array[...] = values
    return made[0], made[1]


def count_of(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return int(np.prod([shape[i] for i in axes]))


def calls_along(shape: tuple[int, ...], axes: tuple[int, ...], dtype: Any = F) -> Calls:
    """Every reduction of one array along axes, and its gradient."""
    x = normal(*shape, dtype=dtype)
    names = ["sum", "mean", "max", "min", "var", "logsumexp", "euclidean_norm", "any", "all", "count_nonzero"]
    names += ["prod"] if count_of(shape, axes) < 100 else []
    names += ["argmax", "argmin"] if len(axes) == 1 else []
    made: Calls = [(name, [x], (0, *axes)) for name in names]
    lengths = tuple(n for i, n in enumerate(shape) if i not in axes)
    g = normal(*lengths, dtype=dtype, seed=1)
    made += [(name, [g], (len(axes), *axes, *shape)) for name in ("sum_grad", "mean_grad")]
    for name, gradient in (("logsumexp", "logsumexp_grad"), ("euclidean_norm", "euclidean_norm_grad"), ("max", "extreme_grad")):
        y = exact(name, [x], (0, *axes))[0].astype(dtype)
        made.append((gradient, [g, x, y], (0, *axes)))
    return [*made, ("var_grad", [g, x], (0, *axes))]


def softmaxes(shape: tuple[int, ...], axes: tuple[int, ...] = (1,), dtype: Any = F) -> Calls:
    g, x = normal(*shape, dtype=dtype), normal(*shape, dtype=dtype, seed=1)
    log_p = exact("log_softmax", [x], axes)[0].astype(dtype)
    return [("softmax", [x], axes), ("log_softmax", [x], axes), ("softmax_grad", [g, soft(x, axes)[0]], axes),
            ("log_softmax_grad", [g, log_p], axes)]  # fmt: skip


def losses(rows: int, classes: int, dtype: Any = F) -> Calls:
    z, g = normal(rows, classes, dtype=dtype), normal(rows, dtype=dtype, seed=2)
    t = soft(normal(rows, classes, dtype=dtype, seed=1), (1,))[0]
    p, stats = soft(z, (1,))
    labels = np.arange(rows) * 7 % (classes + 1) - (np.arange(rows) % 11 == 0)  # some are outside
    return [
        ("categorical_crossentropy", [z, p, stats, t], ()), ("categorical_crossentropy_grad", [g, p, t], ()),
        ("sparse_categorical_crossentropy", [z, p, stats, labels], ()), ("sparse_categorical_crossentropy_grad", [g, p, labels], ()),
        ("mean_squared_error", [z, t], ()), ("mean_squared_error_grad", [g, z, t], ()),
        ("weighted_sum", [z, t], (3.0, rows, classes)), ("weighted_sum_grad", [g[:1].reshape(()), t], (3.0, rows, classes)),
        ("sparse_categorical_accuracy_", [z, labels, np.array(0.5)], ()), ("categorical_accuracy_", [z, t, np.abs(g)], ()),
        ("mean_", [z, np.abs(g)], ()), ("binary_accuracy_", [z, (t > 0.1).astype(F), np.array(1.0)], (0.25,)),
    ]  # fmt: skip


def norms(count: int, channels: int, dtype: Any = F, mean: float = 0.0) -> Calls:
    wide = np.float64 if dtype == np.float64 else F
    x, g = normal(count, channels, dtype=dtype, mean=mean), normal(count, channels, dtype=dtype, seed=1)
    gamma, beta = normal(channels, dtype=wide, seed=2), normal(channels, dtype=wide, seed=3)
    down = [x.astype("f8").mean(0).astype(wide), (1 / np.sqrt(x.astype("f8").var(0) + 0.1)).astype(wide)]
    along = [x.astype("f8").mean(1, keepdims=True).astype(wide), (1 / np.sqrt(x.astype("f8").var(1, keepdims=True) + 0.1)).astype(wide)]
    return [
        ("batch_norm", [x, gamma, beta], (0.75, 0.1)), ("batch_norm_grad", [g, x, gamma, *down], ()),
        ("batch_norm_act", [x, gamma, beta], (0.75, 0.1, 1, 0.0)), ("batch_norm_act", [x, gamma, beta], (0.75, 0.1, 2, 0.3)),
        ("batch_norm_act_grad", [g, x, gamma, beta, *down], (1, 0.0)), ("batch_norm_act_grad", [g, x, gamma, beta, *down], (2, -0.5)),
        ("batch_norm_inference_act", [x, down[0], down[1], gamma, beta], (0.1, 2, 0.3)),
        ("batch_norm_inference", [x, down[0], down[1], gamma, beta], (0.1,)),
        ("batch_norm_inference_grad", [g, x, down[0], down[1], gamma], (0.1,)),
        ("layer_norm", [x, gamma, beta], (0.1, 1)), ("layer_norm_grad", [g, x, gamma, *along], (1,)),
        ("rms_norm", [x, gamma], (0.1, 1)), ("rms_norm_grad", [g, x, gamma, along[1]], (1,)),
    ]  # fmt: skip


SMALL: dict[str, Calls] = {
    "rows": calls_along((5, 70), (1,)),
    "a row": calls_along((1, 300), (1,)),
    "whole packets": calls_along((9, 64), (1,)),
    "columns": calls_along((70, 12), (0,)),
    "narrow columns": calls_along((600, 3), (0,)),
    "inner columns": calls_along((3, 40, 36), (1,)),
    "two runs": calls_along((3, 5, 4, 7), (0, 2)),
    "inner runs": calls_along((3, 5, 4, 7), (1, 3)),
    "half rows": calls_along((5, 70), (1,), np.float16),
    "half columns": calls_along((70, 16), (0,), ml_dtypes.bfloat16),
    "double": calls_along((5, 70), (1,), np.float64),
    "softmax of few": softmaxes((33, 8)),
    "softmax": softmaxes((7, 100)),
    "softmax of packets": softmaxes((3, 128), dtype=np.float16),
    "softmax of a thousand": softmaxes((2, 1024)),
    "softmax in shared memory": softmaxes((2, 1030)),
    "softmax of columns": softmaxes((3, 17, 5), (1,)),
    "losses": losses(50, 10),
    "losses of packets": losses(20, 72, ml_dtypes.bfloat16),
    "losses of many": losses(6, 1100),
    "softmax of pieces": softmaxes((2, 12_101)),
    "softmax of half pieces": softmaxes((2, 12_304), dtype=np.float16),
    "norms of pieces": norms(2, 12_304)[-4:],
    "counted": [(name, [np.random.default_rng(0).integers(-3, 4, shape).astype(d)], (0, axis))
                for shape, axis in (((9, 200), 1), ((200, 9), 0), ((2, 3000), 1)) for d in ("?", "u1", "i4", "i8")
                for name in ("sum", "any", "all", "count_nonzero", "argmax", "argmin")],
    "norms": norms(70, 24),
    "norms of few": norms(300, 3),
    "norms of half": norms(40, 64, np.float16),
    "norms of tails": norms(19, 37, ml_dtypes.bfloat16),
    "norms of double": norms(30, 20, np.float64),
    "norms far from 0": norms(96, 32, mean=1000.0)[:1],
    "clipped": [("clip_norms", [normal(20_000, dtype=d)], (0.5, 3, 9000, 9000, 9001, 9100, 19_999))
                for d in (F, np.float64, np.float16, ml_dtypes.bfloat16)],
    "squares": [("square_sum", [normal(*shape, dtype=d)], ()) for shape in ((3, 7), (9000,), (1, 1)) for d in (F, np.float64, np.float16)],
    "running": [("cumsum", [normal(3, 5000)], (1, 0)), ("cumsum", [normal(3, 5000)], (1, 1)), ("cumsum", [normal(40, 9)], (0, 1)),
                ("cumprod", [normal(4, 30)], (1,))],
}  # fmt: skip
LARGE: dict[str, Calls] = {
    "long rows": calls_along((3, 30_001), (1,)),
    "a long row": calls_along((1, 100_000), (1,), np.float16),
    "many rows": calls_along((600, 1100), (1,))[:1],
    "tall columns": calls_along((30_000, 8), (0,)),
    "tall columns of half": calls_along((9000, 64), (0,), np.float16),
    "softmax of long rows": softmaxes((3, 20_000)),
    "softmax of long half rows": softmaxes((2, 12_345), dtype=ml_dtypes.bfloat16),
    "losses of long rows": losses(3, 30_000),
    "many losses": losses(9000, 3),
    "tall norms": norms(6000, 40),
    "tall norms of half": norms(3000, 256, ml_dtypes.bfloat16),
    "wide norms": norms(3, 13_000),
    "softmax of many long rows": softmaxes((520, 12_100))[:1],
    "softmax of a very long row": softmaxes((1, 300_000)),
    "long rows of double": calls_along((3, 9001), (1,), np.float64),
    "tall columns of double": calls_along((9001, 6), (0,), np.float64),
    "tall norms far from 0": norms(9000, 4, mean=1000.0)[:1],
    "running": [("cumsum", [normal(2, 150_000, dtype=d)], (1, 0)) for d in (F, np.float16)],
}  # fmt: skip
FAR = {"batch_norm": 2000.0}  # at mean 1000 the mean itself is rounded, by half of 2^-14 or 512 rounding units


def bound(name: str, far: bool) -> float:
    return FAR[name] if far else 64.0 if "norm" in name or "grad" in name else 24.0


@pytest.mark.parametrize("group", [*SMALL, *(f"large: {name}" for name in LARGE)])
def test_right_on_every_candidate(group: str) -> None:
    """Against float64, on the fast tiers and on the simple one; the same bits under every schedule."""
    assert FAST.module is not None
    module, large = FAST.module, group.startswith("large")
    for name, ins, attrs in LARGE[group[7:]] if large else SMALL[group]:
        wanted = exact(name, ins, attrs)
        for tier in (-1,) if large else (-1, 0):
            module.force_tier(tier)
            try:
                first = run(module, name, ins, attrs)
                for schedule in ("descending", "random1") if large else SCHEDULES:
                    module.configure(**SCHEDULES[schedule])
                    again = run(module, name, ins, attrs)
                    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again)), f"{name}: other bits when threads run {schedule}"
            finally:
                module.force_tier(-1)
                module.configure()
            for i, (got, right) in enumerate(zip(first, wanted)):
                off = bound(name, "far" in group)
                sums = max(
                    1.0, (max(a.size for a in ins) / max(1, got.size)) ** 0.5 / 4
                )  # of numbers around 0 grow like this, results need not
                assert_close(got, right, off, off * sums, f"{name}, output {i}, tier {tier}")


@pytest.mark.parametrize("schedule", ["ascending", "random1"])
@pytest.mark.parametrize("group", SMALL)
def test_no_access_is_wrong(group: str, schedule: str) -> None:
    assert CHECKED.module is not None and FAST.module is not None
    for name, ins, attrs in SMALL[group]:
        for tier in (-1, 0):
            for module in (CHECKED.module, FAST.module):
                module.force_tier(tier)
            CHECKED.module.configure(**SCHEDULES[schedule])
            try:
                checked, fast = run(CHECKED.module, name, ins, attrs), run(FAST.module, name, ins, attrs)
            finally:
                CHECKED.module.configure()
                for module in (CHECKED.module, FAST.module):
                    module.force_tier(-1)
            assert all(a.tobytes() == b.tobytes() for a, b in zip(checked, fast)), name


def moved(a: np.ndarray) -> np.ndarray:
    """The same numbers, one element behind a multiple of 16 bytes."""
    memory = np.zeros(a.size + 32, a.dtype)
    start = next(i for i in range(1, 17) if memory[i:].ctypes.data % 16 == a.itemsize % 16)
    memory[start : start + a.size] = a.reshape(-1)
    return memory[start : start + a.size].reshape(a.shape)


@pytest.mark.parametrize(
    "group", ["whole packets", "columns", "half columns", "softmax of packets", "losses of packets", "norms", "clipped"]
)
def test_alignment_changes_no_bits(group: str) -> None:
    assert CHECKED.module is not None
    for name, ins, attrs in SMALL[group]:
        here, there = run(CHECKED.module, name, ins, attrs), run(CHECKED.module, name, [moved(a) for a in ins], attrs)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(here, there)), name


def chosen(name: str, ins: list[np.ndarray], attrs: tuple[float, ...], **device: int) -> list[str]:
    assert FAST.module is not None
    lines = FAST.module.explain(name, tuple(outputs(name, ins, attrs)), tuple(ins), attrs, **device)
    return [line.split(": ")[1].split(" ")[0] for line in lines if line.endswith(" chosen")]


CHOICES: list[Any] = [
    ("sum", [normal(5, 7)], (0, 1), ["short_rows"]),
    ("sum", [normal(5, 1024)], (0, 1), ["short_rows"]),
    ("sum", [normal(5, 1025)], (0, 1), ["long_rows"]),
    ("sum", [normal(5, 7)], (0, 0), ["columns"]),
    ("sum", [normal(5, 1)], (0, 0), ["short_rows"]),
    ("sum", [normal(3, 5, 7)], (0, 0, 1), ["columns"]),
    ("sum", [normal(3, 5, 7)], (0, 0, 1, 2), ["short_rows"]),
    ("sum", [normal(3, 5, 7)], (0, 0, 2), ["any"]),
    ("sum", [normal(5, 7)], (0,), ["short_rows"]),
    ("sum", [normal(5, 7, dtype=np.float64)], (0, 1), ["short_rows"]),
    ("prod", [normal(5, 7)], (0, 0), ["columns"]),
    ("sum", [np.ones((5, 7), np.int32)], (0, 1), ["short_rows"]),
    ("sum", [np.ones((5, 7), np.bool_)], (0, 0), ["columns"]),
    ("sum", [np.ones((5, 7000), np.int64)], (0, 1), ["long_rows"]),
    ("sum", [np.ones((5, 7), np.int16)], (0, 1), ["any"]),
    ("any", [np.ones((5, 7), np.bool_)], (0, 1), ["short_rows"]),
    ("all", [np.ones((5, 7), np.int64)], (0, 0), ["columns"]),
    ("count_nonzero", [normal(5, 7000, dtype=np.float16)], (0, 1), ["long_rows"]),
    ("any", [normal(5, 7, dtype=np.float64)], (0, 1), ["any"]),
    ("sum_to", [normal(50, 7)], (7,), ["columns"]),
    ("sum_to", [normal(50, 7)], (50, 1), ["short_rows"]),
    ("sum_to", [normal(2, 50, 7)], (1, 50, 1), ["any"]),
    ("argmax", [normal(5, 7)], (0, 1), ["short_rows"]),
    ("argmax", [normal(5, 7, dtype=np.float16)], (0, 1), ["short_rows"]),
    ("argmin", [np.ones((5, 7), np.int64)], (0, 0), ["columns"]),
    ("argmax", [np.ones((5, 7), np.uint8)], (0, 1), ["any"]),
    ("softmax", [normal(5, 1024)], (1,), ["rows_in_registers"]),
    ("softmax", [normal(5, 12_000)], (1,), ["rows_in_shared"]),
    ("softmax", [normal(5, 12_100)], (1,), ["pieces_of_rows"]),
    ("softmax", [np.zeros((512, 12_100), F)], (1,), ["long_rows"]),
    ("softmax", [normal(5, 7)], (0,), ["any"]),
    ("softmax_grad", [normal(5, 6100), normal(5, 6100)], (1,), ["pieces_of_rows"]),
    ("log_softmax", [normal(1, 12_100, dtype=np.float16)], (0, 1), ["pieces_of_rows"]),
    ("layer_norm", [normal(5, 64), normal(64), normal(64)], (0.1, 1), ["rows_in_registers"]),
    ("layer_norm_grad", [normal(5, 64), normal(5, 64), normal(64), normal(5, 1), normal(5, 1)], (1,), ["rows_in_registers", "columns"]),
    ("batch_norm", [normal(5, 64), normal(64), normal(64)], (0.9, 0.1), ["columns", "columns"]),
    ("batch_norm", [normal(5, 1), normal(1), normal(1)], (0.9, 0.1), ["short_rows", "columns"]),
    ("batch_norm_act", [normal(5, 64), normal(64), normal(64)], (0.9, 0.1, 1, 0.0), ["columns", "columns"]),
    ("batch_norm_act_grad", [normal(5, 64), normal(5, 64), *[normal(64)] * 4], (1, 0.0), ["columns", "columns"]),
    ("batch_norm_inference_act", [normal(5, 64), *[np.ones(64, F)] * 4], (0.1, 1, 0.0), ["columns"]),
    ("cumsum", [normal(5, 70)], (1, 0), ["rows"]),
    ("cumsum", [normal(5, 70)], (0, 0), ["lines"]),
    ("clip_norms", [normal(9000)], (1.0, 0, 9000), ["pieces"]),
    ("square_sum", [normal(3, 900)], (), ["long_rows"]),
    ("clip_norms", [normal(90)], (1.0, 0, 90), ["segments"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ins", "attrs", "wanted"), CHOICES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CHOICES)])
def test_choice(name: str, ins: list[np.ndarray], attrs: tuple[float, ...], wanted: list[str]) -> None:
    assert chosen(name, ins, attrs) == wanted
    simple = chosen(name, ins, attrs, tier=0)
    assert len(simple) == len(wanted) and set(simple) <= {"any", "lines", "segments"}
    for sm, multiprocessors in ((75, 20), (80, 108), (120, 170)):  # the order of a sum does not depend on the device
        assert chosen(name, ins, attrs, sm=sm, multiprocessors=multiprocessors) == wanted

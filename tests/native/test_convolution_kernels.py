"""Convolutions and their gradients on emulated CUDA kernels, of every tier, against the reference in float64: each value of each axis, and
seeded draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from convolutions import FLOATS, OPS, Shape, covering, drawn, operands
from emulated import CHECKED, FAST, SCHEDULES, call, needs_modules, poisoned

from gpudl.op import registry
from gpudl.ops._correlate import correlate, correlate_kernel, spread

pytestmark = needs_modules
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53, "float16": 2.0**-11, "bfloat16": 2.0**-8}


def exact(op: str, shape: Shape, a: np.ndarray, b: np.ndarray, of: tuple[int, ...]) -> np.ndarray:
    result = np.zeros(of)
    reference = {"conv2d": correlate, "conv2d_grad_input": spread, "conv2d_grad_kernel": correlate_kernel}[op]
    reference(np, result, a.astype(np.float64), b.astype(np.float64), shape.slide)
    return result


def terms(op: str, shape: Shape) -> int:
    p, q = shape.slide.windows
    return {"conv2d": shape.r * shape.s * shape.c, "conv2d_grad_input": shape.r * shape.s * shape.k, "conv2d_grad_kernel": shape.n * p * q}[
        op
    ]


def check(module: Any, op: str, shape: Shape, dtype: str) -> None:
    (a, b), of = operands(op, shape, dtype)
    result = poisoned(of, FLOATS[dtype])
    assert call(module, op, [result], [a, b], tuple(shape.slide)) is None
    right = exact(op, shape, a, b, of)
    size = exact(
        op, shape, np.abs(a), np.abs(b), of
    )  # of the terms of each sum; their rounding errors are random, so they grow like a root
    sums = (4 + np.sqrt(terms(op, shape))) * UNIT["float64" if dtype == "float64" else "float32"] * size
    allowed = sums + 1.01 * UNIT[dtype] * np.abs(right)
    wrong = ~(np.abs(result.astype(np.float64) - right) <= allowed)
    assert not wrong.any(), f"{op} {dtype} {shape}: {wrong.sum()} of {wrong.size} are wrong, first at {np.argwhere(wrong)[0]}"


TIERS = (-1, 2, 1, 0)  # all, no higher than sm80, simt, simple
each_op = pytest.mark.parametrize("op", OPS)


@pytest.fixture(params=TIERS, ids=lambda t: "any" if t < 0 else ("simple", "simt", "sm80")[t])
def module(request: pytest.FixtureRequest) -> Iterator[Any]:
    assert FAST.module is not None
    FAST.module.force_tier(request.param)
    yield FAST.module
    FAST.module.force_tier(-1)


@each_op
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_value_of_every_axis(module: Any, op: str, dtype: str) -> None:
    for shape in covering():
        check(module, op, shape, dtype)


@each_op
@pytest.mark.parametrize("part", range(5))
def test_draws(module: Any, op: str, part: int) -> None:
    for i, shape in enumerate(drawn(30, part)):
        check(module, op, shape, ("float32", "bfloat16", "float16", "float32", "float64")[i % 5])


@each_op
@pytest.mark.parametrize("schedule", ["ascending", "random1"])
@pytest.mark.parametrize("tier", TIERS[1:])
def test_no_access_is_wrong(op: str, schedule: str, tier: int) -> None:
    module = CHECKED.module
    assert module is not None
    module.configure(**SCHEDULES[schedule])
    module.force_tier(tier)
    try:
        for i, shape in enumerate(list(covering())[::5] + list(drawn(10, 77))):
            check(module, op, shape, ("float32", "bfloat16", "float64")[i % 3])
    finally:
        module.force_tier(-1)
        module.configure()


@each_op
@pytest.mark.parametrize(("precision", "unit"), [("tf32", 2.0**-11), ("bf16x3", 2.0**-16)])
def test_float32_on_tensor_cores_where_it_is_allowed(op: str, precision: str, unit: float) -> None:
    module = FAST.module
    assert module is not None
    module.set_matmul_precision(module.PRECISIONS.index(precision))
    module.force_tier(2)
    try:
        for shape in [*list(covering())[::3], *drawn(10, 9)]:
            (a, b), of = operands(op, shape, "float32")
            result = poisoned(of)
            assert call(module, op, [result], [a, b], tuple(shape.slide)) is None
            off = np.abs(result - exact(op, shape, a, b, of))
            assert (off <= 2.5 * unit * exact(op, shape, np.abs(a), np.abs(b), of) + 1e-30).all(), f"{op} {precision} {shape}"
    finally:
        module.force_tier(-1)
        module.set_matmul_precision(0)


@each_op
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_large_tiles_and_parts_of_a_sum(op: str, dtype: str) -> None:
    """Sizes from which on tiles of 128 x 128 are taken, and sums long enough to be shared out to blocks."""
    assert FAST.module is not None
    for tier in (2, 1):
        FAST.module.force_tier(tier)
        try:
            check(FAST.module, op, Shape(n=1, h=120, w=110, c=8, k=8, r=2, s=1, top=0, left=0, bottom=0, right=0), dtype)
            check(FAST.module, op, Shape(n=1, h=9, w=9, c=136, k=200, top=0), dtype)
        finally:
            FAST.module.force_tier(-1)


ACT_SHAPES = [
    Shape(),
    Shape(c=16, k=24, stride_h=2, stride_w=2),
    Shape(c=3, k=16, groups=2),
    Shape(c=1, k=1, groups=16),
    Shape(c=16, k=8, r=1, s=1, top=0, bottom=0, left=0, right=0),
    Shape(c=8, k=8, r=1, s=1, top=0, bottom=0, left=0, right=0, groups=2),
    Shape(n=3, h=16, w=16, c=5, k=7),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("act", range(5))
def test_bias_activation_and_sums_of_channels(module: Any, dtype: str, act: int) -> None:
    """conv2d_bias and conv2d_act_grad on every tier, against the same steps in float64."""
    for shape in ACT_SHAPES:
        attrs = (*shape.slide, act, 0.25)
        (x, k), of = operands("conv2d", shape, dtype)
        (g, _), image = operands("conv2d_grad_input", shape, dtype, 1)
        bias = np.random.default_rng(2).standard_normal(of[-1:]).astype(FLOATS[dtype])
        saved = np.random.default_rng(3).uniform(-0.9, 0.9, image).astype(FLOATS[dtype])
        y, dz, db = poisoned(of, FLOATS[dtype]), poisoned(image, FLOATS[dtype]), poisoned(image[-1:], FLOATS[dtype])
        assert call(module, "conv2d_bias", [y], [x, k, bias], attrs) is None
        assert call(module, "conv2d_act_grad", [dz, db], [g, k, saved], attrs) is None
        wide = [a.astype(np.float64) for a in (x, k, bias, g, saved)]
        right = np.zeros(of), np.zeros(image), np.zeros(image[-1:])
        reference, back = registry["conv2d_bias"].reference, registry["conv2d_act_grad"].reference
        assert reference is not None and back is not None
        reference(np, right[0], *wide[:3], *attrs)
        back(np, right[1], right[2], wide[3], wide[1], wide[4], *attrs)
        unit = UNIT[dtype]
        near(y, right[0], 200 * UNIT["float32" if dtype != "float64" else dtype] + 2 * unit * np.abs(right[0]), f"conv2d_bias {shape}")
        near(dz, right[1], 200 * UNIT["float32" if dtype != "float64" else dtype] + 2 * unit * np.abs(right[1]), f"conv2d_act_grad {shape}")
        terms_of = np.abs(right[1]).sum(axis=(0, 1, 2))
        near(db, right[2], (2 if dtype == "bfloat16" else 32) * unit * terms_of + 1e-12, f"sums of conv2d_act_grad {shape}")


def near(found: np.ndarray, right: np.ndarray, allowed: np.ndarray, what: str) -> None:
    off = np.abs(found.astype(np.float64) - right)
    assert (off <= allowed).all(), f"{what}: off by {np.max(off - allowed)} more than allowed"

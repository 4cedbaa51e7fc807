"""Convolutions on Hopper (csrc/cuda/conv_sm90.cu) against the reference in float64: every geometry, tile shape, gradient and phase."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import call, poisoned
from hopper import on, ways

from gpudl.ops._correlate import Slide, correlate, correlate_kernel, spread

COOP256, PING128, COOP64 = range(3)
NONE, RELU = range(2)
BF16, F16 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16)
UNIT = {BF16: 2.0**-8, F16: 2.0**-11}  # half a unit in the last place

# n, c, k, then Slide: strides, top, bottom, left, right, dilation, groups, h, w, r, s
CASES: dict[str, tuple[int, int, int, Slide]] = {
    "3x3 same": (2, 64, 64, Slide(1, 1, 1, 1, 1, 1, 1, 1, 1, 9, 11, 3, 3)),
    "1x1": (3, 72, 40, Slide(1, 1, 0, 0, 0, 0, 1, 1, 1, 7, 9, 1, 1)),
    "1x1 stride 2": (2, 64, 136, Slide(2, 2, 0, 0, 0, 0, 1, 1, 1, 9, 8, 1, 1)),
    "3x3 stride 2": (2, 16, 24, Slide(2, 2, 0, 1, 0, 1, 1, 1, 1, 13, 10, 3, 3)),
    "5x3 uneven": (1, 48, 72, Slide(1, 1, 2, 1, 0, 3, 1, 1, 1, 14, 17, 5, 3)),
    "dilated": (2, 8, 16, Slide(1, 1, 2, 2, 2, 2, 2, 2, 1, 12, 12, 3, 3)),
    "strides 2 and 1": (2, 24, 8, Slide(2, 1, 1, 0, 2, 1, 1, 1, 1, 11, 9, 3, 2)),
    "wide channels": (1, 136, 264, Slide(1, 1, 1, 1, 1, 1, 1, 1, 1, 6, 6, 3, 3)),
    "4x4 stride 4": (2, 16, 64, Slide(4, 4, 0, 0, 0, 0, 1, 1, 1, 19, 23, 4, 4)),
    "7x7 stride 2": (1, 8, 16, Slide(2, 2, 3, 3, 3, 3, 1, 1, 1, 15, 14, 7, 7)),
}
SHAPES = [(COOP256, BF16), (PING128, BF16), (COOP64, BF16), (PING128, F16)]
shapes = pytest.mark.parametrize(("shape", "dtype"), SHAPES, ids=str)


@pytest.fixture(params=ways("hopper_conv2d_bias", ("random1",)))
def kernels(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from on(request.param)


class Case:
    """Random images, kernels and outputs, as rounded, and sums of their products in float64."""

    def __init__(self, name: str, dtype: np.dtype) -> None:
        n, c, k, self.slide = CASES[name]
        rng = np.random.default_rng(len(name))
        a = self.slide
        shapes = [(n, a.h, a.w, c), (a.r, a.s, c, k), (n, *a.windows, k), (k,)]
        self.x, self.kernel, self.g, self.bias = (rng.normal(size=s).astype(dtype) for s in shapes)
        self.dtype = dtype

    def exact(self, function: Any, shape: tuple[int, ...], *ins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the reference makes of the operands, and of their magnitudes."""
        found = np.empty(shape), np.empty(shape)
        function(np, found[0], *(x.astype("f8") for x in ins), self.slide)
        function(np, found[1], *(abs(x.astype("f8")) for x in ins), self.slide)
        return found

    def run(self, module: ModuleType, name: str, outs: Any, ins: Any, shape: int, splits: int = 1, act: int = NONE) -> None:
        assert call(module, f"hopper_{name}", outs, ins, (*self.slide, shape + 4 * splits, act, 0.0)) is None


def check(found: np.ndarray, expected: np.ndarray, scale: np.ndarray) -> None:
    bound = 2e-6 * scale + UNIT[found.dtype] * abs(expected) + 1e-6
    assert np.isfinite(found.astype("f8")).all(), "results were not written"
    worst = np.max(abs(found.astype("f8") - expected) / bound)
    assert worst <= 1, f"{worst:.3g} times the bound"


@shapes
@pytest.mark.parametrize("name", CASES)
def test_forward(kernels: ModuleType, name: str, shape: int, dtype: np.dtype) -> None:
    case = Case(name, dtype)
    y = poisoned(case.g.shape, dtype)
    exact, scale = case.exact(correlate, y.shape, case.x, case.kernel)
    case.run(kernels, "conv2d_bias", [y], [case.x, case.kernel, case.bias], shape, act=RELU)
    v = exact + case.bias.astype("f8")
    check(y, np.maximum(v, 0), scale + abs(v))


@shapes
@pytest.mark.parametrize("name", CASES)
def test_input_gradient(kernels: ModuleType, name: str, shape: int, dtype: np.dtype) -> None:
    case = Case(name, dtype)
    dx = poisoned(case.x.shape, dtype)
    case.run(kernels, "conv2d_grad_input", [dx], [case.g, case.kernel], shape)
    check(dx, *case.exact(spread, dx.shape, case.g, case.kernel))


@pytest.mark.parametrize("name", ["3x3 same", "5x3 uneven"])
def test_input_gradient_with_activation_and_sums_of_channels(kernels: ModuleType, name: str) -> None:
    case = Case(name, BF16)
    dz, sums = poisoned(case.x.shape, BF16), poisoned(case.x.shape[3], BF16)
    case.run(kernels, "conv2d_act_grad", [dz, sums], [case.g, case.kernel, case.x], PING128, act=RELU)
    exact, scale = case.exact(spread, dz.shape, case.g, case.kernel)
    expected = exact * (case.x.astype("f8") > 0)
    check(dz, expected, scale)
    np.testing.assert_allclose(sums.astype("f8"), expected.sum((0, 1, 2)), rtol=2.0**-8, atol=1e-5 * scale.sum())


@pytest.mark.parametrize("splits", [1, 3])
@pytest.mark.parametrize(("shape", "dtype"), [(COOP256, BF16), (PING128, BF16), (PING128, F16)], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_kernel_gradient(kernels: ModuleType, name: str, shape: int, dtype: np.dtype, splits: int) -> None:
    case = Case(name, dtype)
    if splits * case.kernel.size * 4 > 1 << 20:
        splits = 1  # what the scratch memory of the emulation holds
    if case.kernel.size * 4 > 1 << 20:
        with pytest.raises(RuntimeError, match="the sums do not fit"):
            case.run(kernels, "conv2d_grad_kernel", [case.kernel], [case.x, case.g], shape, splits)
        return
    dk = poisoned(case.kernel.shape, dtype)
    case.run(kernels, "conv2d_grad_kernel", [dk], [case.x, case.g], shape, splits)
    check(dk, *case.exact(correlate_kernel, dk.shape, case.x, case.g))


REFUSED = {
    "groups": (1, 16, 16, Slide(1, 1, 0, 0, 0, 0, 1, 1, 2, 5, 5, 3, 3)),
    "whole packets": (1, 12, 16, Slide(1, 1, 0, 0, 0, 0, 1, 1, 1, 5, 5, 3, 3)),
    "too wide": (1, 8, 8, Slide(1, 1, 0, 0, 150, 150, 1, 1, 1, 4, 4, 1, 300)),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_the_copy_engine_cannot_describe_is_passed_on(kernels: ModuleType, words: str) -> None:
    n, c, k, a = REFUSED[words]
    x, kernel = np.ones((n, a.h, a.w, c), F16), np.ones((a.r, a.s, c // a.groups, k), F16)
    y = np.ones((n, *a.windows, k), F16)
    with pytest.raises(RuntimeError, match=words):
        call(kernels, "hopper_conv2d_bias", [y], [x, kernel, np.ones(k, F16)], (*a, PING128 + 4, NONE, 0.0))

"""relu, leaky_relu and their gradients as compiled: every 16-bit number, and against NumPy bit for bit."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gpudl import native

cpu: Any = native.cpu().module
pytestmark = pytest.mark.skipif(cpu is None, reason=f"no _cpu: {native.cpu().reason}")

SIXTEEN = [np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)]
FLOATS = [np.dtype("f"), np.dtype("d"), *SIXTEEN]


class Operand:
    def __init__(self, array: np.ndarray) -> None:
        self.array = array


def run(name: str, *ins: np.ndarray, attrs: tuple[float, ...] = ()) -> np.ndarray:
    y = np.empty_like(ins[0])
    assert cpu.kernels()[name]([Operand(y)], [Operand(x) for x in ins], attrs) is None
    return y


def wide(x: np.ndarray) -> np.ndarray:
    return x.astype("f") if x.dtype.itemsize == 2 else x


def every(dtype: np.dtype[Any]) -> np.ndarray:
    """All 65,536 numbers of a 16-bit dtype; else random ones, with the special ones among them."""
    if dtype.itemsize == 2:
        return np.arange(65536, dtype=np.uint16).view(dtype)
    info = np.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, info.max, -info.max, info.tiny, -info.tiny, info.smallest_subnormal]
    return np.concatenate([np.random.default_rng(0).standard_normal(1003), special]).astype(dtype)


def same_bits(a: np.ndarray, b: np.ndarray) -> None:
    """Equal bits, but for the payload of NaN."""
    assert a.dtype == b.dtype
    nan = np.isnan(wide(a))
    np.testing.assert_array_equal(nan, np.isnan(wide(b)))
    bits = np.dtype(f"u{a.dtype.itemsize}")
    np.testing.assert_array_equal(a.view(bits)[~nan], b.view(bits)[~nan])


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_relu(dtype: np.dtype[Any]) -> None:
    x = every(dtype)
    y = run("relu", x)
    np.testing.assert_array_equal(wide(y), np.maximum(wide(x), 0))  # NaN stays NaN, -0 and 0 are equal


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_relu_grad(dtype: np.dtype[Any]) -> None:
    y = every(dtype)
    g = y[::-1].copy()
    same_bits(run("relu_grad", g, y), np.where(wide(y) > 0, g, np.zeros((), dtype)))


@pytest.mark.parametrize("slope", [0.3, 0.0, -0.5, 1.0, 2.5])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_leaky_relu(dtype: np.dtype[Any], slope: float) -> None:
    x = every(dtype)
    w = wide(x)
    with np.errstate(all="ignore"):
        expected = np.where(w > 0, w, w * w.dtype.type(slope)).astype(dtype)
    same_bits(run("leaky_relu", x, attrs=(slope,)), expected)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_leaky_relu_grad(dtype: np.dtype[Any]) -> None:
    x = every(dtype)
    g = x[::-1].copy()
    w = wide(g)
    with np.errstate(all="ignore"):
        expected = np.where(wide(x) > 0, w, w * w.dtype.type(0.2)).astype(dtype)
    same_bits(run("leaky_relu_grad", g, x, attrs=(0.2,)), expected)


@pytest.mark.parametrize("dtype", SIXTEEN, ids=str)
def test_rounding_to_sixteen_bits(dtype: np.dtype[Any]) -> None:
    """Products of many slopes: ties, subnormals, and overflow to inf, as one rounding of the float32 product."""
    x = every(dtype)
    x = x[np.isfinite(wide(x))]
    for slope in np.random.default_rng(1).uniform(0.01, 4, 40):
        with np.errstate(all="ignore"):
            expected = np.where(wide(x) > 0, wide(x), wide(x) * np.float32(slope)).astype(dtype)
        same_bits(run("leaky_relu", x, attrs=(float(slope),)), expected)


@pytest.mark.parametrize("n", [*range(70), 127, 129, 1000, 4099])
def test_every_tail(n: int) -> None:
    x = np.random.default_rng(n).standard_normal(n).astype("f")
    guarded = np.full(n + 2, 7, "f")
    y = guarded[1:-1]
    assert cpu.kernels()["relu"]([Operand(y)], [Operand(x)], ()) is None
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    assert guarded[0] == 7 and guarded[-1] == 7, "written outside its output"


def test_same_inputs_same_bits() -> None:
    x = every(np.dtype("f"))
    assert run("leaky_relu", x, attrs=(0.1,)).tobytes() == run("leaky_relu", x, attrs=(0.1,)).tobytes()

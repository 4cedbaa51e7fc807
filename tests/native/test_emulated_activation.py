"""The CUDA activation kernels under emulation: every dtype, every tail, pointers that are and are not multiples of 16 bytes, and more
elements than one grid of threads."""

from __future__ import annotations

from types import ModuleType

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, MODULES, call, needs_modules, poisoned

pytestmark = needs_modules
DTYPES = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
SLOPE = 0.3
MARGIN = 8


def expected(name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    wide = np.float64 if a.dtype == np.float64 else np.float32
    x, y, slope = a.astype(wide), b.astype(wide), wide(SLOPE)
    with np.errstate(all="ignore"):
        result = {
            "relu": np.where(x <= 0, wide(0), x),
            "relu_grad": np.where(y > 0, x, wide(0)),
            "leaky_relu": np.where(x > 0, x, x * slope),
            "leaky_relu_grad": np.where(y > 0, x, x * slope),
        }[name]
    return result.astype(a.dtype)


def check(module: ModuleType, name: str, dtype: type, n: int, offset: int) -> None:
    i = np.arange(n + offset + MARGIN)
    a, b = (np.sin(i * 0.7) * 3).astype(dtype), np.cos(i * 1.3).astype(dtype)
    if n > 2:
        a[offset] = np.nan
    memory = poisoned(len(i), dtype)
    inside = slice(offset, offset + n)
    ins = [a[inside], b[inside]][: 1 + name.endswith("_grad")]
    assert call(module, name, [memory[inside]], ins, [SLOPE] if name.startswith("leaky") else []) is None
    np.testing.assert_array_equal(memory[inside].astype("f8"), expected(name, a, b)[inside].astype("f8"))
    outside = np.concatenate([memory[:offset], memory[offset + n :]])
    assert (outside.view(np.uint8) == 0xFF).all(), "written outside the output"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu", "relu_grad", "leaky_relu", "leaky_relu_grad"])
@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])
def test_tails_and_offsets(module: ModuleType, name: str, dtype: str) -> None:
    for n in (*range(41), 255, 256, 257, 1023, 1025, 2051, 4097):
        for offset in range(4):
            check(module, name, DTYPES[dtype], n, offset)


def test_more_elements_than_a_grid_has_threads() -> None:
    assert FAST.module is not None
    check(FAST.module, "relu", np.float32, 16384 * 256 + 777, 1)
    check(FAST.module, "leaky_relu_grad", np.float64, 2 * 16384 * 256 + 3, 0)

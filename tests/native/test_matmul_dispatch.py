"""Which kernel multiplies matrices of which shape, transposes, dtype and alignment: over the full grid of small sizes, without running one.

What each choice needs is said here a second time, in NumPy's terms: packets of 16 bytes only where every packet is whole and aligned.
"""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import FAST, needs_modules

pytestmark = needs_modules
DTYPES: dict[str, Any] = {"f": np.float32, "d": np.float64, "e": np.float16, "E": ml_dtypes.bfloat16, "i": np.int32}
SIZES = range(1, 34)
MEMORY = np.zeros(1 << 16, np.uint8)
START = -MEMORY.ctypes.data % 16


def matrix(rows: int, columns: int, dtype: Any, shift: int = 0) -> np.ndarray:
    """Beginning `shift` items behind a multiple of 16 bytes."""
    return np.ndarray((rows, columns), dtype, MEMORY.data, START + shift * np.dtype(dtype).itemsize)


def explained(y: np.ndarray, a: np.ndarray, b: np.ndarray, ta: bool, tb: bool, **device: int) -> tuple[str, str]:
    """(the candidate, its first launch)."""
    assert FAST.module is not None
    lines = FAST.module.explain("matmul", (y,), (a, b), (ta, tb), **device)
    chosen = [line.split(": ")[1].split(" ")[0] for line in lines if line.endswith(" chosen")]
    launches = [line for line in lines if line.startswith("launch ")]
    assert len(chosen) == 1 and launches, lines
    return chosen[0], launches[0]


def may_come_in_packets(x: np.ndarray, turned: bool, second: bool, along_k: bool) -> bool:
    """Whether every packet of 16 bytes along k (or the outer axis) that begins at a multiple of its width is contiguous and aligned."""
    by_k = x.T if turned != second else x
    lines = by_k if along_k else by_k.T
    item, width = x.itemsize, 16 // x.itemsize
    if lines.shape[1] > 1 and lines.strides[1] != item:
        return False
    if lines.shape[0] > 1 and lines.strides[0] % (item * width):
        return False
    return x.ctypes.data % 16 == 0


def expected(dtype: str, m: int, n: int, sm: int, tier: int) -> str:
    if tier == 0 or dtype == "i":
        return "any"
    if dtype != "d" and min(m, n) <= (32 if dtype == "f" else 16):
        return "skinny"
    return "tensor_cores" if dtype in "eE" and sm >= 80 and tier != 1 else "tiles"


LOADER = re.compile(r"StridedLoader<(?:gpudl::)?(\w+), (\d+), (true|false)>")


def check_packets(launch: str, a: np.ndarray, b: np.ndarray, ta: bool, tb: bool) -> bool:
    """The launch reads packets only where it may. Whether it reads packets."""
    loaders = LOADER.findall(launch)
    if not loaders:
        match = re.search(r"matmul_skinny_kernel<[^,]+, \d+, (\d+)>", launch)
        if match is None or match[1] == "1":
            return False
        assert may_come_in_packets(a, ta, False, True) or may_come_in_packets(b, tb, True, True), launch
        return True
    if len(loaders) == 1:  # both of one type: some compilers print it once, as an abbreviation
        loaders *= 2
    for (_, width, along_k), x, turned, second in zip(loaders[:2], (a, b), (ta, tb), (False, True)):
        if width != "1":
            assert int(width) * x.itemsize == 16
            assert may_come_in_packets(x, turned, second, along_k == "true"), f"{launch}: {x.shape}, {x.strides}, turned {turned}"
    return loaders[0][1] != "1"


def operands(m: int, n: int, k: int, dtype: Any, ta: bool, tb: bool, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        matrix(m, n, dtype),
        matrix(*((k, m) if ta else (m, k)), dtype, shift & 1),
        matrix(*((n, k) if tb else (k, n)), dtype, shift >> 1),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("ta", "tb"), list(product((False, True), repeat=2)))
def test_the_full_grid_of_small_sizes(dtype: str, ta: bool, tb: bool) -> None:
    assert FAST.module is not None
    with_packets = 0
    for m, n, k in product(SIZES, SIZES, SIZES):
        shift = (m + n + k) % 4  # every misalignment meets every size in some combination
        y, a, b = operands(m, n, k, DTYPES[dtype], ta, tb, shift)
        chosen, launch = explained(y, a, b, ta, tb, sm=80)
        assert chosen == expected(dtype, m, n, 80, -1), (m, n, k, shift)
        with_packets += check_packets(launch, a, b, ta, tb)
    assert (with_packets > 0) == (dtype in "feE"), "packets are never read, or the test does not see them"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("sm", "tier"), [(75, -1), (80, -1), (120, -1), (90, 0), (90, 1), (90, 2), (80, 1)])
def test_every_device_and_tier_has_a_kernel(dtype: str, sm: int, tier: int) -> None:
    for (m, n, k), ta, tb, shift in product(product((1, 7, 16, 17, 32, 33), repeat=3), (False, True), (False, True), range(4)):
        y, a, b = operands(m, n, k, DTYPES[dtype], ta, tb, shift)
        chosen, launch = explained(y, a, b, ta, tb, sm=sm, multiprocessors=20, tier=tier)
        assert chosen == expected(dtype, m, n, sm, tier)
        check_packets(launch, a, b, ta, tb)


LARGE: list[Any] = [  # m, n, k, dtype, precision, transposes, shift, candidate, what its launch says
    (4096, 4096, 4096, "f", "float32", (0, 0), 0, "tiles", "tile_simt_kernel<2, 2"),
    (4096, 4096, 4096, "f", "float32", (1, 1), 0, "tiles", "tile_simt_kernel<2, 2"),
    (4096, 4096, 4096, "f", "float32", (0, 0), 1, "tiles", "tile_simt_kernel<2, 2"),
    (4096, 4095, 4093, "f", "float32", (0, 1), 0, "tiles", "tile_simt_kernel<2, 2"),
    (4096, 4096, 4096, "f", "tf32", (0, 0), 0, "tensor_cores", "Tf32"),
    (4096, 4096, 4096, "f", "bf16x3", (0, 0), 0, "tensor_cores", "Split<3>"),
    (4096, 4096, 4096, "E", "float32", (0, 1), 0, "tensor_cores", "128, 128, 2, 4"),
    (4096, 4096, 4096, "e", "float32", (1, 0), 0, "tensor_cores", "128, 128, 2, 4"),
    (4096, 4096, 4096, "E", "float32", (0, 1), 1, "tensor_cores", "64, 64, 2, 2"),
    (512, 512, 512, "E", "float32", (0, 0), 0, "tensor_cores", "64, 64, 2, 2"),
    (784, 512, 4096, "f", "float32", (1, 0), 0, "tiles", "tile_simt_kernel<1, 1"),
    (128, 512, 784, "f", "float32", (0, 0), 0, "tiles", "tile_simt_kernel<1, 1"),
    (4096, 10, 512, "f", "float32", (0, 0), 0, "skinny", "matmul_skinny_kernel<float, 16, 4>"),
    (32, 4096, 4096, "f", "float32", (0, 0), 0, "skinny", "matmul_skinny_kernel<float, 32, 1>"),
    (32, 4096, 4096, "f", "float32", (0, 1), 0, "skinny", "matmul_skinny_kernel<float, 32, 4>"),
    (32, 4096, 4096, "E", "float32", (0, 0), 0, "tensor_cores", "64, 64, 2, 2"),
    (4096, 4096, 4096, "d", "float32", (0, 0), 0, "tiles", "tile_simt_kernel<1, 1"),
]  # fmt: skip


@pytest.mark.parametrize("case", LARGE, ids=lambda c: "-".join(map(str, c[:5])))
def test_choices_for_shapes_of_training(case: Any) -> None:
    assert FAST.module is not None
    m, n, k, dtype, precision, (ta, tb), shift, candidate, words = case
    memory = np.empty(8 * 4096 * 4097 + 64, np.uint8)  # never touched
    start = -memory.ctypes.data % 16
    item = np.dtype(DTYPES[dtype]).itemsize

    def array(rows: int, columns: int, shift: int = 0) -> np.ndarray:
        return np.ndarray((rows, columns), DTYPES[dtype], memory.data, start + shift * item)

    FAST.module.set_matmul_precision(FAST.module.PRECISIONS.index(precision))
    try:
        y, a, b = array(m, n), array(*((k, m) if ta else (m, k)), shift), array(*((n, k) if tb else (k, n)))
        chosen, launch = explained(y, a, b, bool(ta), bool(tb), sm=80)
        for sm, multiprocessors in ((80, 40), (120, 170)):  # the order of a sum does not depend on the device
            assert explained(y, a, b, bool(ta), bool(tb), sm=sm, multiprocessors=multiprocessors) == (chosen, launch)
    finally:
        FAST.module.set_matmul_precision(0)
    assert chosen == candidate and words in launch
    check_packets(launch, a, b, bool(ta), bool(tb))


def test_strange_strides_are_taken() -> None:
    """Rows backwards, every second column, zero strides, broadcast batches: always a kernel."""
    x = np.zeros((40, 80), np.float32)
    for a in (x[:, ::2], x[::-1, :40], x[:, 39::-1], np.broadcast_to(x[:1, :40], (40, 40)), np.broadcast_to(x[:, :1], (40, 40))):
        chosen, launch = explained(np.zeros((40, 40), np.float32), a, x[:, :40], False, False, sm=80)
        assert chosen == "tiles"
        check_packets(launch, a, x[:, :40], False, False)

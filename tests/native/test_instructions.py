"""What each instruction does, stated in NumPy, against the smallest kernel that shows it (kernels/truth.cu).

These are the unit tests of the emulation. On a GPU (`_cuda` built with GPUDL_EXTRA_KERNELS) they show where its authors read the manual
wrongly: benchmarks/on_gpu.sh begins with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any

import hardware
import ml_dtypes
import numpy as np
import pytest
from emulated import MODULES, SCHEDULES, call, poisoned

from gpudl import native

U32 = 5  # MapType of tensor_map.h
TF32 = 3


WITHOUT = "built without tests/native/kernels/truth.cu (GPUDL_EXTRA_KERNELS)"
SINCE = {"shuffles": 70, "votes": 70, "functions": 80, "mma": 80, "round": 80, "ldmatrix": 80, "copies": 80}  # the others: from sm_90 on


def has_truth(module: Any) -> bool:
    return "truth_mma" in module.kernels()


def no_gpu() -> str:
    """Why the kernels cannot run on a GPU as well; empty if they can."""
    if native.cuda().module is not None and not has_truth(native.cuda().module):
        return f"_cuda was {WITHOUT}"
    return hardware.why_not()


gpu = cache(hardware.gpu)
WAYS: list[Any] = [pytest.param((m, s), id=f"{m.__name__.split('.')[-1]}-{s}") for m in MODULES if has_truth(m) for s in SCHEDULES]
if not no_gpu():
    WAYS.append(pytest.param("gpu", id="gpu", marks=pytest.mark.cuda))
if not WAYS:
    WAYS = [pytest.param(None, marks=pytest.mark.skip(reason=f"the emulation is not installed, or was {WITHOUT}; on a GPU: {no_gpu()}"))]


def test_a_gpu_was_among_them() -> None:
    if no_gpu() and os.environ.get("GPUDL_REQUIRE_GPU") != "1":
        pytest.skip(no_gpu())
    assert not no_gpu() and gpu() is not None


@pytest.fixture(params=WAYS)
def kernels(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "gpu":
        module, failed = gpu(), request.session.testsfailed
        assert module is not None
        module.test = request.node.nodeid.split("::")[-1]
        yield module
        if request.session.testsfailed == failed:
            hardware.note(module.memory, test=module.test, passed=True)
        return
    module, schedule = request.param
    module.configure(**SCHEDULES[schedule])
    yield module
    module.configure()


def run(module: ModuleType, name: str, outs: Sequence[np.ndarray], ins: Sequence[np.ndarray], attrs: Sequence[int] = ()) -> None:
    since = SINCE.get(name.removeprefix("truth_"), 90)
    if getattr(module, "sm", since) < since:
        pytest.skip(f"{name} needs sm_{since}")
    assert call(module, name, outs, ins, [int(a) for a in attrs]) is None


def test_shuffles_and_votes(kernels: ModuleType) -> None:
    x = np.random.default_rng(0).integers(0, 64, 32, dtype=np.int32)
    y = poisoned((10, 32), np.int32)
    run(kernels, "truth_shuffles", [y], [x])
    lane = np.arange(32)
    segment = lane // 16 * 16
    up, down = lane - 3, lane + 3
    ballot = int(np.sum((x & 1).astype(np.int64) << lane))
    expected = [
        np.full(32, x[3]),
        x[lane // 8 * 8 + lane // 2 % 8],
        x[lane ^ 5],
        x[np.where(lane ^ 8 < lane // 8 * 8 + 8, lane ^ 8, lane)],
        x[np.where(up >= segment, up, lane)],
        x[np.where(down < segment + 16, down, lane)],
        np.full(32, np.uint32(ballot)).view(np.int32),
        np.array([np.uint32(sum(1 << j for j in range(32) if (x[j] ^ x[i]) & 3 == 0)) for i in range(32)]).view(np.int32),
        np.full(32, 2 * (x == 7).any() + (x >= 0).all()),
        x[lane ^ 1],
    ]
    np.testing.assert_array_equal(y, np.array(expected))


def test_block_votes_and_atomics(kernels: ModuleType) -> None:
    x = np.random.default_rng(1).integers(0, 64, 200, dtype=np.int32)
    y, counters = poisoned(200, np.int32), np.array([0, -1, 99, 0, -1, 0, 11], np.int32)
    run(kernels, "truth_votes", [y, counters], [x])
    np.testing.assert_array_equal(y, (x & 1).sum() * 4 + (x > 60).any() * 2 + (x >= 0).all())
    either, both, odd = (f.reduce(x) for f in (np.bitwise_or, np.bitwise_and, np.bitwise_xor))
    np.testing.assert_array_equal(counters, [x.sum(), x.max(), x.min(), either, both, odd, 12])


def test_shared_memory_starts_at_a_multiple_of_1024(kernels: ModuleType) -> None:
    y = poisoned(1, np.uint32)
    run(kernels, "truth_shared_base", [y], [])
    assert y[0] % 1024 == 0


def bits(x: np.ndarray, kind: int) -> np.ndarray:
    """Operands of 16 bits as uint16, of tf32 as uint32."""
    return x.view(np.uint32) if kind == 2 else x.astype([ml_dtypes.bfloat16, np.float16][kind]).view(np.uint16)


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["bf16", "f16", "tf32"])
def test_mma(kernels: ModuleType, kind: int) -> None:
    rng = np.random.default_rng(kind)
    depth = 8 if kind == 2 else 16
    a, b, c = (rng.integers(-8, 9, s).astype(np.float32) for s in ((16, depth), (depth, 8), (16, 8)))  # exact in every type
    left, right = bits(a, kind).astype(np.uint32), bits(b, kind).astype(np.uint32)
    ra, rb, rc = np.zeros((32, 4), np.uint32), np.zeros((32, 2), np.uint32), np.zeros((32, 4), np.float32)
    for lane in range(32):
        g, t = divmod(lane, 4)
        for r in range(4):
            row = g + r % 2 * 8
            rc[lane, r] = c[g + r // 2 * 8, 2 * t + r % 2]
            if kind == 2:
                ra[lane, r] = left[row, t + r // 2 * 4]
            else:
                k = 2 * t + r // 2 * 8
                ra[lane, r] = left[row, k] | left[row, k + 1] << 16
        for r in range(2):
            k = 2 * t + r * 8
            rb[lane, r] = right[t + 4 * r, g] if kind == 2 else right[k, g] | right[k + 1, g] << 16
    d = poisoned((32, 4))
    run(kernels, "truth_mma", [d], [ra, rb, rc], [kind])
    expected, found = a @ b + c, np.empty((16, 8), np.float32)
    for lane, r in product(range(32), range(4)):
        found[lane // 4 + r // 2 * 8, 2 * (lane % 4) + r % 2] = d[lane, r]
    np.testing.assert_array_equal(found, expected)


def test_mma_ignores_the_low_bits_of_tf32(kernels: ModuleType) -> None:
    ra, rb = np.full((32, 4), 0x3F801FFF, np.uint32), np.full((32, 2), 0x3F800000, np.uint32)
    d = poisoned((32, 4))
    run(kernels, "truth_mma", [d], [ra, rb, np.zeros((32, 4), np.float32)], [2])
    np.testing.assert_array_equal(d, 8.0)


def test_rounding_to_tf32(kernels: ModuleType) -> None:
    u = np.array(
        [0x3F800000 + d for d in (0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x2FFF, 0x3000)] + [0x7F800000, 0x7FC00000], np.uint32
    )
    u = np.concatenate([u, u | np.uint32(0x80000000)])
    y = poisoned(len(u), np.uint32)
    run(kernels, "truth_round", [y], [u.view(np.float32)])
    finite = (u & 0x7F800000) != 0x7F800000
    np.testing.assert_array_equal(y, np.where(finite, (u + np.uint32(0x1000)) & ~np.uint32(0x1FFF), u))


def test_larger_and_power(kernels: ModuleType) -> None:
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 100.0], np.float32)
    a, b = (m.reshape(-1) for m in np.meshgrid(special, special))
    a = np.concatenate([a, np.linspace(-120, 120, 161, dtype=np.float32)])
    b = np.concatenate([b, np.linspace(9, -9, 161, dtype=np.float32)])
    larger, power = poisoned(a.size), poisoned(a.size)
    run(kernels, "truth_functions", [larger, power], [a, b])
    np.testing.assert_array_equal(larger, np.maximum(a, b))
    np.testing.assert_allclose(power, np.exp2(a.astype("f8")), rtol=4 * 2.0**-23)


def test_registers_move_between_warpgroups(kernels: ModuleType) -> None:
    x, y = np.random.default_rng(0).normal(size=384).astype("f4"), poisoned(384)
    run(kernels, "truth_registers", [y], [x])
    np.testing.assert_array_equal(y, x * np.where(np.arange(384) < 128, np.float32(2), np.float32(3)))


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("count", [2, 4])
def test_ldmatrix(kernels: ModuleType, count: int, transposed: int) -> None:
    image = np.random.default_rng(0).integers(0, 1 << 16, (4, 8, 8), dtype=np.uint16)
    y = poisoned((32, 4), np.uint32)
    run(kernels, "truth_ldmatrix", [y], [image.view(np.uint32)], [count, transposed])
    expected = np.zeros((32, 4), np.uint32)
    for lane, i in product(range(32), range(count)):
        m = image[i].T if transposed else image[i]
        low, high = m[lane // 4, 2 * (lane % 4)], m[lane // 4, 2 * (lane % 4) + 1]
        expected[lane, i] = int(low) | int(high) << 16
    np.testing.assert_array_equal(y, expected)


def test_stmatrix(kernels: ModuleType) -> None:
    r = np.random.default_rng(0).integers(0, 1 << 32, (32, 4), dtype=np.uint32)
    image, back = poisoned(128, np.uint32), poisoned((32, 4), np.uint32)
    run(kernels, "truth_stmatrix", [image, back], [r])
    expected = np.zeros((32, 8), np.uint16)  # row 8 i + the row of matrix i
    for lane, i, h in product(range(32), range(4), range(2)):
        expected[8 * i + lane // 4, 2 * (lane % 4) + h] = r[lane, i] >> (16 * h) & 0xFFFF
    np.testing.assert_array_equal(image.view(np.uint16).reshape(32, 8), expected)
    np.testing.assert_array_equal(back, r)


@pytest.mark.parametrize("size", [16, 8, 0])
def test_cp_async(kernels: ModuleType, size: int) -> None:
    x, y = np.arange(1, 257, dtype=np.float32), poisoned((5, 32))
    run(kernels, "truth_copies", [y], [x], [size])
    kept = size // 4
    first = np.where(np.arange(4) < kept, x[:128].reshape(32, 4), 0)[::-1]
    pairs = np.where(np.arange(2) < kept // 2, x[64:96].reshape(16, 2), 0).reshape(-1)[::-1]
    np.testing.assert_array_equal(y, np.array([first[:, 0], first[:, 3], x[31::-1], x[128:].reshape(32, 4)[::-1, 1], pairs]))


def test_mbarrier_phases(kernels: ModuleType) -> None:
    x, y = np.random.default_rng(0).normal(size=(9, 32)).astype("f4"), poisoned((9, 32))
    run(kernels, "truth_ring", [y], [x], [9])
    np.testing.assert_array_equal(y, x[:, ::-1])


def test_named_barriers(kernels: ModuleType) -> None:
    x, y = np.arange(128, dtype=np.float32), poisoned((2, 32))
    run(kernels, "truth_named_barriers", [y], [x])
    np.testing.assert_array_equal(y, x.reshape(2, 2, 32)[:, 0, ::-1])


def test_arrivals_at_the_neighbour_in_a_cluster(kernels: ModuleType) -> None:
    y = poisoned(6, np.int32)
    run(kernels, "truth_neighbours", [y], [])
    np.testing.assert_array_equal(y, [10 * i + i % 2 for i in range(6)])


def test_a_grid_that_begins_early_waits_for_the_one_before(kernels: ModuleType) -> None:
    x, y, between = np.arange(64, dtype=np.float32), poisoned(64), poisoned(64)
    run(kernels, "truth_early", [y, between], [x], [1000 if kernels in MODULES else 1_000_000])
    np.testing.assert_array_equal(y, -between)
    np.testing.assert_array_equal(between, x + 1000 if kernels in MODULES else x + 1_000_000)


# the copy engine ----------------------------------------------------------------------------------------------------------


def swizzled(words: np.ndarray, span: int) -> np.ndarray:
    """Words in the order of the box, as they lie in shared memory: bits from 4 on of the address are XORed with bits from 7 on."""
    flat = np.ascontiguousarray(words).reshape(-1)
    address = np.arange(flat.size) * 4
    out = np.empty_like(flat)
    out[(address ^ (((address >> 7) & {0: 0, 32: 1, 64: 3, 128: 7}[span]) << 4)) // 4] = flat
    return out


def box_of(source: np.ndarray, at: Sequence[int], box: Sequence[int]) -> np.ndarray:
    """A box at coordinates (innermost first), zeros outside."""
    out = np.zeros(tuple(box[::-1]), source.dtype)
    for i in np.ndindex(*out.shape):
        place = tuple(c + j for c, j in zip(at[::-1], i))
        if all(0 <= p < n for p, n in zip(place, source.shape)):
            out[i] = source[place]
    return out


def map_of(array: np.ndarray, box: Sequence[int], span: int, kind: int = U32, strides: Sequence[int] | None = None) -> list[int]:
    outer = array.strides[-2::-1] if strides is None else strides
    return [kind, span, array.ndim, *array.shape[::-1], *outer, *box]


def load(kernels: ModuleType, source: np.ndarray, at: Sequence[int], box: Sequence[int], span: int = 128, **more: Any) -> np.ndarray:
    image = poisoned(int(np.prod(box)), np.uint32)
    run(kernels, "truth_tma_load", [image], [source], [*map_of(source, box, span, **more), *at])
    return image


@pytest.mark.parametrize(("span", "width"), [(0, 32), (32, 8), (64, 16), (128, 32)])
def test_tma_swizzles(kernels: ModuleType, span: int, width: int) -> None:
    source = np.arange(64 * 64, dtype=np.uint32).reshape(64, 64)
    got = load(kernels, source, [16, 8], [width, 40], span)
    np.testing.assert_array_equal(got, swizzled(box_of(source, [16, 8], [width, 40]), span))


@pytest.mark.parametrize("at", [[-5, 3], [20, -7], [30, 20], [-40, 0], [0, 24]], ids=str)
def test_tma_loads_zeros_outside(kernels: ModuleType, at: list[int]) -> None:
    source = np.arange(1, 1 + 24 * 40, dtype=np.uint32).reshape(24, 40)
    np.testing.assert_array_equal(load(kernels, source, at, [32, 16]), swizzled(box_of(source, at, [32, 16]), 128))


def test_tma_of_more_dimensions(kernels: ModuleType) -> None:
    source = np.arange(3 * 5 * 7 * 32, dtype=np.uint32).reshape(3, 5, 7, 32)
    at, box = [0, 2, 3, 2], [32, 4, 3, 2]
    np.testing.assert_array_equal(load(kernels, source, at, box), swizzled(box_of(source, at, box), 128))
    at, box = [0, 3, 1], [32, 1, 5]
    np.testing.assert_array_equal(load(kernels, source[0], at, box), swizzled(box_of(source[0], at, box), 128))


@pytest.mark.parametrize("pitch", [2048, 1 << 20])
def test_tma_of_a_single_matrix_takes_any_pitch(kernels: ModuleType, pitch: int) -> None:
    source = np.arange(16 * 32, dtype=np.uint32).reshape(1, 16, 32)
    got = load(kernels, source, [0, 0, 0], [32, 16, 1], strides=[128, pitch])
    np.testing.assert_array_equal(got, swizzled(source, 128))


def described(kernels: ModuleType, source: np.ndarray, sizes: Sequence[int], strides: Sequence[int], at: Sequence[int]) -> np.ndarray:
    """A box of 16 rows of 32 words at `at` of an array that is described otherwise than it lies."""
    image, box = poisoned(16 * 32, np.uint32), [32, 16, 1][: len(sizes)]
    run(kernels, "truth_tma_load", [image], [source], [U32, 128, len(sizes), *sizes, *strides, *box, *at])
    return image


def test_tma_of_rows_that_overlap(kernels: ModuleType) -> None:
    """What a first layer of few channels could be read by."""
    source = np.arange(256, dtype=np.uint32)
    rows = np.lib.stride_tricks.as_strided(source, (16, 32), (32, 4))
    np.testing.assert_array_equal(described(kernels, source, [32, 16], [32], [0, 0]), swizzled(rows, 128))


def test_tma_of_a_pitch_of_zero_repeats_the_matrix(kernels: ModuleType) -> None:
    source = np.arange(16 * 32, dtype=np.uint32)
    np.testing.assert_array_equal(described(kernels, source, [32, 16, 3], [128, 0], [0, 0, 2]), swizzled(source, 128))


def test_tma_rounds_to_tf32(kernels: ModuleType) -> None:
    source = np.array([[0x3F800000 + d for d in (0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x2FFF, 0x3000)] * 4], np.uint32)
    got = load(kernels, source, [0, 0], [32, 1], 0, kind=TF32)
    np.testing.assert_array_equal(got, (source[0] + np.uint32(0x1000)) & ~np.uint32(0x1FFF))


STORES = [
    ((2, 70, 44), [32, 64, 1], [32, 40, 1]), ((2, 70, 44), [32, 64, 1], [0, 64, 0]), ((2, 70, 44), [32, 64, 1], [64, 0, 0]),
    ((2, 70, 44), [32, 64, 1], [0, 70, 0]), ((2, 10, 9, 40), [32, 1, 8, 1], [32, 3, 6, 1]), ((2, 10, 9, 40), [32, 1, 8, 1], [0, 9, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "box", "at"), STORES, ids=str)
def test_tma_stores_are_clipped(kernels: ModuleType, shape: tuple[int, ...], box: list[int], at: list[int]) -> None:
    values = np.arange(1, 1 + int(np.prod(box)), dtype=np.uint32).reshape(box[::-1])
    target = poisoned(shape, np.uint32)
    run(kernels, "truth_tma_store", [target], [swizzled(values, 128)], [*map_of(target, box, 128), *at])
    expected = poisoned(shape, np.uint32)
    for i in np.ndindex(*values.shape):
        place = tuple(c + j for c, j in zip(at[::-1], i))
        if all(p < n for p, n in zip(place, shape)):
            expected[place] = values[i]
    np.testing.assert_array_equal(target, expected)


def test_multicast_reaches_both_blocks(kernels: ModuleType) -> None:
    source, box = np.arange(64 * 32, dtype=np.uint32).reshape(1, 64, 32), [32, 24, 1]
    images = poisoned((2, 2 * 24 * 32), np.uint32)
    run(kernels, "truth_multicast", [images], [source], map_of(source, box, 128))
    expected = np.concatenate([swizzled(box_of(source, [0, 24 * i, 0], box), 128) for i in range(2)])
    np.testing.assert_array_equal(images, np.stack([expected, expected]))


WRONG_MAPS = [
    ({"strides": [132]}, "a stride is a multiple of 16"), ({"box": [33, 4]}, "multiple of 16 bytes"),
    ({"box": [36, 4]}, "fits the swizzle"), ({"box": [4, 300]}, "a box is 1 to 256"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), WRONG_MAPS, ids=lambda w: str(w))
def test_a_wrong_tensor_map_is_refused_with_the_rule(kernels: ModuleType, change: dict[str, Any], words: str) -> None:
    source = np.zeros((8, 32), np.uint32)
    options = {"box": [32, 4], "strides": [128], **change}
    with pytest.raises(RuntimeError, match=rf"tensor map: .*{words}"):
        run(
            kernels,
            "truth_tma_load",
            [poisoned(128, np.uint32)],
            [source],
            [*map_of(source, options["box"], 128, U32, options["strides"]), 0, 0],
        )


IMAGE = np.arange(1, 1 + 3 * 6 * 7 * 40, dtype=np.uint32).reshape(3, 6, 7, 40)
IM2COL = {  # lower corner {W, H}, upper, steps, pixels, first pixel {c, w, h, n}, offsets {W, H}
    "3x3 valid": ([0, 0], [-2, -2], [1, 1], 64, [0, 3, 2, 0], [1, 2]),
    "3x3 same, first tap": ([-1, -1], [-1, -1], [1, 1], 128, [0, -1, -1, 0], [0, 0]),
    "3x3 same, last tap": ([-1, -1], [-1, -1], [1, 1], 128, [0, -1, -1, 0], [2, 2]),
    "uneven padding": ([-3, -1], [-3, 1], [1, 1], 100, [0, -3, -1, 0], [3, 1]),
    "uneven padding, another tap": ([-3, -1], [-3, 1], [1, 1], 100, [0, -3, -1, 0], [0, 1]),
    "uneven padding, first tap": ([-3, -1], [-3, 1], [1, 1], 100, [0, -3, -1, 0], [0, 0]),
    "uneven padding, last tap of a row": ([-3, -1], [-3, 1], [1, 1], 100, [0, -3, -1, 0], [3, 0]),
    "strides 2, 1": ([-1, -1], [-1, -1], [2, 1], 40, [0, -1, -1, 0], [1, 2]),
    "stride 4": ([-1, -1], [-1, -1], [4, 4], 40, [0, -1, -1, 0], [1, 2]),
    "stride 2": ([-1, -1], [-1, -1], [2, 2], 40, [0, -1, -1, 0], [1, 2]),
    "strides 1, 3": ([-1, -1], [-1, -1], [1, 3], 40, [0, -1, -1, 0], [1, 2]),
    "last pixels and channels": ([-1, -1], [-1, -1], [1, 1], 64, [32, 4, 4, 2], [1, 1]),
    "beyond the last image": ([-1, -1], [-1, -1], [1, 1], 64, [0, -1, -1, 3], [0, 0]),
    "dilation 2": ([-2, -2], [-2, -2], [1, 1], 126, [0, -2, -2, 0], [4, 2]),
}


@pytest.mark.parametrize("name", IM2COL)
def test_im2col(kernels: ModuleType, name: str) -> None:
    lower, upper, steps, pixels, at, offset = IM2COL[name]
    n, h, w, c = IMAGE.shape
    got = poisoned(pixels * 32, np.uint32)
    numbers = [U32, 128, c, w, h, n, *IMAGE.strides[-2::-1], 32, pixels, *lower, *upper, *steps, *at, *offset]
    run(kernels, "truth_tma_im2col", [got], [IMAGE], numbers)
    expected = np.zeros((pixels, 32), np.uint32)
    x, y, image = at[1:]
    for pixel in range(pixels):
        column, row = x + offset[0], y + offset[1]
        if image < n and 0 <= column < w and 0 <= row < h:
            channels = min(32, c - at[0])
            expected[pixel, :channels] = IMAGE[image, row, column, at[0] : at[0] + channels]
        x += steps[0]
        if x >= w + upper[0]:
            x, y = lower[0], y + steps[1]
        if y >= h + upper[1]:
            y, image = lower[1], image + 1
    np.testing.assert_array_equal(got, swizzled(expected, 128))


# products of warpgroups -----------------------------------------------------------------------------------------------------


def image_of(x: np.ndarray, rows_contiguous: int, dtype: Any = ml_dtypes.bfloat16, group: int = 8192) -> np.ndarray:
    """x[row][k] as 128-byte-swizzled words. k contiguous: a row has 128 bytes of k. Else 64 rows per 128 bytes, 8 k every 1024 bytes."""
    image = np.zeros(16384, np.uint16)
    row, k = np.meshgrid(np.arange(x.shape[0]), np.arange(x.shape[1]), indexing="ij")
    address = row // 64 * group + k // 8 * 1024 + k % 8 * 128 + row % 64 * 2 if rows_contiguous else row * 128 + k * 2
    image[(address ^ (((address >> 7) & 7) << 4)) // 2] = x.astype(dtype).view(np.uint16)
    return image.view(np.uint32)


@pytest.mark.parametrize("majors", [(0, 0), (0, 1), (1, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("n", [64, 128, 192, 256])
def test_wgmma(kernels: ModuleType, n: int, majors: tuple[int, int]) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.integers(-4, 5, (64, 64)).astype("f4"), rng.integers(-4, 5, (n, 64)).astype("f4")  # exact
    left, right = image_of(a, majors[0]), image_of(b, majors[1])
    for step in (0, 1, 3):
        starts = [(2048 if major else 32) * step for major in majors]
        leading = [8192 if major else 16 for major in majors]
        y = poisoned((64, n))
        run(kernels, "truth_wgmma", [y], [left, right], [0, n, *majors, 128, leading[0], 1024, leading[1], 1024, *starts])
        part = slice(16 * step, 16 * step + 16)
        np.testing.assert_array_equal(y, a[:, part] @ b[:, part].T)


def test_wgmma_of_float16(kernels: ModuleType) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, (64, 16)).astype("f4") for _ in range(2))
    y = poisoned((64, 64))
    operands = [image_of(a, 0, np.float16), image_of(b, 0, np.float16)]
    run(kernels, "truth_wgmma", [y], operands, [1, 64, 0, 0, 128, 16, 1024, 16, 1024, 0, 0])
    np.testing.assert_array_equal(y, a @ b.T)


def test_wgmma_of_turned_groups_at_another_distance(kernels: ModuleType) -> None:
    """The leading offset steps along the columns, by 64, the stride offset along k, by 8."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-4, 5, (64, 16)).astype("f4"), rng.integers(-4, 5, (128, 16)).astype("f4")
    y = poisoned((64, 128))
    images = [image_of(a, 0), image_of(b, 1, group=4096)]
    run(kernels, "truth_wgmma", [y], images, [0, 128, 0, 1, 128, 16, 1024, 4096, 1024, 0, 0])
    np.testing.assert_array_equal(y, a @ b.T)


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 9])
def test_wgmma_from_a_later_row(kernels: ModuleType, rows: int) -> None:
    """Swizzled by absolute addresses, an operand that begins some rows later has those rows. Nothing depends on it for rows below 8."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-4, 5, (128, 16)).astype("f4"), rng.integers(-4, 5, (64, 16)).astype("f4")
    y = poisoned((64, 64))
    run(kernels, "truth_wgmma", [y], [image_of(a, 0), image_of(b, 0)], [0, 64, 0, 0, 128, 16, 1024, 16, 1024, 128 * rows, 0])
    np.testing.assert_array_equal(y, a[rows : rows + 64] @ b.T)

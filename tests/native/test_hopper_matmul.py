"""Products on Hopper (csrc/cuda/gemm_sm90.cuh) against float64 of the rounded operands: every tile shape, transpose, ending and edge."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emulated import MODULES, call, poisoned
from hopper import on, ways

COOP256, PING128, COOP64, PAIR256 = SHAPES = range(4)
NONE, RELU, LEAKY_RELU, SIGMOID, TANH = range(5)
BF16, F16 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16)
UNIT = {BF16: 2.0**-8, F16: 2.0**-11}  # half a unit in the last place
TURNS = {"NN": (0, 0), "NT": (0, 1), "TN": (1, 0), "TT": (1, 1)}


@pytest.fixture(params=ways("hopper_matmul", ("ascending", "random1")))
def kernels(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from on(request.param)


def pitched(x: np.ndarray, dtype: np.dtype, pad: int = 0) -> np.ndarray:
    """The values in rows that are multiples of 8 elements long, NaN between them."""
    width = -(-x.shape[-1] // 8) * 8 + pad
    whole = poisoned((*x.shape[:-1], width), dtype)
    whole[..., : x.shape[-1]] = x.astype(dtype)
    return whole[..., : x.shape[-1]]


class Case:
    """Random operands of y = a b, and the float64 answer for them as rounded."""

    def __init__(self, m: int, n: int, k: int, turn: str = "NN", dtype: np.dtype = BF16, batch: tuple[int, ...] = (), pad: int = 0) -> None:
        rng = np.random.default_rng([m, n, k])
        self.ta, self.tb = TURNS[turn]
        a, b = rng.normal(size=(*batch, m, k)), rng.normal(size=(*batch, k, n))
        self.a = pitched(a.swapaxes(-1, -2) if self.ta else a, dtype, pad)
        self.b = pitched(b.swapaxes(-1, -2) if self.tb else b, dtype, pad)
        self.y = poisoned((*batch, m, n), dtype)
        self.dtype = dtype

    def exact(self) -> tuple[np.ndarray, np.ndarray]:
        """The product, and the sum of magnitudes that bounds the error."""
        a, b = self.a.astype("f8"), self.b.astype("f8")
        a, b = a.swapaxes(-1, -2) if self.ta else a, b.swapaxes(-1, -2) if self.tb else b
        return a @ b, abs(a) @ abs(b)

    def run(self, module: ModuleType, shape: int, splits: int = 1, name: str = "hopper_matmul", more: Any = (), outs: Any = (),
            act: int = NONE, slope: float = 0.0, alpha: float = 1.0, beta: float = 0.0) -> Case:  # fmt: skip
        attrs = (self.ta, self.tb, shape, splits, act, slope, alpha, beta)
        assert call(module, name, [self.y, *outs], [self.a, self.b, *more], attrs) is None
        return self

    def check(self, expected: np.ndarray, scale: np.ndarray) -> None:
        found = self.y.astype("f8")
        assert np.isfinite(found).all(), f"{(~np.isfinite(found)).sum()} results were not written"
        bound = 2e-6 * scale + UNIT[self.dtype] * np.abs(expected) + 1e-6
        worst = np.max(np.abs(found - expected) / bound)
        assert worst <= 1, f"{worst:.3g} times the bound"


def exists(shape: int, turn: str, dtype: np.dtype = BF16, splits: int = 1) -> bool:
    """Which kernels are compiled: gemm_sm90.h."""
    if splits > 1:
        return shape == PING128 or (shape == COOP256 and turn == "TN")
    return shape == PING128 or (turn != "TT" and (shape != PAIR256 or dtype == BF16))


@pytest.mark.parametrize(
    ("shape", "turn", "dtype"), [(s, t, d) for s in SHAPES for t in TURNS for d in (BF16, F16) if exists(s, t, d)], ids=str
)
def test_transposes(kernels: ModuleType, shape: int, turn: str, dtype: np.dtype) -> None:
    case = Case(200, 264, 136, turn, dtype)
    case.run(kernels, shape).check(*case.exact())


EDGES = [(1, 8, 1), (1, 8, 8), (129, 264, 65), (64, 16, 600), (300, 40, 72), (127, 520, 24), (400, 8, 128)]


@pytest.mark.parametrize("sizes", EDGES, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_edges(kernels: ModuleType, shape: int, sizes: tuple[int, int, int]) -> None:
    case = Case(*sizes, turn="NT", pad=8)
    case.run(kernels, shape).check(*case.exact())


@pytest.mark.parametrize("k", [8, 64, 72, 256, 448, 640])  # fewer, as many, more slots than the ring has
@pytest.mark.parametrize("shape", [PAIR256, PING128])
def test_depth(kernels: ModuleType, shape: int, k: int) -> None:
    case = Case(260, 136, k)
    case.run(kernels, shape).check(*case.exact())


@pytest.mark.parametrize("shape", SHAPES)
def test_many_tiles_a_block(kernels: ModuleType, shape: int) -> None:
    case = Case(900, 328, 80)
    case.run(kernels, shape).check(*case.exact())


@pytest.mark.parametrize("batches", ["both", "a once", "b once"])
def test_batches(kernels: ModuleType, batches: str) -> None:
    case = Case(130, 72, 100, batch=(3,))
    if batches == "a once":
        case.a = np.broadcast_to(case.a[:1], case.a.shape)
    if batches == "b once":
        case.b = np.broadcast_to(case.b[:1], case.b.shape)
    case.run(kernels, COOP64).check(*case.exact())


def bent(v: np.ndarray, act: int, slope: float) -> np.ndarray:
    leaky = np.where(v > 0, v, v * slope)
    return [v, np.maximum(v, 0), leaky, 1 / (1 + np.exp(-v)), np.tanh(v)][act]


@pytest.mark.parametrize("splits", [1, 2])
@pytest.mark.parametrize("act", [NONE, RELU, LEAKY_RELU, SIGMOID, TANH])
@pytest.mark.parametrize("dtype", [BF16, F16], ids=str)
def test_bias_and_activation(kernels: ModuleType, dtype: np.dtype, act: int, splits: int) -> None:
    case = Case(150, 136, 136, "NT", dtype)
    bias = np.random.default_rng(1).normal(size=136).astype(dtype)
    exact, scale = case.exact()
    v = 0.25 * exact + bias.astype("f8")
    case.run(kernels, PING128, splits, "hopper_matmul_bias", [bias], act=act, slope=0.25, alpha=0.25)
    case.check(bent(v, act, 0.25), scale + np.abs(v))


@pytest.mark.parametrize("splits", [1, 2])
@pytest.mark.parametrize("shape", [COOP256, PING128])
def test_residual(kernels: ModuleType, shape: int, splits: int) -> None:
    case = Case(150, 296, 136, "TN")
    bias, old = (np.random.default_rng(s).normal(size=n).astype(BF16) for s, n in enumerate([296, (150, 296)]))
    exact, scale = case.exact()
    v = exact + bias.astype("f8") - 2.0 * old.astype("f8")
    case.run(kernels, shape, splits, "hopper_matmul_residual", [bias, old], act=RELU, beta=-2.0)
    case.check(np.maximum(v, 0), scale + np.abs(v))


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("act", [NONE, RELU, LEAKY_RELU, SIGMOID, TANH])
def test_activation_gradient_and_sums_of_columns(kernels: ModuleType, act: int, batch: tuple[int, ...]) -> None:
    case = Case(150, 136, 72, "NT", batch=batch)
    saved = np.random.default_rng(2).uniform(-0.9, 0.9, case.y.shape).astype(BF16)
    y = saved.astype("f8")
    slopes = [np.ones_like(y), y > 0, np.where(y > 0, 1, 0.25), y * (1 - y), 1 - y * y][act]
    sums = poisoned(136, BF16)
    exact, scale = case.exact()
    case.run(kernels, PING128, 1, "hopper_matmul_act_grad", [saved], [sums], act=act, slope=0.25)
    case.check(exact * slopes, scale)
    rows = (exact * slopes).reshape(-1, 136)
    np.testing.assert_allclose(sums.astype("f8"), rows.sum(0), rtol=2.0**-8, atol=1e-5 * np.abs(scale).sum())


def test_rows_beyond_the_last_leave_no_nan_in_the_sums(kernels: ModuleType) -> None:
    case = Case(70, 64, 64)
    case.b[3, 5] = np.inf
    case.a[:, 3] = 0.0  # 0 * inf is NaN in column 5, of every row
    saved, sums = np.ones((70, 64), BF16), poisoned(64, BF16)
    case.run(kernels, COOP64, 1, "hopper_matmul_act_grad", [saved], [sums], act=RELU)
    assert np.isnan(sums[5]) and np.isfinite(np.delete(sums.astype("f4"), 5)).all()
    case.a[:, 3], case.b[3, 5] = 1.0, -np.inf
    case.run(kernels, COOP64, 1, "hopper_matmul_act_grad", [saved], [sums], act=RELU)
    assert sums[5] == -np.inf


@pytest.mark.parametrize(("act", "expected"), [(RELU, [np.inf, 0, np.nan, 1]), (LEAKY_RELU, [np.inf, -np.inf, np.nan, 1])])
def test_special_values(kernels: ModuleType, act: int, expected: list[float]) -> None:
    case = Case(4, 8, 1)
    case.a[:, 0], case.b[...] = [np.inf, -np.inf, np.nan, 1], 1
    bias = np.zeros(8, BF16)
    case.run(kernels, COOP64, 1, "hopper_matmul_bias", [bias], act=act, slope=0.5)
    np.testing.assert_array_equal(case.y[:, 3].astype("f4"), np.array(expected, "f4"))


@pytest.mark.parametrize("splits", [2, 3, 7])
@pytest.mark.parametrize(("shape", "turn"), [(PING128, "NN"), (PING128, "TT"), (COOP256, "TN")])
def test_parts_of_k(kernels: ModuleType, shape: int, turn: str, splits: int) -> None:
    case = Case(140, 88, 520, turn)
    case.run(kernels, shape, splits).check(*case.exact())


def test_one_result_for_every_shape(kernels: ModuleType) -> None:
    found = []
    for shape in SHAPES:
        case = Case(200, 264, 200)
        found.append(case.run(kernels, shape).y.view("u2").copy())
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


# the choice ---------------------------------------------------------------------------------------------------------------------


planned = pytest.mark.skipif(not MODULES or "hopper_plan" not in MODULES[0].kernels(), reason="the emulation was built without hopper.cu")


def plan(m: int, n: int, k: int, turn: str = "NN", batches: int = 1, bfloat16: int = 1, most: int = 64) -> tuple[int, int]:
    y = np.zeros(3)
    ta, tb = TURNS[turn]
    # as the kernels name it: whether an operand is contiguous along its outer axis
    call(MODULES[0], "hopper_plan", [y], [], (m, n, k, batches, ta, not tb, bfloat16, most))
    assert y[2] > 0
    return int(y[0]), int(y[1])


@planned
def test_the_choice() -> None:
    assert plan(8192, 8192, 8192)[0] in (COOP256, PAIR256) and plan(4096, 4096, 4096)[0] in (COOP256, PAIR256)
    assert plan(8192, 8192, 8192, bfloat16=0)[0] == COOP256
    assert plan(4096, 4096, 4096)[1] == 1
    assert plan(1024, 1024, 1024)[0] in (COOP64, PING128)
    shape, splits = plan(784, 512, 65536, "TN")
    assert splits > 1 and exists(shape, "TN", splits=splits)
    assert plan(784, 512, 65536, "TN", most=2)[1] <= 2


@planned
def test_every_choice_exists() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        m, n, k = (int(2 ** rng.uniform(0, 14)) for _ in range(3))
        turn = str(rng.choice(list(TURNS)))
        bfloat16, most = int(rng.integers(2)), int(rng.choice([1, 4, 64]))
        shape, splits = plan(m, n, k, turn, int(rng.choice([1, 5])), bfloat16, most)
        assert exists(shape, turn, BF16 if bfloat16 else F16, splits) and splits <= most, (m, n, k, turn, shape, splits)


# the table ----------------------------------------------------------------------------------------------------------------------


def said(y: np.ndarray, a: np.ndarray, b: np.ndarray, sm: int = 90) -> str:
    """What the table says of the Hopper kernel, and the launches."""
    lines = MODULES[0].explain("matmul", (y,), (a, b), (False, False), sm=sm, multiprocessors=132)
    about = [line.split("(sm90) ")[1] for line in lines if ": hopper (sm90)" in line]
    return "; ".join(about + [line for line in lines if line.startswith("launch gpudl::sm90::gemm_sm90_kernel")])


def operands(m: int = 256, n: int = 512, k: int = 256, dtype: Any = BF16, offset: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = np.zeros((m, k + offset), dtype)[:, offset:]
    return np.zeros((m, n), dtype), a, np.zeros((k, n), dtype)


in_table = pytest.mark.skipif(not MODULES or "matmul" not in MODULES[0].kernels(), reason="the emulation is not installed")


@in_table
@pytest.mark.parametrize("dtype", [BF16, F16], ids=str)
def test_the_table_takes_it_on_hopper(dtype: np.dtype) -> None:
    assert "chosen; launch" in said(*operands(dtype=dtype))


@in_table
def test_the_table_says_why_not() -> None:
    y, a, b = operands()
    assert said(y, a, b, sm=100) == said(y, a, b, sm=120) == "no: not a GPU of Hopper"
    assert said(y, a, b, sm=80) == "no: its tier is not allowed here"
    assert said(*operands(dtype=np.float32)) == "no: no operands of 16 bits"
    assert said(*operands(n=500)) == "no: rows of y are no multiples of 16 bytes"
    assert said(*operands(offset=1)) == said(y, a, b[:, ::-1]) == said(*operands(k=250)) == "no: an operand is not aligned to 16 bytes"
    assert said(y, a[:1].repeat(256, 0)[::-1], b) == "no: an operand repeats itself or runs backwards"
    assert said(y, np.broadcast_to(a[:1], a.shape), b) == "no: an operand repeats itself or runs backwards"
    assert said(y, a[:, :0], b[:0]) in ("no: nothing to add", "")

"""Kernels find the ends of arrays of more than 2^31 elements: every family, fast candidates and simple ones, emulated.

The arrays are address space: only pages that are touched become memory. Of each grid the last blocks run, so what lies at the end is looked
at. Sums over everything see zeros in the place of what was left out. Sorting, which goes through all lines in one call, and kernels of the
elementwise families by themselves: test_large_arrays.cpp.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from emulated import FAST, call

from gpudl.ops import random as draws

pytestmark = pytest.mark.skipif(FAST.module is None, reason=f"the emulation is not installed: {FAST.reason}")
ROWS, COLUMNS = 1 << 23, 512  # 2^32 elements; whole waves of blocks, so that the last block has the last row
LONG = (1 << 31) + (1 << 12) + 40  # in one row
RNG = np.random.default_rng(0)
NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)


def sparse(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that take no memory until they are written."""
    size = int(np.prod(shape))
    try:
        memory = mmap.mmap(-1, size * np.dtype(dtype).itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
    except OSError as error:
        pytest.skip(f"not so much address space: {error}")
    return np.frombuffer(memory, dtype).reshape(shape)


@pytest.fixture(params=["fast", "simple"], autouse=True)
def tier(request: pytest.FixtureRequest) -> Iterator[None]:
    assert FAST.module is not None
    FAST.module.configure(only_last=2 if request.param == "fast" else 8)
    FAST.module.force_tier(-1 if request.param == "fast" else 0)
    yield
    FAST.module.configure()
    FAST.module.force_tier(-1)


def run(name: str, outs: Sequence[np.ndarray], ins: Sequence[np.ndarray], attrs: Sequence[float] = ()) -> None:
    assert call(FAST.module, name, outs, ins, attrs) is None  # type: ignore[arg-type]


def end(x: np.ndarray, count: int, values: np.ndarray | None = None) -> np.ndarray:
    """Write the last numbers of an array, and return them in float64."""
    made = RNG.uniform(0.25, 1, count) if values is None else values
    flat = x.reshape(-1)
    flat[-count:] = made
    return flat[-count:].astype("f8")


def close(found: np.ndarray, expected: np.ndarray, rtol: float = 2e-3) -> None:
    np.testing.assert_allclose(found.astype("f8"), expected, rtol=rtol, atol=1e-6)


def rows(dtype: Any = np.float16) -> tuple[np.ndarray, np.ndarray]:
    """A matrix, and its last row."""
    x = sparse((ROWS, COLUMNS), dtype)
    return x, end(x, COLUMNS)


# elements ---------------------------------------------------------------------------------------------------------------------


def test_elements_one_by_one() -> None:
    a, b, y = (sparse(LONG, np.float16) for _ in range(3))
    wide, flags = sparse(LONG, np.float32), sparse(LONG, np.bool_)
    p, q = end(a, 50), end(b, 50)
    run("add", [y], [a, b])
    close(y[-50:], p + q)
    run("leaky_relu", [y], [a], (0.1,))
    close(y[-50:], p)
    run("cast", [wide], [a], (11,))
    np.testing.assert_array_equal(wide[-50:], p)
    run("greater", [flags], [a, b])
    np.testing.assert_array_equal(flags[-50:], p > q)
    run("where", [y], [flags, a, b])
    close(y[-50:], np.maximum(p, q))


def test_broadcast_elements() -> None:
    x, last = rows()
    column, row, y = sparse((ROWS, 1), np.float16), np.arange(COLUMNS, dtype=np.float16), sparse((ROWS, COLUMNS), np.float16)
    column[-1] = 0.5
    run("add", [y], [x, row])
    close(y[-1], last + np.arange(COLUMNS))
    run("multiply", [y], [column, x])
    close(y[-1], last / 2)
    small, of_small = sparse((ROWS, COLUMNS), np.int8), sparse((ROWS, COLUMNS), np.int8)
    small[-1] = np.arange(COLUMNS) % 100
    run("add", [of_small], [small, np.ones(COLUMNS, np.int8)])
    np.testing.assert_array_equal(of_small[-1], np.arange(COLUMNS) % 100 + 1)


def test_numbers_are_made() -> None:
    y = sparse(LONG, np.int64)
    run("full", [y], [], (7, 9, LONG))
    np.testing.assert_array_equal(y[-20:], 7)
    run("arange", [y], [], (5, 1, LONG, 9))
    np.testing.assert_array_equal(y[-20:], np.arange(LONG - 20, LONG) + 5)
    labels, hot = sparse(ROWS, np.int64), sparse((ROWS, COLUMNS), np.uint8)
    labels[-1] = 317
    run("one_hot", [hot], [labels], (COLUMNS, 1))
    np.testing.assert_array_equal(hot[-1], np.arange(COLUMNS) == 317)


# reductions, softmax, norms ----------------------------------------------------------------------------------------------------


def test_sums_of_rows() -> None:
    x, last = rows()
    y, at, running = sparse(ROWS, np.float16), sparse(ROWS, np.int32), sparse((ROWS, COLUMNS), np.float16)
    for name, expected in [("sum", last.sum()), ("max", last.max()), ("var", last.var()), ("logsumexp", np.log(np.exp(last).sum()))]:
        run(name, [y], [x], (0, 1))
        close(y[-1], expected)
    run("argmax", [at], [x], (0, 1))
    assert at[-1] == last.argmax()
    run("cumsum", [running], [x], (1, 0))
    close(running[-1], np.cumsum(last), rtol=2e-2)
    yes = sparse(ROWS, np.bool_)
    run("any", [yes], [x], (0, 1))
    assert yes[-1]


def test_sums_of_columns() -> None:
    x = sparse((ROWS, 8), np.float16)  # fewer: with 512 a piece of them takes seconds
    last = end(x, 8)
    y, at = sparse(8, np.float16), sparse(8, np.int32)
    run("sum", [y], [x], (0, 0))
    close(y, last)
    run("argmax", [at], [x], (0, 0))
    np.testing.assert_array_equal(at, ROWS - 1)


def test_one_long_row(tier: None, request: pytest.FixtureRequest) -> None:
    if "simple" in request.node.name:
        pytest.skip("a warp would go through all of it")
    x, y = sparse((1, LONG), np.float16), sparse(1, np.float16)
    last = end(x, 40)
    run("sum", [y], [x], (0, 1))
    close(y, last.sum()[None])
    at = sparse(1, np.int64)
    run("argmax", [at], [x], (0, 1))
    assert at[0] == LONG - 40 + last.argmax()


def test_softmax() -> None:
    x, last = rows()
    y, sums = sparse((ROWS, COLUMNS), np.float16), sparse((2, ROWS, 1), np.float32)
    exact = np.exp(last) / np.exp(last).sum()
    run("softmax", [y, sums], [x], (1,))
    close(y[-1], exact)
    g, back = sparse((ROWS, COLUMNS), np.float16), sparse((ROWS, COLUMNS), np.float16)
    of_g = end(g, COLUMNS)
    run("softmax_grad", [back], [g, y], (1,))
    np.testing.assert_allclose(back[-1], exact * (of_g - (of_g * exact).sum()), atol=1e-5)
    labels, loss = sparse(ROWS, np.int32), sparse(ROWS, np.float16)
    labels[-1] = 99
    run("sparse_categorical_crossentropy", [loss], [x, y, sums, labels])
    close(loss[-1], -np.log(exact[99]))
    weight = sparse(ROWS, np.float16)
    weight[-1] = 1
    run("sparse_categorical_crossentropy_grad", [back], [weight, y, labels])
    np.testing.assert_allclose(back[-1], exact - (np.arange(COLUMNS) == 99), atol=1e-3)
    run("log_softmax", [back], [x], (1,))
    close(back[-1], np.log(exact))


def test_norms() -> None:
    x, last = rows()
    y, mean, rstd = sparse((ROWS, COLUMNS), np.float16), sparse((ROWS, 1), np.float32), sparse((ROWS, 1), np.float32)
    one, zero = np.ones((), np.float32), np.zeros((), np.float32)
    run("layer_norm", [y, mean, rstd], [x, one, zero], (1e-3, 1))
    np.testing.assert_allclose(y[-1], (last - last.mean()) / np.sqrt(last.var() + 1e-3), atol=3e-3)
    means, variances = (RNG.uniform(0.5, 1, COLUMNS).astype("f4") for _ in range(2))
    gamma, beta = (RNG.uniform(0.5, 1, COLUMNS).astype("f4") for _ in range(2))
    run("batch_norm_inference", [y], [x, means, variances, gamma, beta], (1e-3,))
    np.testing.assert_allclose(y[-1], gamma * (last - means) / np.sqrt(variances + 1e-3) + beta, atol=3e-3)


# pooling, and what moves -----------------------------------------------------------------------------------------------------


def test_pooling() -> None:
    images = (1 << 15) + 5
    x, y = sparse((images, 64, 64, 16), np.float16), sparse((images, 32, 32, 16), np.float16)
    x[-1, -2:, -2:] = RNG.uniform(0.25, 1, (2, 2, 16))
    window, places = x[-1, -2:, -2:].astype("f8"), sparse((images, 32, 32, 16), np.uint8)
    attrs = (2, 2, 2, 2, 0, 0, 0, 0, 64, 64)
    run("max_pool2d", [y, places], [x], attrs)
    close(y[-1, -1, -1], window.max((0, 1)))
    back = sparse(x.shape, np.float16)
    run("max_pool2d_grad", [back], [y, places], attrs)
    close(back[-1, -2:, -2:].sum((0, 1)), window.max((0, 1)))
    run("average_pool2d", [y], [x], attrs)
    close(y[-1, -1, -1], window.mean((0, 1)))
    run("average_pool2d_grad", [back], [y], attrs)
    close(back[-1, -1, -1], window.mean((0, 1)) / 4)


def test_gather_and_scatter() -> None:
    x, last = rows()
    x[-2, :] = 3
    order, cursor, batch = np.array([0, ROWS - 2, ROWS - 1]), np.array(1), sparse((2, COLUMNS), np.float16)
    run("gather_rows", [batch], [x, order, cursor], (2,))
    close(batch, np.stack([np.full(COLUMNS, 3.0), last]))
    indices = np.array([ROWS - 1, -2], np.int32)
    run("take", [batch], [x, indices], (0, ROWS, COLUMNS))
    close(batch, np.stack([last, np.full(COLUMNS, 3.0)]))
    many, table = sparse(ROWS, np.int32), RNG.uniform(0.5, 1, (10, COLUMNS)).astype(np.float16)
    many[-1] = 7
    y = sparse((ROWS, COLUMNS), np.float16)
    run("take", [y], [table, many], (0, 10, COLUMNS))
    np.testing.assert_array_equal(y[-1], table[7])
    g, back = np.stack([table[1], table[2]]), sparse((ROWS, COLUMNS), np.float16)
    run("take_grad", [back], [g, np.array([ROWS - 1, ROWS - 1], np.int32)], (0, ROWS, COLUMNS))
    close(back[-1], table[1].astype("f8") + table[2])


def test_copies() -> None:
    x, last = rows()
    y = sparse((COLUMNS, ROWS), np.float16)
    run("copy", [y], [x.T])
    close(y[-1, -1:], last[-1:])
    joined = sparse((2 * ROWS, 300), np.uint8)
    a, b = sparse((ROWS, 300), np.uint8), sparse((ROWS, 300), np.uint8)
    b[-1] = np.arange(300) % 251
    run("concatenate", [joined], [a, b], (0, ROWS, ROWS))
    np.testing.assert_array_equal(joined[-1], np.arange(300) % 251)
    padded = sparse((ROWS + 1, 304), np.uint8)
    run("pad", [padded], [b], (9, 1, 1, 0, 3))
    np.testing.assert_array_equal(padded[-1], [9, *(np.arange(300) % 251), 9, 9, 9])


# random numbers, optimizers, metrics -------------------------------------------------------------------------------------------


def words(state: np.ndarray, first: int, blocks: int) -> np.ndarray:
    made = np.empty((blocks, 4), np.uint32)
    seed = state.astype(np.uint64)
    draws._philox(np, made, seed, seed[3:4], first)
    return made


def test_random_numbers() -> None:
    state, count = np.array([1, 2, 3, 4], np.uint32), (1 << 31) + 64
    x, y, saved = sparse(count, np.float16), sparse(count, np.float16), np.zeros(4, np.uint32)
    x[-32:] = 1
    lanes = words(state, count // 8 - 4, 4).view(np.uint16).reshape(-1)
    run("dropout", [y, saved], [x, state], (0.5,))
    np.testing.assert_array_equal(y[-32:], np.where(lanes >= 1 << 15, 2, 0))
    run("dropout_grad", [y], [x, state], (0.5,))
    np.testing.assert_array_equal(y[-32:], np.where(lanes >= 1 << 15, 2, 0))
    uniform = sparse(count, np.float32)
    run("random_uniform", [uniform], [state], (0.0, 1.0, 11, count))
    np.testing.assert_array_equal(uniform[-32:], (words(state, count // 4 - 8, 8).reshape(-1) >> 8) * np.float32(2.0**-24))


def test_optimizers() -> None:
    p, g, m, v = (sparse(LONG, np.float16) for _ in range(4))
    values, gradient = end(p, 30), end(g, 30)
    run("sgd_", [p], [g, np.array(0.5)])
    close(p[-30:], values - 0.5 * gradient, rtol=5e-3)
    run("adam_", [p, m, v], [g, np.array(0.01), np.array(0)], (0.9, 0.999, 1e-7))
    close(m[-30:], 0.1 * gradient)


def test_metrics() -> None:
    values, total = sparse((1 << 31) + (1 << 17), np.bool_), np.zeros(2)  # whole waves of the grid
    values[-30:] = True
    run("mean_", [total], [values, np.ones(1)])
    assert total[0] == 30

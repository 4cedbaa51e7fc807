"""Elementwise CUDA kernels under emulation, in every dtype: integers to their limits, casts of any pair, fills; against the references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from emulated import FAST, call, needs_modules, poisoned

from gpudl import dtypes, op
from gpudl.backends.reference import run_reference
from gpudl.ops._common import _CODE_OF

pytestmark = needs_modules
module: Any = FAST.module
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
EVERY = ("bool", *WHOLE, "float16", "bfloat16", "float32", "float64")


def same(name: str, shape: tuple[int, ...], dtype: Any, ins: Sequence[np.ndarray], attrs: tuple[Any, ...] = ()) -> None:
    """The kernel gives what the reference gives, bit for bit but for the payload of NaN."""
    made, expected = poisoned(shape, dtype), np.zeros(shape, dtype)
    assert call(module, name, [made], ins, attrs) is None, f"{name} has no kernel for {[str(x.dtype) for x in ins]}"
    with np.errstate(all="ignore"):
        run_reference(np, op.registry[name], [expected], list(ins), attrs)
    if dtypes.is_float(expected.dtype):
        nan = np.isnan(expected.astype("f8"))
        assert np.isnan(made[nan].astype("f8")).all()
        made, expected = made[~nan], expected[~nan]
    assert made.tobytes() == expected.tobytes(), f"{name} {[str(x.dtype) for x in ins]} {attrs}: {made}, expected {expected}"


def limits(dtype: str) -> np.ndarray:
    info = np.iinfo(dtype)
    near = [info.min, info.min + 1, info.max, info.max - 1, info.max // 2, 0, 1, 2, 3, 7]
    return np.array(near + ([-1, -2, -7] if info.min else []), dtype)


@pytest.mark.parametrize("dtype", WHOLE)
def test_integers_to_their_limits(dtype: str) -> None:
    a, b = limits(dtype), limits(dtype)[:, None]
    shape = np.broadcast_shapes(a.shape, b.shape)
    for name in ("add", "subtract", "multiply", "maximum", "minimum", "floor_divide", "mod", "bitwise_and", "bitwise_or", "bitwise_xor"):
        same(name, shape, dtype, [a, b])
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor"):
        same(name, shape, bool, [a, b])
    for name in ("negative", "absolute", "sign", "square", "bitwise_not"):
        same(name, a.shape, dtype, [a])
    same("logical_not", a.shape, bool, [a])
    same("power", shape, dtype, [a, np.abs(b).clip(0, 9).astype(dtype)])
    same("clip", a.shape, dtype, [a], (2, int(np.iinfo(dtype).max)))
    same("clip", a.shape, dtype, [a], (int(np.iinfo(dtype).min), 5))


def test_integers_to_negative_powers() -> None:
    a, b = np.array([[1], [-1], [2], [0]], "int32"), np.array([-1, -2], "int32")
    made = poisoned((4, 2), np.int32)
    assert call(module, "power", [made], [a, b]) is None
    np.testing.assert_array_equal(made, [[1, 1], [-1, 1], [0, 0], [0, 0]])


@pytest.mark.parametrize("to", EVERY)
@pytest.mark.parametrize("source", EVERY)
def test_cast(source: str, to: str) -> None:
    """Of numbers that both hold; floats are cut off, and everything but 0 is true."""
    numbers = np.array([0, 1, 1.7, 2.5, 100, 0.3, 127] * 5 + ([] if "u" in source + to or "bool" in (source, to) else [-1, -1.7, -100]))
    x = numbers.astype(dtypes.standard(source))
    code = (_CODE_OF[dtypes.standard(to)],)
    same("cast", x.shape, dtypes.standard(to), [x], code)
    same("cast", (5, 3), dtypes.standard(to), [x[:30].reshape(5, 6)[:, ::2]], code)


@pytest.mark.parametrize("source", ["float16", "bfloat16", "float32", "float64"])
def test_cast_of_special_numbers(source: str) -> None:
    with np.errstate(over="ignore"):
        x = np.array([np.nan, np.inf, -np.inf, -0.0, 65519.0, 65520.0, 3e38, -1e-30, 1 / 3, 2049.0]).astype(dtypes.standard(source))
    for to in ("bool", "float16", "bfloat16", "float32", "float64"):
        same("cast", x.shape, dtypes.standard(to), [x], (_CODE_OF[dtypes.standard(to)],))


def test_cast_of_large_integers() -> None:
    for source in ("int64", "uint64"):
        x = limits(source)
        for to in ("float32", "float64", "int32", "uint8", "uint64", "int64", "bool"):
            same("cast", x.shape, dtypes.standard(to), [x], (_CODE_OF[dtypes.standard(to)],))


@pytest.mark.parametrize("dtype", EVERY)
def test_fills_and_sequences(dtype: str) -> None:
    kind, code = dtypes.standard(dtype), _CODE_OF[dtypes.standard(dtype)]
    for n in (0, 1, 5, 33):
        same("full", (n, 3), kind, [], (1, code, n, 3))
        same("arange", (n,), kind, [], (1, 3, code, n))
        same("linspace", (n,), kind, [], (0.5, 7.25, n, True, code))
        same("linspace", (n,), kind, [], (0.5, 7.25, n, False, code))
        for k in (-1, 0, 2):
            same("eye", (n, 4), kind, [], (n, 4, k, code))
            same("tri", (n, 4), kind, [], (n, 4, k, code))
    same("full", (4,), kind, [], (True, code, 4))
    same("full", (4,), kind, [], (2.5, code, 4))
    if dtype in WHOLE:
        for value in (np.iinfo(dtype).min, np.iinfo(dtype).max):
            same("full", (4,), kind, [], (int(value), code, 4))
    elif dtype != "bool":
        for real in (np.nan, -np.inf, -0.0, 0.1, 1e5):
            same("full", (4,), kind, [], (real, code, 4))


@pytest.mark.parametrize("dtype", ["bool", *WHOLE])
def test_indices(dtype: str) -> None:
    kind = dtypes.standard(dtype)
    x = np.array([[0, 1], [1, 0]] if dtype == "bool" else [[0, 3], [100, 2]], kind)
    for to in ("float32", "bfloat16", "int64", "bool"):
        same("one_hot", (2, 2, 5), dtypes.standard(to), [x], (5, _CODE_OF[dtypes.standard(to)]))
    same("one_hot", (2, 2, 0), np.float32, [x], (0, _CODE_OF[dtypes.float32]))
    if dtype != "bool":
        rows, columns = np.array([0, 3, 4, 1], kind)[:, None], np.array([2, 7, 0], "int64")
        same("ravel_index", (4, 3), np.int64, [rows, columns], (4, 5))
        same("ravel_index", (4, 3), np.int64, [rows, columns, rows, columns, rows, np.array(1, kind)], (4, 5, 2, 9, 5, 2))


def test_negative_and_too_large_labels() -> None:
    same("one_hot", (4, 3), np.float32, [np.array([-1, 3, 2, -3])], (3, _CODE_OF[dtypes.float32]))
    same("one_hot", (2, 3), np.float32, [np.array([2**64 - 1, 2], "uint64")], (3, _CODE_OF[dtypes.float32]))
    same("ravel_index", (4,), np.int64, [np.array([-1, -5, 1, 4]), np.array([-1, 0, -6, 0], "int32")], (4, 5))


@pytest.mark.parametrize("dtype", EVERY)
def test_any_layout(dtype: str) -> None:
    kind = dtypes.standard(dtype)
    whole = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (7, 6, 40)).astype(kind)
    views = [whole, whole[::-1], whole[:, ::2, 1:], whole.transpose(2, 1, 0), whole.transpose(0, 2, 1), whole[..., None, :1], whole[3]]
    views += [
        np.broadcast_to(whole[0, 0], (3, 40)),
        np.broadcast_to(whole[:1, :, :1], (7, 6, 40)),
        whole[:0],
        whole[1, 1, 1, ...],
        whole[..., 0].T,
    ]
    for x in views:
        same("copy", x.shape, kind, [x])
        same("add", x.shape, kind, [x, x.copy(order="C")])
        same("where", x.shape, kind, [x.astype(bool, order="C"), x, np.zeros((), kind)])
    same("expand", (2, 7, 6, 40), kind, [whole], (2, 7, 6, 40))
    same("expand", (7, 6, 40), kind, [whole[:, :1]], (7, 6, 40))

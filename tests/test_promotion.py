"""What two number types make together: the whole table, spelled out, and the rules for Python numbers."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import gpudl
from gpudl import Tensor, config, dtypes, ops

NAMES = "bool u1 u2 u4 u8 i1 i2 i4 i8 f2 bf f4 f8".split()
FULL = dict(zip(NAMES, "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()))

# Row with column. An integer takes the float's type; float16 with bfloat16 gives float32; else the wider. Signed and unsigned integers meet
# in the smallest signed type that holds both, as in NumPy; uint64 with a signed one has none, and gives float64.
TABLE = """
        bool u1   u2   u4   u8   i1   i2   i4   i8   f2   bf   f4   f8
bool    bool u1   u2   u4   u8   i1   i2   i4   i8   f2   bf   f4   f8
u1      u1   u1   u2   u4   u8   i2   i2   i4   i8   f2   bf   f4   f8
u2      u2   u2   u2   u4   u8   i4   i4   i4   i8   f2   bf   f4   f8
u4      u4   u4   u4   u4   u8   i8   i8   i8   i8   f2   bf   f4   f8
u8      u8   u8   u8   u8   u8   f8   f8   f8   f8   f2   bf   f4   f8
i1      i1   i2   i4   i8   f8   i1   i2   i4   i8   f2   bf   f4   f8
i2      i2   i2   i4   i8   f8   i2   i2   i4   i8   f2   bf   f4   f8
i4      i4   i4   i4   i8   f8   i4   i4   i4   i8   f2   bf   f4   f8
i8      i8   i8   i8   i8   f8   i8   i8   i8   i8   f2   bf   f4   f8
f2      f2   f2   f2   f2   f2   f2   f2   f2   f2   f2   f4   f4   f8
bf      bf   bf   bf   bf   bf   bf   bf   bf   bf   f4   bf   f4   f8
f4      f4   f4   f4   f4   f4   f4   f4   f4   f4   f4   f4   f4   f8
f8      f8   f8   f8   f8   f8   f8   f8   f8   f8   f8   f8   f8   f8
"""


def table() -> list[tuple[str, str, str]]:
    header, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return [(FULL[row[0]], FULL[column], FULL[result]) for row in rows for column, result in zip(header, row[1:])]


def array(name: str, values=(0, 1, 1)) -> np.ndarray:
    return np.array(values).astype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def test_the_table_is_whole() -> None:
    assert len(table()) == 13 * 13
    given = {(a, b): c for a, b, c in table()}
    assert all(given[a, b] == given[b, a] for a, b in given)


@pytest.mark.parametrize(("a", "b", "result"), table())
def test_two_arrays(a: str, b: str, result: str, path: str) -> None:
    assert dtypes.promote(dtypes.standard(a), dtypes.standard(b)) == result
    x, y = Tensor(array(a)), Tensor(array(b))
    for combined in (ops.add(x, y), ops.multiply(x, y), x + y, ops.maximum(x, y), ops.where(Tensor([True, False, True]), x, y)):
        assert combined.dtype == result
    for compared in (x < y, x == y, ops.greater_equal(x, y)):
        assert compared.dtype == "bool"


@pytest.mark.parametrize("name", FULL.values())
def test_python_numbers_are_weak(name: str, path: str) -> None:
    x = Tensor(array(name))
    floating = name in ("float16", "bfloat16", "float32", "float64")
    assert (x + 1).dtype == (1 + x).dtype == ("int32" if name == "bool" else name)
    assert (x + True).dtype == name
    assert (x * 2.5).dtype == (2.5 * x).dtype == (name if floating else "float32")
    if floating:
        assert (x + 1).numpy().astype(float).tolist() == [1, 2, 2]


@pytest.mark.parametrize("name", FULL.values())
def test_division_and_mean_of_integers_are_floats(name: str, path: str) -> None:
    floating = name in ("float16", "bfloat16", "float32", "float64")
    x = Tensor(array(name, (1, 1, 1)))
    assert (x / x).dtype == (name if floating else "float32")
    assert (x / 2).dtype == (name if floating else "float32")
    assert ops.mean(x).dtype == (name if floating else "float32")
    assert ops.exp(x).dtype == (name if floating else "float32")


def test_floatx_decides_for_python_floats_and_integer_division(path: str) -> None:
    config.set_floatx("float64")
    assert Tensor([1.0, 2.0]).dtype == Tensor(1.5).dtype == (Tensor([1, 2]) / 2).dtype == (Tensor([1]) * 0.5).dtype == "float64"
    config.set_floatx("bfloat16")
    assert Tensor([1.0]).dtype == gpudl.ops.mean(Tensor([1, 2])).dtype == "bfloat16"
    assert Tensor(np.array([1.0])).dtype == "float64", "an array keeps its dtype"


def test_what_python_and_numpy_values_become() -> None:
    assert Tensor(1).dtype == Tensor([1, 2]).dtype == "int32"
    assert Tensor(2**40).dtype == Tensor([2**40]).dtype == "int64"
    assert Tensor(True).dtype == Tensor([True]).dtype == "bool"
    assert Tensor(1.0).dtype == Tensor([1, 2.5]).dtype == Tensor([]).dtype == "float32"
    for name in FULL.values():
        assert Tensor(array(name)).dtype == name
        assert Tensor(array(name)[0]).dtype == name, "a NumPy scalar keeps its dtype"


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(gpudl.errors.DTypeError, match="300 does not fit into uint8"):
        Tensor(array("uint8")) + 300


def test_integer_arithmetic_wraps_like_numpy(path: str) -> None:
    with np.errstate(over="ignore"):
        a = np.array([2**31 - 1], np.int32)
        assert (Tensor(a) + Tensor(a)).numpy() == a + a


def test_scalar_tensors_are_not_weak(path: str) -> None:
    assert (Tensor(np.array([1.0], "f4")) + Tensor(np.float64(1))).dtype == "float64"

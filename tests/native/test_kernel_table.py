"""The door between Python and the compiled kernels: what it takes, what it answers, and that nothing said to it crashes the process."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gpudl import native, op
from gpudl import ops as _ops  # noqa: F401  fills the registry

cpu: Any = native.cpu().module
needs_cpu = pytest.mark.skipif(cpu is None, reason=f"no _cpu: {native.cpu().reason}")


class Operand:
    """What the table wants of a tensor: an attribute `array`."""

    def __init__(self, array: Any) -> None:
        self.array = array


def call(name: str, outs: list[Any], ins: list[Any], attrs: tuple[Any, ...] = ()) -> int | None:
    answer: int | None = cpu.kernels()[name]([Operand(a) for a in outs], [Operand(a) for a in ins], attrs)
    return answer


@needs_cpu
def test_kernels_and_signatures_name_the_same() -> None:
    assert set(cpu.kernels()) == set(cpu.signatures())
    assert {"relu", "relu_grad", "leaky_relu", "leaky_relu_grad"} <= set(cpu.kernels())
    assert all(kernel.__name__ == name for name, kernel in cpu.kernels().items())


@needs_cpu
def test_every_kernel_belongs_to_an_op() -> None:
    assert set(cpu.kernels()) <= set(op.registry), "a compiled kernel without an op of its name never runs"


@needs_cpu
def test_build_info_says_what_it_is() -> None:
    import gpudl

    info = cpu.build_info()
    assert info["version"] == gpudl.__version__
    assert info["python"].split(".")[:2] == [str(n) for n in sys.version_info[:2]]
    assert all(isinstance(value, str) and value for value in info.values())


@needs_cpu
def test_three_answers() -> None:
    x, y, rate = np.ones(4, "f"), np.zeros(4, "f"), np.array(0.5)
    assert call("sgd_", [y], [x, rate]) is None
    assert call("sgd_", [y], [np.ones(8, "f")[::2], rate]) == cpu.NEEDS_CONTIGUOUS == 2
    assert call("relu", [y], [np.ones(8, "f")[::2]]) is None, "this one takes any strides"
    assert call("relu", [y.astype("i")], [x.astype("i")]) == cpu.MISSING == 1
    assert call("relu", [np.empty(8, "f")[::2]], [x]) == 1, "an output with gaps: a copy of it would be written in vain"


@needs_cpu
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (1, 1, 1), (2, 3, 4, 5)])
def test_every_shape(shape: tuple[int, ...]) -> None:
    x = np.linspace(-1, 1, int(np.prod(shape)), dtype="f").reshape(shape)
    y = np.full(shape, 7, "f")
    assert call("relu", [y], [x]) is None
    np.testing.assert_array_equal(y, np.maximum(x, 0))


@needs_cpu
def test_shapes_that_differ_are_declined_and_nothing_is_written() -> None:
    y = np.full(4, 7, "f")
    for wrong in (np.ones(3, "f"), np.ones(5, "f"), np.ones((4, 1), "f")):
        assert call("relu", [y], [wrong]) == 1
    assert call("relu_grad", [y], [np.ones(4, "f"), np.ones(2, "f")]) == 1
    assert (y == 7).all()


@needs_cpu
def test_strides_of_axes_of_size_one_mean_nothing() -> None:
    x = np.lib.stride_tricks.as_strided(np.array([-1.0, 2.0], "f"), (1, 2, 1), (12345, 4, 99))
    y = np.empty((1, 2, 1), "f")
    assert call("relu", [y], [x]) is None
    assert y.ravel().tolist() == [0, 2]


@needs_cpu
def test_misaligned_memory_is_not_touched() -> None:
    raw = np.zeros(17, np.uint8)
    odd = raw[1:].view("f")
    assert not odd.flags.aligned
    assert call("relu", [np.empty(4, "f")], [odd]) == 1
    assert call("sgd_", [np.empty(4, "f")], [odd, np.array(0.5)]) == 2
    assert call("relu", [odd], [np.ones(4, "f")]) == 1


@needs_cpu
def test_more_axes_than_kernels_know() -> None:
    x = np.ones((1,) * 20, "f")
    assert call("relu", [np.empty_like(x)], [x]) == 1


@needs_cpu
def test_foreign_byte_order_is_no_dtype_of_ours() -> None:
    foreign = np.dtype("f").newbyteorder()
    assert call("relu", [np.empty(3, "f")], [np.ones(3, foreign)]) == 1
    assert call("relu", [np.empty(3, foreign)], [np.ones(3, foreign)]) == 1


def _every_dtype() -> list[np.dtype[Any]]:
    names = [getattr(ml_dtypes, name) for name in dir(ml_dtypes) if isinstance(getattr(ml_dtypes, name), type)]
    found = []
    for candidate in [*"?bBhHiIlLqQefdgFDGSUVMmO", *names]:
        try:
            found.append(np.dtype(candidate))
        except TypeError:
            continue
    return [d for d in found if d.itemsize and d.kind != "O"]


@needs_cpu
@pytest.mark.parametrize("dtype", _every_dtype(), ids=str)
def test_only_floating_dtypes_reach_relu(dtype: np.dtype[Any]) -> None:
    """ml_dtypes uses letters twice ('E' is bfloat16 and uint1, 'e' float16 and int1): the letter alone would run the wrong kernel."""
    x, y = np.zeros(5, dtype), np.zeros(5, dtype)
    expected = None if dtype in (np.dtype("e"), np.dtype("f"), np.dtype("d"), np.dtype(ml_dtypes.bfloat16)) else 1
    if dtype == np.dtype("g") and dtype.itemsize == 8:
        expected = None
    assert call("relu", [y], [x]) == expected


@needs_cpu
def test_read_only_output_is_an_error() -> None:
    y = np.empty(3, "f")
    y.flags.writeable = False
    with pytest.raises(ValueError, match=r"\[relu\].*read-only"):
        call("relu", [y], [np.ones(3, "f")])
    x = np.ones(3, "f")
    x.flags.writeable = False
    assert call("relu", [np.empty(3, "f")], [x]) is None


@needs_cpu
def test_wrong_arguments_are_errors_that_name_the_kernel() -> None:
    relu, leaky = cpu.kernels()["relu"], cpu.kernels()["leaky_relu"]
    x = Operand(np.ones(3, "f"))
    for outs, ins, attrs in [(1, [x], ()), ([x], None, ()), ([x], [x], 0.5), ([x], [Operand([1.0])], ()), ([x], [Operand(None)], ())]:
        with pytest.raises(TypeError, match=r"^\[relu\]"):
            relu(outs, ins, attrs)
    with pytest.raises(TypeError, match=r"^\[relu\] expected \(outs, ins, attrs\)"):
        relu()
    with pytest.raises(AttributeError, match=r"^\[relu\]"):
        relu([x], [np.ones(3, "f")], ())
    with pytest.raises(TypeError, match=r"^\[leaky_relu\].*attributes"):
        leaky([x], [x], ())
    with pytest.raises(TypeError, match=r"^\[relu\].*attributes"):
        relu([x], [x], (0.1,))
    with pytest.raises(TypeError, match=r"^\[leaky_relu\]"):
        leaky([x], [x], ("steep",))
    with pytest.raises(TypeError, match="at most 16"):
        relu([x] * 17, [x], ())
    with pytest.raises(TypeError, match="Received: 17 attributes"):
        relu([x], [x], (1,) * 17)
    with pytest.raises(OverflowError):
        leaky([x], [x], (2**70,))


@needs_cpu
def test_attributes_may_be_any_number() -> None:
    x, y = np.array([-2.0], "f"), np.empty(1, "f")
    for slope in (0.5, np.float64(0.5), np.float32(0.5), np.array(0.5)):
        assert call("leaky_relu", [y], [x], (slope,)) is None
        assert y[0] == -1
    assert call("leaky_relu", [y], [x], (True,)) is None
    assert y[0] == -2
    for strange in (float("nan"), float("inf"), 1e300):
        assert call("leaky_relu", [y], [x], (strange,)) is None


@needs_cpu
def test_an_array_made_by_the_attribute_lives_through_the_call() -> None:
    """`array` may be a property that makes a new array each time: nobody else keeps it."""

    class Fleeting:
        @property
        def array(self) -> np.ndarray:
            return np.full(1 << 16, 3, "f")

    y = np.empty(1 << 16, "f")
    for _ in range(20):
        assert cpu.kernels()["relu"]([Operand(y)], [Fleeting()], ()) is None
        assert (y == 3).all()


@needs_cpu
def test_a_list_that_changes_while_it_is_read() -> None:
    ins: list[Any] = []

    class Greedy:
        @property
        def array(self) -> np.ndarray:
            ins.clear()
            return np.ones(3, "f")

    ins += [Greedy(), Greedy()]
    y = np.empty(3, "f")
    assert cpu.kernels()["relu_grad"]([Operand(y)], ins, ()) is None
    assert (y == 1).all() and not ins


@needs_cpu
def test_bound_call_runs_again_and_keeps_its_arrays() -> None:
    x, y = np.array([-1.0, 2.0], "f"), np.empty(2, "f")
    run = cpu.bind(cpu.kernels()["relu"], (y,), (x,), ())
    kept = weakref.ref(x)
    x[0] = 5
    assert run() is None
    assert y.tolist() == [5, 2]
    del x
    gc.collect()
    assert kept() is not None
    y[:] = 0
    run()
    assert y.tolist() == [5, 2]
    del run
    gc.collect()
    assert kept() is None, "a dropped call must let go of its arrays"


@needs_cpu
def test_bind_answers_none_where_there_is_no_kernel() -> None:
    relu, y = cpu.kernels()["relu"], np.empty(4, "f")
    assert cpu.bind(relu, (y,), (np.ones(4, "i"),), ()) is None
    assert cpu.bind(cpu.kernels()["sgd_"], (y,), (np.ones(8, "f")[::2], np.array(0.5)), ()) is None
    with pytest.raises(TypeError, match=r"numpy\.ndarray"):
        cpu.bind(relu, (y,), (Operand(y),), ())
    for no_kernel in (len, 3, "relu", cpu.bind(relu, (y,), (y.copy(),), ())):
        with pytest.raises(TypeError, match=r"\[bind\]"):
            cpu.bind(no_kernel, (), (), ())


@needs_cpu
def test_references_are_neither_lost_nor_kept() -> None:
    x, y = np.ones(8, "f"), np.empty(8, "f")
    out, into = Operand(y), Operand(x)
    relu = cpu.kernels()["relu"]
    before = sys.getrefcount(x), sys.getrefcount(y), sys.getrefcount(into)
    for _ in range(100):
        relu((out,), (into,), ())
        relu((out,), (Operand(x.astype("i")),), ())
        with pytest.raises(TypeError):
            relu((out,), (into,), (1,))
        cpu.bind(relu, (y,), (x,), ())()
    assert (sys.getrefcount(x), sys.getrefcount(y), sys.getrefcount(into)) == before


@needs_cpu
def test_threads_at_once() -> None:
    """Large calls let other threads run; each must still see its own arrays."""
    wrong: list[int] = []

    def work(number: int) -> None:
        x = np.full(1 << 18, number, "f")
        y = np.empty_like(x)
        for _ in range(10):
            call("relu", [y], [x])
            if not (y == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

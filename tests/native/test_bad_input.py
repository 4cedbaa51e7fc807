"""CUDA kernels and operands that are not as they like them: a right result, a reasoned answer of the table, or an error in words.

Each op of the table of cases is launched again with its operands elsewhere: between multiples of 16 bytes, between multiples of their
items, backwards in memory, empty, of a foreign dtype. Emulated; those of the real module without a GPU are in test_cuda_module.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from emulated import CHECKED, CUDA_OFF, FAST, Operand, call, launched, needs_modules, poisoned
from op_cases import CASES

import gpudl
from gpudl import backends, ops, testing
from gpudl.op import DONE, Op, registry
from gpudl.tensors import Tensor
from gpudl.testing import Case, contract
from gpudl.testing.compare import assert_close, assert_same_bits
from gpudl.testing.kernels import Inspection

pytestmark = needs_modules
MISSING, STRIDED = 1, 2


@cache
def chosen() -> list[Case]:
    """Cases that between them launch each op with a CUDA kernel, and little else."""
    table = set(FAST.module.kernels()) if FAST.module else set()
    left, found = set(table), []
    for case in CASES:
        new = launched(case) & left
        if new:
            found.append(case)
            left -= new
    return found


def at_offset(array: np.ndarray, offset: int) -> np.ndarray:
    """A copy that begins so many bytes behind a multiple of 64."""
    memory = np.empty(array.nbytes + 192, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    copied = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copied[...] = array
    return copied


def backwards(array: np.ndarray) -> np.ndarray:
    """The same numbers, each axis running down in memory."""
    turned = tuple(slice(None, None, -1) for _ in array.shape)
    return np.ascontiguousarray(array[turned])[turned]


class Elsewhere(Inspection):
    """Launches each kernel as it was asked for, then again with operands that lie in other ways."""

    def inspect(self, op: Op, kernel: Any, outs: Sequence[Tensor], ins: Sequence[Tensor], attrs: tuple[Any, ...]) -> Any:
        before = [t.array.copy() for t in outs]
        given = [t.array for t in ins]

        def run(arrays: list[np.ndarray], outputs: list[np.ndarray]) -> Any:
            return kernel([Operand(a) for a in outputs], [Operand(a) for a in arrays], attrs)

        first = [at_offset(a, 0) for a in before]
        if kernel is None or run([at_offset(a, 0) for a in given], first) is not DONE:
            return super().inspect(op, kernel, outs, ins, attrs)
        self.launched.add(op.name)

        def same(outputs: list[np.ndarray], how: str) -> None:
            said = f"[{op.name}] {how}"
            if op.name in CUDA_OFF:
                for a, b in zip(outputs, first):
                    assert_close(a, b, CUDA_OFF[op.name], CUDA_OFF[op.name], said, a.dtype)
            else:
                assert_same_bits(outputs, first, said)

        outputs = [at_offset(a, a.itemsize) for a in before]
        assert run([at_offset(a, a.itemsize) for a in given], outputs) is DONE, f"[{op.name}] aligned to items is enough"
        same(outputs, "operands that begin one item behind a multiple of 64 bytes")
        for how, arrays in [
            ("misaligned inputs", [at_offset(a, 1) if a.itemsize > 1 else a for a in given]),
            ("inputs with negative strides", [backwards(a) for a in given]),
        ]:
            outputs = [at_offset(a, 0) for a in before]
            answer = run(arrays, outputs)
            assert answer in (DONE, MISSING, STRIDED)
            if answer is DONE:
                same(outputs, how)
            else:
                assert_same_bits(outputs, before, f"[{op.name}] {how}: declined, yet an output was written")
        wrong = [at_offset(a, 1) if a.itemsize > 1 else a for a in before]
        if any(a.size > 0 and not a.flags.aligned for a in wrong):
            assert run(given, wrong) in (MISSING, STRIDED), f"[{op.name}] a misaligned output is declined"
        self.empty(op, run, given, before)
        for t, made in zip(outs, first):
            t.array[...] = made
        return DONE

    def empty(self, op: Op, run: Any, given: list[np.ndarray], before: list[np.ndarray]) -> None:
        if op.name == "clip_norms":
            return  # its attributes are places in the array
        everything = [*given, *before]
        leading = before[0].shape[0] if before[0].ndim else 0
        if leading and all(a.ndim and a.shape[0] == leading for a in everything):
            outputs = [np.ascontiguousarray(a[:0]) for a in before]
            assert run([np.ascontiguousarray(a[:0]) for a in given], outputs) in (DONE, MISSING, STRIDED), op.name


@pytest.fixture(params=["emulated", "checked"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Elsewhere]:
    with backends.device("cpu"), testing.use_kernels(request.param):
        backend = backends.get("cpu")
        before, backend.kernels = backend.kernels, Elsewhere(backend, CUDA_OFF)
        yield backend.kernels
        backend.kernels = before


@pytest.mark.parametrize("case", chosen(), ids=lambda case: case.name)
def test_operands_that_lie_elsewhere(case: Case, elsewhere: Elsewhere) -> None:
    arrays = contract.arrays_for(case, case.dtypes[0] if case.dtypes else None)
    contract.evaluate(case, arrays, contract.differentiable(case))
    assert elsewhere.launched


@pytest.mark.parametrize("module", [m.module for m in (FAST, CHECKED) if m.module is not None], ids=lambda m: m.__name__)
def test_foreign_dtypes_are_declined_by_every_kernel(module: Any) -> None:
    for name, signatures in module.signatures().items():
        for signature in signatures:
            outs, rest = signature.split("<-")
            count = [len(part.split(";")[0].replace("~", "").replace(" ", "")) for part in (outs, rest)]
            attrs = [0] * len(rest.partition(";")[2].replace("*", "").split())
            foreign = [[np.zeros(4, dtype) for _ in range(n)] for n in count for dtype in [np.complex64]]
            assert call(module, name, foreign[0], foreign[1], attrs) == MISSING, (name, signature)
            others = [np.zeros(4, ">f4") for _ in range(count[1])]
            if others:
                assert call(module, name, foreign[0], others, attrs) == MISSING, (name, signature)


def test_mixed_dtypes_and_foreign_arrays() -> None:
    f, d, y = np.ones(4, "f4"), np.ones(4, "f8"), poisoned(4)
    assert call(FAST.module, "add", [y], [f, d]) == MISSING  # type: ignore[arg-type]
    assert np.isnan(y).all()

    class OnAnotherDevice:
        array = type("ndarray", (), {"shape": (4,), "strides": (4,), "dtype": np.dtype("f4"), "data": None})()

    with pytest.raises(TypeError, match=r"\[relu\] expected a numpy\.ndarray"):
        FAST.module.kernels()["relu"]([Operand(y)], [OnAnotherDevice()], ())  # type: ignore[union-attr]


def test_tensors_of_two_devices() -> None:
    script = """
import numpy as np, gpudl
here, there = gpudl.Tensor([1.0, 2.0], device="cpu"), gpudl.Tensor([1.0, 2.0], device="cuda")
for f in (lambda: there + here, lambda: gpudl.ops.matmul(here, there)):
    try: f()
    except gpudl.BackendError as error: print("said", error)
v = gpudl.Variable(np.zeros(2, "f4"), device="cuda")
v.assign(here)
print(v.device, v.numpy().tolist(), (there + np.ones(2, "f4")).numpy().tolist())
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GPUDL_")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env={**clean, "GPUDL_EMULATE": "1"}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("different devices") == 2, done.stdout
    assert "cuda:0 [1.0, 2.0] [2.0, 3.0]" in done.stdout


@pytest.mark.parametrize("path", ["numpy", "emulated", "checked"])
def test_a_variable_takes_a_view_of_itself(path: str) -> None:
    """The view overlaps what is written: a kernel would read what another thread has overwritten."""
    with backends.device("cpu"), testing.use_kernels(path):
        numbers = np.arange(3000, dtype="f4").reshape(50, 60)
        v = gpudl.Variable(numbers)
        v.assign(v[::-1])
        np.testing.assert_array_equal(v.numpy(), numbers[::-1])
        square = gpudl.Variable(numbers[:40, :40].copy())
        square.assign(ops.transpose(square))
        np.testing.assert_array_equal(square.numpy(), numbers[:40, :40].T)
        square.assign(square[:1, :1].reshape(()))
        np.testing.assert_array_equal(square.numpy(), numbers[0, 0])


@pytest.mark.parametrize("path", ["emulated", "checked"])
def test_an_optimizer_moves_a_parameter_by_itself(path: str) -> None:
    with backends.device("cpu"), testing.use_kernels(path):
        v = gpudl.Variable(np.linspace(1, 2, 1003, dtype="f4"))
        gpudl.optimizers.SGD(0.5).apply([v.detach()], [v])
        np.testing.assert_array_equal(v.numpy(), np.linspace(1, 2, 1003, dtype="f4") * np.float32(0.5))


def test_outputs_that_overlap_are_refused_where_launches_are_checked() -> None:
    with backends.device("cpu"), testing.use_kernels("emulated"):
        x, mean = gpudl.ones((6, 3)), gpudl.Variable(np.zeros(3, "f4"))
        with pytest.raises(gpudl.BackendError, match=r"\[batch_norm\] an output of shape \(3,\) overlaps another operand"):
            ops.batch_norm(x, gpudl.ones(3), gpudl.zeros(3), mean, mean)


@pytest.mark.parametrize(("name", "attrs"), [("sort", (0,)), ("argsort", (0,)), ("top_k", (3,))])
def test_an_axis_longer_than_int32_counts_is_not_sorted(name: str, attrs: tuple[int, ...]) -> None:
    long = np.broadcast_to(np.float32(1), (2**31,))  # one number; only its shape is looked at
    infer = registry[name].infer
    assert infer is not None
    with pytest.raises(gpudl.ShapeError, match=rf"\[{name}\] indices along the axis are int32"):
        infer(long, *attrs)
    assert infer(long[:-1], *attrs)[0][0] in ((2**31 - 1,), (3,))

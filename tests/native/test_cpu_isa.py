"""Every instruction set that this machine has gives what the reference gives, and every number of threads the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from emulated import Operand, launched
from op_cases import CASES

from gpudl import backends, native, testing
from gpudl.testing import Case
from gpudl.testing.kernels import COMPILED_OFF

cpu: Any = native.cpu().module
pytestmark = pytest.mark.skipif(cpu is None, reason=f"no _cpu: {native.cpu().reason}")
ISAS: list[str] = [] if cpu is None else cpu.isas()
KERNELS: set[str] = set() if cpu is None else set(cpu.kernels())


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    isa, threads = cpu.isa(), cpu.threads()
    yield
    cpu.use_isa(isa)
    cpu.set_threads(threads)


def test_the_best_comes_last_and_all_know_the_same_kernels() -> None:
    assert ISAS[0] == "baseline"
    signatures = []
    for isa in ISAS:
        cpu.use_isa(isa)
        assert cpu.isa() == isa
        signatures.append(cpu.signatures())
    assert all(s == signatures[0] for s in signatures)
    with pytest.raises(ValueError, match="'mmx'"):
        cpu.use_isa("mmx")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", [c for c in CASES if launched(c) & KERNELS], ids=lambda c: c.name)
def test_launches(case: Case, isa: str) -> None:
    cpu.use_isa(isa)
    with testing.use_kernels("cpu"):
        testing.check_launches(case, COMPILED_OFF)


def arrays(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(n)
    return [rng.standard_normal(n).astype("f") for _ in range(4)]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("n", [1, 63, 1000, 1 << 15, (1 << 17) + 5, 1_000_003])
def test_threads_do_not_change_bits(isa: str, n: int) -> None:
    cpu.use_isa(isa)
    kernels = cpu.kernels()
    found = []
    for threads in (1, 2, 3, 7):
        cpu.set_threads(threads)
        p, m, v, g = (Operand(a) for a in arrays(n))
        v.array = np.abs(v.array)
        y = Operand(np.empty(n, "f"))
        assert kernels["silu"]((y,), (g,), ()) is None
        assert kernels["adam_"]((p, m, v), (g, Operand(np.array(0.1)), Operand(np.array(3))), (0.9, 0.999, 1e-7)) is None
        found.append((y.array.tobytes(), p.array.tobytes(), m.array.tobytes(), v.array.tobytes()))
    assert all(f == found[0] for f in found)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", [(130, 900, 70), (1, 2000, 1500), (700, 30, 5), (33, 400, 513), (257, 100, 300)], ids=str)
def test_threads_do_not_change_a_product(isa: str, shape: tuple[int, int, int]) -> None:
    cpu.use_isa(isa)
    m, k, n = shape
    rng = np.random.default_rng(k)
    a, b = rng.standard_normal((m, k)).astype("f"), rng.standard_normal((k, n)).astype("f")
    exact = a.astype("d") @ b.astype("d")
    for left, right, attrs in [(a, b, (0, 0)), (a.T.copy(), b, (1, 0)), (a, b.T.copy(), (0, 1)), (a.T, b.T, (1, 1))]:
        found = []
        for threads in (1, 2, 5):
            cpu.set_threads(threads)
            y = np.full((m, n), np.nan, "f")
            assert cpu.kernels()["matmul"]((Operand(y),), (Operand(left), Operand(right)), attrs) is None
            found.append(y)
        np.testing.assert_allclose(found[0], exact, rtol=0, atol=2e-6 * k**0.5 * 4)
        assert all(f.tobytes() == found[0].tobytes() for f in found)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", [(3, 100_000), (100_000, 3), (70_000, 10), (3000, 500), (5, 3000)], ids=str)
def test_threads_do_not_change_a_sum(isa: str, shape: tuple[int, int]) -> None:
    cpu.use_isa(isa)
    x = np.random.default_rng(0).standard_normal(shape).astype("f")
    columns = [("sum_to", 0, (shape[1],)), ("sum", 0, (0, 0))] if shape[1] <= 1 << 14 else []  # longer rows are left to NumPy
    for name, axis, attrs in [("sum", 1, (0, 1)), *columns]:
        found = []
        for threads in (1, 2, 5):
            cpu.set_threads(threads)
            y = np.full(shape[1 - axis], np.nan, "f")
            assert cpu.kernels()[name]((Operand(y),), (Operand(x),), attrs) is None
            found.append(y)
        np.testing.assert_allclose(found[0], x.sum(axis, dtype="d"), rtol=0, atol=1e-6 * shape[axis] ** 0.5 * 4)
        assert all(f.tobytes() == found[0].tobytes() for f in found)


@pytest.mark.parametrize("isa", ISAS)
def test_threads_do_not_change_a_convolution(isa: str) -> None:
    cpu.use_isa(isa)
    rng = np.random.default_rng(3)
    x, k = rng.standard_normal((5, 30, 31, 24)).astype("f"), rng.standard_normal((3, 5, 24, 40)).astype("f")
    slide = (2, 1, 1, 1, 2, 2, 1, 1, 1, 30, 31, 3, 5)
    g = rng.standard_normal((5, 15, 31, 40)).astype("f")
    for name, like, ins in [("conv2d", g, (x, k)), ("conv2d_grad_input", x, (g, k)), ("conv2d_grad_kernel", k, (x, g))]:
        found = []
        for threads in (1, 2, 5):
            cpu.set_threads(threads)
            y = np.full_like(like, np.nan)
            assert cpu.kernels()[name]((Operand(y),), [Operand(a) for a in ins], slide) is None
            found.append(y.tobytes())
        assert all(f == found[0] for f in found)


@pytest.mark.parametrize("layout", ["rows", "columns", "channels", "reversed", "half"])
@pytest.mark.parametrize("shape", [(3, 5), (300, 3), (7, 64), (5, 1000), (2, 3, 129), (70, 2, 33), (4097, 2)])
def test_broadcast_operands(shape: tuple[int, ...], layout: str) -> None:
    """Every way in which an operand is brought to a loop: where it lies, by rows, gathered over short rows, repeated, converted."""
    rng = np.random.default_rng(len(shape))
    dtype = np.float16 if layout == "half" else np.float32
    x = rng.standard_normal(shape).astype(dtype)
    other = rng.standard_normal(shape).astype(dtype)
    if layout == "columns":
        other = other[..., :1]
    elif layout == "channels":
        other = other[(0,) * (len(shape) - 1)]
    elif layout == "reversed":
        x, other = x[::-1], np.asfortranarray(other)
    y = np.full(shape, np.nan, dtype)
    assert cpu.kernels()["subtract"]((Operand(y),), (Operand(x), Operand(other)), ()) is None
    np.testing.assert_array_equal(y, x - other)
    assert cpu.kernels()["subtract"]((Operand(y),), (Operand(other), Operand(x)), ()) is None
    np.testing.assert_array_equal(y, other - x)


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs where no source tree is on the path, which has no compiled modules."""
    command, root = [sys.executable, "-c", code], os.path.abspath(os.sep)
    return subprocess.run(command, env={**os.environ, **environment}, cwd=root, capture_output=True, text=True, check=False)


def test_switches_choose_instruction_set_and_threads() -> None:
    code = "import gpudl; from gpudl import native; gpudl.ones(1); print(native.cpu().module.isa(), native.cpu().module.threads())"
    done = python(code, GPUDL_CPU_ISA="baseline", GPUDL_THREADS="3")
    assert done.stdout.split() == ["baseline", "3"], done.stderr
    done = python("import gpudl; gpudl.show_config()", GPUDL_CPU_ISA="baseline", GPUDL_THREADS="3")
    assert "instruction set baseline of baseline" in done.stdout and "3 threads" in done.stdout


def test_an_instruction_set_that_is_not_there_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        """A processor that has the baseline alone."""

        def isas(self) -> list[str]:
            return ["baseline"]

        def isa(self) -> str:
            return "baseline"

        def set_threads(self, count: int) -> None:
            pass

    monkeypatch.setenv("GPUDL_CPU_ISA", "avx512")
    with pytest.warns(RuntimeWarning, match="no kernels for 'avx512' here, only for baseline"):
        backends.cpu.obey(Small())  # type: ignore[arg-type]


FORK = """
import os, numpy as np, gpudl
from gpudl import ops
x = gpudl.tensor(np.arange(1_000_000, dtype="f") - 500_000)
before = ops.relu(x).numpy()
child = os.fork()
if child == 0:
    os._exit(0 if (ops.relu(x).numpy() == before).all() else 1)
_, status = os.waitpid(child, 0)
assert status == 0 and (ops.relu(x).numpy() == before).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_has_threads_of_its_own() -> None:
    done = python(FORK, GPUDL_THREADS="4", PYTHONWARNINGS="ignore")
    assert done.returncode == 0, done.stderr


def test_several_callers_at_once() -> None:
    """One has the pool, the others work alone: nobody waits for another, and nobody gets another's numbers."""
    import threading

    cpu.set_threads(4)
    relu = cpu.kernels()["relu"]
    wrong: list[int] = []

    def work(number: int) -> None:
        x, y = np.full(300_000, number, "f"), np.empty(300_000, "f")
        for _ in range(50):
            y.fill(-1)
            relu((Operand(y),), (Operand(x),), ())
            if not (y == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

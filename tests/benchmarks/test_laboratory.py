"""Every version of the kernel laboratory computes what float64 says, under every schedule and checked; its page is in step."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEDULES = [("ascending", "late"), ("descending", "early"), ("random", "random")]
MATMULS = [(70, 72, 136), (1, 8, 8), (130, 40, 264), (33, 17, 5), (3, 200, 8)]
CONVS = [(2, 9, 7, 8, 3, 16, 1, 1), (1, 13, 11, 3, 5, 5, 2, 0), (3, 5, 6, 40, 1, 72, 1, 0), (2, 8, 9, 16, 3, 8, 2, 1)]


@pytest.fixture(scope="module")
def laboratory() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks" / "kernels")
        yield importlib.import_module("laboratory")


def emulated(name: str) -> Any:
    """The module, if it was built with the laboratory's kernels in it (GPUDL_EXTRA_KERNELS)."""
    for package in ("", "gpudl."):
        try:
            module = importlib.import_module(package + name)
        except ImportError:
            continue
        if "matmul_1" in module.kernels():
            return module
    if os.environ.get("GPUDL_REQUIRE_EMULATION"):
        pytest.fail(f"{name} was not built, or without the kernels of benchmarks/kernels")
    pytest.skip(f"{name} was not built, or without the kernels of benchmarks/kernels")


@pytest.mark.parametrize(("order", "copies"), SCHEDULES, ids=lambda value: str(value))
@pytest.mark.parametrize("name", ["_cuda_emulated", "_cuda_checked"])
def test_versions_agree_with_float64(laboratory: ModuleType, name: str, order: str, copies: str) -> None:
    module = emulated(name)
    call = laboratory.caller(module)
    ran = set()
    module.configure(order=order, copies=copies, seed=3)
    try:
        for versions, make, sizes in (
            (laboratory.MATMUL, laboratory.matmul_problem, MATMULS),
            (laboratory.CONV, laboratory.conv_problem, CONVS),
        ):
            for size in sizes:
                problem = make(*size)
                for version in versions:
                    error = laboratory.error_of(version, problem, call)
                    if error is not None:
                        ran.add(version.kernel)
                        assert error <= 1, (version.kernel, size, error)
                    else:  # only what moves whole packets may decline, and only rows that are none
                        packet = 4 if version.dtype == "float32" else 8
                        assert int(version.kernel[-1]) >= 5 and any(n % packet for n in size), (version.kernel, size)
    finally:
        module.configure()
    assert ran == {version.kernel for version in laboratory.MATMUL + laboratory.CONV}


def test_a_wrong_result_is_noticed(laboratory: ModuleType) -> None:
    problem = laboratory.matmul_problem(5, 6, 7)

    def off_by_little(kernel: str, y: Any, operands: Any, attrs: Any) -> None:
        y[...] = (operands[0].astype("f8") @ operands[1].astype("f8")).astype(y.dtype)
        y[2, 3] += y.dtype.type(0.01)

    assert laboratory.error_of(laboratory.MATMUL[0], problem, off_by_little) > 100


def test_predictions_fall_and_stay_above_the_floor(laboratory: ModuleType) -> None:
    gpu = laboratory.Gpu()
    for versions, product in ((laboratory.MATMUL, (4096, 4096, 4096)), (laboratory.CONV, (64 * 56 * 56, 576, 64))):
        times = [version.seconds(*product) for version in versions]
        assert times == sorted(times, reverse=True)
        for version, time in zip(versions, times):
            assert time >= 2 * product[0] * product[1] * product[2] / getattr(gpu, version.unit)


def test_the_page_names_every_version_with_its_prediction(laboratory: ModuleType) -> None:
    page = (ROOT / "docs" / "kernel-laboratory.md").read_text(encoding="utf-8")
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` .*\| ([\d,.]+) \|$", page, re.M)}
    expected = {}
    for versions, product in ((laboratory.MATMUL, (4096, 4096, 4096)), (laboratory.CONV, (64 * 56 * 56, 576, 64))):
        expected |= {version.kernel: f"{version.seconds(*product) * 1e6:,.0f}" for version in versions}
    assert rows == expected

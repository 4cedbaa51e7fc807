"""The compile report reads ptxas' words, fails on what must not be in a fast kernel, and knows which wrappers never ran on hardware."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

LOG = """
ptxas info    : Compiling entry function '_Z11tile_kernelPf' for 'sm_90a'
ptxas info    : Function properties for _Z11tile_kernelPf
    0 bytes stack frame, {spilled} bytes spill stores, 0 bytes spill loads
ptxas info    : Used 168 registers, used 3 barriers, 1024 bytes smem
{warning}
ptxas info    : Compiling entry function '_Z13simple_kernelPf' for 'sm_80'
ptxas info    : Function properties for _Z13simple_kernelPf
    64 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 40 registers
"""

WRAPPERS = """
__device__ inline void commit() {
    asm volatile("cp.async.commit_group;");
}
__device__ inline int plain(int x) {
    return x + 1;
}
template <int n> __device__ inline void wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(n));
}
"""


@pytest.fixture(scope="module")
def report() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "kernels_report.py"
    spec = importlib.util.spec_from_file_location("kernels_report", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_reads_what_ptxas_says(report: ModuleType) -> None:
    kernels, warnings = report.parse(LOG.format(spilled=0, warning="").splitlines())
    tile, simple = kernels
    assert (tile.arch, tile.registers, tile.barriers, tile.shared, tile.stack, tile.spilled) == ("sm_90a", 168, 3, 1024, 0, 0)
    assert (simple.arch, simple.registers, simple.shared, simple.stack, simple.spilled) == ("sm_80", 40, 0, 64, 20)
    assert warnings == []


@pytest.mark.parametrize(
    ("spilled", "warning", "status", "said"),
    [
        (0, "", 0, "sm_90a: 1 kernels, at most 168 registers, 0 spill"),
        (4, "", 1, "SPILLS 4 bytes on sm_90a: tile_kernel"),
        (
            0,
            "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized",
            1,
            "WARNING ptxas info    : (C7510)",
        ),
    ],
)
def test_a_spill_or_a_warning_of_a_fast_kernel_fails(
    report: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], spilled: int, warning: str, status: int, said: str
) -> None:
    log = tmp_path / "log"
    log.write_text(LOG.format(spilled=spilled, warning=warning))
    assert report.main(["--log", str(log)]) == status
    assert said in capsys.readouterr().out


def test_an_empty_log_is_no_good_report(report: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_text("nothing was compiled\n")
    assert report.main(["--log", str(log)]) == 1
    assert "no kernel in the log" in capsys.readouterr().err


def test_a_wrapper_that_changed_since_it_passed_is_pending(report: ModuleType, tmp_path: Path) -> None:
    source, seen = tmp_path / "copies.cuh", tmp_path / "seen.json"
    source.write_text(WRAPPERS)
    assert report.pending(tmp_path, seen) == ["copies.cuh: commit", "copies.cuh: wait"]
    seen.write_text(json.dumps(report.wrappers(tmp_path)))
    assert report.pending(tmp_path, seen) == []
    source.write_text(WRAPPERS.replace("wait_group", "wait_all"))
    assert report.pending(tmp_path, seen) == ["copies.cuh: wait"]

"""The compile report reads ptxas' words, fails on what must not be in a fast kernel, and lists the wrappers that never ran on hardware."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def report() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
        yield importlib.import_module("kernels_report")


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
    out = capsys.readouterr().out
    assert said in out
    assert all(f"as it stands: {name}" in out for name in report.pending()), "what waits for a GPU is listed, and fails nothing"


def test_an_empty_log_is_no_good_report(report: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_text("nothing was compiled\n")
    assert report.main(["--log", str(log)]) == 1
    assert "no kernel in the log" in capsys.readouterr().err

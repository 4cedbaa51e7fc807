"""Which wrappers of PTX instructions wait for a GPU: known by hashes of their text, noted when their tests passed, listed in a page."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

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
TRUTH = """
namespace gpudl {
// a comment with { a brace
__global__ void __launch_bounds__(32)
    copies_kernel(float* y) {
    if (y) { ptx::commit(); }
}
template <int n> __global__ void waits_kernel() { ptx::wait<n>(); }
void launch_waits(Stream stream) { launch<waits_kernel<0>>({1, 32, 0, stream}); }
GPUDL_KERNEL(truth_commit, "f <- f ; i") { launch<copies_kernel>({1, 32, 0, stream}, outs[0].as<float>()); }
GPUDL_KERNEL(truth_both, "f <- ") {
    launch<copies_kernel>({1, 32, 0, stream}, outs[0].as<float>());
    launch_waits(stream);
}
}  // namespace gpudl
"""
ON = {"gpu": "NVIDIA H200", "sm": 90, "cuda": "13.0"}
COMMIT, WAIT = "copies.cuh: commit", "copies.cuh: wait"


@pytest.fixture(scope="module")
def ptx() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
        yield importlib.import_module("ptx_wrappers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "copies.cuh").write_text(WRAPPERS)
    return tmp_path


def test_the_page_is_in_step_with_the_code(ptx: ModuleType) -> None:
    text = ptx.PENDING.read_text(encoding="utf-8")
    assert ptx.page(text, ptx.pending()) == text, "run: python benchmarks/ptx_wrappers.py --write, and commit benchmarks/results/PENDING.md"


def test_every_wrapper_has_a_truth_kernel(ptx: ModuleType) -> None:
    used = set().union(*ptx.used_by(ptx.TRUTH.read_text(encoding="utf-8")).values())
    names = ptx.wrappers(ptx.WRAPPERS)
    assert len(names) >= 40
    without = [name for name in names if name.split(": ")[1] not in used]
    assert not without, f"no kernel of tests/native/kernels/truth.cu shows what these do: {without}"


def test_kernels_and_the_wrappers_that_they_use(ptx: ModuleType) -> None:
    assert ptx.used_by(TRUTH) == {"truth_commit": {"commit"}, "truth_both": {"commit", "wait"}}


def log(*lines: tuple[str, str | bool]) -> list[dict[str, Any]]:
    return [{"test": test, "began": what, **ON} if isinstance(what, str) else {"test": test, "passed": what, **ON} for test, what in lines]


def test_a_wrapper_that_changed_since_it_passed_is_pending(ptx: ModuleType, folder: Path) -> None:
    seen = folder / "seen.json"
    assert ptx.pending(folder, seen) == [COMMIT, WAIT]
    lines = log(("a", "truth_commit"), ("a", True), ("b", "truth_both"), ("b", True))
    assert ptx.note(lines, TRUTH, folder, seen, "2026-11-24") == [COMMIT, WAIT]
    assert ptx.pending(folder, seen) == []
    assert json.loads(seen.read_text())[WAIT] == {"hash": ptx.wrappers(folder)[WAIT], "date": "2026-11-24", **ON}
    (folder / "copies.cuh").write_text(WRAPPERS.replace("wait_group", "wait_all"))
    assert ptx.pending(folder, seen) == [WAIT]


def test_only_what_passed_in_all_of_its_tests_is_noted(ptx: ModuleType, folder: Path) -> None:
    seen = folder / "seen.json"
    lines = log(("a", "truth_commit"), ("a", True), ("b", "truth_both"))  # b crashed, or failed
    assert ptx.note(lines, TRUTH, folder, seen, "2026-11-24") == []
    assert ptx.note(log(("a", "truth_commit"), ("a", True)), TRUTH, folder, seen, "2026-11-24") == [COMMIT]
    assert ptx.pending(folder, seen) == [WAIT], "nothing is known of what no test began"
    assert ptx.note(lines, TRUTH, folder, seen, "2026-11-25") == []
    assert ptx.pending(folder, seen) == [COMMIT, WAIT], "it passed once, and does not any more"


def test_the_list(ptx: ModuleType, folder: Path) -> None:
    text = f"before\n{ptx.START}old\n{ptx.END}after\n"
    listed = ptx.page(text, [COMMIT, WAIT])
    assert listed == f"before\n{ptx.START}- copies.cuh: `commit`, `wait`\n{ptx.END}after\n"
    assert "None: each passed" in ptx.page(listed, [])


def test_a_log_becomes_notes(ptx: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, seen = tmp_path / "log", tmp_path / "seen.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in log(("a", "truth_round"), ("a", True))))
    ptx.main(["--log", str(path), "--seen", str(seen)])
    assert list(json.loads(seen.read_text())) == ["mma_sm80.cuh: to_tf32"]
    out = capsys.readouterr().out
    assert "1 wrappers passed" in out and "mma_m16n8k8_tf32" in out and "to_tf32" not in out

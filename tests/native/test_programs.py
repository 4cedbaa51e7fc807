"""Tests written in C++: the kernel table without Python, where operands lie, and kernels over arrays too large to be gone through."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from toolkit import cuda_include

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "native"
CUDA = cuda_include()
COMPILER = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or shutil.which("clang++")
NO_ADDRESS_SPACE = 77

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler here")


def run(name: str, folder: Path, sources: list[Path], options: list[str]) -> subprocess.CompletedProcess[str]:
    program = folder / name
    always = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", f"-I{ROOT / 'csrc' / 'include'}"]
    command = [str(COMPILER), *always, *options, str(HERE / f"{name}.cpp"), *map(str, sources), "-o", str(program), "-ldl"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return subprocess.run([str(program)], capture_output=True, text=True)


@pytest.mark.parametrize("name", ["test_layout", "test_table"])
def test_program(name: str, tmp_path: Path) -> None:
    ran = run(name, tmp_path, [ROOT / "csrc" / "bindings" / "kernel_table.cpp"], ["-O1"])
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.skipif(CUDA is None, reason="the emulation needs CUDA's headers")
def test_large_arrays(tmp_path: Path) -> None:
    sources = [*sorted((ROOT / "csrc" / "emulation").glob("*.cpp")), ROOT / "csrc" / "cuda" / "device.cpp"]
    ran = run(
        "test_large_arrays",
        tmp_path,
        sources,
        ["-O1", "-DGPUDL_EMULATE=1", "-Wno-attributes", "-isystem", str(CUDA), "-isystem", f"{CUDA}/cccl"],
    )
    if ran.returncode == NO_ADDRESS_SPACE:
        pytest.skip(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr

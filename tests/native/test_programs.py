"""Tests written in C++: the kernel table without Python, and the CUDA activation kernels under emulation."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "native"
TOOLKITS = [os.environ.get("CUDA_HOME", ""), os.environ.get("CUDA_PATH", ""), "/usr/local/cuda"]
CUDA = next((path for path in (Path(toolkit) / "include" for toolkit in TOOLKITS if toolkit) if (path / "cuda_fp16.h").exists()), None)
COMPILER = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or shutil.which("clang++")


@pytest.mark.parametrize("name", ["test_table", "test_activation_cuda"])
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler here")
def test_program(name: str, tmp_path: Path) -> None:
    sources = [HERE / f"{name}.cpp", ROOT / "csrc" / "bindings" / "kernel_table.cpp"]
    includes = [ROOT / "csrc" / "include"]
    options = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", *[f"-I{path}" for path in includes]]
    if name.endswith("_cuda"):
        if CUDA is None:
            pytest.skip("the emulation needs CUDA's headers")
        sources.append(ROOT / "csrc" / "cuda" / f"{name.removeprefix('test_').removesuffix('_cuda')}.cu")
        sources += sorted((ROOT / "csrc" / "emulation").glob("*.cpp"))
        options += ["-O2", "-DGPUDL_EMULATE=1", "-Wno-unknown-pragmas", "-Wno-attributes", "-isystem", str(CUDA)]
    program = tmp_path / name
    built = subprocess.run(
        [str(COMPILER), *options, "-x", "c++", *map(str, sources), "-o", str(program), "-ldl"], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(program)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr

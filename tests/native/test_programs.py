"""Tests written in C++: the kernel table without Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "native"
COMPILER = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or shutil.which("clang++")


@pytest.mark.parametrize("name", ["test_table"])
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler here")
def test_program(name: str, tmp_path: Path) -> None:
    sources = [HERE / f"{name}.cpp", ROOT / "csrc" / "bindings" / "kernel_table.cpp"]
    includes = [ROOT / "csrc" / "include"]
    options = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", *[f"-I{path}" for path in includes]]
    program = tmp_path / name
    built = subprocess.run([str(COMPILER), *options, "-x", "c++", *map(str, sources), "-o", str(program)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(program)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr

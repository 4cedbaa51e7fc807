"""The rules for CUDA kernels (docs/debugging-cuda-kernels.md), as far as reading their text can tell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"
CUDA = CSRC / "cuda"
pytestmark = pytest.mark.skipif(not CUDA.is_dir(), reason="this is an installed package, without its sources")
KERNELS = sorted([*CUDA.glob("*.cu"), *CUDA.glob("*.cuh")])
WRAPPERS = sorted((CUDA / "ptx").glob("*.cuh"))

FORBIDDEN = {  # in kernels: what, and what to do instead
    r"<<<": "launch<kernel>({grid, block, shared_bytes, stream}, …)",
    r"\basm\b": "a wrapper in csrc/cuda/ptx, with an emulated twin",
    r"\b__shared__\b": "GPUDL_SHARED_ARRAY or GPUDL_DYNAMIC_SHARED",
    r"\b__CUDA_ARCH__\b": "GPUDL_SM80 or GPUDL_SM90 of csrc/cuda/ptx/ptx.cuh",
    r"\bcooperative_groups\b|\bcub::|\bthrust::|\bcuda::": "our own code: the emulation has no such library",
    r"#include <cuda": "gpudl/platform.h",
    r"#include <gpudl/check\.h>": "gpudl/platform.h",
    r"\b__(shfl|shfl_up|shfl_down|shfl_xor|ballot|any|all)\(": "the _sync form, with a mask",
    r"\b__activemask\(": "a mask that is known beforehand",
    r"\bvolatile\b": "barriers: the emulation and the compiler order nothing by it",
    r"\bcuda(Malloc|Free|Memcpy|Memset|DeviceSynchronize|StreamSynchronize)\w*\(": "the arrays and the stream that were given",
}


def code_of(path: Path) -> str:
    """The text without comments and strings; every line keeps its number."""
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', path.read_text(encoding="utf-8"))
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


def line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def bodies_of_kernels(text: str) -> list[tuple[int, str]]:
    """(where it begins, text) of every __global__ function with a body."""
    found = []
    for match in re.finditer(r"__global__", text):
        start, end = text.find("{", match.end()), text.find(";", match.end())
        if start < 0 or 0 <= end < start:
            continue
        depth, i = 0, start
        while True:
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            i += 1
            if depth == 0:
                break
        found.append((start, text[start:i]))
    return found


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.name)
def test_kernels_keep_the_rules(path: Path) -> None:
    text, wrong = code_of(path), []
    for pattern, instead in FORBIDDEN.items():
        wrong += [f"{path.name}:{line_of(text, m.start())}: {m[0]}: use {instead}" for m in re.finditer(pattern, text)]
    for start, body in bodies_of_kernels(text):
        for m in re.finditer(r"\bstatic\b(?!_assert|_cast|\s+constexpr)", body):
            wrong.append(f"{path.name}:{line_of(text, start + m.start())}: a static variable in a kernel: threads share it unseen")
        for m in re.finditer(r"reinterpret_cast<\s*(const\s+)?(float4|int4|uint4|double2|float2|int2|uint2)\s*\*>\s*\([^;]*?\)\s*\[", body):
            wrong.append(f"{path.name}:{line_of(text, start + m.start())}: a wide access through a cast: use load and store")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", WRAPPERS, ids=lambda p: p.name)
def test_every_instruction_has_an_emulated_twin(path: Path) -> None:
    """Inline assembly stands in the branch that the emulation does not take."""
    depth, emulated = 0, False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(r"#if(def GPUDL_EMULATE|ndef GPUDL_EMULATE| !defined\(GPUDL_EMULATE\))", line):
            depth, emulated = depth + 1, line.startswith("#ifdef")
        elif line.startswith("#else") and depth:
            emulated = not emulated
        elif line.startswith("#endif") and depth:
            depth -= 1
        elif re.search(r"\basm (volatile)?\(|\basm\(", line):
            assert depth and not emulated, f"{path.name}:{number}: assembly without an emulated twin"


def test_every_kernel_file_is_in_the_list() -> None:
    listed = re.findall(r"^\s*(\w+\.cu)\s*$", (CUDA / "sources.cmake").read_text(), re.M)
    assert len(listed) == len(set(listed)), "a file is listed twice"
    missing = {p.name for p in CUDA.glob("*.cu")} ^ set(listed)
    assert not missing, f"csrc/cuda/sources.cmake and the folder disagree about {sorted(missing)}"


def test_only_files_for_an_architecture_mention_one() -> None:
    for path in KERNELS:
        if not re.search(r"_sm\d+\.", path.name):
            assert not re.search(r"\bGPUDL_SM(80|90)\b", code_of(path)), f"{path.name} mentions an architecture; name it *_sm80 or *_sm90"


def test_the_generated_wrappers_are_what_their_script_writes() -> None:
    names: dict[str, object] = {"__name__": "make_wgmma", "__file__": str(CUDA / "ptx" / "make_wgmma.py")}
    exec((CUDA / "ptx" / "make_wgmma.py").read_text(), names)
    text = names["text"]
    assert callable(text)
    written, generated = ((CUDA / "ptx" / "wgmma_sm90.cuh").read_text(), text())
    assert re.sub(r"\s+", "", written) == re.sub(r"\s+", "", generated)

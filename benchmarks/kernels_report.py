"""Print what the compiler made of each CUDA kernel: registers, stack, spills, shared memory, warnings; and wrappers that wait for a GPU.

    python benchmarks/kernels_report.py              builds gpudl with nvcc for sm_80 and sm_90a, then reports (`make kernels-report`)
    python benchmarks/kernels_report.py --log FILE   reports on the log of `pip install -v -Ccmake.define.GPUDL_KERNELS_REPORT=ON .`

The exit status is 1 if a fast kernel spills registers or ptxas warns about one (C75xx: a warpgroup product made serial, and the like).
Kernels with "simple" in their names take any shape and may use local memory. Wrappers of PTX instructions whose text differs from the one
last seen to pass on hardware (benchmarks/results/ptx_seen.json) are listed as pending; that is never an error.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ptx_wrappers import pending

ROOT = Path(__file__).resolve().parent.parent
ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\w+)'")
FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?used (\d+) barriers)?(?:.*?(\d+) bytes smem)?")
# ptxas warns with or without the word: "(C7510) Potential Performance Loss: wgmma.mma_async …"
WARNED = re.compile(r"\(C7[56]\d\d\)|ptxas warning")


@dataclass
class Compiled:
    """One kernel for one architecture, as ptxas reports it."""

    name: str
    arch: str
    registers: int = 0
    barriers: int = 0
    shared: int = 0
    stack: int = 0
    spilled: int = 0

    @property
    def fast(self) -> bool:
        return "simple" not in self.name


def parse(lines: Iterable[str]) -> tuple[list[Compiled], list[str]]:
    """The kernels in the log of a build with ``-Xptxas=-v``, and its warnings, each with the kernel it came after."""
    kernels: list[Compiled] = []
    warnings = []
    for line in lines:
        if match := ENTRY.search(line):
            kernels.append(Compiled(match[1], match[2]))
        elif not kernels:
            continue
        elif match := FRAME.search(line):
            kernels[-1].stack, kernels[-1].spilled = int(match[1]), int(match[2]) + int(match[3])
        elif match := USED.search(line):
            kernels[-1].registers, kernels[-1].barriers, kernels[-1].shared = (int(group or 0) for group in match.groups())
        if WARNED.search(line):
            warnings.append(line.strip())
    return kernels, warnings


def demangle(names: list[str]) -> list[str]:
    """C++ names in words, without parameters; unchanged where c++filt is not installed."""
    tool = shutil.which("c++filt")
    if tool is None:
        return names
    plain = subprocess.run([tool, "--no-params"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.splitlines()
    return [re.sub(r"\(anonymous namespace\)::|gpudl::|^void ", "", name) for name in plain]


def build(archs: str) -> list[str]:
    """The log of a clean build of the package with nvcc."""
    environment = {**os.environ, "GPUDL_CUDA": "ON", "GPUDL_CUDA_ARCHS": archs}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "-w", folder, f"-Cbuild-dir={folder}/build"]
        command += ["-Ccmake.define.GPUDL_KERNELS_REPORT=ON", str(ROOT)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nthe build failed: {' '.join(command)}")
    return done.stdout.splitlines()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="What the compiler made of each CUDA kernel.")
    parser.add_argument("--log", type=Path, help="log of a build with GPUDL_KERNELS_REPORT=ON, instead of building now")
    parser.add_argument("--archs", default="80-real,90a-real", help="architectures to build for (default: %(default)s)")
    parser.add_argument("--brief", action="store_true", help="one line for each architecture, and what is wrong")
    arguments = parser.parse_args(argv)
    kernels, warnings = parse(arguments.log.read_text().splitlines() if arguments.log else build(arguments.archs))
    if not kernels:
        print("no kernel in the log: was it built with GPUDL_KERNELS_REPORT=ON?", file=sys.stderr)
        return 1
    for kernel, name in zip(kernels, demangle([k.name for k in kernels])):
        kernel.name = name
    spilled = [k for k in kernels if k.fast and k.spilled]
    if not arguments.brief:
        print(f"{'registers':>9} {'shared':>7} {'stack':>6} {'spills':>6}  arch     kernel")
        for k in sorted(kernels, key=lambda k: (k.arch, k.name)):
            print(f"{k.registers:9} {k.shared:7} {k.stack:6} {k.spilled:6}  {k.arch:8} {k.name}")
    for arch in sorted({k.arch for k in kernels}):
        of_it = [k for k in kernels if k.arch == arch]
        print(
            f"{arch}: {len(of_it)} kernels, at most {max(k.registers for k in of_it)} registers, {sum(k.spilled > 0 for k in of_it)} spill"
        )
    for name in pending():
        print(f"pending, not seen on hardware as it stands: {name}")
    for k in spilled:
        print(f"SPILLS {k.spilled} bytes on {k.arch}: {k.name}")
    for line in warnings:
        print(f"WARNING {line}")
    return 1 if spilled or warnings else 0


if __name__ == "__main__":
    sys.exit(main())

"""Find CUDA's headers, which are all of CUDA that the emulation of its kernels needs: `python tests/toolkit.py` prints where they lie.

Looked for in CUDA_HOME and CUDA_PATH, where the nvcc on PATH (or CUDACXX) takes its own, in /usr/local/cuda, and in the wheels
nvidia-cuda-runtime, nvidia-cuda-crt and nvidia-cuda-cccl of this Python. csrc/emulation/CMakeLists.txt looks in the same places.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WANTED = ("cuda_fp16.h", "crt/host_defines.h", "nv/target")


def nvcc_include() -> Path | None:
    """The folder that nvcc searches, by its own account: what is on PATH may be a link or a script."""
    nvcc = shutil.which(os.environ.get("CUDACXX") or "nvcc")
    if nvcc is None:
        return None
    said = subprocess.run([nvcc, "--dryrun", "-x", "cu", "-E", os.devnull], capture_output=True, text=True, check=False)
    match = re.search(r'^#\$ INCLUDES="-I([^"]+)"', said.stderr + said.stdout, re.M)
    return Path(os.path.realpath(match[1])) if match else None


def folders() -> Iterator[Path]:
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if os.environ.get(name):
            yield Path(os.environ[name]) / "include"
    found = nvcc_include()
    if found is not None:
        yield found
    yield Path("/usr/local/cuda/include")
    for site in sys.path:
        if site:
            yield Path(site) / "nvidia" / "cu13" / "include"


def cuda_include() -> Path | None:
    """The first folder that holds all that is needed (nv/target may lie in its folder cccl)."""
    for folder in folders():
        if all((folder / name).exists() or (folder / "cccl" / name).exists() for name in WANTED):
            return folder
    return None


if __name__ == "__main__":
    print(cuda_include() or "")

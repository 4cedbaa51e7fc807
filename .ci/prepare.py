"""Makes the virtual environment .venv, and installs gpudl and the extras named on the command line into it. Does nothing twice.

Usage: python .ci/prepare.py [--gpu] [EXTRA ...]

gpudl is installed in place (editable): Python files are used where they lie, compiled modules are built again when anything they depend on
has changed. `--gpu` adds the extra for the CUDA version of an NVIDIA driver, if there is one. Standard library only.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOG = VENV / "install.log"
DONE = VENV / "gpudl-installed.json"  # what was installed, by fingerprint

# What pip downloads for the extras of CUDA, in MB, rounded up: said before it starts.
DOWNLOAD_MB = {"cuda13": 600, "cuda12": 850}
NO_NETWORK = re.compile(
    r"name resolution|getaddrinfo|Network is unreachable|Connection|connect timeout|ProxyError|No route to host|SSLError", re.I
)


def fail(problem: str, fix: str) -> NoReturn:
    """Ends with one line that says what is wrong and what to do."""
    sys.exit(f"gpudl: {problem} Fix: {fix}")


def make_venv() -> None:
    """Makes .venv, anew if it belongs to another interpreter or another place."""
    wanted = f"{sys.version} {Path(sys.base_prefix).resolve()} {ROOT}"  # a moved .venv does not work
    note = VENV / "gpudl-python.txt"
    if PYTHON.exists() and note.exists() and note.read_text(encoding="utf-8") == wanted:
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        fail(
            f"this Python ({sys.executable}, {version}) has no venv module.",
            f"install it (Debian, Ubuntu: apt install python{version}-venv) or choose another interpreter: make PYTHON=/path/to/python3",
        )
    print(f"gpudl: making .venv with Python {version}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if made.returncode:
        reason = (made.stdout + made.stderr).strip().splitlines()
        fail(
            f"the virtual environment could not be made: {reason[-1] if reason else 'no reason given'}.",
            "choose another interpreter: make PYTHON=…",
        )
    note.write_text(wanted, encoding="utf-8")


def pip(what: str, arguments: list[str]) -> None:
    """Runs pip, its words to the log. On a failure one line says why."""
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-color",
        "--no-input",
        "--progress-bar",
        "off",
        *arguments,
    ]
    print(f"gpudl: installing {what}", flush=True)
    start = time.monotonic()
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        position = log.tell()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
        while process.poll() is None:
            time.sleep(0.2)
            if sys.stdout.isatty():
                print(f"\r  {time.monotonic() - start:.0f} s", end="", flush=True)
    if sys.stdout.isatty():
        print("\r        \r", end="", flush=True)
    if process.returncode == 0:
        return
    with LOG.open(encoding="utf-8", errors="replace") as log:
        log.seek(position)
        text = log.read()
    errors = [line.strip(" ×╰─>") for line in text.splitlines() if "error" in line.lower()]
    errors.sort(key=lambda line: line.startswith("ERROR: "))  # pip's own verdict last
    reason = errors[-1].removeprefix("ERROR: ") if errors else "pip failed"
    log_name = LOG.relative_to(ROOT)
    if NO_NETWORK.search(text):
        fail(
            f"{what}: the package index cannot be reached.",
            f"connect to a network, or name a proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL), and try again. Details: {log_name}",
        )
    fail(f"{what} could not be installed: {reason.rstrip('.')}.", f"see {log_name}, and run the command again")


def fingerprint_of_build() -> str:
    """Changes when the compiled modules, the metadata or the names of the files of the package do."""
    digest = hashlib.sha256()
    files = [ROOT / "pyproject.toml", ROOT / "CMakeLists.txt", ROOT / "gpudl" / "version.py"]
    files += sorted(path for path in (ROOT / "csrc").rglob("*") if path.is_file())
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    for path in sorted((ROOT / "gpudl").rglob("*.py")):  # an installation in place knows its modules by file name
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
    switches = "GPUDL_PURE GPUDL_REQUIRE_NATIVE GPUDL_CUDA GPUDL_CUDA_ARCHS GPUDL_EMULATION CC CXX CUDACXX CXXFLAGS"
    for name in switches.split():
        digest.update(f"{name}={os.environ.get(name, '')};".encode())
    digest.update(f"{shutil.which('c++')} {shutil.which('nvcc')} {driver_cuda()} {ROOT}".encode())
    return digest.hexdigest()


def requirements(extra: str, project: dict[str, object]) -> list[str]:
    """The requirements of an extra, with those extras of ours that it includes."""
    extras = project["optional-dependencies"]
    assert isinstance(extras, dict)
    if extra not in extras:
        fail(f"there is no extra {extra!r}.", f"choose among {', '.join(sorted(extras))}")
    found: list[str] = []
    for requirement in extras[extra]:
        own = re.fullmatch(r"gpudl\[(.+)\]", requirement)
        found += requirements(own[1], project) if own else [requirement]
    return found


def driver_cuda() -> int:
    """The newest CUDA version that the NVIDIA driver runs, times 1000 (13000); 0 without a driver or a GPU."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        version, count = ctypes.c_int(), ctypes.c_int()
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or driver.cuDriverGetVersion(ctypes.byref(version)):
            return 0
    except (OSError, AttributeError):
        return 0
    return version.value if count.value else 0


def cuda_extra() -> str | None:
    """The extra that fits the driver, saying what it costs before it is loaded."""
    version = driver_cuda()
    if not version:
        return None
    text = f"{version // 1000}.{version % 1000 // 10}"
    if version < 12000:
        print(
            f"gpudl: the NVIDIA driver is for CUDA {text}; CuPy needs 12 or newer, so the CPU is used. A newer driver would help.",
            flush=True,
        )
        return None
    return "cuda13" if version >= 13000 else "cuda12"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="add the extra for the NVIDIA driver's CUDA version")
    parser.add_argument("extras", nargs="*", metavar="EXTRA")
    options = parser.parse_args()

    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    make_venv()
    done: dict[str, str] = json.loads(DONE.read_text(encoding="utf-8")) if DONE.exists() else {}

    def once(key: str, state: str, what: str, arguments: list[str]) -> None:
        if done.get(key) != state:
            pip(what, arguments)
            done[key] = state
            DONE.write_text(json.dumps(done, indent=1), encoding="utf-8")

    once("gpudl", fingerprint_of_build(), "gpudl (builds its compiled modules where there is a compiler)", ["--editable", str(ROOT)])
    extras = list(options.extras)
    gpu = cuda_extra() if options.gpu else None
    if gpu:
        extras.append(gpu)
    for extra in extras:
        wanted = requirements(extra, project)
        size = f", a download of about {DOWNLOAD_MB[extra]} MB" if extra in DOWNLOAD_MB else ""
        once(extra, " ".join(wanted), f"what '{extra}' needs{size}: {', '.join(wanted)}", wanted)


if __name__ == "__main__":
    main()

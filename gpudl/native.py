"""Loads the compiled modules, and says for each which of three things is true: loaded, absent, or broken. `_cpu` and `_cuda` are looked for
in every process, those that emulate `_cuda` on request.

An installed gpudl carries `_build_record.py`, written by the build: `native` (modules were built), `pure` (left out on purpose,
`GPUDL_PURE=1`) or `failed` (the native build failed, so a pure install was made). A source tree has no record: `source`.

>>> from gpudl import native
>>> native.status().build in ("native", "pure", "failed", "source")
True

Nothing here raises: a module that does not load is a reason to report, and the reference kernels still run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

_REBUILD = "To see why, run in the source tree: GPUDL_REQUIRE_NATIVE=1 python -m pip install -v ."


@dataclass(frozen=True)
class NativeModule:
    """A compiled module and its state: `module` if it is loaded, else `reason`; `present` if its file is there."""

    name: str
    module: ModuleType | None
    present: bool
    reason: str

    @property
    def loaded(self) -> bool:
        """Whether its kernels can be used."""
        return self.module is not None


@dataclass(frozen=True)
class NativeStatus:
    """What the build made of the compiled modules, and whether they load."""

    build: str
    cuda_build: str
    cpu: NativeModule
    cuda: NativeModule

    @property
    def warning(self) -> str:
        """What the user must be told once, at the first tensor; empty unless something failed."""
        for module in (self.cpu, self.cuda):
            if module.present and not module.loaded:
                return f"gpudl: the compiled module {module.name} is installed but does not load, so slower code runs: {module.reason}"
        if self.build == "failed":
            return (
                "gpudl: the compiled modules could not be built when gpudl was installed, so the slower NumPy code runs. "
                f"They need a C++ compiler (g++ or clang++) and Python's headers, no more. {_REBUILD} "
                "(GPUDL_PURE=1 when installing says it is on purpose.)"
            )
        if self.cuda_build.startswith("failed"):
            return f"gpudl: the CUDA module could not be built when gpudl was installed, it {self.cuda_build.rstrip('. ')}. {_REBUILD}"
        return ""

    def describe(self) -> str:
        """Two lines for `show_config()`: one for each compiled module."""
        return "\n".join(f"{m.name}: {'loaded' if m.loaded else m.reason}" for m in (self.cpu, self.cuda))


def _record() -> tuple[str, str]:
    """(kind of build, what became of CUDA in it), as the build wrote them down."""
    try:
        record = import_module("gpudl._build_record")
        return str(record.KIND), str(record.CUDA)
    except Exception:  # no record, or one that cannot be read: whatever it was, it must not stop the import
        return "source", ""


def _why_absent(name: str) -> str:
    build, cuda = _record()
    if build == "native":
        return f"not built: {cuda}" if name == "_cuda" else "absent, though the build made it: reinstall gpudl"
    return {
        "pure": "left out on purpose (GPUDL_PURE=1 when installing)",
        "failed": f"the native build failed when gpudl was installed. {_REBUILD}",
    }.get(build, "not built: this is a source tree. To build: python -m pip install .")


def _load(name: str) -> NativeModule:
    present = False
    try:
        present = find_spec(f"gpudl.{name}") is not None
        if not present:
            return NativeModule(name, None, False, _why_absent(name))
        return NativeModule(name, import_module(f"gpudl.{name}"), True, "")
    except Exception as error:  # the loader's words are the report: a missing library, an unknown symbol, a wrong NumPy
        return NativeModule(name, None, present, f"{type(error).__name__}: {error}")


@cache
def cpu() -> NativeModule:
    """The module of C++ kernels, loaded at the first call."""
    return _load("_cpu")


@cache
def cuda() -> NativeModule:
    """The module of CUDA kernels, loaded at the first call. It loads on a machine without a GPU, too."""
    return _load("_cuda")


@cache
def emulated(kind: str) -> NativeModule:
    """The CUDA kernels compiled for the CPU: ``"emulated"`` (fast) or ``"checked"``. One on the path, from a build folder, goes first."""
    name = f"_cuda_{kind}"
    try:
        if find_spec(name) is not None:
            return NativeModule(name, import_module(name), True, "")
    except Exception as error:
        return NativeModule(name, None, True, f"{type(error).__name__}: {error}")
    found = _load(name)
    install = "It is not part of a default installation. To install it, in the source tree: GPUDL_EMULATION=ON python -m pip install ."
    return found if found.present else NativeModule(name, None, False, install)


@cache
def status() -> NativeStatus:
    """What became of both modules. Loads them, which costs a few milliseconds once; never raises."""
    return NativeStatus(*_record(), cpu(), cuda())

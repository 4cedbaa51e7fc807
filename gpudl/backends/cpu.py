"""Run on the host: compiled C++ kernels where `_cpu` has them (path "cpu"), else NumPy (path "numpy").

`HostBackend` is what any device needs whose arrays are NumPy's.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import numpy as np

from .. import env, native
from ..errors import BackendError
from .base import Backend, Kernel

try:  # what np.errstate sets; building it anew at every launch would cost as much as a small kernel
    from numpy._core.umath import _extobj_contextvar, _make_extobj  # type: ignore[import-untyped, unused-ignore]

    _QUIET: Any = _make_extobj(all="ignore")
except ImportError:
    _QUIET = None

ALIGN = 64


class Quiet:
    """`np.errstate(all="ignore")`, at half the price."""

    __slots__ = ("token",)

    def __enter__(self) -> None:
        self.token = _extobj_contextvar.set(_QUIET)

    def __exit__(self, *_: object) -> None:
        _extobj_contextvar.reset(self.token)


def obey(module: ModuleType) -> None:
    """Set instruction set and threads of `_cpu` as GPUDL_CPU_ISA and GPUDL_THREADS say; warn of an instruction set that is not there."""
    wanted = env.CPU_ISA.read()
    if wanted != "auto":
        if wanted in module.isas():
            module.use_isa(wanted)
        else:
            warnings.warn(
                f"[GPUDL_CPU_ISA] there are no kernels for {wanted!r} here, only for {', '.join(module.isas())}; "
                f"{module.isa()!r} runs instead",
                RuntimeWarning,
                stacklevel=2,
            )
    module.set_threads(env.THREADS.read())


def compiled() -> Mapping[str, Kernel]:
    """The table of `_cpu`, empty where it is not built."""
    module = native.cpu().module
    return {} if module is None else module.kernels()


class HostBackend(Backend):
    """A device whose arrays are NumPy's."""

    def from_host(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.array(array, order="C")

    def to_host(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return array.copy()

    def write(self, array: np.ndarray[Any, Any], value: np.ndarray[Any, Any]) -> None:
        array[...] = value

    def address(self, array: np.ndarray[Any, Any]) -> int:
        return int(array.__array_interface__["data"][0])

    def view(
        self, memory: np.ndarray[Any, Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]
    ) -> np.ndarray[Any, Any]:
        return np.ndarray(shape, dtype, memory, offset, strides)

    def arena(self, nbytes: int, zero: bool) -> np.ndarray[Any, Any]:
        raw = (np.zeros if zero else np.empty)(nbytes + ALIGN, np.uint8)
        start = -raw.ctypes.data % ALIGN
        return raw[start : start + nbytes]

    def guard(self) -> AbstractContextManager[Any]:
        return np.errstate(all="ignore") if _QUIET is None else Quiet()


class CPUBackend(HostBackend):
    """The device "cpu"."""

    def __init__(self) -> None:
        super().__init__("cpu", np)
        self.module = native.cpu().module
        if self.module is not None:
            obey(self.module)
        wanted = env.BACKEND.read()
        self.use({} if wanted == "numpy" else compiled())
        if wanted == "cpu" and not self.table:
            raise BackendError(f"[GPUDL_BACKEND] the compiled kernels were asked for and are not there: {native.cpu().reason}")

    def use(self, table: Mapping[str, Kernel]) -> None:
        super().use(table)
        self.name = "cpu" if table else "numpy"

    @property
    def note(self) -> str:
        if self.module is None or self.name == "numpy":
            return ""
        return f"instruction set {self.module.isa()} of {', '.join(self.module.isas())}; {self.module.threads()} threads"

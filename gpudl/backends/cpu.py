"""Run on the host: compiled C++ kernels where `_cpu` has them (path "cpu"), else NumPy (path "numpy")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import env, native
from ..errors import BackendError
from .base import Backend, Kernel

if TYPE_CHECKING:
    from ..op import Op

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


def compiled() -> Mapping[str, Kernel]:
    """The table of `_cpu`, empty where it is not built."""
    module = native.cpu().module
    return {} if module is None else module.kernels()


class CPUBackend(Backend):
    """NumPy arrays, with compiled kernels for those ops that have one."""

    def __init__(self) -> None:
        super().__init__("cpu", np)
        wanted = env.BACKEND.read()
        self.use({} if wanted == "numpy" else compiled())
        if wanted == "cpu" and not self.table:
            raise BackendError(f"[GPUDL_BACKEND] the compiled kernels were asked for and are not there: {native.cpu().reason}")

    def use(self, table: Mapping[str, Kernel]) -> None:
        super().use(table)
        self.name = "cpu" if table else "numpy"

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

    def bind(self, op: Op, outs: tuple[Any, ...], ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Callable[[], Any]:
        kernel = self.kernels[op]
        if kernel is not None:
            module = native.cpu().module
            assert module is not None
            call = module.bind(kernel, outs, ins, attrs)
            if call is not None:
                return call  # type: ignore[no-any-return]
        return super().bind(op, outs, ins, attrs)

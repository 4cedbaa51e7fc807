"""Run the CUDA kernels without a GPU: `GPUDL_EMULATE=1` gives the device "cuda:0" NumPy arrays and kernels that the CPU emulates.

Slow, and meant for that: each CUDA thread runs, each barrier waits. `GPUDL_EMULATE=checked` finds accesses outside an array, races and
uninitialised reads as well; `GPUDL_EMULATION_SCHEDULE` chooses the order in which threads run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import env, native
from ..errors import BackendError
from .cpu import HostBackend
from .cuda import configure

if TYPE_CHECKING:
    from ..op import Op


def wanted() -> bool:
    """Whether `GPUDL_EMULATE` asks for the emulation in the place of GPUs."""
    return env.EMULATE.read() != "0"


def module() -> native.NativeModule:
    """The module that `GPUDL_EMULATE` names, loaded or with the reason why not."""
    return native.emulated("checked" if env.EMULATE.read() == "checked" else "emulated")


def schedule(text: str) -> dict[str, Any]:
    """The arguments of a module's `configure`.

    >>> schedule("random:7")
    {'order': 'random', 'copies': 'random', 'seed': 7}
    >>> schedule("descending,early")
    {'order': 'descending', 'copies': 'early', 'seed': 0}
    """
    match = re.fullmatch(env.SCHEDULE_PATTERN, text)
    assert match is not None, text  # the switch let nothing else through
    order, seed, copies = match["order"], int(match["seed"] or 0), match["copies"]
    return {"order": order, "copies": copies or {"ascending": "late", "descending": "early"}.get(order, "random"), "seed": seed}


class EmulatedBackend(HostBackend):
    """NumPy arrays in the place of a GPU's, and emulated CUDA kernels.

    Its stream captures as CUDA's does: while a graph is made, kernels are noted and do not run, and whatever would allocate or wait is an
    error.
    """

    def __init__(self) -> None:
        super().__init__("cuda:0", np)
        self.captured: list[Callable[[], Any]] | None = None  # while a graph is made: its kernels
        native_module = module()
        if native_module.module is None:
            raise BackendError(f"[GPUDL_EMULATE] the module {native_module.name} cannot be used: {native_module.reason}")
        self.module = native_module.module
        self.module.configure(**schedule(env.EMULATION_SCHEDULE.read()))
        configure(self.module)
        self.expects_kernels = env.STRICT.read()  # silent otherwise: what is emulated is asked for, and most scripts use other ops, too
        self.use(self.module.kernels())
        self.name = "cuda, emulated and checked" if self.module.checked else "cuda, emulated"

    def bind_compiled(self, op: Op, outs: tuple[Any, ...], ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Callable[[], Any] | None:
        call = super().bind_compiled(op, outs, ins, attrs)
        if call is None:
            return None
        kernel = call

        def launch() -> None:
            if self.captured is None:
                kernel()
            else:
                self.captured.append(kernel)

        return launch

    def graph(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any] | None:
        if not env.GRAPHS.read():
            return None
        kernels: list[Callable[[], Any]] = []
        self.captured = kernels
        try:
            for call in calls:
                call()
        finally:
            self.captured = None

        def launch() -> None:
            for kernel in kernels:
                kernel()

        return launch

    def _refuse(self, what: str) -> None:
        if self.captured is not None:
            raise BackendError(f"[graph] {what} is not possible while a CUDA graph is captured")

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        self._refuse(f"allocating an array of shape {shape}")
        return super().empty(shape, dtype)

    def from_host(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self._refuse(f"copying an array of shape {array.shape} from the host")
        return super().from_host(array)

    def to_host(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self._refuse(f"reading an array of shape {array.shape} on the host")
        return super().to_host(array)

    def write(self, array: np.ndarray[Any, Any], value: np.ndarray[Any, Any]) -> None:
        self._refuse(f"writing an array of shape {array.shape} from the host")
        super().write(array, value)

    def arena(self, nbytes: int, zero: bool) -> np.ndarray[Any, Any]:
        self._refuse(f"allocating {nbytes} bytes")
        return super().arena(nbytes, zero)

    def synchronize(self) -> None:
        self._refuse("waiting for the device")

    def explain(self, name: str, outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[Any, ...]) -> list[str]:
        if self.module is None or name not in self.table:
            return []
        return list(self.module.explain(name, tuple(outs), tuple(ins), attrs, 90, 4))  # what the emulation imitates

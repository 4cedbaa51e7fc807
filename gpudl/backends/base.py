"""Say what a device must offer (`Backend`): memory, copies, addresses, kernels.

These methods are the only places where the engine touches an array library.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import env
from ..errors import BackendError

if TYPE_CHECKING:
    from ..op import Op

Kernel = Callable[..., Any]


class Kernels(dict["Op", "Kernel | None"]):
    """Op -> its compiled kernel on this device, or None for the reference; looked up by name once."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend

    def __missing__(self, op: Op) -> Kernel | None:
        kernel = self.backend.table.get(op.name)
        if kernel is None and self.backend.expects_kernels:
            self.backend.lacks(op.name)
        self[op] = kernel
        return kernel


class Backend:
    """One device: where arrays live and which kernels run on them.

    >>> from gpudl import backends
    >>> backends.get("cpu").name in ("cpu", "numpy")
    True
    """

    name = ""  # numpy | cpu | cupy | cuda: the path
    expects_kernels = False  # a missing compiled kernel is worth a word
    module: ModuleType | None = None  # where compiled kernels come from

    def __init__(self, device: str, xp: ModuleType, table: Mapping[str, Kernel] | None = None) -> None:
        self.device, self.xp = device, xp
        self.table: Mapping[str, Kernel] = table or {}
        self.kernels = Kernels(self)
        self._said: set[str] = set()

    def __repr__(self) -> str:
        return f"Backend({self.name!r}, device={self.device!r})"

    def use(self, table: Mapping[str, Kernel]) -> None:
        """Exchange the compiled kernels; what was looked up before is forgotten."""
        self.table = table
        self.kernels.clear()
        self._said.clear()

    def lacks(self, name: str) -> None:
        """Say once that an op has no compiled kernel here; with GPUDL_STRICT=1 raise BackendError."""
        message = f"[{name}] has no compiled kernel for device {self.device!r}; the reference kernel runs instead"
        if env.STRICT.read():
            raise BackendError(message + ", which GPUDL_STRICT=1 forbids")
        if name not in self._said:
            self._said.add(name)
            warnings.warn(message, RuntimeWarning, stacklevel=6)

    # memory ----------------------------------------------------------------------------------------------------------------

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """A fresh C-contiguous array; its contents are undefined."""
        return self.xp.empty(shape, dtype)

    def from_host(self, array: np.ndarray[Any, Any]) -> Any:
        """A C-contiguous copy on this device."""
        raise NotImplementedError

    def from_dlpack(self, array: Any) -> Any:
        """A C-contiguous copy of another library's array on this device."""
        with self.guard():
            return self.xp.array(self.xp.from_dlpack(array), order="C")

    def to_host(self, array: Any) -> np.ndarray[Any, Any]:
        """A copy on the host."""
        raise NotImplementedError

    def write(self, array: Any, value: np.ndarray[Any, Any]) -> None:
        """Overwrite a device array with host data of the same shape and dtype."""
        raise NotImplementedError

    def address(self, array: Any) -> int:
        """Where the first element lies."""
        raise NotImplementedError

    def flat_bytes(self, root: Any) -> Any:
        """The memory of a C-contiguous array as flat bytes, no copy."""
        return root.reshape(-1).view(np.uint8)

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """A strided view into flat bytes."""
        raise NotImplementedError

    def arena(self, nbytes: int, zero: bool) -> Any:
        """Flat bytes, aligned to 64 or better."""
        raise NotImplementedError

    def synchronize(self) -> None:
        """Wait until everything launched so far is done."""

    def mark(self) -> Any:
        """This moment, in the order of what was launched: see `between`."""
        return time.perf_counter_ns()

    def between(self, start: Any, end: Any) -> float:
        """Microseconds from one mark to another."""
        return float(end - start) / 1000.0

    def explain(self, name: str, outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[Any, ...]) -> list[str]:
        """Which kernels were looked at for these arrays, with what spoke against each, and the launches. Empty where there is no choice."""
        return []

    @property
    def note(self) -> str:
        """What `show_config` says of the kernels besides their names."""
        return ""

    # kernels ---------------------------------------------------------------------------------------------------------------

    def guard(self) -> AbstractContextManager[Any]:
        """What reference kernels run under: the array library's float warnings are off, since NaN and inf are values here."""
        raise NotImplementedError

    def bind(self, op: Op, outs: tuple[Any, ...], ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Callable[[], Any]:
        """A call without arguments that runs `op` on these arrays. To be called under `guard`."""
        from .reference import bound_reference

        call = self.bind_compiled(op, outs, ins, attrs)
        return bound_reference(self.xp, op, outs, ins, attrs) if call is None else call

    def bind_compiled(self, op: Op, outs: tuple[Any, ...], ins: tuple[Any, ...], attrs: tuple[Any, ...]) -> Callable[[], Any] | None:
        """The same if a compiled kernel takes these arrays, else None."""
        kernel = self.kernels[op]
        if kernel is None or self.module is None:
            return None
        call: Callable[[], Any] | None = self.module.bind(kernel, outs, ins, attrs)
        return call

    def graph(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any] | None:
        """One launch that does what these compiled calls do in a row, or None where there is no such thing. Runs nothing yet.

        What is not a kernel's launch (allocation, a copy to the host, waiting) may raise while the graph is made.
        """
        return None

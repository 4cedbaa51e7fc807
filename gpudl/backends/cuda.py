"""Run on an NVIDIA GPU through CuPy's arrays: our CUDA kernels where `_cuda` has them (path "cuda"), else CuPy (path "cupy").

Memory, streams and events are CuPy's. Model work runs on our own non-blocking stream, ordered against CuPy's current one by events.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from .. import config, env, native
from ..errors import BackendError
from .base import Backend, Kernel

_forked = False
SCRATCH = 16 << 20  # bytes in which kernels keep partial results between their launches


def _after_fork() -> None:
    global _forked
    _forked = True


def count() -> tuple[int, str]:
    """How many GPUs can be used, and why not more. Does not import CuPy where there is no driver."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0, "no NVIDIA driver (libcuda.so.1) was found"
    try:
        import cupy
    except ImportError:
        return 0, "CuPy is not installed; install it with: pip install 'gpudl[cuda13]' (or 'gpudl[cuda12]')"
    try:
        return int(cupy.cuda.runtime.getDeviceCount()), ""
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return 0, f"the CUDA run-time refused: {error}"


_configured: set[str] = set()  # modules that follow the settings below


def configure(module: Any) -> None:
    """Let GPUDL_TIER bound the kernels that a module chooses from, and `config.set_matmul_precision` say what its float32 products use."""
    tier = env.TIER.read()
    module.force_tier(-1 if tier == "auto" else module.TIERS.index(tier))
    if module.__name__ not in _configured:
        _configured.add(module.__name__)
        config.follow_matmul_precision(lambda name: module.set_matmul_precision(module.PRECISIONS.index(name)))


class CUDABackend(Backend):
    """CuPy arrays on one GPU."""

    def __init__(self, index: int) -> None:
        if _forked:
            raise BackendError("[device] CUDA cannot be used in a forked child process; start it with the 'spawn' method")
        import cupy

        super().__init__(f"cuda:{index}", cupy)
        self.index = index
        self.gpu = cupy.cuda.Device(index)
        with self.gpu:
            self.stream = cupy.cuda.Stream(non_blocking=True)
        if env.BACKEND.read() != "numpy":
            self.module = native.cuda().module
        self.use({} if self.module is None else self.module.kernels())
        os.register_at_fork(after_in_child=_after_fork)

    def use(self, table: Mapping[str, Kernel]) -> None:
        super().use(table)
        self.name = "cuda" if table else "cupy"
        self.expects_kernels = bool(table)
        module = native.cuda().module if table else None
        if module is not None:
            self.scratch = self.arena(SCRATCH, zero=False)  # kept: kernels hold its address
            module.set_stream(self.stream.ptr, self.address(self.scratch), SCRATCH)
            configure(module)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        with self.gpu, self.stream:
            return self.xp.empty(shape, dtype)

    def from_host(self, array: np.ndarray[Any, Any]) -> Any:
        with self.gpu, self.stream:
            return self.xp.array(array, order="C")

    def to_host(self, array: Any) -> np.ndarray[Any, Any]:
        with self.gpu:
            return self.xp.asnumpy(array, stream=self.stream)  # type: ignore[no-any-return]

    def write(self, array: Any, value: np.ndarray[Any, Any]) -> None:
        with self.gpu, self.stream:
            array[...] = self.xp.asarray(value)

    def address(self, array: Any) -> int:
        return int(array.data.ptr)

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        return self.xp.ndarray(shape, dtype, memory.data + offset, strides)

    def arena(self, nbytes: int, zero: bool) -> Any:
        with self.gpu, self.stream:
            return (self.xp.zeros if zero else self.xp.empty)(nbytes, np.uint8)  # CuPy's pool aligns to 512

    def synchronize(self) -> None:
        self.stream.synchronize()

    def graph(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any] | None:
        if not calls or not env.GRAPHS.read():
            return None
        with self.guard():
            self.stream.begin_capture()
            try:
                for call in calls:
                    call()
            finally:  # a stream that still captures would refuse everything after
                captured = self.stream.end_capture()
            captured.upload(self.stream)
        return partial(captured.launch, self.stream)

    def mark(self) -> Any:
        with self.gpu:
            event = self.xp.cuda.Event()
            event.record(self.stream)
        return event

    def between(self, start: Any, end: Any) -> float:
        end.synchronize()
        return float(self.xp.cuda.get_elapsed_time(start, end)) * 1000.0

    def explain(self, name: str, outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[Any, ...]) -> list[str]:
        if self.module is None or name not in self.table:
            return []
        sm, processors = int(self.gpu.compute_capability), int(self.gpu.attributes["MultiProcessorCount"])
        return list(self.module.explain(name, tuple(outs), tuple(ins), attrs, sm, processors))

    def guard(self) -> AbstractContextManager[Any]:
        return _On(self.gpu, self.stream) if self.stream is not None else nullcontext()


class _On:
    """Make a GPU and a stream current."""

    def __init__(self, gpu: Any, stream: Any) -> None:
        self.gpu, self.stream = gpu, stream

    def __enter__(self) -> None:
        self.gpu.__enter__()
        self.stream.__enter__()

    def __exit__(self, *args: Any) -> None:
        self.stream.__exit__(*args)
        self.gpu.__exit__(*args)

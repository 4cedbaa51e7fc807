"""The CUDA kernels on a GPU, as tests call them: with NumPy arrays, copied there and back. Needs the driver and `_cuda`, not CuPy.

`GPU` looks like one of the emulated modules. Memory comes from functions of the driver, found by ctypes. GPUDL_TRUTH_LOG names a file that
is told which kernel a test began and whether the test passed; benchmarks/ptx_wrappers.py reads it.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from gpudl import native

SCRATCH = 16 << 20
ALIGN = 256  # of every array


def driver() -> Any:
    """The driver's library, or None."""
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None


def why_not() -> str:
    """Why no kernel can run on a GPU here; empty if one can."""
    module = native.cuda().module
    if module is None:
        return f"no _cuda: {native.cuda().reason}"
    count, reason = module.devices()
    return "" if count else f"no GPU: {reason}"


class Memory:
    """The first GPU's memory, through the driver's functions. Every refusal is an error."""

    def __init__(self, library: Any) -> None:
        self.library = library
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuInit", ctypes.c_uint(0))
        self.call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0))
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)  # the one that CUDA's runtime uses, too
        self.call("cuCtxSetCurrent", context)
        self.device = device
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", name, ctypes.c_int(256), device)
        self.name = name.value.decode()
        self.capability = 10 * self.attribute(75) + self.attribute(76)  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR

    def call(self, name: str, *arguments: Any) -> None:
        status = int(getattr(self.library, name)(*arguments))
        if status:
            raise RuntimeError(f"{name}: the driver answered CUresult {status}")

    def attribute(self, which: int) -> int:
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(which), self.device)
        return value.value

    def driver_version(self) -> str:
        """The newest CUDA that the driver runs."""
        value = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(value))
        return f"{value.value // 1000}.{value.value % 1000 // 10}"

    def allocate(self, nbytes: int) -> int:
        pointer = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(max(1, nbytes)))
        return pointer.value

    def free(self, pointer: int) -> None:
        self.call("cuMemFree_v2", ctypes.c_uint64(pointer))

    def upload(self, pointer: int, array: np.ndarray) -> None:
        if array.nbytes:
            self.call("cuMemcpyHtoD_v2", ctypes.c_uint64(pointer), ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(extent(array)))

    def download(self, array: np.ndarray, pointer: int) -> None:
        if array.nbytes:
            self.call("cuMemcpyDtoH_v2", ctypes.c_void_p(array.ctypes.data), ctypes.c_uint64(pointer), ctypes.c_size_t(array.nbytes))

    def wait(self) -> None:
        self.call("cuCtxSynchronize")


def extent(array: np.ndarray) -> int:
    """Bytes from the first element to the end of the last one. No stride may be negative."""
    if not array.size:
        return 0
    if min(array.strides, default=0) < 0:
        raise ValueError("arrays for the GPU must run forwards: they are copied as they lie")
    return array.itemsize + sum((n - 1) * step for n, step in zip(array.shape, array.strides))


def operand(array: np.ndarray, pointer: int) -> SimpleNamespace:
    """What `_cuda` reads of a CuPy array, at this address."""
    held = SimpleNamespace(data=SimpleNamespace(ptr=pointer), shape=array.shape, strides=array.strides, dtype=array.dtype)
    return SimpleNamespace(array=held)


class GPU:
    """`_cuda`, taking NumPy arrays. `Operand.array` of tests/emulated.py is copied to the GPU, outputs back."""

    __name__ = "gpu"

    def __init__(self, module: Any, memory: Memory) -> None:
        self.module, self.memory, self.sm = module, memory, memory.capability
        self.test = ""  # that runs now
        module.set_stream(0, memory.allocate(SCRATCH), SCRATCH)

    def configure(self, **schedule: Any) -> None:
        """A GPU has its own schedule."""

    def kernels(self) -> dict[str, Any]:
        return {name: self.caller(name, kernel) for name, kernel in self.module.kernels().items()}

    def caller(self, name: str, kernel: Any) -> Any:
        def run(outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[float, ...]) -> Any:
            note(self.memory, test=self.test, began=name)
            arrays = [o.array for o in (*outs, *ins)]
            if not all(o.array.flags.c_contiguous for o in outs):
                raise ValueError("outputs on the GPU must be dense: they are copied as they lie")
            pointers: list[int] = []
            try:
                for array in arrays:
                    pointers.append(self.memory.allocate(extent(array)))
                    self.memory.upload(pointers[-1], array)
                there = [operand(a, p) for a, p in zip(arrays, pointers)]
                answer = kernel(there[: len(outs)], there[len(outs) :], attrs)
                self.memory.wait()
                for array, pointer in zip(arrays[: len(outs)], pointers):
                    self.memory.download(array, pointer)
            finally:
                for pointer in pointers:
                    self.memory.free(pointer)
            return answer

        return run


def gpu() -> GPU | None:
    """The first GPU with the kernels of `_cuda`, or None where `why_not` says why."""
    if why_not():
        return None
    return GPU(native.cuda().module, Memory(driver()))


def note(memory: Memory, **said: Any) -> None:
    """Write a line of GPUDL_TRUTH_LOG: `began=kernel` or `passed=True`, and the name of the test."""
    path = os.environ.get("GPUDL_TRUTH_LOG")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**said, "gpu": memory.name, "sm": memory.capability, "cuda": memory.driver_version()}) + "\n")

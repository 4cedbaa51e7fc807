"""Choose the kernels that run (`use_kernels`), and try each launch in guarded memory (`inspected_launches`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import backends, config, native
from ..backends.base import Kernels
from ..backends.reference import run_reference
from ..errors import BackendError
from ..op import DONE, STRIDED, Op
from ..tensors import Storage, Tensor, wrap
from .compare import assert_close, assert_same_bits

# C++ kernels that may round differently from the reference, in rounding units. All others agree bit for bit.
COMPILED_OFF: dict[str, float] = {
    f"{name}{end}": 16.0
    for name in "categorical_crossentropy elu expm1 gelu log_sigmoid log_softmax mish silu softmax softplus tanh_shrink".split()
    for end in ("", "_grad")
}
SUMMED_OR_SMOOTH = (
    "batch_norm batch_norm_inference binary_accuracy_ binary_crossentropy exp log log1p mean mean_ mean_squared_error sigmoid sum sum_to "
    "tanh weighted_sum"
)
COMPILED_OFF |= dict.fromkeys(SUMMED_OR_SMOOTH.split(), 16.0)
COMPILED_OFF |= {"matmul": 512.0, "conv2d": 64.0, "conv2d_grad_input": 64.0, "conv2d_grad_kernel": 64.0}  # long sums of products
COMPILED_OFF |= {"batch_norm_grad": 64.0}


@contextmanager
def use_kernels(path: str) -> Iterator[None]:
    """Within the block, run the CPU's ops on the path ``"numpy"`` (reference kernels alone), ``"cpu"`` (compiled ones where there are),
    ``"emulated"`` or ``"checked"`` (CUDA kernels, emulated).

    Raises BackendError if the module is not there.

    >>> with use_kernels("numpy"):
    ...     backends.get("cpu").name
    'numpy'
    """
    backend = backends.get("cpu")
    if path not in ("numpy", "cpu", "emulated", "checked"):
        raise BackendError(f"there is no path {path!r}; 'numpy', 'cpu', 'emulated' and 'checked' run on the CPU")
    native_module = native.emulated(path) if path in ("emulated", "checked") else native.cpu()
    module = native_module.module
    if path != "numpy" and module is None:
        raise BackendError(f"there is no path {path!r} here: {native_module.name}: {native_module.reason}")
    before = backend.table, backend.module
    backend.module = module
    backend.use({} if path == "numpy" or module is None else module.kernels())
    config.bump()
    try:
        yield
    finally:
        table, backend.module = before
        backend.use(table)
        config.bump()


class Inspection(Kernels):
    """Stands in for a backend's kernels: tries each launch in guarded memory before it is believed. `launched` names what ran."""

    def __init__(self, backend: backends.Backend, off: dict[str, float]) -> None:
        super().__init__(backend)
        self.launched: set[str] = set()
        self.compiled: set[str] = set()
        self.off = off

    def __missing__(self, op: Op) -> Any:
        real = super().__missing__(op)
        run = lambda outs, ins, attrs: self.inspect(op, real, outs, ins, attrs)  # noqa: E731
        self[op] = run
        return run

    def inspect(self, op: Op, kernel: Any, outs: Sequence[Tensor], ins: Sequence[Tensor], attrs: tuple[Any, ...]) -> None:
        self.launched.add(op.name)
        before = [t.array.tobytes() for t in ins]
        first, compiled_ran = self.guarded(op, kernel, outs, ins, attrs, 0xFF)
        again, _ = self.guarded(op, kernel, outs, ins, attrs, 0x00)
        assert_same_bits(first, again, f"[{op.name}] the same launch again, into memory of other contents")
        if compiled_ran:
            self.compiled.add(op.name)
            reference, _ = self.guarded(op, None, outs, ins, attrs, 0xFF)
            if op.name in self.off:
                for a, b in zip(first, reference):
                    assert_close(a, b, self.off[op.name], self.off[op.name], f"[{op.name}] compiled against reference", a.dtype)
            else:
                assert_same_bits(first, reference, f"[{op.name}] compiled against reference")
        assert before == [t.array.tobytes() for t in ins], f"[{op.name}] an input was written"
        for t, made in zip(outs, first):
            t.array[...] = made
        return DONE

    def guarded(
        self, op: Op, kernel: Any, outs: Sequence[Tensor], ins: Sequence[Tensor], attrs: tuple[Any, ...], fill: int
    ) -> tuple[list[Any], bool]:
        """Run into fresh memory with guard bytes on both sides; the outputs, and whether the compiled kernel took them."""
        margin, fresh = 128, len(outs) - op.updates
        memories, arrays = [], []
        for i, t in enumerate(outs):
            memory = self.backend.arena(t.nbytes + 2 * margin, zero=False)
            memory[...] = 0xA5
            memory[margin : margin + t.nbytes] = fill
            array = self.backend.view(memory, margin, t.shape, np.empty(t.shape, t.dtype).strides, t.dtype)
            if i >= fresh:
                array[...] = t.array
            memories.append(memory)
            arrays.append(array)
        done = False
        if kernel is not None:
            holders = [wrap(a, Storage(a, self.backend)) for a in arrays]
            status = kernel(holders, ins, attrs)
            if status == STRIDED:
                dense = [np.ascontiguousarray(t.array) for t in ins]
                status = kernel(holders, [wrap(a, Storage(a, self.backend)) for a in dense], attrs)
            done = status is DONE
        if not done:
            with self.backend.guard():
                run_reference(self.backend.xp, op, arrays, [t.array for t in ins], attrs)
        for memory, t in zip(memories, outs):
            edges = np.concatenate([memory[:margin], memory[margin + t.nbytes :]])
            assert (edges == 0xA5).all(), f"[{op.name}] wrote outside an output of shape {t.shape}"
        return arrays, done


@contextmanager
def inspected_launches(off: dict[str, float] | None = None) -> Iterator[Inspection]:
    """Within the block, every launch on the CPU is tried in guarded memory: all of each output is written and nothing else, twice the same
    bits, compiled kernels equal to the reference (bit for bit, or within `off[name]` rounding units; by default what gpudl's own C++
    kernels may differ by).

    >>> import gpudl
    >>> with inspected_launches():
    ...     y = gpudl.ones(3) + gpudl.ones(3)
    """
    backend = backends.get("cpu")
    before = backend.kernels
    inspection = Inspection(backend, COMPILED_OFF if off is None else off)
    backend.kernels = inspection
    try:
        yield inspection
    finally:
        backend.kernels = before

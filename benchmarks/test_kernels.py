"""Single kernels at the sizes that networks have, beside PyTorch and CuPy, with a copy of as many bytes as the floor.

    GPUDL_DEVICE=cuda PEER=torch,cupy pytest benchmarks/test_kernels.py --benchmark-only

Columns: ours, ours/peer, ours/floor (1 is the bandwidth of a copy), error: the largest one against float64, over the largest number there.
On a GPU a round is many launches and one wait, and the buffers of a round take turns so that more than its L2 cache is read. On the CPU
sizes are a hundredth.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from convolution_work import convolutions
from kernel_work import Work
from kernel_work import works as other_works

import gpudl
from gpudl.backends import registry as devices
from gpudl.backends.reference import run_reference
from gpudl.op import launch, registry
from gpudl.tensors import Tensor, empty

CACHE = 120 << 20  # bytes: twice the L2 cache of a large GPU


def works(scale: int = 1) -> list[Work]:
    return [*other_works(scale), *convolutions(scale)]


def on_gpu() -> bool:
    return devices.default_device() != "cpu"


def operands(work: Work) -> list[Tensor]:
    tensors = []
    for array in work.arrays():
        tensor = gpudl.tensor(array)
        floats = array.dtype == np.float32 and work.dtype != "float32"
        tensors.append(tensor.astype(work.dtype) if floats else tensor)
    return tensors


def fresh(work: Work, ins: list[Tensor]) -> list[Tensor]:
    """The outputs that the op does not find made."""
    op = registry[work.op]
    avals = op.infer(*[t.array for t in ins], *work.attrs) if op.infer is not None else ()
    return [empty(shape, dtype, ins[0].storage.backend) for shape, dtype in avals]


def launcher(work: Work, tensors: list[Tensor]) -> tuple[list[Tensor], Callable[[], None]]:
    updated, ins = tensors[: work.updates], tensors[work.updates :]
    outs = [*fresh(work, ins), *updated]
    op = registry[work.op]
    return outs, lambda: launch(op, outs, ins, work.attrs)


def rotated(calls: list[Callable[[], Any]], steps: int, wait: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        for step in range(steps):
            calls[step % len(calls)]()
        wait()

    return run


def torch_lane(work: Work, sets: int, steps: int) -> Callable[[], Any] | None:
    import torch

    if work.torch is None:
        return None
    device = "cuda" if on_gpu() else "cpu"
    calls = []
    for _ in range(sets):
        arrays = [torch.from_numpy(np.array(a)).to(device) for a in work.arrays()]
        calls.append(work.torch(torch, [a.to(getattr(torch, work.dtype)) if a.dtype == torch.float32 else a for a in arrays]))
    return rotated(calls, steps, torch.cuda.synchronize if on_gpu() else lambda: None)


def cupy_lane(work: Work, sets: int, steps: int) -> Callable[[], Any] | None:
    """What runs where there is no compiled kernel: the same op, written for NumPy and CuPy."""
    backend = devices.get()
    if backend.xp is np:
        return None
    op, calls = registry[work.op], []
    for _ in range(sets):
        tensors = operands(work)
        outs = [t.array for t in (*fresh(work, tensors[work.updates :]), *tensors[: work.updates])]
        calls.append(partial(run_reference, backend.xp, op, outs, [t.array for t in tensors[work.updates :]], work.attrs))
    run = rotated(calls, steps, backend.synchronize)

    def guarded() -> None:
        with backend.guard():
            run()

    return guarded


def copy_lane(work: Work, sets: int, steps: int) -> Callable[[], None]:
    """Copies that read and write `work.moved` bytes in all."""
    backend = devices.get()
    half = max(1, work.moved // 2)
    pairs = [(backend.arena(half, True), backend.arena(half, True)) for _ in range(sets)]

    def copy(pair: tuple[Any, Any]) -> Callable[[], None]:
        def run() -> None:
            with backend.guard():
                backend.xp.copyto(*pair)

        return run

    return rotated([copy(pair) for pair in pairs], steps, backend.synchronize)


def error_of(work: Work) -> float:
    """Against the same op in float64 on the CPU."""
    tensors = operands(work)
    exact = [gpudl.tensor(widened(t.numpy()), device="cpu") for t in tensors]
    outs, run = launcher(work, tensors)
    right, run_exact = launcher(work, exact)
    run(), run_exact()
    compared = work.outputs or tuple(range(work.updates))
    return max(relative(outs[i].numpy(), right[i].numpy()) for i in compared)


def widened(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def relative(ours: np.ndarray, exact: np.ndarray) -> float:
    return float(np.max(np.abs(ours.astype(np.float64) - exact), initial=0) / max(1e-300, np.max(np.abs(exact), initial=0)))


ALL = works()


@pytest.mark.parametrize("index", range(len(ALL)), ids=[f"{w.name}-{w.dtype}".replace(" ", "_") for w in ALL])
def test_kernel(index: int, race: Any) -> None:
    tiny = works(10_000)[index]
    if race.benchmark.disabled:
        assert error_of(tiny) < (1e-5 if tiny.dtype == "float32" else 1e-2)
        race.benchmark(launcher(tiny, operands(tiny))[1])
        return
    work = works(1 if on_gpu() else 100)[index]
    sets = max(1, min(8, CACHE // work.moved)) if on_gpu() else 1
    steps = max(1, min(200, int(2e-3 * 4e12 / work.moved))) if on_gpu() else 1
    calls = [launcher(work, operands(work))[1] for _ in range(sets)]
    ours = rotated(calls, steps, devices.get().synchronize)
    peers = {"torch": lambda: torch_lane(work, sets, steps), "cupy": lambda: cupy_lane(work, sets, steps)}
    race(ours, peers, copy_lane(work, sets, steps), lambda: error_of(tiny), steps, 10, 3)

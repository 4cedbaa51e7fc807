"""Define an operation once (`Op`), run it anywhere (`launch`).

The kernel contract:
 1. write every element of the outputs given, and nothing else; allocate nothing. Workspace is an extra output (reference kernels may
    make temporaries inside a call);
 2. never synchronise with the host; use the stream given;
 3. attributes are constants of the model; what varies per step (learning rate, step count, random state) is a buffer;
 4. same inputs, same bits: fixed-order reductions, no floating-point atomics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import env
from .backends.reference import run_reference
from .dtypes import HALF, is_float
from .errors import BackendError
from .profiling import state as profiling
from .tensors import Storage, Tensor, empty, mode, tick

registry: dict[str, Op] = {}
DONE, MISSING, STRIDED = None, 1, 2  # what a compiled kernel answers: done, no such dtypes or shapes, needs contiguous operands

Avals = Sequence[tuple[tuple[int, ...], Any]]


class Op:
    """One operation.

    Args:
        name: unique; also the name of its compiled kernels.
        infer: ``infer(*arrays, *attrs) -> ((shape, dtype), ...)`` of the fresh outputs, workspace last. It reads shapes and dtypes only
            and is the one place that raises shape errors. None if there are no fresh outputs.
        reference: ``reference(xp, *outs, *ins, *attrs)``, the meaning, in NumPy or CuPy. None for views, which are never launched.
        vjp: ``vjp(ctx, *grads) -> one gradient per input``, made by calling other ops; None where there is none.
        saves: the inputs and outputs that `vjp` reads, ``(0, "y1")``; the tape keeps nothing else.
        updates: how many trailing outputs exist already and are read and written.
        twice: the vjp calls only ops that have a vjp themselves, so the gradient can be differentiated again.
        may_overwrite: an output may share memory with an input.
    """

    __slots__ = ("name", "infer", "reference", "vjp", "updates", "saves", "saved_ins", "saved_outs", "twice", "may_overwrite")

    def __init__(
        self,
        name: str,
        infer: Callable[..., Avals] | None,
        reference: Callable[..., Any] | None,
        vjp: Callable[..., Any] | None = None,
        *,
        saves: tuple[int | str, ...] = (),
        updates: int = 0,
        twice: bool = False,
        may_overwrite: bool = False,
    ) -> None:
        if name in registry:
            raise ValueError(f"[{name}] is defined twice")
        self.name, self.infer, self.reference, self.vjp = name, infer, reference, vjp
        self.saves, self.updates, self.twice, self.may_overwrite = saves, updates, twice, may_overwrite
        self.saved_ins = tuple(s for s in saves if isinstance(s, int))
        self.saved_outs = tuple(int(s[1:]) for s in saves if isinstance(s, str))
        registry[name] = self

    def __repr__(self) -> str:
        return f"Op({self.name})"


def launch(op: Op, outs: Sequence[Tensor], ins: Sequence[Tensor], attrs: tuple[Any, ...] = ()) -> None:
    """The single choke point: every kernel of every mode starts here."""
    backend = outs[0].storage.backend
    kernel = backend.kernels[op]
    watcher = profiling.watcher
    if watcher is not None:
        watcher.begin(backend)
    if checks:
        check_operands(op, outs, ins)
    if kernel is None:
        with backend.guard():
            run_reference(backend.xp, op, [t.array for t in outs], [t.array for t in ins], attrs)
    elif kernel(outs, ins, attrs) is not DONE:
        ins = launch_otherwise(op, outs, ins, attrs)
    if watcher is not None:
        watcher.end(backend, op.name, mode.layer, [t.array for t in outs], [t.array for t in ins], attrs)
    if finite:
        check_finite(op, outs, ins)
    if mode.recorder is not None:
        mode.recorder.append(op, outs, ins, attrs)
    if op.updates:
        now = tick()
        for out in outs[-op.updates :]:
            out.storage.stamp = now


def launch_otherwise(op: Op, outs: Sequence[Tensor], ins: Sequence[Tensor], attrs: tuple[Any, ...]) -> Sequence[Tensor]:
    """No compiled kernel took the operands as they are: make inputs contiguous, or run the reference."""
    backend = outs[0].storage.backend
    kernel = backend.kernels[op]
    if kernel is not None and kernel(outs, ins, attrs) == STRIDED and all(t.array.flags.c_contiguous for t in outs):
        ins = tuple([contiguous(t) for t in ins])
        if kernel(outs, ins, attrs) is DONE:
            return ins
    if backend.expects_kernels:
        backend.lacks(f"{op.name}: {', '.join(str(t.dtype) for t in ins)}")
    with backend.guard():
        run_reference(backend.xp, op, [t.array for t in outs], [t.array for t in ins], attrs)
    return ins


def contiguous(x: Tensor) -> Tensor:
    """The tensor itself if its memory is C-contiguous, else a copy (off the tape)."""
    if x.array.flags.c_contiguous:
        return x
    out = empty(x.shape, x.dtype, x.storage.backend)
    launch(COPY, (out,), (x,))
    return out


checks = env.CHECK.read() >= 1
finite = env.CHECK.read() >= 2  # steps run eagerly then, since a replay does not come by here


def check_operands(op: Op, outs: Sequence[Tensor], ins: Sequence[Tensor]) -> None:
    """GPUDL_CHECK: outputs lie on one device and share no memory with inputs or each other."""
    backend = outs[0].storage.backend
    for t in (*outs, *ins):
        if t.storage.backend is not backend:
            raise BackendError(f"[{op.name}] operands lie on {backend.device} and {t.device}")
    spans = [(backend.address(t.array), t) for t in outs if t.size]
    for i, (a, t) in enumerate(spans):
        others = [(b, o) for b, o in spans[i + 1 :]]
        if not op.may_overwrite:
            others += [(backend.address(o.array), o) for o in ins if o.size]
        for b, o in others:
            if t.array.flags.c_contiguous and o.array.flags.c_contiguous and a < b + o.nbytes and b < a + t.nbytes:
                raise BackendError(f"[{op.name}] an output of shape {t.shape} overlaps another operand of shape {o.shape}")


def reach(t: Tensor) -> tuple[int, int]:
    """The addresses of the first byte of an array that is not empty, and of the first behind it, whatever the signs of its strides."""
    low = high = t.storage.backend.address(t.array)
    for n, step in zip(t.array.shape, t.array.strides):
        low, high = low + min(0, (n - 1) * step), high + max(0, (n - 1) * step)
    return low, high + t.array.itemsize


def entangled(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors of one device may share memory other than element by element."""
    if not x.size or not y.size:
        return False
    (a, after_a), (b, after_b) = reach(x), reach(y)
    same = a == b and x.dtype == y.dtype and x.shape == y.shape and x.array.strides == y.array.strides
    return not same and a < after_b and b < after_a


def check_finite(op: Op, outs: Sequence[Tensor], ins: Sequence[Tensor]) -> None:
    """GPUDL_CHECK=2: name the first op that makes NaN or inf out of finite numbers. Workspace is looked at, too."""
    if not all(is_finite(t) for t in ins):
        return
    for i, t in enumerate(outs):
        if not is_finite(t):
            shapes = ", ".join(str(x.shape) for x in ins)
            raise FloatingPointError(f"[{op.name}] output {i} of shape {t.shape} holds NaN or inf; its inputs {shapes} were finite")


def is_finite(t: Tensor) -> bool:
    backend = t.storage.backend
    if not is_float(t.dtype):
        return True
    host = backend.to_host(t.array)
    return bool(np.isfinite(host.astype(np.float32) if host.dtype.char in HALF else host).all())


def _copy(xp: Any, y: Any, x: Any) -> None:
    y[...] = x


COPY = Op("copy", lambda x: ((x.shape, x.dtype),), _copy, lambda ctx, g: (g,), twice=True)

__all__ = ["DONE", "MISSING", "STRIDED", "COPY", "Op", "Storage", "contiguous", "entangled", "launch", "registry"]

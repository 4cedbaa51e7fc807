"""Check an op against an oracle, its gradient against differences, its replay against itself: `Case`, `check_case`, `check_grads`.

Whoever writes an op writes a `Case`; `check_case` then tries everything that the engine promises of every op:

    value       equals the oracle, within rounding, in every dtype; same inputs, same bits; inputs are left alone
    gradient    equals central differences in float64, and float64's gradient in the other dtypes; the same inside a parameter arena
    twice       the gradient's gradient is right, or is refused before any work
    layout      strided, transposed and reversed inputs give what contiguous ones give
    launches    each kernel writes all of its outputs and nothing else; the compiled kernel agrees with the reference
    replay      a recorded step equals the eager one bit for bit, also when temporaries turn to NaN at the end of their planned life
    errors      wrong calls are refused in clear words
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from . import autograd, backends, config, dtypes
from .autograd import Node
from .backends.base import Kernels
from .backends.cpu import compiled
from .backends.reference import run_reference
from .errors import BackendError
from .op import DONE, STRIDED, Op
from .plan import Recording
from .replay import StepRunner
from .tensors import Leaf, Storage, Tensor, wrap
from .variables import Variable, pack

FLOATS = ("float32", "float64", "float16", "bfloat16")
UNIT = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}  # half a step at 1: the rounding unit
LAYOUTS = ("strided", "transposed", "reversed")


@dataclass(frozen=True)
class Case:
    """One way to call an op, with what it must give.

    Args:
        name: unique, ``"<function>/<what is special>"``.
        function: takes tensors, returns a tensor or a tuple of tensors; calls gpudl ops.
        inputs: ``inputs(rng) -> sequence of arrays``; float arrays as float64 (they are cast to the dtype under test), others as they are.
        oracle: the same in NumPy or SciPy, ``oracle(*arrays) -> array or tuple``, run in float64; independent of our reference kernels.
        dtypes: float types under test; () for ops without float operands.
        differentiable: the numbers of the float inputs that get a gradient; None: all float inputs; () none.
        twice: whether the gradient can be differentiated again.
        rtol, atol: multiples of the dtype's rounding unit that value and gradient may be off by, absolute and relative to the oracle.
        errors: calls that must be refused: (function of no arguments, exception class, words in its message).
    """

    name: str
    function: Callable[..., Any]
    inputs: Callable[[np.random.Generator], Sequence[Any]]
    oracle: Callable[..., Any]
    dtypes: tuple[str, ...] = FLOATS
    differentiable: tuple[int, ...] | None = None
    twice: bool = True
    rtol: float = 16
    atol: float = 16
    errors: tuple[tuple[Callable[[], Any], type[Exception], str], ...] = field(default=())


# comparing --------------------------------------------------------------------------------------------------------------------


def host(x: Any) -> np.ndarray[Any, Any]:
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def assert_close(got: Any, expected: Any, rtol: float = 16, atol: float = 16, what: str = "", dtype: Any = None) -> None:
    """Raise AssertionError unless |got - expected| <= (atol + rtol |expected|) * unit at every element.

    `unit` is the rounding unit of `got`'s dtype, or of `dtype`: 2^-24 for float32, 2^-11 for float16. NaN must meet NaN and inf the same
    inf, where `expected` is first rounded to the dtype (a value too large for float16 is inf). Integers and bools must be equal.

    >>> assert_close(np.float32(1) / np.float32(3), 1 / 3)
    """
    result, wanted = host(got), np.asarray(expected)
    prefix = f"{what}: " if what else ""
    assert result.shape == wanted.shape, f"{prefix}shape {result.shape}, expected {wanted.shape}"
    if not dtypes.is_float(result.dtype):
        assert wanted.dtype.kind in "biu", f"{prefix}dtype {result.dtype}, expected {wanted.dtype}"
        wrong = result != wanted
        off = np.zeros(result.shape)
    else:
        kind = result.dtype if dtype is None else dtypes.standard(dtype)
        with np.errstate(all="ignore"):
            exact, rounded = wanted.astype(np.float64), wanted.astype(kind).astype(np.float64)
            found = result.astype(np.float64)
            off = np.abs(found - exact) / UNIT[kind.name]
            near = off <= atol + rtol * np.abs(exact)
        same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
        wrong = ~(same | (near & np.isfinite(found) & np.isfinite(exact)))
    if wrong.any():
        worst = np.where(wrong, np.nan_to_num(off, nan=np.inf), -1.0)
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(worst)), worst.shape))
        raise AssertionError(
            f"{prefix}{int(wrong.sum())} of {wrong.size} elements of dtype {result.dtype} are off; at {at}: got {result[at]!r}, expected "
            f"{wanted[at]!r}, off by {off[at]:.4g} rounding units (allowed: {atol:g} + {rtol:g} * |expected|)"
        )


def assert_same_bits(got: Sequence[Any], expected: Sequence[Any], what: str) -> None:
    """Raise AssertionError unless arrays or tensors are equal bit for bit; None equals None."""
    for i, (a, b) in enumerate(zip_longest(got, expected)):
        if a is None and b is None:
            continue
        assert a is not None and b is not None, f"{what}: result {i} is there only once"
        x, y = host(a), host(b)
        assert x.shape == y.shape and x.dtype == y.dtype, f"{what}: result {i} is {x.dtype} {x.shape}, expected {y.dtype} {y.shape}"
        if x.tobytes() != y.tobytes():
            differ = x.view(np.uint8).reshape(*x.shape, x.itemsize) != y.view(np.uint8).reshape(*y.shape, y.itemsize) if x.ndim else None
            at = () if differ is None else tuple(int(n) for n in np.argwhere(differ.any(-1))[0])
            raise AssertionError(f"{what}: result {i} of shape {x.shape} differs, first at {at}: got {x[at]!r}, expected {y[at]!r}")


# differences ------------------------------------------------------------------------------------------------------------------


def tensors_in(result: Any) -> list[Tensor]:
    """All tensors of a result: one, or those of a (nested) list or tuple."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, dict):
        result = list(result.values())
    return [t for part in result for t in tensors_in(part)] if isinstance(result, (list, tuple)) else []


def gradients_of(outs: Sequence[Tensor], leaves: Sequence[Tensor], weights: Sequence[Tensor], create_graph: bool = False) -> list[Any]:
    """d(sum of outs * weights) / d leaves, None where nothing depends."""
    used = [(t, w) for t, w in zip(outs, weights) if t.edge is not None]
    if not used or not leaves:
        return [None] * len(leaves)
    found = autograd.grad([t for t, _ in used], list(leaves), [w for _, w in used], retain_graph=create_graph, create_graph=create_graph)
    return list(found)


def random_weights(outs: Iterable[Tensor], seed: int = 7) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(t.shape).astype(t.dtype if dtypes.is_float(t.dtype) else np.float64) for t in outs]


def check_grads(
    function: Callable[..., Any],
    *arrays: Any,
    wrt: Sequence[int] | None = None,
    order: int = 1,
    directions: int = 2,
    tolerance: float = 1e-6,
    step: float = 1e-5,
) -> None:
    """Compare the gradients of a function with central differences along random directions, in float64.

    Args:
        function: takes tensors, returns a tensor or several.
        arrays: where; float arrays are taken as float64.
        wrt: the numbers of the arrays to differentiate by; default: all float arrays.
        order: 2 also checks the gradient of the gradient (the function must allow `create_graph`), by arrays and incoming gradients.
        directions: how many random directions.
        tolerance: relative to the sum of the absolute contributions to the derivative.
        step: of the differences.

    Raises:
        AssertionError: if the gradient is wrong, or if the function bends sharply within the step, which is said.

    >>> import gpudl
    >>> check_grads(lambda x: x * x, [1.0, 2.0], order=2)
    """
    points = [np.asarray(a) for a in arrays]
    points = [a.astype(np.float64) if a.dtype.kind == "f" or a.dtype == dtypes.bfloat16 else a for a in points]
    chosen = [i for i, a in enumerate(points) if a.dtype == np.float64] if wrt is None else list(wrt)
    rng = np.random.default_rng(11)
    leaves = tensors_for(points, chosen)
    outs = tensors_in(function(*leaves))
    weights = random_weights(outs)
    given = gradients_of(outs, [leaves[i] for i in chosen], [Tensor(w) for w in weights])
    for i, g in zip(chosen, given):
        assert g is None or (g.shape == points[i].shape and g.dtype == np.float64), f"gradient {i} is {g.dtype} {g.shape}"

    def value(moves: dict[int, Any], h: float) -> float:
        results = tensors_in(function(*tensors_for([a + h * moves[i] if i in moves else a for i, a in enumerate(points)], chosen)))
        return float(sum((t.numpy().astype(np.float64) * w).sum() for t, w in zip(results, weights) if dtypes.is_float(t.dtype)))

    with np.errstate(invalid="ignore"):
        for _ in range(directions):
            moves = {i: rng.standard_normal(points[i].shape) for i in chosen}
            parts = [(g.numpy() * moves[i]) for i, g in zip(chosen, given) if g is not None]
            analytic, weight = float(sum(p.sum() for p in parts)), float(sum(np.abs(p).sum() for p in parts))
            here = value(moves, 0.0)
            limit = tolerance * max(weight, 1e-3) + 64 * UNIT["float64"] * abs(here) / step
            numeric = difference(value, moves, step)
            if not abs(analytic - numeric) <= limit:
                fine = difference(value, moves, step / 8)
                ahead, behind = (value(moves, step) - here) / step, (here - value(moves, -step)) / step
                ahead8, behind8 = (value(moves, step / 8) - here) * 8 / step, (here - value(moves, -step / 8)) * 8 / step
                kinked = abs(numeric - fine) > limit or (abs(ahead - behind) > limit and abs(ahead8 - behind8) > 0.5 * abs(ahead - behind))
                why = "; the function bends sharply there: move the inputs away from its kink" if kinked else ""
                raise AssertionError(f"order {3 - order if order > 1 else 1}: gradient {analytic!r}, differences {numeric!r}{why}")
    if order > 1:

        count = len(points)

        def first(*tensors: Tensor) -> Any:
            made = tensors_in(function(*tensors[:count]))
            found = gradients_of(made, [tensors[i] for i in chosen], tensors[count:], create_graph=True)
            return [g for g in found if g is not None]

        seeds = [i + count for i, t in enumerate(outs) if t.edge is not None]  # the incoming gradients are inputs of the gradient, too
        try:
            check_grads(
                first, *points, *weights, wrt=[*chosen, *seeds], order=order - 1, directions=directions, tolerance=tolerance * 10, step=step
            )
        except AssertionError as error:
            raise AssertionError(f"gradient of the gradient: {error}") from None


def difference(value: Callable[[dict[int, Any], float], float], moves: dict[int, Any], h: float) -> float:
    return (value(moves, h) - value(moves, -h)) / (2 * h)


def one_nan(t: Any) -> Any:
    """The numbers, every NaN with the same bits: sign and payload of NaN mean nothing."""
    if t is None or not dtypes.is_float(t.dtype):
        return t
    array = host(t).copy()
    array[np.isnan(array)] = np.nan
    return array


def tensors_for(arrays: Sequence[Any], wanted: Sequence[int], layout: str = "") -> list[Tensor]:
    """Arrays as tensors of their own, those in `wanted` as leaves."""
    made = [Tensor(a) if not layout else laid_out(a, layout) for a in arrays]
    for i in wanted:
        made[i].requires_grad = True
    return made


def laid_out(array: np.ndarray[Any, Any], layout: str) -> Tensor:
    """A tensor with the same elements in memory of another order: every second element, axes swapped, or backwards."""
    if layout == "strided":
        memory = np.full([2 * n + 1 for n in array.shape], 77).astype(array.dtype)
        every_second: tuple[Any, ...] = (..., *[slice(1, None, 2)] * array.ndim)
        seen = memory[every_second]
    elif layout == "transposed":
        memory = np.empty(array.shape[::-1], array.dtype)
        seen = memory.T
    else:
        memory = np.empty(array.shape, array.dtype)
        backwards: tuple[Any, ...] = (..., *[slice(None, None, -1)] * array.ndim)
        seen = memory[backwards]
    seen[...] = array
    root = Tensor(0.0).storage.backend.from_host(memory)
    offset = seen.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    backend = backends.get()
    return wrap(backend.view(backend.flat_bytes(root), offset, seen.shape, seen.strides, seen.dtype), Storage(root, backend))


# kernels ----------------------------------------------------------------------------------------------------------------------


@contextmanager
def use_kernels(path: str) -> Iterator[None]:
    """Within the block, run the CPU's ops on the path ``"numpy"`` (reference kernels alone) or ``"cpu"`` (compiled ones where there are).

    Raises BackendError if the compiled module is not there.

    >>> with use_kernels("numpy"):
    ...     backends.get("cpu").name
    'numpy'
    """
    backend = backends.get("cpu")
    table = {} if path == "numpy" else compiled()
    if path not in ("numpy", "cpu") or (path == "cpu" and not table):
        raise BackendError(f"there is no path {path!r} here; 'numpy' and, with the module _cpu, 'cpu' are the CPU's")
    before = backend.table
    backend.use(table)
    config.bump()
    try:
        yield
    finally:
        backend.use(before)
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
    bits, compiled kernels equal to the reference (bit for bit, or within `off[name]` rounding units)."""
    backend = backends.get("cpu")
    before = backend.kernels
    inspection = Inspection(backend, off or {})
    backend.kernels = inspection
    try:
        yield inspection
    finally:
        backend.kernels = before


# the contract -----------------------------------------------------------------------------------------------------------------


def arrays_for(case: Case, dtype: str | None, seed: int = 0) -> list[np.ndarray[Any, Any]]:
    """The inputs of a case, its float64 arrays rounded to the dtype under test."""
    made = [np.asarray(a) for a in case.inputs(np.random.default_rng([zlib.crc32(case.name.encode()), seed]))]
    with np.errstate(over="ignore"):  # what float16 does not hold becomes inf
        return [a.astype(dtypes.standard(dtype)) if dtype is not None and a.dtype == np.float64 else a for a in made]


def differentiable(case: Case) -> list[int]:
    if case.differentiable is not None:
        return list(case.differentiable)
    return [i for i, a in enumerate(arrays_for(case, None)) if a.dtype == np.float64]


def wide(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array.astype(np.float64) if dtypes.is_float(array.dtype) else array


def evaluate(case: Case, arrays: Sequence[Any], wanted: Sequence[int], layout: str = "") -> tuple[list[Tensor], list[Any], list[Tensor]]:
    """Outputs, gradients and the inputs as they are afterwards."""
    leaves = tensors_for(arrays, wanted, layout)
    outs = tensors_in(case.function(*leaves))
    grads = gradients_of(outs, [leaves[i] for i in wanted], [Tensor(w) for w in random_weights(outs)])
    return [t.detach() for t in outs], grads, leaves


def kinds(case: Case) -> tuple[str | None, ...]:
    return case.dtypes or (None,)


def check_value(case: Case) -> None:
    """Every output against the oracle, in every dtype; the call again gives the same bits; inputs that no op updates stay as they are."""
    for dtype in kinds(case):
        arrays = arrays_for(case, dtype)
        before = [a.copy() for a in arrays]
        tensors = tensors_for(arrays, ())
        with Recording(tensors) as recording:
            outs = tensors_in(case.function(*tensors))
        updated = {slot.input for slot in recording.settle().slots if slot.written}
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # "mean of empty slice": NaN is what we want to know
            expected = case.oracle(*[wide(a) for a in arrays])
        wanted = list(expected) if isinstance(expected, (tuple, list)) else [expected]
        assert len(outs) == len(wanted), f"{dtype}: {len(outs)} outputs, the oracle gives {len(wanted)}"
        for i, (t, e) in enumerate(zip(outs, wanted)):
            if dtypes.is_float(t.dtype) and dtype is not None and np.asarray(e).dtype == np.float64:
                assert t.dtype == dtype, f"output {i} of {dtype} inputs has dtype {t.dtype}"
            assert_close(t, e, case.rtol, case.atol, f"{dtype}, output {i}")
        again = tensors_in(case.function(*tensors_for(arrays, ())))
        assert_same_bits(again, outs, f"{dtype}: the same call again")
        kept = [i for i in range(len(tensors)) if i not in updated]
        assert_same_bits([tensors[i] for i in kept], [before[i] for i in kept], f"{dtype}: the inputs after the call")


def check_gradient(case: Case) -> None:
    """The gradient against central differences in float64, in other dtypes against float64's; the same inside a parameter arena."""
    wanted = differentiable(case)
    if not wanted:
        return
    check_grads(case.function, *arrays_for(case, "float64"), wrt=wanted)
    for dtype in case.dtypes:
        arrays = arrays_for(case, dtype)
        outs, grads, _ = evaluate(case, arrays, wanted)
        if dtype != "float64":
            leaves = tensors_for([wide(a) for a in arrays], wanted)
            exact = tensors_in(case.function(*leaves))
            seeds = [Tensor(w.astype(np.float64)) for w in random_weights(outs)]
            for i, g, e in zip(wanted, grads, gradients_of(exact, [leaves[i] for i in wanted], seeds)):
                assert (g is None) == (e is None), f"{dtype}: gradient {i} is there only in one dtype"
                if g is not None:
                    assert g.dtype == dtype, f"gradient {i} of {dtype} inputs has dtype {g.dtype}"
                    assert_close(g, e.numpy(), case.rtol, case.atol, f"{dtype}, gradient {i}")
        check_arena(case, arrays, wanted, grads)


def check_arena(case: Case, arrays: Sequence[Any], wanted: Sequence[int], expected: Sequence[Any]) -> None:
    """`backward()` into an arena of gradients full of rubbish gives what `grad()` gives, and adds when called again."""
    inputs: list[Tensor] = [Variable(a) if i in wanted else Tensor(a) for i, a in enumerate(arrays)]
    variables = [inputs[i] for i in wanted]
    pack(variables)  # type: ignore[arg-type]
    for v in variables:
        leaf = v.leaf
        assert leaf is not None and leaf.home is not None
        leaf.home.array[...] = 123
    outs = tensors_in(case.function(*inputs))
    used = [(t, Tensor(w)) for t, w in zip(outs, random_weights(outs)) if t.edge is not None]
    if len(used) != 1:
        return
    used[0][0].backward(used[0][1], retain_graph=True)
    assert_same_bits([v.grad for v in variables], expected, "backward() into an arena")
    for v, e in zip(variables, expected):
        assert e is None or v.grad is v.leaf.home, "a gradient is not at home"  # type: ignore[union-attr]
    used[0][0].backward(used[0][1])
    for v, e in zip(variables, expected):  # several contributions are added one by one, which may round differently
        if e is not None:
            assert_close(v.grad, 2 * wide(e.numpy()), case.rtol, case.atol, "backward() again")


def check_twice(case: Case) -> None:
    """The gradient of the gradient: right where the case says that there is one; else refused, naming the op, before any work."""
    wanted = differentiable(case)
    if not wanted:
        return
    arrays = arrays_for(case, "float64")
    if case.twice:
        check_grads(case.function, *arrays, wrt=wanted, order=2)
        return
    leaves = tensors_for(arrays, wanted)
    outs = tensors_in(case.function(*leaves))
    weights = [Tensor(w) for w in random_weights(outs)]
    with Recording() as recording:
        try:
            gradients_of(outs, [leaves[i] for i in wanted], weights, create_graph=True)
        except RuntimeError as error:
            assert "cannot be differentiated twice" in str(error), str(error)
        else:
            raise AssertionError("twice=False, but create_graph=True is not refused")
    assert not recording.calls, f"create_graph=True was refused after launching {recording.calls[0].op.name}"


def check_layout(case: Case, within: Callable[[set[str]], bool] | None = None) -> None:
    """Strided, transposed and reversed inputs give the bits of contiguous ones.

    `within(names of the launched ops)` says that the order of a sum may differ: then within the case's tolerance.
    """
    wanted = differentiable(case)
    for dtype in kinds(case):
        arrays = arrays_for(case, dtype)
        if not any(a.size > 1 for a in arrays):
            continue
        with Recording() as recording:
            outs, grads, _ = evaluate(case, arrays, wanted)
        loose = within is not None and within({c.op.name for c in recording.calls})
        for layout in LAYOUTS:
            other, other_grads, _ = evaluate(case, arrays, wanted, layout)
            if loose:
                for a, b in zip((*other, *other_grads), (*outs, *grads)):
                    if a is not None:
                        assert_close(a, host(b), 2 * case.rtol, 2 * case.atol, f"{dtype}, {layout} inputs", a.dtype)
            else:
                found, expected = [[one_nan(t) for t in ts] for ts in ((*other, *other_grads), (*outs, *grads))]
                assert_same_bits(found, expected, f"{dtype}, {layout} inputs")


def check_replay(case: Case, mode: str = "replay", calls: int = 5) -> None:
    """Value and gradient as one recorded step, on new data each time, equal the eager ones bit for bit."""
    wanted = differentiable(case)
    for dtype in kinds(case):
        weights: list[Tensor] = []

        def step(*tensors: Tensor) -> Any:
            count = len(tensors) - len(weights)  # noqa: B023
            leaves = [wrap(t.array, t.storage) for t in tensors[:count]]
            for i in wanted:
                leaves[i].edge = (Leaf(leaves[i].shape, leaves[i].dtype), 0)
            outs = tensors_in(case.function(*leaves))
            return [t.detach() for t in outs], gradients_of(outs, [leaves[i] for i in wanted], tensors[count:])

        outs = tensors_in(case.function(*tensors_for(arrays_for(case, dtype), ())))
        weights.extend(Tensor(w) for w in random_weights(outs))
        runner = StepRunner(step, mode, strict=True, name=case.name)
        for n in range(calls):
            eager, replayed = tensors_for(arrays_for(case, dtype, n), ()), tensors_for(arrays_for(case, dtype, n), ())
            a, ga = step(*eager, *weights)
            b, gb = runner([*replayed, *weights])
            assert_same_bits((*b, *gb), (*a, *ga), f"{dtype}, call {n}, {mode}")
            assert_same_bits(replayed, eager, f"{dtype}, call {n}, {mode}: the inputs afterwards")
        assert runner.replayed >= calls - 2, f"only {runner.replayed} of {calls} calls were replayed"


def check_launches(case: Case, off: dict[str, float] | None = None) -> Inspection:
    """Every kernel that the case launches, forward and backward, in guarded memory; see `inspected_launches`."""
    wanted = differentiable(case)
    with inspected_launches(off) as inspection:
        for dtype in kinds(case):
            evaluate(case, arrays_for(case, dtype), wanted)
    return inspection


def check_errors(case: Case) -> None:
    """Wrong calls are refused by the right class of error, in the right words."""
    for call, kind, words in case.errors:
        try:
            call()
        except kind as error:
            assert words in str(error), f"{case.name}: {words!r} is not in the message: {error}"
        else:
            raise AssertionError(f"{case.name}: {kind.__name__} with {words!r} was expected, and nothing was raised")


def check_case(case: Case) -> None:
    """Everything that the engine promises of an op, on one case. Raises AssertionError with what is wrong."""
    check_value(case)
    check_gradient(case)
    check_twice(case)
    check_layout(case, within=lambda names: True)  # NumPy's transcendental functions round by layout, so the bits are not promised
    check_launches(case)
    check_replay(case)
    check_replay(case, "poisoned")
    check_errors(case)


def check_op(function: Callable[..., Any], inputs: Sequence[Any], oracle: Callable[..., Any], **options: Any) -> None:
    """Check an op of your own: `check_case` of ``function(*inputs)`` against ``oracle(*inputs)``; options as in `Case`.

    >>> import gpudl
    >>> check_op(lambda x: x * x, [np.linspace(-2.0, 2.0, 17)], lambda x: x * x)
    """
    name = options.pop("name", getattr(function, "__name__", "op"))
    check_case(Case(name, function, lambda rng: inputs, oracle, **options))


def ops_on_tape(outs: Iterable[Tensor]) -> set[str]:
    """Names of the ops, views included, that tensors were computed by."""
    stack = [t.edge[0] for t in outs if t.edge is not None and isinstance(t.edge[0], Node)]
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(e[0] for e in node.edges if e is not None and isinstance(e[0], Node))
    return {node.op.name for node in seen}


__all__ = [
    "Case", "assert_close", "assert_same_bits", "check_case", "check_errors", "check_gradient", "check_grads", "check_launches",
    "check_layout", "check_op", "check_replay", "check_twice", "check_value", "inspected_launches", "use_kernels",
]  # fmt: skip

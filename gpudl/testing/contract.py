"""Try everything that the engine promises of an op, on one case: `check_case`, `check_op`, and each promise by itself."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import dtypes
from ..plan import Recording
from ..replay import StepRunner
from ..tensors import Leaf, Tensor, wrap
from ..variables import Variable, pack
from .compare import assert_close, assert_same_bits, host, one_nan
from .differences import LAYOUTS, check_grads, gradients_of, random_weights, tensors_for, tensors_in
from .kernels import Inspection, inspected_launches

FLOATS = ("float32", "float64", "float16", "bfloat16")


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

    >>> import gpudl
    >>> case = Case("square/plain", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x * x)
    >>> case.differentiable is None, case.twice
    (True, True)
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
    """Every output against the oracle, in every dtype; the call again gives the same bits; inputs that no op updates stay as they are.

    >>> import gpudl
    >>> wrong = Case("square/wrong", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x + x)
    >>> try:
    ...     check_value(wrong)
    ... except AssertionError as error:
    ...     print("found")
    found
    """
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
    """The gradient against central differences in float64, in other dtypes against float64's; the same inside a parameter arena.

    >>> import gpudl
    >>> case = Case("square/plain", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x * x)
    >>> check_gradient(case)
    """
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
        leaf.home.storage.backend.write(leaf.home.array, np.full(leaf.shape, 123, leaf.dtype))
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
    """The gradient of the gradient: right where the case says that there is one; else refused, naming the op, before any work.

    >>> import gpudl
    >>> case = Case("square/plain", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x * x)
    >>> check_twice(case)
    """
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

    >>> import gpudl
    >>> case = Case("square/plain", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x * x)
    >>> check_layout(case)
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
    """Value and gradient as one recorded step, on new data each time, equal the eager ones bit for bit.

    >>> import gpudl
    >>> case = Case("square/plain", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x * x)
    >>> check_replay(case)
    """
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
    """Every kernel that the case launches, forward and backward, in guarded memory; see `inspected_launches`.

    >>> import gpudl
    >>> case = Case("square/plain", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x * x)
    >>> inspection = check_launches(case)
    """
    wanted = differentiable(case)
    with inspected_launches(off) as inspection:
        for dtype in kinds(case):
            evaluate(case, arrays_for(case, dtype), wanted)
    return inspection


def check_errors(case: Case) -> None:
    """Wrong calls are refused by the right class of error, in the right words.

    >>> import gpudl
    >>> case = Case("add", lambda x: x + x, lambda rng: [rng.normal(size=2)], lambda x: x + x,
    ...             errors=((lambda: gpudl.ones(2) + gpudl.ones(3), ValueError, "broadcast"),))
    >>> check_errors(case)
    """
    for call, kind, words in case.errors:
        try:
            call()
        except kind as error:
            assert words in str(error), f"{case.name}: {words!r} is not in the message: {error}"
        else:
            raise AssertionError(f"{case.name}: {kind.__name__} with {words!r} was expected, and nothing was raised")


def check_case(case: Case) -> None:
    """Everything that the engine promises of an op, on one case. Raises AssertionError with what is wrong.

    >>> import gpudl
    >>> case = Case("square/plain", lambda x: x * x, lambda rng: [rng.normal(size=5)], lambda x: x * x)
    >>> check_case(case)
    """
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

"""Run a step eagerly, record it, replay it: `StepRunner` for the training loop, `capture` for your own functions."""

from __future__ import annotations

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any, NamedTuple

import numpy as np

from . import backends, config, env, op
from .errors import CaptureError
from .plan import Plan, Recording, Workspace
from .tensors import Storage, Tensor, empty, mode, wrap
from .variables import Variable

PATIENCE = 4  # different recordings of one key before it stays eager
PLANS = 8  # kept per runner, least recently used dropped
LAYOUTS = 64  # kept per captured function: kinds of arguments, each with its runner

os.register_at_fork(after_in_child=config.bump)  # plans are dropped in a forked child


class Attempt(NamedTuple):
    """A key on its way to a plan: how many calls were recorded, and the last usable recording."""

    number: int = 0
    recording: Recording | None = None


class StepRunner:
    """Calls ``function(*inputs, *constants)``, an ordinary eager step, and replays it once it is known.

    Per key (shapes, dtypes and device of the inputs, constants): the first call is eager and may build what is built lazily; every call is
    recorded, until two in a row made the same kernel calls; from then on they are replayed. A step that cannot be recorded stays eager,
    with one warning why, or a CaptureError if `strict`.

    `mode` is "replay", "eager" or "poisoned" (replay in which temporaries turn to NaN at the end of their planned life).
    """

    def __init__(
        self,
        function: Callable[..., Any],
        mode: str = "replay",
        workspace: Workspace | None = None,
        lock: threading.RLock | None = None,
        strict: bool = False,
        name: str = "this step",
    ) -> None:
        self.function, self.strict, self.name = function, strict, name
        self.mode = mode if env.CAPTURE.read() and not op.finite else "eager"
        self.known: OrderedDict[Any, Attempt | Plan | None] = OrderedDict()  # None: stays eager
        self.described: tuple[Any, Any] = ((), ())  # the last inputs, and what the key holds of them
        self.version = config.version
        self.phased: dict[Any, int] = {}  # optimizers that gather gradients over several steps, and how often a step uses each
        self.replayed = self.eager = 0
        self.doubted: set[Any] = set()
        self.workspace = workspace or Workspace()
        self.lock = lock or threading.RLock()

    def __call__(self, inputs: Sequence[Tensor], constants: tuple[Any, ...] = (), times: int = 1) -> Any:
        """Run the step `times` times; returns the result of the last one, in tensors of its own, off the tape."""
        with self.lock:
            return self._call(inputs, constants, times)

    def _call(self, inputs: Sequence[Tensor], constants: tuple[Any, ...], times: int) -> Any:
        if self.mode == "eager" or mode.recorder is not None:  # a captured step inside a recorded one is part of that one
            return self._eagerly(inputs, constants, times)
        if self.version != config.version:
            self._forget()
        result = None
        while times:
            key = self._key(inputs, constants)
            known = self.known.get(key, Attempt())
            if known is None:
                return self._eagerly(inputs, constants, times)
            if isinstance(known, Plan):
                self.known.move_to_end(key)
                if key not in self.doubted and known.fits_gradients():
                    result, done = self._replay(known, inputs, times)
                    times -= done
                    continue
                agreed = key in self.doubted
                self.doubted.discard(key)
                if not agreed:  # other gradients are there than when the plan was made
                    return self._eagerly(inputs, constants, times)
                result = self._advance(key, Attempt(1, known.recording), inputs, constants, known)
            else:
                result = self._advance(key, known, inputs, constants)
            times -= 1
        return result

    def _key(self, inputs: Sequence[Tensor], constants: tuple[Any, ...]) -> Any:
        described, look = self.described
        if inputs is not described or type(inputs) is not tuple:  # tensors keep their shape: the same tuple looks the same
            look = self._look(inputs)
            self.described = inputs, look
        phases = tuple([optimizer.phase(uses) for optimizer, uses in self.phased.items()]) if self.phased else ()
        return (constants, mode.grad, backends.default_device(), look, phases)

    def _look(self, inputs: Sequence[Tensor]) -> Any:
        storages = [t.storage for t in inputs]
        distinct = len({id(s) for s in storages})
        same = () if distinct == len(storages) else tuple([storages.index(s) for s in storages])
        return (same, *[(t.array.shape, t.array.dtype, t.storage.backend) for t in inputs])

    def doubt(self) -> None:
        """Code that is not ours has run: the next step of every key is made eagerly, and its plan must agree with it."""
        self.doubted = {key for key, known in self.known.items() if isinstance(known, Plan)}

    def release(self) -> None:
        """Let go of the last inputs; what was recorded stays."""
        self.described = ((), ())
        with self.lock:
            for plan in self.plans():
                plan.release()

    def plans(self) -> list[Plan]:
        return [known for known in self.known.values() if isinstance(known, Plan)]

    def _forget(self) -> None:
        self.known.clear()
        self.doubted.clear()
        self.version = config.version

    def _eagerly(self, inputs: Sequence[Tensor], constants: tuple[Any, ...], times: int) -> Any:
        self.eager += times
        result, before = None, mode.touched
        for _ in range(times):
            result = self.function(*inputs, *constants)
        self.version += mode.touched - before
        return map_tensors(result, own_copy if mode.recorder is None else lambda t: t.detach())

    def _replay(self, plan: Plan, inputs: Sequence[Tensor], times: int) -> tuple[Any, int]:
        """Run a plan up to `times` times; also returns how often, which is less where steps of another kind come next."""
        plan.bind(inputs)
        run, tables = plan.run_poisoned if self.mode == "poisoned" else plan.run, plan.recording.tables
        done = 0
        while tables and done < times:
            ready = min([optimizer.prepare(times - done, uses) for optimizer, uses in tables.items()])
            for optimizer, uses in tables.items():
                optimizer.took(ready, uses)
            run(ready)
            done += ready
            if self.phased:
                break
        if not tables:
            run(times)
            done = times
        self.replayed += done
        result, shared = plan.results
        if not shared:
            return map_tensors(result, own_copy), done
        return map_tensors(result, lambda t: own_copy(t, inputs[shared[t.storage]] if t.storage in shared else None)), done

    def _advance(self, key: Any, attempt: Attempt, inputs: Sequence[Tensor], constants: tuple[Any, ...], plan: Plan | None = None) -> Any:
        """One more eager step, recorded. What is known of the key now is an attempt, a plan, or None if there will never be one."""
        self.eager += 1
        before, number, touched = attempt.recording, attempt.number + 1, mode.touched
        with Recording(inputs) as recording:
            result = self.function(*inputs, *constants)
        result = map_tensors(result, lambda t: t.detach())
        recording.settle()
        self.phased.update({o: uses for o, uses in recording.tables.items() if o.gradient_accumulation_steps})
        self.version += mode.touched - touched  # what the step itself set does not count as a change
        why = recording.refusal if number > 1 else None
        difference = None if before is None else before.difference(recording)
        if why is None and number > 1 and before is not None and difference is None:
            if plan is None or not same_places(plan.recording, recording):
                plan = Plan(recording, inputs, self.workspace)
                given = {t.storage: n for n, t in reversed(list(enumerate(inputs)))}
                plan.results = result, {t.storage: given[t.storage] for t in all_tensors(result) if t.storage in given}
            self.known[key] = plan
            self._drop_oldest()
        elif why is None and number < PATIENCE:
            self.known[key] = Attempt(number, None if recording.refusal else recording)
        else:
            self.known[key] = None
            self._stays_eager(why or f"its kernel calls differ from step to step: {difference}")
        return map_tensors(result, own_copy)

    def _drop_oldest(self) -> None:
        plans = [key for key, known in self.known.items() if isinstance(known, Plan)]
        for key in plans[: max(0, len(plans) - PLANS)]:
            del self.known[key]

    def _stays_eager(self, why: str) -> None:
        message = f"{self.name} stays eager, which is slower: {why}"
        if self.strict:
            raise CaptureError(message)
        warnings.warn(message, RuntimeWarning, stacklevel=6)


def same_places(a: Recording, b: Recording) -> bool:
    """Whether results of two equal recordings lie at the same addresses, so that a plan for one serves both."""
    return all(x.root is y.root for x, y in zip(a.slots, b.slots) if x.input is None)


def own_copy(t: Tensor, source: Tensor | None = None) -> Tensor:
    """A tensor with memory of its own, off the tape: what the user receives from a replayed step.

    A result that is a view of an input is looked up in `source`, the input of today.
    """
    backend, array = t.storage.backend, t.array
    if source is not None and source.storage is not t.storage:
        offset = backend.address(array) - backend.address(t.storage.root) if array.size else 0
        array = backend.view(backend.flat_bytes(source.storage.root), offset, array.shape, array.strides, array.dtype)
    out = empty(t.shape, t.dtype, backend)
    with backend.guard():
        out.array[...] = array
    return out


def all_tensors(tree: Any) -> list[Tensor]:
    """The tensors of a tree, in order."""
    found: list[Tensor] = []
    map_tensors(tree, lambda t: found.append(t))
    return found


def map_tensors(tree: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same lists, tuples and dicts with every Tensor changed."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {k: map_tensors(v, change) for k, v in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[map_tensors(v, change) for v in tree])
    if isinstance(tree, (list, tuple)):
        return type(tree)(map_tensors(v, change) for v in tree)
    return tree


class capture:  # a decorator, used like a function
    """Record a function of tensors and replay it: the speed of `fit` for your own loops.

    The function may build anything out of gpudl ops, call `backward()` and `optimizer.apply(...)`. From the third call with inputs of the
    same shapes and dtypes on, the recorded kernel calls run without the Python code of the function. Results are returned off the tape, in
    memory of their own; arguments that are not tensors or arrays must be hashable and are constants of a recording. Variables, and tensors
    that require a gradient, are known by identity: the recording belongs to this one.

    Refused, with the line at fault: reading a tensor on the host (`float`, `print`, `.numpy()`), making tensors from host data, setting
    attributes of a built layer or optimizer. Such a function runs eagerly, with one warning, or raises CaptureError if `strict`.
    Not noticed: prints, and Python values that are no arguments and change between calls.

    Args:
        function: called as ``function(*tensors, **constants)``.
        strict: raise CaptureError instead of running eagerly.

    >>> import gpudl
    >>> w = gpudl.Variable([1.0, 2.0])
    >>> @gpudl.capture
    ... def step(x):
    ...     loss = ((w * x) ** 2).sum()
    ...     return loss
    >>> [float(step(gpudl.ones(2))) for _ in range(4)]
    [5.0, 5.0, 5.0, 5.0]
    """

    def __init__(self, function: Callable[..., Any], strict: bool = False) -> None:
        self.__wrapped__ = function
        self.__doc__ = function.__doc__ or type(self).__doc__
        self.__name__ = getattr(function, "__name__", "function")
        self._layouts: OrderedDict[Any, StepRunner] = OrderedDict()
        self._strict = strict
        self._workspace = Workspace()
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        names = tuple(kwargs)
        values = (*args, *kwargs.values())
        inputs: list[Tensor] = []
        layout: list[Any] = []
        for value in values:
            if isinstance(value, np.ndarray):
                value = Tensor(value)
            if isinstance(value, Tensor) and not value.is_leaf:
                raise CaptureError(
                    f"{self.__name__}: an argument of shape {value.shape} was computed on the tape, which a captured function cannot "
                    "continue. Pass argument.detach(), or compute it inside"
                )
            if isinstance(value, Tensor) and value.edge is None and not isinstance(value, Variable):
                layout.append(Hole(len(inputs)))
                inputs.append(as_input(value))
            elif isinstance(value, Tensor):  # a parameter or state: kept where it is, and another one is another step
                layout.append(Same(value))
            else:
                layout.append(value)
        shape = (len(args), names, tuple(layout), tuple(map(type, layout)))  # 1, 1.0 and True are equal
        try:
            runner = self._layouts.get(shape)
        except TypeError:
            raise CaptureError(f"{self.__name__}: arguments must be tensors, arrays or hashable constants. Received: {values!r}") from None
        if runner is None or len(self._layouts) > LAYOUTS // 2:
            with self._lock:  # several threads may meet here
                runner = self._layouts.get(shape) or runner or self._make(len(args), names, layout)
                self._layouts[shape] = runner
                self._layouts.move_to_end(shape)
                if len(self._layouts) > LAYOUTS:
                    self._layouts.popitem(last=False)
        return runner(inputs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A captured method: the object is a constant, known by identity."""
        return self if instance is None else MethodType(self, instance)

    def _make(self, positional: int, names: tuple[str, ...], layout: list[Any]) -> StepRunner:
        function = self.__wrapped__

        def step(*inputs: Tensor) -> Any:
            values = [inputs[v.number] if isinstance(v, Hole) else v.tensor if isinstance(v, Same) else v for v in layout]
            return function(*values[:positional], **dict(zip(names, values[positional:])))

        name = f"the captured function {self.__name__!r}"
        return StepRunner(step, workspace=self._workspace, lock=self._lock, strict=self._strict, name=name)

    @property
    def replayed(self) -> int:
        """How many calls were replayed."""
        return sum(r.replayed for r in self._layouts.values())

    @property
    def plans(self) -> list[Plan]:
        """What is replayed; `plan.describe()` prints it."""
        return [p for r in self._layouts.values() for p in r.plans()]


class Hole(NamedTuple):
    """The place of an input among the arguments."""

    number: int


class Same:
    """A tensor known by identity."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __hash__(self) -> int:
        return id(self.tensor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.tensor is self.tensor


def as_input(t: Tensor) -> Tensor:
    """A tensor that can be exchanged for another: one that owns its memory whole. Views are copied."""
    if t.array is t.storage.root and t.storage.parent is None and type(t) is Tensor:
        return t
    array = t.storage.backend.empty(t.shape, t.dtype)
    with t.storage.backend.guard():
        array[...] = t.array
    return wrap(array, Storage(array, t.storage.backend))

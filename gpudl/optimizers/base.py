"""Update parameters from their gradients: the base class of optimizers.

Parameters lie back to back in arenas, and so do gradients and slots (momenta, averages): neighbours that have a gradient share one launch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from .. import ops, renames
from ..autograd import no_grad
from ..errors import DTypeError, ShapeError, did_you_mean
from ..named import snake_case
from ..ops._common import as_tensor, cast
from ..tensors import Leaf, Tensor, TensorLike, mode
from ..variables import Arena, Pack, Variable, move, over, pack
from ..versioned import Versioned, touched
from . import schedules
from .schedules import LearningRateSchedule

TABLE = 1024  # steps whose rates a schedule computes at a time


class Counter(Variable):
    """The number of steps done; it counts how often it was set from outside."""

    __slots__ = ("assigned",)

    def __init__(self) -> None:
        super().__init__(0, trainable=False, dtype="int64", name="iterations")
        self.assigned = 0

    def assign(self, value: TensorLike) -> None:
        super().assign(value)
        self.assigned += 1


class Optimizer(Versioned):
    """Base class: subclasses name their slots and write `update`.

    Args:
        learning_rate: a number, at least 0, or a LearningRateSchedule. A number is kept in a buffer: assigning it works at any time, also
            for recorded steps. The rates of a schedule are computed on the host, 1,024 steps at a time, and looked up on the device.
        weight_decay: before each update w = w - rate weight_decay w, apart from the gradient. Default None.
        clipnorm: shorten each variable's gradient to this Euclidean norm, if it is longer. Default None.
        clipvalue: keep each element of the gradients in [-clipvalue, clipvalue]. Default None.
        global_clipnorm: shorten all gradients together to this norm. Default None.
        name: shown in configurations. Default: the class's name.

    Raises:
        ValueError: if a number is out of range, or more than one of clipnorm, clipvalue and global_clipnorm is given.

    >>> class Halving(Optimizer):
    ...     def update(self, p, g):
    ...         p.assign(p * 0.5)
    >>> import gpudl
    >>> w = gpudl.Variable([4.0])
    >>> Halving(0.1).apply([gpudl.ops.ones(1)], [w])
    >>> w.numpy()
    array([2.], dtype=float32)
    """

    slot_names: tuple[str, ...] = ()  # one tensor of each parameter's shape, zeros at first, by these names
    _free = frozenset({"learning_rate", "name"})

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        own = type(self).__name__
        self.name = name or snake_case(own)
        self.weight_decay = None if weight_decay is None else checked_number(own, "weight_decay", weight_decay, 0.0, math.inf)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(limit is not None for limit in limits.values()) > 1:
            raise ValueError(f"[{own}] clipnorm, clipvalue and global_clipnorm exclude each other. Received: {limits}")
        for what, limit in limits.items():
            setattr(self, what, None if limit is None else checked_number(own, what, limit, 0.0, math.inf, above=True))
        rate = as_schedule(learning_rate)
        self._schedule: LearningRateSchedule | None = rate if isinstance(rate, LearningRateSchedule) else None
        self._rate = Variable(0.0, trainable=False, dtype="float64", name="learning_rate")
        self._rate.assign(checked_rate(own, self._schedule(0) if self._schedule is not None else rate))
        self.iterations = Counter()
        self._table: list[Variable] = []  # with a schedule: the rates of the next steps, and the number of the first of them
        self._left, self._seen = 0, 0
        self._excluded: tuple[list[Variable], list[str]] = ([], [])
        self._numbers: list[Variable] = []  # further state that is not a slot
        self._variables: list[Variable] = []
        self._slots: dict[Leaf, list[Variable]] = {}
        self._arenas: dict[Pack, list[Arena]] = {}
        self._built = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        renames.checked_keywords(cls)

    def __getattr__(self, name: str) -> Any:
        new = renames.attribute(type(self), name)
        if new is None:
            known = [n for n in (*self.__dict__, *dir(type(self))) if not n.startswith("_")]
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{did_you_mean(name, known)}")
        return getattr(self, new)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(renames.attribute(type(self), name) or name, value)

    # hyperparameters --------------------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Variable:
        """The step size, a float64 variable without axes; assign a number to change it from the next step on.

        With a schedule it is the rate of the next step, and only another schedule may be assigned.
        """
        if self._schedule is not None and self.iterations.assigned != self._seen:
            self._refill()
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        value = as_schedule(value)
        if isinstance(value, LearningRateSchedule):
            touched("a learning rate schedule was set during the step")
            self._schedule, self._left = value, 0
            self._refill()
            return
        if self._schedule is not None:
            raise TypeError(
                f"[{type(self).__name__}] the learning rate follows a schedule, so it cannot be set to a number. Received: {value!r}. "
                "Make the optimizer with a number as its learning_rate to be able to"
            )
        if isinstance(value, Tensor) and not value.ndim:
            self._rate.assign(cast(value, "float64"))
        else:
            self._rate.assign(checked_rate(type(self).__name__, value))

    def prepare(self, times: int = 1, uses: int = 1) -> int:
        """Make ready for steps to come: with a schedule, compute their rates. Called before every step, eager or replayed.

        Args:
            times: how many steps are to come.
            uses: how many updates each of them makes.

        Returns:
            How many of these steps may run before the next call.
        """
        if self._schedule is None:
            return times
        if self._left < uses or self.iterations.assigned != self._seen:
            self._refill()
        ready = min(times, max(1, self._left // uses))
        self._left -= ready * uses
        return ready

    def _refill(self) -> None:
        """Compute the rates of the steps from the present one on. What is written here is no part of a recorded step, but comes before."""
        assert self._schedule is not None
        recorder, mode.recorder = mode.recorder, None
        try:
            if not self._table:
                zeros = np.zeros(TABLE + 1)
                self._table = [Variable(zeros, False, "float64", name="rates"), Variable(0, False, "int64", name="first")]
            if self._table[0].device != self._rate.device:
                move(self._table, self._rate.device)
            first, own = int(self.iterations), type(self).__name__
            rates = [checked_rate(own, self._schedule(step)) for step in range(first, first + TABLE + 1)]
            values: list[tuple[Variable, Any]] = [(self._table[0], np.array(rates)), (self._table[1], first), (self._rate, rates[0])]
            for variable, value in values:
                stamp = variable.storage.stamp
                variable.assign(value)
                variable.storage.stamp = min(stamp, variable.storage.stamp)
        finally:
            mode.recorder = recorder
        self._left, self._seen = TABLE, self.iterations.assigned

    def exclude_from_weight_decay(self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None) -> None:
        """Let weight_decay pass over these variables, and over those in whose name one of these patterns is found.

        >>> optimizer = Optimizer(weight_decay=0.01)
        >>> optimizer.exclude_from_weight_decay(var_names=["bias"])
        """
        touched("weight decay was changed during the step")
        self._excluded = (list(var_list or []), list(var_names or []))

    def _decays(self, v: Variable) -> bool:
        excluded, patterns = self._excluded
        return self.weight_decay is not None and not (any(v is e for e in excluded) or any(re.search(p, v.name) for p in patterns))

    # slots ------------------------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """What changes as training goes on: iterations, learning rate, then the slots, parameter by parameter."""
        return [self.iterations, self._rate, *[slot for v in self._variables for slot in self._slots[v.path_leaf]], *self._numbers]

    def build(self, variables: Iterable[Variable]) -> None:
        """Make slots for these parameters, which `apply()` will update. Slots that are there already keep their values."""
        wanted: list[Variable] = []
        for v in variables:
            if not isinstance(v, Variable):
                raise TypeError(f"[{type(self).__name__}] only a gpudl.Variable can be optimized. Received: {type(v).__name__}")
            if all(v is not w for w in wanted):
                wanted.append(v)
        pack(wanted)
        devices = {v.device for v in wanted}
        if len(devices) > 1:
            raise ValueError(f"[{type(self).__name__}] all variables must lie on one device. Received: {', '.join(sorted(devices))}")
        if devices and devices != {self._rate.device}:
            move([self._rate, self.iterations, *self._numbers], devices.pop())
        for v in wanted:
            self._place(v)
        self._variables = wanted
        for home in [h for h in self._arenas if all(v.path_leaf.pack is None or v.path_leaf.pack[0] is not h for v in h.variables)]:
            del self._arenas[home]  # its variables have moved elsewhere

    def _place(self, v: Variable) -> None:
        """Slots of one parameter, at its place in arenas of its pack's layout; values from before are taken along."""
        leaf, names = v.path_leaf, self.slot_names
        home, i = leaf.pack
        arenas = self._arenas.setdefault(home, [])
        while len(arenas) < len(names):
            arenas.append(home.params.like())
            start = self.slot_starts().get(names[len(arenas) - 1], 0.0)
            if start:
                over(arenas[-1].flat).assign(start)
        slots = self._slots.setdefault(leaf, [])
        for k, name in enumerate(names):
            place = arenas[k].view(i)
            if k < len(slots):
                if slots[k].storage.root is place.storage.root:
                    continue
                before, slot = slots[k].numpy(), slots[k]
            else:
                before = None
                first = np.full(v.shape, self.slot_starts().get(name, 0.0), v.dtype)
                slot = Variable(first, trainable=False, device=v.device, name=f"{v.name}/{name}")
                slots.append(slot)
            slot.rehouse(place.array, place.storage)
            if before is not None:
                slot.assign(before)

    def slot_starts(self) -> dict[str, float]:
        """The first values of slots that do not start at zero, by their names."""
        return {}

    def _is_placed(self, v: Variable) -> bool:
        found = self._slots.get(v.path_leaf)
        home = v.path_leaf.pack
        return found is not None and len(found) >= len(self.slot_names) and home is not None and home[0] in self._arenas

    # updates ----------------------------------------------------------------------------------------------------------------

    def apply(self, grads: Sequence[TensorLike | None] | None = None, trainable_variables: Sequence[Variable] | None = None) -> None:
        """One update of every variable that has a gradient; the others, and frozen ones, stay as they are.

        Args:
            grads: one gradient or None for each variable. Default: what `backward()` gathered in their `.grad`.
            trainable_variables: default: those of `build`.

        Raises:
            ValueError: if there are no variables, or their number is not that of the gradients.
            ShapeError: if a gradient has not its variable's shape.

        >>> import gpudl
        >>> w = gpudl.Variable([1.0, 2.0])
        >>> (w * w).sum().backward()
        >>> gpudl.optimizers.SGD(0.25).apply(trainable_variables=[w])
        >>> w.numpy()
        array([0.5, 1. ], dtype=float32)
        """
        targets = self._variables if trainable_variables is None else list(trainable_variables)
        if not targets and trainable_variables is None:
            raise ValueError(f"[{type(self).__name__}] apply() knows no variables yet. Pass them, or call build(variables) first")
        given = None if grads is None else self._checked(list(grads), targets)
        if not all(self._is_placed(v) for v in targets):
            self.build([*self._variables, *targets])
        if self._schedule is not None:
            if mode.recorder is not None:
                mode.recorder.note_table(self)
            self.prepare()
        runs: list[list[Any]] = []
        constrained: list[Variable] = []
        for k, v in enumerate(targets):
            leaf = v.path_leaf
            if given is None and mode.recorder is not None:
                mode.recorder.note_leaf(leaf)
            g = leaf.grad if given is None else given[k]
            if g is None or v.edge is None:
                continue
            if v.constraint is not None:
                constrained.append(v)
            decays = self._decays(v)
            home, i = leaf.pack
            if g is not leaf.home and (leaf.home is None or g.array is not leaf.home.array):
                runs.append([None, v, g, decays])
            elif runs and runs[-1][0] is home and runs[-1][2] == i and runs[-1][3] == decays:
                runs[-1][2] = i + 1
            else:
                runs.append([home, i, i + 1, decays])
        with no_grad():
            self._move(runs)
            for v in constrained:
                v.assign(v.constraint(v))
            ops.advance_(self.iterations, 1)
            if self._schedule is not None:
                ops.pick_rate_(self._rate, self._table[0], self.iterations, self._table[1])

    def _move(self, runs: list[list[Any]]) -> None:
        """Clip, decay, update: run by run of neighbours."""
        self.begin()
        moves: list[tuple[Variable, Tensor, Sequence[Variable], bool]] = []
        bounds: list[list[int]] = []
        for home, first, last, decays in runs:
            if home is None:  # a gradient from elsewhere: this variable alone
                moves.append((first, last, self._slots[first.path_leaf], decays))
                bounds.append([0, last.size])
            else:
                p, g, *places = [arena.run(first, last) for arena in (home.params, home.grads, *self._arenas[home])]
                moves.append((over(p), g, [over(place) for place in places], decays))
                if self.clipnorm is not None:
                    starts = [start - home.params.offsets[first] for start in home.params.offsets[first:last]]
                    sizes = [math.prod(shape) for shape in home.params.shapes[first:last]]
                    bounds.append([n for start, size in zip(starts, sizes) for n in (start, start + size)])
        grads = [g for _, g, _, _ in moves]
        if self.clipnorm is not None:
            grads = [ops.clip_norms(g, self.clipnorm, *ends) for g, ends in zip(grads, bounds)]
        elif self.clipvalue is not None:
            grads = [ops.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        elif self.global_clipnorm is not None and grads:
            grads = clip_by_global_norm(grads, self.global_clipnorm)
        for p, _, _, decays in moves:
            if decays and self.weight_decay is not None:
                ops.decay_(p, self._rate, self.weight_decay)
        for (p, _, slots, _), g in zip(moves, grads):
            self.update(p, g, *slots)

    def begin(self) -> None:
        """Once a step, before the updates: move state that all variables share."""

    def update(self, p: Variable, g: Tensor, *slots: Variable) -> None:
        """Move parameters along their gradients g: assign p and the slots, which are in the order of `slot_names`.

        All have one shape: that of one parameter, or flat, for several that lie side by side. So only elementwise updates make sense.
        """
        raise NotImplementedError(f"[{type(self).__name__}] write update(p, g, *slots)")

    def apply_gradients(self, grads_and_vars: Iterable[tuple[TensorLike | None, Variable]]) -> None:
        """`apply` for pairs of gradient and variable."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def zero_grad(self) -> None:
        """Forget the gradients of the variables of `build`, before the next `backward()`."""
        for v in self._variables:
            v.path_leaf.clear()

    def _checked(self, grads: list[TensorLike | None], targets: Sequence[Variable]) -> list[Tensor | None]:
        name = type(self).__name__
        if any(isinstance(g, Variable) for g in grads):
            raise TypeError(f"[{name}] the first argument of apply() are gradients, the second variables; they seem to be swapped")
        if len(grads) != len(targets):
            raise ValueError(f"[{name}] there must be one gradient per variable. Received: {len(grads)} for {len(targets)} variables")
        found: list[Tensor | None] = []
        for g, v in zip(grads, targets):
            if g is None:
                found.append(None)
                continue
            g = cast(as_tensor(g, v), v.dtype)
            if g.shape != v.shape:
                raise ShapeError(f"[{name}] the gradient of variable {v.name!r} must have its shape {v.shape}. Received: shape {g.shape}")
            found.append(g)
        return found

    # configuration ----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal optimizer from, without slots."""
        rate = float(self._rate) if self._schedule is None else schedules.serialize(self._schedule)
        options = {name: getattr(self, name) for name in ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")}
        return {"name": self.name, "learning_rate": rate, **{k: v for k, v in options.items() if v is not None}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        return cls(**config)

    def __reduce__(self) -> Any:  # copies start with slots of their own, for other variables
        return _restore, (type(self), self.get_config(), int(self.iterations))


renames.checked_keywords(Optimizer)


def _restore(cls: type[Optimizer], config: dict[str, Any], iterations: int) -> Optimizer:
    made = cls.from_config(config)
    made.iterations.assign(iterations)
    return made


def clip_by_global_norm(grads: Sequence[Tensor], limit: float) -> list[Tensor]:
    """All gradients times one factor, so that their norm together is at most `limit`. A norm that is not finite makes NaN, as in Keras."""
    total = ops.sum(ops.square(grads[0]))
    for g in grads[1:]:
        total = total + cast(ops.sum(ops.square(g)), total.dtype)
    norm = ops.sqrt(total)
    factor = ops.minimum(1.0 / norm, 1.0 / limit) * limit + (norm - norm)
    return [g * cast(factor, g.dtype) for g in grads]


def as_schedule(value: Any) -> Any:
    """A schedule from its configuration; everything else stays as it is."""
    return schedules.deserialize(value) if isinstance(value, dict) else value


def checked_rate(name: str, value: Any) -> float:
    if isinstance(value, Tensor) and not value.ndim:
        value = float(value)
    if callable(value) and not isinstance(value, Tensor):
        raise TypeError(f"[{name}] learning_rate must be a number or one of gpudl.optimizers.schedules. Received: {value!r}")
    return checked_number(name, "learning_rate", value, 0.0, math.inf)


def checked_number(name: str, what: str, value: Any, low: float, high: float, below: bool = False, above: bool = False) -> float:
    """value as a float, in [low, high], or (low, ... if above, ..., high) if below."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        hint = ""
        if isinstance(value, str):
            with suppress(ValueError):
                hint = f". Write {what}={float(value)}"
        raise DTypeError(f"[{name}] {what} must be a number. Received: {what}={value!r}{hint}")
    number = float(value)
    if not (low <= number <= high) or (below and number == high) or (above and number == low) or math.isinf(number):
        left, right = "(" if above else "[", ")" if below or math.isinf(high) else "]"
        raise ValueError(f"[{name}] {what} must lie in {left}{low:g}, {high:g}{right}. Received: {what}={value!r}")
    return number

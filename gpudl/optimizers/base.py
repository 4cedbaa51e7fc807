"""Update parameters from their gradients: the base class of optimizers.

Parameters lie back to back in arenas, and so do gradients and slots (momenta, averages): neighbours that have a gradient share one launch.
"""

from __future__ import annotations

import math
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
from ..versioned import Versioned


class Optimizer(Versioned):
    """Base class: subclasses name their slots and write `update`.

    Args:
        learning_rate: a number, at least 0. It is kept in a buffer: assigning it works at any time, also for recorded steps.
        name: shown in configurations. Default: the class's name.

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

    def __init__(self, learning_rate: float = 0.001, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self._rate = Variable(checked_rate(type(self).__name__, learning_rate), trainable=False, dtype="float64", name="learning_rate")
        self.iterations = Variable(0, trainable=False, dtype="int64", name="iterations")
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
        """The step size, a float64 variable without axes; assign a number to change it from the next step on."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: TensorLike) -> None:
        if isinstance(value, Tensor) and not value.ndim:
            self._rate.assign(cast(value, "float64"))
        else:
            self._rate.assign(checked_rate(type(self).__name__, value))

    # slots ------------------------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """What changes as training goes on: iterations, learning rate, then the slots, parameter by parameter."""
        return [self.iterations, self._rate, *[slot for v in self._variables for slot in self._slots[v.path_leaf]]]

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
            move([self._rate, self.iterations], devices.pop())
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
        slots = self._slots.setdefault(leaf, [])
        for k, name in enumerate(names):
            place = arenas[k].view(i)
            if k < len(slots):
                if slots[k].storage.root is place.storage.root:
                    continue
                before, slot = slots[k].numpy(), slots[k]
            else:
                before, slot = None, Variable(np.zeros(v.shape, v.dtype), trainable=False, device=v.device, name=f"{v.name}/{name}")
                slots.append(slot)
            slot.rehouse(place.array, place.storage)
            if before is not None:
                slot.assign(before)

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
        runs: list[list[Any]] = []
        for k, v in enumerate(targets):
            leaf = v.path_leaf
            if given is None and mode.recorder is not None:
                mode.recorder.note_leaf(leaf)
            g = leaf.grad if given is None else given[k]
            if g is None or v.edge is None:
                continue
            home, i = leaf.pack
            if g is not leaf.home and (leaf.home is None or g.array is not leaf.home.array):
                runs.append([None, v, g])
            elif runs and runs[-1][0] is home and runs[-1][2] == i:
                runs[-1][2] = i + 1
            else:
                runs.append([home, i, i + 1])
        with no_grad():
            for home, first, last in runs:
                if home is None:  # a gradient from elsewhere: this variable alone
                    self.update(first, last, *self._slots[first.path_leaf])
                else:
                    p, g, *slots = [arena.run(first, last) for arena in (home.params, home.grads, *self._arenas[home])]
                    self.update(over(p), g, *map(over, slots))
            ops.advance_(self.iterations, 1)

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
        return {"name": self.name, "learning_rate": float(self._rate)}

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


def checked_rate(name: str, value: Any) -> float:
    if callable(value) and not isinstance(value, Tensor):
        raise TypeError(f"[{name}] learning_rate must be a number: schedules are not supported yet. Received: {value!r}")
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

"""Update parameters from their gradients: the base class of optimizers.

Parameters lie back to back in arenas, and so do gradients and slots (momenta, averages): neighbours that have a gradient share one launch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from .. import dtypes, ops, renames
from ..autograd import no_grad
from ..errors import ShapeError, missing_in_object
from ..named import snake_case
from ..ops._common import as_tensor, cast
from ..tensors import Tensor, TensorLike, mode
from ..variables import Variable, over
from ..versioned import touched
from . import schedules
from .clipping import Before, norm_factor
from .options import OPTIONS, as_schedule, checked_count, checked_number, checked_rate
from .rates import Counter
from .schedules import LearningRateSchedule
from .slots import Slots


class Optimizer(Slots):
    """Base class: subclasses name their slots and write `update`.

    Args:
        learning_rate: a number, at least 0, or a LearningRateSchedule. A number is kept in a buffer: assigning it works at any time, also
            for recorded steps. The rates of a schedule are computed on the host, 1,024 steps at a time, and looked up on the device.
        weight_decay: before each update w = w - rate weight_decay w, apart from the gradient. Default None.
        clipnorm: shorten each variable's gradient to this Euclidean norm, if it is longer. Default None.
        clipvalue: keep each element of the gradients in [-clipvalue, clipvalue]. Default None.
        global_clipnorm: shorten all gradients together to this norm. Default None.
        use_ema: keep an average of the parameters as they change: average = ema_momentum average + (1 - ema_momentum) w after each step.
            At the end of `fit` it takes their place. Default False.
        ema_momentum: in [0, 1]. Default 0.99.
        ema_overwrite_frequency: every so many steps the average takes the parameters' place. Default None: only at the end.
        loss_scale_factor: multiplies the loss before, and divides the gradients after `backward()`. Default None.
        gradient_accumulation_steps: update in every so many-th step only, with the mean of the gradients since; at least 2. Default None.
        name: shown in configurations. Default: the class's name in lower case.

    Raises:
        ValueError, TypeError: if a number is out of range, or more than one of clipnorm, clipvalue and global_clipnorm is given.

    >>> class Halving(Optimizer):
    ...     def update(self, p, g):
    ...         p.assign(p * 0.5)
    >>> import gpudl
    >>> w = gpudl.Variable([4.0])
    >>> Halving(0.1).apply([gpudl.ops.ones(1)], [w])
    >>> w.numpy()
    array([2.], dtype=float32)
    """

    fields: ClassVar[tuple[str, ...]] = ()  # arguments of a subclass's own that its configuration holds, attributes too
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    ema_overwrite_frequency: int | None
    elementwise = True  # whether parameters side by side may be updated as one
    _free = frozenset({"learning_rate", "name"})

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        own = type(self).__name__
        self.name = name or snake_case(own)
        self.weight_decay = None if weight_decay is None else checked_number(own, "weight_decay", weight_decay)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(limit is not None for limit in limits.values()) > 1:
            raise ValueError(f"[{own}] clipnorm, clipvalue and global_clipnorm exclude each other. Received: {limits}")
        for what, limit in limits.items():
            setattr(self, what, None if limit is None else checked_number(own, what, limit, above=True))
        self.use_ema, self.ema_momentum = bool(use_ema), checked_number(own, "ema_momentum", ema_momentum, high=1.0)
        counts = {"ema_overwrite_frequency": (ema_overwrite_frequency, 1), "gradient_accumulation_steps": (gradient_accumulation_steps, 2)}
        for what, (count, least) in counts.items():
            setattr(self, what, None if count is None else checked_count(own, what, count, least))
        factor = loss_scale_factor
        self.loss_scale_factor = None if factor is None else checked_number(own, "loss_scale_factor", factor, above=True)
        self._unscale: Tensor | None = None  # what a LossScaleOptimizer divides gradients by
        rate = as_schedule(learning_rate)
        self._schedule = rate if isinstance(rate, LearningRateSchedule) else None
        self._rate = Variable(0.0, trainable=False, dtype="float64", name="learning_rate")
        self._rate.assign(checked_rate(own, self._schedule(0) if self._schedule is not None else rate))
        self.iterations = Counter()
        self._calls = Counter("calls") if self.gradient_accumulation_steps else self.iterations  # of `apply`
        self._table = []
        self._left, self._seen, self._turn = 0, 0, 0
        self._excluded: tuple[list[Variable], list[str]] = ([], [])
        self._numbers = [self._calls] if self._calls is not self.iterations else []
        self._variables, self._slots, self._arenas = [], {}, {}
        self._built = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        renames.checked_keywords(cls)

    def __getattr__(self, name: str) -> Any:
        new = renames.attribute(type(self), name)
        if new is None:
            return missing_in_object(self, name)
        return getattr(self, new)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._built and name in ("use_ema", "gradient_accumulation_steps"):
            raise AttributeError(
                f"[{type(self).__name__}] {name} is set when the optimizer is made: {type(self).__name__}({name}={value!r})"
            )
        super().__setattr__(renames.attribute(type(self), name) or name, value)

    # hyperparameters --------------------------------------------------------------------------------------------------------

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
        updating = True
        if self._schedule is not None or self.gradient_accumulation_steps:
            if mode.recorder is not None:
                mode.recorder.note_table(self)
            self.prepare()
            updating = not self.gradient_accumulation_steps or self.phase() == 1
            self.took()
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
            if not self.elementwise or (g is not leaf.home and (leaf.home is None or g.array is not leaf.home.array)):
                runs.append([None, v, g, decays])
            elif runs and runs[-1][0] is home and runs[-1][2] == i and runs[-1][3] == decays:
                runs[-1][2] = i + 1
            else:
                runs.append([home, i, i + 1, decays])
        with no_grad():
            self._move(runs, updating)
            if self.use_ema:
                self._average([v for v in targets if v.edge is not None])
            for v in constrained:
                v.assign(v.constraint(v))
            if updating:
                ops.advance_(self.iterations, 1)
            if self._calls is not self.iterations:
                ops.advance_(self._calls, 1)
            if self._schedule is not None:
                ops.pick_rate_(self._rate, self._table[0], self._calls, self._table[1])

    def _move(self, runs: list[list[Any]], updating: bool) -> None:
        """Clip, decay, update: run by run of neighbours. Or only gather their gradients."""
        if updating:
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
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        if self._unscale is not None:
            grads = [g / cast(self._unscale, g.dtype) for g in grads]
        steps, ahead = self.gradient_accumulation_steps, len(self._all_slots) - len(self.slot_names)
        if steps:
            totals = [slots[ahead - 1] for _, _, slots, _ in moves]
            if not updating:
                for total, g in zip(totals, grads):
                    ops.accumulate_(total, g)
                return
            grads = [ops.mean_gradient_(total, g, steps) for total, g in zip(totals, grads)]
        if self.clipnorm is not None:
            grads = [ops.clip_norms(g, self.clipnorm, *ends) for g, ends in zip(grads, bounds)]
        factor = norm_factor(grads, self.global_clipnorm) if self.global_clipnorm is not None and grads else None
        update: Any = self.update
        fused = getattr(update, "fuses", False)
        for (p, _, slots, decays), g in zip(moves, grads):
            decay = self.weight_decay if decays and self.weight_decay is not None else 0.0
            own = None if factor is None else cast(factor, dtypes.float64 if g.dtype == dtypes.float64 else dtypes.float32)
            before = Before(own, math.inf if self.clipvalue is None else self.clipvalue, decay)
            if fused and (own is not None or self.clipvalue is not None or decay):
                update(p, g, *slots[ahead:], before=before)
                continue
            if decay:
                ops.decay_(p, self._rate, decay)
            if factor is not None:
                g = g * cast(factor, g.dtype)
            if self.clipvalue is not None:
                g = ops.clip(g, -self.clipvalue, self.clipvalue)
            update(p, g, *slots[ahead:])

    def _average(self, targets: list[Variable]) -> None:
        """Move the averages of parameters, and let them take their place when it is time."""
        runs: list[list[Any]] = []
        for v in targets:
            home, i = v.path_leaf.pack
            if runs and runs[-1][0] is home and runs[-1][2] == i:
                runs[-1][2] = i + 1
            else:
                runs.append([home, i, i + 1])
        for home, first, last in runs:
            p, average = (over(arena.run(first, last)) for arena in (home.params, self._arenas[home][0]))
            ops.average_(average, p, self.iterations, self.ema_momentum)
            if self.ema_overwrite_frequency:
                ops.overwrite_(p, average, self.iterations, self.ema_overwrite_frequency)

    def average_of(self, v: Variable) -> Variable | None:
        """The slot that holds the average of a parameter, with `use_ema`; None for a parameter that this optimizer does not know."""
        return self._slots[v.path_leaf][0] if self.use_ema and v.path_leaf in self._slots else None

    def finalize_variable_values(self, var_list: Iterable[Variable] | None = None) -> None:
        """With `use_ema`, give these parameters their average. `fit` does so when it ends.

        Args:
            var_list: default: those of `build`. Frozen ones, and those that had no step yet, stay as they are.
        """
        if not self.use_ema or not int(self._calls):
            return
        for v in self._variables if var_list is None else var_list:
            average = self.average_of(v)
            if average is not None and v.edge is not None:
                v.assign(average)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss to call `backward()` on, with `loss_scale_factor` or in a LossScaleOptimizer; the loss itself without."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

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
        options = {k: getattr(self, k) for k, default in OPTIONS.items() if k != "name" and getattr(self, k) != default}
        return {"name": self.name, "learning_rate": rate, **options, **{name: getattr(self, name) for name in self.fields}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """An optimizer from what `get_config` gave."""
        return cls(**config)

    def __reduce__(self) -> Any:  # copies start with slots of their own, for other variables
        return _restore, (type(self), self.get_config(), int(self.iterations))


renames.checked_keywords(Optimizer)


def _restore(cls: type[Optimizer], config: dict[str, Any], iterations: int) -> Optimizer:
    made = cls.from_config(config)
    made.iterations.assign(iterations)
    if made._calls is not made.iterations:
        made._calls.assign(iterations * (made.gradient_accumulation_steps or 1))
    return made

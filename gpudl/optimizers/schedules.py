"""Let the learning rate follow the number of steps: `ExponentialDecay`, `CosineDecay` and others, or a class of your own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import missing_attribute
from ..named import Configured, Table, custom_object_scope


class LearningRateSchedule(Configured):
    """Base class: subclasses write `__call__(step)`, which returns the rate of that step as a number, and `get_config`.

    It is called on the host, for many steps at a time, so it must depend on nothing but the step.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    >>> Halving()(2)
    0.025
    """

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"[{type(self).__name__}] write __call__(step), which returns the learning rate of a step")


def _number(where: str, what: str, value: Any, positive: bool = False) -> float:
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__"):
        raise TypeError(f"[{where}] {what} must be a number. Received: {what}={value!r}")
    number = float(value)
    if not math.isfinite(number) or (positive and number <= 0):
        raise ValueError(f"[{where}] {what} must be {'above 0' if positive else 'finite'}. Received: {what}={value!r}")
    return value  # type: ignore[no-any-return]


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps)

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: in how many steps the rate falls by the factor decay_rate; above 0.
        decay_rate: that factor.
        staircase: round step / decay_steps down. Default False.
        name: default "ExponentialDecay".

    Raises:
        ValueError: if a number is out of range.

    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        where = type(self).__name__
        self.initial_learning_rate = _number(where, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _number(where, "decay_steps", decay_steps, positive=True)
        self.decay_rate = _number(where, "decay_rate", decay_rate)
        self.staircase, self.name = bool(staircase), name

    def _reached(self, step: Any) -> float:
        part = float(step) / self.decay_steps
        return float(math.floor(part)) if self.staircase else part

    def __call__(self, step: Any) -> float:
        return float(self.initial_learning_rate * self.decay_rate ** self._reached(step))


class InverseTimeDecay(ExponentialDecay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps); arguments as for `ExponentialDecay`.

    >>> InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5)(2)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Any) -> float:
        return float(self.initial_learning_rate / (1.0 + self.decay_rate * self._reached(step)))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and with step boundaries[0], values[1] up to and with boundaries[1], …, then the last value.

    Args:
        boundaries: rising step numbers.
        values: one more number than boundaries.
        name: default "PiecewiseConstant".

    Raises:
        ValueError: if there is not one value more than boundaries, or they do not rise.

    >>> rate = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])
    >>> [rate(step) for step in (100, 101, 201)]
    [1.0, 0.5, 0.1]
    """

    fields = ("boundaries", "values", "name")

    def __init__(self, boundaries: Any, values: Any, name: str = "PiecewiseConstant") -> None:
        where = type(self).__name__
        self.boundaries = [_number(where, f"boundaries[{i}]", b) for i, b in enumerate(boundaries)]
        self.values = [_number(where, f"values[{i}]", v) for i, v in enumerate(values)]
        self.name = name
        if len(self.values) != len(self.boundaries) + 1 or not self.boundaries:
            counts = f"{len(self.boundaries)} boundaries and {len(self.values)} values"
            raise ValueError(f"[{where}] there must be boundaries, and one value more than boundaries. Received: {counts}")
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:])):
            raise ValueError(f"[{where}] boundaries must rise. Received: {self.boundaries}")

    def __call__(self, step: Any) -> float:
        return float(self.values[sum(float(step) > b for b in self.boundaries)])


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - min(step, decay_steps) / decay_steps)^power + end

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: when the end is reached; above 0.
        end_learning_rate: default 0.0001.
        power: default 1: a straight line.
        cycle: go on beyond the end: decay_steps is multiplied by ceil(step / decay_steps). Default False.
        name: default "PolynomialDecay".

    >>> PolynomialDecay(0.5, decay_steps=10, end_learning_rate=0.25)(5)
    0.375
    """

    fields = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        where = type(self).__name__
        self.initial_learning_rate = _number(where, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _number(where, "decay_steps", decay_steps, positive=True)
        self.end_learning_rate = _number(where, "end_learning_rate", end_learning_rate)
        self.power = _number(where, "power", power)
        self.cycle, self.name = bool(cycle), name

    def __call__(self, step: Any) -> float:
        at, steps = float(step), float(self.decay_steps)
        if self.cycle:
            steps *= math.ceil(at / steps) if at else 1.0
        left = 1.0 - min(at, steps) / steps
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


class CosineDecay(LearningRateSchedule):
    """initial * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha), after a straight warm-up.

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: the length of the decay, after the warm-up; above 0.
        alpha: the rate at the end, as a fraction of the rate at the start of the decay. Default 0.
        name: default "CosineDecay".
        warmup_target: the rate at the end of the warm-up, where the decay starts. Default None: no warm-up.
        warmup_steps: the length of the warm-up. Default 0.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2016.

    >>> CosineDecay(0.5, decay_steps=10)(5)
    0.25
    """

    fields = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        where = type(self).__name__
        self.initial_learning_rate = _number(where, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _number(where, "decay_steps", decay_steps, positive=True)
        self.alpha = _number(where, "alpha", alpha)
        self.warmup_target = None if warmup_target is None else _number(where, "warmup_target", warmup_target)
        self.warmup_steps = _number(where, "warmup_steps", warmup_steps)
        self.name = name

    def __call__(self, step: Any) -> float:
        at, top = float(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if at < self.warmup_steps:
                return float(top + (self.warmup_target - top) * at / self.warmup_steps)
            at, top = at - self.warmup_steps, self.warmup_target
        wave = 0.5 * (1.0 + math.cos(math.pi * min(at, self.decay_steps) / self.decay_steps))
        return float(top * ((1.0 - self.alpha) * wave + self.alpha))


class CosineDecayRestarts(LearningRateSchedule):
    """The cosine of `CosineDecay` again and again, each time t_mul times as long and m_mul times as high.

    In restart i = 0, 1, ..., with x from 0 to 1 within it: initial * ((1 - alpha) * m_mul^i * (1 + cos(pi * x)) / 2 + alpha)

    Args:
        initial_learning_rate: the rate of step 0.
        first_decay_steps: the length of the first decay; above 0.
        t_mul: at least 1. Default 2.
        m_mul: default 1.
        alpha: the rate at the end of each decay, as a fraction of initial_learning_rate. Default 0.
        name: default "SGDRDecay".

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2016.

    >>> rate = CosineDecayRestarts(0.5, first_decay_steps=10, m_mul=0.5)
    >>> [rate(step) for step in (0, 5, 10, 20)]
    [0.5, 0.25, 0.25, 0.125]
    """

    fields = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        where = type(self).__name__
        self.initial_learning_rate = _number(where, "initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _number(where, "first_decay_steps", first_decay_steps, positive=True)
        self.t_mul, self.m_mul = _number(where, "t_mul", t_mul), _number(where, "m_mul", m_mul)
        self.alpha = _number(where, "alpha", alpha)
        self.name = name
        if t_mul < 1:
            raise ValueError(
                f"[{where}] t_mul must be at least 1: with shorter and shorter decays there is an end. Received: t_mul={t_mul!r}"
            )

    def __call__(self, step: Any) -> float:
        at, length, restarts = float(step), float(self.first_decay_steps), 0
        if self.t_mul == 1:
            restarts, at = int(at // length), at % length
        while at >= length:
            restarts, at, length = restarts + 1, at - length, length * self.t_mul
        wave = 0.5 * self.m_mul**restarts * (1.0 + math.cos(math.pi * at / length))
        return float(self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha))


_classes: list[type] = [CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay]
_table = Table("learning rate schedule", LearningRateSchedule, _classes)


def serialize(learning_rate_schedule: LearningRateSchedule) -> Any:
    """A class name and a configuration, which `deserialize` takes back.

    >>> serialize(ExponentialDecay(0.1, 100, 0.5))["class_name"]
    'ExponentialDecay'
    """
    return _table.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> LearningRateSchedule:
    """The schedule that `serialize` described; classes of your own stand in `custom_objects`, by name.

    >>> deserialize(serialize(CosineDecay(0.1, 10))).decay_steps
    10
    """
    with custom_object_scope(custom_objects):
        found = _table.get(config)
    if not isinstance(found, LearningRateSchedule):
        raise TypeError(f"[schedules] expected the configuration of a LearningRateSchedule. Received: {config!r}")
    return found


__all__ = ["CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule", "PiecewiseConstantDecay",
           "PolynomialDecay", "deserialize", "serialize"]  # fmt: skip

__getattr__ = missing_attribute(__name__, __all__)

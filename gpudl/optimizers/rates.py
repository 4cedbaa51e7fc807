"""Keep count of an optimizer's steps, and its learning rate: a number in a buffer, or a schedule's rates, computed ahead on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops._common import cast
from ..tensors import Tensor, TensorLike, mode
from ..variables import Variable, move
from ..versioned import Versioned, touched
from .options import as_schedule, checked_rate
from .schedules import LearningRateSchedule

TABLE = 1024  # steps whose rates a schedule computes at a time


class Counter(Variable):
    """The number of steps done; it counts how often it was set from outside."""

    __slots__ = ("assigned",)

    def __init__(self, name: str = "iterations") -> None:
        super().__init__(0, trainable=False, dtype="int64", name=name)
        self.assigned = 0

    def assign(self, value: TensorLike) -> None:
        super().assign(value)
        self.assigned += 1


class Rates(Versioned):
    """What the base class of optimizers knows of steps to come: which rate they have, and whether they update or gather gradients."""

    gradient_accumulation_steps: int | None
    iterations: Counter
    _calls: Counter  # of `apply`: with gradient accumulation more than there were updates
    _rate: Variable
    _schedule: LearningRateSchedule | None
    _table: list[Variable]  # with a schedule: the rates of the next steps, and the number of the first of them
    _left: int  # of these, those not used yet
    _seen: int  # how often `_calls` had been set from outside when they were computed
    _turn: int  # gradients gathered for the next update

    @property
    def learning_rate(self) -> Variable:
        """The step size, a float64 variable without axes; assign a number to change it from the next step on.

        With a schedule it is the rate of the next step, and only another schedule may be assigned.
        """
        if self._schedule is not None and self._calls.assigned != self._seen:
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
        if self._schedule is None and not self.gradient_accumulation_steps:
            return times
        if self._calls.assigned != self._seen or (self._schedule is not None and self._left < uses):
            self._refill()
        ready = times if self._schedule is None else min(times, max(1, self._left // uses))
        if self.gradient_accumulation_steps:
            gathering = self.gradient_accumulation_steps - 1 - self._turn
            ready = min(ready, gathering if gathering and uses == 1 else 1)
        return ready

    def took(self, times: int = 1, uses: int = 1) -> None:
        """So many steps run now: count them."""
        self._left -= times * uses
        self._turn = (self._turn + times * uses) % (self.gradient_accumulation_steps or 1)

    def phase(self, uses: int = 1) -> int:
        """What kind of step comes next; steps of one kind make the same kernel calls. 0 unless gradients are accumulated."""
        steps = self.gradient_accumulation_steps
        if not steps:
            return 0
        if self._calls.assigned != self._seen:
            self._refill()
        return self._turn if uses > 1 else int(self._turn == steps - 1)

    def _refill(self) -> None:
        """Look at the number of the present step, and compute the rates from there on.

        What is written here is no part of a recorded step, but comes before.
        """
        recorder, mode.recorder = mode.recorder, None
        try:
            first, own = int(self._calls), type(self).__name__
            if self._schedule is not None:
                if not self._table:
                    zeros = np.zeros(TABLE + 1)
                    self._table = [Variable(zeros, False, "float64", name="rates"), Variable(0, False, "int64", name="first")]
                if self._table[0].device != self._rate.device:
                    move(self._table, self._rate.device)
                rates = [checked_rate(own, self._schedule(step)) for step in range(first, first + TABLE + 1)]
                values: list[tuple[Variable, Any]] = [(self._table[0], np.array(rates)), (self._table[1], first), (self._rate, rates[0])]
                for variable, value in values:
                    stamp = variable.storage.stamp
                    variable.assign(value)
                    variable.storage.stamp = min(stamp, variable.storage.stamp)
        finally:
            mode.recorder = recorder
        self._left, self._seen = TABLE, self._calls.assigned
        self._turn = first % (self.gradient_accumulation_steps or 1)


__all__ = ["TABLE", "Counter", "Rates"]

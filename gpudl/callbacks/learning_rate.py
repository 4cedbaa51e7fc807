"""Change the learning rate between epochs: `LearningRateScheduler` by a function, `ReduceLROnPlateau` when nothing improves any more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .base import Callback, Logs
from .monitor import Monitor, count, number


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch, and puts it into the logs as "learning_rate".

    Args:
        schedule: called as ``schedule(epoch, learning_rate)`` with the epoch from 0 and the rate now, or as ``schedule(epoch)`` if it takes
            one argument. Returns the new rate.
        verbose: 1 says what is set. Default 0.

    Raises:
        TypeError: if `schedule` cannot be called; in fit, if it returns no number.
        ValueError: in fit, if it returns a rate below 0 or NaN.

    >>> LearningRateScheduler(lambda epoch: 0.1 * 0.5 ** (epoch // 10)).rate(20, 0.1)
    0.025
    """

    adds = ("learning_rate",)
    runs_functions = True

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"[LearningRateScheduler] schedule must be a function of the epoch. Received: schedule={schedule!r}")
        self.schedule, self.verbose = schedule, verbose
        self._takes_rate = takes_two(schedule)

    def rate(self, epoch: int, before: float) -> float:
        """What the schedule says, checked."""
        found = self.schedule(epoch, before) if self._takes_rate else self.schedule(epoch)
        if isinstance(found, (bool, str)) or not hasattr(found, "__float__"):
            raise TypeError(f"[LearningRateScheduler] schedule must return a number. At epoch {epoch} it returned {found!r}")
        value = float(found)
        if not value >= 0:
            raise ValueError(f"[LearningRateScheduler] a learning rate is at least 0. At epoch {epoch} schedule returned {value!r}")
        return value

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        check_settable("LearningRateScheduler", self.model.optimizer)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        rate = self.rate(epoch, float(self.model.optimizer.learning_rate))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with (epoch, learning rate)."""
    try:
        inspect.signature(function).bind(0, 0.1)
    except TypeError:
        return False
    except ValueError:  # one of C's without a signature
        return True
    return True


def check_settable(me: str, optimizer: Any) -> None:
    if getattr(optimizer, "_schedule", None) is not None:
        raise ValueError(
            f"[{me}] the learning rate of {type(optimizer).__name__} follows a schedule, so it cannot be set. Leave this callback out, or "
            "make the optimizer with a number as its learning_rate"
        )


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when a monitored number has not improved for `patience` epochs.

    The rate of every epoch is put into the logs as "learning_rate".

    Args:
        monitor: a name in the logs. Default "val_loss", which needs validation data.
        factor: 0 <= factor < 1. Default 0.1.
        patience: epochs without improvement before the rate is reduced. Default 10.
        verbose: 1 says so when it reduces. Default 0.
        mode: "min", "max", or "auto": found from the name. Default "auto".
        min_delta: a smaller change is no improvement. Default 0.0001.
        cooldown: epochs after a reduction in which none is counted. Default 0.
        min_lr: the rate never falls below it. Default 0.

    Raises:
        ValueError, TypeError: for arguments that make no sense; at the start of fit, if there is no such name in the logs.

    >>> ReduceLROnPlateau("loss", factor=0.5, patience=3).patience
    3
    """

    adds = ("learning_rate",)

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 0.0001,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 <= number("ReduceLROnPlateau", "factor", factor) < 1:
            raise ValueError(f"[ReduceLROnPlateau] factor must lie in [0, 1): it makes the rate smaller. Received: factor={factor}")
        if not number("ReduceLROnPlateau", "min_lr", min_lr) >= 0:
            raise ValueError(f"[ReduceLROnPlateau] min_lr must be at least 0. Received: min_lr={min_lr}")
        self.factor, self.min_lr, self.verbose = factor, min_lr, verbose
        self.patience = count("ReduceLROnPlateau", "patience", patience)
        self.cooldown = count("ReduceLROnPlateau", "cooldown", cooldown)
        self.cooldown_counter = self.wait = 0

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        super().check(available, validation, others_add)
        check_settable("ReduceLROnPlateau", self.model.optimizer)

    def in_cooldown(self) -> bool:
        """Whether the rate was lowered so recently that a plateau does not count."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best = None
        self.cooldown_counter = self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        rate = logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = self._current(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                lower = max(rate * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = lower
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lower}.")


__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]

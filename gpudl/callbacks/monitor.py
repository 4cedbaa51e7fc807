"""Watch one number of the logs and tell whether it got better: the base of the callbacks that have a `monitor`."""

from __future__ import annotations

import math
from typing import Any

from ..errors import did_you_mean
from .base import Callback, Logs, spelled

UP = ("acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "dice", "similarity", "correlation")
DOWN = ("loss", "error", "crossentropy", "mse", "mae", "mape", "msle", "rmse", "bce", "divergence", "kld", "hinge", "poisson", "logcosh")


class Monitor(Callback):
    """Base class: `_improves` compares, `_current` finds the number, `check` refuses names that will not be in the logs.

    Args:
        monitor: a name in the logs, e.g. "val_loss".
        mode: "min", "max", or "auto": found from the name.
        min_delta: a smaller change is no improvement.
        best: the number to be beaten first; None: the first one is the best so far.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0, best: float | None = None) -> None:
        me = type(self).__name__
        if not isinstance(monitor, str):
            raise TypeError(f"[{me}] monitor must be a name, e.g. 'val_loss'. Received: {monitor!r}")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"[{me}] mode must be 'auto', 'min' or 'max'. Received: mode={mode!r}")
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(number(me, "min_delta", min_delta))
        self.best = best

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        me, name = type(self).__name__, spelled(self.monitor, available)
        if name not in available:
            if name.startswith("val_") and not validation and spelled(name[4:], available) in available:
                raise ValueError(
                    f"[{me}] monitor={self.monitor!r} needs validation data. Pass validation_data=(x, y) or "
                    f"validation_split=0.2 to fit(), or monitor {name[4:]!r}"
                )
            if not others_add:
                raise ValueError(
                    f"[{me}] there is no {self.monitor!r} to monitor.{did_you_mean(self.monitor, available)} "
                    f"Available: {', '.join(available)}"
                )
        if self._direction() is None:
            raise ValueError(f"[{me}] whether more of {self.monitor!r} is better is not known. Pass mode='max' or mode='min'")

    def _current(self, logs: Logs) -> float | None:
        """The monitored number, or None in an epoch without it: `validation_freq` may leave it out, anything else is worth a warning."""
        found = logs.get(spelled(self.monitor, logs))
        if found is None and not self.monitor.startswith("val_"):
            import warnings

            warnings.warn(f"[{type(self).__name__}] {self.monitor!r} is not in the logs: {', '.join(logs)}", stacklevel=3)
        if hasattr(found, "__len__"):
            raise ValueError(
                f"[{type(self).__name__}] monitor={self.monitor!r} has several numbers, so none is the best. Measure a single one, e.g. "
                f"F1Score(average='macro'). Received: {found}"
            )
        return found

    def _direction(self) -> str | None:
        if self.mode != "auto":
            return self.mode
        name = self.monitor.removeprefix("val_").lower()
        if any(word in name for word in DOWN):
            return "min"
        return "max" if any(word in name for word in UP) else None

    def _improves(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        if math.isnan(reference):  # anything is better; NaN is no better than NaN
            return not math.isnan(value)
        return value - self.min_delta > reference if self._direction() == "max" else value + self.min_delta < reference


def number(owner: str, name: str, value: Any) -> float:
    """value, if it is a number."""
    if isinstance(value, bool) or not hasattr(value, "__float__") or not hasattr(value, "__abs__"):
        raise TypeError(f"[{owner}] {name} must be a number. Received: {name}={value!r}")
    return value  # type: ignore[no-any-return]


def count(owner: str, name: str, value: Any, least: int = 0) -> int:
    """value, if it is a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"[{owner}] {name} must be an integer. Received: {name}={value!r}")
    if value < least:
        raise ValueError(f"[{owner}] {name} must be at least {least}. Received: {name}={value}")
    return value


__all__ = ["Monitor"]

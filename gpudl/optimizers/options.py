"""Take what all optimizers take: `Options`, written out behind each one's own arguments by `with_options`; and check their numbers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypedDict, TypeVar, cast

import numpy as np

from ..errors import DTypeError
from ..tensors import Tensor
from . import schedules

Init = TypeVar("Init", bound=Callable[..., None])


class Further(TypedDict, total=False):
    """The last arguments of every optimizer, in Keras' order; `Optimizer` says what they do."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Options(Further, total=False):
    """The same, and before them the one that AdamW takes earlier."""

    weight_decay: float | None


OPTIONS: dict[str, Any] = {"weight_decay": None, **dict.fromkeys(Further.__annotations__), "use_ema": False, "ema_momentum": 0.99}


def with_options(init: Init) -> Init:
    """A constructor that ends in **options, as if each of them stood behind its own arguments: in signatures, and by position."""
    parameters = list(inspect.signature(init).parameters.values())
    own, rest = parameters[:-1], parameters[-1].replace(name="kwargs", annotation=Any)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = [name for name in OPTIONS if all(p.name != name for p in own)]
    spelled = [inspect.Parameter(n, kind, default=OPTIONS[n], annotation=Options.__annotations__[n]) for n in names]

    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        further = dict(zip(names, args[len(own) - 1 :]))
        if len(args) > len(own) - 1 + len(names) or further.keys() & kwargs.keys():
            raise TypeError(f"[{type(self).__name__}] too many arguments, or one given twice. Received: {args}, {kwargs}")
        init(self, *args[: len(own) - 1], **further, **kwargs)

    made.__dict__["__signature__"] = inspect.Signature([*own, *spelled, rest])
    made.__name__, made.__qualname__, made.__doc__, made.__module__ = init.__name__, init.__qualname__, init.__doc__, init.__module__
    return cast(Init, made)


def as_schedule(value: Any) -> Any:
    """A schedule from its configuration; everything else stays as it is."""
    return schedules.deserialize(value) if isinstance(value, dict) else value


def checked_rate(name: str, value: Any) -> float:
    if isinstance(value, Tensor) and not value.ndim:
        value = float(value)
    if callable(value) and not isinstance(value, Tensor):
        raise TypeError(f"[{name}] learning_rate must be a number or one of gpudl.optimizers.schedules. Received: {value!r}")
    return checked_number(name, "learning_rate", value)


def checked_number(
    name: str, what: str, value: Any, low: float = 0.0, high: float = math.inf, below: bool = False, above: bool = False
) -> float:
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


def checked_count(name: str, what: str, value: Any, least: int) -> int:
    """A whole number >= least."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"[{name}] {what} must be a whole number, or None. Received: {what}={value!r}")
    if value < least:
        raise ValueError(f"[{name}] {what} must be at least {least}. Received: {what}={value!r}")
    return int(value)


__all__ = ["OPTIONS", "Further", "Options", "as_schedule", "checked_count", "checked_number", "checked_rate", "with_options"]

"""Make a callback of functions: `LambdaCallback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import unknown_keyword
from .base import Callback

Hook = Callable[..., Any] | None
HOOKS = [name for name in vars(Callback) if name.startswith("on_") and name != "on_progress"]


class LambdaCallback(Callback):
    """Calls functions of yours during training.

    Hooks of epochs are called as ``f(epoch, logs)``, those of batches as ``f(batch, logs)``, and those at the beginning and end of all as
    ``f(logs)``. A hook for batches makes training stop at every batch, which is slower.

    Args:
        on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end: functions, default None.
        **hooks: functions for the other hooks of `Callback`, by name.

    Raises:
        TypeError: for a name that is no hook, and for what cannot be called.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"])).on_epoch_end(3, {"loss": 0.5})
    3 0.5
    """

    adds = None
    runs_functions = True

    def __init__(
        self,
        on_epoch_begin: Hook = None,
        on_epoch_end: Hook = None,
        on_train_begin: Hook = None,
        on_train_end: Hook = None,
        on_train_batch_begin: Hook = None,
        on_train_batch_end: Hook = None,
        **hooks: Hook,
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **hooks,
        }
        for name, function in given.items():
            if name not in HOOKS:
                raise unknown_keyword("LambdaCallback", name, HOOKS)
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"[LambdaCallback] {name} must be a function. Received: {name}={function!r}")
            setattr(self, name, function)


__all__ = ["LambdaCallback"]

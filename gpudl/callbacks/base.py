"""Take part in training: `Callback` with its hooks, `CallbackList` which calls them and shows progress.

Overriding a batch hook makes training stop after every batch to call it; without one, whole stretches of steps run by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import renames
from ..errors import ShapeError, missing_in_object
from ..renames import RENAMES

Logs = dict[str, float]


class Callback:
    """Base class: subclasses override the hooks they want. `self.model` is the model, `self.params` holds verbose, epochs and steps.

    `logs` in the hooks after a batch or an epoch holds the loss and the metrics so far, `val_...` after an epoch with validation.

    >>> class Loudly(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch}: {logs}")
    >>> Loudly().on_epoch_end(0, {"loss": 0.5})
    epoch 0: {'loss': 0.5}
    """

    model: Any = None
    params: dict[str, Any] = {}  # noqa: RUF012  replaced, never written to
    adds: tuple[str, ...] | None = ()  # names that it puts into the logs of an epoch; None: not known
    runs_functions: bool = False  # whether it calls functions of the user

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        renames.checked_keywords(cls)

    if not TYPE_CHECKING:  # with it every attribute would seem to exist
        __getattr__ = missing_in_object

    def set_model(self, model: Any) -> None:
        """Called once, before everything else: sets `model`."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once: sets `params`, a dictionary with verbose, epochs and steps."""
        self.params = params

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        """Before anything changes: raise if this callback cannot do its work in this fit.

        Args:
            available: the names in the logs after an epoch.
            validation: whether there are validation data.
            others_add: whether a callback of the user's own takes part, which may add names.
        """

    def new_labels(self, epoch: int, y: Any) -> Any:
        """The labels to train with in this epoch, for the array of those that were passed to fit, which must not be changed."""
        return y

    def watches(self, kind: str) -> bool:
        """Whether it wants `on_progress` during "train", "test" or "predict"."""
        return False

    def on_progress(self, kind: str, done: int, logs: Callable[[], Logs]) -> None:
        """A stretch of steps has run, a tenth of a second long or so, and `done` of the epoch altogether.

        `logs()` reads the metrics, for which the host waits for the device.
        """

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After fit has ended; `logs` holds its last results."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch of fit; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch of fit and its validation; `logs` maps names to values."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before evaluate, or the validation inside fit begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After evaluate, or the validation inside fit has ended; `logs` holds its last results."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before predict begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After predict has ended."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of fit. Overriding it makes training wait for every batch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of fit. Overriding it makes training wait for every batch."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`, an older one."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of evaluate."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of evaluate."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before each batch of predict."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each batch of predict."""


def overrides(callback: Callback, hook: str) -> bool:
    """Whether a callback has a hook of its own, from its class or set on it."""
    found = getattr(callback, hook)
    return getattr(found, "__func__", found) is not getattr(Callback, hook)


_batch_hooks = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def is_ours(thing: object) -> bool:
    return type(thing).__module__.split(".")[0] == __name__.split(".")[0]


class CallbackList:
    """The callbacks of one fit, evaluate or predict, called in order: the user's, then the progress display, then History.

    Args:
        callbacks: a Callback, several, or None.
        add_history: put a History at the end, if there is none.
        add_progbar: show progress by a ProgbarLogger, if there is none.
        model: handed to all of them.
        **params: handed to all of them: verbose, epochs, steps.

    Raises:
        TypeError: for anything that is not a Callback, e.g. a class in place of an instance.

    >>> from gpudl.callbacks import LambdaCallback
    >>> several = CallbackList([LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))])
    >>> several.on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        from .history import History
        from .progress import ProgbarLogger

        self.callbacks: list[Callback] = checked(callbacks)
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        if add_history and not any(isinstance(c, History) for c in self.callbacks):
            self.callbacks.append(History())
        self.progress = [c for c in self.callbacks if isinstance(c, ProgbarLogger)]
        self.params = params
        self.foreign = any(not is_ours(c) or c.runs_functions for c in self.callbacks)
        self._wants = {kind: any(overrides(c, hook) for c in self.callbacks for hook in hooks) for kind, hooks in _batch_hooks.items()}
        for c in self.callbacks:
            c.set_params(params)
        if model is not None:
            self.set_model(model)

    @classmethod
    def make(
        cls, callbacks: Any, model: Any, verbose: int | str = "auto", epochs: int = 1, steps: int | None = None, kind: str = "train"
    ) -> CallbackList:
        """The callbacks of one run: kind is "train", "test" or "predict". Nothing of the model is changed yet."""
        if isinstance(callbacks, CallbackList):
            return callbacks
        if verbose not in (0, 1, 2, "auto"):
            raise ValueError(f"[{'fit' if kind == 'train' else kind}] verbose must be 0, 1, 2 or 'auto'. Received: {verbose!r}")
        params = {"verbose": verbose, "epochs": epochs, "steps": steps, "kind": kind}
        return cls(callbacks, add_history=kind == "train", add_progbar=verbose != 0, model=model, **params)

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def append(self, callback: Callback) -> None:
        """Put a callback at the end."""
        self.__init__([*self.callbacks, callback], model=getattr(self, "model", None), **self.params)  # type: ignore[misc]

    def set_model(self, model: Any) -> None:
        """Tell every callback its model."""
        self.model = model
        for c in self.callbacks:
            c.set_model(model)

    def check(self, available: Iterable[str], validation: bool) -> None:
        """Let each callback say now what would fail later."""
        names = list(dict.fromkeys([*available, *[name for c in self.callbacks for name in c.adds or ()]]))
        unknown = any(not is_ours(c) or c.adds is None for c in self.callbacks)
        for c in self.callbacks:
            c.check(names, validation, unknown)

    # what the training loop asks ----------------------------------------------------------------------------------------------

    def wants_batches(self, kind: str) -> bool:
        """Whether some callback has a hook for batches of "train", "test" or "predict"."""
        return self._wants[kind]

    @property
    def changes_labels(self) -> bool:
        """Whether some callback makes new labels for every epoch."""
        return any(overrides(c, "new_labels") for c in self.callbacks)

    def new_labels(self, epoch: int, y: Any) -> Any:
        """The labels of an epoch: a copy of y, as the callbacks change it."""
        for c in self.callbacks:
            if overrides(c, "new_labels"):
                found = np.array(c.new_labels(epoch, y))
                if found.shape != y.shape:
                    raise ShapeError(f"[{type(c).__name__}] new_labels must keep the shape {y.shape}. Received: shape {found.shape}")
                y = found
        return y

    def wants_progress(self, kind: str) -> bool:
        """Whether some callback looks from time to time, e.g. moves a bar, during this kind of work."""
        return any(c.watches(kind) for c in self.callbacks)

    def on_progress(self, kind: str, done: int, logs: Callable[[], Logs]) -> None:
        """So many steps are done; `logs()` reads the metrics, and is called only if they are shown now."""
        for c in self.callbacks:
            if c.watches(kind):
                c.on_progress(kind, done, logs)

    def on_batch_begin(self, kind: str, batch: int, logs: Logs | None = None) -> None:
        """Call this hook of every callback that has it, for batches of "train", "test" or "predict"."""
        self._call(f"on_{kind}_batch_begin", batch, {} if logs is None else logs)

    def on_batch_end(self, kind: str, batch: int, logs: Logs | None = None) -> None:
        """Call this hook of every callback that has it, for batches of "train", "test" or "predict"."""
        self._call(f"on_{kind}_batch_end", batch, {} if logs is None else logs)

    def _call(self, hook: str, *args: Any) -> None:
        for c in self.callbacks:
            getattr(c, hook)(*args)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        self._call("on_train_begin", {} if logs is None else logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        self._call("on_train_end", {} if logs is None else logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        self._call("on_epoch_begin", epoch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        for c in self.progress:
            c.hide()  # what callbacks print does not run into the bar
        self._call("on_epoch_end", epoch, {} if logs is None else logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        self._call("on_test_begin", {} if logs is None else logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        self._call("on_test_end", {} if logs is None else logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        self._call("on_predict_begin", {} if logs is None else logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Call this hook of every callback."""
        self._call("on_predict_end", {} if logs is None else logs)

    def close(self) -> None:
        """Leave the screen tidy, also after an exception."""
        for c in self.progress:
            c.close()


def checked(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    if isinstance(callbacks, (Callback, type)) or not isinstance(callbacks, Iterable):
        callbacks = [callbacks]
    found = list(callbacks)
    for c in found:
        if isinstance(c, type) and issubclass(c, Callback):
            raise TypeError(f"[callbacks] a class was passed in place of an instance. Write {c.__name__}()")
        if not isinstance(c, Callback):
            raise TypeError(f"[callbacks] expected instances of gpudl.callbacks.Callback. Received: {c!r}")
    return found


def spelled(name: str, available: Iterable[str]) -> str:
    """The name in the logs that is meant: itself, or another spelling of it (`val_acc` for `val_accuracy`)."""
    known = set(available)
    if name in known:
        return name
    prefix, bare = ("val_", name[4:]) if name.startswith("val_") else ("", name)
    others = [new for (owner, old), new in RENAMES.items() if owner == "logs" and old == bare]
    others += [old for (owner, old), new in RENAMES.items() if owner == "logs" and new == bare]
    return next((prefix + other for other in others if prefix + other in known), name)


__all__ = ["Callback", "CallbackList", "Logs", "overrides", "spelled"]

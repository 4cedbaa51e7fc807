"""Show how far training is: `ProgbarLogger`, a bar on a terminal or in a notebook, else one line an epoch."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

from .. import config
from .base import Callback, Logs

INTERVAL = 0.2  # seconds between two looks at the metrics


class ProgbarLogger(Callback):
    """Prints progress, as `verbose` of fit, evaluate and predict says.

    verbose 0: nothing. 1 and "auto": a bar where it can be redrawn, i.e. on a terminal or in a notebook, else lines as with 2. 2: one line
    an epoch, without control characters. "auto" prints nothing for predict where there is no bar.

    fit makes one by itself.

    >>> import gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((1,)), gpudl.layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> float(model.evaluate([[2.0]], [[1.0]], verbose=0))
    1.0
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._kind = "train"
        self._last = self._began = 0.0
        self._show_bar = False

    # which work is shown -------------------------------------------------------------------------------------------------------

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._kind = params.get("kind", "train")
        self._show_bar = params.get("verbose", "auto") in (1, "auto") and can_redraw()

    @property
    def _silent(self) -> bool:
        return bool(self.params.get("verbose", "auto") == 0)

    def watches(self, kind: str) -> bool:
        """Whether a bar moves during this work; validation within fit has none of its own."""
        return self._show_bar and not self._silent and kind == self._kind

    # hooks ------------------------------------------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        epochs = self.params.get("epochs") or epoch + 1
        self._begin("train", f"Epoch {epoch + 1}/{epochs}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._end("train", f"Epoch {epoch + 1}/{self.params.get('epochs') or epoch + 1}", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._begin("test", "Evaluating")

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._end("test", "Evaluated", logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._begin("predict", "Predicting")

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._end("predict", "Predicted", {})

    def on_progress(self, kind: str, done: int, logs: Callable[[], Logs]) -> None:
        """So many steps are done. The metrics are read at most five times a second."""
        if self._bar is None or kind != self._kind:
            return
        now = time.monotonic()
        if now - self._last >= INTERVAL:
            self._last = now
            self._bar.set_postfix_str(written(logs()), refresh=False)
            self._bar.update(done - self._bar.n)
            self._bar.refresh()

    # drawing ----------------------------------------------------------------------------------------------------------------

    def _begin(self, kind: str, title: str) -> None:
        if kind != self._kind or self._silent:
            return
        self.close()
        self._began = self._last = time.monotonic()
        if self._show_bar:
            self._bar = bar_class()(total=self.params.get("steps"), desc=title, unit="step", file=sys.stdout, dynamic_ncols=True)

    def _end(self, kind: str, title: str, logs: Logs | None) -> None:
        if kind != self._kind or self._silent:
            return
        if self._bar is not None:
            self._bar.set_postfix_str(written(logs or {}), refresh=False)
            if not getattr(self.model, "stop_training", False) and self._bar.total is not None:
                self._bar.update(self._bar.total - self._bar.n)
            self.close()
        elif kind != "predict" or self.params.get("verbose") in (1, 2):
            steps = self.params.get("steps")
            parts = [title, *([f"{steps} step{'s' if steps != 1 else ''}"] if steps else []), f"{time.monotonic() - self._began:.1f}s"]
            print(" - ".join([*parts, *([written(logs)] if logs else [])]), flush=True)

    def hide(self) -> None:
        """Take the bar off the screen until it is drawn again."""
        if self._bar is not None:
            self._bar.clear()

    def close(self) -> None:
        """End the line that is being drawn."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def written(logs: Logs) -> str:
    """`loss: 0.4321 - accuracy: 0.9000`"""
    return " - ".join(f"{name}: {number(value)}" for name, value in logs.items())


def number(value: Any) -> str:
    """Four decimals, or an exponent where those would show nothing. Several numbers in brackets.

    >>> number(0.5), number(0.00001234), number(0.0), number([0.5, 1.0])
    ('0.5000', '1.2340e-05', '0.0000', '[0.5000 1.0000]')
    """
    if hasattr(value, "__len__"):
        return f"[{' '.join(map(number, value))}]"
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.4e}"


def in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def can_redraw() -> bool:
    """Whether what is printed is seen by somebody, on a screen that can be drawn again."""
    return config.is_interactive_logging_enabled() and (in_notebook() or bool(getattr(sys.stdout, "isatty", bool)()))


def bar_class() -> Any:
    """tqdm's bar, without its watching thread; in a notebook the drawn one, where that can be drawn."""
    if in_notebook() and importlib.util.find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm as base
    else:
        from tqdm.std import tqdm as base

    return type("Bar", (base,), {"monitor_interval": 0})


__all__ = ["ProgbarLogger"]

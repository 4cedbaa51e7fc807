"""Evaluate with the averages of the weights while training goes on with the weights themselves: `SwapEMAWeights`."""

from __future__ import annotations

from typing import Any

from ..ops import backup
from .base import Callback, Logs


class SwapEMAWeights(Callback):
    """Puts the optimizer's averages (`use_ema=True`) in place of the weights before each validation, `evaluate` and `predict`, and takes
    them out again after it.

    Args:
        swap_on_epoch: put them in at the end of each epoch already, until the next one begins, so that callbacks behind this one in the
            list, e.g. ModelCheckpoint, find them. Default False.

    Raises:
        ValueError: at the start of fit, evaluate or predict, if the optimizer keeps no averages.

    >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = bool(swap_on_epoch)
        self._weights: list[tuple[Any, Any]] = []  # variables that hold their averages now, and what they held before

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        self._optimizer()

    def _optimizer(self) -> Any:
        optimizer = self.model.optimizer
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        if inner is None or not inner.use_ema:
            name = "no optimizer" if inner is None else f"{type(inner).__name__}(use_ema=False)"
            raise ValueError(f"[SwapEMAWeights] the optimizer must keep averages: Adam(use_ema=True). Received: {name}")
        return optimizer

    def _put_in(self) -> None:
        optimizer = self._optimizer()
        if self._weights or not int(optimizer.iterations):
            return
        found = [(v, optimizer.average_of(v)) for v in self.model.trainable_variables]
        self._weights = [(v, backup(v.detach())) for v, average in found if average is not None]
        for v, average in found:
            if average is not None:
                v.assign(average)

    def _take_out(self) -> None:
        for v, value in self._weights:
            v.assign(value)
        self._weights = []

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._take_out()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._put_in()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._weights = []  # fit has given the model its averages for good

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._put_in()

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._take_out()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._put_in()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._take_out()


__all__ = ["SwapEMAWeights"]

"""Let training data in batch by batch: from a generator, a `PyDataset`-like sequence of batches, or any iterable of batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..tensors import Tensor
from .data import Job

Admit = Callable[..., list[Any]]


def is_stream(x: Any) -> bool:
    """Whether x gives batches one after the other, rather than being an array, a table or a list of rows."""
    if x is None or isinstance(x, (np.ndarray, Tensor, list, tuple, str, bytes, Mapping)):
        return False
    if hasattr(x, "shape") or hasattr(x, "to_numpy") or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def batch_parts(item: Any, where: str, labelled: bool) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of one item of a stream."""
    if isinstance(item, (tuple, list)) and 1 <= len(item) <= 3 and not (isinstance(item, list) and np.ndim(item[0]) == 0):
        x, y, weights = (*item, None, None)[:3]
    else:
        x, y, weights = item, None, None
    if labelled and y is None:
        raise ValueError(
            f"[{where}] each batch must be (x, y) or (x, y, sample_weight). Received: {type(item).__name__}"
            + (f" of {len(item)}" if isinstance(item, (tuple, list)) else "")
        )
    return x, y, weights


class Stream:
    """Batches that come one at a time.

    Args:
        source: a generator goes on where it stopped, epoch after epoch; what can be iterated or indexed anew starts anew.
        steps: batches an epoch; None: as many as there are.
        where: the call, for messages.
        labelled: whether a batch must have targets.
        shuffle: whether batches of an indexable source come in a new order every epoch, drawn by `permutation`.
    """

    def __init__(
        self, source: Any, steps: int | None, where: str, labelled: bool = True, permutation: Callable[[int], Any] | None = None
    ) -> None:
        self.source, self.where, self.labelled, self.permutation = source, where, labelled, permutation
        self.class_weight: Any = None  # class number -> weight, for every batch
        self.once = hasattr(source, "__next__")  # a generator: it cannot be started anew
        self.indexed = not self.once and hasattr(source, "__getitem__") and hasattr(source, "__len__")
        length = len(source) if hasattr(source, "__len__") else None
        self.steps = length if steps is None else steps
        self.whole = steps is None  # every epoch walks through all of it
        self._running: Iterator[Any] | None = None
        self._peeked: list[Any] = []
        self.ended = False  # a generator gave fewer batches than were asked for: there is nothing to go on with

    def first(self) -> tuple[Any, Any, Any]:
        """The first batch, which will come again when the stream is walked."""
        if not self._peeked:
            item = next(self._items(), None)
            if item is None:
                raise ValueError(f"[{self.where}] the data are empty: the first batch is missing")
            self._peeked.append(item)
        return batch_parts(self._peeked[0], self.where, self.labelled)

    def _items(self) -> Iterator[Any]:
        if self.once:
            return iter(self.source)
        if self._running is None:
            self._running = self._indexed_items() if self.indexed else iter(self.source)
        return self._running

    def _indexed_items(self) -> Iterator[Any]:
        order = range(len(self.source)) if self.permutation is None else self.permutation(len(self.source))
        for i in order:
            yield self.source[int(i)]

    def batches(self) -> Iterator[tuple[Any, Any, Any]]:
        """The batches of one epoch."""
        begun = getattr(self.source, "on_epoch_begin", None)
        if callable(begun) and not self.once:
            begun()
        done = 0
        while self.steps is None or done < self.steps:
            item = self._peeked.pop() if self._peeked else next(self._items(), None)
            if item is None:
                self._running = None
                if self.steps is None:
                    self.ended = self.once
                    break
                if done == 0 or self.once or self.indexed:
                    self.ended = self.once
                    warnings.warn(
                        f"[{self.where}] the data ended after {done} of {self.steps} steps. A generator must give at least "
                        "steps_per_epoch * epochs batches",
                        RuntimeWarning,
                        stacklevel=6,
                    )
                    break
                continue  # start anew within the epoch: fewer batches than steps were asked for
            yield batch_parts(item, self.where, self.labelled)
            done += 1
        if not self.once and (self.whole or self.indexed):
            self._running = None
            ended = getattr(self.source, "on_epoch_end", None)
            if callable(ended):
                ended()

    def jobs(self, kind: str, admit: Callable[[Any, Any, Any, Any], list[Tensor]]) -> Iterator[Job]:
        """One step a batch."""
        for x, y, weights in self.batches():
            yield Job(f"{kind}_batch", admit(x, y, weights, self.class_weight), (), 1)

"""Give `fit` data batch by batch: `PyDataset` to derive from, `Batches` of arrays, windows of time series, two parts of data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .. import random as gpudl_random

Array = np.ndarray[Any, Any]


class PyDataset:
    """Base class of data that come batch by batch: write ``__len__`` (how many batches) and ``__getitem__`` (number -> batch).

    A batch is ``(x, y)`` or ``(x, y, sample_weight)``. `fit` asks for batches in a new order every epoch, unless ``shuffle=False``, and
    calls `on_epoch_end` after each.

    Args:
        workers, use_multiprocessing, max_queue_size: taken as in Keras, without effect: a batch is made when it is needed, by this process.

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, i):
    ...         x = np.arange(3.0) + 3 * i
    ...         return x, x * x
    >>> [y.tolist() for x, y in Squares()]
    [[0.0, 1.0, 4.0], [9.0, 16.0, 25.0]]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        raise NotImplementedError(f"[{type(self).__name__}] write __len__(self), which returns how many batches there are")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"[{type(self).__name__}] write __getitem__(self, index), which returns batch number index")

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            yield self[i]

    @property
    def num_batches(self) -> int:
        """How many batches there are."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """May be overridden: called before every epoch."""

    def on_epoch_end(self) -> None:
        """May be overridden: called after every epoch."""


Sequence = PyDataset


class Batches:
    """Batches that can be walked again and again, made by a function; each walk may have an order of its own.

    Args:
        make: takes the numbers of some examples, returns their batch.
        numbers: of the examples.
        batch_size: examples a batch; None: single examples, without a batch axis of their own.
        shuffle: a new order for each walk. Default False.
        seed: of these orders. Default None: drawn with the rest of gpudl's random numbers.

    >>> two = Batches(lambda numbers: numbers * 10, range(5), 2)
    >>> [batch.tolist() for batch in two]
    [[0, 10], [20, 30], [40]]
    """

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    def __init__(
        self, make: Callable[[Any], Any], numbers: Iterable[int], batch_size: int | None, shuffle: bool = False, seed: int | None = None
    ) -> None:
        self._make, self._numbers, self.batch_size = make, np.asarray(list(numbers), np.int64), batch_size
        self._shuffle, self._rng = shuffle, None if seed is None else np.random.default_rng(seed)
        self._most: int | None = None

    def __len__(self) -> int:
        n = len(self._numbers)
        full = n if self.batch_size is None else -(-n // self.batch_size)
        return full if self._most is None else min(full, self._most)

    def __iter__(self) -> Iterator[Any]:
        order = self._numbers
        if self._shuffle:
            order = (self._rng or gpudl_random.host_rng()).permutation(order)
        for i in range(len(self)):
            yield self._make(order[i] if self.batch_size is None else order[i * self.batch_size : (i + 1) * self.batch_size])

    def _like(self, make: Callable[[Any], Any] | None = None, most: int | None = None) -> Batches:
        made = Batches(make or self._make, self._numbers, self.batch_size, self._shuffle)
        made._rng, made._most = self._rng, self._most if most is None else most
        made.class_names, made.file_paths = self.class_names, self.file_paths
        return made

    def take(self, count: int) -> Batches:
        """The first so many batches."""
        return self._like(most=count)

    def map(self, function: Callable[..., Any], num_parallel_calls: Any = None) -> Batches:
        """Every batch as a function changes it; it is called with the parts of a batch: function(x, y)."""
        before = self._make

        def make(numbers: Any) -> Any:
            batch = before(numbers)
            return function(*batch) if isinstance(batch, tuple) else function(batch)

        return self._like(make)

    def cache(self, filename: Any = None) -> Batches:
        """Itself: what is read from files is read again in each walk."""
        return self

    def prefetch(self, buffer_size: Any = None) -> Batches:
        """Itself: a batch is made when it is needed."""
        return self

    def as_numpy_iterator(self) -> Iterator[Any]:
        """A walk through the batches."""
        return iter(self)


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Batches:
    """Windows of a time series, with a target for each: window i holds data[i], data[i + sampling_rate] …, its target is targets[i].

    Args:
        data: (steps, ...), one row a step.
        targets: targets[i] is that of the window which begins at step i; None: the windows alone.
        sequence_length: steps in a window.
        sequence_stride: steps between the beginnings of two windows, default 1.
        sampling_rate: steps between two rows of a window, default 1.
        batch_size: windows a batch, default 128; None: single windows.
        shuffle: a new order for each walk, default False.
        seed: of the orders.
        start_index, end_index: only data (and targets) from here to before there.
        format: taken as in Keras; there is one kind of result.

    Returns:
        `Batches` of (x, y), for `fit`.

    >>> windows = timeseries_dataset_from_array([1.0, 2.0, 3.0, 4.0], [3.0, 4.0], sequence_length=2)
    >>> x, y = next(iter(windows))
    >>> x.tolist(), y.tolist()
    ([[1.0, 2.0], [2.0, 3.0]], [3.0, 4.0])
    """
    where = "timeseries_dataset_from_array"
    data = np.asarray(data)
    held = None if targets is None else np.asarray(targets)
    if data.ndim == 0 or (held is not None and held.ndim == 0):
        raise ValueError(f"[{where}] data and targets must have one row a step")
    for name, value in (("sequence_length", sequence_length), ("sequence_stride", sequence_stride), ("sampling_rate", sampling_rate)):
        _at_least(where, name, value, 1)
    if batch_size is not None:
        _at_least(where, "batch_size", batch_size, 1)
    start, end = 0 if start_index is None else start_index, len(data) if end_index is None else end_index
    if not 0 <= start < end <= len(data):
        raise ValueError(f"[{where}] expected 0 <= start_index < end_index <= {len(data)}. Received: {start_index}, {end_index}")
    count = end - start - (sequence_length - 1) * sampling_rate
    if held is not None:
        count = min(count, len(held) - start)
    if count < 1:
        raise ValueError(
            f"[{where}] {end - start} steps hold no window of {sequence_length} steps that are {sampling_rate} apart"
            + ("" if held is None else f", with {len(held)} targets")
        )
    steps = np.arange(sequence_length) * sampling_rate

    def make(first: Any) -> Any:
        at = np.asarray(first)[..., None] + steps + start
        return data[at] if held is None else (data[at], held[first + start])

    return Batches(make, range(0, count, sequence_stride), batch_size, shuffle, seed)


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Two parts of data, of arrays in the form they came in.

    Args:
        dataset: an array, or a tuple or list of arrays with as many rows: ``(x, y)``. Or batches, which are split as they are.
        left_size: a number of rows (of batches), or a fraction of them.
        right_size: the same; default: the rest.
        shuffle: mix the rows before, with their partners. Default False.
        seed: of the order.
        preferred_backend: taken as in Keras; arrays stay NumPy's.

    >>> import numpy as np
    >>> (x, y), (x_test, y_test) = split_dataset((np.arange(10), np.arange(10) * 2), left_size=0.8)
    >>> len(x), y_test.tolist()
    (8, [16, 18])
    """
    if isinstance(dataset, np.ndarray) or hasattr(dataset, "shape"):
        parts: Any = [np.asarray(dataset)]
    elif isinstance(dataset, (tuple, list)):
        if not dataset or not all(hasattr(part, "shape") or isinstance(part, (list, tuple)) for part in dataset):
            parts = [np.asarray(dataset)]
        else:
            parts = [np.asarray(part) for part in dataset]
    elif isinstance(dataset, Iterable):
        kept = list(dataset)
        left, right = _sizes(left_size, right_size, len(kept))
        order = _order(len(kept), shuffle, seed)
        first, second = order[:left], order[left : left + right]
        return Batches(lambda i: kept[int(i)], first, None), Batches(lambda i: kept[int(i)], second, None)
    else:
        raise TypeError(f"[split_dataset] arrays or batches are expected. Received: {type(dataset).__name__}")
    lengths = {len(part) if part.ndim else 0 for part in parts}
    if len(lengths) != 1:
        raise ValueError(f"[split_dataset] the arrays must have the same number of rows. Received: {[p.shape for p in parts]}")
    n = lengths.pop()
    left, right = _sizes(left_size, right_size, n)
    order = _order(n, shuffle, seed)
    halves = [[part[order[:left]] for part in parts], [part[order[left : left + right]] for part in parts]]
    several = isinstance(dataset, (tuple, list)) and len(parts) == len(dataset) and hasattr(dataset[0], "__len__")
    made: Any = [type(dataset)(half) if several else half[0] for half in halves]
    return made[0], made[1]


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError("[split_dataset] pass left_size or right_size")
    for name, size in (("left_size", left), ("right_size", right)):
        fits = size is None or (isinstance(size, (int, float)) and not isinstance(size, bool))
        if not fits:
            raise TypeError(f"[split_dataset] {name} must be a number of rows or a fraction. Received: {name}={size!r}")
        if size is not None and not 0 < size < (1 if isinstance(size, float) else total):
            most = "1" if isinstance(size, float) else f"the {total} rows"
            raise ValueError(f"[split_dataset] {name} must be more than 0 and less than {most}. Received: {name}={size!r}")
    counts = [None if size is None else round(size * total) if isinstance(size, float) else size for size in (left, right)]
    a = total - counts[1] if counts[0] is None and counts[1] is not None else counts[0] or 0
    b = total - a if counts[1] is None else counts[1]
    if a + b > total:
        raise ValueError(f"[split_dataset] left_size={left!r} and right_size={right!r} are more than the {total} rows")
    return a, b


def _order(n: int, shuffle: bool, seed: int | None) -> Array:
    if not shuffle:
        return np.arange(n)
    return (gpudl_random.host_rng() if seed is None else np.random.default_rng(seed)).permutation(n)


def _at_least(where: str, name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"[{where}] {name} must be a whole number >= {least}. Received: {name}={value!r}")


__all__ = ["Batches", "PyDataset", "Sequence", "split_dataset", "timeseries_dataset_from_array"]

"""Sequences under the names of `keras.preprocessing.sequence`: `pad_sequences`, windows of time series, pairs of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import random as gpudl_random
from ..errors import missing_attribute
from ..utils.batches import PyDataset
from ..utils.sequences import pad_sequences

Array = np.ndarray[Any, Any]


class TimeseriesGenerator(PyDataset):
    """Windows of a time series with the target that follows them: the window of targets[i] ends before step i.

    `utils.timeseries_dataset_from_array` is today's form; there targets[i] belongs to the window that begins at step i.

    Args:
        data: (steps, ...), one row a step.
        targets: one a step.
        length: of a window, in steps.
        sampling_rate: steps between two rows of a window, default 1.
        stride: steps between two windows, default 1.
        start_index, end_index: only targets that belong to steps from here on, and up to there.
        shuffle: windows drawn at random, default False.
        reverse: windows backwards in time, default False.
        batch_size: windows a batch, default 128.

    >>> windows = TimeseriesGenerator([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0], length=2)
    >>> x, y = windows[0]
    >>> x.tolist(), y.tolist()
    ([[1.0, 2.0], [2.0, 3.0]], [30.0, 40.0])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        self.data, self.targets = np.asarray(data), np.asarray(targets)
        if len(self.data) != len(self.targets):
            raise ValueError(f"[TimeseriesGenerator] data and targets need as many steps: {len(self.data)} and {len(self.targets)}")
        for name, value in (("length", length), ("sampling_rate", sampling_rate), ("stride", stride), ("batch_size", batch_size)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"[TimeseriesGenerator] {name} must be a whole number >= 1. Received: {name}={value!r}")
        self.length, self.sampling_rate, self.stride, self.batch_size = length, sampling_rate, stride, batch_size
        self.start_index, self.end_index = start_index + length, len(self.data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse = shuffle, reverse
        if self.start_index > self.end_index:
            raise ValueError(f"[TimeseriesGenerator] no window of length={length} lies between start_index and end_index: reduce length")

    def __len__(self) -> int:
        return (self.end_index - self.start_index + self.batch_size * self.stride) // (self.batch_size * self.stride)

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        if self.shuffle:
            rows = gpudl_random.host_rng().integers(self.start_index, self.end_index + 1, self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        steps = np.arange(-self.length, 0, self.sampling_rate)
        windows = self.data[rows[:, None] + steps]
        return (windows[:, ::-1] if self.reverse else windows), self.targets[rows]


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> Array:
    """How likely the word of each rank is kept by `skipgrams`: frequent words are kept more rarely (word2vec).

    Args:
        size: how many words there are.
        sampling_factor: default 1e-5.

    >>> make_sampling_table(3).round(4).tolist()
    [0.0032, 0.0032, 0.0055]
    """
    gamma = 0.577  # Euler's; frequencies follow Zipf's law
    rank = np.arange(size, dtype=np.float64)
    rank[:1] = 1
    inverse = rank * (np.log(rank) + gamma) + 0.5 - 1.0 / (12.0 * rank)
    share = sampling_factor * inverse
    table: Array = np.minimum(1.0, share / np.sqrt(share))
    return table


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of words: of neighbours, labelled 1, and of a word with any other, labelled 0.

    Args:
        sequence: numbers of words; 0 is no word.
        vocabulary_size: one more than the largest number.
        window_size: words to either side that count as neighbours, default 4.
        negative_samples: how many pairs of the second kind for each of the first, default 1.
        shuffle: mix the pairs, default True.
        categorical: labels [0, 1] and [1, 0] in place of 1 and 0. Default False.
        sampling_table: how likely each word is kept, see `make_sampling_table`.
        seed: of what is drawn.

    >>> pairs, labels = skipgrams([1, 2, 3], vocabulary_size=4, window_size=1, negative_samples=0, shuffle=False)
    >>> pairs, labels
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    rng = gpudl_random.host_rng() if seed is None else np.random.default_rng(seed)
    pairs: list[list[int]] = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < rng.random()):
            continue
        near = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        pairs += [[word, sequence[j]] for j in near if j != i and sequence[j]]
    labels: list[Any] = [[0, 1] if categorical else 1] * len(pairs)
    if negative_samples > 0 and pairs:
        count = int(len(pairs) * negative_samples)
        words = rng.permutation([pair[0] for pair in pairs])
        pairs += [[int(words[i % len(words)]), int(rng.integers(1, max(2, vocabulary_size)))] for i in range(count)]
        labels += [[1, 0] if categorical else 0] * count
    if shuffle:
        order = rng.permutation(len(pairs))
        pairs, labels = [pairs[i] for i in order], [labels[i] for i in order]
    return pairs, labels


__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]

__getattr__ = missing_attribute(__name__, __all__)

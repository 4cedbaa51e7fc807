"""Data batch by batch: what is derived from PyDataset, windows of time series, two parts of data, sequences of one length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers
from gpudl.utils import Batches, PyDataset, Sequence, pad_sequences, split_dataset, timeseries_dataset_from_array


class Rows(PyDataset):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[Any] = []

    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        self.seen.append(i)
        return np.full((4, 2), i, "f4"), np.full((4, 1), i, "f4")

    def on_epoch_begin(self) -> None:
        self.seen.append("begin")

    def on_epoch_end(self) -> None:
        self.seen.append("end")


def model() -> gpudl.Sequential:
    made = gpudl.Sequential([layers.Dense(1, input_dim=2)])
    made.compile("sgd", "mse")
    return made


def test_a_dataset_of_ones_own() -> None:
    rows, m = Rows(workers=4, use_multiprocessing=True, max_queue_size=2), model()
    m.fit(rows, epochs=2, shuffle=False, verbose=0)
    assert rows.seen == [0, "begin", 1, 2, "end", "begin", 0, 1, 2, "end"] and m.optimizer.iterations == 6
    assert len(list(rows)) == rows.num_batches == 3
    assert m.predict(rows, verbose=0).shape == (12, 1) and type(m.evaluate(rows, verbose=0)) is float
    assert Sequence is PyDataset
    with pytest.raises(NotImplementedError, match="write __len__"):
        len(PyDataset())


def test_a_shuffled_dataset_comes_in_another_order() -> None:
    gpudl.utils.set_random_seed(0)
    rows = Rows()
    model().fit(rows, epochs=8, verbose=0)
    orders = {tuple(n for n in epoch.split("-") if n) for epoch in "-".join(map(str, rows.seen[1:])).replace("begin", "").split("end")}
    assert len(orders) > 2


def test_batches() -> None:
    held = np.arange(10)
    data = Batches(lambda i: held[i], range(10), 4)
    assert [b.tolist() for b in data] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] and len(data) == 3
    assert [b.tolist() for b in data.take(1)] == [[0, 1, 2, 3]] and len(data.take(9)) == 3
    assert [b.tolist() for b in data.map(lambda b: b * 2).take(1)] == [[0, 2, 4, 6]]
    assert data.cache().prefetch(2) is data and [b.tolist() for b in data.as_numpy_iterator()][2] == [8, 9]
    assert [int(b) for b in Batches(lambda i: held[i], range(3), None)] == [0, 1, 2]
    mixed = Batches(lambda i: held[i], range(10), 10, shuffle=True, seed=1)
    first, second = [next(iter(mixed)).tolist() for _ in range(2)]
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    again = Batches(lambda i: held[i], range(10), 10, shuffle=True, seed=1)
    assert next(iter(again)).tolist() == first


@pytest.mark.parametrize(
    ("options", "x", "y"),
    [
        ({}, [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]], [30, 40, 50, 60, 70]),
        ({"sequence_stride": 2}, [[0, 1, 2], [2, 3, 4], [4, 5, 6]], [30, 50, 70]),
        ({"sampling_rate": 2}, [[0, 2, 4], [1, 3, 5], [2, 4, 6], [3, 5, 7]], [30, 40, 50, 60]),
        ({"start_index": 2}, [[2, 3, 4], [3, 4, 5], [4, 5, 6]], [50, 60, 70]),
        ({"end_index": 5}, [[0, 1, 2], [1, 2, 3], [2, 3, 4]], [30, 40, 50]),
        ({"start_index": 1, "end_index": 5}, [[1, 2, 3], [2, 3, 4]], [40, 50]),
    ],
)
def test_windows(options: dict[str, int], x: Any, y: Any) -> None:
    data = timeseries_dataset_from_array(np.arange(8), np.arange(8)[3:] * 10, 3, **options)
    (got, targets), *rest = list(data)
    assert got.tolist() == x and targets.tolist() == y and not rest
    alone = timeseries_dataset_from_array(np.arange(8), None, 3, batch_size=None, **options)
    assert np.ndim(next(iter(alone))) == 1


def test_windows_are_learned_from() -> None:
    gpudl.utils.set_random_seed(0)
    series = np.sin(np.arange(200) / 5).astype("f4")[:, None]
    data = timeseries_dataset_from_array(series, series[10:], 10, batch_size=32, shuffle=True, seed=0)
    m = gpudl.Sequential([layers.Input((10, 1)), layers.Flatten(), layers.Dense(1)])
    m.compile(gpudl.optimizers.Adam(0.05), "mse")
    losses = m.fit(data, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.05 * losses[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.arange(3), None, 4), "hold no window of 4 steps"),
        ((np.arange(3), None, 0), "sequence_length must be"),
        ((np.arange(3), None, 2, 0), "sequence_stride must be"),
        ((np.arange(3), [], 2), "with 0 targets"),
        ((np.arange(3), None, 2, 1, 1, 32, False, None, 2, 1), "start_index < end_index"),
        ((3, None, 2), "one row a step"),
    ],
)  # fmt: skip
def test_windows_that_cannot_be(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        timeseries_dataset_from_array(*arguments)


def test_splitting() -> None:
    x, y = np.arange(10), np.arange(10) * 2
    (a, b), (c, d) = split_dataset((x, y), left_size=0.8)
    assert len(a) == len(b) == 8 and c.tolist() == [8, 9] and d.tolist() == [16, 18]
    left, right = split_dataset(x, right_size=3)
    assert len(left) == 7 and right.tolist() == [7, 8, 9]
    left, right = split_dataset(x, left_size=0.5, right_size=0.3)
    assert len(left) == 5 and right.tolist() == [5, 6, 7]
    (a, b), (c, d) = split_dataset([x, y], left_size=6, shuffle=True, seed=1)
    assert sorted([*a, *c]) == list(range(10)) and a.tolist() != sorted(a) and (b == 2 * a).all() and (d == 2 * c).all()
    assert [list(part) for part in split_dataset([1, 2, 3, 4], left_size=1)] == [[1], [2, 3, 4]]
    first, second = split_dataset(iter([np.zeros(2), np.ones(2), np.ones(2)]), right_size=1)
    assert len(first) == 2 and next(iter(second)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("sizes", "error", "words"),
    [
        ({}, ValueError, "left_size or right_size"),
        ({"left_size": 1.5}, ValueError, "left_size=1.5"),
        ({"left_size": 10}, ValueError, "less than the 10 rows"),
        ({"left_size": 8, "right_size": 3}, ValueError, "more than the 10 rows"),
        ({"right_size": "half"}, TypeError, "right_size='half'"),
    ],
)  # fmt: skip
def test_sizes_that_make_no_sense(sizes: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        split_dataset(np.arange(10), **sizes)


def test_arrays_of_different_lengths_are_not_split() -> None:
    with pytest.raises(ValueError, match="same number of rows"):
        split_dataset((np.arange(3), np.arange(4)), left_size=1)
    with pytest.raises(TypeError, match="arrays or batches"):
        split_dataset(3, left_size=1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [[0, 0, 1], [1, 2, 3], [0, 0, 0]]),
        ({"padding": "post"}, [[1, 0, 0], [1, 2, 3], [0, 0, 0]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [0, 0]]),
        ({"maxlen": 2, "truncating": "post", "value": 9}, [[9, 1], [1, 2], [9, 9]]),
        ({"maxlen": 4, "dtype": "float32", "value": 0.5}, [[0.5, 0.5, 0.5, 1], [0.5, 1, 2, 3], [0.5] * 4]),
    ],
)
def test_padding(arguments: dict[str, Any], expected: Any) -> None:
    made = pad_sequences([[1], (1, 2, 3), []], **arguments)
    assert made.tolist() == expected and made.dtype == np.dtype(arguments.get("dtype", "int32"))


def test_padding_other_things() -> None:
    assert pad_sequences([["a"], ["b", "c"]], dtype=object, value="").tolist() == [["", "a"], ["b", "c"]]
    assert pad_sequences([[[1, 2]], [[3, 4], [5, 6]]]).tolist() == [[[0, 0], [1, 2]], [[3, 4], [5, 6]]]
    assert pad_sequences([]).shape == (0, 0)
    for arguments, words in (
        (([1, 2],), "sequence 0 must be a list"),
        (([[1]], 0), "maxlen=0"),
        (([[1]], None, "int32", "before"), "padding='before'"),
        (([["a"]], None, "int32", "pre", "pre", "x"), "needs dtype=object"),
        (([[[1, 2]], [[1, 2, 3]]],), "must have shape"),
        ((3,), "a list of sequences"),
    ):
        with pytest.raises(ValueError, match=words):
            pad_sequences(*arguments)

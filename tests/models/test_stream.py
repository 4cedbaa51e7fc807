"""fit, evaluate and predict on batches that come one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers

N, BATCH = 50, 16
rng = np.random.default_rng(3)
X = rng.normal(size=(N, 4)).astype("f4")
Y = rng.integers(0, 3, N)
W = rng.random(N).astype("f4")


def make() -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
    model.compile(gpudl.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def parts(weighted: bool = False) -> list[tuple[Any, ...]]:
    rows = [slice(i, i + BATCH) for i in range(0, N, BATCH)]
    return [(X[r], Y[r], W[r]) if weighted else (X[r], Y[r]) for r in rows]


def forever(weighted: bool = False) -> Iterator[tuple[Any, ...]]:
    while True:
        yield from parts(weighted)


class Batches:
    """What Keras calls a PyDataset."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.ends = 0

    def __len__(self) -> int:
        return len(parts())

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        self.asked.append(i)
        return parts()[i]

    def on_epoch_end(self) -> None:
        self.ends += 1


def on_arrays(**options: Any) -> dict[str, list[float]]:
    return make().fit(X, Y, batch_size=BATCH, shuffle=False, epochs=3, verbose=0, **options).history


@pytest.mark.parametrize("weighted", [False, True])
def test_a_generator_trains_as_the_arrays_do_and_is_replayed(weighted: bool) -> None:
    model = make()
    history = model.fit(forever(weighted), steps_per_epoch=4, epochs=3, verbose=0, validation_data=forever(), validation_steps=4).history
    assert history == on_arrays(validation_data=(X, Y), validation_batch_size=BATCH, sample_weight=W if weighted else None)
    assert model._runner("train_batch").replayed > 0


def test_an_indexable_sequence_starts_anew_every_epoch() -> None:
    batches = Batches()
    history = make().fit(batches, epochs=3, shuffle=False, verbose=0).history
    assert history == on_arrays()
    assert batches.ends == 3
    assert sorted(batches.asked) == sorted([0, *[0, 1, 2, 3] * 3][1:])


def test_an_indexable_sequence_is_shuffled_by_batches() -> None:
    batches = Batches()
    make().fit(batches, epochs=4, verbose=0)
    epochs = [batches.asked[i : i + 4] for i in range(0, 16, 4)]
    assert all(sorted(e) == [0, 1, 2, 3] for e in epochs)
    assert any(e != [0, 1, 2, 3] for e in epochs)


def test_any_iterable_of_batches() -> None:
    class Loader:
        def __iter__(self) -> Iterator[Any]:
            return iter(parts())

    assert make().fit(Loader(), epochs=3, verbose=0).history == on_arrays()


def test_evaluate_and_predict() -> None:
    model = make()
    model.fit(X, Y, epochs=1, verbose=0)
    expected = model.evaluate(X, Y, batch_size=BATCH, verbose=0)
    assert model.evaluate(Batches(), verbose=0) == expected
    assert model.evaluate(forever(), steps=4, verbose=0) == expected
    np.testing.assert_array_equal(model.predict(Batches(), verbose=0), model.predict(X, batch_size=BATCH, verbose=0))
    np.testing.assert_array_equal(model.predict(iter([X[:5], X[5:9]]), verbose=0), model.predict(X, verbose=0, batch_size=BATCH)[:9])


def test_a_generator_that_ends_early_stops_the_training() -> None:
    model = make()
    with pytest.warns(RuntimeWarning, match="ended after 4 of 5 steps"):
        history = model.fit(iter(parts()), steps_per_epoch=5, epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(RuntimeWarning, match="ended after 0 of 4 steps"):
        history = model.fit(iter(parts()), steps_per_epoch=4, epochs=2, verbose=0)
    assert history.epoch == [0]
    assert make().fit(iter(parts()), epochs=3, verbose=0).epoch == [0]


def test_steps_per_epoch_of_arrays() -> None:
    model = make()
    model.fit(X, Y, batch_size=BATCH, steps_per_epoch=2, epochs=3, verbose=0)
    assert int(model.optimizer.iterations) == 6
    assert model.predict(X, batch_size=BATCH, steps=2, verbose=0).shape == (32, 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m.fit(forever(), Y), ValueError, "y must not be given"),
        (lambda m: m.fit(forever(), batch_size=3, steps_per_epoch=1), ValueError, "batch_size must not be given"),
        (lambda m: m.fit(iter([])), ValueError, "first batch is missing"),
        (lambda m: m.fit(Batches(), validation_split=0.2), ValueError, "validation_split needs arrays"),
        (lambda m: m.fit(iter([X])), ValueError, r"each batch must be \(x, y\)"),
        (lambda m: m.fit(iter([(X[:, :3], Y)])), gpudl.ShapeError, "expects x of shape"),
        (lambda m: m.fit(iter([(X, Y + 5)])), ValueError, "class numbers"),
        (lambda m: m.fit(X, Y, steps_per_epoch=0), ValueError, "steps_per_epoch must be at least 1"),
        (lambda m: m.predict(iter([])), ValueError, "x is empty"),
    ],
)
def test_refusals_change_nothing(call: Any, error: type[Exception], words: str) -> None:
    model = make()
    model.build((None, 4))
    before = model.get_weights()
    with pytest.raises(error, match=words):
        call(model)
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    model.fit(X, Y, verbose=0)

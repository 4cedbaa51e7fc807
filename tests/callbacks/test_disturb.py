"""DisturbLabel: how many labels change, when, and that nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl.callbacks import Callback, DisturbLabel
from gpudl.errors import ShapeError
from gpudl.layers import Dense, Input


def test_as_many_labels_change_as_the_paper_says() -> None:
    y = np.random.default_rng(0).integers(0, 10, 40_000)
    changed = DisturbLabel(0.2, 10, seed=1).transform(y)
    assert changed.dtype == y.dtype and changed is not y
    assert np.mean(changed != y) == pytest.approx(0.2 * 9 / 10, abs=0.01)
    wrong = changed[changed != y]
    assert np.bincount(wrong, minlength=10) == pytest.approx(np.full(10, len(wrong) / 10), rel=0.15), "all classes alike"


@pytest.mark.parametrize("shape", [(500,), (500, 1)])
def test_shapes_and_dtypes_stay(shape: tuple[int, ...]) -> None:
    y = (np.arange(500) % 3).reshape(shape).astype("uint8")
    changed = DisturbLabel(0.5, seed=0).transform(y)
    assert changed.shape == shape and changed.dtype == np.uint8 and (changed != y).any() and changed.max() == 2


def test_one_hot_rows_stay_one_hot() -> None:
    y = np.eye(4, dtype="f4")[np.arange(1000) % 4]
    before = y.copy()
    changed = DisturbLabel(0.5, seed=0).transform(y)
    assert np.array_equal(y, before) and changed.dtype == np.float32
    assert np.array_equal(changed.sum(1), np.ones(1000)) and set(np.unique(changed)) == {0.0, 1.0}
    assert np.mean(changed.argmax(1) != y.argmax(1)) == pytest.approx(0.5 * 3 / 4, abs=0.05)


def test_none_and_all() -> None:
    y = np.arange(2000) % 5
    assert np.array_equal(DisturbLabel(0.0).transform(y), y)
    assert np.mean(DisturbLabel(1.0, seed=3).transform(y) == y) == pytest.approx(0.2, abs=0.03)
    assert DisturbLabel(0.5).transform(np.zeros(0, int)).shape == (0,)


def test_the_global_seed_decides() -> None:
    y = np.arange(100) % 5
    gpudl.utils.set_random_seed(4)
    first = DisturbLabel(0.5).transform(y)
    gpudl.utils.set_random_seed(4)
    assert np.array_equal(first, DisturbLabel(0.5).transform(y))


class Seen(Callback):
    """Remembers the labels of every epoch; stands behind DisturbLabel and changes nothing."""

    def __init__(self) -> None:
        self.labels: list[np.ndarray] = []

    def new_labels(self, epoch, y):
        self.labels.append(y.copy())
        return y


def model(units: int = 3, loss: str = "sparse_categorical_crossentropy") -> gpudl.Sequential:
    m = gpudl.Sequential([Input((4,)), Dense(units, activation="softmax")])
    m.compile("sgd", loss, metrics=["accuracy"])
    return m


@pytest.mark.parametrize("kind", ["int64", "one-hot"])
def test_in_fit_labels_are_drawn_anew_in_every_epoch(kind: str, path: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)).astype("f4"), rng.integers(0, 3, 60)
    if kind == "one-hot":
        y = np.eye(3, dtype="f4")[y]
    before, seen = y.copy(), Seen()
    m = model(loss="sparse_categorical_crossentropy" if kind == "int64" else "categorical_crossentropy")
    m.fit(x, y, epochs=4, verbose=0, callbacks=[DisturbLabel(0.5, seed=0), seen], validation_data=(x, y))
    assert np.array_equal(y, before), "the user's labels stay"
    assert len(seen.labels) == 4 and all((labels != before).any() for labels in seen.labels)
    assert not np.array_equal(seen.labels[0], seen.labels[1])


def test_training_uses_the_disturbed_labels_and_validation_does_not() -> None:
    """Constant labels turned into another class: training sees only that class, validation the given one."""

    class Other(Callback):
        def new_labels(self, epoch, y):
            return np.full_like(y, epoch % 2)

    x, y = np.ones((32, 4), "f4"), np.full(32, 2)
    gpudl.utils.set_random_seed(0)
    m = model()
    m.compile(gpudl.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    h = m.fit(x, y, epochs=4, verbose=0, callbacks=Other(), validation_data=(x, y)).history
    p = m.predict(x, verbose=0)[0]
    assert h["loss"] == pytest.approx([-np.log(p[0]), -np.log(p[1])] * 2, rel=1e-5)
    assert h["val_loss"] == pytest.approx([-np.log(p[2])] * 4, rel=1e-5)


def test_beside_a_split_weights_and_a_later_start() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)).astype("f4"), rng.integers(0, 3, 40)
    before, seen = y.copy(), Seen()
    m = model()
    h = m.fit(x, y, epochs=5, initial_epoch=2, validation_split=0.25, sample_weight=np.ones(40), class_weight={0: 1.0, 1: 2.0, 2: 1.0},
              callbacks=[DisturbLabel(0.5, seed=0), seen], verbose=0)  # fmt: skip
    assert h.epoch == [2, 3, 4] and [len(labels) for labels in seen.labels] == [30] * 3 and np.array_equal(y, before)


def test_replayed_and_eager_training_see_the_same_labels() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)).astype("f4"), rng.integers(0, 3, 40)
    found = []
    for eager in (False, True):
        gpudl.utils.set_random_seed(1)
        m = model()
        m.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eager)
        m.fit(x, y, epochs=5, callbacks=DisturbLabel(0.5), verbose=0)
        found.append(m.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*found))


def test_what_cannot_be_disturbed() -> None:
    with pytest.raises(ValueError, match=r"\[DisturbLabel\] alpha must be a number from 0 to 1. Received: alpha=1.5"):
        DisturbLabel(1.5)
    with pytest.raises(TypeError, match="alpha must be a number"):
        DisturbLabel("0.1")
    with pytest.raises(ValueError, match="num_classes must be at least 2"):
        DisturbLabel(0.1, 1)
    with pytest.raises(TypeError, match="Did you mean 'alpha'"):
        DisturbLabel(alpa=0.1)
    with pytest.raises(ValueError, match="regression"):
        DisturbLabel(0.1).transform([0.5, 1.0])
    with pytest.raises(ValueError, match=r"with num_classes=3 classes are 0 to 2. Received: 3"):
        DisturbLabel(0.1, 3).transform([0, 3])
    with pytest.raises(ValueError, match="one-hot rows have 3 classes"):
        DisturbLabel(0.1, 4).transform(np.eye(3))
    with pytest.raises(ShapeError, match="one-hot rows"):
        DisturbLabel(0.1).transform(np.zeros((2, 2, 2)))


def test_a_refused_fit_changes_nothing() -> None:
    m = model()
    weights = m.get_weights()
    batches = ((np.ones((4, 4), "f4"), np.zeros(4, int)) for _ in range(3))
    with pytest.raises(ValueError, match="callbacks that change labels need arrays"):
        m.fit(batches, steps_per_epoch=2, callbacks=DisturbLabel(0.1), verbose=0)
    with pytest.raises(ValueError, match="with num_classes=2"):
        m.fit(np.ones((4, 4), "f4"), np.arange(4) % 3, callbacks=DisturbLabel(0.1, 2), verbose=0)

    class Short(Callback):
        def new_labels(self, epoch, y):
            return y[:-1]

    with pytest.raises(ShapeError, match=r"\[Short\] new_labels must keep the shape \(4,\). Received: shape \(3,\)"):
        m.fit(np.ones((4, 4), "f4"), np.arange(4) % 3, callbacks=Short(), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(weights, m.get_weights()))

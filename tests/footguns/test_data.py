"""Data, results and memory: nothing of one call stays in the next, and nothing that is returned is written again."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from footguns.training import X, Y, check, equal, make

import gpudl
from gpudl import Tensor, layers, ops
from gpudl.tensors import Storage, wrap


def test_other_data_through_the_same_plan(path: str) -> None:
    def run(mode: str) -> list[np.ndarray]:
        model = make([layers.Dropout(0.3)], mode)
        out: list[Any] = []
        for data, labels in ((X, Y), (X[::-1].copy(), Y), (X[:50] * 2, Y[:50]), (X, Y)):
            out += model.fit(data, labels, epochs=3, verbose=0).history["loss"]
            out += model.evaluate(data, labels, verbose=0)
            out += [*model.predict(data[:10], verbose=0).ravel()]
        return [np.array(out), *[v.numpy() for v in model.variables]]

    eager = run("eager")
    for mode in ("replay", "poisoned"):
        assert equal(eager, run(mode))


def test_data_changed_in_place_between_fits(path: str) -> None:
    """`fit` takes the data by copy each time."""

    def run(mode: str) -> list[np.ndarray]:
        model, data, out = make([], mode), X.copy(), []
        for _i in range(3):
            data *= 1.5
            out += model.fit(data, Y, epochs=3, verbose=0).history["loss"]
        return [np.array(out)]

    assert equal(run("eager"), run("replay"))


def test_results_are_the_users_own(path: str) -> None:
    """What is returned never aliases a replay buffer."""
    model = make([])
    first = [model.predict_on_batch(X[:8]) for _ in range(4)]
    kept = [np.array(p) for p in first]
    for i in range(4):
        model.predict_on_batch(X[8 * i : 8 * i + 8])
    assert all(np.array_equal(a, b) for a, b in zip(first, kept))
    logs = [model.train_on_batch(X[:32], Y[:32]) for _ in range(5)]
    assert len({np.ravel(entry)[0].item() for entry in logs}) == 5


def test_training_again_and_again_holds_no_more(path: str) -> None:
    """Plans that are replaced, recordings and tapes of steps that ran leave nothing behind."""

    class Change(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[1].rate = 0.1 + 0.1 * (epoch % 3)

    def count() -> list[int]:
        gc.collect()
        kinds = (gpudl.tensors.Storage, gpudl.plan.Plan, gpudl.plan.Recording, gpudl.autograd.Node, Tensor)
        held = [type(o) for o in gc.get_objects()]
        return [held.count(kind) for kind in kinds]

    gc.collect()
    gc.freeze()  # what other tests left is not counted, so it may go meanwhile
    try:
        model, counts = make([layers.Dropout(0.2), layers.BatchNormalization()]), []
        for i in range(8):
            model.fit(X, Y, epochs=4, callbacks=[Change()], verbose=0)
            model.predict(X, verbose=0)
            model.evaluate(X, Y, verbose=0)
            model.train_on_batch(X[: i % 4 + 1], Y[: i % 4 + 1])
            if i in (3, 7):
                counts.append(count())
    finally:
        gc.unfreeze()
    assert counts[1] == counts[0] and counts[0][0] > 0


def test_random_numbers_go_on(path: str) -> None:
    """Replayed dropout draws a new mask each step, the same ones as eager training."""
    model = check(lambda: [layers.Dropout(0.5)], epochs=3)
    x = Tensor(np.ones((8, 16), "f4"))
    drop = model.layers[1]
    captured = gpudl.capture(lambda t: drop(t, training=True))
    masks = [captured(x).numpy() for _ in range(6)]
    assert all(not np.array_equal(a, b) for i, a in enumerate(masks) for b in masks[:i])


def test_labels_outside_the_classes(path: str) -> None:
    """Refused by fit before any state changes; in a custom loop NaN on every path, never a wild read or a plausible number."""
    model = make([])
    before = model.get_weights()
    for wrong in (np.full(96, 3), np.full(96, -1)):
        with pytest.raises(ValueError, match="class numbers must lie between 0 and 2"):
            model.fit(X, wrong, epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    p = Tensor(np.full((3, 4), 0.25, "f4"))
    loss = ops.sparse_categorical_crossentropy(Tensor(np.array([1, 4, -1])), p).numpy()
    assert np.isfinite(loss[0]) and np.isnan(loss[1:]).all()


def test_strides_of_axes_of_size_one_mean_nothing(path: str) -> None:
    base = np.arange(12, dtype="f4")
    odd = np.lib.stride_tricks.as_strided(base, (1, 4, 1), (400, 4, 4000))
    t = wrap(odd, Storage(base, gpudl.backends.get("cpu")))
    for f in (ops.relu, ops.exp, lambda a: a + 1, lambda a: a.sum(axis=1), lambda a: ops.transpose(a, (2, 1, 0)).reshape(4)):
        assert np.array_equal(f(t).numpy(), f(Tensor(odd.copy())).numpy())

"""Parameters, gradients and updates: frozen, unused, tied and shared ones, under replay as in eager training."""

from __future__ import annotations

from typing import Any

import numpy as np
from footguns.training import X, Y, check, equal, replayed, train

import gpudl
from gpudl import Tensor, layers, ops, optimizers


def test_unused_and_frozen_parameters_never_move(path: str) -> None:
    """Without a gradient in this step there is no update: not by an old gradient, not by momentum."""

    class Unused(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.ghost = self.add_weight((7,), initializer="ones", name="ghost")

        def call(self, x: Tensor) -> Tensor:
            return x

    model = check(lambda: [Unused()])
    assert (model.layers[1].ghost.numpy() == 1).all()

    class Freeze(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.layers[0].trainable = False
                frozen.append(self.model.layers[0].kernel.numpy())

    frozen: list[np.ndarray] = []
    model = check(lambda: [layers.Dense(8)], callbacks=[Freeze()])
    assert np.array_equal(model.layers[0].kernel.numpy(), frozen[-1])


def test_tied_parameters(path: str) -> None:
    """One parameter used twice, once transposed: the first gradient writes its place, later ones add."""

    class Tied(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight((16, 16), initializer="glorot_uniform", name="kernel")

        def call(self, x: Tensor) -> Tensor:
            return ops.relu(ops.matmul(ops.relu(ops.matmul(x, self.kernel)), ops.transpose(self.kernel)))

    check(lambda: [Tied()])


def test_a_layer_in_two_models(path: str) -> None:
    """Trained in turns, as in transfer learning: one pack, and each optimizer moves the living parameters."""

    def run(mode: str) -> list[np.ndarray]:
        gpudl.utils.set_random_seed(3)
        base = layers.Dense(16, activation="relu")
        a = gpudl.Sequential([layers.Input((4,)), base, layers.Dense(3, activation="softmax")])
        b = gpudl.Sequential([layers.Input((4,)), base, layers.Dense(5), layers.Dense(3, activation="softmax")])
        a.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", run_eagerly=mode == "eager")
        b.compile(optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", run_eagerly=mode == "eager")
        if mode == "poisoned":
            a._mode = b._mode = "poisoned"
        losses: list[Any] = []
        for _ in range(3):
            losses += a.fit(X, Y, epochs=2, verbose=0).history["loss"] + b.fit(X, Y, epochs=2, verbose=0).history["loss"]
        assert a.layers[0].kernel is b.layers[0].kernel
        if mode != "eager":
            assert replayed(a) > 0 and replayed(b) > 0
        assert losses[-1] < losses[0]
        return [np.array(losses), *[v.numpy() for v in (*a.variables, *b.variables)]]

    eager = run("eager")
    for mode in ("replay", "poisoned"):
        assert equal(eager, run(mode))


def test_early_stopping_restores_weights_as_in_eager_training(path: str) -> None:
    stop = gpudl.callbacks.EarlyStopping(monitor="val_loss", patience=1, restore_best_weights=True)
    check(lambda: [layers.Dense(32)], epochs=12, callbacks=[stop], validation_data=(X[:20], (Y[:20] + 1) % 3))


def test_gradients_are_there_after_a_replayed_step(path: str) -> None:
    _, a, _ = train(lambda: [layers.Dropout(0.2)], "eager")
    _, b, _ = train(lambda: [layers.Dropout(0.2)], "replay")
    assert replayed(b) > 0
    for p, q in zip(a.trainable_variables, b.trainable_variables):
        assert p.grad is not None and np.array_equal(p.grad.numpy(), q.grad.numpy())


def test_replayed_updates_are_not_taken_for_host_data(path: str) -> None:
    """The stamp of the optimizer's own write comes before the next recording starts."""
    check(lambda: [layers.BatchNormalization(), layers.Dropout(0.2)], epochs=3)

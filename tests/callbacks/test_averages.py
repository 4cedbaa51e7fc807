"""SwapEMAWeights: validation with averages, training with weights, and averages at the end, whatever ends it."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import callbacks
from gpudl import layers as L
from gpudl.optimizers import SGD, Adam, LossScaleOptimizer


def trained(listeners, use_ema=True, epochs=4, eager=False, optimizer=None):
    gpudl.utils.set_random_seed(1)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((30, 4)).astype("f4")
    y = (x @ rng.standard_normal((4, 1))).astype("f4")
    model = gpudl.Sequential([L.Input((4,)), L.Dense(3, activation="tanh"), L.Dense(1)])
    model.compile(optimizer or SGD(0.1, 0.9, use_ema=use_ema, ema_momentum=0.8), "mse", run_eagerly=eager)
    history = model.fit(x, y, batch_size=8, epochs=epochs, validation_data=(x, y), callbacks=listeners, verbose=0).history
    return model, history, (x, y)


class Watch(callbacks.Callback):
    """Weights and averages when an epoch has ended."""

    def on_train_begin(self, logs=None):
        self.weights, self.averages = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())
        self.averages.append([self.model.optimizer.average_of(v).numpy() for v in self.model.trainable_variables])


@pytest.mark.parametrize("swap_on_epoch", [False, True])
@pytest.mark.parametrize("eager", [False, True])
def test_validation_sees_the_averages_and_training_the_weights(swap_on_epoch, eager, path) -> None:
    plain, watch = Watch(), Watch()
    _, without, _ = trained([plain], eager=eager)
    model, history, (x, y) = trained([callbacks.SwapEMAWeights(swap_on_epoch), watch], eager=eager)
    assert history["loss"] == without["loss"]  # training goes on as if nothing were
    for seen, kept, plain_weights, loss in zip(watch.weights, watch.averages, plain.weights, history["val_loss"]):
        for a, b, c in zip(seen, kept, plain_weights):
            np.testing.assert_array_equal(a, b if swap_on_epoch else c)
        other = gpudl.models.clone_model(model)
        other.compile("sgd", "mse")
        other.set_weights(kept)
        assert other.evaluate(x, y, batch_size=8, verbose=0) == pytest.approx(loss, rel=1e-6)
    for a, b in zip(model.get_weights(), watch.averages[-1]):
        np.testing.assert_array_equal(a, b)  # fit ends with the averages
    assert history["val_loss"] != without["val_loss"]


def test_ends_with_averages_whoever_ends_it(tmp_path) -> None:
    """Early stopping behind it, and a checkpoint that finds averages."""

    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    path = str(tmp_path / "best.safetensors")
    watch = Watch()
    listeners = [callbacks.SwapEMAWeights(True), callbacks.ModelCheckpoint(path), watch, Stop()]
    model, _, _ = trained(listeners, optimizer=LossScaleOptimizer(SGD(0.1, use_ema=True, ema_momentum=0.8)))
    assert len(watch.weights) == 2
    for a, b, c in zip(model.get_weights(), watch.averages[-1], gpudl.models.load_model(path).get_weights()):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_evaluate_and_predict() -> None:
    model, _, (x, y) = trained([], epochs=2)
    averages = model.get_weights()
    other = [w * 0.5 for w in averages]
    model.set_weights(other)
    swap = callbacks.SwapEMAWeights()
    found, loss = model.predict(x, callbacks=[swap], verbose=0), model.evaluate(x, y, callbacks=swap, verbose=0)
    for a, b in zip(model.get_weights(), other):
        np.testing.assert_array_equal(a, b)
    model.set_weights(averages)
    np.testing.assert_array_equal(model.predict(x, verbose=0), found)
    assert model.evaluate(x, y, verbose=0) == loss


def test_without_averages() -> None:
    with pytest.raises(
        ValueError, match=r"\[SwapEMAWeights\] the optimizer must keep averages: Adam\(use_ema=True\). Received: SGD\(use_ema=False\)"
    ):
        trained([callbacks.SwapEMAWeights()], use_ema=False)
    model, _, (x, _) = trained([], optimizer=Adam())
    with pytest.raises(ValueError, match="Received: Adam"):
        model.predict(x, callbacks=[callbacks.SwapEMAWeights()], verbose=0)


def test_before_the_first_step_there_is_nothing_to_swap() -> None:
    model, _, (x, _) = trained([], epochs=0)
    before = model.predict(x, verbose=0)
    np.testing.assert_array_equal(model.predict(x, callbacks=[callbacks.SwapEMAWeights()], verbose=0), before)

"""What users change between batches, epochs and fits is seen by recorded steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from footguns.training import X, Y, check, equal, make, train

import gpudl
from gpudl import Tensor, layers, ops, optimizers


def test_changes_between_batches_are_seen(path: str) -> None:
    class Change(gpudl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            kernel = self.model.layers[0].kernel
            kernel.assign(kernel.numpy() * 0.99)
            self.model.optimizer.learning_rate = 0.05 / (batch + 1)

    check(list, callbacks=[Change()])


def test_changes_between_epochs_are_seen(path: str) -> None:
    """Assigning a weight by method or attribute, momentum, learning rate, dropout rate."""

    class Change(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            first = self.model.layers[0]
            if epoch == 1:
                first.kernel.assign(first.kernel.numpy() * 0.5)
            if epoch == 2:
                first.kernel = np.ones((4, 16), "f4") * 0.1
            if epoch == 3:
                self.model.optimizer.momentum = 0.5
            if epoch == 4:
                self.model.optimizer.learning_rate = 1e-3
            if epoch == 5:
                self.model.layers[1].rate = 0.5
            if epoch == 6:
                self.model.set_weights([w * 0.9 for w in self.model.get_weights()])

    model = check(lambda: [layers.Dropout(0.2)], epochs=9, callbacks=[Change()])
    assert model.layers[0].kernel.storage.parent is not None, "still in its arena"


# Public attributes that may be set without ending the trust in recorded steps, each with the reason.
FREE = {
    "learning_rate": "a buffer that the step reads",
    "name": "shown only",
    "history": "read by users only",
    "stop_training": "read by the loop, between steps",
    "weighted": "set by compile, which drops all plans",
    "metrics_in_use": "set by compile, which drops all plans",
    "loss_tracker": "set by compile, which drops all plans",
    "total": "the accumulator; only its contents change",
    "dtype": "of a metric, fixed when it is made",
}


def test_setting_any_public_attribute_ends_the_trust() -> None:
    """Of layers, optimizers, losses, metrics, regularizers and the model itself."""
    image = np.random.default_rng(0).normal(size=(8, 8, 8, 2)).astype("f4")
    model = gpudl.Sequential(
        [layers.Input((8, 8, 2)), layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2", padding="same"),
         layers.BatchNormalization(), layers.MaxPooling2D(), layers.AveragePooling2D(), layers.LeakyReLU(), layers.ReLU(),
         layers.Activation("tanh"), layers.Dropout(0.1), layers.Flatten(), layers.Reshape((2, -1)), layers.Softmax(), layers.Flatten(),
         layers.Dense(3, activation="softmax", activity_regularizer="l1", bias_regularizer="l1_l2")]
    )  # fmt: skip
    tried: set[str] = set()
    for optimizer in (optimizers.SGD(0.1, momentum=0.9), optimizers.Adam(), optimizers.Adadelta()):
        model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
        model.fit(image, np.arange(8) % 3, verbose=0)
        objects = [model, optimizer, model.loss, *model.metrics, *model.layers]
        objects += [v for layer in model.layers for v in vars(layer).values() if isinstance(v, gpudl.regularizers.Regularizer)]
        for o in objects:
            settable = {n for c in type(o).__mro__ for n, p in vars(c).items() if isinstance(p, property) and p.fset}
            for name in sorted(n for n in {*vars(o), *settable} - FREE.keys() if not n.startswith("_")):
                value, before = getattr(o, name), gpudl.config.version
                try:
                    setattr(o, name, value)
                except (AttributeError, ValueError, TypeError):
                    continue  # refused, so nothing has changed
                tried.add(f"{type(o).__name__}.{name}")
                assert gpudl.config.version > before or isinstance(value, gpudl.Variable), f"{type(o).__name__}.{name} was set unnoticed"
    assert {"Dropout.rate", "L2.l2", "SGD.momentum", "Adam.beta_1", "BatchNormalization.momentum", "LeakyReLU.negative_slope"} <= tried


def test_attributes_changed_between_epochs(path: str) -> None:
    """The same as in eager training, for a few attributes that a plan holds as constants."""

    class Change(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            _, norm, leaky, dense, _ = self.model.layers
            if epoch == 1:
                norm.momentum = 0.5
            if epoch == 2:
                leaky.negative_slope = 0.5
            if epoch == 3:
                dense.kernel_regularizer.l2 = 0.5
            if epoch == 4:
                dense.activation = gpudl.activations.tanh
            if epoch == 5:
                self.model.optimizer.nesterov = True

    check(
        lambda: [layers.BatchNormalization(), layers.LeakyReLU(), layers.Dense(5, kernel_regularizer=gpudl.regularizers.L2(0.01))],
        epochs=8,
        callbacks=[Change()],
    )


def replace_optimizer(m: Any) -> None:
    m.optimizer = optimizers.Adam(0.01)


def replace_loss(m: Any) -> None:
    m.loss = gpudl.losses.SparseCategoricalCrossentropy(from_logits=True)


def add_a_layer(m: Any) -> None:
    m.add(layers.Dense(3, activation="softmax"))


def replace_a_layer(m: Any) -> None:
    m.pop()
    m.add(layers.Dense(3, activation="softmax"))


def freeze_one_weight(m: Any) -> None:
    m.layers[0].kernel.trainable = False


def freeze_all_but_one(m: Any) -> None:
    m.trainable = False
    m.layers[1].trainable = True


def compile_again(m: Any) -> None:
    m.compile(optimizers.SGD(0.2), "sparse_categorical_crossentropy", ["accuracy"], run_eagerly=m._mode == "eager")


def change_epsilon(m: Any) -> None:
    gpudl.config.set_epsilon(1e-3)


def hook_a_gradient(m: Any) -> None:
    m.layers[0].kernel.register_hook(lambda g: g * 0.5)


def leave_gradients(m: Any) -> None:
    for v in m.trainable_variables:
        v.grad = ops.ones(v.shape)


def jump_in_iterations(m: Any) -> None:
    m.optimizer.iterations.assign(100)


def constrain_a_weight(m: Any) -> None:
    m.layers[0].kernel.constraint = gpudl.constraints.MaxNorm(0.05)


def regularize_output(m: Any) -> None:
    m.layers[0].activity_regularizer = gpudl.regularizers.L2(0.5)


def differentiate_by_hand(m: Any) -> None:
    ops.sum(m(Tensor(X[:5]), training=True)).backward()


BETWEEN = [
    replace_optimizer, replace_loss, add_a_layer, replace_a_layer, freeze_one_weight, freeze_all_but_one, compile_again, change_epsilon,
    hook_a_gradient, leave_gradients, jump_in_iterations, constrain_a_weight, regularize_output, differentiate_by_hand,
]  # fmt: skip


@pytest.mark.parametrize("change", BETWEEN, ids=lambda f: f.__name__)
def test_changes_between_fits_are_seen(change: Callable[[Any], None], path: str) -> None:
    def run(mode: str) -> list[np.ndarray]:
        gpudl.config.set_epsilon(1e-7)
        model, out = make([layers.BatchNormalization(), layers.Dropout(0.2)], mode), []
        for i in range(3):
            history = model.fit(X, Y, epochs=3, verbose=0).history
            out += [np.array(history[k]) for k in sorted(history)]
            out += [np.array(model.evaluate(X, Y, verbose=0)), np.array(model.train_on_batch(X[:9], Y[:9]))]
            out += [model.predict(X[:2], verbose=0)]
            out += [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
            if i < 2:
                change(model)
        return out

    assert equal(run("eager"), run("replay"))


def test_callbacks_that_use_the_model(path: str) -> None:
    """Predicting, evaluating and training inside hooks, in the middle of an epoch, spoils nothing."""

    class Looks(gpudl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch % 2:
                seen.append(self.model.predict(X[:7], verbose=0))
                seen.append(np.array(self.model.predict_on_batch(X[:5])))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(np.array(self.model.evaluate(X[:50], Y[:50], verbose=0)))

    seen: list[np.ndarray] = []
    found = []
    for mode in ("eager", "replay", "poisoned"):
        seen.clear()
        result, *_ = train(lambda: [layers.BatchNormalization(), layers.Dropout(0.2)], mode, callbacks=[Looks()])
        found.append([*seen, *result])
    assert equal(found[0], found[1]) and equal(found[0], found[2])

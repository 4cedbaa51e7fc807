"""One small look at everything, in a few seconds: the first test to run after a change."""

from __future__ import annotations

import os

import numpy as np

import gpudl
from gpudl import layers, ops, optimizers


def test_autograd() -> None:
    x = gpudl.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]


def test_an_op_against_numpy() -> None:
    a = np.linspace(-2, 2, 9, dtype="f4")
    np.testing.assert_allclose(ops.softmax(gpudl.Tensor(a)).numpy(), np.exp(a) / np.exp(a).sum(), rtol=1e-6)


def test_capture() -> None:
    w = gpudl.Variable([1.0, 2.0])

    @gpudl.capture
    def step(x: gpudl.Tensor) -> gpudl.Tensor:
        w.grad = None
        loss = ((w * x - 3.0) ** 2).mean()
        loss.backward()
        w.assign_sub(w.grad * 0.1)
        return loss

    losses = [float(step(gpudl.Tensor([1.0, 1.0]))) for _ in range(50)]
    assert losses[-1] < 1e-3 * losses[0] and step.replayed == 48


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype("f4")
    return x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)


def test_a_model_learns_saves_and_loads(tmp_path: os.PathLike) -> None:
    x, y = data()
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential([layers.Dense(32, input_dim=4, activation="relu"), layers.Dropout(0.1), layers.Dense(3, activation="softmax")])
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=20, validation_split=0.2, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0] and history["val_accuracy"][-1] > 0.8
    _loss, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.85
    file = os.path.join(tmp_path, "model.safetensors")
    model.save(file)
    again = gpudl.models.load_model(file)
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_convolution_net_learns() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(96, 8, 8, 1)).astype("f4")
    y = (x[:, :4].mean((1, 2, 3)) > x[:, 4:].mean((1, 2, 3))).astype(int)
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D(),
         layers.Flatten(), layers.Dense(2, activation="softmax")]
    )  # fmt: skip
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=15, verbose=0).history
    assert history["accuracy"][-1] > 0.85


def test_a_custom_loop() -> None:
    x, y = data()
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential([layers.Input((4,)), layers.Dense(16, activation="tanh"), layers.Dense(3)])
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    first = last = 0.0
    for _i in range(60):
        scores = model(gpudl.Tensor(x), training=True)
        loss = ops.mean(ops.sparse_categorical_crossentropy(gpudl.Tensor(y), scores, from_logits=True))
        for v in model.trainable_variables:
            v.grad = None
        loss.backward()
        optimizer.apply(None, model.trainable_variables)
        first, last = first or float(loss), float(loss)
    assert last < 0.4 * first

"""Replay equals eager bit for bit, poisoned too: every layer, optimizer and loss, on every path.

Each training has three epochs with a smaller last batch, dropout, a learning rate that changes, a layer that is frozen, and then a second
`fit`, so that the smaller batch is replayed too. Compared are logs, weights, slots, running statistics, random states and predictions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl import losses, optimizers

N, BATCH = 52, 12  # four batches of 12 and one of 4

Net = Callable[[], list[Any]]

# One small net for each layer; those for images begin with an Input of (7, 7, 2).
NETS: dict[str, Net] = {
    "Input": lambda: [L.Dense(8)],
    "Dense": lambda: [L.Dense(17, activation="tanh", kernel_regularizer="l2", bias_regularizer="l1"), L.Dense(5, use_bias=False)],
    "Activation": lambda: [L.Dense(9), L.Activation("sigmoid"), L.Dense(9), L.Activation("softplus")],
    "Dropout": lambda: [L.Dense(16), L.Dropout(0.4), L.Dense(16), L.Dropout(0.1)],
    "BatchNormalization": lambda: [L.Dense(33), L.BatchNormalization(), L.LeakyReLU(negative_slope=0.1)],
    "ReLU": lambda: [L.Dense(16), L.ReLU(), L.Dense(16), L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.1)],
    "LeakyReLU": lambda: [L.Dense(16), L.LeakyReLU(), L.Dense(16), L.LeakyReLU(negative_slope=0.05)],
    "Softmax": lambda: [L.Dense(16), L.Softmax()],
    "Reshape": lambda: [L.Dense(12), L.Reshape((3, 4)), L.Dense(5), L.Flatten()],
    "Embedding": lambda: [L.Embedding(8, 3, embeddings_regularizer="l2"), L.Flatten()],
    "SimpleRNN": lambda: [L.Reshape((3, 2)), L.SimpleRNN(5, return_sequences=True), L.SimpleRNN(4, "relu", dropout=0.2)],
    "LSTM": lambda: [L.Reshape((3, 2)), L.LSTM(5, return_sequences=True, dropout=0.2), L.LSTM(4, recurrent_dropout=0.2)],
    "GRU": lambda: [L.Reshape((3, 2)), L.GRU(5, return_sequences=True, go_backwards=True), L.GRU(4, reset_after=False, dropout=0.1)],
    "Bidirectional": lambda: [L.Reshape((3, 2)), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(3), "ave")],
    "TimeDistributed": lambda: [L.Reshape((3, 2)), L.TimeDistributed(L.Dense(3, "tanh")), L.TimeDistributed(L.Dropout(0.2)), L.Flatten()],
    "RepeatVector": lambda: [L.RepeatVector(3), L.LSTM(4)],
    "Permute": lambda: [L.Reshape((3, 2)), L.Permute((2, 1)), L.Dense(4), L.Flatten()],
}
IMAGE_NETS: dict[str, Net] = {
    "Flatten": lambda: [L.Flatten(), L.Dense(8)],
    "Conv2D": lambda: [L.Conv2D(5, 3, activation="relu"), L.Conv2D(4, (2, 3), strides=2, padding="same"), L.Flatten()],
    "MaxPooling2D": lambda: [L.Conv2D(4, 3, padding="same"), L.MaxPooling2D(2), L.MaxPooling2D(2, strides=1, padding="same"), L.Flatten()],
    "AveragePooling2D": lambda: [L.Conv2D(4, 3), L.AveragePooling2D(2, padding="same"), L.Flatten()],
    "GlobalMaxPooling2D": lambda: [L.Conv2D(6, 3), L.GlobalMaxPooling2D()],
    "GlobalAveragePooling2D": lambda: [L.Conv2D(6, 3), L.BatchNormalization(), L.GlobalAveragePooling2D()],
}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "SGD": lambda: optimizers.SGD(0.05),
    "SGD momentum": lambda: optimizers.SGD(0.05, momentum=0.9),
    "SGD nesterov": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "Adam": lambda: optimizers.Adam(0.01),
    "Adadelta": lambda: optimizers.Adadelta(0.5),
}
LOSSES = {
    "sparse_categorical_crossentropy": ("softmax", 3),
    "categorical_crossentropy": ("softmax", 3),
    "binary_crossentropy": ("sigmoid", 1),
    "mean_squared_error": (None, 2),
}


class Changes(gpudl.callbacks.Callback):
    """A lower learning rate after the first epoch, a frozen layer after the second."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)
        if epoch == 1:
            next(layer for layer in self.model.layers if layer.trainable_weights).trainable = False


def run(
    net: Net, optimizer: Callable[[], Any], mode: str, images: bool = False, loss: str = "sparse_categorical_crossentropy"
) -> list[Any]:
    """Everything that a training changes or returns."""
    rng = np.random.default_rng(4)
    shape = (7, 7, 2) if images else (6,)
    activation, width = LOSSES[loss]
    x = rng.normal(size=(N, *shape)).astype("f4")
    classes = rng.integers(0, max(2, width), N)
    y: np.ndarray = classes
    if loss == "categorical_crossentropy":
        y = np.eye(width, dtype="f4")[classes]
    elif loss == "mean_squared_error":
        y = rng.normal(size=(N, width)).astype("f4")
    weights = rng.random(N).astype("f4")
    gpudl.utils.set_random_seed(2)
    model = gpudl.Sequential([L.Input(shape), *net(), L.Dropout(0.2), L.Dense(width, activation=activation)])
    model.compile(optimizer(), loss, metrics=[] if loss == "mean_squared_error" else ["accuracy"], run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = "poisoned"
    out: list[Any] = []
    for data, given in ((x, None), (x[::-1].copy(), weights)):
        history = model.fit(
            data, y, batch_size=BATCH, epochs=3, sample_weight=given, validation_data=(x[:20], y[:20]), callbacks=[Changes()], verbose=0
        ).history
        out += [np.array(history[k]) for k in sorted(history)]
        out += [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    out += [np.array(model.evaluate(x, y, batch_size=15, verbose=0)), model.predict(x, batch_size=15, verbose=0)]
    out += [np.array(model.train_on_batch(x[:9], y[:9])) for _ in range(4)]
    out += [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    if mode != "eager":
        runners = model._runners
        assert runners["train"].replayed >= 6 and runners["test"].replayed > 0, {k: (r.replayed, r.eager) for k, r in runners.items()}
        assert runners["train_batch"].replayed > 0
        sizes = {key[0][0] for key in runners["train"].known}
        assert {BATCH, N % BATCH} <= sizes, "the smaller batch has its own plan"
    return out


def compare(*args: Any, **options: Any) -> None:
    eager = run(*args, "eager", **options)
    for mode in ("replay", "poisoned"):
        got = run(*args, mode, **options)
        assert len(got) == len(eager)
        for i, (a, b) in enumerate(zip(eager, got)):
            assert np.shape(a) == np.shape(b) and np.asarray(a).tobytes() == np.asarray(b).tobytes(), f"{mode}: result {i} of {len(eager)}"


@pytest.mark.parametrize("name", NETS)
def test_layers(name: str, path: str) -> None:
    compare(NETS[name], OPTIMIZERS["SGD momentum"])


@pytest.mark.parametrize("name", IMAGE_NETS)
def test_image_layers(name: str, path: str) -> None:
    compare(IMAGE_NETS[name], OPTIMIZERS["SGD"], images=True)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str, path: str) -> None:
    compare(NETS["BatchNormalization"], OPTIMIZERS[name])


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str, path: str) -> None:
    compare(NETS["Dense"], OPTIMIZERS["Adam"], loss=name)


def test_every_layer_is_compared() -> None:
    classes = {n for n in L.__all__ if isinstance(getattr(L, n), type) and issubclass(getattr(L, n), L.Layer)} - {"Layer", "InputLayer"}
    assert {getattr(L, n).__name__ for n in classes} - {"InputLayer"} <= {*NETS, *IMAGE_NETS}


def test_every_optimizer_is_compared() -> None:
    made = {type(make()) for make in OPTIMIZERS.values()}
    classes = {c for n in optimizers.__all__ if isinstance(c := getattr(optimizers, n), type) and issubclass(c, optimizers.Optimizer)}
    assert classes - {optimizers.Optimizer} == made


def test_every_loss_is_compared() -> None:
    known = {c for n in losses.__all__ if isinstance(c := getattr(losses, n), type) and issubclass(c, losses.Loss)}
    assert known - {losses.Loss, losses.LossFunction} == {type(losses.get(name)) for name in LOSSES}

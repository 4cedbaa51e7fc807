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

# One small net for each layer, by what it takes.
VECTOR, IMAGE, SEQUENCE, TOKENS = (6,), (7, 7, 2), (6, 3), (7,)
NETS: dict[tuple[int, ...], dict[str, Net]] = {
    VECTOR: {
        "Input": lambda: [L.Dense(8)],
        "Dense": lambda: [L.Dense(17, activation="tanh", kernel_regularizer="l2", bias_regularizer="l1"), L.Dense(5, use_bias=False)],
        "Activation": lambda: [L.Dense(9), L.Activation("sigmoid"), L.Dense(9), L.Activation("softplus")],
        "ActivityRegularization": lambda: [L.Dense(9), L.ActivityRegularization(l1=0.01, l2=0.02)],
        "AlphaDropout": lambda: [L.Dense(9, "selu"), L.AlphaDropout(0.3)],
        "BatchNormalization": lambda: [L.Dense(33), L.BatchNormalization(), L.LeakyReLU(negative_slope=0.1)],
        "batch renormalization": lambda: [L.Dense(9), L.BatchNormalization(renorm=True, renorm_clipping={"rmax": 1.2, "dmax": 0.5})],
        "Dropout": lambda: [L.Dense(16), L.Dropout(0.4), L.Dense(16), L.Dropout(0.1)],
        "ELU": lambda: [L.Dense(16), L.ELU(0.7)],
        "GaussianDropout": lambda: [L.Dense(16), L.GaussianDropout(0.3)],
        "GaussianNoise": lambda: [L.GaussianNoise(0.1), L.Dense(16)],
        "Identity": lambda: [L.Identity(), L.Dense(8)],
        "Lambda": lambda: [L.Dense(8), L.Lambda(lambda x: x * 0.5)],
        "LayerNormalization": lambda: [L.Dense(12), L.LayerNormalization()],
        "LeakyReLU": lambda: [L.Dense(16), L.LeakyReLU(), L.Dense(16), L.LeakyReLU(negative_slope=0.05)],
        "Normalization": lambda: [L.Normalization(mean=0.5, variance=2.0), L.Dense(8)],
        "PReLU": lambda: [L.Dense(16), L.PReLU(alpha_initializer="ones")],
        "ReLU": lambda: [L.Dense(16), L.ReLU(), L.Dense(16), L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.1)],
        "RMSNormalization": lambda: [L.Dense(12), L.RMSNormalization()],
        "RepeatVector": lambda: [L.Dense(4), L.RepeatVector(3), L.Dense(5), L.Flatten()],
        "Rescaling": lambda: [L.Rescaling(0.5, offset=0.1), L.Dense(8)],
        "Reshape": lambda: [L.Dense(12), L.Reshape((3, 4)), L.Dense(5), L.Flatten()],
        "Softmax": lambda: [L.Dense(16), L.Softmax()],
        "ThresholdedReLU": lambda: [L.Dense(16), L.ThresholdedReLU(theta=0.1)],
        "UnitNormalization": lambda: [L.Dense(12), L.UnitNormalization()],
    },
    IMAGE: {
        "AveragePooling2D": lambda: [L.Conv2D(4, 3), L.AveragePooling2D(2, padding="same"), L.Flatten()],
        "CenterCrop": lambda: [L.CenterCrop(4, 5), L.Conv2D(3, 3), L.CenterCrop(4, 2), L.Flatten()],
        "Conv2D": lambda: [L.Conv2D(5, 3, activation="relu"), L.Conv2D(4, (2, 3), strides=2, padding="same"), L.Flatten()],
        "Conv2DTranspose": lambda: [L.Conv2DTranspose(3, 3, strides=2), L.GlobalAveragePooling2D()],
        "Cropping2D": lambda: [L.Cropping2D(((1, 0), (2, 1))), L.Flatten()],
        "DepthwiseConv2D": lambda: [L.DepthwiseConv2D(3, depth_multiplier=2), L.Flatten()],
        "Flatten": lambda: [L.Flatten(), L.Dense(8)],
        "GlobalAveragePooling2D": lambda: [L.Conv2D(6, 3), L.BatchNormalization(), L.GlobalAveragePooling2D()],
        "GlobalMaxPooling2D": lambda: [L.Conv2D(6, 3), L.GlobalMaxPooling2D()],
        "GroupNormalization": lambda: [L.Conv2D(6, 3), L.GroupNormalization(groups=2), L.GlobalAveragePooling2D()],
        "MaxPooling2D": lambda: [L.Conv2D(4, 3), L.MaxPooling2D(2), L.MaxPooling2D(2, strides=1, padding="same"), L.Flatten()],
        "Resizing": lambda: [L.Conv2D(3, 3), L.Resizing(4, 8), L.Resizing(3, 3, "nearest"), L.Flatten()],
        "SeparableConv2D": lambda: [L.SeparableConv2D(4, 3, activation="relu"), L.Flatten()],
        "SpatialDropout2D": lambda: [L.Conv2D(4, 3), L.SpatialDropout2D(0.4), L.Flatten()],
        "UpSampling2D": lambda: [L.UpSampling2D(2), L.Conv2D(3, 3, strides=2), L.Flatten()],
        "ZeroPadding2D": lambda: [L.ZeroPadding2D(1), L.Conv2D(3, 3), L.Flatten()],
    },
    SEQUENCE: {
        "AveragePooling1D": lambda: [L.Conv1D(4, 3), L.AveragePooling1D(2), L.Flatten()],
        "Bidirectional": lambda: [L.Bidirectional(L.GRU(4, return_sequences=True)), L.Bidirectional(L.SimpleRNN(3))],
        "Conv1D": lambda: [L.Conv1D(5, 3, activation="relu"), L.Conv1D(4, 2, padding="causal", dilation_rate=2), L.Flatten()],
        "Conv1DTranspose": lambda: [L.Conv1DTranspose(4, 3, strides=2), L.Flatten()],
        "Cropping1D": lambda: [L.Cropping1D(1), L.Flatten()],
        "GRU": lambda: [L.GRU(6, return_sequences=True, dropout=0.2), L.GRU(4, reset_after=False)],
        "GlobalAveragePooling1D": lambda: [L.Conv1D(4, 3), L.GlobalAveragePooling1D()],
        "GlobalMaxPooling1D": lambda: [L.Conv1D(4, 3), L.GlobalMaxPooling1D()],
        "LSTM": lambda: [L.LSTM(6, return_sequences=True), L.LSTM(4, recurrent_dropout=0.2)],
        "MaxPooling1D": lambda: [L.Conv1D(4, 3), L.MaxPooling1D(2), L.Flatten()],
        "GRUCell": lambda: [L.RNN(L.GRUCell(4, reset_after=False)), L.Dense(4)],
        "LSTMCell": lambda: [L.RNN(L.LSTMCell(4, dropout=0.2), return_sequences=True), L.RNN(L.LSTMCell(3, recurrent_dropout=0.2))],
        "Masking": lambda: [L.ReLU(), L.Masking(), L.BatchNormalization(), L.LSTM(5, return_sequences=True), L.GlobalAveragePooling1D()],
        "Permute": lambda: [L.Permute((2, 1)), L.Dense(4), L.Flatten()],
        "RNN": lambda: [L.RNN([L.LSTMCell(4), L.GRUCell(3)], return_sequences=True), L.RNN(L.LSTMCell(3), unroll=True)],
        "SeparableConv1D": lambda: [L.SeparableConv1D(4, 3), L.Flatten()],
        "SimpleRNN": lambda: [L.SimpleRNN(6, return_sequences=True, go_backwards=True), L.SimpleRNN(4, activation="relu")],
        "SimpleRNNCell": lambda: [L.RNN(L.SimpleRNNCell(5), go_backwards=True)],
        "SpatialDropout1D": lambda: [L.Conv1D(4, 3), L.SpatialDropout1D(0.4), L.Flatten()],
        "StackedRNNCells": lambda: [L.Masking(), L.RNN(L.StackedRNNCells([L.GRUCell(4), L.SimpleRNNCell(3)]), zero_output_for_mask=True)],
        "TimeDistributed": lambda: [L.TimeDistributed(L.Dense(4, activation="tanh")), L.Flatten()],
        "UpSampling1D": lambda: [L.UpSampling1D(2), L.Conv1D(3, 3), L.Flatten()],
        "ZeroPadding1D": lambda: [L.ZeroPadding1D(2), L.Conv1D(3, 3), L.Flatten()],
    },
    TOKENS: {
        "Embedding": lambda: [L.Embedding(11, 4), L.LSTM(5), L.Dense(4)],
        "CategoryEncoding": lambda: [L.CategoryEncoding(11, "count"), L.Dense(4)],
        "masks": lambda: [
            L.Embedding(11, 4, mask_zero=True),
            L.Dense(4),
            L.BatchNormalization(),
            L.Bidirectional(L.LSTM(3, return_sequences=True)),
            L.TimeDistributed(L.Dense(3)),
            L.GRU(4),
        ],
    },
}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "SGD": lambda: optimizers.SGD(0.05),
    "SGD momentum": lambda: optimizers.SGD(0.05, momentum=0.9),
    "SGD nesterov": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "SGD clipped": lambda: optimizers.SGD(0.05, momentum=0.9, global_clipnorm=0.5, weight_decay=0.01),
    "SGD schedule": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 3, 0.8), momentum=0.9),
    "Adadelta": lambda: optimizers.Adadelta(0.5),
    "SGD clipnorm": lambda: optimizers.SGD(0.05, momentum=0.9, clipnorm=0.5, weight_decay=0.01),
    "Adagrad": lambda: optimizers.Adagrad(0.05),
    "Adam": lambda: optimizers.Adam(0.01),
    "Adam amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True, clipnorm=0.3),
    "Adam schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.02, 20)),
    "AdamW": lambda: optimizers.AdamW(0.01, clipvalue=0.1),
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Ftrl": lambda: optimizers.Ftrl(0.05, l1_regularization_strength=0.001, l2_regularization_strength=0.001),
    "Lion": lambda: optimizers.Lion(0.005),
    "Nadam": lambda: optimizers.Nadam(0.01),
    "Adafactor": lambda: optimizers.Adafactor(0.05),
    "Adam averaged": lambda: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3),
    "Adam gathering": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.05, 3, 0.8), gradient_accumulation_steps=3),
    "Lamb": lambda: optimizers.Lamb(0.01, clipnorm=0.5),
    "LossScaleOptimizer": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01), 1024.0, 5),
    "Nadam gathering": lambda: optimizers.Nadam(0.02, gradient_accumulation_steps=2, use_ema=True, loss_scale_factor=8.0),
    "RMSprop": lambda: optimizers.RMSprop(0.01),
    "RMSprop centered": lambda: optimizers.RMSprop(0.01, centered=True, momentum=0.5),
}
REGRESSION = ("mean_absolute_error", "mean_absolute_percentage_error", "hinge", "squared_hinge", "huber", "log_cosh", "cosine_similarity")
LOSSES = {
    "sparse_categorical_crossentropy": ("softmax", 3),
    "categorical_crossentropy": ("softmax", 3),
    "binary_crossentropy": ("sigmoid", 1),
    "mean_squared_error": (None, 2),
    **dict.fromkeys(REGRESSION, (None, 2)),
    **dict.fromkeys(("kl_divergence", "poisson", "mean_squared_logarithmic_error"), ("softplus", 2)),
    "categorical_hinge": (None, 3),
    "binary_focal_crossentropy": ("sigmoid", 1),
    "dice": ("sigmoid", 1),
    "tversky": ("sigmoid", 1),
    "categorical_focal_crossentropy": ("softmax", 3),
    "categorical_generalized_cross_entropy": ("softmax", 3),
}


class Merging(L.Layer):
    """Two views of the input, merged."""

    supports_masking = True

    def __init__(self, merge: L.Layer) -> None:
        super().__init__()
        self.merge = merge
        self.one, self.other = L.Dense(4), L.Dense(4, "tanh")

    def call(self, inputs: Any) -> Any:
        return self.merge([self.one(inputs), self.other(inputs)])


class Twice(L.Wrapper):
    def call(self, inputs: Any) -> Any:
        return self.layer(self.layer(inputs))


NETS[VECTOR]["Wrapper"] = lambda: [Twice(L.Dense(6, "tanh"))]


def merging(name: str) -> Net:
    return lambda: [Merging(getattr(L, name)(**({"axes": 1} if name == "Dot" else {})))]


MERGES = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
NETS[VECTOR] |= {name: merging(name) for name in MERGES}


class Changes(gpudl.callbacks.Callback):
    """A lower learning rate after the first epoch (unless a schedule says it), a frozen layer after the second."""

    def __init__(self, scheduled: bool) -> None:
        super().__init__()
        self.scheduled = scheduled

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0 and not self.scheduled:
            self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)
        if epoch == 1:
            for layer in self.model.layers[:-1]:
                if layer.trainable_weights:
                    layer.trainable = False
                    break


def y_is_numbers(loss: str) -> bool:
    return loss in (*REGRESSION, "mean_squared_error", "kl_divergence", "poisson", "mean_squared_logarithmic_error")


def run(
    net: Net, optimizer: Callable[[], Any], mode: str, shape: tuple[int, ...] = VECTOR, loss: str = "sparse_categorical_crossentropy"
) -> tuple[list[Any], Any]:
    """Everything that a training changes or returns, and the model."""
    rng = np.random.default_rng(4)
    activation, width = LOSSES[loss]
    x = rng.integers(0, 11, (N, *shape)) if shape is TOKENS else rng.normal(size=(N, *shape)).astype("f4")
    classes = rng.integers(0, max(2, width), N)
    y: np.ndarray = classes
    if loss in ("categorical_crossentropy", "categorical_hinge", "categorical_focal_crossentropy"):
        y = np.eye(width, dtype="f4")[classes]
    elif y_is_numbers(loss):
        y = rng.normal(size=(N, width)).astype("f4")
    weights = rng.random(N).astype("f4")
    gpudl.utils.set_random_seed(2)
    model = gpudl.Sequential([L.Input(shape), *net(), L.Dropout(0.2), L.Dense(width, activation=activation)])
    model.compile(optimizer(), loss, metrics=[] if y_is_numbers(loss) else ["accuracy"], run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = "poisoned"
    changes, out = Changes(scheduled=getattr(model.optimizer, "inner_optimizer", model.optimizer)._schedule is not None), []
    for data, given in ((x, None), (x[::-1].copy(), weights)):
        history = model.fit(
            data, y, batch_size=BATCH, epochs=3, sample_weight=given, validation_data=(x[:20], y[:20]), callbacks=[changes], verbose=0
        ).history
        out += [np.array(history[k]) for k in sorted(history)]
        out += [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    out += [np.array(model.evaluate(x, y, batch_size=15, verbose=0)), model.predict(x, batch_size=15, verbose=0)]
    out += [np.array(model.train_on_batch(x[:9], y[:9])) for _ in range(8)]
    out += [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    if mode != "eager":
        runners = model._runners
        assert runners["train"].replayed >= 6 and runners["test"].replayed > 0, {k: (r.replayed, r.eager) for k, r in runners.items()}
        assert runners["train_batch"].replayed > 0 or model._foreign, "code of the user's own is run between single steps"
        sizes = {key[0][0] for key in runners["train"].known}
        assert {BATCH, N % BATCH} <= sizes, "the smaller batch has its own plan"
    return out, model


def compiled_part(model: Any) -> bool:
    """Whether a compiled kernel takes part in a plan of this model."""
    kernels = gpudl.backends.get("cpu").kernels
    return any(kernels[call.op] is not None for r in model._runners.values() for plan in r.plans() for call in plan.program)


def compare(path: str, *args: Any, **options: Any) -> None:
    replayed, model = run(*args, "replay", **options)
    if path != "numpy" and not compiled_part(model):
        return  # the same calls as on the path "numpy", which are compared there
    eager, _ = run(*args, "eager", **options)
    poisoned, _ = run(*args, "poisoned", **options)
    for mode, got in (("replay", replayed), ("poisoned", poisoned)):
        assert len(got) == len(eager)
        for i, (a, b) in enumerate(zip(eager, got)):
            assert np.shape(a) == np.shape(b) and np.asarray(a).tobytes() == np.asarray(b).tobytes(), f"{mode}: result {i} of {len(eager)}"


@pytest.mark.parametrize(("shape", "name"), [(shape, name) for shape in NETS for name in NETS[shape]])
def test_layers(shape: tuple[int, ...], name: str, path: str) -> None:
    compare(path, NETS[shape][name], OPTIMIZERS["SGD momentum" if shape is VECTOR else "SGD"], shape=shape)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str, path: str) -> None:
    compare(path, NETS[VECTOR]["BatchNormalization"], OPTIMIZERS[name])


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str, path: str) -> None:
    compare(path, NETS[VECTOR]["Dense"], OPTIMIZERS["Adam"], loss=name)


def test_every_layer_is_compared() -> None:
    classes = {n for n in L.__all__ if isinstance(getattr(L, n), type) and issubclass(getattr(L, n), L.Layer)} - {"Layer", "InputLayer"}
    assert {getattr(L, n).__name__ for n in classes} - {"InputLayer"} <= {name for nets in NETS.values() for name in nets}


def test_every_optimizer_is_compared() -> None:
    made = {type(make()) for make in OPTIMIZERS.values()}
    classes = {c for n in optimizers.__all__ if isinstance(c := getattr(optimizers, n), type) and issubclass(c, optimizers.Optimizer)}
    assert classes - {optimizers.Optimizer} == made


def test_every_loss_is_compared() -> None:
    known = {c for n in losses.__all__ if isinstance(c := getattr(losses, n), type) and issubclass(c, losses.Loss)}
    assert known - {losses.Loss, losses.LossFunction} == {type(losses.get(name)) for name in LOSSES}

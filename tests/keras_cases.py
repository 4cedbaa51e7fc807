"""Models that Keras and gpudl build from the same lines: what their files are compared with."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# name -> (shape of one example, kind of input, the layers; k is `keras`, or gpudl in its place)
CASES: dict[str, tuple[tuple[int, ...], str, Callable[[Any], list[Any]]]] = {
    "dense": ((4,), "float", lambda k: [
        k.layers.Dense(6, activation="relu", kernel_regularizer=k.regularizers.L2(0.01), bias_initializer="ones"),
        k.layers.Dense(5, use_bias=False, kernel_constraint=k.constraints.MaxNorm(2.0), kernel_initializer="he_normal"),
        k.layers.Activation("tanh"), k.layers.Dropout(0.3), k.layers.Dense(3, activation="softmax", activity_regularizer="l1"),
    ]),
    "activations": ((6,), "float", lambda k: [
        k.layers.Dense(6), k.layers.LeakyReLU(negative_slope=0.1), k.layers.ReLU(max_value=5.0, negative_slope=0.1, threshold=0.1),
        k.layers.PReLU(), k.layers.ELU(0.5), k.layers.Dense(6, activation="gelu"), k.layers.Softmax(),
        k.layers.Dense(4, activation="silu"), k.layers.Dense(4, activation="hard_sigmoid"), k.layers.Identity(),
    ]),
    "images": ((12, 12, 3), "float", lambda k: [
        k.layers.Rescaling(0.5, offset=-0.1), k.layers.ZeroPadding2D(((1, 0), (0, 1))), k.layers.Conv2D(4, 3, padding="same"),
        k.layers.BatchNormalization(), k.layers.ReLU(), k.layers.MaxPooling2D(2), k.layers.Conv2D(6, (3, 2), strides=2, groups=2),
        k.layers.SpatialDropout2D(0.2), k.layers.UpSampling2D(2), k.layers.Cropping2D(1), k.layers.GlobalAveragePooling2D(),
        k.layers.Dense(2),
    ]),
    "kernels": ((8, 8, 4), "float", lambda k: [
        k.layers.Conv2DTranspose(3, 3, strides=2, padding="same"), k.layers.DepthwiseConv2D(3, depth_multiplier=2),
        k.layers.SeparableConv2D(5, 3, padding="same"), k.layers.Conv2D(4, 3, dilation_rate=2), k.layers.AveragePooling2D(2),
        k.layers.PReLU(shared_axes=[1, 2]), k.layers.Flatten(), k.layers.Dense(3),
    ]),
    "channels_first": ((3, 8, 8), "float", lambda k: [
        k.layers.ZeroPadding2D(1, data_format="channels_first"), k.layers.Permute((2, 3, 1)), k.layers.Conv2D(4, 3),
        k.layers.Permute((3, 1, 2)), k.layers.BatchNormalization(axis=1), k.layers.Flatten(data_format="channels_first"),
        k.layers.Dense(2),
    ]),
    "lines": ((12, 4), "float", lambda k: [
        k.layers.ZeroPadding1D(1), k.layers.Conv1D(6, 3, padding="causal"), k.layers.Cropping1D((1, 0)), k.layers.SeparableConv1D(4, 3),
        k.layers.UpSampling1D(2), k.layers.MaxPooling1D(2), k.layers.SpatialDropout1D(0.2), k.layers.Conv1DTranspose(4, 3),
        k.layers.AveragePooling1D(2), k.layers.GroupNormalization(2), k.layers.GlobalMaxPooling1D(), k.layers.Dense(2),
    ]),
    "pooled": ((6, 6, 2), "float", lambda k: [k.layers.Conv2D(3, 2), k.layers.GlobalMaxPooling2D(), k.layers.Dense(2)]),
    "pooled_1d": ((6, 2), "float", lambda k: [k.layers.Dense(3), k.layers.GlobalAveragePooling1D(), k.layers.Dense(2)]),
    "normalized": ((5, 4), "float", lambda k: [
        k.layers.Normalization(), k.layers.LayerNormalization(), k.layers.RMSNormalization(), k.layers.Dense(4),
        k.layers.UnitNormalization(), k.layers.GaussianNoise(0.1), k.layers.GaussianDropout(0.1),
        k.layers.ActivityRegularization(l2=0.1), k.layers.BatchNormalization(center=False), k.layers.BatchNormalization(scale=False),
        k.layers.Reshape((4, 5)), k.layers.Dense(2),
    ]),
    "given": ((3,), "float", lambda k: [
        k.layers.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0, 4.0, 9.0]), k.layers.Dense(2), k.layers.RepeatVector(3),
        k.layers.Flatten(), k.layers.Dense(2),
    ]),
    "words": ((7,), "whole", lambda k: [
        k.layers.Embedding(10, 4), k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True, dropout=0.1)),
        k.layers.TimeDistributed(k.layers.Dense(4, activation="relu")), k.layers.GRU(5, return_sequences=True),
        k.layers.GRU(4, reset_after=False, return_sequences=True), k.layers.SimpleRNN(4, return_sequences=True),
        k.layers.LSTM(3, go_backwards=True, unit_forget_bias=False), k.layers.Dense(2, activation="sigmoid"),
    ]),
    "two_ways": ((5, 3), "float", lambda k: [
        k.layers.Bidirectional(k.layers.GRU(3), merge_mode="sum", backward_layer=k.layers.LSTM(3, go_backwards=True)),
        k.layers.Dense(2),
    ]),
    "cells": ((5, 3), "float", lambda k: [
        k.layers.RNN(k.layers.LSTMCell(4), return_sequences=True),
        k.layers.RNN([k.layers.LSTMCell(3), k.layers.LSTMCell(4)], return_sequences=True),  # stacks of others fail in Keras on JAX
        k.layers.RNN(k.layers.GRUCell(3, reset_after=False), return_sequences=True), k.layers.RNN(k.layers.SimpleRNNCell(3)),
        k.layers.AlphaDropout(0.1), k.layers.Dense(2),
    ]),
    "pictures": ((9, 8, 3), "float", lambda k: [
        k.layers.Resizing(6, 7), k.layers.CenterCrop(4, 4), k.layers.Flatten(), k.layers.Dense(2),
    ]),
    "categories": ((3,), "whole", lambda k: [k.layers.CategoryEncoding(10, output_mode="multi_hot"), k.layers.Dense(2)]),
    "masked": ((5, 3), "float", lambda k: [k.layers.Masking(0.0), k.layers.LSTM(4), k.layers.Dense(2)]),
    "counted": ((4,), "float", lambda k: [
        k.layers.Dense(3), k.layers.BatchNormalization(renorm=True), k.layers.Dense(2, activation="log_softmax"),
    ]),
    "nested": ((4,), "float", lambda k: [
        k.layers.Dense(4, name="first"),
        k.Sequential([k.layers.Input((4,)), k.layers.Dense(5), k.layers.BatchNormalization(), k.layers.Dense(4)], name="inner"),
        k.Sequential([k.layers.Input((4,)), k.layers.Dense(3)]), k.layers.Dense(2),
    ]),
}  # fmt: skip

# name -> an optimizer
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda k: k.optimizers.SGD(0.05),
    "momentum": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
    "Adam": lambda k: k.optimizers.Adam(0.01),
    "amsgrad": lambda k: k.optimizers.Adam(0.01, amsgrad=True, weight_decay=0.01),
    "AdamW": lambda k: k.optimizers.AdamW(0.01),
    "RMSprop": lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "Adagrad": lambda k: k.optimizers.Adagrad(0.05),
    "Adadelta": lambda k: k.optimizers.Adadelta(1.0),
    "Adamax": lambda k: k.optimizers.Adamax(0.01),
    "Ftrl": lambda k: k.optimizers.Ftrl(0.05),
    "Lion": lambda k: k.optimizers.Lion(0.001),
    "Lamb": lambda k: k.optimizers.Lamb(0.01),
    "Adafactor": lambda k: k.optimizers.Adafactor(0.01),
    "average": lambda k: k.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9),
    "accumulated": lambda k: k.optimizers.SGD(0.05, momentum=0.9, gradient_accumulation_steps=3),
    "scaled": lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.01), initial_scale=8.0, dynamic_growth_steps=3),
    "Nadam": lambda k: k.optimizers.Nadam(0.01),
    "schedule": lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.02, 2, 0.5)),
}


def inputs(name: str, rows: int = 8) -> np.ndarray[Any, Any]:
    """Examples for a case, always the same."""
    shape, kind, _ = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    return rng.integers(0, 10, (rows, *shape)) if kind == "whole" else rng.standard_normal((rows, *shape)).astype("float32")


def model_of(k: Any, name: str) -> Any:
    """The model of a case, with weights that are no zeros and no ones; different ones in every run of this function."""
    shape, kind, layers = CASES[name]
    model = k.Sequential([k.layers.Input(shape, dtype="int32" if kind == "whole" else "float32"), *layers(k)], name=name)
    rng = np.random.default_rng(len(name))
    model.set_weights([scattered(rng, np.asarray(w)) for w in model.get_weights()])
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # Keras computes with copies of the statistics
            layer.finalize_state()
    return model


def scattered(rng: np.random.Generator, w: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Values for a weight: positive ones, since some are variances."""
    return np.asarray(rng.uniform(0.2, 0.9, w.shape)).astype(w.dtype)


GOLDEN = Path(__file__).parent / "golden"
FILES = GOLDEN / "keras_files"
_spec = importlib.util.spec_from_file_location("make_keras_files", GOLDEN / "make_keras_files.py")
assert _spec is not None and _spec.loader is not None
golden: Any = importlib.util.module_from_spec(_spec)  # the script that made them: its network and its data
_spec.loader.exec_module(golden)


def same(a: list[np.ndarray[Any, Any]], b: list[np.ndarray[Any, Any]]) -> bool:
    """Whether two lists of arrays are equal, bit for bit."""
    return len(a) == len(b) and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b))


def edited(name: str, target: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a golden `.keras` file with another configuration."""
    with zipfile.ZipFile(FILES / name) as z, zipfile.ZipFile(target, "w") as out:
        for member in z.namelist():
            data = z.read(member)
            if member == "config.json":
                config = json.loads(data)
                edit(config)
                data = json.dumps(config).encode()
            out.writestr(member, data)
    return target

"""summary(memory=...): what is forecast from shapes against the memory planned for the recorded step, and the lines printed."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl.models import memory

FACTOR = 1.1  # stated in gpudl/models/memory.py


def soft(n: int = 10) -> L.Layer:
    return L.Dense(n, activation="softmax")


NETS = {
    "iris": lambda: [L.Input((4,)), L.Dense(64, "relu"), soft(3)],
    "dropout": lambda: [L.Input((784,)), L.Dense(100, "relu"), L.Dropout(0.2), L.Dense(100, "relu"), L.Dropout(0.2), soft()],
    "norm": lambda: [L.Input((784,)), L.Dense(256), L.BatchNormalization(), L.Activation("relu"), L.Dense(256, "tanh"), soft()],
    "deep": lambda: [L.Input((32,)), *[L.Dense(64, "sigmoid") for _ in range(12)], soft()],
    "gelu": lambda: [L.Input((64,)), L.Dense(512, "gelu"), L.Dense(512, "elu"), soft()],
    "leaky": lambda: [L.Input((64,)), L.Dense(512), L.LeakyReLU(0.1), L.Dense(512), L.LeakyReLU(0.1), soft()],
    "linear": lambda: [L.Input((64,)), L.Dense(512), L.Dense(512), soft()],
    "wide": lambda: [L.Input((4000,)), L.Dense(8, "relu"), soft()],
    "conv": lambda: [
        L.Input((28, 28, 1)), L.Conv2D(16, 3, activation="relu", padding="same"), L.Conv2D(16, 3, activation="relu"), L.MaxPooling2D(2),
        L.Dropout(0.25), L.Conv2D(32, 3), L.BatchNormalization(), L.Activation("relu"), L.MaxPooling2D(2), L.Flatten(), L.Dense(64, "relu"),
        soft(),
    ],
    "pool": lambda: [
        L.Input((16, 16, 3)), L.Conv2D(16, 3), L.ReLU(), L.AveragePooling2D(2), L.Conv2D(32, 3), L.GlobalAveragePooling2D(), soft(),
    ],
    "nested": lambda: [L.Input((64,)), gpudl.Sequential([L.Input((64,)), L.Dense(256, "relu"), L.Dense(128, "tanh")]), soft()],
    "simple_rnn": lambda: [L.Input((28, 28)), L.SimpleRNN(64), soft()],
    "gru": lambda: [L.Input((28, 28)), L.GRU(64), soft()],
    "lstm": lambda: [L.Input((28, 28)), L.LSTM(64, return_sequences=True), L.LSTM(64), soft()],
    "both_ways": lambda: [L.Input((28, 28)), L.Bidirectional(L.LSTM(32)), soft()],
    "each_step": lambda: [L.Input((28, 28)), L.TimeDistributed(L.Dense(64, "relu")), L.GlobalAveragePooling1D(), soft()],
}  # fmt: skip


def trained(name: str, batch: int, dtype: str = "float32") -> gpudl.Sequential:
    before = gpudl.config.floatx()
    gpudl.config.set_floatx(dtype)
    try:
        model = gpudl.Sequential(NETS[name]())
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    finally:
        gpudl.config.set_floatx(before)
    rng = np.random.default_rng(0)
    x = rng.random((4 * batch, *model.input_shape[1:])).astype(dtype)
    model.fit(x, rng.integers(0, 3, 4 * batch), batch_size=batch, verbose=0)
    return model


@pytest.mark.parametrize("batch", [8, 64])
@pytest.mark.parametrize("name", NETS)
def test_the_forecast_is_near_what_is_planned(name, batch) -> None:
    model = trained(name, batch)
    (plan,) = model._runner("train").plans()
    assert memory.recorded(model) == {batch: plan.arena_bytes}
    forecast = memory.activations(model, batch)
    assert forecast is not None
    assert plan.arena_bytes / FACTOR < forecast < plan.arena_bytes * FACTOR + 2048  # tiny buffers are rounded up to 64 bytes


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["iris", "dropout", "norm", "deep", "conv", "lstm"])
def test_the_forecast_of_mixed_precision(name: str, policy: str) -> None:
    """With copies of weights, and with what a scaled step can take back."""
    gpudl.config.set_dtype_policy(policy)
    model = trained(name, 64)
    (plan,) = model._runner("train").plans()
    forecast = memory.activations(model, 64)
    assert forecast is not None and plan.arena_bytes / FACTOR < forecast < plan.arena_bytes * FACTOR + 2048


def test_double_precision_takes_twice_as_much() -> None:
    model = trained("iris", 64, "float64")
    (plan,) = model._runner("train").plans()
    forecast = memory.activations(model, 64)
    assert forecast is not None and plan.arena_bytes / FACTOR < forecast < plan.arena_bytes * FACTOR
    assert forecast == 2 * memory.activations(gpudl.Sequential(NETS["iris"]()), 64)  # type: ignore[operator]


def printed(model: gpudl.Sequential, memory: object) -> list[str]:
    lines: list[str] = []
    model.summary(memory=memory, print_fn=lines.append)  # type: ignore[arg-type]
    return lines[lines.index(" Memory for training:") + 1 :]


@pytest.mark.parametrize(("fusion", "together"), [(True, "16.88 KB; together 20.90 KB"), (False, "24.50 KB; together 28.52 KB")])
def test_lines(fusion: bool, together: str) -> None:
    """4-64-3: 515 parameters of 4 bytes; Adam has two slots for each. Fused are gradient and product between the two layers."""
    gpudl.config.set_fusion(fusion)
    with gpudl.testing.use_kernels("numpy"):
        check_lines(together)


def check_lines(together: str) -> None:
    model = gpudl.Sequential(NETS["iris"]())
    assert printed(model, 32) == [
        "   parameters:               2.01 KB",
        "   gradients:                2.01 KB",
        f"   activations, batch 32:    about {together}",
    ]
    model.compile("adam", "sparse_categorical_crossentropy")
    assert printed(model, [1, 32])[2] == "   optimizer:                4.02 KB"
    model.layers[0].trainable = False
    assert printed(model, 1)[1] == "   gradients:                780.00 B"


def test_what_was_recorded_is_said() -> None:
    model = trained("iris", 64)
    (plan,) = model._runner("train").plans()
    lines = printed(model, True)
    assert [line.split(":")[0].split()[-1] for line in lines[3:]] == ["1", "32", "64", "256"]
    assert (
        lines[5] == f"   activations, batch 64:    {plan.arena_bytes / 1024:.2f} KB, recorded; together " + lines[5].split("together ")[1]
    )
    assert sum("recorded" in line for line in lines) == 1
    assert lines[2] == "   optimizer:                4.02 KB"  # momenta and averages, made by now


def test_batches_given_one_by_one_are_known_too() -> None:
    model = gpudl.Sequential(NETS["iris"]())
    model.compile("sgd", "sparse_categorical_crossentropy")
    for _ in range(3):
        model.train_on_batch(np.ones((16, 4), np.float32), np.zeros(16, np.int64))
    (plan,) = model._runner("train_batch").plans()
    assert memory.recorded(model) == {16: plan.arena_bytes}


def test_it_changes_nothing() -> None:
    model = trained("iris", 64)
    before, replayed = model.get_weights(), model._runner("train").replayed
    printed(model, True)
    assert model._runner("train").replayed == replayed and len(model._runner("train").plans()) == 1
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_without_memory_nothing_is_said() -> None:
    lines: list[str] = []
    gpudl.Sequential(NETS["iris"]()).summary(print_fn=lines.append)
    assert not any("Memory" in line for line in lines)


@pytest.mark.parametrize("shape", [None, (None, 3)])
def test_open_shapes(shape) -> None:
    model = gpudl.Sequential([L.Dense(3)] if shape is None else [L.Input(shape), L.Dense(3)])
    assert memory.activations(model, 2) is None
    assert printed(model, 2)[-1] == "   activations, batch 2:     not known: shapes are open"


@pytest.mark.parametrize("wrong", [0, -1, "yes", [], [1, True], 1.5, None])
def test_wrong_batch_sizes(wrong) -> None:
    with pytest.raises(ValueError, match="memory must be True, a batch size, or a list of them"):
        gpudl.Sequential(NETS["iris"]()).summary(memory=wrong)

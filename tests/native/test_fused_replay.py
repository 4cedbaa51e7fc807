"""Replayed steps with the fused CUDA kernels, emulated: they are taken, agree with the eager step within rounding, and with themselves bit
for bit; without fusion replay and eager agree bit for bit, as ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from emulated import FAST

import gpudl
from gpudl import config
from gpudl import layers as L
from gpudl.testing import use_kernels

pytestmark = pytest.mark.skipif(FAST.module is None, reason=f"the emulation is not installed: {FAST.reason}")
UNIT = {"float32": 2.0**-23, "float64": 2.0**-52, "mixed_float16": 2.0**-10, "mixed_bfloat16": 2.0**-7}  # policy -> rounding unit


@pytest.fixture(autouse=True)
def emulated() -> Iterator[None]:
    with gpudl.device("cpu"), use_kernels("emulated"):
        yield


def dense() -> tuple[tuple[int, ...], list[L.Layer]]:
    acts = ("relu", "leaky_relu", "tanh", "sigmoid")
    return (7,), [L.Dense(9 + i, activation=act) for i, act in enumerate(acts)]


def images() -> tuple[tuple[int, ...], list[L.Layer]]:
    return (6, 5, 3), [
        L.Conv2D(4, 3, padding="same", activation="relu"), L.Conv2D(5, 2, activation="tanh"), L.Conv2D(4, 2), L.BatchNormalization(),
        L.ReLU(), L.Conv2D(4, 2, use_bias=False), L.BatchNormalization(), L.LeakyReLU(0.1), L.Flatten(),
    ]  # fmt: skip


def trained(net: Any, policy: str, mode: str, fusion: bool = True) -> tuple[list[np.ndarray], list[tuple[str, ...]]]:
    """Losses and weights after some steps, and what was fused."""
    config.set_dtype_policy(policy)
    config.set_fusion(fusion)
    gpudl.utils.set_random_seed(1)
    shape, layers = net()
    model = gpudl.Sequential([L.Input(shape), *layers, L.Dense(3, "softmax")])
    model.compile(gpudl.optimizers.SGD(0.05), "sparse_categorical_crossentropy", run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = mode
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((10, *shape)).astype("f4"), rng.integers(0, 3, 10)
    seen = [np.array(model.train_on_batch(x, y)) for _ in range(4)]
    plans = model._runners["train_batch"].plans()
    assert bool(plans) == (mode != "eager")
    return [*seen, *model.get_weights()], [parts for plan in plans for parts in plan.parts if len(parts) > 1]


EXPECTED = {
    dense: [
        ("matmul", "add", "relu"), ("matmul", "add", "leaky_relu"), ("matmul", "add", "tanh"), ("matmul", "add", "sigmoid"),
        ("matmul", "add"), ("matmul", "sigmoid_grad", "sum_to"), ("matmul", "tanh_grad", "sum_to"),
        ("matmul", "leaky_relu_grad", "sum_to"), ("matmul", "relu_grad", "sum_to"),
    ],
    images: [
        ("conv2d", "add", "relu"), ("conv2d", "add", "tanh"), ("conv2d", "add"), ("batch_norm", "relu"), ("batch_norm", "leaky_relu"),
        ("matmul", "add"), ("leaky_relu_grad", "batch_norm_grad"), ("relu_grad", "batch_norm_grad"),
        ("conv2d_grad_input", "tanh_grad", "sum_to"), ("conv2d_grad_input", "relu_grad", "sum_to"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("policy", UNIT)
@pytest.mark.parametrize("net", EXPECTED, ids=lambda net: net.__name__)
def test_fused_kernels_are_taken_and_right(net: Any, policy: str) -> None:
    eager, _ = trained(net, policy, "eager")
    replayed, fused = trained(net, policy, "replay")
    poisoned, _ = trained(net, policy, "poisoned")
    assert [p for p in fused if p[0] != "softmax"] == EXPECTED[net]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(replayed, poisoned))
    for a, b in zip(replayed, eager):
        bound = 64 * UNIT[policy] * max(1.0, float(np.abs(b.astype("f8")).max()))
        assert np.abs(a.astype("f8") - b.astype("f8")).max() <= bound


def test_without_fusion_the_bits_agree() -> None:
    eager, _ = trained(dense, "float32", "eager")
    replayed, fused = trained(dense, "float32", "replay", fusion=False)
    assert fused == [] and all(a.tobytes() == b.tobytes() for a, b in zip(replayed, eager))

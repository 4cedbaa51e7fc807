"""What every layer must hold: shapes as computed, configurations that come back, gradients for every weight, float64 wholly."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from layers.layer_cases import CASES, IDS, MODELS

import gpudl
from gpudl import layers as L
from gpudl import variables
from gpudl.layers import Layer
from gpudl.layers.building import own_parameters
from gpudl.replay import StepRunner

every = pytest.mark.parametrize("name,make,shape", CASES, ids=IDS)
Make = Callable[..., Layer]


def data(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(dtype)


@every
@pytest.mark.parametrize("training", [False, True])
def test_output_has_the_computed_shape(name: str, make: Make, shape: tuple[int, ...], training: bool) -> None:
    layer = make()
    computed = layer.compute_output_shape((None, *shape[1:]))
    assert not layer.built
    y = layer(data(shape), training=training)
    assert layer.built
    assert computed[0] is None and y.shape == (shape[0], *computed[1:])
    assert layer.compute_output_shape(shape) == y.shape
    assert y.dtype == np.float32


@every
def test_empty_batch(name: str, make: Make, shape: tuple[int, ...]) -> None:
    layer = make()
    layer.build((None, *shape[1:]))
    assert layer(np.zeros((0, *shape[1:]), np.float32)).shape == layer.compute_output_shape((0, *shape[1:]))


@every
def test_config_comes_back(name: str, make: Make, shape: tuple[int, ...]) -> None:
    layer = make(name="mine", trainable=False)
    text = json.dumps(L.serialize(layer))
    again = L.deserialize(json.loads(text))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
    assert again.name == "mine" and again.trainable is False and not again.built
    again.build((None, *shape[1:]))
    layer.build((None, *shape[1:]))
    assert [v.shape for v in again.weights] == [v.shape for v in layer.weights]
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(data(shape)).numpy(), layer(data(shape)).numpy())


@every
def test_every_argument_is_in_the_config(name: str, make: Make, shape: tuple[int, ...]) -> None:
    layer = make()
    assert set(own_parameters(type(layer))) <= {*layer.get_config(), "activity_regularizer"}


@pytest.mark.parametrize("name,make,shape", CASES + MODELS, ids=[*IDS, "nested"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_reaches_every_weight_and_the_input(name: str, make: Make, shape: tuple[int, ...], dtype: str) -> None:
    layer = make(dtype=dtype)
    x = gpudl.Tensor(data(shape, dtype), requires_grad=True)
    y = layer(x, training=True)
    assert y.dtype == dtype
    (y * data(y.shape, dtype)).sum().backward()
    assert x.grad is not None and x.grad.dtype == dtype and np.isfinite(x.grad.numpy()).all()
    for v in layer.weights:
        assert v.dtype == dtype
    for v in layer.trainable_weights:
        assert v.grad is not None and v.grad.shape == v.shape and v.grad.dtype == dtype, v.name


@every
def test_float64_is_wholly_float64(name: str, make: Make, shape: tuple[int, ...]) -> None:
    """An input that float32 cannot hold gives what its float64 neighbour does not."""
    layer = make(dtype="float64")
    x = data(shape, "float64")
    first = layer(x).numpy()
    second = layer(x * (1 + 1e-12)).numpy()
    assert first.dtype == np.float64 and (first != second).any()


@every
@pytest.mark.parametrize("dtype,unit", [("float16", 2.0**-11), ("bfloat16", 2.0**-8)])
def test_half_precision_is_near_float32(name: str, make: Make, shape: tuple[int, ...], dtype: str, unit: float) -> None:
    layer, exact = make(dtype=dtype), make(dtype="float64")  # dropout does nothing here
    x = gpudl.ops.cast(data(shape), dtype)
    y = layer(x)
    exact.build((None, *shape[1:]))
    exact.set_weights([w.astype(np.float64) for w in layer.get_weights()])
    expected = exact(x).numpy()
    assert y.dtype == dtype
    # a product, a bias and an activation, each rounded once
    np.testing.assert_allclose(y.numpy().astype(np.float64), expected, rtol=4 * unit, atol=4 * unit * max(1.0, np.abs(expected).max()))
    if layer.trainable_weights:
        layer(x, training=True).sum().backward()
        assert all(v.grad is not None and v.grad.dtype == dtype for v in layer.trainable_weights)


@every
def test_float32_input_of_a_float64_layer_and_back(name: str, make: Make, shape: tuple[int, ...]) -> None:
    assert make(dtype="float64")(data(shape)).dtype == np.float64
    assert make()(data(shape, "float64")).dtype == np.float32


@pytest.mark.parametrize("name,make,shape", CASES + MODELS, ids=[*IDS, "nested"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_replay_equals_eager_also_poisoned(name: str, make: Make, shape: tuple[int, ...], dtype: str) -> None:
    """Five training steps by plain gradient descent: outputs, gradients, weights and states, bit for bit."""

    def run(mode: str) -> list[np.ndarray]:
        gpudl.random.set_seed(4)
        layer = make(dtype=dtype)
        layer.build((None, *shape[1:]))
        rate = gpudl.Tensor(np.asarray(0.1, dtype))
        scale = gpudl.Variable(np.ones((), dtype))  # in front of the layer, so that every layer has a gradient to pass on
        learning = [scale, *layer.trainable_weights]
        variables.pack(learning)

        def step(x: gpudl.Tensor) -> gpudl.Tensor:
            for v in learning:
                v.path_leaf.clear()
            y = layer(x * scale, training=True)
            total = gpudl.ops.sum(gpudl.ops.square(y))
            for term in layer.losses:
                total = total + term
            total.backward()
            with gpudl.no_grad():
                for v in learning:
                    assert v.grad is not None
                    v.assign_sub(v.grad * rate)
            return y

        runner = StepRunner(step, mode, strict=True)
        outputs = [runner([gpudl.Tensor(data(shape, dtype) + i)]).numpy() for i in range(5)]
        if mode != "eager":
            assert runner.replayed >= 2
        return [*outputs, *[v.numpy() for v in (scale, *layer.variables)]]

    eager = run("eager")
    for mode in ("replay", "poisoned"):
        for a, b in zip(run(mode), eager, strict=True):
            np.testing.assert_array_equal(a, b)


def test_channels_first_costs_no_copy_between_layers() -> None:
    """Neighbouring channels_first layers hand on NHWC memory."""
    x = gpudl.Tensor(data((2, 3, 8, 8)))
    y = L.Conv2D(4, 3, data_format="channels_first", activation="relu")(x)
    for layer in (L.LeakyReLU(), L.Activation("tanh"), L.MaxPooling2D(data_format="channels_first"), L.BatchNormalization(axis=1)):
        assert y.array.transpose(0, 2, 3, 1).flags.c_contiguous, layer
        y = layer(y, training=True)
    assert y.shape == (2, 4, 3, 3)


@pytest.mark.parametrize("make", [
    lambda f: L.Conv2D(4, 3, strides=2, padding="same", data_format=f, kernel_initializer=lambda shape, dtype=None: np.ones(shape)),
    lambda f: L.MaxPooling2D(3, data_format=f), lambda f: L.AveragePooling2D(2, padding="same", data_format=f),
    lambda f: L.GlobalAveragePooling2D(data_format=f, keepdims=True), lambda f: L.GlobalMaxPooling2D(data_format=f, keepdims=True),
])  # fmt: skip
def test_channels_first_is_channels_last_transposed(make: Callable[[str], Layer]) -> None:
    x = data((2, 3, 7, 6))
    first = make("channels_first")(x).numpy()
    last = make("channels_last")(np.ascontiguousarray(x.transpose(0, 2, 3, 1))).numpy()
    np.testing.assert_allclose(first, last.transpose(0, 3, 1, 2), rtol=1e-6, atol=1e-7)  # a sum may run in another order


def test_default_image_layout_is_read_at_construction() -> None:
    gpudl.config.set_image_data_format("channels_first")
    assert L.Conv2D(4, 3)(np.ones((1, 3, 8, 8))).shape == (1, 4, 6, 6)


def test_dropout_drops_in_training_alone() -> None:
    layer = L.Dropout(0.5, seed=1)
    x = np.ones((100, 100), np.float32)
    assert layer(x) is not None and (layer(x).numpy() == 1).all()
    y = layer(x, training=True).numpy()
    assert set(np.unique(y)) == {0.0, 2.0} and abs((y == 0).mean() - 0.5) < 0.02
    assert (layer(x, training=True).numpy() != y).any(), "each draw is another"
    np.testing.assert_array_equal(L.Dropout(0.5, seed=1)(x, training=True).numpy(), y)
    assert (L.Dropout(0.0)(x, training=True).numpy() == 1).all() and (L.Dropout(1.0)(x, training=True).numpy() == 0).all()


def test_batch_normalization_against_its_formula() -> None:
    x = data((8, 3)) * 3 + 2
    layer = L.BatchNormalization(momentum=0.9)
    y = layer(x, training=True).numpy()
    mean, variance = x.mean(0, dtype=np.float64), x.var(0, dtype=np.float64)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-3), rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * variance, rtol=1e-5)  # biased, as in Keras
    moved = layer.moving_mean.numpy()
    layer.trainable = False
    np.testing.assert_allclose(layer(x, training=True).numpy(), (x - moved) / np.sqrt(layer.moving_variance.numpy() + 1e-3), rtol=2e-5)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), moved)
    layer.trainable = True
    layer(x, training=True)
    assert (layer.moving_mean.numpy() != moved).all()


def test_integers_are_taken() -> None:
    for layer, shape in ((L.Dense(2), (3, 4)), (L.Conv2D(2, 1), (1, 2, 2, 3)), (L.BatchNormalization(), (3, 4))):
        assert layer(np.ones(shape, np.uint8), training=True).dtype == np.float32
    assert L.Flatten()(np.ones((2, 3, 4), np.int32)).dtype == np.int32


@pytest.mark.parametrize("x", [
    np.asfortranarray(data((4, 6))), data((4, 6))[::-1], data((8, 12))[::2, ::2], data((4, 6)).astype(">f4"),
    data((4, 6)).astype(np.float16), data((4, 6)).tolist(),
], ids=["fortran", "reversed", "strided", "big_endian", "float16", "list"])  # fmt: skip
def test_inputs_of_all_kinds(x: object) -> None:
    layer = L.Dense(3)
    plain = np.ascontiguousarray(np.asarray(x), dtype=np.float32)
    before = np.array(x)
    np.testing.assert_array_equal(layer(x).numpy(), layer(plain).numpy())
    np.testing.assert_array_equal(np.array(x), before)


def test_read_only_input() -> None:
    x = data((4, 6))
    x.flags.writeable = False
    assert L.Dense(3)(x).shape == (4, 3)


def test_nan_rows_stay_in_their_rows() -> None:
    x = data((4, 6))
    x[1, 2] = np.nan
    y = L.Dense(3, activation="relu")(x).numpy()
    assert np.isnan(y[1]).all() and np.isfinite(y[[0, 2, 3]]).all()


def test_aliases() -> None:
    assert L.MaxPool2D is L.MaxPooling2D and L.AvgPool2D is L.AveragePooling2D
    assert L.GlobalAvgPool2D is L.GlobalAveragePooling2D and L.GlobalMaxPool2D is L.GlobalMaxPooling2D

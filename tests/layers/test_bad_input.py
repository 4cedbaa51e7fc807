"""Bad arguments and bad data: a clear error that names layer, argument, expected and received, before anything changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpudl import layers as L
from gpudl.errors import DTypeError, ShapeError
from gpudl.models import Sequential

X = np.ones((2, 4), np.float32)
IMAGES = np.ones((2, 8, 8, 3), np.float32)

REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: L.Dense(0), ValueError, r"\[Dense\] units .* >= 1\. Received: units=0"),
    (lambda: L.Dense(-3), ValueError, "units=-3"),
    (lambda: L.Dense(2.5), TypeError, "units=2.5"),
    (lambda: L.Dense("64"), TypeError, "units='64'"),
    (lambda: L.Dense(True), TypeError, "units=True"),
    (lambda: L.Dense(None), TypeError, "units=None"),
    (lambda: L.Dense(3, activation="rleu"), ValueError, "'rleu'.*Did you mean 'relu'"),
    (lambda: L.Dense(3, kernel_initializer="he_norml"), ValueError, "'he_norml'.*Did you mean 'he_normal'"),
    (lambda: L.Dense(3, kernel_regularizer="l3"), ValueError, "regularizer 'l3'"),
    (lambda: L.Dense(3, kernel_initialiser="ones"), TypeError, "'kernel_initialiser'.*Did you mean 'kernel_initializer'"),
    (lambda: L.Dense(3, use_bias="yes"), TypeError, "use_bias must be True or False"),
    (lambda: L.Dense(3, trainable=1), TypeError, "trainable must be True or False"),
    (lambda: L.Dense(3, name=4), TypeError, "name must be a string"),
    (lambda: L.Dense(3, dtype="float31"), DTypeError, "float31"),
    (lambda: L.Dense(3, input_shape=(-4,)), ValueError, "must not be negative"),
    (lambda: L.Dropout("0.2"), TypeError, r"rate='0.2' \(a string\).*Dropout\(0.2\)"),
    (lambda: L.Dropout("many"), TypeError, "rate='many'"),
    (lambda: L.Dropout(1.5), ValueError, "0 <= rate <= 1.*rate=1.5"),
    (lambda: L.Dropout(-0.1), ValueError, "rate=-0.1"),
    (lambda: L.Dropout(float("nan")), ValueError, "rate=nan"),
    (lambda: L.Dropout(None), TypeError, "rate=None"),
    (lambda: L.Dropout(0.5, seed=-1), ValueError, "seed=-1"),
    (lambda: L.Conv2D(0, 3), ValueError, "filters=0"),
    (lambda: L.Conv2D(4, 0), ValueError, "kernel_size=0"),
    (lambda: L.Conv2D(4, (3, 3, 3)), ValueError, r"kernel_size=\(3, 3, 3\)"),
    (lambda: L.Conv2D(4, 3.0), TypeError, "kernel_size=3.0"),
    (lambda: L.Conv2D(4, 3, strides=0), ValueError, "strides=0"),
    (lambda: L.Conv2D(4, 3, padding="full"), ValueError, "'valid' or 'same'. Received: padding='full'"),
    (lambda: L.Conv2D(4, 3, padding="sam"), ValueError, "Did you mean 'same'"),
    (lambda: L.Conv2D(4, 3, strides=2, dilation_rate=2), ValueError, "strides > 1 cannot be combined"),
    (lambda: L.Conv2D(4, 3, data_format="NCHW"), ValueError, "'channels_first'"),
    (lambda: L.Conv2D(4, 3, groups=3), ValueError, "filters=4, groups=3"),
    (lambda: L.MaxPooling2D(0), ValueError, r"\[MaxPooling2D\] pool_size.*pool_size=0"),
    (lambda: L.AveragePooling2D(2, strides=-1), ValueError, "strides=-1"),
    (lambda: L.MaxPooling2D(2, padding="full"), ValueError, "padding='full'"),
    (lambda: L.BatchNormalization(momentum=1.5), ValueError, "momentum=1.5"),
    (lambda: L.BatchNormalization(momentum="0.9"), TypeError, r"BatchNormalization\(0.9\)|momentum='0.9'"),
    (lambda: L.BatchNormalization(epsilon=-1), ValueError, "epsilon=-1"),
    (lambda: L.BatchNormalization(axis=1.5), TypeError, "axis=1.5"),
    (lambda: L.LeakyReLU("0.1"), TypeError, "negative_slope='0.1'"),
    (lambda: L.LeakyReLU(-0.1), ValueError, "negative_slope=-0.1"),
    (lambda: L.ReLU(max_value=-1), ValueError, "max_value=-1"),
    (lambda: L.Softmax(axis="last"), TypeError, "axis='last'"),
    (lambda: L.Reshape((-1, -1)), ValueError, "only one"),
    (lambda: L.Reshape((2.5,)), TypeError, "2.5"),
    (lambda: L.Reshape("ab"), TypeError, "target_shape"),
    (lambda: L.Activation("sotfmax"), ValueError, "Did you mean 'softmax'"),
    (lambda: L.Input((-1,)), ValueError, "must not be negative"),
    (lambda: L.Input(4), TypeError, r"Write \(4,\)"),
    (lambda: L.Input(), ValueError, r"Input\(shape=\(4,\)\)"),
    (lambda: L.Input((4,), batch_shape=(None, 4)), ValueError, "same thing"),
    (lambda: L.Dense(3).count_params(), ValueError, "has no weights yet"),
    (lambda: L.Dense(3).set_weights([X]), ValueError, "has 0 weights; it is not built yet"),
]


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()
    assert str(caught.value).startswith("["), "says where"


DATA: list[tuple[str, Callable[[], L.Layer], Any, type[Exception], str]] = [
    ("dense_width", lambda: L.Dense(3, name="a"), np.ones((2, 5)), ShapeError, r"layer 'a': expected 4 features .* Received: 5"),
    ("dense_rank", lambda: L.Dense(3, name="a"), np.ones(4), ShapeError, "layer 'a': expected an input of at least 2 axes"),
    ("number", lambda: L.Dense(3, name="a"), 1.0, ShapeError, "layer 'a'"),
    ("nothing", lambda: L.Dense(3, name="a"), None, DTypeError, "Received: None"),
    ("text", lambda: L.Dense(3, name="a"), np.array([["a"] * 4]), DTypeError, "numbers are expected"),
    ("objects", lambda: L.Dense(3, name="a"), np.array([[{}] * 4]), DTypeError, "numbers are expected"),
    ("complex", lambda: L.Dense(3, name="a"), np.ones((2, 4), complex), DTypeError, "numbers are expected"),
    ("dates", lambda: L.Dense(3, name="a"), np.zeros((2, 4), "M8[s]"), DTypeError, "numbers are expected"),
    ("ragged", lambda: L.Dense(3, name="a"), [[1.0], [1.0, 2.0]], DTypeError, "equal lengths"),
]


@pytest.mark.parametrize(
    "built,name,make,x,error,words",
    [(built, *d) for d in DATA for built in (False, True) if built or d[0] != "dense_width"],  # an unbuilt layer takes any width
)
def test_refused_data(built: bool, name: str, make: Callable[[], L.Layer], x: Any, error: type[Exception], words: str) -> None:
    layer = make()
    if built:
        layer(X)
    before = layer.get_weights()
    with pytest.raises(error, match=words):
        layer(x)
    assert layer.built is built
    after = layer.get_weights()
    assert len(after) == len(before) and all((a == b).all() for a, b in zip(after, before))
    assert layer(X).shape == (2, 3)


@pytest.mark.parametrize("make,x,words", [
    (lambda: L.Conv2D(4, 9), IMAGES, r"\[Conv2D\] .*kernel \(9, 9\) is larger than its input \(8, 8\) with padding='valid'"),
    (lambda: L.Conv2D(4, 5, dilation_rate=2), IMAGES, r"with dilation_rate \(2, 2\)"),
    (lambda: L.Conv2D(4, 3), X, r"expected an input of 4 axes, \(batch, height, width, channels\). Received: 2 axes"),
    (lambda: L.Conv2D(4, 3, data_format="channels_first"), X, r"\(batch, channels, height, width\)"),
    (lambda: L.Conv2D(4, 3, groups=2), IMAGES, "divisible by groups=2. Received: 3"),
    (lambda: L.MaxPooling2D(9), IMAGES, r"pool_size \(9, 9\) is larger than its input \(8, 8\)"),
    (lambda: L.AveragePooling2D(2), X, "expected an input of 4 axes"),
    (lambda: L.GlobalAveragePooling2D(), X, "expected an input of 4 axes"),
    (lambda: L.Reshape((3, 5)), X, r"4 numbers, which do not fit target_shape=\(3, 5\)"),
    (lambda: L.Reshape((3, -1)), X, "do not fit"),
    (lambda: L.BatchNormalization(axis=4), X, "axis 4 is out of range for an input of 2 axes"),
    (lambda: L.BatchNormalization(axis=0), X, "is the batch axis"),
    (lambda: L.Softmax(axis=3), X, "axis 3 is out of range"),
    (lambda: L.Input((5,)), X, r"expected shape \(None, 5\). Received: shape \(2, 4\)"),
])  # fmt: skip
def test_refused_shapes(make: Callable[[], L.Layer], x: np.ndarray, words: str) -> None:
    layer = make()
    with pytest.raises(ShapeError, match=words) as caught:
        layer(x)
    assert f" layer {layer.name!r}: " in str(caught.value)
    assert layer.weights == []
    with pytest.raises(ShapeError, match=words.replace("Received: shape (2", "Received: shape (None")):
        make().compute_output_shape(x.shape)


@pytest.mark.parametrize("make,good,bad,words", [
    (lambda: L.Conv2D(4, 3), IMAGES, np.ones((2, 8, 8, 5)), r"expected 3 channels \(channels_last\). Received: 5"),
    (lambda: L.Conv2D(4, 3, data_format="channels_first"), np.ones((2, 3, 8, 8)), np.ones((2, 5, 8, 8)), "channels_first"),
    (lambda: L.Conv2D(4, 3), IMAGES, np.ones((2, 2, 2, 3)), "larger than its input"),
    (lambda: L.BatchNormalization(), X, np.ones((2, 7)), "expected 4 channels on axis -1. Received: 7"),
])  # fmt: skip
def test_another_shape_on_the_second_call(make: Callable[[], L.Layer], good: np.ndarray, bad: np.ndarray, words: str) -> None:
    layer = make()
    first = layer(good).numpy()
    with pytest.raises(ShapeError, match=words):
        layer(bad, training=True)
    np.testing.assert_array_equal(layer(good).numpy(), first)


def test_open_sizes_where_weights_need_them() -> None:
    with pytest.raises(ShapeError, match="number of features"):
        L.Dense(3).build((None, None))
    with pytest.raises(ShapeError, match="number of channels"):
        L.Conv2D(3, 3).build((None, 8, 8, None))
    assert L.Conv2D(3, 3).compute_output_shape((None, None, None, 2)) == (None, None, None, 3)


def test_weights_too_large_for_any_memory() -> None:
    layer = L.Dense(2**40)
    with pytest.raises((MemoryError, ValueError)):
        layer.build((None, 2**20))
    assert not layer.built and layer.weights == []
    with pytest.raises((MemoryError, ValueError, OverflowError)):
        L.Dense(2**62).build((None, 2**62))


def test_initializers_that_give_something_else() -> None:
    for wrong, error in ((lambda shape, dtype=None: np.ones(5), ShapeError), (lambda shape, dtype=None: "text", DTypeError)):
        layer = L.Dense(3, kernel_initializer=wrong)
        with pytest.raises(error, match="initializer"):
            layer(X)
        assert not layer.built


def test_200_failures_in_a_row() -> None:
    model = Sequential([L.Input((4,)), L.Dense(3)])
    y = model(X).numpy()
    for _ in range(200):
        with pytest.raises(ShapeError):
            model(np.ones((2, 5)))
    np.testing.assert_array_equal(model(X).numpy(), y)

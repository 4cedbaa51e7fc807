"""Sequential: structure, building, errors that leave it as it was, what it shows, configurations."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import config, initializers, layers, regularizers
from gpudl.errors import ShapeError
from gpudl.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, ReLU
from gpudl.layers.context import reset_names
from gpudl.models import Sequential

X = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)


def small() -> Sequential:
    return Sequential([Input((4,)), Dense(5, activation="relu", name="one"), Dense(2, name="two")])


# structure ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [
    lambda: [Input((4,)), Dense(5)], lambda: [layers.InputLayer(shape=(4,)), Dense(5)], lambda: [Dense(5, input_dim=4)],
    lambda: [Dense(5, input_shape=(4,))], lambda: [Dense(5, batch_input_shape=(None, 4))], lambda: [Sequential([Input((4,)), Dense(5)])],
])  # fmt: skip
def test_ways_to_say_the_input(first: Callable[[], list]) -> None:
    model = Sequential(first())
    assert model.built and len(model.layers) == 1
    model.add(Dense(2))
    assert model.input_shape == (None, 4) and model.output_shape == (None, 2) and model.count_params() == 4 * 5 + 5 + 5 * 2 + 2
    assert [w.shape for w in model.get_weights()] == [(4, 5), (5,), (5, 2), (2,)]
    assert model(X).shape == (3, 2)


def test_lazy_building() -> None:
    model = Sequential([Dense(5), Dense(2)])
    assert not model.built and model.weights == []
    with pytest.raises(ValueError, match="has no weights yet"):
        model.count_params()
    with pytest.raises(AttributeError, match="does not know its input's shape"):
        _ = model.input_shape
    assert model(X).shape == (3, 2) and model.built and model.input_shape == (None, 4)
    model.add(Dense(7))
    assert model.output_shape == (None, 7), "added to a built model: built at once"
    by_hand = Sequential([Dense(5)])
    by_hand.build((None, 4))
    assert by_hand.count_params() == 25
    with pytest.raises(ValueError, match=r"build\(\(None, 4\)\)"):
        Sequential([Dense(5)]).build()
    with pytest.raises(ValueError, match="has no layers"):
        Sequential().build((None, 4))
    with pytest.raises(ValueError, match="has no layers"):
        Sequential()(X)


def test_constructor_takes_tuples_generators_and_one_layer() -> None:
    assert len(Sequential((Dense(1), Dense(2))).layers) == 2
    assert len(Sequential(Dense(i + 1) for i in range(3)).layers) == 3
    assert len(Sequential(Dense(1)).layers) == 1
    for wrong in ("dense", 3, {"a": 1}):
        with pytest.raises(TypeError, match="list of layers"):
            Sequential(wrong)


def test_add_and_pop_end_trust_in_recorded_steps() -> None:
    model = small()
    before = config.version
    model.add(Dense(3))
    added = config.version
    assert added > before
    model.pop()
    assert config.version > added and model.output_shape == (None, 2)
    model.pop()
    model.pop()
    assert model.layers == [] and not model.built
    with pytest.raises(ValueError, match="has no layers"):
        model.pop()
    model.add(Dense(9))
    assert model.output_shape == (None, 9) and model(X).shape == (3, 9)


def test_get_layer() -> None:
    model = small()
    assert model.get_layer("two") is model.get_layer(index=1) is model.layers[-1] is model.get_layer(index=-1)
    with pytest.raises(ValueError, match=r"no layer named 'tow'. Did you mean 'two'"):
        model.get_layer("tow")
    with pytest.raises(IndexError, match=r"has 2 layers. Received: index=2"):
        model.get_layer(index=2)
    with pytest.raises(ValueError, match="either a name or an index"):
        model.get_layer()
    with pytest.raises(ValueError, match="either a name or an index"):
        model.get_layer("one", 0)
    with pytest.raises(TypeError, match="index must be an integer"):
        model.get_layer(index="0")  # type: ignore[arg-type]


def test_models_are_layers() -> None:
    inner = Sequential([Dense(5, name="d"), BatchNormalization()], name="inner")
    model = Sequential([Input((4,)), inner, Dense(2)])
    assert len(model.weights) == 8 and len(model.trainable_weights) == 6
    y = model(X, training=True)
    assert (inner.layers[1].moving_mean.numpy() != 0).any(), "training reaches the layers inside"
    y.sum().backward()
    assert all(v.grad is not None for v in model.trainable_weights)
    lazy = Sequential([Sequential([ReLU(), Dense(5, name="deep")], name="deeper")])
    lazy(X)
    with pytest.raises(ShapeError, match="layer 0 'deeper', layer 1 'deep': expected 4 features"):
        lazy(np.ones((3, 5)))
    model.trainable = False
    assert inner.layers[0].trainable is False and model.trainable_weights == []
    model.trainable = True
    assert len(model.trainable_weights) == 6


def test_frozen_model_freezes_what_is_added() -> None:
    model = Sequential([Input((4,)), Dense(3)], trainable=False)
    model.add(Dense(2))
    assert model.trainable_weights == [] and len(model.non_trainable_weights) == 4


def test_training_argument() -> None:
    model = Sequential([Dropout(0.5)])
    x = np.ones((20, 20), np.float32)
    assert (model(x).numpy() == 1).all() and (model(x, training=False).numpy() == 1).all()
    assert (model(x, training=True).numpy() == 0).any() and (model(x, True).numpy() == 0).any()


def test_dtypes_of_layers_are_kept() -> None:
    model = Sequential([Dense(3, dtype="float64"), Dense(2, dtype="float64")])
    y = model(X.astype(np.float64) / 3)
    assert y.dtype == np.float64 and model.dtype == "float64"
    exact = X.astype(np.float64) / 3 @ model.weights[0].numpy() @ model.weights[2].numpy()
    np.testing.assert_allclose(y.numpy(), exact, rtol=1e-12)


# what is refused -----------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[Any, type[Exception], str]] = [
    (BatchNormalization, TypeError, r"BatchNormalization is a class; add an instance of it: m.add\(BatchNormalization\(\)\)"),
    (3, TypeError, "a layer is expected. Received: 3"),
    ("relu", TypeError, r"Activation\('relu'\)"),
    (None, TypeError, "Received: None"),
    (np.tanh, TypeError, r"Activation\(tanh\)"),
    (gpudl.ops.relu, TypeError, r"Activation\(relu\)"),
    (initializers.HeNormal(), TypeError, r"initializer HeNormal\(seed=None\), which belongs into a layer: Dense\(..., kernel_initializer="),
    (regularizers.L2(), TypeError, "kernel_regularizer="),
    (dict, TypeError, "the class dict"),
]


@pytest.mark.parametrize("wrong,error,words", WRONG)
def test_what_is_no_layer(wrong: Any, error: type[Exception], words: str) -> None:
    model = small()
    with pytest.raises(error, match=words):
        model.add(wrong)
    with pytest.raises(error, match=words):
        Sequential([Dense(3), wrong])
    assert len(model.layers) == 2 and model(X).shape == (3, 2)


@pytest.mark.parametrize("second", [initializers.TruncatedNormal(stddev=0.01), initializers.TruncatedNormal])
def test_initializer_as_second_argument(second: Any) -> None:
    model = Sequential()
    with pytest.raises(TypeError, match=r"initializer TruncatedNormal belongs into it: Dense\(..., kernel_initializer=TruncatedNormal\("):
        model.add(Dense(units=100, input_dim=784), second)
    assert model.layers == []
    with pytest.raises(TypeError, match=r"rebuild must be True or False. Received: rebuild=1"):
        model.add(Dense(3), 1)  # type: ignore[arg-type]


def test_names_must_differ() -> None:
    model = small()
    with pytest.raises(ValueError, match="a layer named 'two' already"):
        model.add(Dense(3, name="two"))
    with pytest.raises(ValueError, match="a layer named 'two' already"):
        model.add(model.layers[1])
    with pytest.raises(ValueError, match="layer of itself"):
        model.add(model)
    with pytest.raises(ValueError, match="an Input comes first"):
        model.add(Input((4,)))
    assert len(model.layers) == 2


def test_a_layer_that_does_not_fit_is_not_added() -> None:
    reset_names()
    model = Sequential([Input((8, 8, 1)), Conv2D(4, 3), MaxPooling2D(), Conv2D(4, 3)])
    before = model.get_weights()
    layer = Conv2D(4, 5)
    with pytest.raises(ShapeError, match=r"\[Conv2D\] layer 3 'conv2d_2': kernel \(5, 5\) is larger than its input \(1, 1\)"):
        model.add(layer)
    assert [m.name for m in model.layers] == ["conv2d", "max_pooling2d", "conv2d_1"]
    assert not layer.built and layer.weights == []
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    model.add(Flatten())
    assert model.output_shape == (None, 4)


def test_a_lazy_model_that_does_not_fit_is_not_built() -> None:
    model = Sequential([Conv2D(4, 3), MaxPooling2D(), Conv2D(4, 5, name="big")])
    images = np.ones((2, 8, 8, 1), np.float32)
    with pytest.raises(ShapeError, match="layer 2 'big'"):
        model(images)
    assert not model.built and model.weights == [] and not any(layer.built for layer in model.layers)
    assert model(np.ones((2, 32, 32, 1), np.float32)).shape == (2, 11, 11, 4)


def test_wrong_width_names_the_layer() -> None:
    model = Sequential([Dense(5), Dense(2)])
    model(X)
    with pytest.raises(ShapeError, match=r"\[Dense\] layer 0 '.*': expected 4 features on the last axis. Received: 5"):
        model(np.ones((3, 5)))
    with pytest.raises(ShapeError, match=r"\[Input\] layer 'input_layer.*': expected shape \(None, 4\)"):
        small()(np.ones((3, 5)))
    with pytest.raises(ShapeError):
        model.build((None, 7))
    assert model(X).shape == (3, 2)


def test_unknown_keywords() -> None:
    with pytest.raises(TypeError, match=r"'layer'. Did you mean 'layers'"):
        Sequential(layer=[])


# what it shows -------------------------------------------------------------------------------------------------------------------


def test_summary() -> None:
    reset_names()
    model = Sequential([Input((28, 28, 1)), Conv2D(32, 3), ReLU(), Flatten(), Dense(10)])
    model.layers[0].trainable = False
    lines: list[str] = []
    model.summary(print_fn=lines.append, line_length=88)
    text = "\n".join(lines)
    assert text.splitlines() == lines and lines[0] == 'Model: "sequential"'
    table = [line for line in lines if line[0] in "┏┃┡│├└"]
    assert {len(line) for line in table} == {88}
    for words in ("conv2d (Conv2D)", "(None, 26, 26, 32)", "re_lu (ReLU)", "flatten (Flatten)", "(None, 21632)", "216,330", "Param #"):
        assert words in text
    total, learning, frozen = lines[-3:]
    assert total == " Total params: 216,650 (846.29 KB)" and learning == " Trainable params: 216,330 (845.04 KB)"
    assert frozen == " Non-trainable params: 320 (1.25 KB)"
    assert all(c.isprintable() for line in lines for c in line)


def test_summary_counts_what_the_optimizer_holds() -> None:
    model = small()
    model.compile(optimizer="adam", loss="mse")
    model.fit(X, np.ones((3, 2)), verbose=0)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert lines[-1].startswith(f" Optimizer params: {2 * model.count_params() + 2:,} ")


def test_summary_of_nested_and_frozen_layers() -> None:
    inner = Sequential([Dense(5, name="hidden")], name="inner")
    model = Sequential([Input((4,)), inner, Activation("relu", name="bend")])
    inner.trainable = False
    lines: list[str] = []
    model.summary(print_fn=lines.append, expand_nested=True, show_trainable=True, line_length=100)
    text = "\n".join(lines)
    assert "└ hidden (Dense)" in text and "Trainable" in text
    assert [line.split("│")[4].strip() for line in lines if line.startswith("│")] == ["N", "N", "-"]


@pytest.mark.parametrize("line_length", [60, 76, None])
def test_summary_writes_the_word_trainable_in_one_piece(line_length: int | None) -> None:
    model = Sequential([Input((4,)), Dense(5)])
    lines: list[str] = []
    model.summary(print_fn=lines.append, show_trainable=True, line_length=line_length)
    assert lines[2].split("┃")[4].strip() == "Trainable" and len({len(line) for line in lines[1:6]}) == 1
    lines.clear()
    model.summary(print_fn=lines.append, show_trainable=True, line_length=80, positions=[30, 55, 80])
    assert lines[2].split("┃")[4].strip() == "Trainable" and len(lines[1]) == 80


def test_summary_of_an_unbuilt_model(capsys: pytest.CaptureFixture[str]) -> None:
    Sequential([Dense(5)], name="a\x1b[31mb").summary()
    out = capsys.readouterr().out
    assert "0 (unbuilt)" in out and "?" in out and "\x1b" not in out
    with pytest.raises(ValueError, match="too narrow"):
        small().summary(line_length=20)


def test_summary_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    small().summary()
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "| one (Dense)" in text


# configurations ------------------------------------------------------------------------------------------------------------------


def test_config_comes_back() -> None:
    conv = Conv2D(2, 3, kernel_initializer=initializers.HeNormal(seed=3), kernel_regularizer="l2")
    top = Sequential([Dense(3, activation="softmax")], name="top")
    model = Sequential([Input((8, 8, 1)), conv, Flatten(), BatchNormalization(trainable=False), top], name="all")
    again = Sequential.from_config(json.loads(json.dumps(model.get_config())))
    assert again.get_config() == model.get_config() and again.name == "all" and again.output_shape == (None, 3)
    assert [v.shape for v in again.weights] == [v.shape for v in model.weights]
    assert [v.trainable for v in again.weights] == [v.trainable for v in model.weights]
    np.testing.assert_array_equal(again.weights[0].numpy(), model.weights[0].numpy())  # its initializer has a seed
    with pytest.raises(TypeError, match=r"'layer'. Did you mean 'layers'"):
        Sequential.from_config({"layer": []})


def test_config_of_a_lazily_built_model() -> None:
    model = Sequential([Dense(3)])
    model(X)
    again = Sequential.from_config(model.get_config())
    assert again.built and again.input_shape == (None, 4)


def test_losses_of_a_model() -> None:
    model = Sequential([Input((4,)), Dense(3, kernel_regularizer="l2", activity_regularizer="l1"), Dense(2, bias_regularizer="l1")])
    model(X)
    assert len(model.losses) == 3 and all(t.shape == () for t in model.losses)
    for term in model.losses:
        assert term.requires_grad


def test_moving_to_the_device_it_is_on() -> None:
    model = small()
    before = model.get_weights()
    assert model.to("cpu") is model
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="expected 'cpu', 'cuda'"):
        model.to("gpuu")


def test_many_threads_predict_as_one() -> None:
    model = Sequential([Dense(8, activation="relu"), BatchNormalization(), Dense(3, activation="softmax")])
    x = np.random.default_rng(2).standard_normal((50, 4)).astype(np.float32)
    found: list[np.ndarray] = []

    def work() -> None:
        found.extend(model.predict(x, batch_size=16, verbose=0) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 40 and len(model.weights) == 8
    for y in found:
        np.testing.assert_array_equal(y, found[0])

"""The base class: names, variables, freezing, assignment, own layers, penalties, builds that fail."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import config, layers, regularizers
from gpudl.errors import DTypeError, ShapeError
from gpudl.layers import Dense, Dropout, Layer
from gpudl.layers.context import reset_names
from gpudl.layers.support import located
from gpudl.models import Sequential
from gpudl.replay import StepRunner

X = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)


class Scale(Layer):
    def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        self.count = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="count")

    def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
        return x * self.factor * self.start


class Block(Layer):
    """Layers in attributes and lists, `training` handed on by the call around."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = Dense(5, name="first")
        self.others = [Dense(5, name="second"), Dropout(0.5)]
        self.own = gpudl.Variable(np.ones(5, np.float32), name="own")

    def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
        x = self.first(x)
        for layer in self.others:
            x = layer(x)
        return x * self.own


def test_names_are_those_of_keras() -> None:
    reset_names()
    made = [
        Dense(1),
        Dense(1),
        layers.Conv2D(1, 1),
        layers.MaxPooling2D(),
        layers.ReLU(),
        layers.LeakyReLU(),
        layers.BatchNormalization(),
        layers.GlobalAveragePooling2D(),
        layers.Input((1,)),
        Dense(1, name="mine"),
        Dense(1),
    ]
    assert [m.name for m in made] == [
        "dense",
        "dense_1",
        "conv2d",
        "max_pooling2d",
        "re_lu",
        "leaky_re_lu",
        "batch_normalization",
        "global_average_pooling2d",
        "input_layer",
        "mine",
        "dense_2",
    ]


def test_variables_and_their_order() -> None:
    layer = layers.BatchNormalization()
    assert layer.weights == [] and not layer.built
    layer.build((None, 3))
    assert [v.name for v in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [v.name for v in layer.trainable_weights] == ["gamma", "beta"]
    assert [v.name for v in layer.non_trainable_weights] == ["moving_mean", "moving_variance"]
    assert layer.count_params() == 12


def test_weights_without_trainable_ones_first() -> None:
    layer = Scale()
    layer(X)
    assert [v.name for v in layer.weights] == ["factor", "count"]
    assert layer.count.dtype == np.int32 and not layer.count.trainable


def test_random_states_are_variables_but_no_weights() -> None:
    layer = Dropout(0.5)
    layer(X)
    assert layer.weights == [] and layer.get_weights() == [] and layer.count_params() == 0
    assert [v.dtype for v in layer.variables] == [np.uint32]


def test_layers_of_layers() -> None:
    block = Block()
    y = block(X)
    assert y.shape == (3, 5)
    assert [v.name for v in block.weights] == ["own", "kernel", "bias", "kernel", "bias"]
    assert len(block.variables) == 6
    assert (block(X).numpy() == y.numpy()).all(), "no training"
    assert (block(X, training=True).numpy() == 0).any(), "training reaches the layers inside"
    assert (block(X).numpy() == y.numpy()).all()
    y = block(X, training=True)
    y.sum().backward()
    assert all(v.grad is not None for v in block.trainable_weights)


def test_freezing_and_releasing() -> None:
    block = Block()
    block(X)
    version = config.version
    block.trainable = False
    assert config.version > version, "recorded steps are not trusted any more"
    assert block.trainable_weights == [] and not block.first.trainable and len(block.weights) == 5
    assert not block(X).requires_grad
    block.trainable = True
    assert len(block.trainable_weights) == 5
    frozen = layers.BatchNormalization(trainable=False)
    frozen.build((None, 3))
    assert frozen.trainable_weights == []
    frozen.trainable = True
    assert [v.name for v in frozen.trainable_weights] == ["gamma", "beta"]


def test_assigning_copies_into_the_storage() -> None:
    layer = Dense(2)
    layer.build((None, 4))
    kernel, storage = layer.kernel, layer.kernel.storage
    layer.kernel = np.ones((4, 2))
    assert layer.kernel is kernel and kernel.storage is storage and (kernel.numpy() == 1).all()
    layer.kernel = gpudl.Tensor(np.full((4, 2), 2.0, np.float32))
    assert (kernel.numpy() == 2).all()
    layer.bias = [1.0, 2.0]
    assert layer.bias is not None and layer.bias.tolist() == [1.0, 2.0]
    for wrong, error in ((np.ones((2, 4)), ShapeError), ("text", DTypeError), (None, DTypeError)):
        with pytest.raises(error, match=layer.name):
            layer.kernel = wrong  # type: ignore[assignment]
        assert layer.kernel is kernel and (kernel.numpy() == 2).all()


def test_setting_an_attribute_ends_trust_in_recorded_steps() -> None:
    layer = layers.LeakyReLU()
    before = config.version
    layer.negative_slope = 0.5
    assert config.version == before, "not built yet"
    layer(X)
    layer.negative_slope = 0.1
    assert config.version > before
    np.testing.assert_allclose(layer(-np.abs(X)).numpy(), -0.1 * np.abs(X), rtol=1e-6)


def test_changed_attribute_reaches_replayed_steps() -> None:
    layer = Dropout(0.0)
    runner = StepRunner(lambda x: layer(x, training=True), strict=True)
    x = gpudl.Tensor(np.ones((4, 4), np.float32))
    for _ in range(4):
        assert (runner([x]).numpy() == 1).all()
    layer.rate = 1.0
    assert (runner([x]).numpy() == 0).all()


def test_set_weights_changes_all_or_nothing() -> None:
    model = Sequential([layers.Input((4,)), Dense(3, name="one"), Dense(2, name="two")])
    before = model.get_weights()
    good = [w + 1 for w in before]
    cases: list[tuple[Any, type[Exception], str]] = [
        (good[:3], ValueError, "4 weights.*Received: 3"),
        ([*good[:3], np.ones(5)], ShapeError, r"weight 3, 'bias' of layer 'two'.*\(2,\).*\(5,\)"),
        ([*good[:3], np.array(["a", "b"])], DTypeError, "'bias' of layer 'two'"),
        ([*good[:3], ["a", "b"]], DTypeError, "'bias' of layer 'two'"),
        ("text", TypeError, "list of arrays"),
    ]
    for wrong, error, words in cases:
        with pytest.raises(error, match=words):
            model.set_weights(wrong)
        for a, b in zip(model.get_weights(), before):
            np.testing.assert_array_equal(a, b)
    model.set_weights(good)
    for a, b in zip(model.get_weights(), good):
        np.testing.assert_array_equal(a, b)


def test_get_weights_returns_copies() -> None:
    layer = Dense(2)
    layer.build((None, 4))
    layer.get_weights()[0][:] = 7
    assert (layer.kernel.numpy() != 7).all()


def test_penalties_of_weights() -> None:
    layer = Dense(2, kernel_regularizer=regularizers.L2(0.5), bias_regularizer="l1", bias_initializer="ones")
    layer.build((None, 4))
    kernel, bias = layer.losses
    np.testing.assert_allclose(float(kernel), 0.5 * (layer.kernel.numpy() ** 2).sum(), rtol=1e-6)
    np.testing.assert_allclose(float(bias), 0.02, rtol=1e-6)
    kernel.backward()
    assert layer.kernel.grad is not None
    np.testing.assert_allclose(layer.kernel.grad.numpy(), layer.kernel.numpy(), rtol=1e-6)
    layer.trainable = False
    assert layer.losses == [], "as in Keras, frozen weights are not penalised"


def test_penalties_of_activity() -> None:
    layer = Dense(2, activity_regularizer=regularizers.L2(0.5))
    y = layer(X)
    assert len(layer.losses) == 1
    np.testing.assert_allclose(float(layer.losses[0]), 0.5 * (y.numpy() ** 2).sum() / 3, rtol=1e-6)
    layer(2 * X)
    assert len(layer.losses) == 1, "only the last call counts"
    layer.losses[0].backward()
    assert layer.kernel.grad is not None
    model = Sequential([Dense(2, activity_regularizer="l2"), Dense(2, activity_regularizer="l1")])
    other = Sequential([Dense(2, activity_regularizer="l2")])
    model(X)
    other(X)
    assert len(model.losses) == 2 and len(other.losses) == 1
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(len(model.losses)))
    thread.start()
    thread.join()
    assert found == [0], "another thread's calls do not count"


def test_a_layer_that_is_used_twice_is_penalised_twice() -> None:
    class Twice(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(4, activity_regularizer="l2")

        def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
            return self.dense(self.dense(x))

    layer = Twice()
    layer(X)
    layer(X)
    assert len(layer.losses) == 2


def test_add_loss() -> None:
    class Sparse(Layer):
        def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
            self.add_loss(x.sum())
            return x

    layer = Sparse()
    layer(X)
    np.testing.assert_allclose([float(v) for v in layer.losses], [X.sum()], rtol=1e-6)


def test_a_failed_build_leaves_nothing() -> None:
    class Fails(Layer):
        fail = True

        def build(self, input_shape: Any) -> None:
            self.one = self.add_weight(shape=(2,), name="one", regularizer="l2")
            self.inner = Dense(2)
            if self.fail:
                raise ShapeError("[Fails] no")
            self.two = self.add_weight(shape=(2,), name="two")

        def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
            return x

    layer = Fails(name="fails")
    before = dict(vars(layer))
    with pytest.raises(ShapeError, match=r"\[Fails\] layer 'fails': no"):
        layer(X)
    assert vars(layer) == before and layer.weights == [] and layer.losses == [] and not layer.built
    Fails.fail = False
    layer(X)
    assert [v.name for v in layer.weights] == ["one", "two"]


def test_build_twice_keeps_the_weights() -> None:
    layer = Dense(2)
    layer.build((None, 4))
    kernel = layer.kernel
    layer.build((None, 4))
    assert layer.kernel is kernel and len(layer.weights) == 2
    with pytest.raises(ShapeError, match="expected 4 features"):
        layer.build((None, 5))


def test_super_build_and_built() -> None:
    class Careful(Layer):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.w = self.add_weight(shape=(1,), initializer="ones")
            self.built = True

        def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
            return x * self.w

    layer = Careful()
    assert layer(X).shape == (3, 4) and layer.built and len(layer.weights) == 1


def test_one_build_for_many_threads() -> None:
    built: list[int] = []

    class Slow(Layer):
        def build(self, input_shape: Any) -> None:
            built.append(1)
            time.sleep(0.01)
            self.w = self.add_weight(shape=(4,), initializer="ones")

        def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
            return x * self.w

    layer = Slow()
    threads = [threading.Thread(target=layer, args=(X,)) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert built == [1] and len(layer.weights) == 1


def test_output_shape_of_a_layer_that_does_not_say_it() -> None:
    layer = Block()
    gpudl.random.set_seed(3)
    before = gpudl.random.host_rng().bit_generator.state
    assert layer.compute_output_shape((None, 4)) == (None, 5)
    assert not layer.built and not layer.first.built and len(layer.weights) == 1
    assert gpudl.random.host_rng().bit_generator.state == before, "nothing was drawn"
    assert layer.compute_output_shape((7, 4)) == (7, 5)


def test_own_layers_in_files_need_arguments_as_attributes() -> None:
    layer = Scale(2.0, name="s")
    config_ = layer.get_config()
    assert config_["start"] == 2.0
    again = layers.deserialize(layers.serialize(layer), custom_objects={"Scale": Scale})
    assert isinstance(again, Scale) and again.start == 2.0 and again.name == "s"
    with pytest.raises(ValueError, match=r"unknown layer class 'Scale'.*custom_objects"):
        layers.deserialize(layers.serialize(layer))

    class Forgets(Layer):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.w = width

    with pytest.raises(NotImplementedError, match="'width'"):
        Forgets(3).get_config()

    class Says(Forgets):
        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "width": self.w}

    assert Says(3).get_config()["width"] == 3


def test_a_layer_without_call() -> None:
    with pytest.raises(NotImplementedError, match="write call"):
        Layer()(X)


def test_old_spellings_go_through_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpudl import renames

    monkeypatch.setitem(renames.RENAMES, ("LeakyReLU", "slope_of_old"), "negative_slope")
    assert layers.LeakyReLU(slope_of_old=0.2).negative_slope == 0.2
    assert layers.LeakyReLU(alpha=0.01).negative_slope == 0.01
    with pytest.raises(TypeError, match="'alpha' is the old spelling of 'negative_slope'"):
        layers.LeakyReLU(alpha=0.1, negative_slope=0.1)


def test_shared_variables_before_build() -> None:
    """Weights are tied by assigning a variable before the layer is built."""

    class Tied(Layer):
        def __init__(self, other: Dense) -> None:
            super().__init__()
            self.other = other

        def build(self, input_shape: Any) -> None:
            self.kernel = self.other.kernel

        def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
            return gpudl.ops.matmul(x, gpudl.ops.transpose(self.kernel))

    first = Dense(2)
    model = Sequential([first, Tied(first)])
    assert model(X).shape == (3, 4)
    assert len(model.weights) == 2, "each variable once"


def test_places_in_messages_do_not_pile_up() -> None:
    layer = Dense(1, name="d")
    error = ShapeError("[op] x")
    located(error, layer)
    located(error, layer, 3)
    located(error, layer, 3)
    assert str(error) == "[op] layer 3 'd': x"


def test_repr() -> None:
    assert repr(Dense(2, name="d")) == "<Dense name=d, built=False>"


def test_hints_at_the_input() -> None:
    assert Dense(2, input_dim=4)._batch_shape == (None, 4)
    assert Dense(2, input_shape=(4,))._batch_shape == (None, 4)
    assert Dense(2, batch_input_shape=(8, 4))._batch_shape == (8, 4)
    assert Dense(2, batch_size=8, input_shape=[4])._batch_shape == (8, 4)
    assert Dense(2)._batch_shape is None
    with pytest.raises(ValueError, match="same thing"):
        Dense(2, input_dim=4, input_shape=(4,))
    with pytest.raises(TypeError, match=r"Write \(4,\)"):
        Dense(2, input_shape=4)

"""Models and objects as plain data: clones, JSON, `serialize_keras_object` and back; weights of Keras 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras_cases
import numpy as np
import pytest

import gpudl
from gpudl import layers, losses, metrics, optimizers
from gpudl.models import Sequential, clone_model, model_from_json
from gpudl.saving import deserialize_keras_object, serialize_keras_object

# clones ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", keras_cases.CASES)
def test_a_clone_is_equal_and_apart(name: str) -> None:
    model, x = keras_cases.model_of(gpudl, name), keras_cases.inputs(name)
    clone = clone_model(model)
    assert clone.get_config() == model.get_config() and type(clone) is type(model)
    held = {id(v) for v in model.variables}
    assert not any(id(v) in held for v in clone.variables)
    assert [w.shape for w in clone.get_weights()] == [w.shape for w in model.get_weights()]
    before = model.get_weights()
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(x, verbose=0), model.predict(x, verbose=0))
    clone.set_weights([w * 0 for w in clone.get_weights()])
    assert keras_cases.same(model.get_weights(), before)


def test_a_clone_starts_anew() -> None:
    model = Sequential([layers.Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    clone = clone_model(model)
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    with pytest.raises(RuntimeError, match="not compiled"):
        clone.fit(np.ones((2, 4)), np.ones((2, 3)))


def test_clone_function() -> None:
    seen = []

    def other(layer: Any) -> Any:
        seen.append(layer.name)
        config = layer.get_config()
        return type(layer).from_config({**config, "units": 7} if isinstance(layer, layers.Dense) else config)

    inner = Sequential([layers.Input((4,)), layers.Dense(3, name="deep")], name="inner")
    model = Sequential([layers.Input((4,)), inner, layers.Dense(2, name="out")])
    assert clone_model(model, clone_function=other).output_shape == (None, 7) and seen == ["inner", "out"]
    seen.clear()
    clone = clone_model(model, clone_function=other, recursive=True)
    assert clone.layers[0].output_shape == (None, 7) and seen == ["deep", "out"]


def test_clones_that_cannot_be() -> None:
    model = Sequential([layers.Input((4,)), layers.Dense(3)])
    with pytest.raises(TypeError, match=r"\[clone_model\] a Sequential model is expected"):
        clone_model(layers.Dense(3))
    with pytest.raises(TypeError, match="must return a layer"):
        clone_model(model, clone_function=lambda layer: None)
    with pytest.raises(ValueError, match="a new layer"):
        clone_model(model, clone_function=lambda layer: layer)
    with pytest.raises(TypeError, match="function of a layer"):
        clone_model(model, clone_function="dense")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="input_tensors"):
        clone_model(model, input_tensors=[1])


# JSON --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", keras_cases.CASES)
def test_json_there_and_back(name: str) -> None:
    model, x = keras_cases.model_of(gpudl, name), keras_cases.inputs(name)
    again = model_from_json(model.to_json())
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_json_says_how_it_is_trained() -> None:
    model = Sequential([layers.Input((4,)), layers.Dense(3)])
    model.compile(optimizers.Adam(0.5), losses.Huber(0.25), metrics=["mae"])
    again = model_from_json(model.to_json(indent=1))
    assert float(again.optimizer.learning_rate) == 0.5 and again.loss.get_config() == model.loss.get_config()
    again.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0)


def test_a_model_without_weights_has_a_json() -> None:
    again = model_from_json(Sequential([layers.Dense(3)], name="open").to_json())
    assert again.name == "open" and not again.built


def test_what_is_no_model() -> None:
    for text, message in (
        ("{", "this is no JSON"),
        ("[]", "not the configuration"),
        ("3", "not the configuration"),
        ("[" * 99_999, "JSON"),
    ):
        with pytest.raises(ValueError, match=rf"^\[model_from_json\].*{message}"):
            model_from_json(text)
    with pytest.raises(TypeError, match="expects the text"):
        model_from_json({"class_name": "Sequential"})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="which is no model"):
        model_from_json(json.dumps({"class_name": "Dense", "config": {"units": 3}}))


# objects -----------------------------------------------------------------------------------------------------------------------

OBJECTS: list[Any] = [
    layers.Dense(3, kernel_regularizer="l2", name="a"), layers.Bidirectional(layers.GRU(2), name="b"),
    gpudl.initializers.HeNormal(seed=3), gpudl.regularizers.L1L2(0.1, 0.2), gpudl.constraints.MinMaxNorm(0.1, 0.9),
    optimizers.Adam(0.25, weight_decay=0.5), optimizers.schedules.CosineDecay(0.5, 10), losses.Huber(0.25), losses.MeanSquaredError(),
    metrics.AUC(), metrics.MeanSquaredError(), Sequential([layers.Input((2,)), layers.Dense(1, name="c")], name="d"),
]  # fmt: skip


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_objects_there_and_back(thing: Any) -> None:
    data = serialize_keras_object(thing)
    again = deserialize_keras_object(json.loads(json.dumps(data)))
    assert type(again) is type(thing) and again.get_config() == thing.get_config()
    assert data["module"].startswith("keras") and data["registered_name"] is None


def test_plain_data_there_and_back() -> None:
    data = {"a": [1, 2.5, None, True, "x"], "b": {"c": b"bytes", "d": slice(1, None, 2)}, "e": ...}
    assert deserialize_keras_object(serialize_keras_object(data)) == data
    array = deserialize_keras_object(serialize_keras_object(np.arange(3, dtype="int16")))
    assert array.dtype == np.int16 and array.tolist() == [0, 1, 2]
    made = deserialize_keras_object(serialize_keras_object(gpudl.tensor([1.0, 2.0])))
    assert isinstance(made, gpudl.Tensor) and made.tolist() == [1.0, 2.0]
    assert deserialize_keras_object(serialize_keras_object(gpudl.activations.tanh)) is gpudl.activations.tanh


def test_own_functions_and_classes() -> None:
    def mine(x: Any) -> Any:
        return x

    class Own(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    for thing in (mine, Own(name="own")):
        data = serialize_keras_object(thing)
        with pytest.raises(ValueError, match="custom_objects"):
            deserialize_keras_object(data)
        name = getattr(thing, "__name__", "Own")
        again = deserialize_keras_object(data, custom_objects={name: mine if thing is mine else Own})
        assert again is mine if thing is mine else isinstance(again, Own)


def test_objects_that_cannot_be() -> None:
    with pytest.raises(TypeError, match="code never goes into a file"):
        serialize_keras_object(lambda x: x)
    with pytest.raises(TypeError, match=r"no get_config\(\)"):
        serialize_keras_object(object())
    with pytest.raises(ValueError, match="Code is never taken"):
        deserialize_keras_object({"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}, safe_mode=False)
    for module in ("os", "keras.saving", "builtins"):
        with pytest.raises(ValueError, match="unknown"):
            deserialize_keras_object({"module": module, "class_name": "system", "config": {}, "registered_name": "system"})
        with pytest.raises(ValueError, match="custom_objects"):
            deserialize_keras_object({"module": module, "class_name": "function", "config": "eval", "registered_name": "eval"})


# Keras 1 -----------------------------------------------------------------------------------------------------------------------


def write_keras_1(path: Path, model: Sequential, arrays: list[list[np.ndarray]], backend: str = "tensorflow") -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as f:
        f.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        f.attrs["keras_version"], f.attrs["backend"] = b"1.2.2", backend.encode()
        for layer, held in zip(model.layers, arrays):
            group = f.create_group(layer.name)
            group.attrs["weight_names"] = [f"{layer.name}_{i}".encode() for i in range(len(held))]
            for i, a in enumerate(held):
                group[f"{layer.name}_{i}"] = a


def test_weights_of_keras_1(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = Sequential([layers.Input((6, 3)), layers.Conv1D(4, 3), layers.LSTM(2, return_sequences=True), layers.Bidirectional(
        layers.GRU(2, reset_after=False)), layers.Dense(2)])  # fmt: skip
    lines.set_weights([rng.standard_normal(w.shape) for w in lines.get_weights()])
    kernel, bias, w, u, b, *both, dense, last = lines.get_weights()
    gates = [np.split(a, 4, -1) for a in (w, u, b)]
    lstm = [gates[part][gate] for gate in (0, 2, 1, 3) for part in range(3)]  # i, c, f, o
    walks = [np.split(a, 3, -1)[gate] for way in (both[:3], both[3:]) for gate in range(3) for a in way]
    write_keras_1(tmp_path / "w.h5", lines, [[kernel[:, None], bias], lstm, walks, [dense, last]])
    before = lines.get_weights()
    lines.set_weights([a * 0 for a in before])
    lines.load_weights(tmp_path / "w.h5")
    assert keras_cases.same(lines.get_weights(), before)
    write_keras_1(tmp_path / "w.h5", lines, [[kernel[:, None].transpose(3, 2, 0, 1), bias], lstm, walks, [dense, last]])  # of Keras 1.0
    lines.set_weights([a * 0 for a in before])
    lines.load_weights(tmp_path / "w.h5")
    assert keras_cases.same(lines.get_weights(), before)


@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_kernels_of_theano(tmp_path: Path, backend: str) -> None:
    rng = np.random.default_rng(0)
    first = {"data_format": "channels_first"}
    images = Sequential([layers.Input((3, 6, 6)), layers.Conv2D(4, 3, **first), layers.Conv2DTranspose(2, 3, **first)])
    images.set_weights([rng.standard_normal(w.shape) for w in images.get_weights()])
    k, b, t, c = before = images.get_weights()
    turn = (slice(None, None, -1),) * 2 if backend == "theano" else ()
    write_keras_1(tmp_path / "w.h5", images, [[k[turn].transpose(3, 2, 0, 1), b], [t[turn].transpose(2, 3, 0, 1), c]], backend)
    images.set_weights([a * 0 for a in before])
    images.load_weights(tmp_path / "w.h5")
    assert keras_cases.same(images.get_weights(), before)

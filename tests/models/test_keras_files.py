"""Keras' files, without Keras: real ones of Keras 2 and 3 are read, ours come back whole, damaged ones change nothing."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras_cases
import numpy as np
import pytest
from keras_cases import FILES, golden, same

import gpudl
from gpudl import layers, optimizers
from gpudl.layers import BatchNormalization, Dense, Dropout, Input
from gpudl.models import Sequential, load_model

h5py = pytest.importorskip("h5py")

X = np.random.default_rng(0).standard_normal((24, 4)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 24)
WHOLE = ("keras3.keras", "keras3.h5", "keras2.keras", "keras2.h5", "keras2_sgd.h5")
WEIGHTS = ("keras3.weights.h5", "keras2_weights.h5")


def small(**k: Any) -> Sequential:
    first, last = Dense(6, activation="relu", **k), Dense(3, activation="softmax", **k)
    return Sequential([Input((4,)), first, BatchNormalization(**k), Dropout(0.2), last])


def trained(optimizer: Any = "adam") -> Sequential:
    model = small()
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    return model


def expected(name: str) -> Any:
    return np.load(FILES / f"{name.split('.')[0].removesuffix('_weights')}.npz")


# files of real Keras -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_models_of_keras(path: str, name: str) -> None:
    kept, model = expected(name), load_model(FILES / name)
    np.testing.assert_allclose(model.predict(golden.X, verbose=0), kept["predictions"], rtol=1e-6, atol=1e-6)
    assert model.name == "network" and [type(v).__name__ for v in model.layers][2:5] == ["Bidirectional", "TimeDistributed", "GRU"]
    assert int(model.optimizer.iterations) == 4
    golden.fit(model, 1)  # goes on as Keras did
    for i, w in enumerate(model.get_weights()):
        np.testing.assert_allclose(w, kept[f"weights_{i:02d}"], rtol=1e-5, atol=1e-6)
    assert list(model.evaluate(golden.X, golden.Y, verbose=0, return_dict=True)) == ["loss", "accuracy"]


@pytest.mark.parametrize("name", [*WHOLE, *WEIGHTS])
def test_weights_of_keras(name: str) -> None:
    kept, model = expected(name), golden.network(gpudl)
    model.load_weights(FILES / name)
    np.testing.assert_allclose(model.predict(golden.X, verbose=0), kept["predictions"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["keras3.h5", "keras2.h5", "keras2_weights.h5"])
def test_weights_by_name(name: str) -> None:
    whole = golden.network(gpudl)
    whole.load_weights(FILES / name)
    with h5py.File(FILES / name) as f:
        held = f.get("model_weights", f).attrs["layer_names"]
        names = [n.decode() if isinstance(n, bytes) else n for n in held]
    part = Sequential([Input((6, 3)), layers.Conv1D(4, 3, padding="same", name=names[0]), BatchNormalization(name="new"), Dense(7)])
    before = part.get_weights()
    part.load_weights(FILES / name, by_name=True)
    assert same(part.get_weights()[:2], whole.get_weights()[:2]) and same(part.get_weights()[2:], before[2:])


@pytest.mark.parametrize("name", ["keras3_chain.keras", "keras2_chain.h5"])
def test_chains_of_the_functional_api(name: str) -> None:
    model = load_model(FILES / name)
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "LeakyReLU", "Dense"] and model.name == "chain"
    x = golden.X[:, 0, [0, 1, 2, 0]]
    np.testing.assert_allclose(model.predict(x, verbose=0), expected(name)["predictions"], rtol=1e-6, atol=1e-6)
    model.load_weights(FILES / name)


def test_a_model_that_was_not_compiled_or_is_not_to_be() -> None:
    model = load_model(FILES / "keras3.keras", compile=False)
    with pytest.raises(RuntimeError, match="not compiled"):
        model.evaluate(golden.X, golden.Y)


# ours come back ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".keras", ".h5", ".hdf5", ""])
@pytest.mark.parametrize("name", keras_cases.CASES)
def test_everything_comes_back(tmp_path: Path, name: str, ending: str) -> None:
    model, x = keras_cases.model_of(gpudl, name), keras_cases.inputs(name)
    model.save(tmp_path / f"m{ending}")
    again = load_model(tmp_path / f"m{ending}")
    assert again.get_config() == model.get_config()
    assert same(again.get_weights(), model.get_weights())
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("ending", [".weights.h5", ".h5", "", ".keras"])
@pytest.mark.parametrize("name", keras_cases.CASES)
def test_weights_come_back(tmp_path: Path, name: str, ending: str) -> None:
    model = keras_cases.model_of(gpudl, name)
    (model.save if ending == ".keras" else model.save_weights)(tmp_path / f"w{ending}")
    other = keras_cases.model_of(gpudl, name)
    other.set_weights([w * 0 for w in other.get_weights()])
    storage = other.weights[0].storage
    other.load_weights(tmp_path / f"w{ending}")
    assert same(other.get_weights(), model.get_weights()) and other.weights[0].storage is storage


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("optimizer", keras_cases.OPTIMIZERS)
def test_training_goes_on_bit_for_bit(tmp_path: Path, optimizer: str, ending: str) -> None:
    model = trained(keras_cases.OPTIMIZERS[optimizer](gpudl))
    model.save(tmp_path / f"m{ending}")
    again = load_model(tmp_path / f"m{ending}")
    assert same([v.numpy() for v in again.variables], [v.numpy() for v in model.variables]), "random states, too"
    assert same([v.numpy() for v in again.optimizer.variables], [v.numpy() for v in model.optimizer.variables])
    histories = [m.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0).history for m in (model, again)]
    assert histories[0] == histories[1] and "accuracy" in histories[0]
    assert same(again.get_weights(), model.get_weights())


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_layer_frozen_after_training(tmp_path: Path, ending: str) -> None:
    model = trained()
    model.layers[0].trainable = False
    model.save(tmp_path / f"m{ending}")
    again = load_model(tmp_path / f"m{ending}")
    assert len(again.trainable_weights) == len(model.trainable_weights) == 4
    histories = [m.fit(X, Y, epochs=2, shuffle=False, verbose=0).history for m in (model, again)]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_compiled_and_never_trained(tmp_path: Path, ending: str) -> None:
    model = small()
    model.compile(optimizers.Adam(0.25), "mse", weighted_metrics=["mae"])
    model.save(tmp_path / f"m{ending}")
    again = load_model(tmp_path / f"m{ending}")
    assert float(again.optimizer.learning_rate) == 0.25 and int(again.optimizer.iterations) == 0
    assert again.fit(X, np.ones((24, 3)), verbose=0).history.keys() == {"loss", "mae"}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_dtypes(tmp_path: Path, dtype: str, ending: str) -> None:
    model = Sequential([Input((4,)), Dense(6, dtype=dtype), Dense(3, dtype=dtype)])
    model.save(tmp_path / f"m{ending}")
    again = load_model(tmp_path / f"m{ending}")
    assert again.weights[0].dtype == dtype and same(again.get_weights(), model.get_weights())


def test_files_look_like_those_of_keras(tmp_path: Path) -> None:
    """The members of the zip, and the groups and attributes of HDF5, are those of the same model in Keras."""
    model = load_model(FILES / "keras3.keras")
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
    model.save_weights(tmp_path / "m.weights.h5")

    def tree(data: Any) -> set[str]:
        with h5py.File(data) as f:
            found = {f"@{k}" for k in f.attrs}
            f.visititems(lambda name, item: found.add(name if isinstance(item, h5py.Group) else f"{name} {item.shape}"))
            return {n for n in found if not n.startswith(("gpudl", "@gpudl"))}

    with zipfile.ZipFile(tmp_path / "m.keras") as ours, zipfile.ZipFile(FILES / "keras3.keras") as theirs:
        assert ours.namelist() == theirs.namelist()
        assert tree(io.BytesIO(ours.read("model.weights.h5"))) == tree(io.BytesIO(theirs.read("model.weights.h5")))
        a, b = json.loads(ours.read("config.json")), json.loads(theirs.read("config.json"))
        assert a.keys() == b.keys() and [x["class_name"] for x in a["config"]["layers"]] == [x["class_name"] for x in b["config"]["layers"]]
        for x, y in zip(a["config"]["layers"], b["config"]["layers"]):
            assert x["module"] == y["module"] and x["registered_name"] is None and set(x["config"]) >= {"name"}
    kept = tree(FILES / "keras3.weights.h5")  # with the optimizer's state, where ours holds weights alone
    assert tree(tmp_path / "m.weights.h5") == {name for name in kept if not name.startswith("optimizer")}
    with h5py.File(tmp_path / "m.h5") as f:
        assert list(f["model_weights"].attrs["layer_names"]) == [layer.name.encode() for layer in model.layers]
        assert {"model_config", "training_config", "keras_version", "backend"} <= set(f.attrs) and "optimizer_weights" in f


def test_every_layer_takes_part() -> None:
    """A new layer is added to a case of keras_cases.py: Keras is to read it, and we Keras'."""

    def named(data: Any) -> set[str]:
        if isinstance(data, dict):
            return {data["class_name"]} | named(data["config"]) if "class_name" in data else set().union(*map(named, data.values()))
        return set().union(*map(named, data)) if isinstance(data, list) else set()

    found = set().union(*[named(keras_cases.model_of(gpudl, name).get_config()) for name in keras_cases.CASES])
    of_several_inputs = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
    elsewhere = {"Lambda", "Sequential", "ThresholdedReLU"}  # below, and one that Keras 3 has not
    assert set(layers.serialization._CLASSES) - found <= of_several_inputs | elsewhere


# names and functions of the user's ----------------------------------------------------------------------------------------------


class Scale(layers.Layer):
    """A layer with a layer in it, and one in a list."""

    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.inner = Dense(3, name="inner_one")
        self.several = [Dense(2), Dense(3)]

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight((3,), "ones", name="bias")

    def call(self, x: Any) -> Any:
        y = self.inner(x) * self.factor + self.bias
        for layer in self.several:
            y = layer(y)
        return y

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def squared(y_true: Any, y_pred: Any) -> Any:
    return gpudl.ops.mean(gpudl.ops.square(y_true - y_pred), axis=-1)


def twice(x: Any) -> Any:
    return x * 2.0


def own_model() -> Sequential:
    model = Sequential([Input((4,)), Scale(3.0, name="scale"), Dense(2, activation=twice), layers.Lambda(twice, name="twofold")])
    model.compile(optimizers.SGD(0.01), squared, metrics=[squared, "mae"])
    model.fit(X, np.ones((24, 2)), verbose=0)
    return model


OWN = {"Scale": Scale, "squared": squared, "twice": twice}


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_own_classes_and_functions(tmp_path: Path, ending: str) -> None:
    model, path = own_model(), tmp_path / f"m{ending}"
    model.save(path)
    again = load_model(path, custom_objects=OWN)
    assert again.evaluate(X, np.ones((24, 2)), verbose=0) == model.evaluate(X, np.ones((24, 2)), verbose=0)
    with gpudl.utils.custom_object_scope(OWN):
        assert same(load_model(path).get_weights(), model.get_weights())
    for missing in OWN:
        with pytest.raises(ValueError, match=rf"(?s)(?=.*{missing})(?=.*custom_objects)"):
            load_model(path, custom_objects={k: v for k, v in OWN.items() if k != missing})
    assert load_model(path, custom_objects={k: OWN[k] for k in ("Scale", "twice")}, compile=False).count_params() == model.count_params()


@pytest.mark.parametrize("ending", [".keras", ".h5", ".safetensors"])
def test_registered_classes_need_no_custom_objects(tmp_path: Path, ending: str) -> None:
    register = gpudl.saving.register_keras_serializable
    before = dict(gpudl.saving.get_custom_objects())
    try:
        register("tests")(Scale)
        register("tests", "doubled")(twice)
        register("tests")(squared)
        model = own_model()
        model.save(tmp_path / f"m{ending}")
        again = load_model(tmp_path / f"m{ending}")
        assert same(again.get_weights(), model.get_weights()) and again.layers[1].activation is twice
        assert gpudl.saving.get_registered_name(Scale) == "tests>Scale"
        assert gpudl.saving.get_registered_object("tests>doubled") is twice
    finally:
        gpudl.saving.get_custom_objects().clear()
        gpudl.saving.get_custom_objects().update(before)
        gpudl.named._names.clear()
    with pytest.raises(ValueError, match="tests>Scale"):
        load_model(tmp_path / f"m{ending}")


def test_places_of_nested_layers(tmp_path: Path) -> None:
    own_model().save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5") as f:
        assert list(f["layers/scale"]) == ["inner", "several", "vars"]
        assert f["layers/scale/several/dense_1/vars/0"].shape == (2, 3) and f["layers/scale/inner/vars"].attrs["name"] == "inner_one"


# names of files ----------------------------------------------------------------------------------------------------------------


def test_wrong_names(tmp_path: Path) -> None:
    model = small()
    for name, message in (("m.kears", r"Did you mean '.keras'"), ("m.weights.h5", "call save_weights"), ("m.pt", "files end in")):
        with pytest.raises(ValueError, match=message):
            model.save(tmp_path / name)
    for name, message in (("w.keras", "whole models"), ("w.txt", r"'.weights.h5' or '.h5'")):
        with pytest.raises(ValueError, match=message):
            model.save_weights(tmp_path / name)
    for name in ("m.keras", "m.h5"):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            load_model(tmp_path / name)
        model.save(tmp_path / name)
        with pytest.raises(FileExistsError, match="overwrite=True"):
            model.save(tmp_path / name, overwrite=False)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(IsADirectoryError, match="SavedModel of TensorFlow"):
        load_model(tmp_path / "saved")
    with pytest.raises(ValueError, match="no weights yet"):
        Sequential([Dense(3)]).save(tmp_path / "x.keras")
    assert sorted(os.listdir(tmp_path)) == ["m.h5", "m.keras", "saved"]


@pytest.mark.parametrize("name,save_format", [("m", "h5"), ("m", "keras"), ("m.h5", "h5"), ("m.safetensors", None)])
def test_old_arguments_of_save(tmp_path: Path, name: str, save_format: str | None) -> None:
    model = trained()
    model.save(tmp_path / name, True, None, include_optimizer=False, save_format=save_format)
    again = load_model(tmp_path / name)
    assert same(again.get_weights(), model.get_weights())
    with pytest.raises(RuntimeError, match="not compiled"):
        again.evaluate(X, Y)
    kept = (tmp_path / name).read_bytes()
    assert kept.startswith({"h5": b"\x89HDF", "keras": b"PK"}.get(str(save_format), b""))
    for wrong, message in (({"zipped": False}, "one file"), ({"save_format": "tf"}, "SavedModel of TensorFlow is not written")):
        with pytest.raises(ValueError, match=message):
            model.save(tmp_path / name, **wrong)
    with pytest.raises(ValueError, match="the ending says"):
        model.save(tmp_path / "m.keras", save_format="h5")
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_bytes() == kept


def test_the_contents_decide_what_is_read(tmp_path: Path) -> None:
    model = small()
    model.save(tmp_path / "m.keras")
    (tmp_path / "m.keras").rename(tmp_path / "renamed.bin")
    assert same(load_model(tmp_path / "renamed.bin").get_weights(), model.get_weights())


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    model = small()
    for call in (
        lambda: model.save(tmp_path / "m.keras"),
        lambda: model.save_weights(tmp_path / "m.weights.h5"),
        lambda: load_model(FILES / "keras3.keras"),
        lambda: load_model(FILES / "keras3.h5"),
        lambda: model.load_weights(FILES / "keras3.weights.h5"),
        lambda: gpudl.callbacks.ModelCheckpoint(tmp_path / "m.keras"),
    ):
        if call.__code__.co_names[-1] == "ModelCheckpoint":
            continue
        with pytest.raises(ImportError, match="pip install h5py"):
            call()
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ImportError, match="pip install h5py"):
        model.fit(X, np.ones((24, 3)), callbacks=[gpudl.callbacks.ModelCheckpoint(tmp_path / "m.keras")], verbose=0)
    assert same(model.get_weights(), before), "said before training, not after it"
    model.save(tmp_path / "m.safetensors")
    load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize("name,alone", [
    ("m-{epoch}.keras", False), ("m-{epoch}.h5", False), ("m-{epoch:02d}-{loss:.2f}", False), ("w-{epoch}.weights.h5", True),
    ("w-{epoch}.hdf5", True),
])  # fmt: skip
def test_checkpoints(tmp_path: Path, name: str, alone: bool) -> None:
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy")
    checkpoint = gpudl.callbacks.ModelCheckpoint(tmp_path / name, save_weights_only=alone)
    model.fit(X, Y, epochs=2, callbacks=[checkpoint], verbose=0)
    assert len(os.listdir(tmp_path)) == 2
    last = tmp_path / sorted(os.listdir(tmp_path))[-1]
    if alone:
        other = small()
        other.load_weights(last)
    else:
        other = load_model(last)
    assert same(other.get_weights(), model.get_weights())

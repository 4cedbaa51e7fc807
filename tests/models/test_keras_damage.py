"""Damaged files, traps, and configurations that cannot be: one error that names the file, and the model is as before."""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_cases import FILES, edited, golden, same

import gpudl
from gpudl.layers import BatchNormalization, Dense, Dropout, Input
from gpudl.models import Sequential, load_model, model_from_json

h5py = pytest.importorskip("h5py")


def small() -> Sequential:
    return Sequential([Input((4,)), Dense(6, activation="relu"), BatchNormalization(), Dropout(0.2), Dense(3, activation="softmax")])


def twice(x: Any) -> Any:
    return x * 2.0


# configurations ----------------------------------------------------------------------------------------------------------------


def lambda_layer(config: dict[str, Any]) -> None:
    code = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
    config["config"]["layers"].append({"module": "keras.layers", "class_name": "Lambda", "config": {"name": "tail", "function": code}})


def test_code_is_never_taken_from_a_file(tmp_path: Path) -> None:
    path = edited("keras3.keras", tmp_path / "m.keras", lambda_layer)
    for safe_mode in (True, False):
        with pytest.raises(ValueError, match=r"Lambda layer 'tail' holds code.*custom_objects=\{'tail'"):
            load_model(path, safe_mode=safe_mode)
    model = load_model(path, custom_objects={"tail": twice})
    np.testing.assert_allclose(model.predict(golden.X, verbose=0), 2 * np.load(FILES / "keras3.npz")["predictions"], rtol=1e-6)


@pytest.mark.parametrize("edit,words", [
    (lambda c: c["config"]["layers"][1].update(class_name="Konv1D"), r"layer class 'Konv1D'.*Did you mean 'Conv1D'.*custom_objects"),
    (lambda c: c["config"]["layers"][1].update(module="os", class_name="system"), "unknown layer class 'system'"),
    (lambda c: c["config"]["layers"][1]["config"].update(dtype={"class_name": "function", "config": "system", "module": "os"}), "system"),
    (lambda c: c["config"]["layers"][2]["config"].update(wonder=True), r"wonder=True of BatchNormalization .*does not have"),
    (lambda c: c["config"]["layers"][1]["config"].update(filters=10**12), "fewer numbers than its configuration"),
    (lambda c: c["config"]["layers"][1]["config"].update(filters=5), r"damaged|layer .*shape"),
    (lambda c: c["config"]["layers"].pop(), "for which the model has no layer"),
    (lambda c: c["config"].update(layers={"a": 1}), "which layers"),
    (lambda c: c["config"].update(layers=[3]), "configuration is damaged"),
    (lambda c: c.update(class_name="Dense"), r"no model|Dense"),
    (lambda c: c["compile_config"]["optimizer"].update(class_name="Adamm"), r"compile=False.*unknown optimizer class 'Adamm'"),
    (lambda c: c["compile_config"].update(loss={"class_name": "function", "config": "mine"}), r"custom_objects.*mine"),
    (lambda c: c["compile_config"].update(loss=["mse", "mae"]), "one output"),
])  # fmt: skip
def test_configurations_that_cannot_be(tmp_path: Path, edit: Callable[[dict[str, Any]], None], words: str) -> None:
    path = edited("keras3.keras", tmp_path / "m.keras", edit)
    with pytest.raises((ValueError, TypeError), match=rf"(?s)\[\w+\].*({words})"):
        load_model(path)


def node(*names: str) -> list[dict[str, Any]]:
    """How Keras 3 writes whose outputs a layer is given."""
    tensors = [{"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "keras_history": [n, 0, 0]}} for n in names]
    return [{"args": [tensors] if len(names) > 1 else tensors, "kwargs": {}}]


def layer(name: str, *inputs: str) -> dict[str, Any]:
    nodes = node(*inputs) if inputs else []
    config = {"name": name, "units": 4} if inputs else {"name": name, "batch_shape": [None, 4]}
    kind = "Dense" if inputs else "InputLayer"
    return {"module": "keras.layers", "class_name": kind, "config": config, "name": name, "inbound_nodes": nodes}


@pytest.mark.parametrize("layers,ends,words", [
    ([layer("i"), layer("a", "i"), layer("b", "a")], "b", ""),
    ([layer("b", "a"), layer("a", "i"), layer("i")], "b", ""),
    ([layer("i"), layer("a", "i"), layer("b", "i")], "b", "branches at layer 'b'"),
    ([layer("i"), layer("j"), layer("a", "i", "j")], "a", "branches at layer 'a'"),
    ([layer("i"), layer("j"), layer("a", "i")], "a", "has 2 inputs"),
    ([layer("i"), layer("a", "i"), layer("b", "a")], "a", "other outputs"),
    ([layer("i"), layer("a", "nowhere")], "a", "branches at layer 'a'"),
    ([layer("a", "b"), layer("b", "a")], "a", "has 0 inputs"),
])  # fmt: skip
def test_models_that_are_no_chains(layers: list[dict[str, Any]], ends: str, words: str) -> None:
    config = {"name": "m", "trainable": True, "layers": layers, "input_layers": [["i", 0, 0]], "output_layers": [[ends, 0, 0]]}
    text = json.dumps({"module": "keras", "class_name": "Functional", "config": config, "registered_name": "Functional"})
    if words:
        with pytest.raises(ValueError, match=words):
            model_from_json(text)
    else:
        assert [v.name for v in model_from_json(text).layers] == ["a", "b"]


# damaged files -----------------------------------------------------------------------------------------------------------------


def in_all_forms(folder: Path) -> tuple[Sequential, list[Path]]:
    """A model, and files of it: ours of every kind, and Keras'."""
    model = load_model(FILES / "keras3.keras")
    paths = [folder / f"m{ending}" for ending in (".keras", ".h5", ".weights.h5", "_w.h5")]
    for path in paths:
        (model.save_weights if "w" in path.name else model.save)(path)
    theirs = folder / "keras3.keras"
    theirs.write_bytes((FILES / "keras3.keras").read_bytes())
    return model, [*paths, theirs]


def test_flipped_bytes(tmp_path: Path) -> None:
    """What can be read at all is what was written. (An `.h5` file of Keras has no checksum, and what reads it is not made for damage.)"""
    model, paths = in_all_forms(tmp_path)
    whole, other = model.get_weights(), golden.network(gpudl)
    before, rng, refused = other.get_weights(), np.random.default_rng(0), 0
    for path in paths:
        data = path.read_bytes()
        for i in range(40):
            broken = bytearray(data)
            low = len(data) - 90 if i % 8 == 0 else 0  # now and then in the checksum
            for place in rng.integers(low, len(data), int(rng.integers(1, 8))):
                broken[place] ^= int(rng.integers(1, 256))
            path.write_bytes(bytes(broken))
            try:
                other.load_weights(path)
            except ValueError as error:
                assert str(error).startswith("[load_weights]") and same(other.get_weights(), before)
                refused += 1
            else:
                assert same(other.get_weights(), whole)
                other.set_weights(before)
            if "w" not in path.name:
                try:
                    assert same(load_model(path).get_weights(), whole)
                except ValueError as error:
                    assert str(error).startswith("[load_model]")
    assert refused > 100


@pytest.mark.parametrize("name", ["keras3.keras", "keras3.h5", "keras3.weights.h5", "keras2_weights.h5", "m.h5", "m.weights.h5"])
def test_cut_files(tmp_path: Path, name: str) -> None:
    in_all_forms(tmp_path)
    path, model = tmp_path / name, golden.network(gpudl)
    data, rng = (path if path.exists() else FILES / name).read_bytes(), np.random.default_rng(len(name))
    before = model.get_weights()
    for size in [0, 1, 7, 8, 100, *rng.integers(0, len(data) - 100, 12).tolist()]:
        path.write_bytes(data[:size])
        for load in (load_model, model.load_weights):
            with pytest.raises(ValueError, match=r"^\["):
                load(path)
        assert same(model.get_weights(), before)


@pytest.mark.parametrize("ending", [".h5", ".weights.h5", ".keras"])
def test_a_changed_number_is_noticed_in_our_files(tmp_path: Path, ending: str) -> None:
    model, path = small(), tmp_path / f"m{ending}"
    (model.save_weights if "weights" in ending else model.save)(path)
    data = bytearray(path.read_bytes())
    place = bytes(data).index(model.layers[0].kernel.numpy().tobytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))
    before = model.get_weights()
    with pytest.raises(ValueError, match="damaged"):
        model.load_weights(path)
    assert same(model.get_weights(), before)


def test_what_was_changed_on_purpose_is_read(tmp_path: Path) -> None:
    model = small()
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "r+") as f:
        f["layers/dense/vars/1"][:] = 7.0
    model.load_weights(tmp_path / "w.weights.h5")
    assert (model.layers[0].bias.numpy() == 7.0).all()


def altered(tmp_path: Path, name: str, change: Callable[[Any], None]) -> Path:
    path = tmp_path / name
    path.write_bytes((FILES / name).read_bytes())
    with h5py.File(path, "r+") as f:
        change(f)
    return path


def external_link(f: Any) -> None:
    del f["layers/dense/vars/0"]
    f["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "x")


def soft_link(f: Any) -> None:
    del f["layers/dense/vars/0"]
    f["layers/dense/vars/0"] = h5py.SoftLink("/layers/gru/cell/vars/0")


def external_data(f: Any) -> None:
    del f["layers/dense/vars/0"]
    f["layers/dense/vars"].create_dataset("0", (3, 2), "float32", external=[("/etc/passwd", 0, 24)])


def bomb(f: Any) -> None:
    del f["layers/dense/vars/0"]
    f["layers/dense/vars"].create_dataset("0", (1 << 40,), "float32", chunks=(1 << 16,), compression="gzip")


def words(f: Any) -> None:
    del f["layers/dense/vars/0"]
    f["layers/dense/vars"].create_dataset("0", data=np.array([[b"a", b"b"]] * 3))


def ring(f: Any) -> None:
    f["layers/dense/again"] = f["layers"]
    del f["layers/dense/vars"]


def gone(f: Any) -> None:
    del f["layers/dense"]


def one_more(f: Any) -> None:
    f["layers/dense/vars/2"] = np.zeros(3)


def other_shape(f: Any) -> None:
    del f["layers/dense/vars/0"]
    f["layers/dense/vars/0"] = np.zeros((2, 3), "float32")


@pytest.mark.parametrize("change,message", [
    (external_link, "has a link"), (soft_link, "has a link"), (external_data, "another file"), (bomb, r"claims to have 4,398,046,511,104"),
    (words, "does not hold numbers"), (gone, "has 2 weights, the file has 0"), (ring, "has 2 weights, the file has 0"),
    (one_more, "has 2 weights, the file has 3"),
    (other_shape, r"'kernel' of layer 'dense\w*': the file has shape \(2, 3\), the model has \(3, 2\)"),
])  # fmt: skip
def test_traps(tmp_path: Path, change: Callable[[Any], None], message: str) -> None:
    path, model = altered(tmp_path, "keras3.weights.h5", change), golden.network(gpudl)
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"^\[load_weights\].*{message}"):
        model.load_weights(path)
    assert same(model.get_weights(), before)


def test_zips_that_are_traps(tmp_path: Path) -> None:
    with zipfile.ZipFile(FILES / "keras3.keras") as z:
        config, weights = z.read("config.json"), z.read("model.weights.h5")
    path = tmp_path / "m.keras"

    def made(members: list[tuple[str, bytes]], **how: Any) -> Path:
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **how) as out:
            warnings.simplefilter("ignore")
            for name, data in members:
                out.writestr(name, data)
        return path

    whole = [("config.json", config), ("model.weights.h5", weights)]
    packed = made([("../../evil", b"x"), ("/etc/evil", b"x"), *whole], compression=zipfile.ZIP_DEFLATED)
    assert load_model(packed).name == "network" and os.listdir(tmp_path) == ["m.keras"]  # nothing is unpacked
    zeros = made([("config.json", config), ("model.weights.h5", bytes(1 << 27))], compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="claims to be 134,217,728 bytes"):
        load_model(zeros)
    for members in ([whole[0]], [whole[1]], [*whole, whole[1]], []):
        with pytest.raises(ValueError, match=r"^\[load_model\].*(members|damaged)"):
            load_model(made(members))
    for bad in (b"[" * 100_000, b"{}", b"[]", b"3", b"\xff", b"null", b'{"class_name": 3, "config": 4}'):
        with pytest.raises(ValueError, match=r"^\[load_model\]"):
            load_model(made([("config.json", bad), whole[1]]))


def test_misfits_can_be_skipped(tmp_path: Path) -> None:
    model = small()
    for name in ("w.weights.h5", "w.h5"):
        model.save_weights(tmp_path / name)
        other = Sequential([Input((4,)), Dense(6), BatchNormalization(), Dense(5)])
        before = other.get_weights()
        with pytest.raises(ValueError, match=r"another architecture. Nothing was changed.*\(6, 3\)"):
            other.load_weights(tmp_path / name)
        assert same(other.get_weights(), before)
        with pytest.warns(UserWarning, match="weights that do not fit"):
            other.load_weights(tmp_path / name, skip_mismatch=True)
        assert same(other.get_weights()[:6], model.get_weights()[:6]) and same(other.get_weights()[6:], before[6:])
    with pytest.raises(ValueError, match=r"by_name=True is for '.h5' files"):
        model.load_weights(tmp_path / "w.weights.h5", by_name=True)
    with pytest.raises(ValueError, match="holds weights alone"):
        load_model(tmp_path / "w.h5")

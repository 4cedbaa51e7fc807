"""Files: everything comes back, loading is all or nothing, saving never harms an old file, and a file is never more than data."""

from __future__ import annotations

import contextlib
import copy
import errno
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import gpudl
from gpudl import layers, optimizers
from gpudl.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from gpudl.models import Sequential, archive, load_model, save_model
from gpudl.random import set_seed

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 24)
IMAGES = RNG.standard_normal((8, 8, 8, 1)).astype(np.float32)


def small(**k: Any) -> Sequential:
    first, last = Dense(6, activation="relu", **k), Dense(3, activation="softmax", **k)
    return Sequential([Input((4,)), first, BatchNormalization(**k), Dropout(0.2), last])


def trained(optimizer: Any = "adam") -> Sequential:
    model = small()
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    return model


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b))


@pytest.mark.parametrize("optimizer", [
    lambda: "adam", lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True), lambda: optimizers.SGD(0.1),
    lambda: optimizers.Adadelta(1.0),
])  # fmt: skip
def test_training_goes_on_bit_for_bit(tmp_path: Path, optimizer: Callable[[], Any]) -> None:
    model = trained(optimizer())
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert same(again.get_weights(), model.get_weights())
    assert same([v.numpy() for v in again.variables], [v.numpy() for v in model.variables]), "random states, too"
    assert same([v.numpy() for v in again.optimizer.variables], [v.numpy() for v in model.optimizer.variables])
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    histories = [m.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0).history for m in (model, again)]
    assert histories[0] == histories[1] and "accuracy" in histories[0]
    assert same(again.get_weights(), model.get_weights())
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_layers_come_back(tmp_path: Path) -> None:
    model = Sequential(
        [
            Input((8, 8, 1)),
            Conv2D(4, 3, padding="same", kernel_regularizer="l2", activity_regularizer="l1"),
            MaxPooling2D(),
            Flatten(),
            Sequential([Dense(3, activation="tanh")], name="top"),
        ],
        name="net",
    )
    model.layers[0].trainable = False
    save_model(model, tmp_path / "m.safetensors")
    again = load_model(str(tmp_path / "m.safetensors"))
    assert again.get_config() == model.get_config() and again.name == "net" and not again.layers[0].trainable
    np.testing.assert_array_equal(again(IMAGES).numpy(), model(IMAGES).numpy())
    with pytest.raises(RuntimeError, match="not compiled"):
        again.fit(IMAGES, np.zeros(8))


def test_a_layer_frozen_after_training(tmp_path: Path) -> None:
    model = trained()
    model.layers[0].trainable = False
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert len(again.trainable_weights) == len(model.trainable_weights) == 4
    histories = [m.fit(X, Y, epochs=2, shuffle=False, verbose=0).history for m in (model, again)]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_dtypes(tmp_path: Path, dtype: str) -> None:
    model = Sequential([Input((4,)), Dense(6, dtype=dtype), Dense(3, dtype=dtype)])
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert again.weights[0].dtype == dtype and same(again.get_weights(), model.get_weights())
    model.save_weights(tmp_path / "w.safetensors")
    other = Sequential([Input((4,)), Dense(6, dtype=dtype), Dense(3, dtype=dtype)])
    other.load_weights(tmp_path / "w.safetensors")
    assert same(other.get_weights(), model.get_weights())


def test_a_file_is_plain_safetensors(tmp_path: Path) -> None:
    model = small()
    model.save_weights(tmp_path / "w.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "w.safetensors")
    assert [name.split("/")[-1] for name in sorted(arrays)] == [v.name for v in model.weights]


def test_weights_alone(tmp_path: Path) -> None:
    model, other = small(), small()
    model.save_weights(tmp_path / "w.safetensors")
    kernel = other.weights[0].storage
    other.load_weights(tmp_path / "w.safetensors")
    assert same(other.get_weights(), model.get_weights()) and other.weights[0].storage is kernel
    model.save(tmp_path / "m.safetensors")
    third = small()
    third.load_weights(tmp_path / "m.safetensors")  # of a whole model, too
    assert same(third.get_weights(), model.get_weights())
    with pytest.raises(ValueError, match="holds weights alone"):
        load_model(tmp_path / "w.safetensors")


@pytest.mark.parametrize("make,words", [
    (lambda: Sequential([Input((4,)), Dense(7), BatchNormalization(), Dense(3)]), r"weight 0: .* 'kernel'.*shape \(4, 6\).*\(4, 7\)"),
    (lambda: Sequential([Input((4,)), Dense(6), BatchNormalization(), Dense(4)]), r"weight 6: .*\(6, 3\).*\(6, 4\)"),
    (lambda: Sequential([Input((4,)), Dense(6)]), "it has 8 weights, model .* has 2"),
])  # fmt: skip
def test_weights_of_another_architecture(tmp_path: Path, make: Callable[[], Sequential], words: str) -> None:
    small().save_weights(tmp_path / "w.safetensors")
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match=words):
        model.load_weights(tmp_path / "w.safetensors")
    assert same(model.get_weights(), before)


def test_skip_mismatch(tmp_path: Path) -> None:
    model = small()
    model.save_weights(tmp_path / "w.safetensors")
    other = Sequential([Input((4,)), Dense(6), BatchNormalization(), Dense(4)])
    with pytest.warns(UserWarning, match="weight 6"):
        other.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)
    assert same(other.get_weights()[:6], model.get_weights()[:6])


def test_weights_need_a_built_model(tmp_path: Path) -> None:
    model = Sequential([Dense(3)])
    for call in (lambda: model.save(tmp_path / "m.safetensors"), lambda: model.save_weights(tmp_path / "m.safetensors")):
        with pytest.raises(ValueError, match="has no weights yet"):
            call()
    small().save_weights(tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="has no weights yet"):
        model.load_weights(tmp_path / "w.safetensors")
    assert os.listdir(tmp_path) == ["w.safetensors"]


class Own(layers.Layer):
    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
        return x * self.w * self.factor


def own_activation(x: gpudl.Tensor) -> gpudl.Tensor:
    return x * 2.0


def own_loss(y: gpudl.Tensor, y_pred: gpudl.Tensor) -> gpudl.Tensor:
    return gpudl.ops.mean(gpudl.ops.square(y - y_pred), axis=-1)


def test_own_classes_by_custom_objects_alone(tmp_path: Path) -> None:
    model = Sequential([Input((4,)), Own(3.0), Dense(2, activation=own_activation)])
    model.compile(loss=own_loss)
    model.fit(X, np.ones((24, 2)), verbose=0)
    path = tmp_path / "m.safetensors"
    model.save(path)
    with pytest.raises(ValueError, match=r"unknown layer class 'Own'.*custom_objects=\{'Own': ...\}"):
        load_model(path)
    some = {"Own": Own, "own_activation": own_activation}
    with pytest.raises(ValueError, match=r"cannot be restored.*custom_objects"):
        load_model(path, custom_objects=some)
    again = load_model(path, custom_objects=some, compile=False)
    np.testing.assert_array_equal(again(X).numpy(), model(X).numpy())
    again = load_model(path, custom_objects={**some, "own_loss": own_loss})
    assert again.evaluate(X, np.ones((24, 2)), verbose=0) == model.evaluate(X, np.ones((24, 2)), verbose=0)


def test_configurations_that_are_no_data(tmp_path: Path) -> None:
    model = Sequential([Input((4,)), Own(np.ones(4), name="odd")])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="numbers, strings, lists and dicts"):
        model.save(tmp_path / "m.safetensors")
    assert os.listdir(tmp_path) == []


def test_wrong_paths(tmp_path: Path) -> None:
    model = small()
    for name in ("m.txt", "m.kears", "m.pt", "m.tf"):
        with pytest.raises(ValueError, match=r"files end in '.safetensors', '.keras' or '.h5'"):
            model.save(tmp_path / name)
    with pytest.raises(TypeError, match="a path is expected"):
        model.save(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere"):
        model.save(tmp_path / "nowhere" / "m.safetensors")
    (tmp_path / "d.safetensors").mkdir()
    with pytest.raises(IsADirectoryError):
        model.save(tmp_path / "d.safetensors")
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path / "d.safetensors")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_model(tmp_path / "missing.safetensors")
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "m.safetensors", overwrite=False)
    assert sorted(os.listdir(tmp_path)) == ["d.safetensors", "m.safetensors"]


def test_files_that_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    deep = ("[" * 200_000 + "]" * 200_000).encode()
    for data in (
        b"",
        b"text",
        b"\x00" * 100,
        b"\xff" * 100,
        struct.pack("<Q", 2**40) + b"{}",
        struct.pack("<Q", len(deep)) + deep,
        safetensors.numpy.save({"a": np.ones(3)}),
        b"\x80\x04\x95pickle" * 20,
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"x.safetensors"):
            load_model(path)
        model = small()
        before = model.get_weights()
        with pytest.raises(ValueError, match=r"x.safetensors"):
            model.load_weights(path)
        assert same(model.get_weights(), before)


def test_every_truncation_and_flipped_bits_are_found(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    model = trained()
    model.save(path)
    data = path.read_bytes()
    before = model.get_weights()
    rng = np.random.default_rng(1)
    for length in [*range(64), *rng.integers(64, len(data), 60).tolist(), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"damaged|not written"):
            model.load_weights(path)
    for _ in range(120):
        place, bit = int(rng.integers(len(data))), int(rng.integers(8))
        broken = bytearray(data)
        broken[place] ^= 1 << bit
        path.write_bytes(bytes(broken))
        with contextlib.suppress(ValueError):
            model.load_weights(path)
        assert same(model.get_weights(), before), "found, or harmless"


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    arrays, document = archive.read("test", path)
    change(document)
    archive.write("test", path, arrays, document, True)


OTHER_CLASS = {"class_name": "os.system", "config": {}}
HOSTILE: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("module", lambda d: d["model"].update(class_name="os.system")),
    ("lambda", lambda d: d["model"]["config"]["layers"][1].update(class_name="Lambda", config={"function": "import os"})),
    ("eval", lambda d: d["model"]["config"]["layers"][1]["config"].update(activation="eval")),
    ("initializer", lambda d: d["model"]["config"]["layers"][1]["config"].update(kernel_initializer=OTHER_CLASS)),
    ("unknown_field", lambda d: d["model"]["config"]["layers"][1]["config"].update(path="/etc/passwd")),
    ("huge", lambda d: d["model"]["config"]["layers"][1]["config"].update(units=2**40)),
    ("negative", lambda d: d["model"]["config"]["layers"][1]["config"].update(units=-1)),
    ("no_layers", lambda d: d["model"]["config"].update(layers=[])),
    ("layers_text", lambda d: d["model"]["config"].update(layers="abc")),
    ("no_model", lambda d: d.pop("model")),
    ("model_list", lambda d: d.update(model=[])),
    ("no_weights", lambda d: d.update(weights=[])),
    ("weights_elsewhere", lambda d: d["weights"][0].update(key="../../secret")),
    ("optimizer", lambda d: d["compile"].update(optimizer={"class_name": "eval", "config": {}})),
    ("loss", lambda d: d["compile"].update(loss={"class_name": "__import__", "config": {"name": "os"}})),
    ("compile_field", lambda d: d["compile"].update(safe_mode=False)),
    ("slots", lambda d: d["optimizer"].update(keys=d["optimizer"]["keys"][:3])),
    ("slots_of_nothing", lambda d: d["optimizer"].update(weights=[99])),
]


@pytest.mark.parametrize("name,change", HOSTILE, ids=[h[0] for h in HOSTILE])
def test_hostile_files_are_refused(tmp_path: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = tmp_path / "m.safetensors"
    trained().save(path)
    rewritten(path, change)
    with pytest.raises((ValueError, TypeError)):
        load_model(path)


def test_loading_draws_nothing(tmp_path: Path) -> None:
    small().save(tmp_path / "m.safetensors")
    set_seed(1)
    first = small().get_weights()
    set_seed(1)
    load_model(tmp_path / "m.safetensors")
    assert same(small().get_weights(), first)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    model = small()
    model.save(path)
    old = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for target in ("fsync", "replace"):
        with monkeypatch.context() as m:
            m.setattr(os, target, full if target == "fsync" else lambda *_: full(0))
            with pytest.raises(OSError, match="No space"):
                model.save(path)
        assert path.read_bytes() == old and os.listdir(tmp_path) == ["m.safetensors"]
    with monkeypatch.context() as m:
        m.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            model.save(path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["m.safetensors"]
    model.save(path)
    assert same(load_model(path).get_weights(), model.get_weights())


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    small().save(tmp_path / "real.safetensors")
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "real.safetensors")
    model = small()
    model.save(tmp_path / "link.safetensors")
    assert (tmp_path / "link.safetensors").is_symlink()
    assert same(load_model(tmp_path / "real.safetensors").get_weights(), model.get_weights())


SAVES_FOR_EVER = """
import sys
import numpy as np
from gpudl.layers import Dense, Input
from gpudl.models import Sequential
model = Sequential([Input((256,)), Dense(512)])
number = 0.0
while True:
    number += 1.0
    model.set_weights([np.full((256, 512), number), np.full(512, number)])
    model.save(sys.argv[1])
    if number == 1.0:
        print("saved", flush=True)
"""


@pytest.mark.slow
def test_a_killed_program_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for attempt in range(6):
        program = subprocess.Popen([sys.executable, "-c", SAVES_FOR_EVER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        assert program.stdout is not None and program.stdout.readline() == b"saved\n"
        time.sleep(0.05 + 0.013 * attempt)
        program.send_signal(signal.SIGKILL)
        program.wait()
        program.stdout.close()
        kernel, bias = load_model(path).get_weights()
        assert (kernel == kernel[0, 0]).all() and (bias == kernel[0, 0]).all() and kernel[0, 0] >= 1


def test_the_document_is_json(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    trained().save(path)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    document = json.loads(header["__metadata__"]["document"])
    assert document["model"]["class_name"] == "Sequential" and document["compile"]["metrics"] == ["accuracy"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_copies_go_on_bit_for_bit_on_their_own(duplicate: Callable[[Any], Any]) -> None:
    model = trained()
    again = duplicate(model)
    assert same(again.get_weights(), model.get_weights()) and again.name == model.name
    assert all(a is not b for a, b in zip(again.variables, model.variables))
    before = model.get_weights()
    first = again.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    assert same(model.get_weights(), before), "the original stays"
    assert model.fit(X, Y, epochs=2, shuffle=False, verbose=0).history == first
    assert same(again.get_weights(), model.get_weights())
    lazy = duplicate(Sequential([Dense(3)]))
    assert not lazy.built and lazy(X).shape == (24, 3)

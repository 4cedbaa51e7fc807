"""Data sets: shapes, splits, files in every format read, damaged and hostile files refused, nothing found: what to do."""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl import datasets
from gpudl.datasets import breast_cancer, cifar10, diabetes, digits, fashion_mnist, iris, mnist, wine

RNG = np.random.default_rng(0)
TABLES = {  # rows to train and test on, shape of an example, classes
    "iris": (iris, 75, 75, (4,), 3),
    "digits": (digits, 1348, 449, (8, 8), 10),
    "breast_cancer": (breast_cancer, 455, 114, (30,), 2),
    "wine": (wine, 142, 36, (13,), 3),
    "diabetes": (diabetes, 354, 88, (10,), None),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str) -> None:
    pytest.importorskip("sklearn")
    module, train, test, shape, classes = TABLES[name]
    (x_train, y_train), (x_test, y_test) = module.load_data()
    assert x_train.shape == (train, *shape) and x_test.shape == (test, *shape) and len(y_train) == train and len(y_test) == test
    if classes:
        assert set(np.unique(y_train)) == set(range(classes)) == set(np.unique(y_test)) and y_train.dtype.kind in "iu"
    again = module.load_data()
    assert np.array_equal(again[0][0], x_train) and not np.array_equal(module.load_data(seed=1)[0][0], x_train)


def test_no_row_is_lost_or_doubled() -> None:
    source = pytest.importorskip("sklearn.datasets").load_wine()
    (x_train, y_train), (x_test, y_test) = wine.load_data(test_split=0.3)
    ours = np.column_stack([np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])])
    theirs = np.column_stack([source.data, source.target])
    assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


def test_tables_bad_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in (0, 1, 1.5, "0.5", True):
        with pytest.raises(ValueError, match="test_split must be a fraction"):
            iris.load_data(test_split=bad)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        iris.load_data(seed=-1)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"\[iris.load_data\].*Run: pip install scikit-learn"):
        iris.load_data()


def test_names() -> None:
    assert gpudl.datasets is datasets
    with pytest.raises(AttributeError, match="Did you mean 'mnist'"):
        _ = datasets.minst


# files ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pictures(n: int, shape: tuple[int, ...] = (28, 28)) -> np.ndarray:
    return RNG.integers(0, 256, (n, *shape), np.uint8)


ARRAYS = {"x_train": pictures(6), "y_train": RNG.integers(0, 10, 6, np.uint8), "x_test": pictures(2), "y_test": np.array([3, 9], np.uint8)}


def write_npz(file: Path, **changes: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **{name: value for name, value in {**ARRAYS, **changes}.items() if value is not None})
    return file


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, packed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = {"train-images-idx3": "x_train", "train-labels-idx1": "y_train", "t10k-images-idx3": "x_test", "t10k-labels-idx1": "y_test"}
    for name, key in names.items():
        data = idx(ARRAYS[key])
        (folder / f"{name}-ubyte{'.gz' if packed else ''}").write_bytes(gzip.compress(data) if packed else data)
    return folder


def same(found: object) -> bool:
    (x_train, y_train), (x_test, y_test) = found  # type: ignore[misc]
    held = dict(zip(("x_train", "y_train", "x_test", "y_test"), (x_train, y_train, x_test, y_test)))
    return all(np.array_equal(held[name], ARRAYS[name]) for name in ARRAYS)


@pytest.mark.parametrize("cache", [".keras", ".gpudl"])
def test_caches(home: Path, cache: str) -> None:
    write_npz(home / cache / "datasets" / "mnist.npz")
    write_idx(home / cache / "datasets" / "fashion-mnist")
    assert same(mnist.load_data()) and same(mnist.load_data("mnist.npz")) and same(fashion_mnist.load_data())


def test_named_files(home: Path) -> None:
    assert same(mnist.load_data(write_npz(home / "a" / "own.npz")))
    assert same(mnist.load_data(str(write_idx(home / "packed")))) and same(mnist.load_data(write_idx(home / "plain", packed=False)))
    assert same(mnist.load_data("~/a/own.npz"))


def test_what_was_read_may_be_changed(home: Path) -> None:
    (x, _), _ = mnist.load_data(write_idx(home / "m"))
    x[0] = 0


def test_nothing_there(home: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load_data()
    message = str(caught.value)
    for part in ("[mnist.load_data]", "mnist.npz", str(home / ".keras" / "datasets"), str(home / ".gpudl" / "datasets"), "load_data(path="):
        assert part in message
    with pytest.raises(FileNotFoundError, match=r"no file 'mine.npz'.*downloads nothing"):
        mnist.load_data("mine.npz")
    with pytest.raises(FileNotFoundError, match="fashion-mnist"):
        fashion_mnist.load_data()
    with pytest.raises(FileNotFoundError, match="cifar-10-batches-bin"):
        cifar10.load_data()
    with pytest.raises(TypeError, match="path must name a file"):
        mnist.load_data(3)  # type: ignore[arg-type]


def test_pickles_are_never_opened(home: Path) -> None:
    class Evil:
        def __reduce__(self) -> object:
            return (Path.touch, (home / "ran",))

    np.savez(home / "evil.npz", **{**ARRAYS, "y_test": np.array([Evil(), Evil()], object)})
    with pytest.raises(ValueError, match="cannot be read safely"):
        mnist.load_data("evil.npz")
    assert not (home / "ran").exists()
    (home / "cifar").mkdir()
    (home / "cifar" / "data_batch_1").write_bytes(b"x")
    with pytest.raises(ValueError, match="is the Python version, a pickle, which is not read"):
        cifar10.load_data("cifar")


def test_damaged_npz(home: Path) -> None:
    whole = write_npz(home / "whole.npz").read_bytes()
    for name, data in (("cut.npz", whole[:-200]), ("empty.npz", b""), ("text.npz", b"<html>not found</html>")):
        (home / name).write_bytes(data)
        with pytest.raises(ValueError, match=rf"\[mnist.load_data\] {name}"):
            mnist.load_data(name)
    np.save(home / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"one.npy holds one array"):
        mnist.load_data("one.npy")
    with pytest.raises(ValueError, match="has no y_test"):
        mnist.load_data(write_npz(home / "less.npz", y_test=None))
    with pytest.raises(ValueError, match=r"x_train must have shape \(N, 28, 28\) and dtype uint8. Received: shape \(6, 8, 8\)"):
        mnist.load_data(write_npz(home / "small.npz", x_train=pictures(6, (8, 8))))
    with pytest.raises(ValueError, match="one class number a picture, 6 of them"):
        mnist.load_data(write_npz(home / "few.npz", y_train=np.zeros(5, np.uint8)))
    with pytest.raises(ValueError, match=r"classes 0 to 9. Received: 3 to 10"):
        mnist.load_data(write_npz(home / "high.npz", y_test=np.array([3, 10])))


def test_damaged_idx(home: Path) -> None:
    folder = write_idx(home / "m")
    file = folder / "train-images-idx3-ubyte.gz"
    good = gzip.decompress(file.read_bytes())
    huge = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    for data, message in (
        (gzip.compress(good[:-1]), "cut short or damaged: its head promises"),
        (gzip.compress(good + b"x"), "cut short or damaged: its head promises"),
        (gzip.compress(good)[:-30], "cut short or damaged"),
        (b"no gzip", "cut short or damaged"),
        (gzip.compress(b"\0\0\x0d\3" + good[4:]), "does not begin as a file of MNIST"),
        (gzip.compress(good[:9]), "cut short or damaged"),
        (gzip.compress(huge), "says that it holds"),
    ):
        file.write_bytes(data)
        with pytest.raises(ValueError, match=message):
            mnist.load_data(folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"has no train-images-idx3-ubyte.gz"):
        mnist.load_data(folder)


def write_cifar(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    folder.mkdir(parents=True)
    x, y = pictures(12, (3, 32, 32)), RNG.integers(0, 10, 12, np.uint8)
    rows = np.concatenate([y[:, None], x.reshape(12, -1)], 1)
    for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        rows[2 * i : 2 * i + 2].tofile(folder / f"{name}.bin")
    return x, y


def test_cifar10(home: Path) -> None:
    x, y = write_cifar(home / ".keras" / "datasets" / "cifar-10-batches-bin")
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert x_train.shape == (10, 32, 32, 3) and y_train.shape == (10, 1) and x_test.shape == (2, 32, 32, 3)
    assert np.array_equal(x_train, x[:10].transpose(0, 2, 3, 1)) and np.array_equal(y_test[:, 0], y[10:])
    gpudl.config.set_image_data_format("channels_first")
    assert np.array_equal(cifar10.load_data()[0][0], x[:10])
    np.savez(home / "c.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    assert np.array_equal(cifar10.load_data("c.npz")[0][0], x[:10])


def test_damaged_cifar10(home: Path) -> None:
    write_cifar(home / "c")
    (home / "c" / "data_batch_3.bin").write_bytes(b"123")
    with pytest.raises(ValueError, match=r"data_batch_3.bin is cut short or damaged: 3 bytes"):
        cifar10.load_data("c")
    (home / "c" / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3.bin is missing"):
        cifar10.load_data("c")

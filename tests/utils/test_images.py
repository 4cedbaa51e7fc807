"""Pictures: read, scaled, made arrays and back, and read from folders while training. Needs Pillow."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers
from gpudl.utils import array_to_img, image_dataset_from_directory, img_to_array, load_img, save_img

Image = pytest.importorskip("PIL.Image")


def picture(h: int = 6, w: int = 4, c: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (h, w, c)).astype("f4")


def test_there_and_back(tmp_path: Path) -> None:
    for channels, mode in ((1, "grayscale"), (3, "rgb"), (4, "rgba")):
        x = picture(c=channels)
        save_img(tmp_path / "a.png", x, scale=False)
        got = img_to_array(load_img(tmp_path / "a.png", color_mode=mode))
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, x)
        np.testing.assert_array_equal(img_to_array(load_img(str(tmp_path / "a.png"), mode), "channels_first"), x.transpose(2, 0, 1))
        np.testing.assert_array_equal(img_to_array(array_to_img(x.transpose(2, 0, 1), "channels_first", scale=False)), x)
    assert img_to_array(np.zeros((4, 6)), dtype="float64").dtype == np.float64
    save_img(tmp_path / "a.jpg", picture(c=4))
    assert load_img(tmp_path / "a.jpg").mode == "RGB" and load_img(tmp_path / "a.jpg", "grayscale").mode == "L"


def test_scaling() -> None:
    x = np.array([[[-1.0], [0.0]], [[1.0], [3.0]]])
    assert img_to_array(array_to_img(x))[:, :, 0].tolist() == [[0, 63], [127, 255]]
    assert img_to_array(array_to_img(np.zeros((2, 2, 1)))).max() == 0
    wide = array_to_img(np.full((2, 2, 1), 300.0), scale=False)
    assert img_to_array(wide).max() == 300
    file = io.BytesIO()
    save_img(file, picture(8, 4), file_format="png", scale=False)
    assert load_img(file, target_size=(2, 4)).size == (4, 2)
    near = img_to_array(load_img(file, target_size=(4, 2), interpolation="nearest"))
    assert all((near[i, j] == picture(8, 4)[2 * i + 1, 2 * j + 1]).all() for i in range(4) for j in range(2))
    square = img_to_array(load_img(file, target_size=(4, 4), keep_aspect_ratio=True))
    np.testing.assert_array_equal(square, picture(8, 4)[2:6])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load_img("x.png", color_mode="rbg"), "Did you mean 'rgb'"),
        (lambda: load_img("x.png", interpolation="linear"), "Did you mean 'bilinear'"),
        (lambda: img_to_array(np.zeros(3)), "2 or 3 axes"),
        (lambda: array_to_img(np.zeros((2, 2))), "3 axes"),
        (lambda: array_to_img(np.zeros((2, 2, 2))), "1, 3 or 4 channels"),
        (lambda: img_to_array(np.zeros((2, 2)), data_format="channels"), "data_format must be"),
    ],
)
def test_refused(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_without_pillow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    for call in (lambda: load_img("x.png"), lambda: array_to_img(picture()), lambda: image_dataset_from_directory(tmp_path)):
        with pytest.raises(ImportError, match="pip install pillow"):
            call()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Dark pictures in one folder, bright ones in the other."""
    rng = np.random.default_rng(0)
    for name, low, count in (("bright", 180, 12), ("dark", 0, 8)):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(count):
            where = tmp_path / name / ("more" if i % 4 == 0 else ".") / f"{i:02d}.png"
            save_img(where, rng.integers(low, low + 70, (8, 10, 3)), scale=False)
    (tmp_path / "dark" / "notes.txt").write_text("no picture")
    return tmp_path


def test_folders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = image_dataset_from_directory(folder, batch_size=8, image_size=(4, 5), shuffle=False)
    assert capsys.readouterr().out == "Found 20 files in 2 classes\n"
    assert len(data) == 3 and data.class_names == ["bright", "dark"] and len(data.file_paths) == 20
    parts = list(data)
    assert [x.shape for x, _ in parts] == [(8, 4, 5, 3), (8, 4, 5, 3), (4, 4, 5, 3)] and parts[0][0].dtype == np.float32
    labels = np.concatenate([y for _, y in parts])
    assert labels.tolist() == [0] * 12 + [1] * 8 and labels.dtype == np.int32
    assert all((x.mean((1, 2, 3)) > 150).tolist() == (y == 0).tolist() for x, y in parts)


def test_kinds_of_labels(folder: Path) -> None:
    options: dict[str, Any] = {"image_size": (2, 2), "batch_size": 20, "shuffle": False, "verbose": False}
    assert next(iter(image_dataset_from_directory(folder, label_mode="categorical", **options)))[1][[0, -1]].tolist() == [[1, 0], [0, 1]]
    assert next(iter(image_dataset_from_directory(folder, label_mode="binary", **options)))[1].shape == (20, 1)
    assert next(iter(image_dataset_from_directory(folder, label_mode=None, **options))).shape == (20, 2, 2, 3)
    assert next(iter(image_dataset_from_directory(folder, labels=None, **options))).shape == (20, 2, 2, 3)
    found = image_dataset_from_directory(
        folder, class_names=["dark", "bright"], color_mode="grayscale", data_format="channels_first", **options
    )
    x, y = next(iter(found))
    assert x.shape == (20, 1, 2, 2) and y[0] == 0 and x[0].mean() < 100
    own = image_dataset_from_directory(folder, labels=list(range(20)), **options)
    assert next(iter(own))[1].tolist() == list(range(20))
    single = image_dataset_from_directory(folder, **{**options, "batch_size": None})
    x, y = next(iter(single))
    assert x.shape == (2, 2, 3) and y.shape == ()
    for shaped in ({"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}):
        assert next(iter(image_dataset_from_directory(folder, **options, **shaped)))[0].shape == (20, 2, 2, 3)


def test_parts_do_not_overlap(folder: Path) -> None:
    options: dict[str, Any] = {"image_size": (2, 2), "validation_split": 0.25, "seed": 1, "verbose": False}
    train, held = (image_dataset_from_directory(folder, subset=s, **options) for s in ("training", "validation"))
    assert len(train.file_paths) == 15 and len(held.file_paths) == 5 and not set(train.file_paths) & set(held.file_paths)
    assert [d.file_paths for d in image_dataset_from_directory(folder, subset="both", **options)] == [train.file_paths, held.file_paths]


def test_training_from_folders(folder: Path) -> None:
    gpudl.utils.set_random_seed(0)
    data = image_dataset_from_directory(folder, batch_size=5, image_size=(4, 4), verbose=False)
    m = gpudl.Sequential([layers.Input((4, 4, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2, activation="softmax")])
    m.compile(gpudl.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert m.fit(data, validation_data=data, epochs=8, verbose=0).history["val_accuracy"][-1] == 1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"label_mode": "one"}, ValueError, "label_mode must be"),
        ({"class_names": ["bright", "grey"]}, ValueError, "no folder for grey"),
        ({"labels": [1, 2]}, ValueError, "20 files, but 2 labels"),
        ({"validation_split": 0.2}, ValueError, "subset must be"),
        ({"subset": "training"}, ValueError, "needs validation_split"),
        ({"validation_split": 0.2, "subset": "training"}, ValueError, "pass a seed"),
        ({"validation_split": 2, "subset": "training"}, ValueError, "must be a fraction"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, ValueError, "not both"),
        ({"class_names": ["bright"], "label_mode": "binary"}, ValueError, "needs two classes"),
    ],
)  # fmt: skip
def test_folders_that_make_no_sense(folder: Path, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        image_dataset_from_directory(folder, **options)


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        image_dataset_from_directory(tmp_path / "nothing")
    with pytest.raises(ValueError, match="each class needs one"):
        image_dataset_from_directory(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there are no pictures"):
        image_dataset_from_directory(tmp_path)

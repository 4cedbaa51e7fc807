"""ImageDataGenerator: scaling as measured on training data, pictures drawn anew, batches of arrays and of folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers
from gpudl.preprocessing.image import ImageDataGenerator

R = np.random.default_rng(0)
X = R.uniform(0, 255, (24, 6, 5, 3))
Y = np.eye(2, dtype="f4")[np.arange(24) % 2]


def one(generator: ImageDataGenerator, x: Any = X, **options: Any) -> np.ndarray:
    return next(generator.flow(x, batch_size=len(x), shuffle=False, **options))


def test_plain_pictures_are_what_they_were() -> None:
    got = one(ImageDataGenerator())
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, X.astype("f4"))
    np.testing.assert_allclose(one(ImageDataGenerator(rescale=1 / 255, dtype="float64")), X / 255)


def test_scaling_by_the_data() -> None:
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    with pytest.raises(RuntimeError, match="call fit"):
        one(generator)
    generator.fit(X)
    got = one(generator)
    np.testing.assert_allclose(got.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(got.std((0, 1, 2)), 1, atol=1e-5)
    got = one(ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True))
    np.testing.assert_allclose(got.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(got.std((1, 2, 3)), 1, atol=1e-5)


def test_whitening_takes_correlations_out() -> None:
    x = np.cumsum(np.random.default_rng(1).normal(size=(400, 4, 4, 1)), axis=1) + 5
    generator = ImageDataGenerator(zca_whitening=True, rescale=0.5)
    generator.fit(x)
    flat = one(generator, x).reshape(400, -1)
    np.testing.assert_allclose(flat.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(flat.T, bias=True), np.eye(16), atol=1e-3)


def test_channels_first() -> None:
    first = X.transpose(0, 3, 1, 2)
    options: dict[str, Any] = {"featurewise_center": True, "horizontal_flip": True, "rotation_range": 20, "width_shift_range": 0.2}
    a, b = ImageDataGenerator(**options), ImageDataGenerator(**options, data_format="channels_first")
    a.fit(X)
    b.fit(first)
    np.testing.assert_array_equal(one(a, seed=3), one(b, first, seed=3).transpose(0, 2, 3, 1))


def test_what_is_drawn_changes_and_repeats() -> None:
    generator = ImageDataGenerator(
        rotation_range=30, width_shift_range=0.2, height_shift_range=2, shear_range=10, zoom_range=0.2, channel_shift_range=20,
        brightness_range=(0.5, 1.5), horizontal_flip=True, vertical_flip=True,
    )  # fmt: skip
    a, b = one(generator, seed=1), one(generator, seed=1)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, one(generator, seed=2)) and a.min() >= 0 and a.max() <= 255
    flow = generator.flow(X, batch_size=24, shuffle=False, seed=1)
    assert not np.array_equal(next(flow), next(flow)), "another drawing in every epoch"
    gpudl.utils.set_random_seed(4)
    c = one(generator)
    gpudl.utils.set_random_seed(4)
    np.testing.assert_array_equal(c, one(generator))


def test_parameters_of_one_drawing() -> None:
    generator = ImageDataGenerator(rotation_range=10, width_shift_range=[1, 2], zoom_range=(0.5, 0.8), horizontal_flip=True)
    drawn = [generator.get_random_transform((6, 5, 3), seed) for seed in range(50)]
    assert {p["ty"] for p in drawn} == {-2, -1, 1, 2} and {p["tx"] for p in drawn} == {0}
    assert all(abs(p["theta"]) <= 10 and 0.5 <= p["zx"] <= 0.8 for p in drawn) and {p["flip_horizontal"] for p in drawn} == {True, False}
    x = X[0]
    np.testing.assert_array_equal(generator.apply_transform(x, {}), x)
    np.testing.assert_array_equal(generator.apply_transform(x, {"flip_horizontal": True, "flip_vertical": True}), x[::-1, ::-1])
    np.testing.assert_allclose(generator.apply_transform(x, {"brightness": 0.5}), x * 0.5)
    shifted = generator.apply_transform(x, {"channel_shift_intensity": 50})
    np.testing.assert_allclose(shifted, np.clip(x + 50, x.min(), x.max()))


def test_a_function_of_ones_own() -> None:
    np.testing.assert_array_equal(one(ImageDataGenerator(preprocessing_function=lambda x: 255 - x)), 255 - X.astype("f4"))


def test_batches() -> None:
    flow = ImageDataGenerator(validation_split=0.25).flow(
        X, Y, batch_size=7, subset="training", sample_weight=np.arange(24.0), shuffle=False
    )
    assert len(flow) == 3 and flow.n == 18
    sizes = [len(next(flow)[0]) for _ in range(4)]
    assert sizes == [7, 7, 4, 7]
    x, y, w = flow[2]
    assert w.tolist() == [14, 15, 16, 17] and (y == Y[14:18]).all() and x.shape == (4, 6, 5, 3)
    flow.reset()
    np.testing.assert_array_equal(next(flow)[2], np.arange(7.0))
    held = ImageDataGenerator(validation_split=0.25).flow(X, Y, subset="validation", shuffle=False)
    np.testing.assert_array_equal(next(held)[0], X[18:].astype("f4"))
    mixed = ImageDataGenerator().flow(X, np.arange(24), batch_size=24, seed=0)
    assert next(mixed)[1].tolist() != next(mixed)[1].tolist() and sorted(next(mixed)[1]) == list(range(24))


def test_training_with_it(tmp_path: Path) -> None:
    gpudl.utils.set_random_seed(0)
    bright = X * 0.4 + np.arange(24).reshape(-1, 1, 1, 1) % 2 * 150
    generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, rotation_range=10)
    m = gpudl.Sequential([layers.Flatten(input_shape=(6, 5, 3)), layers.Dense(2, activation="softmax")])
    m.compile(gpudl.optimizers.Adam(0.05), "categorical_crossentropy", metrics=["accuracy"])
    h = m.fit(generator.flow(bright, Y, batch_size=8), epochs=15, verbose=0, validation_data=generator.flow(bright, Y))
    assert h.history["val_accuracy"][-1] == 1 and m.optimizer.iterations == 45
    assert m.predict(generator.flow(bright, batch_size=5, shuffle=False), verbose=0).shape == (24, 2)
    assert m.evaluate(generator.flow(bright, Y), steps=1, verbose=0)[1] == 1


def test_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("PIL")
    for name, low in (("bright", 200), ("dark", 0)):
        (tmp_path / name).mkdir()
        for i in range(8):
            gpudl.utils.save_img(tmp_path / name / f"{i}.png", R.integers(low, low + 50, (8, 8, 3)), scale=False)
    out = tmp_path / "seen"
    generator = ImageDataGenerator(rescale=1 / 255, validation_split=0.25)
    flow = generator.flow_from_directory(
        tmp_path, target_size=(4, 6), batch_size=5, classes=["dark", "bright"], subset="training", shuffle=False
    )
    assert capsys.readouterr().out == "Found 12 images belonging to 2 classes.\n"
    assert flow.class_indices == {"dark": 0, "bright": 1} and flow.classes.tolist() == [0] * 6 + [1] * 6 and flow.samples == 12
    assert flow.filenames[0] == "dark/0.png" and flow.image_shape == (4, 6, 3) and flow.num_classes == 2 and len(flow.labels) == 12
    x, y = next(flow)
    assert x.shape == (5, 4, 6, 3) and x.max() < 0.2 and y.tolist() == [[1, 0]] * 5
    out.mkdir()
    for mode, shape in (("binary", (16,)), ("sparse", (16,)), ("input", (16, 4, 4, 1))):
        flow = ImageDataGenerator().flow_from_directory(
            tmp_path, (4, 4), "grayscale", ["bright", "dark"], mode, 16, save_to_dir=out, save_prefix=mode
        )
        assert next(flow)[1].shape == shape
    assert len(list(out.glob("sparse_*.png"))) == 16
    assert next(ImageDataGenerator().flow_from_directory(tmp_path, (4, 4), classes=["dark"], class_mode=None)).shape == (8, 4, 4, 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ImageDataGenerator(fill_mode="mirror"), ValueError, "fill_mode must be one of"),
        (lambda: ImageDataGenerator(data_format="first"), ValueError, "data_format must be"),
        (lambda: ImageDataGenerator(zoom_range=[1]), ValueError, r"zoom_range must be \(low, high\)"),
        (lambda: ImageDataGenerator(brightness_range=0.5), ValueError, "brightness_range must be"),
        (lambda: ImageDataGenerator(validation_split=1.5), ValueError, "validation_split must lie"),
        (lambda: ImageDataGenerator(interpolation_order=3), ValueError, "must be 0 or 1"),
        (lambda: ImageDataGenerator().fit(X[0]), ValueError, "4 axes"),
        (lambda: ImageDataGenerator().fit(X[:0]), ValueError, "x is empty"),
        (lambda: ImageDataGenerator().fit(X * np.nan), ValueError, "NaN"),
        (lambda: ImageDataGenerator().flow(X, Y[:3]), ValueError, "same number of rows"),
        (lambda: ImageDataGenerator().flow(X, batch_size=0), ValueError, "batch_size=0"),
        (lambda: ImageDataGenerator().flow(X[:0]), ValueError, "no pictures"),
        (lambda: ImageDataGenerator().flow(X, subset="training"), ValueError, "needs ImageDataGenerator"),
        (lambda: ImageDataGenerator(validation_split=0.5).flow(X, subset="test"), ValueError, "subset must be"),
        (lambda: ImageDataGenerator().flow(X)[1], IndexError, "there are 1 batches"),
    ],
)  # fmt: skip
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

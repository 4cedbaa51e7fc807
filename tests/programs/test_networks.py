"""The networks in the course's tables: AlexNet and the book's deep_convnet, with their shapes and numbers of parameters."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gpudl

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"network_{name}", FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def sides(m: gpudl.Sequential, axis: int = 1) -> list[int]:
    """The height after every layer that changes it."""
    found: list[int] = []
    shape: Any = m.input_shape
    for layer in m.layers:
        shape = layer.compute_output_shape(shape)
        if len(shape) == 4 and found[-1:] != [shape[axis]]:
            found.append(shape[axis])
    return found


@pytest.mark.slow
def test_alexnet(example: Any) -> None:
    gpudl.utils.set_random_seed(0)
    m = example("alexnet").build()
    assert m.count_params() == 62_378_344
    assert sides(m) == [227, 55, 27, 13, 6] and m.output_shape == (None, 1000)
    text: list[str] = []
    m.summary(print_fn=lambda line, **_: text.append(str(line)))
    for shape in ("(None, 55, 55, 96)", "(None, 27, 27, 256)", "(None, 13, 13, 384)", "(None, 6, 6, 256)", "(None, 9216)", "62,378,344"):
        assert shape in "\n".join(text), shape
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 224, 224, 3)).astype("f4"), np.array([3, 999])
    kernel = m.layers[1].get_weights()[0]
    loss = float(m.train_on_batch(x, y))
    assert loss == pytest.approx(np.log(1000), abs=1.5) and not np.array_equal(kernel, m.layers[1].get_weights()[0])


@pytest.mark.slow
def test_alexnet_of_two_groups(example: Any) -> None:
    m = example("alexnet").build(groups=2)
    assert m.count_params() == 60_965_224 and sides(m) == [227, 55, 27, 13, 6]


def test_small_alexnet_of_two_groups_learns(example: Any) -> None:
    gpudl.utils.set_random_seed(0)
    m = example("alexnet").build(groups=2, width=16)
    x, y = np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype("f4"), np.array([1, 2])
    losses = [float(m.train_on_batch(x, y)) for _ in range(4)]
    assert losses[-1] < losses[0]


def test_deep_convnet(example: Any) -> None:
    m = example("deep_convnet").build()
    assert m.count_params() == 123_552
    assert sides(m) == [28, 14, 18, 16, 8, 4], "14, padded by 2 to 18, gives 16"
    kinds = [type(layer).__name__ for layer in m.layers]
    counted = ("Conv2D", "MaxPooling2D", "Dense", "Dropout")
    assert sum(kind in counted for kind in kinds) == 13
    assert kinds[-2:] == ["Dropout", "Activation"], "dropout of the scores"


def test_deep_convnet_in_both_layouts(example: Any) -> None:
    build = example("deep_convnet").build
    last, first = build("channels_last", 1e-3), build("channels_first", 1e-3)
    assert sides(first, axis=2) == sides(last)
    for m in (last, first):
        for layer in m.layers:
            if isinstance(layer, gpudl.layers.Dropout):
                layer.rate = 0.0  # each model draws masks of its own
    first.set_weights(last.get_weights())
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 28, 28, 1)).astype("f4"), np.eye(10, dtype="f4")[rng.integers(0, 10, 6)]
    np.testing.assert_allclose(first.predict(x.transpose(0, 3, 1, 2), verbose=0), last.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    a = [last.train_on_batch(x, y)[0] for _ in range(3)]
    b = [first.train_on_batch(x.transpose(0, 3, 1, 2), y)[0] for _ in range(3)]
    np.testing.assert_allclose(a, b, rtol=1e-4)

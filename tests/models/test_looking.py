"""What models show: shapes of what goes in and out, parts of the summary, how they are compiled; and what `Model` says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl import layers


def stacked() -> gpudl.Sequential:
    inner = gpudl.Sequential([layers.Dense(2, name="inside")], name="inner")
    return gpudl.Sequential([layers.Input((4,)), layers.Dense(3, name="first"), inner, layers.Dense(1, name="last")], name="net")


def shown(model: gpudl.Sequential, **options: object) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append, **options)
    return "\n".join(lines)


def test_what_goes_in_and_out() -> None:
    model = stacked()
    assert model.input == model.inputs[0] and model.input.shape == (None, 4) and model.input.dtype == "float32"
    assert [place.get_shape() for place in model.outputs] == [(None, 1)]
    with pytest.raises(AttributeError, match="does not know its input's shape yet"):
        _ = gpudl.Sequential([layers.Dense(3)]).inputs


def test_part_of_a_summary() -> None:
    model = stacked()
    part = shown(model, layer_range=["first", "inner"])
    assert "first" in part and "inner" in part and "last" not in part and "Total params: 26" in part
    assert "inside" in shown(model, layer_range=["inn", "inn"], expand_nested=True)
    assert shown(model, layer_range=["f", "l"]) == shown(model)
    gpudl.config.set_compat("keras2")
    assert "last" not in shown(model, layer_range=["first", "inner"])


@pytest.mark.parametrize(
    ("given", "words"),
    [(["first", "lost"], "there is no layer 'lost'. Did you mean 'last'"), ("first", "names of two layers"), (["first"], "of two layers")],
)  # fmt: skip
def test_ranges_that_are_none(given: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        shown(stacked(), layer_range=given)


def test_how_it_is_compiled() -> None:
    model = stacked()
    assert model.get_compile_config() is None
    model.compile(gpudl.optimizers.Adam(0.01), "mse", metrics=["mae"], loss_weights=0.5)
    config = json.loads(json.dumps(model.get_compile_config()))
    other = gpudl.Sequential.from_config(model.get_config())
    other.compile_from_config(config)
    assert type(other.optimizer) is gpudl.optimizers.Adam and float(other.optimizer.learning_rate) == pytest.approx(0.01)
    assert other.loss_weights == 0.5 and other.metrics_names == ["loss", "mae"]
    x, y = np.ones((4, 4), "f4"), np.ones((4, 1), "f4")
    other.set_weights(model.get_weights())
    assert other.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


def test_loss_weights_are_kept(tmp_path: Path) -> None:
    model = stacked()
    model.compile("sgd", "mse", loss_weights=[0.5])
    model.save(tmp_path / "m.safetensors")
    assert gpudl.models.load_model(tmp_path / "m.safetensors").loss_weights == 0.5


def test_there_is_no_functional_api() -> None:
    with pytest.raises(TypeError, match=r"'dense.*' was called on the layer 'input_layer.*Sequential\(\[Input"):
        layers.Dense(3)(layers.Input((4,)))
    with pytest.raises(TypeError, match=r"no functional API.*Write Sequential"):
        gpudl.Model(inputs=None, outputs=None)

    class Net(gpudl.Model):  # type: ignore[misc]
        def call(self, x: gpudl.Tensor) -> gpudl.Tensor:
            return x

    with pytest.raises(TypeError, match=r"\[Net\] gpudl has no functional API"):
        Net()
    assert isinstance(stacked(), gpudl.models.Model) and issubclass(gpudl.Sequential, gpudl.Model)
    assert not isinstance(layers.Dense(3), gpudl.Model) and not issubclass(gpudl.Sequential, Net)

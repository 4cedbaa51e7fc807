"""Activations by name: every name finds its function, configurations come back, wrong ones are refused with a hint."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import activations, layers, ops
from gpudl.named import custom_object_scope


@pytest.mark.parametrize("name", sorted(activations._names))
def test_every_name(name, rng) -> None:
    function = activations.get(name)
    assert activations.get(activations.serialize(function)) is function
    if name not in ("glu", "threshold"):  # which need an even last axis, and arguments
        x = gpudl.tensor(rng.standard_normal((3, 5)), requires_grad=True)
        y = function(x)
        assert y.shape == x.shape and y.dtype == x.dtype
        y.sum().backward()
        assert np.isfinite(x.grad.numpy()).all()


def test_relu_with_all_its_arguments() -> None:
    x = np.array([-3.0, -1.0, 0.0, 0.5, 1.0, 2.0, 7.0])

    def keras(x, negative_slope, max_value, threshold):
        y = np.where(x >= threshold, x, negative_slope * (x - threshold))
        return np.minimum(y, max_value) if max_value is not None else y

    for slope in (0.0, 0.5):
        for high in (None, 1.5, 6):
            for threshold in (0.0, 1.0):
                got = activations.relu(gpudl.tensor(x), slope, high, threshold).numpy()
                np.testing.assert_array_equal(got, keras(x, slope, high, threshold))
    for wrong in ({"max_value": -1.0}, {"negative_slope": "0.1"}, {"threshold": True}):
        with pytest.raises((ValueError, TypeError), match=rf"\[relu\] {next(iter(wrong))}"):
            activations.relu(x, **wrong)


def test_defaults_are_those_of_keras() -> None:
    assert activations.leaky_relu([-1.0]).item() == pytest.approx(-0.2)
    assert activations.gelu([1.0]).item() == pytest.approx(0.8413447, abs=1e-6)
    assert ops.gelu([1.0]).item() == pytest.approx(0.8411920, abs=1e-6)
    assert activations.get(None) is activations.linear
    assert activations.swish is activations.silu


def test_softmax_by_name_keeps_its_scores_for_the_loss() -> None:
    p = activations.get("softmax")(gpudl.tensor([[400.0, 0.0]]))
    assert gpudl.losses.categorical_crossentropy([[0.0, 1.0]], p).item() == 400.0


def test_functions_and_layers() -> None:
    own = lambda x: x * 2.0  # noqa: E731
    assert activations.get(own) is own
    layer = layers.LeakyReLU(negative_slope=0.3)
    assert activations.get(layer) is layer
    config = activations.serialize(layer)
    again = activations.get(config)
    assert type(again) is layers.LeakyReLU and again.get_config() == layer.get_config()
    with pytest.raises(ValueError, match="without a name"):
        activations.serialize(own)


def double(x: gpudl.Tensor) -> gpudl.Tensor:
    return x * 2.0


def test_a_function_of_ones_own_by_name() -> None:
    assert activations.serialize(double) == "double"
    with pytest.raises(ValueError, match="double"):
        activations.get("double")
    with custom_object_scope({"double": double}):
        assert activations.get("double") is double
    assert activations.deserialize("double", {"double": double}) is double


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("rellu", "Did you mean 'relu'"),
        ("qwertz", "Known: celu"),
        (3, "'relu'"),
        (layers.ReLU, r"ReLU\(\)"),
        ({"class_name": "Nothing", "config": {}}, "custom_objects"),
        ({"name": "relu"}, "class_name"),
    ],
)
def test_wrong_ones(wrong, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        activations.get(wrong)

"""What a layer expects of its inputs, and layers that hold another one: `InputSpec`, `Wrapper`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpudl import layers as L
from gpudl.errors import DTypeError, ShapeError


def test_what_a_layer_expects_of_its_inputs() -> None:
    class Expecting(L.Layer):
        def __init__(self, spec: Any) -> None:
            super().__init__(name="it")
            self.input_spec = spec

        def call(self, inputs: Any) -> Any:
            return inputs

    x = np.ones((2, 3), np.float32)
    spec = L.InputSpec
    taken = (spec(ndim=2), spec(min_ndim=1, max_ndim=3), spec(shape=(None, 3)), spec(axes={-1: 3, 0: None}), spec(dtype="float32"))
    for each in (*taken, spec(shape=(None, 3, 1), allow_last_axis_squeeze=True)):
        np.testing.assert_array_equal(Expecting(each)(x).numpy(), x)
        assert L.InputSpec.from_config(each.get_config()).get_config() == each.get_config()
    refused = (
        (spec(ndim=3, name="rows"), r"\[Expecting\] layer 'it': input_spec expects 3 axes\. Received: shape \(2, 3\) for input 'rows'"),
        (spec(shape=(2,)), "expects 1 axes"),
        (spec(min_ndim=3), "expects 3 to any number axes"),
        (spec(shape=(None, 4)), "expects size 4 on axis 1"),
        (spec(axes={5: 1}), "expects size 1 on axis 5"),
        ([spec(ndim=2), spec(ndim=2)], r"expects 2 inputs\. Received: 1"),
    )
    for each, words in refused:
        with pytest.raises(ShapeError, match=words):
            Expecting(each)(x)
    with pytest.raises(DTypeError, match="expects dtype int32"):
        Expecting(spec(dtype="int32"))(x)
    assert repr(spec(ndim=2)) == "InputSpec(ndim=2)"


def test_wrapper() -> None:
    class Twice(L.Wrapper):
        def call(self, inputs: Any) -> Any:
            return self.layer(self.layer(inputs))

    inner = L.Dense(3, use_bias=False)
    layer = Twice(inner, name="twice")
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(layer(x).numpy(), x @ inner.kernel.numpy() @ inner.kernel.numpy(), rtol=1e-6)
    again = L.deserialize(L.serialize(layer), custom_objects={"Twice": Twice})
    assert again.get_config() == layer.get_config() and again.layer.units == 3
    assert not Twice(L.Dense(3), trainable=False).layer.trainable
    with pytest.raises(TypeError, match=r"\[Twice\] layer must be a layer"):
        Twice(3)

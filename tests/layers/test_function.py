"""Lambda and Identity: functions as layers, replayed, with shapes; code is never taken from a file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl.models import Sequential

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def doubled(x: Any, by: float = 2.0) -> Any:
    return x * by


def test_arguments_training_and_shapes() -> None:
    layer = L.Lambda(doubled, arguments={"by": 3.0})
    np.testing.assert_array_equal(layer(X).numpy(), 3 * X)
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    assert L.Lambda(lambda x: gpudl.ops.sum(x, axis=-1)).compute_output_shape((None, 3)) == (None,)
    assert L.Lambda(doubled, output_shape=(3,)).compute_output_shape((None, 3)) == (None, 3)
    assert L.Lambda(doubled, output_shape=lambda s: s).compute_output_shape((None, 3)) == (None, 3)
    switch = L.Lambda(lambda x, training: x + 1 if training else x)
    np.testing.assert_array_equal(switch(X).numpy(), X)
    np.testing.assert_array_equal(switch(X, training=True).numpy(), X + 1)


def test_gradient_flows_through() -> None:
    x = gpudl.Tensor(X, requires_grad=True)
    L.Lambda(lambda t: t * t)(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), 2 * X)


def test_a_function_whose_meaning_changes_is_noticed_at_the_next_call() -> None:
    factor = [1.0]
    model = Sequential([L.Input((3,)), L.Lambda(lambda x: x * factor[0]), L.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    x, y = np.tile(X, (4, 1)), np.zeros((8, 1), np.float32)
    for expected in (1.0, 2.0, 3.0):
        factor[0] = expected
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss = model.evaluate(x, y, batch_size=1, verbose=0)
        np.testing.assert_allclose(loss, np.mean((expected * x.sum(1)) ** 2), rtol=1e-6)


def test_files_hold_the_name_alone(tmp_path: Path) -> None:
    model = Sequential([L.Input((3,)), L.Lambda(doubled, arguments={"by": 4.0})])
    path = tmp_path / "model.safetensors"
    model.save(path)
    with pytest.raises(ValueError, match=r"code is never taken from one.*custom_objects"):
        gpudl.models.load_model(path)
    again = gpudl.models.load_model(path, custom_objects={"doubled": doubled})
    np.testing.assert_array_equal(again.predict(X, verbose=0), 4 * X)
    with pytest.raises(ValueError, match="never taken"):
        L.Lambda("os.system")


@pytest.mark.parametrize("call,error,words", [
    (lambda: L.Lambda(3), TypeError, "function=3"),
    (lambda: L.Lambda(doubled, arguments=[1]), TypeError, "arguments"),
    (lambda: L.Lambda(doubled, mask="unknown"), ValueError, "the mask 'unknown' is not in a file"),
    (lambda: L.Lambda(doubled, output_shape="x").compute_output_shape((None, 3)), TypeError, "output_shape='x'"),
])  # fmt: skip
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_identity_hands_on_anything() -> None:
    for x in (X, X.astype(np.int32), X > 2):
        np.testing.assert_array_equal(L.Identity()(x).numpy(), x)

"""Bidirectional and TimeDistributed, from their parts; Permute and RepeatVector; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gpudl import layers as L
from gpudl.errors import ShapeError


def data(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("kind", [L.SimpleRNN, L.LSTM, L.GRU])
def test_bidirectional_is_both_ways(kind: type[L.Layer], mode: str | None, sequences: bool) -> None:
    x, options = data(2, 5, 3).astype(np.float64), {"return_sequences": sequences, "dtype": "float64"}
    layer = L.Bidirectional(kind(4, **options), merge_mode=mode, dtype="float64")
    out = layer(x)
    forward, backward = kind(4, **options), kind(4, **options)
    forward.build((None, 5, 3))
    backward.build((None, 5, 3))
    half = len(layer.get_weights()) // 2
    forward.set_weights(layer.get_weights()[:half])
    backward.set_weights(layer.get_weights()[half:])
    a, b = forward(x).numpy(), backward(x[:, ::-1].copy()).numpy()
    if sequences:
        b = b[:, ::-1]
    if mode is None:
        assert [tuple(t.shape) for t in out] == [(None or n, *s) for n, *s in (a.shape, b.shape)]
        np.testing.assert_allclose(out[0].numpy(), a, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(out[1].numpy(), b, rtol=1e-12, atol=1e-13)
        return
    expected = {"concat": np.concatenate([a, b], -1), "sum": a + b, "mul": a * b, "ave": (a + b) / 2}[mode]
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-12, atol=1e-13)
    assert layer.compute_output_shape((None, 5, 3)) == (None, *expected.shape[1:])


def test_bidirectional_states_masks_and_names() -> None:
    x, mask = data(2, 4, 3), np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool)
    layer = L.Bidirectional(L.LSTM(4, return_sequences=True, return_state=True, name="walk"))
    y, *states = layer(x, mask=mask)
    assert y.shape == (2, 4, 8) and [s.shape for s in states] == [(2, 4)] * 4
    assert layer.compute_output_shape((2, 4, 3)) == [(2, 4, 8), *[(2, 4)] * 4]
    assert (y.numpy()[0, 2:] == 0).all()
    short = layer(x[:1, :2])[0].numpy()
    np.testing.assert_allclose(y.numpy()[:1, :2], short, rtol=1e-5, atol=1e-6)
    assert layer.forward_layer.name == "forward_walk" and layer.backward_layer.name == "backward_walk"
    again = layer(x, initial_state=states)[0].numpy()
    assert (again != y.numpy()).any()


def test_a_backward_layer_of_ones_own() -> None:
    layer = L.Bidirectional(L.LSTM(4), backward_layer=L.GRU(4, go_backwards=True))
    assert layer(data(2, 5, 3)).shape == (2, 8) and len(layer.weights) == 6
    again = L.deserialize(L.serialize(layer))
    assert isinstance(again.backward_layer, L.GRU) and again.get_config() == layer.get_config()


def test_weights_of_a_bidirectional() -> None:
    one = L.Bidirectional(L.GRU(2))
    x = data(2, 3, 2)
    one(x)
    np.testing.assert_array_equal(L.Bidirectional(L.GRU(2), weights=one.get_weights())(x).numpy(), one(x).numpy())


def test_stateful_bidirectional_is_reset() -> None:
    layer, x = L.Bidirectional(L.LSTM(2, stateful=True)), data(2, 3, 2)
    first, second = layer(x).numpy(), layer(x).numpy()
    assert (first != second).any()
    layer.reset_states()
    np.testing.assert_array_equal(layer(x).numpy(), first)


def test_time_distributed_is_the_layer_step_by_step() -> None:
    x = data(2, 4, 6, 6, 3)
    layer = L.TimeDistributed(L.Conv2D(5, 3, activation="relu"))
    y = layer(x)
    assert y.shape == layer.compute_output_shape(x.shape) == (2, 4, 4, 4, 5)
    for t in range(4):
        np.testing.assert_allclose(y.numpy()[:, t], layer.layer(x[:, t]).numpy(), rtol=1e-5, atol=1e-6)


def test_time_distributed_hands_training_on() -> None:
    layer, x = L.TimeDistributed(L.Dropout(0.5)), np.ones((4, 5, 6), np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    assert set(np.unique(layer(x, training=True).numpy())) == {0.0, 2.0}


def test_repeat_and_permute() -> None:
    x = data(2, 3)
    np.testing.assert_array_equal(L.RepeatVector(4)(x).numpy(), np.repeat(x[:, None], 4, 1))
    images = data(2, 3, 4, 5)
    np.testing.assert_array_equal(L.Permute((3, 1, 2))(images).numpy(), images.transpose(0, 3, 1, 2))


REFUSED = [
    (lambda: L.Bidirectional(L.Dense(3)), TypeError, r"\[Bidirectional\] layer must be a recurrent layer"),
    (lambda: L.Bidirectional(L.LSTM(3), "concatenate"), ValueError, "merge_mode='concatenate'.*Did you mean 'concat'"),
    (lambda: L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(3)), ValueError, "one layer must walk backward"),
    (lambda: L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(3, go_backwards=True, return_sequences=True)), ValueError,
     "same return_sequences"),
    (lambda: L.TimeDistributed(3), TypeError, r"\[TimeDistributed\] layer must be a layer"),
    (lambda: L.TimeDistributed(L.Dense(3))(data(2, 3)), ShapeError, "at least 3 axes"),
    (lambda: L.RepeatVector(0), ValueError, "n=0"),
    (lambda: L.RepeatVector(2)(data(2, 3, 4)), ShapeError, "expected an input of 2 axes"),
    (lambda: L.Permute((0, 1)), ValueError, ">= 1"),
    (lambda: L.Permute((1, 3)), ValueError, "each of the axes 1, 2"),
    (lambda: L.Permute(2), TypeError, "a tuple of axes"),
    (lambda: L.Permute((2, 1))(data(2, 3)), ShapeError, "expected an input of 3 axes"),
]  # fmt: skip


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()  # type: ignore[operator]

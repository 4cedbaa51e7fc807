"""SimpleRNN, LSTM and GRU against loops written from Keras' definitions and against PyTorch; states, masks, dropout, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl.errors import ShapeError
from gpudl.testing import check_grads

N, T, F, U = 3, 5, 4, 6
KINDS = (L.SimpleRNN, L.LSTM, L.GRU)
Arrays = list[np.ndarray]


def data(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def filled(layer: Any, *, like: Any = None) -> Any:
    """The layer with weights that are drawn anew, biases too, or those of another one."""
    layer.build((None, T, F))
    rng = np.random.default_rng(3)
    layer.set_weights(like.get_weights() if like is not None else [rng.normal(size=w.shape) * 0.4 for w in layer.weights])
    return layer


def rnn_step(x: np.ndarray, states: Arrays, weights: Arrays, after: bool) -> Arrays:
    w, r, b = weights
    return [np.tanh(x @ w + states[0] @ r + b)]


def lstm_step(x: np.ndarray, states: Arrays, weights: Arrays, after: bool) -> Arrays:
    w, r, b = weights
    i, f, g, o = np.split(x @ w + states[0] @ r + b, 4, 1)
    c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


def gru_step(x: np.ndarray, states: Arrays, weights: Arrays, after: bool) -> Arrays:
    w, r, b = weights
    h = states[0]
    (xz, xr, xh) = np.split(x @ w + (b[0] if after else b), 3, 1)
    rz, rr, rh = np.split(r, 3, 1)
    bz, br, bh = np.split(b[1], 3) if after else (0.0, 0.0, 0.0)
    z, reset = sigmoid(xz + h @ rz + bz), sigmoid(xr + h @ rr + br)
    past = reset * (h @ rh + bh) if after else (reset * h) @ rh
    return [z * h + (1 - z) * np.tanh(xh + past)]


STEPS = {L.SimpleRNN: rnn_step, L.LSTM: lstm_step, L.GRU: gru_step}


def expected(layer: Any, x: np.ndarray, states: Arrays | None = None, mask: np.ndarray | None = None) -> tuple[np.ndarray, Arrays]:
    """All outputs, and the last states."""
    states = states or [np.zeros((len(x), U))] * layer.carried
    outputs = []
    for t in range(x.shape[1]):
        new = STEPS[type(layer)](x[:, t], states, layer.get_weights(), getattr(layer, "reset_after", False))
        states = new if mask is None else [np.where(mask[:, t, None], a, b) for a, b in zip(new, states)]
        outputs.append(states[0])
    return np.stack(outputs, 1), states


def close(got: Any, wanted: Any) -> None:
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-11, atol=1e-12)


VARIANTS = [(kind, options) for kind in KINDS for options in ({}, {"unroll": True})] + [(L.GRU, {"reset_after": False})]


@pytest.mark.parametrize("kind,options", VARIANTS)
def test_values(kind: Any, options: dict[str, Any]) -> None:
    layer = filled(kind(U, return_sequences=True, return_state=True, dtype="float64", **options))
    x = data(N, T, F)
    y, *states = layer(x)
    outputs, last = expected(layer, x)
    close(y, outputs)
    assert len(states) == len(last) == layer.carried
    for a, b in zip(states, last):
        close(a, b)
    assert layer.compute_output_shape((None, T, F)) == [(None, T, U), *[(None, U)] * layer.carried]
    close(filled(kind(U, dtype="float64", **options), like=layer)(x), outputs[:, -1])
    back = filled(kind(U, dtype="float64", go_backwards=True, return_sequences=True, **options), like=layer)
    close(back(x), expected(layer, x[:, ::-1])[0])  # in the order in which they are made
    first = [data(N, U, seed=k) for k in range(layer.carried)]
    close(layer(x, initial_state=first)[0], expected(layer, x, first)[0])


@pytest.mark.parametrize("kind,options", VARIANTS)
def test_mask(kind: Any, options: dict[str, Any]) -> None:
    layer = filled(kind(U, return_sequences=True, return_state=True, dtype="float64", **options))
    x, mask = data(N, T, F), np.random.default_rng(0).random((N, T)) < 0.6
    mask[0, 0] = mask[1, -1] = False
    for first in (None, [data(N, U, seed=k) for k in range(layer.carried)]):
        outputs, last = expected(layer, x, first, mask)
        y, *states = layer(x, initial_state=first, mask=mask)
        close(y, outputs)
        for a, b in zip(states, last):
            close(a, b)
    every = layer(x, mask=np.ones((N, T), bool))[0]
    close(every, layer(x)[0].numpy())


@pytest.mark.parametrize("options", [{}, {"unroll": True}, {"use_bias": False}, {"go_backwards": True}, {"return_sequences": True}])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: Any, options: dict[str, Any]) -> None:
    """Of the input, the first states and every weight, against differences."""
    layer = filled(kind(U, dtype="float64", return_state=True, **options))
    n = len(layer.weights)

    def function(x: Any, *rest: Any) -> Any:
        weights, first = rest[:n], list(rest[n:])
        held = {name: getattr(layer, name) for name in ("kernel", "recurrent_kernel", "bias")[:n]}
        try:
            vars(layer).update(zip(held, weights))
            return layer.call(x, initial_state=first)
        finally:
            vars(layer).update(held)

    states = [data(N, U, seed=k) for k in range(layer.carried)]
    check_grads(function, data(N, T, F), *layer.get_weights(), *states, order=2 if "unroll" in options else 1, tolerance=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
def test_against_pytorch(kind: Any, bias: bool) -> None:
    torch: Any = pytest.importorskip("torch")
    make: dict[Any, Callable[..., Any]] = {L.SimpleRNN: torch.nn.RNN, L.LSTM: torch.nn.LSTM, L.GRU: torch.nn.GRU}
    layer = filled(kind(U, dtype="float64", use_bias=bias, return_sequences=True))
    other = make[kind](F, U, batch_first=True, dtype=torch.float64, bias=bias)
    kernel, recurrent, *biases = layer.get_weights()

    def turned(w: np.ndarray) -> Any:
        """PyTorch has the gates along the first axis, those of a GRU in the order r, z."""
        blocks = np.split(w, layer.gates, -1)
        if kind is L.GRU:
            blocks = [blocks[1], blocks[0], blocks[2]]
        return torch.from_numpy(np.concatenate(blocks, -1).T.copy())

    with torch.no_grad():
        other.weight_ih_l0.copy_(turned(kernel))
        other.weight_hh_l0.copy_(turned(recurrent))
        if bias:
            both = biases[0] if kind is L.GRU else [biases[0], np.zeros_like(biases[0])]
            other.bias_ih_l0.copy_(turned(both[0]))
            other.bias_hh_l0.copy_(turned(both[1]))
    x, cotangent = data(N, T, F), data(N, T, U, seed=9)
    xt, xg = torch.from_numpy(x).requires_grad_(), gpudl.Tensor(x, requires_grad=True)
    yt, yg = other(xt)[0], layer(xg)
    close(yg, yt.detach().numpy())
    (yt * torch.from_numpy(cotangent)).sum().backward()
    (yg * cotangent).sum().backward()
    close(xg.grad, xt.grad.numpy())
    np.testing.assert_allclose(turned(layer.kernel.grad.numpy()), other.weight_ih_l0.grad, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(turned(layer.recurrent_kernel.grad.numpy()), other.weight_hh_l0.grad, rtol=1e-10, atol=1e-12)


def test_first_weights_are_those_of_keras() -> None:
    layer = L.LSTM(4, bias_initializer="zeros")
    layer.build((None, 5, 3))
    kernel, recurrent, bias = layer.get_weights()
    assert kernel.shape == (3, 16) and [v.name for v in layer.weights] == ["kernel", "recurrent_kernel", "bias"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(4), atol=1e-6)
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 4))
    plain = L.LSTM(4, unit_forget_bias=False, bias_initializer="ones")
    plain.build((None, 5, 3))
    assert (plain.get_weights()[2] == 1).all()
    shapes = [(L.GRU(4), (2, 12)), (L.GRU(4, reset_after=False), (12,)), (L.SimpleRNN(4), (4,))]
    for gru, shape in shapes:
        gru.build((None, 5, 3))
        assert gru.get_weights()[2].shape == shape


@pytest.mark.parametrize("kind", KINDS)
def test_stateful(kind: Any) -> None:
    layer = filled(kind(U, stateful=True, dtype="float64"))
    whole = filled(kind(U, dtype="float64"), like=layer)
    x = data(N, 2 * T, F)
    first = layer(x[:, :T])
    close(layer(x[:, T:]), whole(x).numpy())
    layer.reset_states()
    np.testing.assert_array_equal(layer(x[:, :T]).numpy(), first.numpy())
    with pytest.raises(ShapeError, match="keeps the states of 3 sequences"):
        layer(x[:2])
    assert len(layer.weights) == 3 and len(layer.variables) == 3 + layer.carried


def test_a_stateful_model_is_trained_and_replayed() -> None:
    """Eager and replayed, whole epochs: the states go on from batch to batch."""

    def run(eager: bool) -> Arrays:
        gpudl.utils.set_random_seed(1)
        model = gpudl.Sequential([L.Input(batch_shape=(4, 3, 2)), L.LSTM(5, stateful=True, dropout=0.2), L.Dense(1)])
        model.compile("sgd", "mean_squared_error", run_eagerly=eager)
        x, y = data(20, 3, 2), data(20, 1, seed=2)
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        assert eager or model._runners["train"].replayed > 5
        model.layers[0].reset_states()
        assert model.predict(x, batch_size=4, verbose=0).shape == (20, 1)
        return [v.numpy() for v in model.variables]

    for a, b in zip(run(True), run(False), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_drawn_once_for_all_steps(kind: Any) -> None:
    layer = L.SimpleRNN(2, dropout=0.5, activation="linear", kernel_initializer="ones", recurrent_initializer="zeros",
                        return_sequences=True, seed=5)  # fmt: skip
    y = layer(np.ones((4, 3, 8), np.float32), training=True).numpy()
    assert (y == y[:, :1]).all() and len(np.unique(y)) > 1
    for options in ({"dropout": 0.4}, {"recurrent_dropout": 0.4}, {"dropout": 0.4, "recurrent_dropout": 0.4}):
        drops, plain = filled(kind(U, seed=1, **options)), filled(kind(U))
        x = data(N, T, F).astype(np.float32)
        np.testing.assert_array_equal(drops(x).numpy(), plain(x).numpy())
        first, second = drops(x, training=True).numpy(), drops(x, training=True).numpy()
        assert (first != second).any() and (first != plain(x).numpy()).any()
        np.testing.assert_array_equal(filled(kind(U, seed=1, **options))(x, training=True).numpy(), first)


def test_constraints_hold_after_each_update() -> None:
    bounds = {f"{name}_constraint": "non_neg" for name in ("kernel", "recurrent", "bias")}
    layer = L.GRU(3, **bounds)
    model = gpudl.Sequential([L.Input((2,)), L.Embedding(5, 3, embeddings_constraint="non_neg"), layer, L.Dense(1)])
    model.compile(gpudl.optimizers.SGD(0.5), "mean_squared_error")
    x = np.random.default_rng(0).integers(0, 5, (40, 2))
    model.fit(x, data(40, 1), batch_size=8, epochs=3, verbose=0)
    assert all((w >= 0).all() for w in [*layer.get_weights(), *model.layers[0].get_weights()])
    again = L.deserialize(L.serialize(layer))
    assert again.get_config() == layer.get_config() and again.recurrent_constraint is not None


def test_recurrent_dropout_of_a_step() -> None:
    """Kept states are divided by what is kept, the others are nothing."""
    layer = L.SimpleRNN(1, "linear", recurrent_dropout=0.5, recurrent_initializer="ones", kernel_initializer="zeros", seed=3)
    y = layer(np.zeros((64, 1, 1), np.float32), initial_state=np.ones((64, 1), np.float32), training=True).numpy()
    assert set(np.unique(y)) == {0.0, 2.0}


def test_learns_to_tell_sequences() -> None:
    """Whether a marked number early in the sequence was positive."""
    x = data(256, 8, 1).astype(np.float32)
    y = (x[:, 1, 0] > 0).astype(np.int64)
    for kind in (L.LSTM, L.GRU):
        gpudl.utils.set_random_seed(0)
        model = gpudl.Sequential([L.Input((8, 1)), kind(16), L.Dense(2, activation="softmax")])
        model.compile(gpudl.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=25, verbose=0)
        assert model.evaluate(x, y, verbose=0)[1] > 0.9


X = np.ones((2, 3, 4), np.float32)
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: L.LSTM(0), ValueError, r"\[LSTM\] units .* >= 1\. Received: units=0"),
    (lambda: L.GRU("8"), TypeError, "units='8'"),
    (lambda: L.LSTM(3, "tnah"), ValueError, "Did you mean 'tanh'"),
    (lambda: L.LSTM(3, recurent_dropout=0.1), TypeError, "Did you mean 'recurrent_dropout'"),
    (lambda: L.LSTM(3, dropout=1.0), ValueError, "0 <= dropout < 1"),
    (lambda: L.LSTM(3, return_sequences=1), TypeError, "return_sequences must be True or False"),
    (lambda: L.LSTM(3)(np.ones((2, 3))), ShapeError, r"expected an input of 3 axes, \(batch, time steps, features\)"),
    (lambda: L.LSTM(3)(np.ones((2, 0, 3))), ShapeError, "at least one time step"),
    (lambda: L.LSTM(3)(X, initial_state=np.ones((2, 3))), ShapeError, r"initial_state must be 2 tensors of shape \(2, 3\)"),
    (lambda: L.GRU(3)(X, mask=np.ones((2, 4), bool)), ShapeError, r"mask must be \(N, T\) = \(2, 3\)"),
    (lambda: L.LSTM(3).build((None, 3, None)), ShapeError, "number of features"),
]


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

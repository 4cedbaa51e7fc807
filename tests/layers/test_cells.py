"""RNN with cells: ours, on top of each other, of the user's own; states, masks, configurations, what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl import ops
from gpudl.errors import ShapeError

N, T, F, U = 3, 5, 4, 6
PAIRS = ((L.SimpleRNNCell, L.SimpleRNN), (L.LSTMCell, L.LSTM), (L.GRUCell, L.GRU))


def data(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def same_weights(one: Any, other: Any, shape: tuple[Any, ...] = (None, T, F)) -> None:
    one.build(shape)
    other.build(shape)
    rng = np.random.default_rng(2)
    one.set_weights([rng.normal(size=w.shape) * 0.4 for w in one.weights])
    other.set_weights(one.get_weights())


def equal(one: Any, other: Any) -> None:
    for a, b in zip(flat(one), flat(other), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def close(one: Any, other: Any) -> None:
    for a, b in zip(flat(one), flat(other), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-11, atol=1e-12)


def flat(tree: Any) -> list[Any]:
    return [t for part in tree for t in flat(part)] if isinstance(tree, (list, tuple)) else [tree]


class Total:
    """A cell that is no layer: the sum of what came, and how many steps."""

    state_size = (F, 1)
    output_size = F

    def call(self, inputs: Any, states: Any) -> Any:
        total, count = states
        return (total + inputs) / (count + 1.0), [total + inputs, count + 1.0]


class Weighted(L.Layer):
    """A cell with a weight and one state, from Keras' guide."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, self.units), name="recurrent_kernel")

    def call(self, inputs: Any, states: Any) -> Any:
        h = ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent_kernel))
        return h, [h]


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"unroll": True}, {"return_state": True}, {"return_sequences": True}])
@pytest.mark.parametrize("cell,layer", PAIRS)
def test_rnn_of_a_cell_is_the_layer(cell: Any, layer: Any, options: dict[str, Any]) -> None:
    rnn, own = L.RNN(cell(U), **options), layer(U, **options)
    same_weights(rnn, own)
    x = data(N, T, F).astype(np.float32)
    equal(rnn(x), own(x))
    mask = np.arange(T) < np.array([[5], [2], [1]])
    equal(rnn(x, mask=mask), own(x, mask=mask))
    assert rnn.compute_output_shape((None, T, F)) == own.compute_output_shape((None, T, F))
    assert own.cell is own and own.cell.units == rnn.cell.units == U


@pytest.mark.parametrize("cell,layer", PAIRS)
def test_one_step(cell: Any, layer: Any) -> None:
    step, whole = cell(U, dtype="float64"), layer(U, return_sequences=True, return_state=True, dtype="float64")
    step.build((None, F))
    whole.build((None, T, F))
    whole.set_weights(step.get_weights())
    x = data(N, T, F)
    states, outputs = step.get_initial_state(batch_size=N), []
    for t in range(T):
        y, states = step(x[:, t], states)
        outputs.append(y)
    close([ops.stack(outputs, 1), *states], whole(x))
    if step.carried == 1:
        y, state = step(x[:, 0], np.zeros((N, U)))  # one state may stand alone
        assert y.shape == state.shape == (N, U)
    assert step.output_size == U and flat(step.state_size) == [U] * step.carried


def test_cells_on_top_of_each_other_are_layers_in_a_row() -> None:
    stacked = L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(U)], return_state=True)
    rows = [L.LSTM(4, return_sequences=True, return_state=True), L.GRU(3, return_sequences=True, return_state=True), L.SimpleRNN(U)]
    stacked.build((None, T, F))
    shapes, at = [(None, T, F), (None, T, 4), (None, T, 3)], 0
    for row, shape in zip(rows, shapes):
        row.build(shape)
        row.set_weights(stacked.get_weights()[at : at + 3])
        at += 3
    x = data(N, T, F).astype(np.float32)
    y, lstm, gru, last = stacked(x)
    first = rows[0](x)
    second = rows[1](first[0])
    equal([y, *lstm, *gru, *last], [rows[2](second[0]), *first[1:], *second[1:], rows[2](second[0])])
    again = stacked(x, initial_state=[lstm, gru, last])
    assert (again[0].numpy() != y.numpy()).any()
    assert stacked.compute_output_shape((None, T, F)) == [(None, U), [(None, 4), (None, 4)], [(None, 3)], [(None, U)]]
    assert stacked.cell.state_size == [[4, 4], 3, U] and stacked.cell.output_size == U
    one_by_one, states = [], stacked.cell.get_initial_state(batch_size=N)
    for t in range(T):
        step, states = stacked.cell(x[:, t], states)
        one_by_one.append(step)
    np.testing.assert_allclose(one_by_one[-1].numpy(), y.numpy(), rtol=1e-5, atol=1e-6)


class Doubled(L.StackedRNNCells):
    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        y, new = super().call(inputs, states, training=training)
        return y * 2.0, new


class Halved(L.GRUCell):
    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        y, new = super().call(inputs, states, training=training)
        return y * 0.5, new


def test_derived_cells() -> None:
    """Another `call` is called, at each step."""
    x = data(N, T, F)
    for derived, plain, factor in ((Halved(U, dtype="float64"), L.GRUCell(U, dtype="float64"), 0.5),):
        one, other = L.RNN(derived, dtype="float64", return_sequences=True), L.RNN(plain, dtype="float64", return_sequences=True)
        same_weights(one, other)
        close(one(x), other(x) * factor)
    made = [[L.GRUCell(3, dtype="float64"), L.LSTMCell(2, dtype="float64")] for _ in range(2)]
    one = L.RNN(Doubled(made[0], dtype="float64"), dtype="float64")
    other = L.RNN(made[1], dtype="float64")
    same_weights(one, other)
    close(one(x), other(x) * 2.0)


def test_a_cell_that_is_no_layer() -> None:
    x = data(N, T, F).astype(np.float32)
    rnn = L.RNN(Total(), return_sequences=True, return_state=True)
    y, total, count = rnn(x)
    np.testing.assert_allclose(y.numpy(), x.cumsum(1) / np.arange(1, T + 1)[:, None], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(total.numpy(), x.sum(1), rtol=1e-5, atol=1e-6)
    assert (count.numpy() == T).all() and rnn.weights == []
    mask = np.arange(T) < np.array([[5], [2], [0]])
    y, total, count = rnn(x, mask=mask)
    np.testing.assert_array_equal(count.numpy()[:, 0], [5, 2, 0])
    np.testing.assert_array_equal(y.numpy()[1, 1:], np.repeat(y.numpy()[1, 1:2], T - 1, 0))  # the output of the step before
    zeros = L.RNN(Total(), return_sequences=True, zero_output_for_mask=True)(x, mask=mask).numpy()
    assert (zeros[~mask] == 0).all() and (zeros[mask] == y.numpy()[mask]).all()


def test_states_that_a_cell_begins_with_and_steps_of_several_axes() -> None:
    class Frames:
        state_size = 1

        def get_initial_state(self, batch_size: int) -> Any:
            return ops.full((batch_size, 1), 10.0)

        def call(self, inputs: Any, states: Any) -> Any:
            new = states[0] + ops.sum(inputs, axis=(1, 2))[:, None]
            return new, new

    x = data(N, T, 2, 3).astype(np.float32)
    np.testing.assert_allclose(L.RNN(Frames())(x).numpy()[:, 0], 10 + x.sum((1, 2, 3)), rtol=1e-5)


def test_stateful() -> None:
    rnn, whole = (L.RNN([L.LSTMCell(3), L.SimpleRNNCell(2)], stateful=s) for s in (True, False))
    same_weights(rnn, whole, (N, 2 * T, F))
    x = data(N, 2 * T, F).astype(np.float32)
    rnn(x[:, :T])
    assert [s.shape for s in rnn.states or ()] == [(N, 3), (N, 3), (N, 2)] and whole.states is None
    np.testing.assert_allclose(rnn(x[:, T:]).numpy(), whole(x).numpy(), rtol=1e-5, atol=1e-6)
    rnn.reset_state()
    np.testing.assert_allclose(rnn(x).numpy(), whole(x).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [lambda: Weighted(4), lambda: [Weighted(3), L.LSTMCell(4)], lambda: Halved(4)])
def test_cells_of_ones_own_learn_and_are_replayed(make: Any) -> None:
    def run(eager: bool) -> list[np.ndarray]:
        gpudl.utils.set_random_seed(1)
        model = gpudl.Sequential([L.Input((T, F)), L.Masking(), L.RNN(make()), L.Dense(1)])
        model.compile("adam", "mean_squared_error", run_eagerly=eager)
        losses = model.fit(data(24, T, F), data(24, 1, seed=2), batch_size=8, epochs=4, verbose=0).history["loss"]
        assert losses[-1] < losses[0] and (eager or model._runners["train"].replayed > 3)
        return [np.array(losses), *[v.numpy() for v in model.variables]]

    for a, b in zip(run(True), run(False), strict=True):
        np.testing.assert_array_equal(a, b)


def test_dropout_of_a_cell() -> None:
    step = L.GRUCell(U, dropout=0.5, recurrent_dropout=0.3, seed=1)
    x, h = data(N, F).astype(np.float32), data(N, U).astype(np.float32)
    plain = step(x, [h])[0].numpy()
    np.testing.assert_array_equal(step(x, [h])[0].numpy(), plain)
    assert (step(x, [h], training=True)[0].numpy() != plain).any()
    rnn, own = L.RNN(L.LSTMCell(U, dropout=0.4, recurrent_dropout=0.2, seed=3)), L.LSTM(U, dropout=0.4, recurrent_dropout=0.2, seed=3)
    same_weights(rnn, own)
    x = data(N, T, F).astype(np.float32)
    equal(rnn(x, training=True), own(x, training=True))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.RNN(L.LSTMCell(3, recurrent_activation="hard_sigmoid", unit_forget_bias=False), go_backwards=True),
        lambda: L.RNN([L.GRUCell(3, kernel_regularizer="l2"), L.SimpleRNNCell(2, "relu")], zero_output_for_mask=True),
        lambda: L.Bidirectional(L.RNN([L.GRUCell(3), L.LSTMCell(2)])),
        lambda: L.StackedRNNCells([L.LSTMCell(3)], name="tower"),
        lambda: L.Bidirectional(L.RNN(Weighted(3))),
    ],
)
def test_configurations(layer: Any) -> None:
    made = layer()
    data_of = json.loads(json.dumps(L.serialize(made)))
    again = L.deserialize(data_of, custom_objects={"Weighted": Weighted})
    assert again.get_config() == made.get_config()
    if hasattr(made, "return_sequences") or isinstance(made, L.Bidirectional):
        made.build((None, T, F))
        again.build((None, T, F))
        again.set_weights(made.get_weights())
        x = data(N, T, F).astype(np.float32)
        equal(made(x), again(x))


def test_frozen() -> None:
    rnn = L.RNN(L.StackedRNNCells([L.LSTMCell(3)]), trainable=False)
    rnn.build((None, T, F))
    assert rnn.trainable_weights == [] and len(rnn.weights) == 3
    rnn.trainable = True
    assert len(rnn.trainable_weights) == 3


class Silent:
    def call(self, inputs: Any, states: Any) -> Any: ...


X = np.ones((2, 3, 4), np.float32)
H = np.ones((2, 3), np.float32)
REFUSED = [
    (lambda: L.RNN(3), TypeError, r"\[RNN\] a cell such as LSTMCell\(32\), with call\(inputs, states\), is expected\. Received: 3"),
    (lambda: L.RNN(L.LSTMCell), TypeError, "a cell such as"),
    (lambda: L.RNN(Silent()), TypeError, "must say its state_size"),
    (lambda: L.RNN([]), TypeError, "cells must be a list of cells"),
    (lambda: L.StackedRNNCells([L.Dense(3)]), TypeError, "state_size"),
    (lambda: L.RNN(L.LSTMCell(3), return_sequence=True), TypeError, "Did you mean 'return_sequences'"),
    (lambda: L.LSTM(3, use_cudnn="yes"), ValueError, "use_cudnn must be 'auto', True or False"),
    (lambda: L.LSTMCell(3)(H, [H]), ShapeError, r"states must be 2 tensors of shape \(2, 3\)\. Received: \(2, 3\)"),
    (lambda: L.GRUCell(3)(X, [H]), ShapeError, r"expected an input of 2 axes, \(batch, features\)"),
    (lambda: L.RNN(L.GRUCell(3))(X, initial_state=H[:1]), ShapeError, r"initial_state must be 1 tensors of shape \(2, 3\)"),
    (lambda: L.RNN([L.GRUCell(3), L.GRUCell(2)])(X, initial_state=[H, H]), ShapeError, r"of shapes \(2, 3\), \(2, 2\)"),
    (lambda: L.RNN(L.GRUCell(3))(H), ShapeError, "at least 3 axes"),
    (lambda: L.RNN(L.GRUCell(3)).build((None, 3, None)), ShapeError, "number of features"),
]


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_other_features_than_those_of_the_weights() -> None:
    rnn = L.RNN([L.GRUCell(3)])
    rnn(X)
    with pytest.raises(ShapeError, match=r"expected 4 features on the last axis\. Received: 5"):
        rnn(np.ones((2, 3, 5), np.float32))

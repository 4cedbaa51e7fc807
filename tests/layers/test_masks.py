"""Masks ride from layer to layer: who makes them, hands them on, takes them, loses them; what loss and metrics do with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl.errors import ShapeError
from gpudl.tensors import mask_of

TOKENS = np.array([[3, 1, 0, 0], [2, 0, 0, 0], [1, 2, 3, 4]])
SEEN = TOKENS != 0
STEPS = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)


def mask_behind(*layers: Any) -> Any:
    y = gpudl.Sequential([L.Input((4,), dtype="int32"), L.Embedding(6, 3, mask_zero=True), *layers])(gpudl.tensor(TOKENS))
    found = mask_of(y)
    return None if found is None else found.numpy()


HANDED_ON = [
    L.Dense(3), L.Activation("relu"), L.Dropout(0.5), L.GaussianNoise(0.1), L.GaussianDropout(0.1), L.SpatialDropout1D(0.1),
    L.ActivityRegularization(0.1), L.ReLU(), L.LeakyReLU(), L.PReLU(), L.ELU(), L.Softmax(), L.Identity(), L.BatchNormalization(),
    L.LayerNormalization(), L.UnitNormalization(), L.GroupNormalization(1), L.Rescaling(2.0), L.Normalization(mean=0.0, variance=1.0),
    L.LSTM(3, return_sequences=True), L.RNN(L.GRUCell(3), return_sequences=True), L.Bidirectional(L.GRU(2, return_sequences=True)),
    L.TimeDistributed(L.Dense(3)), gpudl.Sequential([L.Dense(3)]),
]  # fmt: skip


@pytest.mark.parametrize("layer", HANDED_ON, ids=lambda layer: type(layer).__name__)
def test_handed_on(layer: L.Layer) -> None:
    np.testing.assert_array_equal(mask_behind(layer, L.Activation("linear")), SEEN)


@pytest.mark.parametrize(
    "layer", [L.LSTM(3), L.Bidirectional(L.GRU(2)), L.GlobalAveragePooling1D(), L.Lambda(lambda x: x * 1.0, mask=lambda x, m: None)]
)
def test_ended(layer: L.Layer) -> None:
    assert mask_behind(layer) is None


@pytest.mark.parametrize("layer", [L.Flatten(), L.Conv1D(2, 1), L.Reshape((12,)), L.Lambda(lambda x: x * 2.0), L.GlobalMaxPooling1D()])
def test_lost_with_a_warning(layer: L.Layer) -> None:
    with pytest.warns(UserWarning, match=f"layer '{layer.name}' .* was given an input with a mask, but does not support masks"):
        assert mask_behind(layer) is None


def test_embedding_without_mask_zero_and_layers_without_mask_say_nothing() -> None:
    y = gpudl.Sequential([L.Embedding(6, 3), L.Flatten()])(gpudl.tensor(TOKENS))
    assert mask_of(y) is None


def test_the_input_of_the_user_gets_no_mask() -> None:
    """Layers that return their input give it a mask as another tensor."""
    x = gpudl.tensor(STEPS)
    layer = L.Lambda(lambda t: t, mask=lambda t, mask: gpudl.tensor(SEEN))
    y = layer(x)
    assert mask_of(x) is None and y is not x
    np.testing.assert_array_equal(mask_of(y).numpy(), SEEN)  # type: ignore[union-attr]
    x.requires_grad = True
    (layer(x) * 2.0).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full_like(STEPS, 2.0))  # type: ignore[union-attr]


class Taking(L.Layer):
    """A layer of the user's own that counts what it sees."""

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        self.got = mask
        return inputs if mask is None else inputs * gpudl.ops.cast(gpudl.ops.expand_dims(mask, -1), "float32")


class Shortening(Taking):
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[:, :2]


def test_layers_of_ones_own() -> None:
    layer, table = Taking(), L.Embedding(6, 3, mask_zero=True)
    with pytest.warns(UserWarning, match="supports_masking = True"):
        assert mask_of(layer(table(TOKENS))) is None
    np.testing.assert_array_equal(layer.got.numpy(), SEEN)
    assert layer(STEPS) is not None and layer.got is None
    layer.supports_masking = True
    np.testing.assert_array_equal(mask_of(layer(table(TOKENS))).numpy(), SEEN)  # type: ignore[union-attr]
    np.testing.assert_array_equal(mask_of(layer(STEPS, mask=SEEN)).numpy(), SEEN)  # type: ignore[union-attr]
    np.testing.assert_array_equal(mask_of(layer(STEPS, SEEN)).numpy(), SEEN)  # type: ignore[union-attr]
    assert Shortening.supports_masking
    np.testing.assert_array_equal(mask_of(Shortening()(table(TOKENS))).numpy(), SEEN[:, :2])  # type: ignore[union-attr]


def test_a_mask_survives_a_cast_and_a_nested_model() -> None:
    y = L.Dense(2, dtype="float64")(L.Embedding(6, 3, mask_zero=True)(TOKENS))
    np.testing.assert_array_equal(mask_of(y).numpy(), SEEN)  # type: ignore[union-attr]
    inner = gpudl.Sequential([L.LSTM(3)])
    x = gpudl.tensor(STEPS)
    np.testing.assert_array_equal(inner(x, mask=SEEN).numpy(), inner.layers[0](x, mask=SEEN).numpy())
    assert mask_of(x) is None


def test_ops_between_layers_lose_the_mask() -> None:
    """As in Keras: `compute_mask` of the layer around them says what becomes of it."""
    assert mask_of(L.Embedding(6, 3, mask_zero=True)(TOKENS) * 2.0) is None


def test_time_distributed_hands_on_the_mask_of_each_step() -> None:
    inner = Taking()
    inner.supports_masking = True
    y = L.TimeDistributed(inner)(L.Embedding(6, 3, mask_zero=True)(TOKENS))
    np.testing.assert_array_equal(inner.got.numpy(), SEEN.ravel())  # all steps are one batch
    assert (y.numpy()[~SEEN] == 0).all()


def test_a_model_whose_call_takes_no_mask() -> None:
    class Doubling(gpudl.Sequential):
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=training) * 2.0

    model = Doubling([L.Input((4,), dtype="int32"), L.Embedding(6, 3, mask_zero=True), L.LSTM(2)])
    np.testing.assert_array_equal(model(TOKENS).numpy(), gpudl.Sequential(model.layers)(TOKENS).numpy() * 2)


def test_masking() -> None:
    x = STEPS.copy()
    x[0, 2:] = x[1, 1:] = 7.0
    layer = L.Masking(7.0)
    y = layer(x)
    np.testing.assert_array_equal(mask_of(y).numpy(), SEEN)  # type: ignore[union-attr]
    np.testing.assert_array_equal(y.numpy(), np.where(SEEN[..., None], x, 0))
    x[0, 0, 0] = 7.0  # one feature alone does not mask a step
    np.testing.assert_array_equal(mask_of(layer(x)).numpy(), SEEN)  # type: ignore[union-attr]
    assert layer(np.full((1, 2, 2), 7)).dtype == np.int64


def test_masks_and_bidirectional_states() -> None:
    both = L.Bidirectional(L.LSTM(2, return_sequences=True, return_state=True), merge_mode=None)
    out = both(L.Embedding(6, 3, mask_zero=True)(TOKENS))
    assert [mask_of(t) is not None for t in out] == [True, True, False, False, False, False]
    for y in out[:2]:
        np.testing.assert_array_equal(y.numpy()[~SEEN], 0.0)


def test_softmax_of_what_is_seen() -> None:
    x, seen = STEPS, np.random.default_rng(1).random(STEPS.shape) < 0.5
    seen[..., 0] = True
    seen[0, 0] = False
    e = np.exp(x) * seen
    expected = np.divide(e, e.sum(-1, keepdims=True), out=np.zeros_like(e), where=e.sum(-1, keepdims=True) > 0)
    np.testing.assert_allclose(L.Softmax()(x, mask=seen).numpy(), expected, rtol=1e-6)
    np.testing.assert_array_equal(L.Softmax()(x, mask=SEEN).numpy(), L.Softmax()(x).numpy())  # of whole steps
    with pytest.raises(ShapeError, match="mask must broadcast"):
        L.Softmax()(x, mask=np.ones((5, 2), bool))


def test_pooling_of_what_is_seen() -> None:
    expected = (STEPS * SEEN[..., None]).sum(1) / SEEN.sum(1)[:, None]
    np.testing.assert_allclose(L.GlobalAveragePooling1D()(STEPS, mask=SEEN).numpy(), expected, rtol=1e-6)
    first = L.GlobalAveragePooling1D(data_format="channels_first", keepdims=True)
    np.testing.assert_allclose(first(STEPS.transpose(0, 2, 1), mask=SEEN).numpy(), expected[..., None], rtol=1e-6)


def test_loss_and_metrics() -> None:
    y_true, y_pred = STEPS[..., :1], gpudl.tensor(STEPS[..., 1:])
    each = ((STEPS[..., 0] - STEPS[..., 1]) ** 2).astype(np.float64)
    y_pred._keras_mask = gpudl.tensor(SEEN)
    weights = np.array([1.0, 2.0, 3.0])
    n, w = SEEN.sum(), weights[:, None] * SEEN
    for reduction, expected in (
        ("sum_over_batch_size", (each * w).sum() / n),
        ("sum", (each * w).sum()),
        ("mean_with_sample_weight", (each * w).sum() / w.sum()),
    ):
        loss = gpudl.losses.MeanSquaredError(reduction=reduction)
        assert float(loss(y_true, y_pred, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)
    assert float(gpudl.losses.MeanSquaredError()(y_true, y_pred)) == pytest.approx(each[SEEN].mean(), rel=1e-5)
    for given, expected in ((None, each[SEEN].mean()), (2.0, each[SEEN].mean()), (weights, (each * w).sum() / w.sum())):
        metric = gpudl.metrics.MeanSquaredError()
        metric.update_state(y_true, y_pred, given)
        assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    y_pred._keras_mask = gpudl.tensor(np.zeros_like(SEEN))
    assert float(gpudl.losses.MeanSquaredError()(y_true, y_pred)) == 0.0
    y_pred._keras_mask = gpudl.tensor(SEEN[:, :2])
    with pytest.raises(ShapeError, match=r"mask .* does not fit the losses"):
        gpudl.losses.MeanSquaredError()(y_true, y_pred)


def test_ignored_classes_and_a_mask() -> None:
    """Both leave rows out; the mean is over what is left."""
    labels = np.array([[0, 1, 1, 0], [2, 1, 0, 0], [0, 2, 1, 1]])
    scores = np.random.default_rng(2).standard_normal((3, 4, 3))
    p = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    left = SEEN & (labels != 2)
    each = -np.log(np.take_along_axis(p, labels[..., None], -1))[..., 0]
    y_pred = gpudl.tensor(scores)
    y_pred._keras_mask = gpudl.tensor(SEEN)
    loss = gpudl.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)
    assert float(loss(labels, y_pred)) == pytest.approx(each[left].mean(), rel=1e-12)


def test_weights_of_steps_in_fit() -> None:
    model = gpudl.Sequential([L.Input((4, 2)), L.Dense(1)])
    model.compile("sgd", "mean_squared_error")
    weights = np.random.default_rng(3).random((3, 4))
    y = np.zeros((3, 4, 1), np.float32)
    expected = (model.predict(STEPS, verbose=0)[..., 0] ** 2 * weights).mean()
    assert model.evaluate(STEPS, y, sample_weight=weights, verbose=0) == pytest.approx(expected, rel=1e-5)
    model.fit(STEPS, y, sample_weight=weights, verbose=0)
    with pytest.raises(ShapeError, match=r"sample_weight must have shape \(3,\), or \(3, 4\) for one weight a step"):
        model.fit(STEPS, y, sample_weight=weights[:, :2], verbose=0)


REFUSED = [
    (lambda: L.Masking("0"), TypeError, r"\[Masking\] mask_value must be a number"),
    (lambda: L.Masking()(np.ones(3, np.float32)), ShapeError, "at least 2 axes"),
    (lambda: L.LSTM(2)(STEPS, mask=SEEN[:, :2]), ShapeError, r"mask must be \(N, T\) = \(3, 4\)"),
    (lambda: L.TimeDistributed(L.Dense(2))(STEPS, mask=SEEN[:, :2]), ShapeError, r"\[TimeDistributed\].* mask must be"),
    (lambda: L.BatchNormalization()(STEPS, mask=SEEN[:, :2], training=True), ShapeError, r"mask must be \(3, 4\)"),
    (lambda: L.Flatten()(STEPS, mask=SEEN), TypeError, "mask"),
]


@pytest.mark.parametrize("call,error,words", REFUSED)
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()

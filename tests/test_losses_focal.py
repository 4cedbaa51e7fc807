"""Focal cross-entropies, overlaps and the generalised cross-entropy: limits, exactness, arguments. Keras' values: test_losses.py."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl import losses, ops
from gpudl.errors import ShapeError

ALL = [
    losses.BinaryFocalCrossentropy(True, 0.3, 1.5, label_smoothing=0.1, axis=0),
    losses.CategoricalFocalCrossentropy([0.25, 0.5], 3.0, from_logits=True, name="mine"),
    losses.Dice(axis=(1, 2), reduction="sum"),
    losses.Tversky(0.3, 0.7, axis=1, dtype="float64"),
    losses.CategoricalGeneralizedCrossEntropy(0.7),
]


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: type(loss).__name__)
def test_configurations(loss) -> None:
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    before = gpudl.config.version
    loss.name = "other"
    assert gpudl.config.version > before  # a recorded step is not trusted any more


def test_without_focus_they_are_the_plain_cross_entropies(rng, path) -> None:
    p, y = ops.softmax(gpudl.tensor(rng.standard_normal((6, 3)))), np.eye(3)[rng.integers(0, 3, 6)]
    focal = losses.categorical_focal_crossentropy(y, p, alpha=1.0, gamma=0.0)
    np.testing.assert_allclose(focal.numpy(), losses.categorical_crossentropy(y, p).numpy(), rtol=1e-13)
    q = rng.random((6, 3))
    focal = losses.binary_focal_crossentropy(y, q, gamma=0.0)
    np.testing.assert_allclose(focal.numpy(), losses.binary_crossentropy(y, q).numpy(), rtol=1e-13)
    np.testing.assert_allclose(losses.tversky(y, q, axis=1).numpy(), losses.dice(y, q, axis=1).numpy(), rtol=1e-6)
    np.testing.assert_allclose(losses.categorical_generalized_cross_entropy(y.argmax(1), p, 1e-9).numpy(),
                               losses.categorical_crossentropy(y, p).numpy(), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("scores", [[200.0, 0.0], [0.0, 200.0]])
def test_exact_where_probabilities_have_lost_their_digits(scores, path) -> None:
    for x in (gpudl.tensor([scores], requires_grad=True), gpudl.tensor([scores[:1]], requires_grad=True)):
        wide = x.shape[-1] == 2
        loss = losses.CategoricalFocalCrossentropy(1.0) if wide else losses.BinaryFocalCrossentropy()
        found = loss([[0.0, 1.0]] if wide else [[0.0]], (ops.softmax if wide else ops.sigmoid)(x))
        expected = 200.0 if scores[0] else 0.0 if wide else np.log(2) / 4
        assert found.item() == pytest.approx(expected, rel=1e-6)
        found.backward()
        assert np.isfinite(x.grad.numpy()).all()


def test_rows_of_zeros_and_empty_images_are_finite() -> None:
    assert losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.0, 0.0]]).item() == pytest.approx(-0.25 * np.log(1e-7), rel=1e-5)
    assert losses.dice([[0.0]], [[0.0]]).item() == losses.tversky([[0.0]], [[0.0]]).item() == 1.0


def test_a_model_learns_by_an_overlap(path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 4)).astype("f4")
    y = (x[:, :2] > 0).astype("f4")
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential([L.Input((4,)), L.Dense(8, activation="relu"), L.Dense(2, activation="sigmoid")])
    model.compile(gpudl.optimizers.Adam(0.02), losses.Dice(axis=-1), metrics=["binary_accuracy"])
    history = model.fit(x, y, epochs=60, batch_size=16, verbose=0, sample_weight=np.ones(64)).history
    assert history["loss"][-1] < 0.6 * history["loss"][0] and history["binary_accuracy"][-1] > 0.85


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: losses.BinaryFocalCrossentropy(alpha=2.0), ValueError, r"\[BinaryFocalCrossentropy\] alpha must be a number from 0 to 1"),
        (lambda: losses.BinaryFocalCrossentropy(gamma="2"), TypeError, "gamma must be a number. Received: gamma='2'"),
        (lambda: losses.BinaryFocalCrossentropy(label_smoothing=2), ValueError, "label_smoothing"),
        (lambda: losses.CategoricalFocalCrossentropy(gamma=-1.0), ValueError, "gamma must be a number >= 0"),
        (lambda: losses.CategoricalFocalCrossentropy([0.5, "1"]), TypeError, "alpha must be a number"),
        (lambda: losses.Dice(axis="last"), TypeError, r"axis must be a whole number, several in a list, or None.*'last'"),
        (lambda: losses.Tversky(beta=-0.1), ValueError, r"\[Tversky\] beta must be a number >= 0"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(0.0), ValueError, "q must be above 0.*SparseCategoricalCrossentropy"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(1.5), ValueError, "q must be a number from 0 to 1"),
        (lambda: losses.Dice(redution="sum"), TypeError, "Did you mean 'reduction'"),
        (lambda: losses.categorical_focal_crossentropy([0, 1], [[0.5, 0.5], [0.5, 0.5]]), ShapeError, "one-hot.*to_categorical"),
        (lambda: losses.categorical_generalized_cross_entropy([[0, 1]], [[0.5, 0.5]], 0.5), ShapeError, "one class number per row"),
        (lambda: losses.check_labels(losses.get("dice"), np.zeros((3, 2)), (None, 4)), ShapeError, "output shape"),
        (lambda: losses.check_labels(losses.get("binary_focal_crossentropy"), np.full((3, 1), 2), (None, 1)), ValueError, "0 and 1"),
        (lambda: losses.check_labels(losses.get("categorical_focal_crossentropy"), np.array([1, 2]), (None, 3)), ShapeError, "one-hot"),
        (lambda: losses.check_labels(losses.get("categorical_generalized_cross_entropy"), np.array([5]), (None, 3)), ValueError, "0 and 2"),
    ],
)  # fmt: skip
def test_bad_input(make, error, words) -> None:
    with pytest.raises(error, match=words):
        make()

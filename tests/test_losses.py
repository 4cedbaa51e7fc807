"""Losses: Keras' reductions and shapes, sample weights, exactness through softmax, names, and labels refused before a fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl import losses, ops
from gpudl.errors import DTypeError, ShapeError


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[labels]


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels, weights."""
    return rng.standard_normal((6, 3)), rng.integers(0, 3, 6), rng.random(6)


# values and reductions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum_over_batch_size", lambda v, w: (v * w).sum() / 6),
        ("mean", lambda v, w: (v * w).sum() / 6),
        ("sum", lambda v, w: (v * w).sum()),
        ("mean_with_sample_weight", lambda v, w: (v * w).sum() / w.sum()),
        ("none", lambda v, w: v * w),
        (None, lambda v, w: v * w),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_reductions(batch, reduction, expected, weighted, path) -> None:
    z, labels, w = batch
    each = -np.log(softmax(z))[np.arange(6), labels]
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    got = loss(labels, z, sample_weight=w if weighted else None).numpy()
    np.testing.assert_allclose(got, expected(each, w if weighted else np.ones(6)), rtol=1e-12)


def test_weights_of_other_shapes(batch) -> None:
    z, labels, w = batch
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    plain = loss(labels, z, w).item()
    assert loss(labels[:, None], z, w[:, None]).item() == plain
    assert loss(labels, z, 2.0).item() == pytest.approx(2 * loss(labels, z).item(), rel=1e-14)
    rows = losses.MeanSquaredError(reduction="none")(np.zeros((6, 4, 2)), np.ones((6, 4, 2)), w)  # one weight for all rows of a sample
    np.testing.assert_allclose(rows.numpy(), np.repeat(w[:, None], 4, 1))
    with pytest.raises(ShapeError, match=r"one weight per sample.*\(5,\)"):
        loss(labels, z, np.ones(5))


def test_no_weight_at_all_is_no_division_by_zero(batch) -> None:
    z, labels, _ = batch
    assert losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")(labels, z, np.zeros(6)).item() == 0
    assert losses.MeanSquaredError()(np.zeros((0, 2)), np.zeros((0, 2))).item() == 0


def test_gradient_with_weights(batch, path) -> None:
    z, labels, w = batch
    x = gpudl.tensor(z, requires_grad=True)
    losses.CategoricalCrossentropy()(one_hot(labels, 3), ops.softmax(x), w).backward()
    np.testing.assert_allclose(x.grad.numpy(), (softmax(z) - one_hot(labels, 3)) * w[:, None] / 6, rtol=1e-12, atol=1e-15)


def test_weights_that_want_a_gradient(batch) -> None:
    z, labels, w = batch
    weights = gpudl.tensor(w, requires_grad=True)
    losses.SparseCategoricalCrossentropy(from_logits=True)(labels, z, weights).backward()
    each = -np.log(softmax(z))[np.arange(6), labels]
    np.testing.assert_allclose(weights.grad.numpy(), each / 6, rtol=1e-12)
    weights.grad = None
    mean = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")(labels, z, weights)
    np.testing.assert_allclose(mean.item(), (each * w).sum() / w.sum(), rtol=1e-12)
    mean.backward()
    np.testing.assert_allclose(weights.grad.numpy(), (each - mean.item()) / w.sum(), rtol=1e-9, atol=1e-12)


def test_shapes_that_differ_by_a_last_axis_of_one() -> None:
    y, p = np.array([1.0, 0.0, 1.0]), np.array([[0.9], [0.2], [0.4]])
    expected = -np.log([0.9, 0.8, 0.4]).mean()
    for a, b in ((y, p), (y[:, None], p), (y[:, None], p[:, 0]), (y, p[:, 0])):
        assert losses.BinaryCrossentropy()(a, b).item() == pytest.approx(expected, rel=1e-12)
    assert losses.MeanSquaredError()(y, p).item() == pytest.approx(((y - p[:, 0]) ** 2).mean(), rel=1e-12)


def test_label_smoothing(batch) -> None:
    z, labels, _ = batch
    smooth = one_hot(labels, 3) * 0.9 + 0.1 / 3
    got = losses.categorical_crossentropy(one_hot(labels, 3), z, from_logits=True, label_smoothing=0.1)
    np.testing.assert_allclose(got.numpy(), -(smooth * np.log(softmax(z))).sum(-1), rtol=1e-12)
    got = losses.binary_crossentropy([[1.0], [0.0]], [[0.8], [0.3]], label_smoothing=0.2)
    np.testing.assert_allclose(got.numpy(), -(0.9 * np.log([0.8, 0.7]) + 0.1 * np.log([0.2, 0.3])), rtol=1e-6)


def test_ignored_class(batch) -> None:
    z, labels, _ = batch
    labels = labels.copy()
    labels[1] = -1
    kept = np.arange(6) != 1
    each = -np.log(softmax(z))[np.arange(6), labels]
    x = gpudl.tensor(z, requires_grad=True)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)(labels, x)
    assert loss.item() == pytest.approx(each[kept].mean(), rel=1e-12)
    loss.backward()
    assert (x.grad.numpy()[1] == 0).all() and (x.grad.numpy()[0] != 0).all()


# exactness ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["categorical", "sparse"])
def test_softmax_output_is_exact_where_probabilities_have_lost_their_digits(kind, path) -> None:
    x = gpudl.tensor([[200.0, 0.0, -200.0]], requires_grad=True)
    p = ops.softmax(x)
    target = [[0.0, 0.0, 1.0]] if kind == "categorical" else [2]
    loss = losses.get("categorical_crossentropy" if kind == "categorical" else "sparse_categorical_crossentropy")(target, p)
    assert loss.item() == 400.0  # clipped probabilities would give 16.1, and no gradient
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1.0, 0.0, -1.0]], atol=1e-7)


def test_sigmoid_output_is_exact(path) -> None:
    x = gpudl.tensor([[200.0], [-200.0]], requires_grad=True)
    loss = losses.BinaryCrossentropy()([0.0, 1.0], ops.sigmoid(x))
    assert loss.item() == 200.0
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[0.5], [-0.5]])


def test_the_same_loss_in_training_and_evaluation() -> None:
    x = gpudl.tensor([[300.0, 0.0]])
    with gpudl.no_grad():
        evaluated = losses.CategoricalCrossentropy()([[0.0, 1.0]], ops.softmax(x)).item()
    x.requires_grad = True
    assert losses.CategoricalCrossentropy()([[0.0, 1.0]], ops.softmax(x)).item() == evaluated == 300.0


def test_plain_probabilities_are_clipped_as_in_keras() -> None:
    assert losses.categorical_crossentropy([[0.0, 1.0]], [[1.0, 0.0]]).item() == pytest.approx(16.118095, rel=1e-6)
    assert losses.categorical_crossentropy([[0.0, 1.0]], [[0.0, 0.0]]).item() == pytest.approx(16.118095, rel=1e-6)  # Keras: NaN
    assert losses.categorical_crossentropy([[0.0, 1.0]], [[2.0, 2.0]]).item() == pytest.approx(np.log(2), rel=1e-6)
    assert losses.binary_crossentropy([[1.0]], [[0.0]]).item() == pytest.approx(16.118095, rel=1e-6)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("label", [-1, 3, 2**31 - 1, -(2**63), 2**63 - 1])
def test_a_label_outside_the_classes_is_nan_in_its_row_alone(label, from_logits, path) -> None:
    p = gpudl.tensor(np.full((3, 3), 1 / 3), requires_grad=True)
    loss = losses.sparse_categorical_crossentropy(np.array([0, label, 2]), p, from_logits=from_logits)
    np.testing.assert_array_equal(np.isnan(loss.numpy()), [False, True, False])
    loss.backward(gpudl.ones(3, "float64"))
    np.testing.assert_array_equal(np.isnan(p.grad.numpy()), [[False] * 3, [True] * 3, [False] * 3])


# dtypes -------------------------------------------------------------------------------------------------------------------------


def test_dtypes() -> None:
    labels = np.array([0, 1])
    for dtype in ("float32", "float64"):
        assert losses.get("sparse_categorical_crossentropy")(labels, np.eye(2).astype(dtype)).dtype == dtype
    half = gpudl.tensor([[0.0, 3.0], [1.0, 0.0]], dtype="bfloat16", requires_grad=True)
    loss = losses.SparseCategoricalCrossentropy()(labels, ops.softmax(half))
    assert loss.dtype == np.float32
    assert loss.item() == pytest.approx((np.log1p(np.exp(3.0)) + np.log1p(np.exp(1.0))) / 2, rel=1e-6)
    loss.backward()
    assert half.grad.dtype == half.dtype
    assert losses.MeanSquaredError(dtype="float64")([[0.0]], [[1.0]]).dtype == np.float64


# names, arguments, configurations -----------------------------------------------------------------------------------------------


def test_get() -> None:
    for name in ("mse", "MSE", "mean_squared_error", "MeanSquaredError", losses.mse, losses.MeanSquaredError, losses.MeanSquaredError()):
        assert isinstance(losses.get(name), losses.MeanSquaredError)
    assert isinstance(losses.get("bce"), losses.BinaryCrossentropy)
    assert losses.get(None) is None
    own = losses.get(lambda y, p: ops.abs(y - p))
    assert own([[1.0]], [[3.0]]).item() == 2.0
    with pytest.raises(ValueError, match="Did you mean 'categorical_crossentropy'"):
        losses.get("categorical_crossentropi")
    with pytest.raises(TypeError, match="losses"):
        losses.get(3)
    with pytest.raises(AttributeError, match="mean_squared_error"):
        losses.mean_square_error  # noqa: B018


@pytest.mark.parametrize(
    "loss",
    [
        losses.MeanSquaredError(reduction="sum"),
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, dtype="float64"),
        losses.CategoricalCrossentropy(axis=1, name="mine"),
        losses.SparseCategoricalCrossentropy(ignore_class=255),
    ],
    ids=lambda loss: loss.name,
)
def test_configurations(loss) -> None:
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="reduction must be"):
        losses.MeanSquaredError(reduction="average")
    with pytest.raises(TypeError, match="Did you mean 'from_logits'"):
        losses.BinaryCrossentropy(from_logit=True)
    with pytest.raises(ValueError, match="label_smoothing"):
        losses.CategoricalCrossentropy(label_smoothing=2)
    with pytest.raises(NotImplementedError, match=r"\[Loss\] write call"):
        losses.Loss()([1.0], [1.0])
    with pytest.raises(DTypeError):
        losses.MeanSquaredError(dtype="float23")


def test_setting_an_attribute_ends_the_trust_in_recorded_steps() -> None:
    loss = losses.CategoricalCrossentropy()
    before = gpudl.config.version
    loss.label_smoothing = 0.1
    assert gpudl.config.version > before


# labels -------------------------------------------------------------------------------------------------------------------------

CATEGORICAL, SPARSE = losses.get("categorical_crossentropy"), losses.get("sparse_categorical_crossentropy")
BINARY, SQUARED = losses.get("binary_crossentropy"), losses.get("mse")

GOOD = [
    (CATEGORICAL, np.eye(3), (None, 3)),
    (CATEGORICAL, np.full((2, 3), 0.2), (None, 3)),
    (CATEGORICAL, np.eye(3, dtype=np.int64), (None, 3)),
    (CATEGORICAL, np.zeros((2, 5, 3)), (None, 5, 3)),
    (CATEGORICAL, np.zeros((2, 5, 3)), (None, None, 3)),
    (SPARSE, np.array([0, 1, 2]), (None, 3)),
    (SPARSE, np.array([[0], [2]]), (None, 3)),
    (SPARSE, np.array([0.0, 2.0]), (None, 3)),
    (SPARSE, np.zeros((2, 5), int), (None, 5, 3)),
    (SPARSE, np.array([0]), (None, 1)),
    (losses.SparseCategoricalCrossentropy(ignore_class=255), np.array([0, 255]), (None, 3)),
    (BINARY, np.array([0, 1]), (None, 1)),
    (BINARY, np.array([[0.0], [0.3]]), (None, 1)),
    (BINARY, np.array([True, False]), (None, 1)),
    (BINARY, np.zeros((2, 4)), (None, 4)),
    (SQUARED, np.array([1.0, 2.0]), (None, 1)),
    (SQUARED, np.zeros((2, 4, 4, 1)), (None, 4, 4, 1)),
    (losses.get(lambda y, p: p), np.array(["a"]), (None, 1)),  # the user's own: not judged
]


@pytest.mark.parametrize(("loss", "y", "output"), GOOD)
def test_good_labels(loss, y, output) -> None:
    losses.check_labels(loss, y, output)


BAD = [
    (CATEGORICAL, np.array([0, 1, 2]), (None, 3), "sparse_categorical_crossentropy.*to_categorical.y, 3"),
    (CATEGORICAL, np.array([[0], [1]]), (None, 3), "sparse_categorical_crossentropy"),
    (CATEGORICAL, np.eye(4), (None, 3), "labels have 4 classes, the model's output 3: the last layer should have 4 units"),
    (CATEGORICAL, np.array([[0.0, np.nan, 1.0]]), (None, 3), r"y\[0, 1\] = nan"),
    (CATEGORICAL, np.array([[0.0, -1.0, 1.0]]), (None, 3), "negative"),
    (CATEGORICAL, np.array([[1.0], [0.0]]), (None, 1), "one output.*binary_crossentropy"),
    (CATEGORICAL, np.array([1, 0]), (None, 1), "one output.*binary_crossentropy"),
    (SPARSE, np.array([0, 1]), (None, 1), "binary_crossentropy"),
    (SPARSE, np.eye(3), (None, 3), r"looks one-hot.*'categorical_crossentropy'.*argmax"),
    (SPARSE, np.array([0, 3, 1, -1]), (None, 3), r"between 0 and 2, for 3 classes.*y\[1\] = 3 \(2 such values"),
    (SPARSE, np.array([1, 2, 3]), (None, 3), "Classes count from 0"),
    (SPARSE, np.array([0.5, 1.0]), (None, 3), r"whole.*y\[0\] = 0.5"),
    (SPARSE, np.array([0.0, np.inf]), (None, 3), r"y\[1\] = inf"),
    (SPARSE, np.zeros((2, 4), int), (None, 5, 3), r"\(N, 5\)"),
    (SPARSE, np.zeros((0,), int), (None, 3), "empty"),
    (SPARSE, np.array(["cat", "dog"]), (None, 3), "numbers"),
    (BINARY, np.array([0, 2]), (None, 1), r"between 0 and 1.*y\[1\] = 2"),
    (BINARY, np.array([-1.0, 1.0]), (None, 1), r"\(y \+ 1\) / 2"),
    (BINARY, np.array([0, 1]), (None, 3), r"Dense\(1, activation='sigmoid'\)"),
    (BINARY, np.eye(3), (None, 1), r"Dense\(3, activation='softmax'\)"),
    (BINARY, np.array([np.nan]), (None, 1), "NaN"),
    (SQUARED, np.zeros((2, 3)), (None, 2), r"\(N, 2\).*\(2, 3\)"),
    (SQUARED, np.array([[np.inf]]), (None, 1), "infinity"),
]


@pytest.mark.parametrize(("loss", "y", "output", "words"), BAD)
def test_bad_labels(loss, y, output, words) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"(?s)\[{loss.name}\].*{words}"):
        losses.check_labels(loss, y, output)


def test_labels_are_called_what_the_user_calls_them() -> None:
    with pytest.raises(ValueError, match=r"validation_data y\[0\] = 7"):
        losses.check_labels(SPARSE, np.array([7]), (None, 3), "validation_data y")


KERAS = json.loads((Path(__file__).parent / "golden" / "regression_losses.json").read_text())  # Keras 3 on JAX in float64


@pytest.mark.parametrize("case", KERAS, ids=[f"{c['class']}-{i}" for i, c in enumerate(KERAS)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 2e-5)])
def test_regression_losses_as_keras(case, dtype, tolerance, path) -> None:
    y_pred = gpudl.Variable(np.array(case["y_pred"]), dtype=dtype)
    weights = np.array(case["sample_weight"]) if "sample_weight" in case else None
    loss = getattr(losses, case["class"])(**case["arguments"])(np.array(case["y_true"], dtype), y_pred, weights)
    loss.sum().backward()
    assert str(loss.dtype) == dtype
    for got, expected in ((loss, case["loss"]), (y_pred.grad, case["gradient"])):
        size = max(1.0, float(np.abs(np.array(expected)).max()))
        np.testing.assert_allclose(got.numpy(), expected, rtol=tolerance, atol=tolerance * size)


@pytest.mark.parametrize("name", sorted(losses.regression.SHORT))
def test_short_names_and_configurations(name) -> None:
    loss = losses.get(name)
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) is losses.regression.SHORT[name] and again.get_config() == loss.get_config()


def test_functions_become_objects() -> None:
    assert isinstance(losses.get(losses.huber), losses.Huber) and losses.mae is losses.mean_absolute_error
    with pytest.raises(ValueError, match="delta must be a number above 0"):
        losses.Huber(delta=0)
    with pytest.raises(ValueError, match="Did you mean 'log_cosh'"):
        losses.get("log_cos")


def test_labels_of_regression_losses_are_checked() -> None:
    with pytest.raises(ShapeError, match="output shape"):
        losses.check_labels(losses.get("mae"), np.zeros((5, 2)), (None, 3))
    with pytest.raises(ShapeError, match="one-hot"):
        losses.check_labels(losses.get("categorical_hinge"), np.zeros(5), (None, 3))
    with pytest.raises(ValueError, match="NaN"):
        losses.check_labels(losses.get("huber"), np.array([[np.nan]]), (None, 1))


def test_log_cosh_is_stable() -> None:
    np.testing.assert_allclose(losses.log_cosh([[0.0]], [[200.0]]).numpy(), 200 - np.log(2), rtol=1e-6)
    np.testing.assert_allclose(losses.log_cosh([[0.0]], [[-200.0]]).numpy(), 200 - np.log(2), rtol=1e-6)

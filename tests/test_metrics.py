"""Metrics: Keras' values, weights, names by shape; state that counts on in recorded steps and is never shared."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import losses, metrics, ops
from gpudl.errors import ShapeError


def value(metric: metrics.Metric) -> float:
    return float(metric.result())


def test_mean(path) -> None:
    m = metrics.Mean()
    assert value(m) == 0
    m.update_state([1.0, 3.0, 5.0, 7.0])
    assert value(m) == 4
    m.reset_state()
    m.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
    assert value(m) == 2
    m.update_state(8.0, sample_weight=2)
    assert value(m) == 5


def test_mean_over_samples_of_several_numbers(rng) -> None:
    v, w = rng.random((5, 7, 2)), rng.random(5)
    m = metrics.Mean()
    m.update_state(v, w)
    assert value(m) == pytest.approx((v.mean((1, 2)) * w).sum() / w.sum(), rel=1e-14)
    m.reset_state()
    m.update_state(v, w[:, None])
    assert value(m) == pytest.approx((v.mean((1, 2)) * w).sum() / w.sum(), rel=1e-14)


def test_totals_are_float64() -> None:
    """A float32 count would stop at 2^24."""
    m = metrics.Mean()
    m.total.assign([2.0**24, 2.0**24])
    m.update_state(gpudl.ones(1))
    assert m.total.tolist() == [2.0**24 + 1, 2.0**24 + 1]


def test_result_shares_no_memory_with_the_state() -> None:
    m = metrics.Mean()
    m.update_state([1.0])
    first = m.result()
    m.update_state([3.0])
    assert float(first) == 1 and value(m) == 2


def test_accuracies(path, rng) -> None:
    p, labels, w = rng.random((9, 3)), rng.integers(0, 3, 9), rng.random(9)
    right = p.argmax(-1) == labels
    for target, cls in ((labels, metrics.SparseCategoricalAccuracy), (np.eye(3)[labels], metrics.CategoricalAccuracy)):
        m = cls()
        m.update_state(target, p)
        assert value(m) == pytest.approx(right.mean(), rel=1e-14)
        m.reset_state()
        m.update_state(target, p, w)
        assert value(m) == pytest.approx((right * w).sum() / w.sum(), rel=1e-14)
    m = metrics.SparseCategoricalAccuracy()
    m.update_state(labels[:, None].astype(float), p, w[:, None])
    assert value(m) == pytest.approx((right * w).sum() / w.sum(), rel=1e-14)


def test_binary_accuracy(path) -> None:
    m = metrics.BinaryAccuracy()
    m.update_state([1, 1, 0, 0], [[0.98], [1.0], [0.0], [0.5]])  # 0.5 is not above the threshold
    assert value(m) == 1
    m.reset_state()
    m.update_state([[1], [1], [0], [0]], [[0.98], [1.0], [0.0], [0.6]], sample_weight=[1, 0, 0, 1])
    assert value(m) == 0.5
    m = metrics.BinaryAccuracy(threshold=0.7)
    m.update_state([[1, 0]], [[0.6, 0.6]])
    assert value(m) == 0.5


def test_rows_of_sequences(rng) -> None:
    p, labels, w = rng.random((4, 5, 3)), rng.integers(0, 3, (4, 5)), rng.random(4)
    m = metrics.SparseCategoricalAccuracy()
    m.update_state(labels, p, w)
    right = p.argmax(-1) == labels
    assert value(m) == pytest.approx((right * w[:, None]).sum() / (5 * w.sum()), rel=1e-14)


def test_plain_accuracy_and_squared_error() -> None:
    assert float(metrics.Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]])) == 0.75
    assert float(metrics.MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]], [1.0, 0.0])) == 1.0


def test_a_function_as_a_metric() -> None:
    m = metrics.get(lambda y, p: ops.abs(y - p))
    m.update_state([[1.0], [2.0]], [[0.0], [0.0]])
    assert value(m) == 1.5
    named = metrics.get("categorical_crossentropy")
    assert named.name == "categorical_crossentropy"
    assert float(named([[0.0, 1.0]], [[0.5, 0.5]])) == pytest.approx(np.log(2), rel=1e-6)
    loss = metrics.get(losses.MeanSquaredError())
    assert float(loss([[0.0], [0.0]], [[1.0], [3.0]])) == 5.0


@pytest.mark.parametrize(
    ("output", "y", "expected"),
    [
        ((None, 1), (8,), metrics.BinaryAccuracy),
        ((None, 1), (8, 1), metrics.BinaryAccuracy),
        ((None, 3), (8,), metrics.SparseCategoricalAccuracy),
        ((None, 3), (8, 1), metrics.SparseCategoricalAccuracy),
        ((None, 3), (8, 3), metrics.CategoricalAccuracy),
        ((None, 5, 3), (8, 5), metrics.SparseCategoricalAccuracy),
        ((None, 5, 3), (8, 5, 3), metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_is_chosen_by_shape_as_in_keras(output, y, expected) -> None:
    for name in ("accuracy", "acc"):
        m = metrics.get(name, output_shape=output, y=np.zeros(y))
        assert type(m) is expected and m.name == name


def test_accuracy_by_loss_where_no_shape_is_known() -> None:
    assert type(metrics.get("accuracy", loss=losses.get("bce"))) is metrics.BinaryAccuracy
    assert type(metrics.get("accuracy", loss=losses.get("sparse_categorical_crossentropy"))) is metrics.SparseCategoricalAccuracy


def test_names() -> None:
    assert metrics.get("mse").name == "mse"  # the name in the logs is the one that was written
    assert metrics.get(metrics.MeanSquaredError).name == "mean_squared_error"
    assert list(metrics.unique_names([metrics.Mean("a"), metrics.Mean("a"), metrics.Mean("b")])) == ["a", "a_1", "b"]
    for wrong in ("accurcy", "Accuraci"):
        with pytest.raises(ValueError, match=r"(?i)did you mean 'accuracy'"):
            metrics.check(wrong)
    with pytest.raises(ValueError, match="missing"):
        metrics.check(None)
    with pytest.raises(TypeError, match="'accuracy'"):
        metrics.check(3)
    for right in ("acc", "accuracy", "mse", metrics.Mean(), lambda y, p: p, metrics.BinaryAccuracy):
        metrics.check(right)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match="sparse_categorical_accuracy"):
        metrics.CategoricalAccuracy().update_state([0, 1], np.eye(2))
    with pytest.raises(ShapeError, match="categorical_accuracy"):
        metrics.SparseCategoricalAccuracy().update_state(np.eye(2), np.eye(2))


def test_configurations() -> None:
    for m in (metrics.BinaryAccuracy(threshold=0.3, name="mine"), metrics.Mean(dtype="float32"), metrics.MeanSquaredError()):
        again = metrics.deserialize(metrics.serialize(m))
        assert type(again) is type(m) and again.get_config() == m.get_config()
    assert metrics.Mean(dtype="float32")([1.0]).dtype == np.float32
    with pytest.raises(TypeError, match="Did you mean 'threshold'"):
        metrics.BinaryAccuracy(treshold=0.3)


class Largest(metrics.Metric):
    """A metric of the user's own, written as in Keras."""

    def __init__(self, name: str = "largest") -> None:
        super().__init__(name=name)
        self.largest = self.add_weight(name="largest", initializer=-1.0)
        self.seen = self.add_variable((), "zeros", "int64")

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        self.largest.assign(ops.maximum(self.largest, ops.cast(y_pred.max(), "float64")))
        self.seen.assign_add(1)

    def result(self):
        return self.largest * 1.0


def test_a_metric_of_the_users_own_counts_on_in_a_recorded_step(path) -> None:
    m = Largest()

    @gpudl.capture
    def step(y_pred):
        m.update_state(None, y_pred)
        return y_pred * 1.0

    for i in range(6):
        step(np.array([float(i), -1.0], np.float32))
    assert step.replayed == 4
    assert value(m) == 5 and int(m.seen) == 6
    m.reset_state()
    assert value(m) == -1 and int(m.seen) == 0


def test_ours_count_on_in_a_recorded_step(path, rng) -> None:
    m, mean = metrics.SparseCategoricalAccuracy(), metrics.Mean()

    @gpudl.capture
    def step(labels, p):
        m.update_state(labels, p)
        mean.update_state(p)

    right = []
    for _ in range(7):
        labels, p = rng.integers(0, 3, 4), rng.random((4, 3)).astype(np.float32)
        right.append((p.argmax(-1) == labels).mean())
        step(labels, p)
    assert step.replayed == 5 and value(m) == pytest.approx(np.mean(right), rel=1e-14)

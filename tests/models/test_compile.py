"""`compile` takes what Keras' does; models say what they measure; steps of one's own are refused with what to write instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers

X, Y = np.random.default_rng(0).normal(size=(24, 4)).astype("f4"), np.eye(3, dtype="f4")[np.arange(24) % 3]


def model(**options: Any) -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    made = gpudl.Sequential([layers.Dense(3, input_dim=4, activation="softmax")])
    made.compile(**{"optimizer": "sgd", "loss": "categorical_crossentropy", **options})
    return made


def test_arguments_of_keras_are_taken() -> None:
    plain = model(metrics=["accuracy"]).fit(X, Y, epochs=3, verbose=0).history
    same = model(
        metrics=["accuracy"], loss_weights=None, weighted_metrics=None, steps_per_execution=8, jit_compile=True, auto_scale_loss=True
    )
    assert same.fit(X, Y, epochs=3, verbose=0).history == plain


@pytest.mark.parametrize("weights", [2.0, [2.0], np.float32(2)])
def test_loss_weights_are_a_factor(weights: Any, path: str) -> None:
    once, twice = model(), model(loss_weights=weights)
    assert twice.evaluate(X, Y, verbose=0) == pytest.approx(2 * once.evaluate(X, Y, verbose=0))
    rate = gpudl.optimizers.SGD(0.02)
    same = model(optimizer=rate)
    for m in (twice, same):
        m.fit(X, Y, epochs=4, shuffle=False, verbose=0)
    for a, b in zip(twice.get_weights(), same.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"loss_weights": [1.0, 2.0]}, ValueError, "there is one output"),
        ({"loss_weights": "a"}, ValueError, "must be a number"),
        ({"loss_weights": float("nan")}, ValueError, "must be a number"),
        ({"steps_per_execution": 0}, ValueError, "at least 1"),
        ({"metric": ["accuracy"]}, TypeError, "Did you mean 'metrics'"),
        ({"los": "mse"}, TypeError, "Did you mean 'loss'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_leaves_the_model(options: dict[str, Any], error: type[Exception], words: str) -> None:
    m = model()
    before = m.optimizer
    with pytest.raises(error, match=words):
        m.compile("adam", **{"loss": "mse", **options})
    assert m.optimizer is before


def test_names_are_known_before_anything_is_measured() -> None:
    m = model(metrics=["accuracy", gpudl.metrics.AUC(), gpudl.metrics.AUC(name="auc"), lambda y, p: y])
    assert m.metrics_names == ["loss", "accuracy", "auc", "auc_1", "<lambda>"]
    assert gpudl.Sequential().metrics_names == []
    m = model(metrics=["accuracy"])
    found = m.evaluate(X, Y, verbose=0)
    assert m.metrics_names == ["loss", "accuracy"] and m.get_metrics_result() == dict(zip(m.metrics_names, found))


@pytest.mark.parametrize("method", ["train_step", "test_step", "predict_step"])
def test_steps_of_ones_own_are_refused(method: str) -> None:
    own = type("Own", (gpudl.Sequential,), {method: lambda self, data: {}})
    with pytest.raises(NotImplementedError, match=f"Own has a {method} of its own.*compute_loss"):
        own([layers.Dense(1, input_dim=1)]).compile("sgd", "mse")


def test_a_loss_of_ones_own() -> None:
    class Twice(gpudl.Sequential):
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> gpudl.Tensor:
            return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training) * 2.0

    once = model()
    twice = Twice(once.layers)
    twice.compile("sgd", "categorical_crossentropy")
    assert twice.evaluate(X, Y, verbose=0) == pytest.approx(2 * once.evaluate(X, Y, verbose=0))


def test_class_weights_of_batches() -> None:
    weights = {0: 0.5, 1: 2.0, 2: 1.0}
    whole, parts = model(), model()
    whole.fit(X, Y, batch_size=8, class_weight=weights, shuffle=False, epochs=4, verbose=0)
    batches = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 24, 8)]
    parts.fit((batch for _ in range(4) for batch in batches), class_weight=weights, steps_per_epoch=3, epochs=4, verbose=0)
    for a, b in zip(whole.get_weights(), parts.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    with pytest.raises(ValueError, match="no weight for the class"):
        parts.fit(iter(batches), class_weight={0: 1.0}, steps_per_epoch=1, verbose=0)

"""Sums, root mean squares, top k, precision, recall and AUC: their definitions, weights, batches, and fit's names and replay."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl import metrics
from gpudl.errors import ShapeError

ALL = [
    metrics.Sum(), metrics.RootMeanSquaredError(), metrics.TopKCategoricalAccuracy(2), metrics.SparseTopKCategoricalAccuracy(3),
    metrics.Precision(), metrics.Recall([0.2, 0.7], top_k=2, class_id=1), metrics.AUC(50, "PR"), metrics.CosineSimilarity(axis=0),
    metrics.BinaryCrossentropy(from_logits=True), metrics.CategoricalCrossentropy(label_smoothing=0.1), metrics.MeanAbsoluteError(),
]  # fmt: skip


@pytest.mark.parametrize("metric", ALL, ids=lambda m: type(m).__name__)
def test_configuration(metric) -> None:
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


def labelled(rng, weighted):
    y, p = rng.integers(0, 2, 60), rng.random(60)
    return y, p, rng.random(60) if weighted else np.ones(60)


@pytest.mark.parametrize("weighted", [False, True])
def test_precision_and_recall(weighted, rng, path) -> None:
    y, p, w = labelled(rng, weighted)
    for thresholds in (None, [0.25, 0.75]):
        precision, recall = metrics.Precision(thresholds), metrics.Recall(thresholds)
        for part in (slice(0, 25), slice(25, 60)):
            for m in (precision, recall):
                m.update_state(y[part], p[part], w[part] if weighted else None)
        limits = np.array([0.5] if thresholds is None else thresholds)[:, None]
        hit = ((p > limits) * y * w).sum(1)
        for m, expected in ((precision, hit / ((p > limits) * w).sum(1)), (recall, hit / (y * w).sum())):
            np.testing.assert_allclose(m.result().numpy(), expected[0] if thresholds is None else expected, rtol=1e-12)
            m.reset_state()
            assert not np.any(m.result().numpy())


def test_top_k_and_class(rng) -> None:
    y, p = np.eye(4)[rng.integers(0, 4, 40)], rng.random((40, 4))
    best = p >= np.sort(p, 1)[:, -2:-1]
    np.testing.assert_allclose(float(metrics.Recall(top_k=2)(y, p)), (best * y).sum() / y.sum())
    of_one = (p[:, 1] > 0.5) * y[:, 1]
    np.testing.assert_allclose(float(metrics.Precision(class_id=1)(y, p)), of_one.sum() / (p[:, 1] > 0.5).sum())
    np.testing.assert_allclose(float(metrics.TopKCategoricalAccuracy(2)(y, p)), (best * y).sum() / 40)
    np.testing.assert_allclose(float(metrics.SparseTopKCategoricalAccuracy(2)(y.argmax(1), p)), (best * y).sum() / 40)


@pytest.mark.parametrize("weighted", [False, True])
def test_auc(weighted, rng, path) -> None:
    """Close to the exact areas with many thresholds."""
    sk = pytest.importorskip("sklearn.metrics")
    y, p, w = labelled(rng, weighted)
    roc, pr = metrics.AUC(5000), metrics.AUC(5000, "PR")
    for m in (roc, pr):
        m.update_state(y, p, w)
    np.testing.assert_allclose(float(roc.result()), sk.roc_auc_score(y, p, sample_weight=w), atol=2e-3)
    np.testing.assert_allclose(float(pr.result()), sk.average_precision_score(y, p, sample_weight=w), atol=2e-2)


def test_sums_and_means(rng) -> None:
    a, b, w = rng.random((7, 3)), rng.random((7, 3)), rng.random(7)
    np.testing.assert_allclose(float(metrics.Sum()(a, w)), (a * w[:, None]).sum())
    np.testing.assert_allclose(float(metrics.RootMeanSquaredError()(a, b)), np.sqrt(((a - b) ** 2).mean()))
    np.testing.assert_allclose(float(metrics.get("mae")(a, b)), np.abs(a - b).mean())


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="thresholds must lie between"):
        metrics.Precision(1.5)
    with pytest.raises(ValueError, match="curve must be"):
        metrics.AUC(curve="rock")
    with pytest.raises(ValueError, match="k must be"):
        metrics.TopKCategoricalAccuracy(0)
    with pytest.raises(ShapeError, match="differ in shape"):
        metrics.Recall()(np.zeros((3, 2)), np.zeros((3, 3)))


def trained(mode: str) -> dict[str, list[float]]:
    gpudl.utils.set_random_seed(3)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((52, 6)).astype("f4")
    y = (x[:, :1] > 0).astype("f4")
    model = gpudl.Sequential([L.Input((6,)), L.Dense(1, activation="sigmoid")])
    measured = [
        metrics.Precision(),
        metrics.Recall(),
        metrics.AUC(20),
        metrics.AUC(20, "PR"),
        "mae",
        "accuracy",
        metrics.RootMeanSquaredError(),
    ]
    model.compile("adam", "binary_crossentropy", metrics=measured, run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = mode
    logs = model.fit(x, y, epochs=3, batch_size=12, verbose=0).history
    assert mode == "eager" or model._runners["train"].replayed > 0
    assert model.metrics_names == ["loss", "precision", "recall", "auc", "auc_1", "mae", "accuracy", "root_mean_squared_error"]
    return logs


def test_fit(path) -> None:
    """Two metrics of one name are numbered, and replayed steps count as eager ones do."""
    eager = trained("eager")
    assert list(eager) == ["loss", "precision", "recall", "auc", "auc_1", "mae", "accuracy", "root_mean_squared_error"]
    assert trained("replay") == eager and trained("poisoned") == eager


KERAS = {  # Keras 3 in float32: without weights, and with
    "pr": (0.42424243688583374, 0.37259066104888916),
    "rc": (0.5185185074806213, 0.4564267098903656),
    "auc": (0.4270482659339905, 0.33892297744750977),
    "aucpr": (0.3941951096057892, 0.3639076352119446),
}


@pytest.mark.parametrize("name", KERAS)
def test_keras(name, path) -> None:
    rng = np.random.default_rng(3)
    y, p, w = rng.integers(0, 2, 60).astype("f4"), rng.random(60).astype("f4"), rng.random(60).astype("f4")
    made = {"pr": metrics.Precision(), "rc": metrics.Recall(), "auc": metrics.AUC(), "aucpr": metrics.AUC(curve="PR")}[name]
    for weights, expected in zip((None, w), KERAS[name]):
        made.reset_state()
        made.update_state(y.reshape(-1, 1), p.reshape(-1, 1), weights)
        np.testing.assert_allclose(float(made.result()), expected, rtol=1e-6)

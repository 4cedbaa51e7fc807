"""Every metric against what Keras gives in float64 (golden/make_metrics.py); scores and overlaps against scikit-learn too."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl import metrics

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))

import make_metrics  # noqa: E402

CASES = json.loads((GOLDEN / "metrics.json").read_text())


def measured(metric: metrics.Metric, kind: str, weighted: bool, dtype: str) -> np.ndarray:
    metric.reset_state()
    for y, p, w in make_metrics.draw(kind):
        weights = np.repeat(2 * w, 4).reshape(-1, 4) if isinstance(metric, metrics.BinaryIoU) else w
        metric.update_state(y, p.astype(dtype), weights if weighted else None)
    return metric.result().numpy()


KERAS_FLOAT32 = {"MeanIoU", "IoU", "BinaryIoU", "OneHotMeanIoU", "OneHotIoU"}  # divide in float32 there, whatever their dtype


@pytest.mark.parametrize("case", CASES, ids=[f"{c['class']}-{i}" for i, c in enumerate(CASES)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6)])
def test_keras(case, dtype, tolerance, path) -> None:
    tolerance = 2e-7 if case["class"] in KERAS_FLOAT32 else tolerance
    metric = getattr(metrics, case["class"])(**case["arguments"])
    for weighted, expected in enumerate(case["results"]):
        found = measured(metric, case["data"], bool(weighted), dtype)
        assert found.dtype == np.float64 and found.shape == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    np.testing.assert_array_equal(measured(again, case["data"], len(case["results"]) > 1, dtype), found)


def test_the_cases_are_those_of_the_script() -> None:
    assert [[c["class"], c["arguments"], c["data"]] for c in CASES] == json.loads(json.dumps(make_metrics.CASES))


def test_every_metric_is_compared() -> None:
    known = {n for n in metrics.__all__ if isinstance(c := getattr(metrics, n), type) and issubclass(c, metrics.Metric)}
    plain = {"Metric", "Mean", "MeanOf", "MeanMetricWrapper", "Sum", "Accuracy"}  # no arguments, or an own function: test_metrics.py
    assert known - plain == {c["class"] for c in CASES}


@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
def test_scores_as_scikit_learn(average) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    y, p, w = np.eye(3)[rng.integers(0, 3, 200)], rng.random((200, 3)), rng.random(200)
    labels, found = y.argmax(1), p.argmax(1)
    ours = metrics.FBetaScore(average, 2.0)(y, p, sample_weight=w)
    np.testing.assert_allclose(float(ours), sk.fbeta_score(labels, found, beta=2.0, average=average, sample_weight=w), rtol=1e-6)
    ours = metrics.MeanIoU(3)(labels, found, sample_weight=w)
    np.testing.assert_allclose(float(ours), sk.jaccard_score(labels, found, average="macro", sample_weight=w), rtol=1e-6)


@pytest.mark.parametrize(("ours", "theirs"), [("uniform_average", "uniform_average"), ("variance_weighted_average", "variance_weighted"),
                                              (None, "raw_values")])  # fmt: skip
def test_r2_as_scikit_learn(ours, theirs) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    y, p, w = rng.standard_normal((50, 3)), rng.standard_normal((50, 3)), rng.random(50)
    found = metrics.R2Score(ours)(y, p, sample_weight=w).numpy()
    np.testing.assert_allclose(found, sk.r2_score(y, p, multioutput=theirs, sample_weight=w), rtol=1e-10)


def test_several_numbers_in_logs(tmp_path, capsys) -> None:
    """A metric with one number for each class, all the way to the callbacks."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 4)).astype("f4"), np.eye(3, dtype="f4")[rng.integers(0, 3, 40)]
    gpudl.utils.set_random_seed(1)
    model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3, activation="softmax")])
    measured = [metrics.F1Score(), metrics.Recall([0.2, 0.4]), metrics.MeanIoU(3, sparse_y_true=False, sparse_y_pred=False)]
    model.compile("adam", "categorical_crossentropy", metrics=measured)
    listeners = [gpudl.callbacks.CSVLogger(tmp_path / "log.csv"), gpudl.callbacks.TensorBoard(tmp_path / "logs")]
    history = model.fit(x, y, epochs=3, batch_size=8, verbose=2, validation_data=(x, y), callbacks=listeners).history
    assert model._runners["train"].replayed > 0
    assert [v.shape for v in history["f1_score"]] == [(3,)] * 3 and [v.shape for v in history["val_recall"]] == [(2,)] * 3
    assert "f1_score: [" in capsys.readouterr().out
    results = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_array_equal(results["f1_score"], history["val_f1_score"][-1])
    assert isinstance(results["mean_io_u"], float)
    with pytest.raises(ValueError, match=r"\[EarlyStopping\] monitor='f1_score' has several numbers.*average='macro'"):
        model.fit(x, y, verbose=0, callbacks=gpudl.callbacks.EarlyStopping("f1_score", mode="max"))


def test_counting_is_one_launch_and_replayed(path) -> None:
    """A plan of a step with many thresholds: counts on, eager or replayed, bit for bit."""
    results = []
    for mode in ("eager", "replay", "poisoned"):
        gpudl.utils.set_random_seed(3)
        rng = np.random.default_rng(1)
        x = rng.standard_normal((52, 6)).astype("f4")
        y = (x[:, :2] > 0).astype("f4")
        model = gpudl.Sequential([gpudl.layers.Input((6,)), gpudl.layers.Dense(2, activation="sigmoid")])
        measured = [metrics.TruePositives(), metrics.AUC(50, "PR", multi_label=True), metrics.AUC(label_weights=[1.0, 2.0]),
                    metrics.F1Score(), metrics.R2Score(), metrics.PrecisionAtRecall(0.5), metrics.BinaryIoU(), metrics.Precision(top_k=1),
                    metrics.PearsonCorrelation(), metrics.SensitivityAtSpecificity(0.5, class_id=1)]  # fmt: skip
        model.compile("adam", "binary_crossentropy", weighted_metrics=measured, run_eagerly=mode == "eager")
        model._mode = mode
        logs = model.fit(x, y, epochs=4, batch_size=12, verbose=0, sample_weight=rng.random(52), shuffle=False).history
        assert mode == "eager" or model._runners["train"].replayed >= 10
        results.append(np.concatenate([np.ravel(v) for values in logs.values() for v in values]))
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()
    names = [call.op.name for call in model._runners["train"].plans()[0].recording.calls]
    assert names.count("confusion_") == 6 and names.count("crosstable_") == 1


BAD = [
    (lambda: metrics.Precision([0.5, "0.7"]), ValueError, r"\[Precision\] thresholds must lie between 0 and 1"),
    (lambda: metrics.Recall([]), ValueError, "thresholds must lie"),
    (lambda: metrics.Recall(top_k=0), ValueError, "top_k must be a whole number >= 1"),
    (lambda: metrics.Precision(class_id=-1), ValueError, "class_id must be a whole number >= 0"),
    (lambda: metrics.Precision(top_k=5)(np.eye(3), np.eye(3)), gpudl.errors.ShapeError, r"top_k=5 needs predictions \(N, C\) with C > 4"),
    (lambda: metrics.Recall(class_id=3)(np.eye(3), np.eye(3)), gpudl.errors.ShapeError, "class_id=3 needs predictions"),
    (lambda: metrics.Recall(class_id=0)(np.ones(3), np.ones(3)), gpudl.errors.ShapeError, "class_id=0 needs predictions"),
    (lambda: metrics.TruePositives(thresholds=2), ValueError, r"\[TruePositives\] thresholds must lie"),
    (lambda: metrics.TruePositives(treshold=0.5), TypeError, "Did you mean 'thresholds'"),
    (lambda: metrics.AUC(1), ValueError, "num_thresholds must be a whole number >= 2"),
    (lambda: metrics.AUC(summation_method="middle"), ValueError, "summation_method must be one of 'interpolation', 'minoring', 'majoring'"),
    (lambda: metrics.AUC(thresholds=[0.5, 1.5]), ValueError, "thresholds must lie between 0 and 1"),
    (lambda: metrics.AUC(num_labels=3), ValueError, "num_labels is needed with multi_label=True alone"),
    (lambda: metrics.AUC(label_weights=[1.0, -1.0]), ValueError, "label_weights must be a list of numbers >= 0"),
    (lambda: metrics.AUC(multi_label=True)(np.ones(3), np.ones(3)), gpudl.errors.ShapeError, r"need predictions \(N, labels\)"),
    (lambda: metrics.AUC(multi_label=True, num_labels=2)(np.eye(3), np.eye(3)), gpudl.errors.ShapeError, r"need predictions \(N, 2\)"),
    (lambda: metrics.AUC(label_weights=[1, 2])(np.eye(3), np.eye(3)), gpudl.errors.ShapeError, r"need predictions \(N, 2\)"),
    (lambda: metrics.SensitivityAtSpecificity(1.5), ValueError, "specificity must be a number from 0 to 1. Received: specificity=1.5"),
    (lambda: metrics.RecallAtPrecision(0.5, 0), ValueError, "num_thresholds must be a whole number >= 1"),
    (lambda: metrics.F1Score("mean"), ValueError, r"\[F1Score\] average must be None, 'micro', 'macro' or 'weighted'"),
    (lambda: metrics.F1Score(threshold=0.0), ValueError, "threshold must be above 0, at most 1"),
    (lambda: metrics.FBetaScore(beta="2"), TypeError, "beta must be a number"),
    (lambda: metrics.FBetaScore(beta=-1.0), ValueError, "beta must be above 0. Received: beta=-1.0"),
    (lambda: metrics.F1Score()(np.ones(3), np.ones(3)), gpudl.errors.ShapeError, r"must be \(N, C\), alike"),
    (lambda: metrics.R2Score("mean"), ValueError, "class_aggregation must be None, 'uniform_average'"),
    (lambda: metrics.R2Score(num_regressors=-1), ValueError, "num_regressors must be a whole number >= 0"),
    (lambda: metrics.R2Score()(np.ones((3, 2)), np.ones((3, 1))), gpudl.errors.ShapeError, "alike"),
    (lambda: metrics.MeanIoU(0), ValueError, "num_classes must be a whole number >= 1"),
    (lambda: metrics.MeanIoU("3"), ValueError, "num_classes must be"),
    (lambda: metrics.IoU(3, [3]), ValueError, "target_class_ids must be a list of class numbers from 0 to 2"),
    (lambda: metrics.IoU(3, [0])([0, 1], [0, 1, 2]), gpudl.errors.ShapeError, "one label per prediction"),
    (lambda: metrics.BinaryIoU(threshold="0.5"), TypeError, "threshold must be a number"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "words"), BAD)
def test_bad_input(make, error, words) -> None:
    with pytest.raises(error, match=words):
        make()


def test_shapes_stay_from_batch_to_batch() -> None:
    for metric in (metrics.F1Score(), metrics.R2Score(), metrics.AUC(multi_label=True)):
        assert float(metric.result()) == 0.0  # nothing was measured
        metric.update_state(np.eye(3), np.eye(3))
        with pytest.raises(gpudl.errors.ShapeError, match="there were 3"):
            metric.update_state(np.eye(2), np.eye(2))

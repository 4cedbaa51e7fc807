"""Make metrics.json anew: what Keras' metrics give in float64 after two batches, without and with sample weights.

Run it with Keras 3 and JAX installed. The data are drawn by `draw`, which the test calls too. Second opinions, by formulas and by
scikit-learn, are in the tests of metrics.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("metrics.json")
# class, its arguments, the kind of data: labels, predictions, "alone" where Keras takes no weights
CASES: list[tuple[str, dict[str, Any], str]] = [
    *[(name, {}, "numbers") for name in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
                                         "CosineSimilarity", "LogCoshError", "PearsonCorrelation", "ConcordanceCorrelation")],
    *[(name, {}, "positive") for name in ("MeanSquaredLogarithmicError", "KLDivergence", "Poisson")],
    *[(name, {}, "signs") for name in ("Hinge", "SquaredHinge")],
    ("CategoricalHinge", {}, "rows"),
    ("CosineSimilarity", {"axis": 0}, "numbers, alone"),
    ("PearsonCorrelation", {"axis": 0}, "numbers, alone"),
    ("R2Score", {}, "numbers"),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 3}, "numbers"),
    ("R2Score", {"class_aggregation": None}, "numbers"),
    ("R2Score", {"num_regressors": 200}, "numbers"),
    ("BinaryAccuracy", {"threshold": 0.3}, "bits"),
    ("BinaryCrossentropy", {}, "bits"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bits, scores"),
    ("CategoricalAccuracy", {}, "rows"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "rows"),
    ("CategoricalCrossentropy", {"from_logits": True}, "rows, scores"),
    ("SparseCategoricalAccuracy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, "classes, scores"),
    ("TopKCategoricalAccuracy", {"k": 2}, "rows"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "classes"),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "classes, ids"),
    *[(name, arguments, "bits") for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
      for arguments in ({}, {"thresholds": [0.3, 0.9, 0.6]})],
    *[(name, arguments, "bits") for name in ("Precision", "Recall")
      for arguments in ({}, {"thresholds": 0.25}, {"thresholds": [0.0, 0.5, 1.0]}, {"top_k": 2}, {"class_id": 1},
                        {"top_k": 3, "class_id": 2, "thresholds": [0.2, 0.7]})],
    *[("AUC", {"curve": curve, "summation_method": method}, "bits") for curve in ("ROC", "PR", "PRGAIN")
      for method in ("interpolation", "minoring", "majoring")],
    ("AUC", {"num_thresholds": 5}, "bits"),
    ("AUC", {"thresholds": [0.9, 0.1, 0.35], "curve": "PR"}, "bits"),
    ("AUC", {"multi_label": True, "num_labels": 4}, "bits"),
    ("AUC", {"multi_label": True, "curve": "PR", "label_weights": [0.1, 0.2, 0.3, 0.4]}, "bits"),
    ("AUC", {"label_weights": [0.1, 0.2, 0.3, 0.4], "summation_method": "majoring"}, "bits"),
    ("AUC", {"from_logits": True, "num_thresholds": 50}, "bits, scores"),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, "bits"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 9, "class_id": 2}, "bits"),
    ("PrecisionAtRecall", {"recall": 0.7}, "bits"),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 1}, "bits"),
    *[("F1Score", {"average": average, "threshold": threshold}, "rows") for average in (None, "micro", "macro", "weighted")
      for threshold in (None, 0.3)],
    ("FBetaScore", {"beta": 2.0, "average": "macro", "threshold": 0.4}, "bits"),
    ("FBetaScore", {"beta": 0.5}, "rows"),
    ("MeanIoU", {"num_classes": 4}, "classes, classes"),
    ("IoU", {"num_classes": 4, "target_class_ids": [2, 0], "ignore_class": 1}, "classes, classes"),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.6}, "bits"),
    ("OneHotMeanIoU", {"num_classes": 4}, "rows"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [3, 1]}, "rows"),
]  # fmt: skip


def draw(kind: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels, predictions and weights of two batches."""
    labels, _, predictions = kind.partition(", ")
    rng, batches = np.random.default_rng(11), []
    for n in (14, 9):
        y, p, w = rng.standard_normal((n, 4)), rng.standard_normal((n, 4)), rng.integers(1, 5, n) / 2
        classes = rng.integers(0, 4, n)
        if labels == "positive":
            y, p = np.abs(y) + 0.1, np.abs(p) + 0.1
        elif labels == "signs":
            y = np.sign(y)
        elif labels == "bits":
            y, p = (y > 0).astype(float), 1 / (1 + np.exp(-p))
        elif labels == "rows":
            y, p = np.eye(4)[classes], np.exp(p) / np.exp(p).sum(-1, keepdims=True)
        elif labels == "classes":
            y, p = classes.astype(float), np.exp(p) / np.exp(p).sum(-1, keepdims=True)
        if predictions == "scores":
            p = np.log(p)
        elif predictions == "ids":
            p = np.argsort(-p, axis=-1).astype(float)
        elif predictions == "classes":
            p = p.argmax(-1).astype(float)
        batches.append((y, p, w))
    return batches


def results(name: str, arguments: dict[str, Any], kind: str) -> list[Any]:
    import keras

    integers = name.endswith("IoU")  # Keras cuts weights to whole numbers there, unless told another dtype
    metric = getattr(keras.metrics, name)(**arguments, **({"dtype": "float64"} if not integers else {}))
    found: list[Any] = []
    for weighted in (False, True):
        if weighted and kind.endswith("alone"):
            continue
        metric.reset_state()
        for y, p, w in draw(kind):
            weights = np.repeat((2 * w).astype(int), 4) if name == "BinaryIoU" else (2 * w).astype(int) if integers else w
            ones = np.ones(len(y)) if name.startswith("Sparse") else None  # without weights Keras counts ignored rows in the mean
            metric.update_state(y, p, sample_weight=weights if weighted else ones)
        found.append(np.asarray(metric.result(), np.float64).tolist())
    return found


def main() -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax
    import keras

    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    lines = [json.dumps({"class": n, "arguments": a, "data": k, "results": results(n, a, k)}) for n, a, k in CASES]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

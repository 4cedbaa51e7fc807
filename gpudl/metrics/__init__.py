"""Measure a model while it runs: means, accuracies, precision, recall, area under a curve, and names for them (`get`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .. import losses
from ..errors import missing_attribute
from ..named import Table, custom_object_scope
from .base import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    Mean,
    MeanMetricWrapper,
    MeanOf,
    Metric,
    SparseCategoricalAccuracy,
)
from .counts import FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives
from .curves import AUC, PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity
from .functions import *  # noqa: F403
from .functions import __all__ as _functions
from .means import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    concordance_correlation,
    pearson_correlation,
)
from .overlap import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .scores import F1Score, FBetaScore, R2Score

_classes: list[type] = [
    AUC,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    Hinge,
    IoU,
    KLDivergence,
    LogCoshError,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanIoU,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    OneHotIoU,
    OneHotMeanIoU,
    PearsonCorrelation,
    Poisson,
    Precision,
    PrecisionAtRecall,
    R2Score,
    Recall,
    RecallAtPrecision,
    RootMeanSquaredError,
    SensitivityAtSpecificity,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
]
_names: dict[str, Callable[[], Any]] = {
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "MAPE": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "rmse": RootMeanSquaredError,
    "kl_divergence": KLDivergence,
    "auc": AUC,
    "acc": Accuracy,
    "binary_crossentropy": BinaryCrossentropy,
}
_names["bce"] = _names["BCE"] = _names["binary_crossentropy"]
_table = Table("metric", Metric, _classes, _names)


def get(identifier: Any, loss: Any = None, output_shape: tuple[int | None, ...] | None = None, y: Any = None) -> Metric:
    """A Metric from a name, an instance, a function of (y_true, y_pred) or a configuration.

    "accuracy" (and "acc") becomes the accuracy that fits: binary for one output, else sparse for class numbers, else categorical. A metric
    made from a name is called by that name in logs.

    Args:
        identifier: name, Metric, function, or configuration.
        loss: as compiled; decides about "accuracy" where the shapes are not known.
        output_shape: of the model.
        y: labels, or anything with their `shape`.

    Raises:
        ValueError: for an unknown name, with the nearest known one.

    >>> import numpy as np
    >>> get("accuracy", output_shape=(None, 3), y=np.zeros((5, 3)))
    <CategoricalAccuracy 'accuracy'>
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return _accuracy(loss, output_shape, y)(name=identifier)
    if isinstance(identifier, losses.Loss):
        return MeanOf(identifier.function if isinstance(identifier, losses.LossFunction) else identifier.call, name=identifier.name)
    found = _table.get(identifier)
    if found is None:
        raise ValueError("[metrics] a metric is missing. Received: None")
    found = found if isinstance(found, Metric) else MeanOf(found)
    if isinstance(identifier, str):
        found.name = identifier
    return found


def _accuracy(loss: Any, output_shape: Any, y: Any) -> type[Mean]:
    if output_shape is not None and y is not None:
        if output_shape[-1] == 1:
            return BinaryAccuracy
        labels = tuple(y.shape)
        sparse = len(labels) < len(output_shape) or (labels[-1] == 1 and output_shape[-1] != 1)
        return SparseCategoricalAccuracy if sparse else CategoricalAccuracy
    name = getattr(loss, "name", "")
    by_loss = {"binary": BinaryAccuracy, "sparse": SparseCategoricalAccuracy, "categorical": CategoricalAccuracy}
    return next((c for key, c in by_loss.items() if name.startswith(key)), Accuracy)


def check(identifier: Any) -> None:
    """Raise now for a metric that nobody knows, before any is made.

    >>> check("mae")
    >>> check("recal")
    Traceback (most recent call last):
        ...
    ValueError: [metrics] unknown metric 'recal'. Did you mean 'recall'?
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return
    if isinstance(identifier, (str, dict)) or identifier is None:
        get(identifier)
    elif not (callable(identifier) or isinstance(identifier, Metric)):
        raise TypeError(f"[metrics] expected a name, a Metric or a function, e.g. 'accuracy'. Received: {identifier!r}")


def unique_names(metrics: list[Metric]) -> Iterator[str]:
    """The names of the metrics of one model, numbered where two have one.

    >>> list(unique_names([AUC(), AUC(), Precision()]))
    ['auc', 'auc_1', 'precision']
    """
    seen: dict[str, int] = {}
    for m in metrics:
        count = seen.get(m.name, 0)
        seen[m.name] = count + 1
        yield f"{m.name}_{count}" if count else m.name


def serialize(metric: Metric) -> Any:
    """What `get` takes back.

    >>> serialize(Precision(thresholds=0.7))["class_name"]
    'Precision'
    """
    return _table.serialize(metric.function if type(metric) is MeanOf else metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Metric:
    """The metric that `serialize` described; classes and functions of your own stand in `custom_objects`, by name.

    >>> deserialize(serialize(Precision(thresholds=0.7)))
    <Precision 'precision'>
    """
    with custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanOf",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "check",
    "concordance_correlation",
    "deserialize",
    "get",
    "pearson_correlation",
    "serialize",
    "unique_names",
    *_functions,
]

__getattr__ = missing_attribute(__name__, __all__)

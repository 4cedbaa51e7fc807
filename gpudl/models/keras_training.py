"""Say in Keras' words how a model is compiled, and compile one as Keras says: optimizer, loss, metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import losses, metrics, optimizers
from ..named import custom_objects, get_registered_name
from .keras_config import from_keras, function_to_keras, is_object, object_from_keras, to_keras

Config = dict[str, Any]


def compile_to_keras(model: Any) -> Config | None:
    """Keras' ``compile_config``; None for a model that is not compiled."""
    if not model._compiled:
        return None
    wanted = model._metrics_wanted or []
    weighted = [metric_to_keras(m) for m, own in wanted if own]
    return {
        "optimizer": to_keras(optimizers.serialize(model.optimizer), "optimizer"),
        "loss": loss_to_keras(model.loss),
        "loss_weights": model.loss_weights,
        "metrics": [metric_to_keras(m) for m, own in wanted if not own] or None,
        "weighted_metrics": weighted or None,
        "run_eagerly": model._mode == "eager",
        "steps_per_execution": 1,
        "jit_compile": "auto",
    }


def loss_to_keras(loss: Any) -> Any:
    if loss is None or isinstance(loss, str):
        return loss
    if isinstance(loss, losses.LossFunction):
        return function_to_keras(get_registered_name(loss.function))
    return to_keras(losses.serialize(loss), "loss")


def metric_to_keras(metric: Any) -> Any:
    if isinstance(metric, str):
        return metric
    if isinstance(metric, Mapping):
        return to_keras(metric, "metric")
    if isinstance(metric, losses.Loss):
        return loss_to_keras(metric)
    if isinstance(metric, metrics.Metric) and type(metric) is not metrics.MeanOf:
        return to_keras(metrics.serialize(metric), "metric")
    return function_to_keras(get_registered_name(getattr(metric, "function", metric)))


def compile_from_keras(config: Mapping[str, Any], where: str) -> Config:
    """The arguments for `compile`.

    Args:
        config: of Keras 3, or the ``training_config`` of an `.h5` file.
        where: for messages.

    Raises:
        ValueError: for what we do not have.
    """
    optimizer = config.get("optimizer", config.get("optimizer_config"))
    if optimizer is None:
        raise ValueError(f"[{where}] the file does not name an optimizer")
    weights = list(flat(config.get("loss_weights")))
    return {
        "optimizer": object_from_keras(optimizer, where, "optimizer") if is_object(optimizer) else optimizer,
        "loss": loss_from_keras(config.get("loss"), where),
        "metrics": [metric_from_keras(m, where) for m in flat(config.get("metrics"))],
        "weighted_metrics": [metric_from_keras(m, where) for m in flat(config.get("weighted_metrics"))],
        "run_eagerly": bool(config.get("run_eagerly")),
        "loss_weights": weights if weights != [None] and weights else None,
    }


def flat(value: Any) -> Iterator[Any]:
    """What a model with one output has, which may be kept in lists of lists, or in a dict by the output's name."""
    if value is None:
        return
    if isinstance(value, list | tuple):
        for v in value:
            yield from flat(v)
    elif isinstance(value, Mapping) and not is_object(value):
        for v in value.values():
            yield from flat(v)
    else:
        yield value


def loss_from_keras(data: Any, where: str) -> Any:
    held = list(flat(data))
    if len(held) > 1:
        raise ValueError(f"[{where}] a Sequential model has one output, and one loss. The file has {len(held)}")
    if not held:
        return None
    loss = held[0]
    return object_from_keras(loss, where, "loss") if is_object(loss) and loss["class_name"] != "function" else from_keras(loss, where)


def metric_from_keras(data: Any, where: str) -> Any:
    if not is_object(data) or data["class_name"] == "function":
        name = from_keras(data, where)
        return custom_objects().get(name, name) if isinstance(name, str) else name  # it is looked up when data come, without custom_objects
    config = data["config"]
    if data["class_name"] == "MeanMetricWrapper" and isinstance(config, Mapping) and "fn" in config:
        function, name = from_keras(config["fn"], where), config.get("name")
        if name in ("accuracy", "acc") and isinstance(function, str) and function.endswith("_accuracy"):
            return name  # Keras 2 wrote down what it had become
        metric = metrics.get(function)
        metric.name = name or metric.name
        return metric
    if data["class_name"] in losses._table.classes and data["class_name"] not in metrics._table.classes:
        return losses.get(object_from_keras(data, where, "loss"))
    return object_from_keras(data, where, "metric")


__all__ = ["compile_from_keras", "compile_to_keras", "flat", "loss_to_keras", "metric_to_keras"]

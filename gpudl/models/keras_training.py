"""Say in Keras' words how a model is trained, and take it up again: optimizer with its state, loss, metrics."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import losses, metrics, optimizers
from ..named import custom_objects, get_registered_name
from ..variables import Variable
from .keras_config import from_keras, function_to_keras, is_object, object_from_keras, to_keras
from .saving import assign_all

Array = np.ndarray[Any, Any]
Config = dict[str, Any]


# how it is compiled ------------------------------------------------------------------------------------------------------------


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


# the state of an optimizer -----------------------------------------------------------------------------------------------------

# class -> slots that Keras keeps side by side, variable by variable; other classes keep all of theirs so
TOGETHER: dict[str, tuple[tuple[str, ...], ...]] = {
    "Adam": (("momentum", "velocity"), ("velocity_hat",)),
    "AdamW": (("momentum", "velocity"), ("velocity_hat",)),
    "RMSprop": (("velocity",), ("momentum",), ("average_gradient",)),
}


def slot_order(optimizer: Any, variables: Sequence[Variable], keras_2: bool = False) -> list[tuple[int, int]]:
    """(number of the variable, number of its slot) in the order in which Keras keeps them.

    Args:
        keras_2: the order of the optimizers of Keras 2: all slots of one name, then all of the next.
    """
    names = tuple(getattr(optimizer, "_all_slots", optimizer.slot_names))
    ahead = names[: len(names) - len(optimizer.slot_names)]
    groups = [(n,) for n in ahead] + [
        tuple(n for n in g if n in names) for g in TOGETHER.get(type(optimizer).__name__, (names[len(ahead) :],))
    ]
    if keras_2:
        groups = [(n,) for g in groups for n in g] if type(optimizer).__name__ != "Ftrl" else groups
    order = [(i, names.index(n)) for group in groups for i in range(len(variables)) for n in group]
    more = [(i, k) for i, v in enumerate(variables) for k in range(len(names), len(optimizer._slots.get(v.path_leaf, ())))]
    return order + more


def optimizer_arrays(model: Any) -> list[Array]:
    """What Keras keeps of an optimizer: the number of steps, the learning rate unless it follows a schedule, the slots."""
    optimizer = model.optimizer
    arrays = [getattr(optimizer, "_calls", optimizer.iterations).numpy()]
    if optimizer._schedule is None:
        arrays.append(optimizer._rate.numpy())
    variables = model.trainable_variables
    slots = [optimizer._slots.get(v.path_leaf) for v in variables]
    if not any(slots):
        return arrays
    starts, names = optimizer.slot_starts(), getattr(optimizer, "_all_slots", optimizer.slot_names)

    def value(i: int, k: int) -> Any:
        held, v = slots[i], variables[i]
        if held:
            return held[k].numpy()
        return v.numpy() if names[k] == "average" else np.full(v.shape, starts.get(names[k], 0.0), v.dtype)

    return arrays + [value(i, k) for i, k in slot_order(optimizer, variables)]


def restore_optimizer(model: Any, arrays: list[Array], names: list[str] | None, where: str) -> None:
    """Give the optimizer the state that a file has, or leave it as it is, with a warning, if that is of other variables.

    Args:
        model: built and compiled.
        arrays: in the order of the file.
        names: of the arrays, if the file has them: they tell the order.
        where: for messages.

    Raises:
        ValueError: if arrays have other shapes than the slots.
    """
    if not arrays:
        return
    optimizer, variables = model.optimizer, model.trainable_variables
    keras_2 = bool(names) and len(names or ()) > 1 and (names or [""])[-1].endswith(":0") and (names or [""])[0].endswith("/iter:0")
    single = [a for a in arrays[:2] if a.shape == ()]
    pairs: list[tuple[Variable, Array]] = []
    if len(arrays) > len(single):
        optimizer.build(variables)
        order = slot_order(optimizer, variables, keras_2)
        scalars = arrays[: len(arrays) - len(order)]
        if len(scalars) not in (1, 2) or any(a.shape != () for a in scalars):
            warnings.warn(
                f"[{where}] the state of the optimizer was left out: the file has {len(arrays)} arrays for it, "
                f"{len(order)} slots of {len(variables)} variables are expected",
                stacklevel=4,
            )
            return
        single = scalars
        pairs = [(optimizer._slots[variables[i].path_leaf][k], a) for (i, k), a in zip(order, arrays[len(scalars) :])]
        for slot, array in pairs:
            if slot.shape != array.shape:
                raise ValueError(f"[{where}] the optimizer's slot {slot.name!r} has shape {slot.shape}, the file has {array.shape}")
    calls, steps = int(single[0]), getattr(optimizer, "gradient_accumulation_steps", None) or 1
    pairs.append((optimizer.iterations, np.asarray(calls // steps, np.int64)))
    if getattr(optimizer, "_calls", optimizer.iterations) is not optimizer.iterations:
        pairs.append((optimizer._calls, np.asarray(calls, np.int64)))
    if len(single) > 1 and optimizer._schedule is None and not keras_2:
        if not math.isfinite(float(single[1])) or float(single[1]) < 0:
            raise ValueError(f"[{where}] the learning rate of the file is {float(single[1])}")
        pairs.append((optimizer._rate, np.asarray(single[1], np.float64)))
    for number in optimizer._numbers:
        if number.name == "momentum_product":  # Nadam's, which Keras does not keep
            t = np.arange(1, calls // steps + 1)
            pairs.append((number, np.prod(optimizer.beta_1 * (1.0 - 0.5 * 0.96**t))))
    assign_all(pairs)
    assert optimizer.learning_rate is not None  # looks up the rate of this step, if it follows a schedule


__all__ = ["compile_from_keras", "compile_to_keras", "optimizer_arrays", "restore_optimizer", "slot_order"]

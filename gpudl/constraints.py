"""Keep weights within bounds after each update: `MaxNorm`, `NonNeg`, `UnitNorm`, `MinMaxNorm`, computed by ops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import config, ops
from .errors import missing_attribute
from .initializers import checked_number
from .named import Configured, Table, custom_object_scope
from .tensors import Tensor
from .versioned import Noticed


class Constraint(Noticed, Configured):
    """Base class: subclasses write `__call__(w) -> the nearest allowed w`, with ops, and `get_config`.

    >>> class Halved(Constraint):
    ...     def __call__(self, w):
    ...         return w * 0.5
    >>> Halved()(Tensor([4.0]))
    Tensor([2.], dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        raise NotImplementedError(f"[{type(self).__name__}] write __call__(w)")


def _axes(where: str, axis: Any) -> int | list[int]:
    """An axis, or several, as numbers."""
    wanted = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    if not all(isinstance(a, int) and not isinstance(a, bool) for a in wanted):
        raise TypeError(f"[{where}] axis must be an integer, or several. Received: {axis!r}")
    return wanted if isinstance(axis, (list, tuple)) else wanted[0]


def _norms(w: Tensor, axis: Any) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(w), axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=True))


class MinMaxNorm(Constraint):
    """w times (rate * clip(norm, min_value, max_value) + (1 - rate) * norm) / (norm + epsilon), norm the Euclidean one along `axis`.

    Args:
        min_value: smallest norm, default 0.
        max_value: largest norm, default 1.
        rate: how strictly, in [0, 1]. Default 1.
        axis: along which norms are taken: 0 for the units of a Dense kernel, (0, 1, 2) for the filters of a convolution. Default 0.

    >>> [round(w, 3) for w in MinMaxNorm(min_value=1.0, max_value=2.0)(Tensor([0.3, 0.4])).numpy().tolist()]
    [0.6, 0.8]
    """

    fields = ("min_value", "max_value", "rate", "axis")

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        where = type(self).__name__
        self.min_value = checked_number(where, "min_value", min_value, 0)
        self.max_value = checked_number(where, "max_value", max_value, 0)
        self.rate = checked_number(where, "rate", rate, 0)
        self.axis = _axes(where, axis)
        if self.min_value > self.max_value or self.rate > 1:
            raise ValueError(f"[{where}] min_value must not be above max_value, nor rate above 1. Received: {self.get_config()}")

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        wanted = ops.clip(norms, self.min_value, self.max_value)
        if self.rate != 1:
            wanted = wanted * self.rate + norms * (1 - self.rate)
        return w * (wanted / (norms + config.epsilon()))


class MaxNorm(Constraint):
    """w times min(norm, max_value) / (norm + epsilon), norm the Euclidean one along `axis`.

    Args:
        max_value: largest norm, default 2.
        axis: as for `MinMaxNorm`.

    >>> [round(w, 3) for w in MaxNorm(1.0)(Tensor([3.0, 4.0])).numpy().tolist()]
    [0.6, 0.8]
    """

    fields = ("max_value", "axis")

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        where = type(self).__name__
        self.max_value = checked_number(where, "max_value", max_value, 0)
        self.axis = _axes(where, axis)

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0.0, self.max_value) / (norms + config.epsilon()))


class UnitNorm(Constraint):
    """w / (norm + epsilon), norm the Euclidean one along `axis`, as for `MinMaxNorm`.

    >>> [round(w, 3) for w in UnitNorm()(Tensor([3.0, 4.0])).numpy().tolist()]
    [0.6, 0.8]
    """

    fields = ("axis",)

    def __init__(self, axis: Any = 0) -> None:
        self.axis = _axes(type(self).__name__, axis)

    def __call__(self, w: Tensor) -> Tensor:
        return w / (_norms(w, self.axis) + config.epsilon())


class NonNeg(Constraint):
    """max(w, 0)

    >>> NonNeg()(Tensor([-1.0, 2.0]))
    Tensor([0., 2.], dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ops.maximum(w, 0.0)


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm  # as older scripts call them

table = Table("constraint", Constraint, [MaxNorm, MinMaxNorm, NonNeg, UnitNorm])


def get(identifier: Any) -> Any:
    """A constraint from a name, a class, an instance, a configuration, a function of a tensor, or None.

    >>> get("non_neg")
    NonNeg()
    """
    return table.get(identifier)


def serialize(constraint: Any) -> Any:
    """A class name and a configuration, which `get` takes back.

    >>> serialize(MaxNorm(2.0))
    {'class_name': 'MaxNorm', 'config': {'max_value': 2.0, 'axis': 0}}
    >>> get(serialize(MaxNorm(2.0))).max_value
    2.0
    """
    return table.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The constraint that `serialize` described; classes and functions of your own stand in `custom_objects`, by name.

    >>> deserialize(serialize(MaxNorm(1.0)))
    MaxNorm(max_value=1.0, axis=0)
    """
    with custom_object_scope(custom_objects):
        return get(config)


__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm", "non_neg",
           "serialize", "unit_norm"]  # fmt: skip

__getattr__ = missing_attribute(__name__, __all__)

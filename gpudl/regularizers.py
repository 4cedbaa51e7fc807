"""Penalise large weights: `L1`, `L2`, `L1L2`, each a number added to the loss, computed by ops."""

from __future__ import annotations

from typing import Any, ClassVar

from . import ops
from .errors import missing_attribute
from .initializers import checked_number
from .named import Table
from .tensors import Tensor, touched


class Regularizer:
    """Base class: subclasses write `__call__(x) -> a number`, with ops, and `get_config`.

    >>> class Sum(Regularizer):
    ...     def __call__(self, x):
    ...         return ops.sum(x)
    >>> Sum()([1.0, 2.0])
    Tensor(3., dtype=float32)
    """

    fields: ClassVar[tuple[str, ...]] = ()

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"[{type(self).__name__}] write __call__(x)")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and name[0] != "_":
            touched(f"attribute {name!r} of {type(self).__name__} was set during the step")
        super().__setattr__(name, value)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in self.fields}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """A regularizer from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class L1L2(Regularizer):
    """l1 * sum(abs(x)) + l2 * sum(x * x)

    Args:
        l1, l2: factors, default 0.

    >>> float(L1L2(l1=0.5, l2=0.25)(Tensor([1.0, -2.0])))
    2.75
    """

    fields: ClassVar[tuple[str, ...]] = ("l1", "l2")

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        where = type(self).__name__
        self.l1 = checked_number(where, "l1", 0.0 if l1 is None else l1, 0)
        self.l2 = checked_number(where, "l2", 0.0 if l2 is None else l2, 0)

    def __call__(self, x: Tensor) -> Tensor:
        total: Tensor | None = None
        if self.l1 or not self.l2:
            total = ops.sum(ops.abs(x)) * self.l1
        if self.l2:
            squares = ops.sum(ops.square(x)) * self.l2
            total = squares if total is None else total + squares
        assert total is not None
        return total


class L1(L1L2):
    """l1 * sum(abs(x)), with l1 = 0.01 by default.

    >>> L1(0.5)([1.0, -2.0])
    Tensor(1.5, dtype=float32)
    """

    fields = ("l1",)

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=0.01 if l1 is None else l1)


class L2(L1L2):
    """l2 * sum(x * x), with l2 = 0.01 by default. Its gradient is 2 * l2 * x.

    >>> L2(0.5)([1.0, -2.0])
    Tensor(2.5, dtype=float32)
    """

    fields = ("l2",)

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=0.01 if l2 is None else l2)


l1, l2, l1_l2 = L1, L2, L1L2  # as older scripts call them

table = Table("regularizer", Regularizer, [L1, L2, L1L2], {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2})


def get(identifier: Any) -> Any:
    """A regularizer from a name, a class, an instance, a configuration, a function of a tensor, or None.

    >>> get("l2")
    L2(l2=0.01)
    """
    return table.get(identifier)


def serialize(regularizer: Any) -> Any:
    """A class name and a configuration, which `get` takes back.

    >>> serialize(L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    return table.serialize(regularizer)


deserialize = get

__all__ = ["L1", "L1L2", "L2", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2", "serialize"]

__getattr__ = missing_attribute(__name__, __all__)

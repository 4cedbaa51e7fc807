"""Penalise weights that are large (`L1`, `L2`, `L1L2`) or alike (`OrthogonalRegularizer`) by a number added to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from . import ops
from .errors import ShapeError, missing_attribute
from .initializers import checked_number
from .named import Configured, Table, custom_object_scope
from .tensors import Tensor
from .versioned import Noticed


class Regularizer(Noticed, Configured):
    """Base class: subclasses write `__call__(x) -> a number`, with ops, and `get_config`.

    >>> class Sum(Regularizer):
    ...     def __call__(self, x):
    ...         return ops.sum(x)
    >>> Sum()([1.0, 2.0])
    Tensor(3., dtype=float32)
    """

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"[{type(self).__name__}] write __call__(x)")


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


class OrthogonalRegularizer(Regularizer):
    """factor * mean of abs(a . b) over all pairs of different rows (or columns) a, b of a matrix, each scaled to norm 1.

    Args:
        factor: at least 0, default 0.01.
        mode: "rows" or "columns". Default "rows".

    Raises:
        ValueError: for another mode.
        ShapeError: for a weight that is not a matrix.

    >>> round(float(OrthogonalRegularizer(factor=0.5)(Tensor([[3.0, 0.0], [1.0, 1.0]]))), 4)
    0.3536
    """

    fields = ("factor", "mode")

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        where = type(self).__name__
        self.factor = checked_number(where, "factor", factor, 0)
        if mode not in ("rows", "columns"):
            raise ValueError(f"[{where}] mode must be 'rows' or 'columns'. Received: mode={mode!r}")
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ShapeError(f"[{type(self).__name__}] a matrix is needed. Received: shape {x.shape}")
        rows = x if self.mode == "rows" else x.transpose(1, 0)
        unit = rows / ops.sqrt(ops.maximum(ops.sum(ops.square(rows), axis=1, keepdims=True), 1e-12))
        n = unit.shape[0]
        others = 1.0 - ops.eye(n, dtype=unit.dtype, device=unit.device)
        pairs = n * (n - 1) / 2
        return ops.sum(ops.abs(ops.matmul(unit, unit.transpose(1, 0)) * others)) * (0.5 * self.factor / pairs if pairs else 0.0)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer  # as older scripts call them

table = Table("regularizer", Regularizer, [L1, L2, L1L2, OrthogonalRegularizer], {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2})


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


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The regularizer that `serialize` described; classes and functions of your own stand in `custom_objects`, by name.

    >>> deserialize(serialize(L2(0.5)))
    L2(l2=0.5)
    """
    with custom_object_scope(custom_objects):
        return get(config)


__all__ = ["L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
           "orthogonal_regularizer", "serialize"]  # fmt: skip

__getattr__ = missing_attribute(__name__, __all__)

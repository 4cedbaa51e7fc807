"""Make a class of a loss function: `class Hinge(Plain, function=hinge)` is Keras' `Hinge(reduction, name, dtype)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensors import Tensor
from .base import Loss


class Plain(Loss):
    """A loss that is a function of (y_true, y_pred) and nothing else. Its name, unless another is given, is that of the function."""

    _of: Callable[..., Tensor]

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "", dtype: Any = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __init_subclass__(cls, function: Callable[..., Tensor] | None = None, **kwargs: Any) -> None:
        if function is not None:
            default = function.__name__

            def __init__(self: Plain, reduction: str | None = "sum_over_batch_size", name: str = default, dtype: Any = None) -> None:
                Loss.__init__(self, name=name, reduction=reduction, dtype=dtype)

            cls._of = staticmethod(function)
            type.__setattr__(cls, "__init__", __init__)
        super().__init_subclass__(**kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self._of(y_true, y_pred)


__all__ = ["Plain"]

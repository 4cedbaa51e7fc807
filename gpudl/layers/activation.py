"""Bend the input: `ReLU`, `LeakyReLU`, `Softmax`."""

from __future__ import annotations

from typing import Any

from .. import activations, ops
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import along_memory


class ReLU(Layer):
    """x where x >= threshold, else negative_slope * (x - threshold), at most max_value. By default max(x, 0).

    Args:
        max_value: default None, no limit.
        negative_slope: default 0.
        threshold: default 0.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> ReLU(max_value=6.0)(gpudl.tensor([[-1.0, 2.0, 7.0]]))
    Tensor([[0., 2., 6.]], dtype=float32)
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else arguments.number("ReLU", "max_value", max_value, 0)
        self.negative_slope = arguments.number("ReLU", "negative_slope", negative_slope, 0)
        self.threshold = arguments.number("ReLU", "threshold", threshold, 0)

    def call(self, inputs: Tensor) -> Tensor:
        if self.max_value is None and not self.negative_slope and not self.threshold:
            return along_memory(ops.relu, inputs)
        return along_memory(lambda x: activations.relu(x, self.negative_slope, self.max_value, self.threshold), inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope * x.

    Args:
        negative_slope: default 0.3.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> LeakyReLU(0.01)(gpudl.tensor([[-1.0, 2.0]]))
    Tensor([[-0.01, 2. ]], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = arguments.number("LeakyReLU", "negative_slope", negative_slope, 0)

    def call(self, inputs: Tensor) -> Tensor:
        return along_memory(lambda x: ops.leaky_relu(x, self.negative_slope), inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class Softmax(Layer):
    """exp(x) / sum(exp(x)) along an axis.

    Args:
        axis: default -1; or several.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> Softmax()(gpudl.tensor([[1.0, 1.0]]))
    Tensor([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, int) and not (isinstance(axis, (tuple, list)) and all(isinstance(a, int) for a in axis)):
            raise TypeError(f"[Softmax] axis must be an integer, or several. Received: axis={axis!r}")
        self.axis = axis

    def call(self, inputs: Tensor) -> Tensor:
        return ops.softmax(inputs, self.axis if isinstance(self.axis, int) else tuple(self.axis))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        for axis in [self.axis] if isinstance(self.axis, int) else self.axis:
            arguments.axis("Softmax", axis, shape)
        return shape


__all__ = ["LeakyReLU", "ReLU", "Softmax"]

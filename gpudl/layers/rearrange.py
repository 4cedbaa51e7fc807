"""Repeat a vector for every time step (`RepeatVector`), exchange axes (`Permute`). Both give views: nothing is copied."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer


class RepeatVector(Layer):
    """(N, F) becomes (N, n, F): each example n times.

    Args:
        n: how often.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> RepeatVector(2)(gpudl.tensor([[1.0, 2.0]]))
    Tensor([[[1., 2.],
             [1., 2.]]], dtype=float32)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = arguments.whole("RepeatVector", "n", n)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.broadcast_to(ops.expand_dims(inputs, 1), self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("RepeatVector", shape, 2, 2, ", (batch, features)")
        return shape[0], self.n, shape[1]


class Permute(Layer):
    """The same numbers with axes in another order; the batch axis stays in front.

    Args:
        dims: the axes of the input, counted from 1, in the order that they shall have.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> Permute((2, 1))(gpudl.ones((5, 3, 4))).shape
    (5, 4, 3)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(dims, (int, str)) or not hasattr(dims, "__iter__"):
            raise TypeError(f"[Permute] dims must be a tuple of axes, counted from 1. Received: dims={dims!r}")
        self.dims = tuple(arguments.whole("Permute", "an axis of dims", d) for d in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"[Permute] dims must name each of the axes 1, 2, ... once. Received: dims={dims!r}")

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("Permute", shape, len(self.dims) + 1, len(self.dims) + 1, f" for dims={self.dims}, the batch axis first")
        return shape[0], *[shape[d] for d in self.dims]


__all__ = ["Permute", "RepeatVector"]

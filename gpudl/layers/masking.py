"""Leave steps of sequences out: `Masking` finds the ones that hold nothing but a certain number."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer
from .masks import masked


class Masking(Layer):
    """Masks the steps of which all features equal `mask_value`: recurrent layers that follow leave them out, and so does the loss.

    Args:
        mask_value: default 0.
        **kwargs: as for `Layer`.

    The features of masked steps become 0.

    >>> import gpudl
    >>> y = Masking(-1.0)(gpudl.tensor([[[1.0, -1.0], [-1.0, -1.0]]]))
    >>> y
    Tensor([[[ 1., -1.],
             [ 0.,  0.]]], dtype=float32)
    >>> y._keras_mask
    Tensor([[ True, False]], dtype=bool)
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = arguments.number("Masking", "mask_value", mask_value)

    def call(self, inputs: Tensor) -> Tensor:
        arguments.axes("Masking", inputs.shape, 2, meaning=", (batch, ..., features)")
        seen = self.compute_mask(inputs, None)
        return masked(ops.where(ops.expand_dims(seen, -1), inputs, 0), seen)

    def compute_mask(self, inputs: Tensor, previous_mask: Any) -> Tensor:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("Masking", shape, 2, meaning=", (batch, ..., features)")
        return shape


__all__ = ["Masking"]

"""Turn whole numbers that name categories into vectors: `CategoryEncoding`."""

from __future__ import annotations

from typing import Any

from .. import dtypes, ops
from ..errors import ShapeError
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer


class CategoryEncoding(Layer):
    """Vectors with one number for each category: which of them occur, or how often.

    Args:
        num_tokens: how many categories there are: inputs are 0 to num_tokens - 1. Others count for none.
        output_mode: ``"multi_hot"`` (the default): 1 for each category that occurs along the last axis; ``"one_hot"``: a vector for each
            number, along a new last axis or in place of one of size 1; ``"count"``: how often each occurs along axis 1.
        sparse: must be False.
        **kwargs: as for `Layer`.

    A call takes ``count_weights=``, of the inputs' shape, for ``"count"``: each number counts so much.

    >>> import gpudl
    >>> CategoryEncoding(4)(gpudl.tensor([[0, 1], [3, 3]]))
    Tensor([[1., 1., 0., 0.],
            [0., 0., 0., 1.]], dtype=float32)
    """

    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_tokens is None:
            raise TypeError("[CategoryEncoding] say how many categories there are: CategoryEncoding(num_tokens=10)")
        self.num_tokens = arguments.whole("CategoryEncoding", "num_tokens", num_tokens)
        mode = "multi_hot" if output_mode == "binary" else output_mode
        self.output_mode = arguments.choice("CategoryEncoding", "output_mode", mode, ("multi_hot", "one_hot", "count"))
        if sparse is not False:
            raise NotImplementedError(f"[CategoryEncoding] there are no sparse tensors. Received: sparse={sparse!r}")
        self.sparse = sparse

    def call(self, inputs: Tensor, count_weights: Any = None) -> Tensor:
        shape = self.compute_output_shape(inputs.shape)
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"[CategoryEncoding] count_weights are for output_mode='count'. Received: output_mode={self.output_mode!r}")
        hot = ops.one_hot(ops.cast(inputs, dtypes.int32), self.num_tokens, dtype=self._own_dtype)
        if self.output_mode == "one_hot":
            return ops.reshape(hot, shape)
        axis = 1 if self.output_mode == "count" and inputs.ndim > 1 else inputs.ndim - 1
        if self.output_mode == "multi_hot":
            return ops.max(hot, axis=axis)
        if count_weights is not None:
            weights = self._let_in(count_weights)
            if weights.shape != inputs.shape:
                raise ShapeError(f"[CategoryEncoding] count_weights must be {inputs.shape}. Received: {weights.shape}")
            hot = ops.multiply(hot, ops.expand_dims(ops.cast(weights, self._own_dtype), -1))
        return ops.sum(hot, axis=axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("CategoryEncoding", shape, 1)
        if self.output_mode == "one_hot":
            return *(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), self.num_tokens
        if self.output_mode == "count" and len(shape) > 1:
            return shape[0], *shape[2:], self.num_tokens
        return *shape[:-1], self.num_tokens


__all__ = ["CategoryEncoding"]

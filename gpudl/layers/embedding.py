"""Look rows of a table up: `Embedding` turns whole numbers, such as words, into vectors that learn."""

from __future__ import annotations

from typing import Any

from .. import dtypes, ops
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer


class Embedding(Layer):
    """y = embeddings[x], for every number in x.

    Args:
        input_dim: how many rows the table has: the largest number in x, plus 1.
        output_dim: size of a vector.
        embeddings_initializer: default ``"uniform"``, between -0.05 and 0.05.
        embeddings_regularizer: a penalty on the table, default None.
        embeddings_constraint: bounds of the table, kept after each update, default None.
        mask_zero: 0 is no word but fills a sequence up: layers that follow get the mask ``x != 0``. Default False.
        **kwargs: as for `Layer`; ``weights=[table]`` sets the table.

    Integers of any shape give (*shape, output_dim); floats are cut to integers. A number that is no row gives NaN.

    Weights: `embeddings` (input_dim, output_dim).

    >>> import gpudl
    >>> layer = Embedding(3, 2, embeddings_initializer="ones")
    >>> layer(gpudl.tensor([[2, 0, 1]])).shape
    (1, 3, 2)
    """

    embeddings: Variable

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        **kwargs: Any,
    ) -> None:
        weights = kwargs.pop("weights", None)
        super().__init__(**kwargs)
        self.input_dim = arguments.whole("Embedding", "input_dim", input_dim)
        self.output_dim = arguments.whole("Embedding", "output_dim", output_dim)
        self._keep_options("embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        self.mask_zero = arguments.flag("Embedding", "mask_zero", mask_zero)
        self.supports_masking = self.mask_zero
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape: Shape | None = None) -> None:
        self.embeddings = self._weight("embeddings", (self.input_dim, self.output_dim), autocast=False)  # rows are cast, not the table

    def call(self, inputs: Tensor) -> Tensor:
        rows = ops.take(self.embeddings, ops.cast(inputs, dtypes.int32) if inputs.dtype.kind not in "iu" else inputs, axis=0)
        return ops.cast(rows, self.compute_dtype)

    def compute_mask(self, inputs: Tensor, previous_mask: Any) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return *tuple(input_shape), self.output_dim


__all__ = ["Embedding"]

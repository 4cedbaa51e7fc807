"""Shrink sequences: `MaxPooling1D`, `AveragePooling1D`, and one number a channel by `GlobalAveragePooling1D`, `GlobalMaxPooling1D`."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from .pooling import GlobalPooling, Pooling


class MaxPooling1D(Pooling):
    """The largest number in every window of every channel.

    Args:
        pool_size: width of the window, default 2.
        strides: distance of windows; default: pool_size.
        padding: ``"valid"`` (the default) or ``"same"``; what lies outside does not count.
        data_format: ``"channels_last"``: (N, L, C), or ``"channels_first"``: (N, C, L); default: ``gpudl.config.image_data_format()``.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> MaxPooling1D()(gpudl.ones((1, 5, 3))).shape
    (1, 2, 3)
    """

    _rank = 1
    _op = staticmethod(ops.max_pool)


class AveragePooling1D(Pooling):
    """The mean over every window of every channel. Arguments as for `MaxPooling1D`; padding does not count.

    >>> import gpudl
    >>> AveragePooling1D(padding="same")(gpudl.tensor([[[1.0], [3.0], [5.0]]]))
    Tensor([[[2.],
             [5.]]], dtype=float32)
    """

    _rank = 1
    _op = staticmethod(ops.average_pool)


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of every channel over the whole sequence, over the steps that its mask lets count: (N, L, C) to (N, C).

    Args:
        data_format: as for `MaxPooling1D`.
        keepdims: keep the axis of steps with size 1, default False.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> GlobalAveragePooling1D()(gpudl.ones((1, 5, 3)))
    Tensor([[1., 1., 1.]], dtype=float32)
    """

    _rank = 1
    _op = staticmethod(ops.mean)

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        axis = 1 if self.data_format == "channels_last" else 2
        seen = ops.cast(ops.expand_dims(mask, 3 - axis), "bool")
        total = ops.sum(ops.where(seen, inputs, 0.0), axis=axis, keepdims=self.keepdims)
        return total / ops.sum(ops.cast(seen, inputs.dtype), axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Tensor, previous_mask: Any) -> Any:
        return None


class GlobalMaxPooling1D(GlobalPooling):
    """The largest number of every channel. Arguments as for `GlobalAveragePooling1D`.

    >>> import gpudl
    >>> GlobalMaxPooling1D()(gpudl.tensor([[[1.0, 5.0], [3.0, 2.0]]]))
    Tensor([[3., 5.]], dtype=float32)
    """

    _rank = 1
    _op = staticmethod(ops.max)


AvgPool1D, MaxPool1D = AveragePooling1D, MaxPooling1D
GlobalAvgPool1D, GlobalMaxPool1D = GlobalAveragePooling1D, GlobalMaxPooling1D

__all__ = [
    "AveragePooling1D",
    "AvgPool1D",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "MaxPool1D",
    "MaxPooling1D",
]

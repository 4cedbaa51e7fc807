"""Shrink images: `MaxPooling2D`, `AveragePooling2D`, and one number a channel by `GlobalAveragePooling2D`, `GlobalMaxPooling2D`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .. import ops
from ..errors import ShapeError
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer


class Pooling(Layer):
    """What all poolings share: windows and shapes. Subclasses say their rank, the number of spatial axes, and their op."""

    _rank: ClassVar[int]
    _op: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        where = type(self).__name__
        self.pool_size = arguments.sizes(where, "pool_size", pool_size, self._rank)
        self.strides = self.pool_size if strides is None else arguments.sizes(where, "strides", strides, self._rank)
        self.padding = arguments.padding(where, padding)
        self.data_format = arguments.data_format(where, data_format)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.array.ndim != self._rank + 2:
            self.compute_output_shape(inputs.shape)  # raises
        return type(self)._op(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        where, shape = type(self).__name__, tuple(input_shape)
        n, sizes, c = arguments.spatial(where, shape, self.data_format, self._rank)
        windows = [arguments.window(*each, 1, self.padding) for each in zip(sizes, self.pool_size, self.strides)]
        if any(p is not None and p < 1 for p in windows):
            raise ShapeError(
                f"[{where}] pool_size {self.pool_size} is larger than its input {sizes} with padding={self.padding!r}. "
                f"Use padding='same', a smaller window, or fewer layers that shrink. Received: input shape {shape}"
            )
        return arguments.laid_out(n, windows, c, self.data_format)


class MaxPooling2D(Pooling):
    """The largest number in every window of every channel.

    Args:
        pool_size: height and width of the window, default (2, 2); one number for both.
        strides: distance of windows; default: pool_size.
        padding: ``"valid"`` (the default) or ``"same"``; what lies outside does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; default: ``gpudl.config.image_data_format()``.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> MaxPooling2D()(gpudl.ones((1, 5, 4, 3))).shape
    (1, 2, 2, 3)
    """

    _rank = 2
    _op = staticmethod(ops.max_pool)


class AveragePooling2D(Pooling):
    """The mean over every window of every channel. Arguments as for `MaxPooling2D`; padding does not count.

    >>> import gpudl
    >>> AveragePooling2D(padding="same")(gpudl.ones((1, 5, 4, 3))).shape
    (1, 3, 2, 3)
    """

    _rank = 2
    _op = staticmethod(ops.average_pool)


class GlobalPooling(Layer):
    """What all global poolings share."""

    _rank: ClassVar[int]
    _op: ClassVar[Callable[..., Tensor]]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(type(self).__name__, data_format)
        self.keepdims = arguments.flag(type(self).__name__, "keepdims", keepdims)

    def call(self, inputs: Tensor) -> Tensor:
        arguments.spatial(type(self).__name__, inputs.shape, self.data_format, self._rank)
        first = 1 if self.data_format == "channels_last" else 2
        return type(self)._op(inputs, axis=tuple(range(first, first + self._rank)), keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        n, _, c = arguments.spatial(type(self).__name__, tuple(input_shape), self.data_format, self._rank)
        return arguments.laid_out(n, (1,) * self._rank, c, self.data_format) if self.keepdims else (n, c)


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of every channel over the whole image: (N, H, W, C) to (N, C).

    Args:
        data_format: as for `MaxPooling2D`.
        keepdims: keep height and width as axes of size 1, default False.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> GlobalAveragePooling2D()(gpudl.ones((1, 5, 4, 3)))
    Tensor([[1., 1., 1.]], dtype=float32)
    """

    _rank = 2
    _op = staticmethod(ops.mean)


class GlobalMaxPooling2D(GlobalPooling):
    """The largest number of every channel. Arguments as for `GlobalAveragePooling2D`.

    >>> import gpudl
    >>> GlobalMaxPooling2D()(gpudl.tensor([[[[1.0, 5.0]], [[3.0, 2.0]]]]))
    Tensor([[3., 5.]], dtype=float32)
    """

    _rank = 2
    _op = staticmethod(ops.max)


MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D

__all__ = [
    "AveragePooling2D",
    "AvgPool2D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "MaxPool2D",
    "MaxPooling2D",
]

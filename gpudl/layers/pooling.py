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


class _Pooling2D(Layer):
    """What both poolings share: windows and shapes."""

    _op: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid", data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        where = type(self).__name__
        self.pool_size = arguments.pair(where, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else arguments.pair(where, "strides", strides)
        self.padding = arguments.padding(where, padding)
        self.data_format = arguments.data_format(where, data_format)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.array.ndim != 4:
            self.compute_output_shape(inputs.shape)  # raises
        return type(self)._op(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        where, shape = type(self).__name__, tuple(input_shape)
        n, h, w, c = arguments.images(of_images(where, shape, self.data_format), self.data_format)
        sizes = [arguments.window(size, taps, stride, 1, self.padding) for size, taps, stride in zip((h, w), self.pool_size, self.strides)]
        if any(p is not None and p < 1 for p in sizes):
            raise ShapeError(
                f"[{where}] pool_size {self.pool_size} is larger than its input {(h, w)} with padding={self.padding!r}. "
                f"Use padding='same', a smaller window, or fewer layers that shrink. Received: input shape {shape}"
            )
        return arguments.laid_out(n, sizes, c, self.data_format)


class MaxPooling2D(_Pooling2D):
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

    _op = staticmethod(ops.max_pool)


class AveragePooling2D(_Pooling2D):
    """The mean over every window of every channel. Arguments as for `MaxPooling2D`; padding does not count.

    >>> import gpudl
    >>> AveragePooling2D(padding="same")(gpudl.ones((1, 5, 4, 3))).shape
    (1, 3, 2, 3)
    """

    _op = staticmethod(ops.average_pool)


class _GlobalPooling2D(Layer):
    """What both global poolings share."""

    _op: ClassVar[Callable[..., Tensor]]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(type(self).__name__, data_format)
        self.keepdims = arguments.flag(type(self).__name__, "keepdims", keepdims)

    def call(self, inputs: Tensor) -> Tensor:
        of_images(type(self).__name__, inputs.shape, self.data_format)
        axes = (1, 2) if self.data_format == "channels_last" else (2, 3)
        return type(self)._op(inputs, axis=axes, keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        n, _, _, c = arguments.images(of_images(type(self).__name__, tuple(input_shape), self.data_format), self.data_format)
        return arguments.laid_out(n, (1, 1), c, self.data_format) if self.keepdims else (n, c)


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of every channel over the whole image: (N, H, W, C) to (N, C).

    Args:
        data_format: as for `MaxPooling2D`.
        keepdims: keep height and width as axes of size 1, default False.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> GlobalAveragePooling2D()(gpudl.ones((1, 5, 4, 3)))
    Tensor([[1., 1., 1.]], dtype=float32)
    """

    _op = staticmethod(ops.mean)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest number of every channel. Arguments as for `GlobalAveragePooling2D`."""

    _op = staticmethod(ops.max)


def of_images(where: str, shape: Shape, data_format: str) -> Shape:
    meaning = ", (batch, height, width, channels)" if data_format == "channels_last" else ", (batch, channels, height, width)"
    arguments.axes(where, shape, 4, 4, meaning)
    return shape


MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D

__all__ = ["AveragePooling2D", "AvgPool2D", "GlobalAveragePooling2D", "GlobalAvgPool2D", "GlobalMaxPool2D", "GlobalMaxPooling2D",
           "MaxPool2D", "MaxPooling2D"]

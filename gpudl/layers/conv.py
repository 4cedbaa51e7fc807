"""Slide a kernel over images: `Conv2D`."""

from __future__ import annotations

from typing import Any

from .. import activations, initializers, ops, regularizers
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import elementwise, to_channels_first, to_channels_last


class Conv2D(Layer):
    """activation(convolution of images with a kernel + bias).

    Args:
        filters: channels of the output.
        kernel_size: height and width of the window; one number for both.
        strides: distance of windows, default (1, 1).
        padding: ``"valid"`` (the default): windows lie inside; ``"same"``: zeros around, so that the output has ceil(H / stride) rows.
        data_format: ``"channels_last"``: (N, H, W, C), or ``"channels_first"``: (N, C, H, W); default:
            ``gpudl.config.image_data_format()``.
        dilation_rate: distance of the taps of a window, default (1, 1).
        groups: the channels are split into so many groups, each seen by filters / groups filters. Default 1.
        activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer: as for `Dense`.
        **kwargs: as for `Layer`.

    Weights: `kernel` (R, S, C / groups, filters), `bias` (filters,).

    Raises:
        ShapeError: if the kernel is larger than the image, or the channels cannot be split.

    >>> import gpudl
    >>> Conv2D(8, 3, padding="same", strides=2)(gpudl.ones((1, 28, 28, 3))).shape
    (1, 14, 14, 8)
    """

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = arguments.whole("Conv2D", "filters", filters)
        self.kernel_size = arguments.pair("Conv2D", "kernel_size", kernel_size)
        self.strides = arguments.pair("Conv2D", "strides", strides)
        self.padding = arguments.padding("Conv2D", padding)
        self.data_format = arguments.data_format("Conv2D", data_format)
        self.dilation_rate = arguments.pair("Conv2D", "dilation_rate", dilation_rate)
        self.groups = arguments.whole("Conv2D", "groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"[Conv2D] filters must be divisible by groups. Received: filters={filters}, groups={groups}")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "[Conv2D] strides > 1 cannot be combined with dilation_rate > 1. "
                f"Received: strides={strides}, dilation_rate={dilation_rate}"
            )
        self.activation = activations.get(activation)
        self.use_bias = arguments.flag("Conv2D", "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias = None

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        channels = arguments.images(input_shape, self.data_format)[3]
        assert channels is not None
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(shape, self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((self.filters,), self.bias_initializer, regularizer=self.bias_regularizer, name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        first = self.data_format == "channels_first"
        shape = inputs.array.shape
        if len(shape) != 4 or shape[1 if first else 3] != self.kernel.array.shape[2] * self.groups:
            self.compute_output_shape(shape)  # raises
        x = to_channels_last(inputs) if first else inputs
        y = ops.conv(x, self.kernel, self.strides, self.padding, "channels_last", self.dilation_rate)
        if self.bias is not None:
            y = ops.add(y, self.bias)
        early = elementwise(self.activation)  # before the view back, where memory is in order
        if early and self.activation is not activations.linear:
            y = self.activation(y)
        y = to_channels_first(y) if first else y
        return y if early else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        meaning = ", (batch, height, width, channels)" if self.data_format == "channels_last" else ", (batch, channels, height, width)"
        arguments.axes("Conv2D", shape, 4, 4, meaning)
        n, h, w, c = arguments.images(shape, self.data_format)
        channels = arguments.known("Conv2D", "the number of channels", c, shape)
        if self._built and channels != self.kernel.shape[2] * self.groups:
            expected = self.kernel.shape[2] * self.groups
            raise ShapeError(f"[Conv2D] expected {expected} channels ({self.data_format}). Received: {channels}, input shape {shape}")
        if not channels or channels % self.groups:
            raise ShapeError(f"[Conv2D] the channels must be divisible by groups={self.groups}. Received: {channels}, input shape {shape}")
        sizes = [arguments.window(*each, self.padding) for each in zip((h, w), self.kernel_size, self.strides, self.dilation_rate)]
        if any(p is not None and p < 1 for p in sizes) and (self.padding == "valid" or 0 in (h, w)):
            dilated = f" with dilation_rate {self.dilation_rate}" if max(self.dilation_rate) > 1 else ""
            raise ShapeError(
                f"[Conv2D] kernel {self.kernel_size}{dilated} is larger than its input {(h, w)} with padding={self.padding!r}. "
                f"Use padding='same', a smaller kernel, or fewer layers that shrink. Received: input shape {shape}"
            )
        return arguments.laid_out(n, sizes, self.filters, self.data_format)


__all__ = ["Conv2D"]

"""Share what all layers have that slide a kernel: windows, layouts, bias, activation, and the shapes of outputs (`Sliding`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import activations, ops
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import elementwise, to_channels_first, to_channels_last


class Sliding(Layer):
    """Base class: activation(something linear that slides a kernel + bias).

    Subclasses say their rank, the number of spatial axes, and write `_make_kernels`, `_slide` and, where they differ, `_outputs`,
    `_sizes` and `_check_channels`.
    """

    _rank: ClassVar[int]
    _paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    _channels = 0  # of the input, once built
    bias: Variable | None

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = self._where
        self.kernel_size = arguments.sizes(where, "kernel_size", kernel_size, self._rank)
        self.strides = arguments.sizes(where, "strides", strides, self._rank)
        self.padding = arguments.padding(where, padding, self._paddings)
        self.data_format = arguments.data_format(where, data_format)
        self.dilation_rate = arguments.sizes(where, "dilation_rate", dilation_rate, self._rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"[{where}] strides > 1 cannot be combined with dilation_rate > 1. "
                f"Received: strides={strides}, dilation_rate={dilation_rate}"
            )
        self.activation = activations.get(activation)
        self.use_bias = arguments.flag(where, "use_bias", use_bias)
        self.bias = None

    # to be written by subclasses --------------------------------------------------------------------------------------------

    def _make_kernels(self, channels: int) -> None:
        """Add the kernels for inputs of so many channels."""
        raise NotImplementedError

    def _slide(self, x: Tensor) -> Tensor:
        """The linear part, on (N, H, W, C) or (N, L, C)."""
        raise NotImplementedError

    def _outputs(self, channels: int) -> int:
        """How many channels the output has."""
        return self.filters  # type: ignore[attr-defined, no-any-return]

    def _sizes(self, sizes: Shape, shape: Shape) -> Sequence[int | None]:
        """The sizes of the output's spatial axes."""
        found = [arguments.window(*each, self.padding) for each in zip(sizes, self.kernel_size, self.strides, self.dilation_rate)]
        if any(p is not None and p < 1 for p in found) and (self.padding == "valid" or 0 in sizes):
            dilated = f" with dilation_rate {self.dilation_rate}" if max(self.dilation_rate) > 1 else ""
            raise ShapeError(
                f"[{self._where}] kernel {self.kernel_size}{dilated} is larger than its input {sizes} with padding={self.padding!r}. "
                f"Use padding='same', a smaller kernel, or fewer layers that shrink. Received: input shape {shape}"
            )
        return found

    def _check_channels(self, channels: int, shape: Shape) -> None:
        """Raise ShapeError unless an input may have so many channels."""
        if not channels:
            raise ShapeError(f"[{self._where}] at least one channel is needed. Received: input shape {shape}")

    # the layer --------------------------------------------------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        channels = arguments.spatial(self._where, input_shape, self.data_format, self._rank)[2]
        assert channels is not None
        self._make_kernels(channels)
        if self.use_bias:
            self.bias = self._weight("bias", (self._outputs(channels),))
        self._channels = channels

    def call(self, inputs: Tensor) -> Tensor:
        first = self.data_format == "channels_first"
        shape = inputs.array.shape
        if len(shape) != self._rank + 2 or shape[1 if first else -1] != self._channels:
            self.compute_output_shape(shape)  # raises
        y = self._slide(to_channels_last(inputs) if first else inputs)
        if self.bias is not None:
            y = ops.add(y, self.bias)
        early = elementwise(self.activation)  # before the view back, where memory is in order
        if early and self.activation is not activations.linear:
            y = self.activation(y)
        y = to_channels_first(y) if first else y
        return y if early else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        n, sizes, c = arguments.spatial(self._where, shape, self.data_format, self._rank)
        channels = arguments.known(self._where, "the number of channels", c, shape)
        if self._built and channels != self._channels:
            raise ShapeError(
                f"[{self._where}] expected {self._channels} channels ({self.data_format}). Received: {channels}, input shape {shape}"
            )
        self._check_channels(channels, shape)
        return arguments.laid_out(n, self._sizes(sizes, shape), self._outputs(channels), self.data_format)


__all__ = ["Sliding"]

"""Slide a kernel over images and sequences: `Conv2D`, `Conv1D`."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .sliding import Sliding


class Conv(Sliding):
    """What convolutions of any rank share: the kernel and its groups."""

    kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = arguments.whole(self._where, "filters", filters)
        self.groups = arguments.whole(self._where, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"[{self._where}] filters must be divisible by groups. Received: filters={filters}, groups={groups}")
        self._keep_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def _make_kernels(self, channels: int) -> None:
        self.kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))

    def _slide(self, x: Tensor) -> Tensor:
        return ops.conv(x, self.kernel, self.strides, self.padding, "channels_last", self.dilation_rate)

    def _check_channels(self, channels: int, shape: Shape) -> None:
        if not channels or channels % self.groups:
            raise ShapeError(
                f"[{self._where}] the channels must be divisible by groups={self.groups}. Received: {channels}, input shape {shape}"
            )


class Conv2D(Conv):
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
        activation, use_bias, kernel_initializer, bias_initializer: as for `Dense`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as for `Dense`.
        **kwargs: as for `Layer`.

    Weights: `kernel` (R, S, C / groups, filters), `bias` (filters,).

    Raises:
        ShapeError: if the kernel is larger than the image, or the channels cannot be split.

    >>> import gpudl
    >>> Conv2D(8, 3, padding="same", strides=2)(gpudl.ones((1, 28, 28, 3))).shape
    (1, 14, 14, 8)
    """

    _rank = 2


class Conv1D(Conv):
    """activation(convolution of sequences with a kernel + bias).

    Args:
        filters: channels of the output.
        kernel_size: width of the window.
        strides: distance of windows, default 1.
        padding: ``"valid"`` (the default): windows lie inside; ``"same"``: zeros around, so that the output has ceil(L / stride) steps;
            ``"causal"``: all zeros in front, so that no output sees a later step.
        data_format: ``"channels_last"``: (N, L, C), or ``"channels_first"``: (N, C, L); default: ``gpudl.config.image_data_format()``.
        dilation_rate: distance of the taps of a window, default 1.
        groups, activation, use_bias, kernel_initializer, bias_initializer: as for `Conv2D`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as for `Conv2D`.
        **kwargs: as for `Layer`.

    Weights: `kernel` (S, C / groups, filters), `bias` (filters,).

    Raises:
        ShapeError: if the kernel is larger than the sequence, or the channels cannot be split.

    >>> import gpudl
    >>> layer = Conv1D(1, 2, padding="causal", kernel_initializer="ones")
    >>> layer(gpudl.tensor([[[1.0], [2.0], [3.0]]])).detach()
    Tensor([[[1.],
             [3.],
             [5.]]], dtype=float32)
    """

    _rank = 1
    _paddings = ("valid", "same", "causal")

    def _slide(self, x: Tensor) -> Tensor:
        if self.padding != "causal":
            return super()._slide(x)
        before = (self.kernel_size[0] - 1) * self.dilation_rate[0]
        return ops.conv(x, self.kernel, self.strides, ((before, 0),), "channels_last", self.dilation_rate)


__all__ = ["Conv1D", "Conv2D"]

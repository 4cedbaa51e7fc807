"""Convolve every channel on its own (`DepthwiseConv2D`), then mix the channels (`SeparableConv2D`, `SeparableConv1D`)."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .sliding import Sliding


class DepthwiseConv2D(Sliding):
    """activation(convolution of every channel with kernels of its own + bias).

    Args:
        kernel_size: height and width of the window; one number for both.
        strides: distance of windows, default (1, 1).
        padding: ``"valid"`` (the default) or ``"same"``, as for `Conv2D`.
        depth_multiplier: kernels, and so outputs, of each channel. Default 1.
        data_format: ``"channels_last"`` or ``"channels_first"``; default: ``gpudl.config.image_data_format()``.
        dilation_rate: distance of the taps of a window, default (1, 1).
        activation, use_bias, bias_initializer, bias_regularizer, bias_constraint: as for `Dense`.
        depthwise_initializer: default ``"glorot_uniform"``.
        depthwise_regularizer, depthwise_constraint: default None.
        **kwargs: as for `Layer`.

    Weights: `kernel` (R, S, C, depth_multiplier), `bias` (C depth_multiplier,).

    >>> import gpudl
    >>> DepthwiseConv2D(3, depth_multiplier=2)(gpudl.ones((1, 8, 8, 3))).shape
    (1, 6, 6, 6)
    """

    _rank = 2
    kernel: Variable

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = arguments.whole(self._where, "depth_multiplier", depth_multiplier)
        self._keep_options("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._keep_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def _make_kernels(self, channels: int) -> None:
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")

    def _slide(self, x: Tensor) -> Tensor:
        return ops.depthwise_conv(x, self.kernel, self.strides, self.padding, "channels_last", self.dilation_rate)

    def _outputs(self, channels: int) -> int:
        return channels * self.depth_multiplier


class SeparableConv(Sliding):
    """What separable convolutions of any rank share."""

    depthwise_kernel: Variable
    pointwise_kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = arguments.whole(self._where, "filters", filters)
        self.depth_multiplier = arguments.whole(self._where, "depth_multiplier", depth_multiplier)
        self._keep_options("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._keep_options("pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        self._keep_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def _make_kernels(self, channels: int) -> None:
        many = self.depth_multiplier
        self.depthwise_kernel = self._weight("depthwise_kernel", (*self.kernel_size, channels, many), "depthwise")
        self.pointwise_kernel = self._weight("pointwise_kernel", (*(1,) * self._rank, channels * many, self.filters), "pointwise")

    def _slide(self, x: Tensor) -> Tensor:
        depthwise, pointwise = self.depthwise_kernel, self.pointwise_kernel
        return ops.separable_conv(x, depthwise, pointwise, self.strides, self.padding, "channels_last", self.dilation_rate)


class SeparableConv2D(SeparableConv):
    """activation(convolution of every channel on its own, then a mixture of the channels at each pixel, + bias).

    Args:
        filters: channels of the output.
        kernel_size: height and width of the window; one number for both.
        strides: distance of windows, default (1, 1).
        padding: ``"valid"`` (the default) or ``"same"``, as for `Conv2D`.
        data_format: ``"channels_last"`` or ``"channels_first"``; default: ``gpudl.config.image_data_format()``.
        dilation_rate: distance of the taps of a window, default (1, 1).
        depth_multiplier: outputs of each channel before the mixture, default 1.
        activation, use_bias, bias_initializer, bias_regularizer, bias_constraint: as for `Dense`.
        depthwise_initializer, pointwise_initializer: default ``"glorot_uniform"``.
        depthwise_regularizer, pointwise_regularizer, depthwise_constraint, pointwise_constraint: default None.
        **kwargs: as for `Layer`.

    Weights: `depthwise_kernel` (R, S, C, depth_multiplier), `pointwise_kernel` (1, 1, C depth_multiplier, filters), `bias` (filters,).

    >>> import gpudl
    >>> SeparableConv2D(8, 3, padding="same")(gpudl.ones((1, 6, 6, 3))).shape
    (1, 6, 6, 8)
    """

    _rank = 2


class SeparableConv1D(SeparableConv):
    """`SeparableConv2D` for sequences: (N, L, C) to (N, P, filters). Arguments alike, for one axis.

    Weights: `depthwise_kernel` (S, C, depth_multiplier), `pointwise_kernel` (1, C depth_multiplier, filters), `bias` (filters,).

    >>> import gpudl
    >>> SeparableConv1D(8, 3, strides=2)(gpudl.ones((1, 9, 3))).shape
    (1, 4, 8)
    """

    _rank = 1


__all__ = ["DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"]

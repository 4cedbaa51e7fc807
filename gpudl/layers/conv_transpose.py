"""Enlarge images and sequences by the transpose of a convolution: `Conv2DTranspose`, `Conv1DTranspose`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..errors import ShapeError
from ..ops.convolution import transposed_axis
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .sliding import Sliding


class ConvTranspose(Sliding):
    """What transposed convolutions of any rank share."""

    kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self.output_padding: tuple[int, ...] | None = None
        if output_padding is not None:
            self.output_padding = arguments.sizes(self._where, "output_padding", output_padding, self._rank, least=0)
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides)):
                raise ValueError(
                    f"[{self._where}] output_padding must be below strides. Received: output_padding={output_padding}, strides={strides}"
                )
        self._keep_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def _make_kernels(self, channels: int) -> None:
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, channels))

    def _slide(self, x: Tensor) -> Tensor:
        return ops.conv_transpose(x, self.kernel, self.strides, self.padding, self.output_padding, "channels_last", self.dilation_rate)

    def _sizes(self, sizes: Shape, shape: Shape) -> Sequence[int | None]:
        extra = self.output_padding or (None,) * self._rank
        windows = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, extra)
        found = [None if n is None else transposed_axis(n, r, s, d, self.padding, e)[0] for n, r, s, d, e in windows]
        if 0 in sizes or any(n is not None and n < 1 for n in found):
            raise ShapeError(
                f"[{self._where}] nothing is left of the output: its size would be {tuple(found)}, with kernel {self.kernel_size}, "
                f"strides {self.strides}, padding={self.padding!r}, output_padding={self.output_padding}. Received: input shape {shape}"
            )
        return found


class Conv2DTranspose(ConvTranspose):
    """activation(transpose of a convolution + bias): every pixel adds the kernel, times itself, to a window of a larger image.

    Args:
        filters: channels of the output.
        kernel_size: height and width of the window; one number for both.
        strides: distance of windows in the output, default (1, 1).
        padding: ``"valid"`` (the default): H = (P - 1) stride + max(R, stride) rows from P; ``"same"``: H = P stride.
        output_padding: how many rows and columns more than the least possible size; below `strides`. H is then
            (P - 1) stride + R + output_padding for ``"valid"``, (P - 1) stride + R % 2 + output_padding for ``"same"``. Default None.
        data_format: ``"channels_last"``: (N, H, W, C), or ``"channels_first"``: (N, C, H, W); default:
            ``gpudl.config.image_data_format()``.
        dilation_rate: distance of the taps of a window, default (1, 1).
        activation, use_bias, kernel_initializer, bias_initializer: as for `Dense`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as for `Dense`.
        **kwargs: as for `Layer`.

    Weights: `kernel` (R, S, filters, C), `bias` (filters,).

    >>> import gpudl
    >>> Conv2DTranspose(8, 3, strides=2, padding="same")(gpudl.ones((1, 7, 7, 3))).shape
    (1, 14, 14, 8)
    """

    _rank = 2


class Conv1DTranspose(ConvTranspose):
    """`Conv2DTranspose` for sequences: (N, P, C) to (N, L, filters). Arguments alike, for one axis.

    Weights: `kernel` (S, filters, C), `bias` (filters,).

    >>> import gpudl
    >>> Conv1DTranspose(4, 3, strides=2, output_padding=1)(gpudl.ones((1, 5, 2))).shape
    (1, 12, 4)
    """

    _rank = 1


__all__ = ["Conv1DTranspose", "Conv2DTranspose"]

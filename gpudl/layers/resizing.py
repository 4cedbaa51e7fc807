"""Bring images to one size: `Resizing` interpolates, `CenterCrop` cuts the middle out."""

from __future__ import annotations

from typing import Any

from .. import dtypes, ops
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import to_channels_first, to_channels_last


class _Sized(Layer):
    """What they share: the size of the output, and its place in either layout."""

    height: int
    width: int
    data_format: str

    def __init__(self, height: int, width: int, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height = arguments.whole(self._where, "height", height)
        self.width = arguments.whole(self._where, "width", width)
        self.data_format = arguments.data_format(self._where, data_format)

    def call(self, inputs: Tensor) -> Tensor:
        arguments.spatial(self._where, inputs.shape, self.data_format, 2)
        x = ops.cast(inputs, self._own_dtype)
        if self.data_format == "channels_last":
            return self._sized(x)
        return to_channels_first(self._sized(to_channels_last(x)))

    def _sized(self, x: Tensor) -> Tensor:
        """(N, H, W, C) with other H and W."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Shape:
        n, _, c = arguments.spatial(self._where, tuple(input_shape), self.data_format, 2)
        return arguments.laid_out(n, (self.height, self.width), c, self.data_format)


class Resizing(_Sized):
    """Images in another size.

    Args:
        height, width: of the output.
        interpolation: ``"bilinear"`` (the default): numbers lie at the centres of pixels, and between them on straight lines;
            ``"nearest"``: those of the nearest pixel.
        crop_to_aspect_ratio: cut as much off as the output's shape needs, so that nothing is distorted. Default False.
        pad_to_aspect_ratio: put a border around instead. Default False.
        fill_mode: must be ``"constant"``.
        fill_value: of the border, default 0.
        antialias: must be False: shrunk images are not smoothed.
        data_format: ``"channels_last"``: (N, H, W, C), or ``"channels_first"``: (N, C, H, W); default:
            ``gpudl.config.image_data_format()``.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> Resizing(1, 4)(gpudl.tensor([[[[1.0], [2.0]]]])).numpy().ravel()
    array([1.  , 1.25, 1.75, 2.  ], dtype=float32)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)
        self.interpolation = arguments.choice("Resizing", "interpolation", interpolation, ("bilinear", "nearest"))
        self.crop_to_aspect_ratio = arguments.flag("Resizing", "crop_to_aspect_ratio", crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = arguments.flag("Resizing", "pad_to_aspect_ratio", pad_to_aspect_ratio)
        self.fill_mode = arguments.choice("Resizing", "fill_mode", fill_mode, ("constant",))
        self.fill_value = arguments.number("Resizing", "fill_value", fill_value)
        self.antialias = arguments.flag("Resizing", "antialias", antialias)
        if self.antialias:
            raise NotImplementedError("[Resizing] shrunk images are not smoothed. Received: antialias=True; leave it out")
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ValueError("[Resizing] crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other: pass one of them")

    def _sized(self, x: Tensor) -> Tensor:
        if self.crop_to_aspect_ratio:
            x = in_shape(x, self.height, self.width)
        elif self.pad_to_aspect_ratio:
            height, width = x.shape[1:3]
            rows = (max(height, width * self.height // self.width) - height) // 2
            columns = (max(width, height * self.width // self.height) - width) // 2
            if rows or columns:
                x = ops.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)), constant_values=self.fill_value)
        for axis, size in ((1, self.height), (2, self.width)):
            x = resized(x, axis, size, self.interpolation)
        return x


class CenterCrop(_Sized):
    """The middle of images. Images that are smaller are enlarged, and cut to the shape of the output.

    Args:
        height, width: of the output.
        data_format: as for `Resizing`.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> CenterCrop(1, 2)(gpudl.tensor([[[[1.0], [2.0], [3.0], [4.0]]]])).numpy().ravel()
    array([2., 3.], dtype=float32)
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(height, width, data_format, **kwargs)

    def _sized(self, x: Tensor) -> Tensor:
        top, left = (x.shape[1] - self.height) // 2, (x.shape[2] - self.width) // 2
        if top >= 0 and left >= 0:
            return x[:, top : top + self.height, left : left + self.width]
        x = in_shape(x, self.height, self.width)
        return resized(resized(x, 1, self.height, "bilinear"), 2, self.width, "bilinear")


def in_shape(x: Tensor, height: int, width: int) -> Tensor:
    """The largest part in the middle of images (N, H, W, C) that is as wide for its height as the sizes say."""
    h, w = x.shape[1:3]
    rows, columns = max(min(h, w * height // width), 1), max(min(w, h * width // height), 1)
    top, left = (h - rows) // 2, (w - columns) // 2
    return x[:, top : top + rows, left : left + columns]


def resized(x: Tensor, axis: int, size: int, interpolation: str) -> Tensor:
    """x with `size` numbers along an axis. Number i lies at (i + 1/2) n / size - 1/2, where n numbers lie at 0 to n - 1."""
    n = x.shape[axis]
    if n == size:
        return x
    steps = ops.arange(size, dtype=dtypes.int32, device=x.device)
    odd = (steps * 2 + 1) * n
    if interpolation == "nearest":
        return ops.take(x, ops.floor_divide(odd, 2 * size), axis=axis)
    wide = dtypes.float32 if x.dtype.itemsize < 4 else x.dtype
    place = ops.clip(ops.cast(odd, wide) * (0.5 / size) - 0.5, 0.0, n - 1.0)
    below = ops.cast(ops.floor(place), dtypes.int32)
    above = ops.minimum(below + 1, n - 1)
    share = ops.reshape(ops.cast(place - ops.floor(place), x.dtype), (size, *(1,) * (x.ndim - axis - 1)))
    return ops.take(x, below, axis=axis) * (1.0 - share) + ops.take(x, above, axis=axis) * share


__all__ = ["CenterCrop", "Resizing"]

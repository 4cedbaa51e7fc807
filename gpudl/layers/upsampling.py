"""Enlarge images and sequences without weights: `UpSampling2D`, `UpSampling1D`."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import to_channels_first, to_channels_last


class UpSampling(Layer):
    """What both share: shapes, and repeating."""

    _rank: ClassVar[int]
    size: tuple[int, ...]
    data_format: str

    def call(self, inputs: Tensor) -> Tensor:
        arguments.spatial(self._where, inputs.shape, self.data_format, self._rank)
        if self.data_format == "channels_last":
            return self._enlarge(inputs)
        return to_channels_first(self._enlarge(to_channels_last(inputs)))

    def _enlarge(self, x: Tensor) -> Tensor:
        """Each pixel of (N, H, W, C) or (N, L, C) several times: one copy."""
        n, *sizes, c = x.shape
        spread = ops.expand_dims(x, tuple(2 * i + 2 for i in range(self._rank)))
        wide = ops.broadcast_to(spread, (n, *[n for pair in zip(sizes, self.size) for n in pair], c))
        return ops.reshape(wide, (n, *[size * factor for size, factor in zip(sizes, self.size)], c))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        n, sizes, c = arguments.spatial(self._where, tuple(input_shape), self.data_format, self._rank)
        return arguments.laid_out(n, [None if s is None else s * factor for s, factor in zip(sizes, self.size)], c, self.data_format)


class UpSampling2D(UpSampling):
    """Images enlarged by whole factors.

    Args:
        size: factors for rows and columns, default (2, 2); one number for both.
        data_format: ``"channels_last"``: (N, H, W, C), or ``"channels_first"``: (N, C, H, W); default:
            ``gpudl.config.image_data_format()``.
        interpolation: ``"nearest"`` (the default): pixels are repeated; ``"bilinear"``: numbers lie at the centres of pixels, and
            between them on straight lines.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> UpSampling2D((1, 3))(gpudl.tensor([[[[1.0], [2.0]]]])).numpy().ravel()
    array([1., 1., 1., 2., 2., 2.], dtype=float32)
    >>> UpSampling2D((1, 2), interpolation="bilinear")(gpudl.tensor([[[[1.0], [2.0]]]])).numpy().ravel()
    array([1.  , 1.25, 1.75, 2.  ], dtype=float32)
    """

    _rank = 2

    def __init__(self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = arguments.sizes(self._where, "size", size, self._rank)
        self.data_format = arguments.data_format(self._where, data_format)
        self.interpolation = arguments.choice(self._where, "interpolation", interpolation, ("nearest", "bilinear"))

    def _enlarge(self, x: Tensor) -> Tensor:
        if self.interpolation == "nearest" or 0 in x.shape:
            return super()._enlarge(x)
        for axis, factor in zip((1, 2), self.size):
            x = interpolated(x, axis, factor)
        return x


def interpolated(x: Tensor, axis: int, factor: int) -> Tensor:
    """x with `factor` numbers for each along an axis. Number j of pixel k lies at k + (j + 1/2) / factor - 1/2."""
    if factor == 1:
        return x
    size = x.shape[axis]
    framed = ops.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(x.ndim)], mode="edge")
    before, at, after = (framed[(slice(None),) * axis + (slice(start, start + size),)] for start in range(3))
    found = []
    for j in range(factor):
        place = (j + 0.5) / factor - 0.5
        found.append(at if not place else at * (1 - abs(place)) + (after if place > 0 else before) * abs(place))
    return ops.reshape(ops.stack(found, axis + 1), (*x.shape[:axis], size * factor, *x.shape[axis + 1 :]))


class UpSampling1D(UpSampling):
    """Each step of sequences (N, L, C) several times.

    Args:
        size: how often, default 2.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> UpSampling1D()(gpudl.ones((1, 3, 4))).shape
    (1, 6, 4)
    """

    _rank = 1
    data_format = "channels_last"

    def __init__(self, size: Any = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = arguments.sizes(self._where, "size", size, self._rank)


__all__ = ["UpSampling1D", "UpSampling2D"]

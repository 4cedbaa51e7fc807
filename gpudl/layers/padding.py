"""Put zeros around images and sequences (`ZeroPadding2D`, `ZeroPadding1D`) or cut their edges off (`Cropping2D`, `Cropping1D`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import ops
from ..errors import ShapeError
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import to_channels_first, to_channels_last


class ZeroPadding(Layer):
    """What paddings of any rank share."""

    _rank: ClassVar[int]

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = arguments.borders(self._where, "padding", padding, self._rank)
        self.data_format = arguments.data_format(self._where, data_format)

    def call(self, inputs: Tensor) -> Tensor:
        arguments.spatial(self._where, inputs.shape, self.data_format, self._rank)
        widths = ((0, 0), *self.padding, (0, 0))
        if self.data_format == "channels_last":
            return ops.pad(inputs, widths)
        return to_channels_first(ops.pad(to_channels_last(inputs), widths))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        n, sizes, c = arguments.spatial(self._where, tuple(input_shape), self.data_format, self._rank)
        wide = [None if size is None else size + before + after for size, (before, after) in zip(sizes, self.padding)]
        return arguments.laid_out(n, wide, c, self.data_format)


class ZeroPadding2D(ZeroPadding):
    """Zeros around images.

    Args:
        padding: one number for all four sides, (rows, columns), or ((top, bottom), (left, right)). Default (1, 1).
        data_format: ``"channels_last"``: (N, H, W, C), or ``"channels_first"``: (N, C, H, W); default:
            ``gpudl.config.image_data_format()``.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> ZeroPadding2D(((1, 0), (2, 3)))(gpudl.ones((1, 4, 5, 3))).shape
    (1, 5, 10, 3)
    """

    _rank = 2


class ZeroPadding1D(ZeroPadding):
    """Zeros before and after sequences.

    Args:
        padding: one number for both ends, or (left, right). Default 1.
        data_format: ``"channels_last"``: (N, L, C), or ``"channels_first"``: (N, C, L); default: ``gpudl.config.image_data_format()``.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> ZeroPadding1D((2, 0))(gpudl.tensor([[[5.0], [6.0]]]))
    Tensor([[[0.],
             [0.],
             [5.],
             [6.]]], dtype=float32)
    """

    _rank = 1


class Cropping(Layer):
    """What croppings of any rank share."""

    _rank: ClassVar[int]
    cropping: tuple[tuple[int, int], ...]
    data_format: str

    def call(self, inputs: Tensor) -> Tensor:
        sizes = arguments.spatial(self._where, inputs.shape, self.data_format, self._rank)[1]
        self._cropped(sizes, inputs.shape)
        inside = [slice(before, size - after) for size, (before, after) in zip(sizes, self.cropping)]  # type: ignore[operator]
        whole = slice(None)
        return inputs[(whole, *inside, whole) if self.data_format == "channels_last" else (whole, whole, *inside)]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        n, sizes, c = arguments.spatial(self._where, shape, self.data_format, self._rank)
        return arguments.laid_out(n, self._cropped(sizes, shape), c, self.data_format)

    def _cropped(self, sizes: Shape, shape: Shape) -> Sequence[int | None]:
        left = [None if size is None else size - before - after for size, (before, after) in zip(sizes, self.cropping)]
        if any(size is not None and size < 1 for size in left):
            raise ShapeError(f"[{self._where}] nothing is left after cropping={self.cropping}. Received: input shape {shape}")
        return left


class Cropping2D(Cropping):
    """Images without their edges.

    Args:
        cropping: one number for all four sides, (rows, columns), or ((top, bottom), (left, right)). Default: nothing.
        data_format: as for `ZeroPadding2D`.
        **kwargs: as for `Layer`.

    Raises:
        ShapeError: if nothing is left.

    >>> import gpudl
    >>> Cropping2D((1, 2))(gpudl.ones((1, 4, 5, 3))).shape
    (1, 2, 1, 3)
    """

    _rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = arguments.borders(self._where, "cropping", cropping, self._rank)
        self.data_format = arguments.data_format(self._where, data_format)


class Cropping1D(Cropping):
    """Sequences (N, L, C) without their ends.

    Args:
        cropping: one number for both ends, or (left, right). Default (1, 1).
        **kwargs: as for `Layer`.

    Raises:
        ShapeError: if nothing is left.

    >>> import gpudl
    >>> Cropping1D((0, 1))(gpudl.tensor([[[5.0], [6.0], [7.0]]]))
    Tensor([[[5.],
             [6.]]], dtype=float32)
    """

    _rank = 1
    data_format = "channels_last"

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = arguments.borders(self._where, "cropping", cropping, self._rank)


__all__ = ["Cropping1D", "Cropping2D", "ZeroPadding1D", "ZeroPadding2D"]

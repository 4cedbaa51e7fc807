"""What ops on sliding windows share: read strides, paddings and layouts, count windows, bring any layout to NHWC by views.

Sizes: N batch, H W height width, C channels, K filters, R S window, P Q output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import config
from ..errors import ShapeError
from ..tensors import Tensor
from ._common import whole
from .movement import expand_dims, squeeze, transpose

BLOCK = 3 << 20  # bytes that one turn of a reference kernel's loop over images may make: they stay in the cache of a CPU

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]  # top, bottom, left, right


def images_at_once(xp: Any, bytes_per_image: int) -> int:
    """How many images a reference kernel takes per turn: few on a CPU, for the cache; many on a GPU, where each turn is launches."""
    block = BLOCK if xp.__name__ == "numpy" else BLOCK << 7
    return max(1, block // max(1, bytes_per_image))


def per_axis(name: str, value: Any, what: str, rank: int, least: int = 1) -> tuple[int, ...]:
    """`rank` ints from one int or a sequence of them."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank:
        raise ValueError(f"[{name}] {what} must be an integer or {rank} of them. Received: {value!r}")
    found = tuple([whole(name, v, what) for v in values])
    if min(found) < least:
        raise ValueError(f"[{name}] {what} must be at least {least}. Received: {value!r}")
    return found


def layout(name: str, data_format: Any) -> bool:
    """Whether channels come last. None means `gpudl.config.image_data_format()`."""
    found = config.image_data_format() if data_format is None else data_format
    if found not in ("channels_last", "channels_first"):
        raise ValueError(f"[{name}] data_format must be 'channels_last' or 'channels_first'. Received: {data_format!r}")
    return bool(found == "channels_last")


def rank_of(name: str, x: Tensor) -> int:
    """1 or 2 spatial axes."""
    if x.ndim not in (3, 4):
        raise ShapeError(f"[{name}] inputs must have 3 axes (1-D) or 4 axes (2-D), batch and channels among them. Received: {x.shape}")
    return x.ndim - 2


def to_nhwc(x: Tensor, channels_last: bool) -> Tensor:
    """(N, L, C), (N, C, L), (N, H, W, C) or (N, C, H, W) as (N, H, W, C); a view."""
    if not channels_last:
        x = transpose(x, (0, 2, 1) if x.ndim == 3 else (0, 2, 3, 1))
    return expand_dims(x, 1) if x.ndim == 3 else x


def from_nhwc(y: Tensor, rank: int, channels_last: bool) -> Tensor:
    """The way back; a view."""
    if rank == 1:
        y = squeeze(y, 1)
    if not channels_last:
        y = transpose(y, (0, 2, 1) if rank == 1 else (0, 3, 1, 2))
    return y


def two(values: tuple[int, ...]) -> Pair:
    """What holds for one spatial axis, as for two with a first of size 1."""
    return (1, values[0]) if len(values) == 1 else (values[0], values[1])


def padding_mode(name: str, padding: Any, rank: int) -> str | Padding:
    """ "valid", "same", or the four numbers of an explicit padding: a pair (before, after) per spatial axis."""
    if isinstance(padding, str):
        if padding.lower() in ("valid", "same"):
            return padding.lower()
    elif isinstance(padding, (tuple, list)) and len(padding) == rank and all(isinstance(p, (tuple, list)) and len(p) == 2 for p in padding):
        pairs = [per_axis(name, p, "padding", 2, least=0) for p in padding]
        return (*pairs[0], *pairs[1]) if rank == 2 else (0, 0, *pairs[0])  # type: ignore[return-value]
    pairs_hint = "((top, bottom), (left, right))" if rank == 2 else "((before, after),)"
    raise ValueError(f"[{name}] padding must be 'valid', 'same' or {pairs_hint}. Received: {padding!r}")


def padding_of(mode: str | Padding, sizes: Pair, window: Pair, strides: Pair, dilation: Pair) -> Padding:
    """How many zeros stand before and after each axis. "same" gives ceil(size / stride) windows; the odd zero comes last."""
    if not isinstance(mode, str):
        return mode
    found = []
    for size, taps, stride, step in zip(sizes, window, strides, dilation):
        total = max((-(-size // stride) - 1) * stride + (taps - 1) * step + 1 - size, 0) if mode == "same" else 0
        found += [total // 2, total - total // 2]
    return tuple(found)  # type: ignore[return-value]


def count(size: int, taps: int, stride: int, dilation: int, before: int, after: int) -> int:
    """How many windows fit along an axis; less than 1 if none does."""
    return (size + before + after - (taps - 1) * dilation - 1) // stride + 1


def inside(size: int, windows: int, stride: int, offset: int) -> tuple[slice, slice]:
    """For one tap of every window: which windows find it inside the axis, and where. The tap of window p lies at p * stride + offset."""
    first = max(0, -(offset // stride))
    last = max(first, min(windows, (size - 1 - offset) // stride + 1))
    start = first * stride + offset
    return slice(first, last), slice(start, start + (last - first) * stride, stride) if last > first else slice(0, 0)


def taps(
    size: Pair, windows: Pair, window: Pair, strides: Pair, before: Pair, dilation: Pair = (1, 1)
) -> Iterator[tuple[int, int, tuple[slice, slice], tuple[slice, slice]]]:
    """Row by row, the taps (r, s) of a window, with the slices of the output that have this tap and of the input where it lies."""
    for r in range(window[0]):
        out_h, in_h = inside(size[0], windows[0], strides[0], r * dilation[0] - before[0])
        for s in range(window[1]):
            out_w, in_w = inside(size[1], windows[1], strides[1], s * dilation[1] - before[1])
            yield r, s, (out_h, out_w), (in_h, in_w)

"""The sizes of convolutions that tests of CUDA kernels go through: each value of each axis, what networks have, and seeded draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import ml_dtypes
import numpy as np

from gpudl.ops._correlate import Slide

OPS = ("conv2d", "conv2d_grad_input", "conv2d_grad_kernel")
FLOATS = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


@dataclass(frozen=True)
class Shape:
    """Sizes of a convolution: images, rows and columns, channels and filters of a group, and how the kernel slides."""

    n: int = 2
    h: int = 7
    w: int = 6
    c: int = 8
    k: int = 8
    r: int = 3
    s: int = 3
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    top: int = 1
    bottom: int = 1
    left: int = 1
    right: int = 1
    groups: int = 1

    @property
    def slide(self) -> Slide:
        return Slide(
            self.stride_h, self.stride_w, self.top, self.bottom, self.left, self.right, self.dilation_h, self.dilation_w,
            self.groups, self.h, self.w, self.r, self.s,
        )  # fmt: skip

    @property
    def valid(self) -> bool:
        return min(self.slide.windows) >= 1

    @property
    def image(self) -> tuple[int, ...]:
        return self.n, self.h, self.w, self.c * self.groups

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.r, self.s, self.c, self.k * self.groups

    @property
    def output(self) -> tuple[int, ...]:
        return self.n, *self.slide.windows, self.k * self.groups

    def __str__(self) -> str:
        differ = [(f, getattr(self, f)) for f in self.__dataclass_fields__ if getattr(self, f) != getattr(BASE, f)]
        return ",".join(f"{f}={value}" for f, value in differ) or "base"


BASE = Shape()
AXES: dict[str, tuple[int, ...]] = {
    "n": (0, 1, 3), "h": (3, 4, 13), "w": (3, 5, 12),
    "c": (1, 2, 3, 4, 5, 7, 9, 16, 17, 24, 33, 40),
    "k": (1, 2, 3, 4, 6, 15, 16, 17, 32, 33, 70),
    "r": (1, 2, 4, 5), "s": (1, 2, 4, 5), "stride_h": (2, 3, 4), "stride_w": (2, 3, 5), "dilation_h": (2, 3), "dilation_w": (2, 3),
    "top": (0, 2, 4), "left": (0, 2, 3), "bottom": (0, 3), "right": (0, 2), "groups": (2, 3, 8),
}  # fmt: skip


def covering() -> Iterator[Shape]:
    """Every value of every axis once, and pairs that networks have."""
    yield BASE
    for axis, values in AXES.items():
        for value in values:
            yield replace(BASE, **{axis: value})
    for channels in (8, 16, 20):  # depthwise
        for more in ({}, {"stride_h": 2, "stride_w": 2}, {"dilation_h": 2}, {"r": 5, "s": 5, "top": 2, "left": 2, "bottom": 2, "right": 2}):
            yield replace(BASE, c=1, k=1, groups=channels, **more)
    flat = {"r": 1, "s": 1, "top": 0, "bottom": 0, "left": 0, "right": 0}
    yield from (replace(BASE, **flat, c=c, k=k) for c, k in ((3, 5), (16, 40), (64, 16)))
    yield from (replace(BASE, **flat, c=16, k=8, stride_h=2, stride_w=2, groups=g) for g in (1, 2))
    yield replace(BASE, n=1, h=1, r=1, top=0, bottom=0, w=40, c=4)  # a sequence
    yield replace(BASE, h=15, w=17, c=3, k=16, r=7, s=7, stride_h=2, stride_w=2, top=2, bottom=3, left=2, right=3)  # first layers
    yield replace(BASE, h=19, w=19, c=3, k=8, r=11, s=11, stride_h=4, stride_w=4, top=0, bottom=0, left=0, right=0)
    yield replace(BASE, h=4, w=4, c=8, k=8, r=2, s=2, stride_h=3, stride_w=3)  # strides larger than the kernel


def drawn(count: int, seed: int = 0) -> Iterator[Shape]:
    rng = np.random.default_rng(seed)
    pick = lambda *values: int(rng.choice(values))  # noqa: E731
    while count:
        groups = pick(1, 1, 1, 2, 3)
        shape = Shape(
            n=pick(1, 2, 3), h=pick(*range(1, 14)), w=pick(*range(1, 14)), c=pick(1, 2, 3, 4, 5, 8, 12, 16, 17, 24, 32), groups=groups,
            k=pick(1, 2, 3, 4, 8, 9, 16, 24, 33, 64), r=pick(1, 2, 3, 3, 4, 5), s=pick(1, 2, 3, 3, 4, 5), stride_h=pick(1, 1, 2, 3),
            stride_w=pick(1, 1, 2, 3), dilation_h=pick(1, 1, 2), dilation_w=pick(1, 1, 3), top=pick(0, 1, 2), bottom=pick(0, 1, 2),
            left=pick(0, 1, 3), right=pick(0, 1, 2),
        )  # fmt: skip
        if shape.valid:
            count -= 1
            yield shape


def operands(op: str, shape: Shape, dtype: str, seed: int = 0) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """What the op reads, and the shape of what it writes."""
    rng = np.random.default_rng(seed)
    shapes = {
        "conv2d": (shape.image, shape.kernel, shape.output),
        "conv2d_grad_input": (shape.output, shape.kernel, shape.image),
        "conv2d_grad_kernel": (shape.image, shape.output, shape.kernel),
    }[op]
    return [rng.standard_normal(s).astype(FLOATS[dtype]) for s in shapes[:2]], shapes[2]

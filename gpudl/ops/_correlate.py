"""Slide a kernel over images in NumPy or CuPy: the arithmetic under the convolution ops, NHWC images and HWIO kernels.

A few images at a time, windows are copied into rows of a matrix small enough for the cache, and one product with the kernel makes their
output; a kernel of one channel per group goes tap by tap without products.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ._windows import count, images_at_once, taps

SHORT = 12  # numbers in a row: below this, copying tap by tap is faster than copying windows


class Slide(NamedTuple):
    """How a kernel R, S slides over an image H, W: strides, zeros around, dilation, groups. These are the attributes of the ops."""

    stride_h: int
    stride_w: int
    top: int
    bottom: int
    left: int
    right: int
    dilation_h: int
    dilation_w: int
    groups: int
    h: int
    w: int
    r: int
    s: int

    @property
    def windows(self) -> tuple[int, int]:
        """P, Q; less than 1 if the kernel does not fit."""
        p = count(self.h, self.r, self.stride_h, self.dilation_h, self.top, self.bottom)
        return p, count(self.w, self.s, self.stride_w, self.dilation_w, self.left, self.right)

    def taps(self) -> list[Any]:
        before, dilation, strides = (self.top, self.left), (self.dilation_h, self.dilation_w), (self.stride_h, self.stride_w)
        return list(taps((self.h, self.w), self.windows, (self.r, self.s), strides, before, dilation))

    @property
    def padded(self) -> bool:
        return max(self.top, self.bottom, self.left, self.right) > 0

    @property
    def pointwise(self) -> bool:
        """A 1x1 kernel on every pixel: one product."""
        return self.r == self.s == self.stride_h == self.stride_w == 1 and self.top == self.bottom == self.left == self.right == 0


def grouped(arrays: tuple[Any, ...], groups: int) -> Any:
    """The arrays' last axes cut into groups: one tuple of views per group."""
    for i in range(groups):
        yield tuple([a[..., i * (a.shape[-1] // groups) : (i + 1) * (a.shape[-1] // groups)] for a in arrays])


class Windows:
    """The windows of a few images at a time, as the rows of a matrix of R S C columns, in a buffer that is used again and again."""

    def __init__(self, xp: Any, x: Any, slide: Slide) -> None:
        (p, q), r, s = slide.windows, slide.r, slide.s
        n, h, w, c = x.shape
        self.xp, self.x, self.slide = xp, x, slide
        self.across = (s if slide.dilation_w == 1 else 1) * c < min(SHORT, q)  # rows of the buffer are taps, not windows
        self.images = min(n, images_at_once(xp, p * q * r * s * c * x.itemsize))
        self.inner: Any = None
        self.source: Any = None
        if slide.padded:
            high, wide = h + slide.top + max(slide.bottom, 0), w + slide.left + max(slide.right, 0)
            self.source = xp.zeros((self.images, high, wide, c), x.dtype)
            self.inner = self.source[:, slide.top : slide.top + h, slide.left : slide.left + w]
        self.shape = (p, q, r, s, c)
        shape = (r, s, c, self.images, p, q) if self.across else (self.images, p, q, r, s, c)
        self.buffer = xp.empty(shape, x.dtype)
        self.view = self.over(x if self.source is None else self.source)

    def over(self, x: Any) -> Any:
        """All windows of x, without a copy: (N, P, Q, R, S, C)."""
        n, h, w, c = x.strides
        a = self.slide
        strides = (n, h * a.stride_h, w * a.stride_w, h * a.dilation_h, w * a.dilation_w, c)
        return self.xp.lib.stride_tricks.as_strided(x, (x.shape[0], *self.shape), strides)

    def __iter__(self) -> Any:
        """For each turn, which images, and their matrix (windows, R S C)."""
        p, q, r, s, c = self.shape
        for start in range(0, self.x.shape[0], self.images):
            turn = slice(start, min(start + self.images, self.x.shape[0]))
            count = turn.stop - start
            if self.source is None:
                windows = self.view[turn]
            else:
                self.inner[:count] = self.x[turn]
                windows = self.view[:count]
            if self.across:
                buffer = self.buffer if count == self.images else self.buffer.reshape(-1)[: r * s * c * count * p * q]
                buffer = buffer.reshape(r, s, c, count, p, q)
                buffer[...] = windows.transpose(3, 4, 5, 0, 1, 2)
                yield turn, buffer.reshape(r * s * c, -1).T
            else:
                buffer = self.buffer[:count]
                buffer[...] = windows
                yield turn, buffer.reshape(-1, r * s * c)


def correlate(xp: Any, y: Any, x: Any, k: Any, slide: Slide) -> None:
    """y[n, p, q, :] = sum over r, s of x[n, p stride + r dilation - top, q ..., :] @ k[r, s]"""
    _, _, c, filters = k.shape
    k = xp.ascontiguousarray(k)  # the order of a product's sums depends on the layout of its operands
    if not (y.size and k.size):
        y.fill(0)
    elif c == 1 and slide.groups > 1:
        depthwise(xp, y, x, k, slide)
    elif slide.groups > 1:
        for part, images, kernel in grouped((y, x, k), slide.groups):
            whole = xp.empty(part.shape, y.dtype)
            correlate(xp, whole, images, kernel, slide._replace(groups=1))
            part[...] = whole
    elif slide.pointwise:
        xp.matmul(xp.ascontiguousarray(x).reshape(-1, c), k.reshape(c, filters), out=y.reshape(-1, filters))
    else:
        kernel = k.reshape(-1, filters)
        for turn, rows in Windows(xp, x, slide):
            xp.matmul(rows, kernel, out=y[turn].reshape(-1, filters))


def spread(xp: Any, x: Any, y: Any, k: Any, slide: Slide) -> None:
    """The transpose of `correlate` in x: every y[n, p, q] @ k[r, s].T is added where its tap lay."""
    _, _, c, filters = k.shape
    y, k = xp.ascontiguousarray(y), xp.ascontiguousarray(k)
    if not (x.size and y.size and k.size):
        x.fill(0)
    elif c == 1 and slide.groups > 1:
        depthwise_spread(xp, x, y, k, slide)
    elif slide.groups > 1:
        for part, images, kernel in grouped((x, y, k), slide.groups):
            whole = xp.empty(part.shape, x.dtype)
            spread(xp, whole, images, kernel, slide._replace(groups=1))
            part[...] = whole
    elif slide.pointwise:
        xp.matmul(y.reshape(-1, filters), k.reshape(c, filters).T, out=x.reshape(-1, c))
    else:
        x.fill(0)
        _, p, q, _ = y.shape
        steps = slide.taps()
        images = images_at_once(xp, (p * q * (filters + c) + x[0].size) * x.itemsize)
        for start in range(0, x.shape[0], images):
            to, rows = x[start : start + images], y[start : start + images].reshape(-1, filters)
            share = xp.empty((rows.shape[0], c), x.dtype)
            for i, j, out, at in steps:
                xp.matmul(rows, k[i, j].T, out=share)
                target = to[:, *at]
                xp.add(target, share.reshape(-1, p, q, c)[:, *out], out=target)


def correlate_kernel(xp: Any, k: Any, x: Any, y: Any, slide: Slide) -> None:
    """The transpose of `correlate` in k: k[r, s] = sum over n, p, q of outer(x[its tap], y[n, p, q])"""
    _, _, c, filters = k.shape
    y = xp.ascontiguousarray(y)
    if not (x.size and y.size and k.size):
        k.fill(0)
    elif c == 1 and slide.groups > 1:
        depthwise_kernel(xp, k, x, y, slide)
    elif slide.groups > 1:
        for part, images, outs in grouped((k, x, y), slide.groups):
            whole = xp.empty(part.shape, k.dtype)
            correlate_kernel(xp, whole, images, outs, slide._replace(groups=1))
            part[...] = whole
    elif slide.pointwise:
        xp.matmul(xp.ascontiguousarray(x).reshape(-1, c).T, y.reshape(-1, filters), out=k.reshape(c, filters))
    else:
        total = k.reshape(-1, filters)
        share = xp.empty(total.shape, k.dtype)
        for turn, rows in Windows(xp, x, slide):
            first = turn.start == 0
            xp.matmul(rows.T, y[turn].reshape(-1, filters), out=total if first else share)
            if not first:
                xp.add(total, share, out=total)


# one channel per group: filter c M + m belongs to channel c ----------------------------------------------------------------------


def _by_channel(a: Any, channels: int) -> Any:
    """The last axis split into channels and their filters."""
    return a.reshape(*a.shape[:-1], channels, a.shape[-1] // channels)


def _pieces(xp: Any, x: Any, y: Any, k: Any, slide: Slide) -> Any:
    """For each turn the images (N, H, W, C, 1) and outputs (N, P, Q, C, M), with room for one tap's products; then kernel and taps."""
    n, _, _, c = x.shape
    outs, kernel = _by_channel(y, c), _by_channel(k, c)[:, :, 0]
    images = min(n, images_at_once(xp, 3 * y.nbytes // n))
    room = xp.empty((images, *outs.shape[1:]), x.dtype)
    turns = [(x[i : i + images, ..., None], outs[i : i + images], room[: min(images, n - i)]) for i in range(0, n, images)]
    return turns, kernel, slide.taps()


def depthwise(xp: Any, y: Any, x: Any, k: Any, slide: Slide) -> None:
    turns, kernel, steps = _pieces(xp, x, y, k, slide)
    y.fill(0)
    for images, outs, room in turns:
        for r, s, out, at in steps:
            product, target = room[:, *out], outs[:, *out]
            xp.multiply(images[:, *at], kernel[r, s], out=product)
            xp.add(target, product, out=target)


def depthwise_spread(xp: Any, x: Any, y: Any, k: Any, slide: Slide) -> None:
    turns, kernel, steps = _pieces(xp, x, y, k, slide)
    x.fill(0)
    for images, outs, room in turns:
        for r, s, out, at in steps:
            product, target = room[:, *out], images[:, *at]
            xp.multiply(outs[:, *out], kernel[r, s], out=product)
            for m in range(kernel.shape[-1]):
                xp.add(target[..., 0], product[..., m], out=target[..., 0])


def depthwise_kernel(xp: Any, k: Any, x: Any, y: Any, slide: Slide) -> None:
    turns, kernel, steps = _pieces(xp, x, y, k, slide)
    k.fill(0)
    for images, outs, room in turns:
        ones = xp.ones(room[..., 0, 0].size, x.dtype)
        for r, s, out, at in steps:
            if (out[0].stop - out[0].start, out[1].stop - out[1].start) != slide.windows:
                room.fill(0)
            xp.multiply(images[:, *at], outs[:, *out], out=room[:, *out])
            kernel[r, s] += xp.matmul(ones, room.reshape(ones.size, -1)).reshape(kernel[r, s].shape)

"""Slide kernels over images and sequences: `conv`, `depthwise_conv`, `separable_conv`, `conv_transpose`, 1-D and 2-D.

One op, `conv2d`, and its two gradients are all there is: each is linear in both operands, and the three are each other's gradients, so
they can be differentiated as often as you like. `conv_transpose` is `conv2d_grad_input`; one dimension is two with a size of 1.

Attributes of the three: `Slide`.
"""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..errors import DTypeError, ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import floating, operands
from ._correlate import Slide, correlate, correlate_kernel, spread
from ._windows import from_nhwc, layout, padding_mode, padding_of, per_axis, rank_of, to_nhwc, two
from .movement import expand_dims, reshape


def _check(name: str, slide: Slide, a: Any, b: Any) -> None:
    """The kernel must fit into the image, and the operands must have one dtype."""
    if a.dtype != b.dtype:
        raise DTypeError(f"[{name}] the operands have different dtypes: {a.dtype} and {b.dtype}")
    if min(slide.windows) < 1:
        dilated = f" with dilation ({slide.dilation_h}, {slide.dilation_w})" if slide.dilation_h * slide.dilation_w > 1 else ""
        raise ShapeError(
            f"[{name}] kernel ({slide.r}, {slide.s}){dilated} is larger than its input ({slide.h}, {slide.w}); use padding='same' or a "
            f"smaller kernel. Received: {a.shape}, {b.shape}, padding (({slide.top}, {slide.bottom}), ({slide.left}, {slide.right}))"
        )


def _conv2d_infer(x: Any, k: Any, *attrs: int) -> Any:
    slide = Slide(*attrs)
    _check("conv2d", slide, x, k)
    filters, channels = k.shape[3], k.shape[2] * slide.groups
    if channels != x.shape[3] or filters % slide.groups or x.shape[1:3] != (slide.h, slide.w):
        raise ShapeError(
            "[conv2d] inputs (N, H, W, C) need a kernel (R, S, C / groups, K), K divisible by groups. "
            f"Received: inputs {x.shape}, kernel {k.shape}, groups {slide.groups}"
        )
    return (((x.shape[0], *slide.windows, filters), x.dtype),)


def _conv2d_grad_input_infer(g: Any, k: Any, *attrs: int) -> Any:
    slide = Slide(*attrs)
    _check("conv2d_grad_input", slide, g, k)
    if k.shape[3] != g.shape[3] or k.shape[3] % slide.groups or slide.windows != g.shape[1:3]:
        raise ShapeError(
            f"[conv2d_grad_input] an output (N, P, Q, K) of conv2d is needed, here with (P, Q) = {slide.windows}, K = {k.shape[3]}. "
            f"Received: {g.shape}, kernel {k.shape}, groups {slide.groups}"
        )
    return (((g.shape[0], slide.h, slide.w, k.shape[2] * slide.groups), g.dtype),)


def _conv2d_grad_kernel_infer(x: Any, g: Any, *attrs: int) -> Any:
    slide = Slide(*attrs)
    _check("conv2d_grad_kernel", slide, x, g)
    return (((slide.r, slide.s, x.shape[3] // slide.groups, g.shape[3]), x.dtype),)


def _conv2d(xp: Any, y: Any, x: Any, k: Any, *attrs: int) -> None:
    correlate(xp, y, x, k, Slide(*attrs))


def _conv2d_grad_input(xp: Any, dx: Any, g: Any, k: Any, *attrs: int) -> None:
    spread(xp, dx, g, k, Slide(*attrs))


def _conv2d_grad_kernel(xp: Any, dk: Any, x: Any, g: Any, *attrs: int) -> None:
    correlate_kernel(xp, dk, x, g, Slide(*attrs))


def conv2d_gradients(ctx: Any, g: Tensor, slide: tuple[int, ...]) -> Any:
    """Of inputs 0 and 1 of `conv2d`."""
    dx = ctx.grad(0, CONV2D_GRAD_INPUT, (g, ctx.input(1)), slide) if ctx.needs(0) else None
    dk = ctx.grad(1, CONV2D_GRAD_KERNEL, (ctx.input(0), g), slide) if ctx.needs(1) else None
    return dx, dk


def _conv2d_vjp(ctx: Any, g: Tensor) -> Any:
    return conv2d_gradients(ctx, g, ctx.attrs)


def conv2d_grad_input_gradients(ctx: Any, u: Tensor, slide: tuple[int, ...]) -> Any:
    """Of inputs 0 and 1 of `conv2d_grad_input`."""
    dg = ctx.grad(0, CONV2D, (u, ctx.input(1)), slide) if ctx.needs(0) else None
    dk = ctx.grad(1, CONV2D_GRAD_KERNEL, (u, ctx.input(0)), slide) if ctx.needs(1) else None
    return dg, dk


def _conv2d_grad_input_vjp(ctx: Any, u: Tensor) -> Any:
    return conv2d_grad_input_gradients(ctx, u, ctx.attrs)


def _conv2d_grad_kernel_vjp(ctx: Any, u: Tensor) -> Any:
    dx = ctx.grad(0, CONV2D_GRAD_INPUT, (ctx.input(1), u), ctx.attrs) if ctx.needs(0) else None
    dg = ctx.grad(1, CONV2D, (ctx.input(0), u), ctx.attrs) if ctx.needs(1) else None
    return dx, dg


CONV2D = Op("conv2d", _conv2d_infer, _conv2d, _conv2d_vjp, saves=(0, 1), twice=True)
CONV2D_GRAD_INPUT = Op("conv2d_grad_input", _conv2d_grad_input_infer, _conv2d_grad_input, _conv2d_grad_input_vjp, saves=(0, 1), twice=True)
CONV2D_GRAD_KERNEL = Op(
    "conv2d_grad_kernel", _conv2d_grad_kernel_infer, _conv2d_grad_kernel, _conv2d_grad_kernel_vjp, saves=(0, 1), twice=True
)


# user functions ----------------------------------------------------------------------------------------------------------------


def _let_in(name: str, inputs: TensorLike, kernel: TensorLike) -> tuple[Tensor, Tensor, int]:
    """Operands of one float dtype, and the number of spatial axes."""
    x, k = operands(name, floating(inputs), floating(kernel))
    rank = rank_of(name, x)
    if k.ndim != x.ndim:
        raise ShapeError(f"[{name}] inputs and kernel must have equally many axes. Received: inputs {x.shape}, kernel {k.shape}")
    if 0 in k.shape:
        raise ShapeError(f"[{name}] no axis of a kernel may have size 0. Received: kernel {k.shape}")
    return x, k, rank


def _steps(name: str, rank: int, strides: Any, dilation_rate: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    stride = two(per_axis(name, strides, "strides", rank))
    dilation = two(per_axis(name, dilation_rate, "dilation_rate", rank))
    if max(stride) > 1 and max(dilation) > 1:
        raise ValueError(
            f"[{name}] strides > 1 cannot be combined with dilation_rate > 1. Received: strides={strides}, dilation_rate={dilation_rate}"
        )
    return stride, dilation


def _conv(name: str, x: Tensor, k: Tensor, groups: int, strides: Any, padding: Any, data_format: Any, dilation_rate: Any) -> Tensor:
    rank, last = x.ndim - 2, layout(name, data_format)
    stride, dilation = _steps(name, rank, strides, dilation_rate)
    x, k = to_nhwc(x, last), expand_dims(k, 0) if rank == 1 else k
    size, window = (x.shape[1], x.shape[2]), (k.shape[0], k.shape[1])
    around = padding_of(padding_mode(name, padding, rank), size, window, stride, dilation)
    return from_nhwc(apply(CONV2D, (x, k), (*stride, *around, *dilation, groups, *size, *window)), rank, last)


def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Convolution of sequences or images with a kernel, as deep learning means it (the kernel is not flipped):
    ``y[n, p, q, :] = sum over r, s of x[n, p stride + r dilation - top, q stride + s dilation - left, :] @ kernel[r, s]``.

    Args:
        inputs: (N, L, C) or (N, H, W, C), or channels second with ``data_format="channels_first"``.
        kernel: (S, C / groups, K) or (R, S, C / groups, K): K filters. How many groups follows from its channels; filters
            ``i K / groups ... (i + 1) K / groups - 1`` see the channels of group i alone.
        strides: distance of windows, an integer or one for each spatial axis. Default 1.
        padding: ``"valid"``: none, P = (H - (R - 1) dilation - 1) // stride + 1. ``"same"``: zeros such that P = ceil(H / stride), an
            odd one at the end. Or ``((top, bottom), (left, right))``, in 1-D ``((before, after),)``.
        data_format: ``"channels_last"`` or ``"channels_first"``; default: ``gpudl.config.image_data_format()``.
        dilation_rate: distance of the taps of a window, an integer or one for each spatial axis. Default 1.

    Returns:
        A tensor (N, P, K) or (N, P, Q, K), or with the filters second.

    Raises:
        ShapeError: if the kernel does not fit into the input, or the channels are not divisible by the kernel's.
        ValueError: for strides or dilations below 1, for both above 1, for another padding.

    >>> conv([[[1.0], [2.0], [3.0]]], [[[1.0]], [[10.0]]])
    Tensor([[[21.],
             [32.]]], dtype=float32)
    """
    x, k, _ = _let_in("conv", inputs, kernel)
    channels = x.shape[-1 if layout("conv", data_format) else 1]
    if channels % k.shape[-2] or k.shape[-1] % max(1, channels // k.shape[-2]):
        raise ShapeError(
            "[conv] the input's channels must be divisible by the kernel's (the last but one axis), and the filters (the last one) by the "
            f"number of groups. Received: inputs {x.shape}, {channels} channels; kernel {k.shape}"
        )
    return _conv("conv", x, k, channels // k.shape[-2], strides, padding, data_format, dilation_rate)


def _depthwise(name: str, x: Tensor, k: Tensor, strides: Any, padding: Any, data_format: Any, dilation_rate: Any) -> Tensor:
    channels = x.shape[-1 if layout(name, data_format) else 1]
    if channels != k.shape[-2]:
        raise ShapeError(
            f"[{name}] the kernel's last but one axis must be the input's channels. Received: inputs {x.shape}, {channels} channels; "
            f"kernel {k.shape}"
        )
    k = reshape(k, (*k.shape[:-2], 1, channels * k.shape[-1]))
    return _conv(name, x, k, channels, strides, padding, data_format, dilation_rate)


def depthwise_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Convolution of every channel on its own: output channel ``c M + m`` is channel c convolved with ``kernel[..., c, m]``.

    Args:
        inputs: (N, L, C) or (N, H, W, C), or channels second with ``data_format="channels_first"``.
        kernel: (S, C, M) or (R, S, C, M); M is the depth multiplier.
        strides, padding, data_format, dilation_rate: as in `conv`.

    Returns:
        A tensor (N, P, C M) or (N, P, Q, C M), or with the channels second.

    Raises:
        ShapeError: if the channels differ, or the kernel does not fit.

    >>> depthwise_conv([[[1.0, 5.0], [2.0, 6.0]]], [[[1.0], [0.0]], [[1.0], [2.0]]])
    Tensor([[[ 3., 12.]]], dtype=float32)
    """
    x, k, _ = _let_in("depthwise_conv", inputs, kernel)
    return _depthwise("depthwise_conv", x, k, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs: TensorLike,
    depthwise_kernel: TensorLike,
    pointwise_kernel: TensorLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """`depthwise_conv`, then a convolution with a kernel of size 1 that mixes the channels.

    Args:
        inputs: (N, L, C) or (N, H, W, C), or channels second with ``data_format="channels_first"``.
        depthwise_kernel: (S, C, M) or (R, S, C, M).
        pointwise_kernel: (1, C M, K) or (1, 1, C M, K).
        strides, padding, data_format, dilation_rate: of the depthwise convolution, as in `conv`.

    Returns:
        A tensor (N, P, K) or (N, P, Q, K), or with the filters second.

    >>> separable_conv([[[1.0, 5.0], [2.0, 6.0]]], [[[1.0], [0.0]], [[1.0], [2.0]]], [[[1.0], [10.0]]])
    Tensor([[[123.]]], dtype=float32)
    """
    x, k, _ = _let_in("separable_conv", inputs, depthwise_kernel)
    x = _depthwise("separable_conv", x, k, strides, padding, data_format, dilation_rate)
    x, k, _ = _let_in("separable_conv", x, pointwise_kernel)
    channels = x.shape[-1 if layout("separable_conv", data_format) else 1]
    if set(k.shape[:-2]) != {1} or k.shape[-2] != channels:
        raise ShapeError(f"[separable_conv] pointwise_kernel must be {(1,) * (k.ndim - 2) + (channels, 'filters')}. Received: {k.shape}")
    return _conv("separable_conv", x, k, 1, 1, "valid", data_format, 1)


def transposed_axis(size: int, taps: int, stride: int, dilation: int, mode: str, extra: int | None) -> tuple[int, int, int]:
    """Size of the output of `conv_transpose`, and the zeros before and after it of the convolution that it is the transpose of."""
    reach = (taps - 1) * dilation + 1
    if mode == "valid":
        before, whole = 0, (size - 1) * stride + reach + (max(stride - reach, 0) if extra is None else extra)
    else:
        around = stride + reach - 2 if extra is None else reach + reach % 2 - 2 + extra
        before = reach - 1 - min((around + 1) // 2, reach - 1)
        whole = size * stride if extra is None else (size - 1) * stride + reach % 2 + extra
    return whole, before, (size - 1) * stride + reach - before - whole


def conv_transpose(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """The transpose of `conv` in its inputs, which enlarges: every input pixel adds ``kernel`` times itself to a window of the output.

    Args:
        inputs: (N, P, K) or (N, P, Q, K), or channels second with ``data_format="channels_first"``.
        kernel: (S, C, K) or (R, S, C, K): the output's channels stand before the input's.
        strides: distance of windows in the output, an integer or one for each spatial axis. Default 1.
        padding: ``"valid"``: H = (P - 1) stride + max(R, stride). ``"same"``: H = P stride.
        output_padding: None, or how many rows and columns more than the least possible size: with ``"valid"``
            H = (P - 1) stride + R + output_padding, with ``"same"`` H = (P - 1) stride + R % 2 + output_padding. Below `strides`.
        data_format: ``"channels_last"`` or ``"channels_first"``; default: ``gpudl.config.image_data_format()``.
        dilation_rate: distance of the taps of a window; R above is then (R - 1) dilation + 1. Default 1.

    Returns:
        A tensor (N, H, C) or (N, H, W, C), or with the channels second.

    Raises:
        ShapeError: if the channels differ, or nothing is left of the output.
        ValueError: for strides or dilations below 1, for both above 1, for another padding, for output_padding >= strides.

    >>> conv_transpose([[[1.0], [2.0]]], [[[1.0]], [[10.0]]], strides=2)
    Tensor([[[ 1.],
             [10.],
             [ 2.],
             [20.]]], dtype=float32)
    """
    name = "conv_transpose"
    x, k, rank = _let_in(name, inputs, kernel)
    last = layout(name, data_format)
    stride, dilation = _steps(name, rank, strides, dilation_rate)
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ValueError(f"[{name}] padding must be 'valid' or 'same'. Received: {padding!r}")
    extra = (None, None) if output_padding is None else per_axis(name, output_padding, "output_padding", rank, least=0)
    if extra[-1] is not None:
        extra = two(extra) if rank == 2 else (0, extra[0])
        if any(e is not None and e >= s for e, s in zip(extra, stride)):
            raise ValueError(f"[{name}] output_padding must be below strides. Received: output_padding={output_padding}, strides={strides}")
    channels = x.shape[-1 if last else 1]
    if channels != k.shape[-1]:
        raise ShapeError(
            f"[{name}] the kernel's last axis must be the input's channels; its last but one are the output's. Received: inputs {x.shape}, "
            f"{channels} channels; kernel {k.shape}"
        )
    x, k = to_nhwc(x, last), expand_dims(k, 0) if rank == 1 else k
    axes = [transposed_axis(x.shape[1 + i], k.shape[i], stride[i], dilation[i], padding.lower(), extra[i]) for i in (0, 1)]
    (h, top, bottom), (w, left, right) = axes
    if min(h, w) < 1:
        raise ShapeError(f"[{name}] nothing is left of the output, ({h}, {w}). Received: inputs {x.shape}, kernel {k.shape}, {padding!r}")
    attrs = (*stride, top, bottom, left, right, *dilation, 1, h, w, k.shape[0], k.shape[1])
    return from_nhwc(apply(CONV2D_GRAD_INPUT, (x, k), attrs), rank, last)


__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]

"""Name the convolutions that are timed, forward and both gradients: AlexNet at batch 128, ResNet-50 at 256, depthwise and grouped ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from kernel_work import ITEM, Work, channels_first

LAYERS = (  # name, batch, side, channels, filters, kernel, stride, padding, groups
    ("AlexNet c1", 128, 224, 3, 64, 11, 4, 2, 1),
    ("AlexNet c2", 128, 27, 64, 192, 5, 1, 2, 1),
    ("AlexNet c3", 128, 13, 192, 384, 3, 1, 1, 1),
    ("AlexNet c4", 128, 13, 384, 256, 3, 1, 1, 1),
    ("AlexNet c5", 128, 13, 256, 256, 3, 1, 1, 1),
    ("ResNet stem", 256, 224, 3, 64, 7, 2, 3, 1),
    ("3x3 @56", 256, 56, 64, 64, 3, 1, 1, 1),
    ("3x3 @28", 256, 28, 128, 128, 3, 1, 1, 1),
    ("3x3 @14", 256, 14, 256, 256, 3, 1, 1, 1),
    ("3x3 @7", 256, 7, 512, 512, 3, 1, 1, 1),
    ("3x3/2 @56", 256, 56, 64, 128, 3, 2, 1, 1),
    ("1x1 @56 up", 256, 56, 64, 256, 1, 1, 0, 1),
    ("1x1 @56 down", 256, 56, 256, 64, 1, 1, 0, 1),
    ("1x1 @28", 256, 28, 128, 512, 1, 1, 0, 1),
    ("1x1 @14", 256, 14, 256, 1024, 1, 1, 0, 1),
    ("1x1 @7", 256, 7, 512, 2048, 1, 1, 0, 1),
    ("1x1/2 @56", 256, 56, 256, 512, 1, 2, 0, 1),
    ("depthwise @112", 256, 112, 32, 32, 3, 1, 1, 32),
    ("depthwise/2 @56", 256, 56, 128, 128, 3, 2, 1, 128),
    ("grouped @28", 256, 28, 256, 256, 3, 1, 1, 32),
)


def convolutions(scale: int) -> Iterator[Work]:
    """On a small machine batches are divided by `scale`, and the smallest ones cut smaller images, too."""
    for dtype in ("float32", "bfloat16"):
        for name, batch, full, c, k, r, stride, pad, groups in LAYERS:
            n, side = max(1, batch // scale), min(full, 2 * r + 5) if scale >= 1000 else full
            p = (side + 2 * pad - r) // stride + 1
            x, w, y = (n, side, side, c), (r, r, c // groups, k), (n, p, p, k)
            slide = (stride, stride, pad, pad, pad, pad, 1, 1, groups, side, side, r, r)
            moved = ITEM[dtype] * (prod(x) + prod(w) + prod(y))
            what = f"{name} {r}x{r} {c}->{k}"
            yield Work(f"conv {what}", "conv2d", (x, w), slide, dtype, moved, torch_forward(stride, pad, groups))
            for op, shapes, part in (("conv2d_grad_input", (y, w), 0), ("conv2d_grad_kernel", (x, y), 1)):
                if c == 3 and part == 0:
                    continue  # nobody needs the gradient of an image
                yield Work(f"{op} {what}", op, shapes, slide, dtype, moved, torch_backward(part, x, w, stride, pad, groups))


def filters_first(w: Any) -> Any:
    """HWIO as PyTorch takes it, in the layout that is fastest there."""
    import torch

    return w.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)


def torch_forward(stride: int, pad: int, groups: int) -> Callable[[Any, list[Any]], Callable[[], Any]]:
    def lane(torch: Any, a: list[Any]) -> Callable[[], Any]:
        x, w = channels_first(a[0]), filters_first(a[1])
        return lambda: torch.nn.functional.conv2d(x, w, None, stride, pad, 1, groups)

    return lane


def torch_backward(part: int, x_shape: Any, w_shape: Any, stride: int, pad: int, groups: int) -> Callable[..., Callable[[], Any]]:
    def lane(torch: Any, a: list[Any]) -> Callable[[], Any]:
        if part == 0:
            g, w = channels_first(a[0]), filters_first(a[1])
            x = channels_first(torch.empty(x_shape, dtype=g.dtype, device=g.device))
        else:
            x, g = channels_first(a[0]), channels_first(a[1])
            w = filters_first(torch.empty(w_shape, dtype=g.dtype, device=g.device))
        call = torch.ops.aten.convolution_backward
        mask = [part == 0, part == 1, False]
        return lambda: call(g, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups, mask)

    return lane

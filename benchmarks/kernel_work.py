"""Name the kernels that are timed, outside matrix products and convolutions: operands, the bytes that must move, the peer's call.

Shapes are those that networks have: MLPs and classifiers, batch norm of a ResNet at batch 256, optimizers from 0.7 to 60 million
parameters, and ragged ones. The floor of every one is a copy that moves as many bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import numpy as np

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Work:
    """One kernel at one size.

    Args:
        name: what the report calls it.
        op: the op, by name.
        shapes: of the inputs.
        attrs: of the op.
        updates: how many of the first `shapes` are outputs that are read and written.
        dtype: of floating operands.
        moved: bytes that must be read or written.
        torch: ``torch(module, inputs) -> callable`` doing the same with PyTorch's tensors.
        fill: ``fill(rng, index, shape, dtype) -> array`` where normal numbers will not do.
    """

    name: str
    op: str
    shapes: tuple[tuple[int, ...], ...]
    attrs: tuple[Any, ...]
    dtype: str
    moved: int
    torch: Callable[[Any, list[Any]], Callable[[], Any]] | None = None
    updates: int = 0
    fill: Callable[[Any, int, tuple[int, ...], str], np.ndarray] | None = None
    outputs: tuple[int, ...] = field(default=(0,))  # those whose error is taken; empty: the updated ones

    def arrays(self) -> Arrays:
        rng = np.random.default_rng(0)
        return [(self.fill or normal)(rng, i, shape, self.dtype) for i, shape in enumerate(self.shapes)]


def normal(rng: Any, _: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Large ones repeat a million numbers: nobody's speed depends on it, and drawing 10^9 would take longer than timing them."""
    size = prod(shape)
    some = rng.standard_normal(min(size, 1_000_003), dtype=np.float32)
    array = np.resize(some, size).reshape(shape) if size > some.size else some.reshape(shape)
    return array.astype("float32" if dtype == "bfloat16" else dtype, copy=False)


ITEM = {"float32": 4, "bfloat16": 2, "float16": 2}


def elementwise(scale: int) -> Iterator[Work]:
    for dtype in ("float32", "bfloat16"):
        for n in (10**6, 10**7, 10**8):
            size, item = (n // scale,), ITEM[dtype]
            yield Work(f"relu {n:.0e}", "relu", (size,), (), dtype, 2 * item * size[0], lambda t, a: partial(t.relu, a[0]))
            yield Work(f"sigmoid {n:.0e}", "sigmoid", (size,), (), dtype, 2 * item * size[0], lambda t, a: partial(t.sigmoid, a[0]))
            yield Work(f"add {n:.0e}", "add", (size, size), (), dtype, 3 * item * size[0], lambda t, a: partial(t.add, a[0], a[1]))
    rows, columns = 65536 // scale, 1024
    yield Work(
        f"add a row 65536x{columns}",
        "add",
        ((rows, columns), (columns,)),
        (),
        "float32",
        8 * rows * columns,
        lambda t, a: partial(t.add, a[0], a[1]),
    )


def reductions(scale: int) -> Iterator[Work]:
    for rows, columns in ((65536, 1024), (1024, 65536), (802816, 64)):
        shape = (max(1, rows // scale), columns)
        moved = 4 * prod(shape)
        yield Work(f"sum over rows {rows}x{columns}", "sum", (shape,), (False, 0), "float32", moved, lambda t, a: partial(t.sum, a[0], 0))
        yield Work(
            f"sum over columns {rows}x{columns}", "sum", (shape,), (False, 1), "float32", moved, lambda t, a: partial(t.sum, a[0], 1)
        )
    whole = (10**8 // scale,)
    yield Work("sum of 1e8", "sum", (whole,), (False, 0), "float32", 4 * whole[0], lambda t, a: partial(t.sum, a[0]))


def softmaxes(scale: int) -> Iterator[Work]:
    for dtype in ("float32", "bfloat16"):
        for rows, columns in ((1024, 1000), (8192, 4096), (8192, 131072), (65536, 7), (1024, 50257)):
            shape = (max(1, rows // scale), columns)
            size = ITEM[dtype] * prod(shape)
            yield Work(f"softmax {rows}x{columns}", "softmax", (shape,), (1,), dtype, 2 * size, lambda t, a: partial(t.softmax, a[0], -1))
            yield Work(f"softmax_grad {rows}x{columns}", "softmax_grad", (shape, shape), (1,), dtype, 3 * size, softmax_backward)


def softmax_backward(torch: Any, a: list[Any]) -> Callable[[], Any]:
    return partial(torch.ops.aten._softmax_backward_data, a[0], a[1], -1, a[0].dtype)


def norms(scale: int) -> Iterator[Work]:
    for channels, side in ((64, 112), (256, 56), (64, 56), (128, 28), (512, 7), (3, 224)):
        shape = (max(1, 256 // scale), side, side, channels)
        c = (channels,)
        size = 4 * prod(shape)
        yield Work(
            f"batch_norm 256x{side}x{side}x{channels}",
            "batch_norm",
            (c, c, shape, c, c),
            (0.99, 1e-3),
            "float32",
            3 * size,
            torch_batch_norm,
            updates=2,
            fill=positive_variances,
        )
        yield Work(
            f"batch_norm_grad 256x{side}x{side}x{channels}",
            "batch_norm_grad",
            (shape, shape, c, c, c),
            (),
            "float32",
            5 * size,
            torch_batch_norm_grad,
            fill=positive_variances,
        )


def positive_variances(rng: Any, index: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    array = normal(rng, index, shape, dtype)
    return np.abs(array) + np.asarray(0.5, array.dtype) if len(shape) == 1 else array


def channels_first(x: Any) -> Any:
    return x.permute(0, 3, 1, 2)


def torch_batch_norm(torch: Any, a: list[Any]) -> Callable[[], Any]:
    mean, variance, x, gamma, beta = a
    return lambda: torch.nn.functional.batch_norm(channels_first(x), mean, variance, gamma, beta, True, 0.01, 1e-3).permute(0, 2, 3, 1)


def torch_batch_norm_grad(torch: Any, a: list[Any]) -> Callable[[], Any]:
    g, x, gamma, mean, rstd = a
    call = partial(
        torch.ops.aten.native_batch_norm_backward, channels_first(g), channels_first(x), gamma, None, None, mean, rstd, True, 1e-3
    )
    return lambda: call([True, True, True])[0].permute(0, 2, 3, 1)


def optimizers(scale: int) -> Iterator[Work]:
    for millions in (0.67, 11.7, 25.6, 60):
        size = (int(millions * 1e6) // scale,)
        flat = 4 * size[0]
        yield Work(
            f"adam {millions}M",
            "adam_",
            (size, size, size, size, (), ()),
            (0.9, 0.999, 1e-7),
            "float32",
            7 * flat,
            torch_adam,
            updates=3,
            fill=optimizer_state,
            outputs=(),
        )
        yield Work(
            f"nesterov {millions}M",
            "sgd_momentum_",
            (size, size, size, ()),
            (0.9, True),
            "float32",
            5 * flat,
            torch_nesterov,
            updates=2,
            fill=optimizer_state,
            outputs=(),
        )


def optimizer_state(rng: Any, index: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Parameters, slots, gradients; then the rate in float64 and the steps in int64."""
    if shape == ():
        return np.array(1e-3) if index < 5 else np.array(3, np.int64)
    array = normal(rng, index, shape, dtype)
    return np.abs(array) if index == 2 else array


def torch_adam(torch: Any, a: list[Any]) -> Callable[[], Any]:
    parameter = a[0].clone().requires_grad_()
    parameter.grad = a[3]
    return torch.optim.Adam([parameter], 1e-3, fused=True).step  # type: ignore[no-any-return]


def torch_nesterov(torch: Any, a: list[Any]) -> Callable[[], Any]:
    parameter = a[0].clone().requires_grad_()
    parameter.grad = a[2]
    return torch.optim.SGD([parameter], 1e-3, momentum=0.9, nesterov=True, fused=True).step  # type: ignore[no-any-return]


def works(scale: int = 1) -> list[Work]:
    """Every work; `scale` divides the sizes, for a trial on a small machine."""
    families = (elementwise, reductions, softmaxes, norms, optimizers)
    return [work for family in families for work in family(scale)]

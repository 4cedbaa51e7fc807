"""Name the kernels that are timed, outside convolutions: operands, the bytes that must move, the peer's call.

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


def over_steps(scale: int) -> Iterator[Work]:
    """What optimizers do beside their updates, and steps whose size follows from a whole parameter."""
    size = (25_600_000 // scale,)
    flat = 4 * size[0]
    yield Work("accumulate 25.6M", "accumulate_", (size, size), (), "float32", 3 * flat, lambda t, a: partial(a[0].add_, a[1]),
               updates=1, outputs=())  # fmt: skip
    yield Work("average 25.6M", "average_", (size, size, ()), (0.99,), "float32", 3 * flat, lambda t, a: partial(a[0].lerp_, a[1], 0.01),
               updates=1, fill=with_steps, outputs=())  # fmt: skip
    yield Work("all_finite 25.6M", "all_finite", (size,), (1,), "float32", flat, lambda t, a: lambda: t.isfinite(a[0]).all())
    yield Work("lamb 25.6M", "lamb_", (size, size, size, size, (), ()), (0.9, 0.999, 1e-6), "float32", 11 * flat, None,
               updates=3, fill=optimizer_state, outputs=())  # fmt: skip


def with_steps(rng: Any, index: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.array(3, np.int64) if shape == () else normal(rng, index, shape, dtype)


def indexed(scale: int) -> Iterator[Work]:
    n = max(8, 8192 // scale)
    size = 4 * n * n
    yield Work("tril 8192x8192", "tril", ((n, n),), (0,), "float32", 3 * size // 2, lambda t, a: partial(t.tril, a[0]))
    for axis in (0, 1):
        yield Work(f"take_along_axis 8192x8192, axis {axis}", "take_along_axis", ((n, n), (n, n)), (axis, n, n), "float32", 3 * size,
                   torch_gather(axis), fill=with_indices(axis))  # fmt: skip
    rows, some = max(8, 65536 // scale), max(4, 8192 // scale)
    yield Work("scatter_update 8192 of 65536 rows of 512", "scatter_update", ((rows, 512), (some, 512), (some,)), (), "float32",
               8 * rows * 512, lambda t, a: partial(a[0].index_copy, 0, a[2].long(), a[1]), fill=with_rows)  # fmt: skip


def torch_gather(axis: int) -> Callable[[Any, list[Any]], Callable[[], Any]]:
    return lambda torch, a: partial(torch.gather, a[0], axis, a[1].long())


def with_indices(axis: int) -> Callable[..., np.ndarray]:
    def fill(rng: Any, index: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        return rng.integers(0, shape[axis], shape).astype(np.int32) if index == 1 else normal(rng, index, shape, dtype)

    return fill


def with_rows(rng: Any, index: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return rng.permutation(2 * shape[0])[: shape[0]].astype(np.int32) if index == 2 else normal(rng, index, shape, dtype)


def recurrent(scale: int) -> Iterator[Work]:
    """Whole sequences; the floor is a copy of what is read and written once, far below what T dependent products need."""
    for batch, steps, units in ((64, 28, 128), (128, 100, 512)):
        n = max(1, batch // scale)
        z, kernel, state, y = (n, steps, 4 * units), (units, 4 * units), (n, units), (n, steps, units)
        name = f"lstm {batch}x{steps}x{units}"
        moved = 4 * (2 * prod(z) + 2 * prod(y) + prod(kernel))
        yield Work(name, "lstm", (z, kernel, state, state), (), "float32", moved, None, fill=small_weights)
        yield Work(f"{name} grad", "lstm_grad", (y, y, kernel, state, state, y, y, z), (0,), "float32", moved + 4 * prod(y), None,
                   fill=small_weights)  # fmt: skip


def small_weights(rng: Any, index: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.asarray(normal(rng, index, shape, dtype) * np.float32(1 / 32))


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


PRODUCTS = (  # m, n, k, whether a and b are turned: squares, an MLP's layers forward and backward, its classifier, a weight that streams
    *((n, n, n, False, False) for n in (512, 1024, 2048, 4096, 8192)),
    (4096, 4096, 4096, False, True), (4096, 4096, 4096, True, False), (4096, 4096, 4096, True, True), (4095, 4097, 4099, False, False),
    (128, 512, 784, False, False), (4096, 512, 784, False, False), (784, 512, 128, True, False), (784, 512, 4096, True, False),
    (128, 784, 512, False, True), (128, 10, 512, False, False), (4096, 10, 512, False, False), (512, 10, 4096, True, False),
    (32, 4096, 4096, False, False), (128, 4096, 4096, False, False), (512, 4096, 4096, False, False), (512, 512, 65536, True, False),
)  # fmt: skip


def products(scale: int) -> Iterator[Work]:
    """Matrix products. On a small machine each side is divided by the cube root of `scale`, so that their work is by it."""
    shrink = round(scale ** (1 / 3))
    for dtype in ("float32", "bfloat16"):
        for m, n, k, ta, tb in PRODUCTS:
            a, b, c = (max(8, size // shrink) for size in (m, n, k))
            shapes = ((c, a) if ta else (a, c), (b, c) if tb else (c, b))
            name = f"matmul {'NT'[ta]}{'NT'[tb]} {m}x{n}x{k}"
            yield Work(name, "matmul", shapes, (ta, tb), dtype, ITEM[dtype] * (a * b + a * c + b * c), torch_matmul(ta, tb))


def torch_matmul(ta: bool, tb: bool) -> Callable[[Any, list[Any]], Callable[[], Any]]:
    return lambda torch, a: partial(torch.matmul, a[0].T if ta else a[0], a[1].T if tb else a[1])


def works(scale: int = 1) -> list[Work]:
    """Every work; `scale` divides the sizes, for a trial on a small machine."""
    families = (elementwise, reductions, softmaxes, norms, optimizers, over_steps, indexed, recurrent, products)
    return [work for family in families for work in family(scale)]

"""Measure how far kernels are from float64, op by op and dtype by dtype, beside PyTorch on the same numbers.

    GPUDL_DEVICE=cuda python tests/accuracy.py table.md       the table of docs/accuracy.md, of the kernels of this device

PyTorch in float64 says what is exact, PyTorch in the dtype itself what a good library reaches. An error is the largest one: relative for
functions of single elements, else relative to the largest number of the result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpudl import Tensor, dtypes, layers, ops

DTYPES = ("float32", "float16", "bfloat16")
HALF_UNIT = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}  # of a number rounded once


@dataclass(frozen=True)
class Row:
    """One line of the table: the same work by us and by PyTorch.

    Args:
        name: what the table calls it.
        inputs: ``inputs(rng)`` -> arrays of float64; they are rounded to the dtype before anybody sees them.
        ours: ``ours(*tensors) -> tensor``.
        torch: ``torch(module, *tensors) -> tensor``.
        relative: compare each element with itself, not with the largest one.
        roundings: how often a 16-bit result is rounded on its way; 1 where a kernel computes in float32 and rounds at the end.
    """

    name: str
    inputs: Callable[[np.random.Generator], list[np.ndarray]]
    ours: Callable[..., Tensor]
    torch: Callable[..., Any]
    relative: bool = False
    roundings: int = 1


def grid(low: float, high: float, count: int = 4096) -> Callable[[np.random.Generator], list[np.ndarray]]:
    return lambda rng: [np.sort(rng.uniform(low, high, count))]


def normal(*shapes: tuple[int, ...], scale: float = 1.0, shift: float = 0.0) -> Callable[[np.random.Generator], list[np.ndarray]]:
    return lambda rng: [shift + scale * rng.standard_normal(shape) for shape in shapes]


def function(name: str, low: float, high: float, ours: Any = None, torch: Any = None) -> Row:
    return Row(
        f"{name} in {low:g} … {high:g}",
        grid(low, high),
        ours or getattr(ops, name),
        torch or (lambda t, x: getattr(t, name)(x)),
        relative=True,
    )


def gradient_of(function: Callable[..., Tensor], wrt: int = 0) -> Callable[..., Tensor]:
    """The gradient of sum(function(x, …) * g), g being the last operand."""

    def run(*tensors: Tensor) -> Tensor:
        *ins, g = tensors
        leaf = Tensor(ins[wrt].numpy(), requires_grad=True)
        ins[wrt] = leaf
        function(*ins).backward(g)
        assert leaf.grad is not None
        return leaf.grad

    return run


def torch_gradient_of(function: Callable[..., Any], wrt: int = 0) -> Callable[..., Any]:
    def run(torch: Any, *tensors: Any) -> Any:
        *ins, g = tensors
        ins[wrt] = ins[wrt].clone().requires_grad_()
        function(torch, *ins).backward(g)
        return ins[wrt].grad

    return run


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    statistics = "float32" if x.dtype in (dtypes.float16, dtypes.bfloat16) else x.dtype
    mean, variance = ops.zeros(x.shape[-1:], statistics), ops.ones(x.shape[-1:], statistics)
    return ops.batch_norm(x, gamma, beta, mean, variance)


def torch_batch_norm(torch: Any, x: Any, gamma: Any, beta: Any) -> Any:
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)


def batch_norm_relu(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    statistics = "float32" if x.dtype in (dtypes.float16, dtypes.bfloat16) else x.dtype
    return ops.batch_norm_act(x, gamma, beta, ops.zeros(x.shape[-1:], statistics), ops.ones(x.shape[-1:], statistics))


def torch_batch_norm_relu(torch: Any, x: Any, gamma: Any, beta: Any) -> Any:
    return torch_batch_norm(torch, x, gamma, beta).relu()


def group_norm(x: Tensor) -> Tensor:
    return layers.GroupNormalization(groups=4, epsilon=1e-3, dtype=str(x.dtype))(x)


def classes(rows: int, count: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, count, rows)


def crossentropy(logits: Tensor) -> Tensor:
    return ops.sparse_categorical_crossentropy(classes(*logits.shape), logits, from_logits=True)


def torch_crossentropy(torch: Any, logits: Any) -> Any:
    return torch.nn.functional.cross_entropy(logits, torch.from_numpy(classes(*logits.shape)), reduction="none")


def embedding(table: Tensor) -> Tensor:
    return ops.take(table, np.random.default_rng(3).integers(0, table.shape[0], 3000), axis=0)


def torch_embedding(torch: Any, table: Any) -> Any:
    return table[torch.from_numpy(np.random.default_rng(3).integers(0, table.shape[0], 3000))]


ROWS = [
    function("exp", -9, 10),
    function("log", 0.01, 100),
    function("tanh", -5, 5),
    function("sigmoid", -9, 9),
    function("erf", -3, 3),
    function("expm1", -1, 1),
    function("log1p", -0.5, 2),
    function("sqrt", 0, 100),
    function("rsqrt", 0.01, 100),
    function("sin", -3, 3),
    function("arctan", -10, 10),
    function("softplus", -9, 9, torch=lambda t, x: t.nn.functional.softplus(x)),
    function("silu", -5, 5, torch=lambda t, x: t.nn.functional.silu(x)),
    function("elu", -5, 5, torch=lambda t, x: t.nn.functional.elu(x)),
    function("gelu", -3, 3, lambda x: ops.gelu(x, approximate=False), lambda t, x: t.nn.functional.gelu(x)),
    Row("sum of 200,000", normal((200_000,), shift=0.1), lambda x: ops.sum(x), lambda t, x: x.sum()),
    Row("sum of each of 9 columns of 20,000", normal((20_000, 9), shift=0.5), lambda x: ops.sum(x, 0), lambda t, x: x.sum(0)),
    Row("sum of each of 9 rows of 20,000", normal((9, 20_000), shift=0.5), lambda x: ops.sum(x, 1), lambda t, x: x.sum(1)),
    Row("mean of each of 5 columns", normal((9_999, 5), shift=3.0), lambda x: ops.mean(x, 0), lambda t, x: x.mean(0)),
    Row("variance, mean 1000, deviation 1", normal((4096, 8), shift=1e3), lambda x: ops.var(x, 0), lambda t, x: x.var(0, correction=0)),
    Row("logsumexp of rows of 1,000", normal((16, 1000)), lambda x: ops.logsumexp(x, 1), lambda t, x: x.logsumexp(1)),
    Row("softmax of rows of 10", normal((500, 10)), lambda x: ops.softmax(x), lambda t, x: x.softmax(-1)),
    Row("softmax of rows of 1,000", normal((32, 1000)), lambda x: ops.softmax(x), lambda t, x: x.softmax(-1)),
    Row("softmax of rows of 20,000", normal((3, 20_000)), lambda x: ops.softmax(x), lambda t, x: x.softmax(-1)),
    Row("softmax of a row of 300,000", normal((1, 300_000)), lambda x: ops.softmax(x), lambda t, x: x.softmax(-1)),
    Row("softmax at ±10,000", normal((64, 50), scale=1e4), lambda x: ops.softmax(x), lambda t, x: x.softmax(-1)),
    Row("log-softmax of rows of 1,000", normal((32, 1000)), lambda x: ops.log_softmax(x), lambda t, x: x.log_softmax(-1)),
    Row("gradient of softmax", normal((32, 1000), (32, 1000)), gradient_of(lambda x: ops.softmax(x)),
        torch_gradient_of(lambda t, x: x.softmax(-1)), roundings=2),
    Row("gradient of log-softmax of a row of 300,000", normal((1, 300_000), (1, 300_000)), gradient_of(lambda x: ops.log_softmax(x)),
        torch_gradient_of(lambda t, x: t.log_softmax(x, -1)), roundings=2),
    Row("cross-entropy of rows of 1,000", normal((64, 1000)), crossentropy, torch_crossentropy, roundings=2),
    Row("gradient of cross-entropy", normal((64, 1000), (64,)), gradient_of(crossentropy), torch_gradient_of(torch_crossentropy),
        roundings=3),
    Row("batch norm of 8,192 rows", normal((8192, 6), (6,), (6,)), batch_norm, torch_batch_norm),
    Row("batch norm, mean 1000, deviation 1", lambda rng: [1e3 + rng.standard_normal((4096, 6)), *normal((6,), (6,))(rng)], batch_norm,
        torch_batch_norm),
    Row("batch norm and ReLU of 8,192 rows", normal((8192, 6), (6,), (6,)), batch_norm_relu, torch_batch_norm_relu),
    Row("gradient of batch norm", normal((4096, 6), (6,), (6,), (4096, 6)), gradient_of(batch_norm), torch_gradient_of(torch_batch_norm)),
    Row("gradient of batch norm and ReLU", normal((4096, 6), (6,), (6,), (4096, 6)), gradient_of(batch_norm_relu),
        torch_gradient_of(torch_batch_norm_relu)),
    Row("layer norm of rows of 777", normal((20, 777)), lambda x: ops.layer_normalization(x, epsilon=1e-3),
        lambda t, x: t.nn.functional.layer_norm(x, x.shape[-1:], eps=1e-3)),
    Row("group norm, 4 groups of 3 channels", normal((6, 9, 7, 12)), group_norm,
        lambda t, x: t.nn.functional.group_norm(x.permute(0, 3, 1, 2), 4, eps=1e-3).permute(0, 2, 3, 1)),
    Row("average pooling 3x3", normal((2, 15, 15, 6)), lambda x: ops.average_pool(x, 3, 2, "valid", "channels_last"),
        lambda t, x: t.nn.functional.avg_pool2d(x.permute(0, 3, 1, 2), 3, 2).permute(0, 2, 3, 1)),
    Row("gradient of an embedding, 3,000 rows into 40", normal((40, 12), (3000, 12)), gradient_of(embedding),
        torch_gradient_of(torch_embedding)),
]  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What came out for one row and dtype."""

    row: Row
    dtype: str
    ours: float
    torch: float

    @property
    def bound(self) -> float:
        """float32: twice PyTorch's error, or one last place. 16 bits: their roundings, and a little for those of float32."""
        if self.dtype == "float32":
            return max(2 * self.torch, 2 * HALF_UNIT["float32"])
        return self.row.roundings * HALF_UNIT[self.dtype] * 1.01


def measure(torch: Any, row: Row, dtype: str) -> Measured:
    """Run one row. The caller says which kernels are in use."""
    held = [Tensor(a).astype(dtype) for a in row.inputs(np.random.default_rng(0))]
    arrays = [t.astype("float64").numpy() for t in held]
    exact = row.torch(torch, *[torch.from_numpy(a) for a in arrays]).detach().numpy()
    theirs = row.torch(torch, *[torch.from_numpy(a).to(getattr(torch, dtype)) for a in arrays]).detach().to(torch.float64).numpy()
    return Measured(row, dtype, error(row.ours(*held).astype("float64").numpy(), exact, row), error(theirs, exact, row))


def error(found: np.ndarray, exact: np.ndarray, row: Row) -> float:
    off = np.abs(found - exact)
    if row.relative:
        return float(np.max(off / np.maximum(np.abs(exact), 1e-30)))
    return float(np.max(off) / np.max(np.abs(exact)))


def table(measured: list[Measured]) -> str:
    """Markdown: for each row the errors of ours and of PyTorch, dtype by dtype, in units of half a last place."""
    lines = ["| | " + " | ".join(f"{d}, ours | PyTorch" for d in DTYPES) + " |", "|---|" + "---|" * (2 * len(DTYPES))]
    for row in ROWS:
        of_row = {m.dtype: m for m in measured if m.row is row}
        cells = []
        for dtype in DTYPES:
            m = of_row[dtype]
            cells += [f"{m.ours / HALF_UNIT[dtype]:.2f}", f"{m.torch / HALF_UNIT[dtype]:.2f}"]
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(path: str) -> int:
    """Write the table of the default device; 1 if an error is over its bound."""
    import torch

    torch.set_num_threads(1)
    measured = [measure(torch, row, dtype) for row in ROWS for dtype in DTYPES]
    Path(path).write_text(table(measured), encoding="utf-8")
    wrong = [m for m in measured if not m.ours <= m.bound]
    for m in wrong:
        print(f"{m.row.name}, {m.dtype}: error {m.ours:.3g}, allowed are {m.bound:.3g}; PyTorch: {m.torch:.3g}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

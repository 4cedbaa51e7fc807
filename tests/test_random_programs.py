"""Random programs of ops, views and writes in place: replayed and poisoned they equal eager ones bit for bit, and differences agree with
their gradients. What nobody thought of is found here, not by a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, Variable, ops
from gpudl.replay import StepRunner
from gpudl.testing import check_grads

N = 6  # every value of a program is a square of this size: any op fits anywhere
ROWS = Tensor([3, 0, 3, 5, 1, 1], device="cpu")

UNARY: list[Callable[[Tensor], Tensor]] = [
    ops.tanh,
    ops.sigmoid,
    ops.negative,
    lambda a: ops.leaky_relu(a, 0.3),
    lambda a: ops.softmax(a, axis=-1),
    lambda a: ops.softmax(a, axis=0),
    lambda a: a * 0.5 + 1.0,
    ops.transpose,
    lambda a: a[::-1],
    lambda a: a[:, ::-1],
    lambda a: ops.reshape(ops.transpose(a), (N, N)),
    lambda a: ops.reshape(a, (2, N * N // 2)).reshape(N, N),
    lambda a: ops.broadcast_to(a[1:2], (N, N)),
    lambda a: ops.broadcast_to(ops.mean(a, axis=1, keepdims=True), (N, N)),
    lambda a: a - ops.sum(a, axis=0) / N,
    lambda a: ops.concatenate([a[2:], a[:2]], axis=0),
    lambda a: ops.stack(ops.split(a, N, axis=1), axis=0).squeeze(-1),
    lambda a: ops.pad(a[1:-1, 1:-1], ((1, 1), (1, 1))),
    lambda a: ops.flip(ops.roll(a, 1, axis=0), axis=1) if hasattr(ops, "roll") else ops.flip(a, axis=1),
    lambda a: a[ROWS],
    lambda a: ops.sort(a, axis=-1),
    lambda a: a.detach() * 0.25,
]
BINARY: list[Callable[[Tensor, Tensor], Tensor]] = [
    ops.add,
    ops.subtract,
    ops.multiply,
    ops.maximum,
    lambda a, b: ops.matmul(a, b) * 0.3,
    lambda a, b: ops.matmul(a, ops.transpose(b)) * 0.3,
    lambda a, b: ops.where(a > b, a, b * 0.5),
    lambda a, b: a + b[0],
    lambda a, b: a * b[:, 1:2],
]


class Program:
    """A list of steps drawn from a seed. `state` is what it writes in place."""

    def __init__(self, seed: int, writes: bool) -> None:
        rng = np.random.default_rng(seed)
        self.steps: list[tuple[Any, ...]] = []
        unary = UNARY if writes else UNARY[:-1]  # what is detached has a difference, and rightly no gradient
        for count in range(3, 22):  # so many values are there: two inputs and a parameter at first
            if rng.random() < 0.45:
                self.steps.append((unary[rng.integers(len(unary))], int(rng.integers(count))))
            else:
                self.steps.append((BINARY[rng.integers(len(BINARY))], int(rng.integers(count)), int(rng.integers(count))))
        self.writes = {int(i) for i in rng.integers(0, len(self.steps), 3)} if writes else set()
        self.shown = [int(i) for i in rng.integers(3, 22, 2)]

    def run(self, x: Tensor, y: Tensor, w: Tensor, state: Variable | None = None) -> list[Tensor]:
        values = [x, y, w]
        for number, (f, *operands) in enumerate(self.steps):
            values.append(f(*[values[i] for i in operands]))
            if state is not None and number in self.writes:
                state.assign(state * 0.5 + values[-1].detach())
                values[-1] = values[-1] + state.detach()
        return [values[-1], *[values[i] for i in self.shown]]


def draw(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((N, N)).astype("f4")


@pytest.mark.parametrize("seed", range(60))
def test_replay_equals_eager(seed: int) -> None:
    program = Program(seed, writes=True)
    data = np.random.default_rng(seed + 1000)
    inputs = [(draw(data), draw(data)) for _ in range(6)]
    start = draw(data)

    def train(mode: str) -> list[bytes]:
        w, state = Variable(start), Variable(np.zeros((N, N), "f4"), trainable=False)
        gpudl.variables.pack([w])

        def step(x: Tensor, y: Tensor) -> list[Tensor]:
            w.grad = None
            with gpudl.no_grad() if seed % 3 == 2 else gpudl.enable_grad():
                results = program.run(x, y, w, state)
                if seed % 3 != 2:
                    loss = ops.mean(ops.tanh(results[0]) + ops.tanh(results[1]) * w)
                    loss.backward()
                    w.assign_sub(w.grad * 0.1)
            return results

        runner = StepRunner(step, mode, strict=True)
        seen: list[bytes] = []
        for x, y in inputs:
            got = runner([Tensor(x), Tensor(y)])
            seen += [t.numpy().tobytes() for t in got] + [w.numpy().tobytes(), state.numpy().tobytes()]
        assert mode == "eager" or runner.replayed == 4
        return seen

    eager = train("eager")
    assert np.isfinite(np.frombuffer(eager[-2], "f4")).all()
    assert train("replay") == eager
    assert train("poisoned") == eager


@pytest.mark.parametrize("seed", range(100, 130))
def test_gradients_equal_differences(seed: int) -> None:
    program = Program(seed, writes=False)
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal((N, N)) for _ in range(3)]

    def function(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return ops.tanh(program.run(x, y, w)[0])

    check_grads(function, *values, tolerance=1e-5, step=1e-6)

"""Random programs of layers, views, shared values and writes in place: replayed and poisoned with every fusion that there is, they equal
the eager ones bit for bit. The references of fused ops stand in for compiled kernels here, so that all patterns are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, Variable, config, ops
from gpudl.op import Op, registry
from gpudl.plan import Plan
from gpudl.replay import StepRunner
from gpudl.testing import use_kernels

N = 6  # every value of a program is a square of this size: any layer fits anywhere
PROGRAMS = 60
FUSED = (
    "matmul_bias", "matmul_act_grad", "conv2d_bias", "conv2d_act_grad", "batch_norm_act", "batch_norm_act_grad", "softmax_crossentropy",
    "softmax_sparse_crossentropy",
)  # fmt: skip
LABELS = Tensor([3, 0, 3, 5, 1, 1], device="cpu")


class References:
    """A module of compiled kernels that are the references."""

    def kernels(self) -> dict[str, Any]:
        return {name: registry[name] for name in FUSED}

    def bind(self, op: Op, outs: Any, ins: Any, attrs: Any) -> Callable[[], Any]:
        return lambda: op.reference(np, *outs, *ins, *attrs)  # type: ignore[misc]


@pytest.fixture(autouse=True)
def every_fusion(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with gpudl.device("cpu"), use_kernels("numpy"):
        backend, module = gpudl.backends.get("cpu"), References()
        monkeypatch.setattr(backend, "module", module)
        monkeypatch.setattr(backend, "table", module.kernels())
        yield
        monkeypatch.undo()


Act = Callable[[Tensor], Tensor]
ACTS: list[Act] = [
    ops.relu, ops.tanh, ops.sigmoid, ops.gelu, lambda z: z, lambda z: ops.leaky_relu(z, 0.1), lambda z: ops.leaky_relu(z, 1.5),
    lambda z: ops.leaky_relu(z, -0.2), lambda z: ops.relu(z[::-1]),
]  # fmt: skip
VIEWS: list[Act] = [
    ops.transpose, lambda a: a[::-1], lambda a: a * 0.5, lambda a: ops.reshape(a, (2, 18)).reshape(N, N), lambda a: a.detach(),
]  # fmt: skip


class Program:
    """Layers drawn from a seed. What they share: parameters, biases, values before; what they write: moving statistics and a state."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.steps = [self.draw(count) for count in range(2, 14)]

    def draw(self, count: int) -> Callable[[Any, list[Tensor]], Tensor]:
        rng = self.rng
        kind = int(rng.integers(8))
        i, j = max(0, count - 1 - int(rng.integers(3))), int(rng.integers(count))
        act, view, p, q = ACTS[rng.integers(len(ACTS))], VIEWS[rng.integers(len(VIEWS))], int(rng.integers(3)), int(rng.integers(3))
        show, write = rng.random() < 0.1, rng.random() < 0.15

        def dense(net: Any, values: list[Tensor]) -> Tensor:
            product = ops.matmul(values[i], net.kernels[p] if kind else values[j])
            if write:
                net.state.assign(net.state * 0.5 + values[j].detach())
                net.biases[q].assign(net.biases[q] * 0.9)
            z = product + (net.biases[q] if kind != 1 else net.biases[q][:1]) if kind != 2 else product
            if show:
                net.shown.append(product if j % 2 else z)
            return act(z)

        def conv(net: Any, values: list[Tensor]) -> Tensor:
            images = ops.reshape(values[i], (1, N, 1, N)) if j % 2 else ops.reshape(values[i], (N, 1, 1, N))
            kernel = ops.reshape(ops.concatenate([net.kernels[p], net.kernels[q]], 0), (2, 1, N, N))
            for _ in range(1 + count % 2):
                product = ops.conv(images, kernel, padding="same")
                images = act(product + net.biases[q]) + (product if write else 0.0)
            return ops.reshape(images, (N, N))

        def norm(net: Any, values: list[Tensor]) -> Tensor:
            y = ops.batch_norm(values[i], net.biases[p], net.biases[q], net.mean, net.variance, -1, 0.9)
            if write:
                net.biases[q].assign(net.biases[q] * 0.9)
            if show:
                net.shown.append(y)
            return act(y)

        def loss(net: Any, values: list[Tensor]) -> Tensor:
            p = ops.softmax(values[i])  # the targets may be made of it: then there is no place for both
            each = (
                ops.sparse_categorical_crossentropy(LABELS, p)
                if j % 2
                else ops.categorical_crossentropy((p if i % 3 == 0 else values[j]).detach(), p)
            )
            return values[i] + ops.reshape(each, (N, 1)) if show else p * ops.reshape(each, (N, 1))

        def other(net: Any, values: list[Tensor]) -> Tensor:
            return view(values[i]) + values[j] * 0.5

        return (dense, dense, dense, dense, conv, norm, loss, other)[kind]


class Net:
    def __init__(self, program: Program, seed: int) -> None:
        rng = np.random.default_rng(seed)

        def variable(*shape: int, trainable: bool = True) -> Variable:
            return Variable((rng.standard_normal(shape) * 0.5).astype("f4"), trainable=trainable)

        self.program = program
        self.kernels, self.biases = [variable(N, N) for _ in range(3)], [variable(N) for _ in range(3)]
        self.mean, self.variance, self.state = variable(N, trainable=False), Variable(np.ones(N, "f4"), trainable=False), variable(N, N)
        self.shown: list[Tensor] = []
        gpudl.variables.pack([*self.kernels, *self.biases])

    def step(self, x: Tensor, y: Tensor) -> list[Tensor]:
        self.shown = []
        parameters = [*self.kernels, *self.biases]
        for p in parameters:
            p.grad = None
        values = [x, y]
        try:
            for step in self.program.steps:
                values.append(step(self, values))
            total = ops.mean(ops.tanh(values[-1])) + ops.mean(ops.tanh(values[-2]))
            if total.requires_grad:
                total.backward()
        except RuntimeError as error:  # a value that the gradient needs was written: another program without gradients
            assert "was written in place" in str(error)
        with gpudl.no_grad():
            for p in parameters:
                if p.grad is not None:
                    p.assign_sub(ops.clip(p.grad, -1.0, 1.0) * 0.1)
        shown, self.shown = self.shown, []
        return [total, values[-1], *shown]


def run(program: Program, mode: str, seed: int) -> tuple[list[bytes], list[Plan]]:
    net = Net(program, seed)
    data = np.random.default_rng(seed + 1000)
    runner = StepRunner(net.step, mode)
    seen: list[bytes] = []
    for _ in range(6):
        got = runner([Tensor(data.standard_normal((N, N)).astype("f4")) for _ in range(2)])
        seen += [t.numpy().tobytes() for t in (*got, *net.kernels, *net.biases, net.mean, net.variance, net.state)]
    return seen, runner.plans()


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_replay_equals_eager(seed: int) -> None:
    program = Program(seed)
    eager, _ = run(program, "eager", seed)
    for mode in ("replay", "poisoned"):
        seen, plans = run(program, mode, seed)
        assert len(plans) == 1
        assert [a == b for a, b in zip(seen, eager)] == [True] * len(eager), [c for p in plans for c in p.parts if len(c) > 1]
    assert np.isfinite(np.frombuffer(eager[0], "f4")).all()


def test_the_programs_use_every_pattern() -> None:
    seen: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for seed in range(PROGRAMS):
        (plan,) = run(Program(seed), "replay", seed)[1]
        seen.update(call.op.name for call, parts in zip(plan.program, plan.parts) if len(parts) > 1)
        kept.update(call.op.name for call, parts in zip(plan.program, plan.parts) if len(parts) == 1)
    assert all(seen[name] >= 5 for name in FUSED), seen
    assert all(kept[name] >= 3 for name in ("matmul", "conv2d", "batch_norm", "relu", "leaky_relu_grad", "softmax", "sum_to")), kept


def test_a_pass_that_looks_away_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistakes: each check of the pass is needed, and these programs say so."""
    from gpudl.peephole import Pass

    def readers(self: Any, i: int, made: Any) -> int | None:  # others may read it, too
        return next((k for k in self.used[made.slot] if k > i and made in self.call(k).ins), None)

    mistakes: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
        "only_reader": lambda m: m.setattr(Pass, "only_reader", readers),
        "disturb": lambda m: m.setattr("gpudl.peephole.disturb", lambda x, y: False),
        "written_between": lambda m: m.setattr(Pass, "written_between", lambda *_: False),
        "same_numbers": lambda m: m.setattr("gpudl.peephole.same_numbers", lambda a, b: a.slot == b.slot),
    }
    for name, mistake in mistakes.items():
        noticed = False
        with pytest.MonkeyPatch.context() as m:
            mistake(m)
            for seed in range(PROGRAMS):
                config.bump()
                try:
                    noticed = run(Program(seed), "poisoned", seed)[0] != run(Program(seed), "eager", seed)[0]
                except Exception:
                    noticed = True
                if noticed:
                    break
        assert noticed, f"{name} was not noticed"

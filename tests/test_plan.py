"""Recording, planning memory, replaying: lives never meet, and planted mistakes in planner and recorder are noticed.

Pitfall 1: bitwise equality alone did not notice a planner that frees one call early. Replay that poisons dead memory does.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, Variable, op, ops, plan, replay
from gpudl.plan import Plan, Recording, Workspace, plan_memory
from gpudl.replay import StepRunner
from gpudl.variables import pack

R = np.random.default_rng(5)


# the planner --------------------------------------------------------------------------------------------------------------------


def overlaps(lives: list[tuple[int, int, int]], offsets: list[int]) -> list[tuple[int, int]]:
    """Pairs of buffers that are alive at the same time and share a byte."""
    found = []
    for i, (a, b, n) in enumerate(lives):
        for j, (c, d, m) in enumerate(lives[:i]):
            if a <= d and c <= b and offsets[i] < offsets[j] + m and offsets[j] < offsets[i] + n:
                found.append((i, j))
    return found


@pytest.mark.parametrize("batch", range(10))
def test_no_two_lives_that_meet_share_a_byte(batch: int) -> None:
    for trial in range(30):
        rng = np.random.default_rng([batch, trial])
        lives = [(int(a), int(a + rng.integers(0, 12)), int(rng.integers(0, 900))) for a in rng.integers(0, 40, 30)]
        offsets, total = plan_memory(lives)
        assert all(o % 64 == 0 and o + n <= total for o, (_, _, n) in zip(offsets, lives))
        assert not overlaps(lives, offsets)
        most = max(sum(n for a, b, n in lives if a <= t <= b) for t in range(60))
        assert most <= total <= sum(-(-max(n, 1) // 64) * 64 for *_, n in lives)


def test_the_overlap_check_sees_overlaps() -> None:
    assert overlaps([(0, 2, 10), (1, 3, 10)], [0, 5]) == [(1, 0)]
    assert not overlaps([(0, 1, 10), (2, 3, 10)], [0, 5])


def test_a_chain_needs_two_places() -> None:
    _, total = plan_memory([(i, i + 1, 640) for i in range(50)])
    assert total == 1280


def test_planning_nothing() -> None:
    assert plan_memory([]) == ([], 0)
    assert plan_memory([(0, 0, 0)]) == ([0], 64)


# a step with everything in it ---------------------------------------------------------------------------------------------------


class Net:
    """A small training step by hand: two layers, gradient, momentum in place, a counter and a running mean."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.w = Variable(rng.standard_normal((4, 16)).astype("f4") * 0.5, name="w")
        self.b = Variable(np.zeros(16, "f4"), name="b")
        self.v = Variable(rng.standard_normal((16, 3)).astype("f4") * 0.5, name="v")
        self.mean = Variable(np.zeros(16, "f4"), trainable=False, name="mean")
        self.count = Variable(np.zeros((), "i4"), name="count")
        pack([self.w, self.b, self.v])

    def step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        h = ops.leaky_relu(ops.matmul(x, self.w) + self.b, 0.1)
        self.mean.assign(self.mean * 0.9 + ops.mean(h, axis=0).detach() * 0.1)
        z = ops.matmul(ops.tanh(h - self.mean.detach()), self.v)
        difference = z - y
        loss = ops.mean(difference * difference)
        for p in (self.w, self.b, self.v):
            p.grad = None
        loss.backward()
        for p in (self.w, self.b, self.v):
            p.assign_sub(p.grad * 0.1)
        self.count.assign_add(1)
        return {"loss": loss, "hidden": h, "transposed": ops.transpose(z)}

    def state(self) -> list[np.ndarray]:
        return [p.numpy() for p in (self.w, self.b, self.v, self.mean, self.count)] + [p.grad.numpy() for p in (self.w, self.b, self.v)]


DATA = [(R.standard_normal((8, 4)).astype("f4"), R.standard_normal((8, 3)).astype("f4")) for _ in range(10)]


def train(mode: str, data: Any = DATA) -> tuple[list[Any], StepRunner]:
    """All results and states of a training run."""
    net = Net()
    runner = StepRunner(net.step, mode, strict=True)
    seen: list[Any] = []
    for x, y in data:
        out = runner([Tensor(x), Tensor(y)])
        seen.extend(out[k].numpy() for k in out)
        seen.extend(net.state())
    return seen, runner


def equal(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(x.shape == y.shape and x.tobytes() == y.tobytes() for x, y in zip(a, b))


@pytest.mark.parametrize("mode", ["replay", "poisoned"])
def test_replay_equals_eager(mode: str, path: str) -> None:
    eager, _ = train("eager")
    replayed, runner = train(mode)
    assert equal(eager, replayed) and runner.replayed == 8 and runner.eager == 2


def test_two_shapes_take_turns_in_one_workspace(path: str) -> None:
    data = [(x[: 8 - 3 * (i % 2)], y[: 8 - 3 * (i % 2)]) for i, (x, y) in enumerate(DATA)]
    eager, _ = train("eager", data)
    for mode in ("replay", "poisoned"):
        replayed, runner = train(mode, data)
        assert equal(eager, replayed) and runner.replayed == 6
        small, large = sorted(runner.plans(), key=lambda p: p.arena_bytes)
        (memory,) = runner.workspace.memory.values()
        assert 0 < small.arena_bytes < large.arena_bytes <= memory.nbytes
        assert any(np.shares_memory(view, memory) for views in large.operands for view in views)


# planted mistakes ---------------------------------------------------------------------------------------------------------------


def one_call_short(monkeypatch: pytest.MonkeyPatch) -> None:
    real = plan.plan_memory

    def short(lives: Any) -> Any:
        return real([(a, max(a, b - 1), n) for a, b, n in lives])

    monkeypatch.setattr(plan, "plan_memory", short)


def lives_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planner forgets the last read of what any call reads first."""
    real = plan.lives_of

    def lives(calls: Any) -> Any:
        found = real(calls)
        for slot in {call.ins[0].slot for call in calls if call.ins}:
            first, last = found[slot]
            found[slot] = first, max(first, last - 1)
        return found

    monkeypatch.setattr(plan, "lives_of", lives)


def all_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "plan_memory", lambda lives: ([0] * len(lives), max((n for *_, n in lives), default=0)))


def a_call_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Plan.__init__

    def init(self: Plan, *args: Any, **keywords: Any) -> None:
        real(self, *args, **keywords)
        del self.calls[len(self.calls) // 2], self.dying[len(self.dying) // 2]

    monkeypatch.setattr(Plan, "__init__", init)


def inputs_are_not_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "bind", lambda self, inputs: None)


def results_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "own_copy", lambda t, source=None: t)


@pytest.mark.parametrize("mistake", [one_call_short, lives_end_early, all_in_one_place, a_call_is_lost, inputs_are_not_bound])
def test_planted_mistakes_are_noticed(mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    eager, _ = train("eager")
    mistake(monkeypatch)
    try:
        replayed, _ = train("poisoned")
    except Exception:
        return
    assert not equal(eager, replayed), f"{mistake.__name__} was not noticed"


def test_results_that_alias_replay_buffers_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def losses() -> list[float]:
        net = Net()
        runner = StepRunner(net.step)
        kept = [runner([Tensor(x), Tensor(y)])["loss"] for x, y in DATA]
        return [t.item() for t in kept]

    right = losses()
    assert len(set(right)) == len(DATA)
    results_are_not_copied(monkeypatch)
    assert losses() != right


# what is recorded ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded() -> Iterator[tuple[Recording, Tensor, Variable, Tensor]]:
    x, w = Tensor(R.standard_normal((2, 3))), Variable(R.standard_normal((3, 4)))
    with Recording([x]) as recording:
        hidden = ops.exp(ops.matmul(x, w))
        out = (hidden * 2.0).detach()
        del hidden
    yield recording.settle(), x, w, out


def test_a_recording_keeps_descriptions_not_arrays(recorded: Any) -> None:
    recording, x, w, out = recorded
    assert [c.op.name for c in recording.calls] == ["matmul", "exp", "multiply"]
    kept = {id(s.root) for s in recording.slots if s.root is not None}
    assert {id(x.storage.root), id(w.storage.root), id(out.storage.root)} <= kept
    assert sum(s.root is None for s in recording.slots) == 2, "the two values between are temporaries"
    assert [s.input for s in recording.slots if s.input is not None] == [0]


def test_temporaries_are_freed_while_recording() -> None:
    x = Tensor(R.standard_normal((4, 4)))
    with Recording([x]):
        a = ops.exp(x)
        ref = weakref.ref(a.storage)
        b = a * 2.0
        del a
        assert ref() is None
    assert b.shape == (4, 4)


def test_describe_names_calls_and_memory(recorded: Any) -> None:
    recording, x, *_ = recorded
    text = Plan(recording, [x]).describe().splitlines()
    assert len(text) == 4
    kind = "compiled" if gpudl.backends.get().kernels[op.registry["matmul"]] is not None else "reference"
    assert text[0].split()[:2] == ["matmul", kind] and "(2, 4) <- (2, 3), (3, 4)" in text[0]
    assert text[-1] == f"3 calls, temporaries {2 * 64} bytes, arena {2 * 64} bytes"


def test_plans_run_on_other_inputs_of_the_same_shape(recorded: Any) -> None:
    recording, x, w, out = recorded
    made = Plan(recording, [x])
    other = Tensor(R.standard_normal((2, 3)))
    made.bind([other])
    made.run()
    assert np.array_equal(out.numpy(), (ops.exp(ops.matmul(other, w)) * 2.0).numpy())
    made.bind([x])
    made.run_poisoned()
    assert np.array_equal(out.numpy(), (ops.exp(ops.matmul(x, w)) * 2.0).numpy())


def test_views_of_inputs_are_rebound(path: str) -> None:
    """Slices and transposes of an input keep their place in the next input."""

    def step(x: Tensor) -> Any:
        return ops.transpose(x)[1:] * x[0, 0], x[1:], ops.transpose(x), x

    for mode in ("replay", "poisoned"):
        runner = StepRunner(step, mode, strict=True)
        for _ in range(6):
            a = R.standard_normal((3, 4)).astype("f4")
            for got, expected in zip(runner([Tensor(a)]), (a.T[1:] * a[0, 0], a[1:], a.T, a)):
                assert np.array_equal(got.numpy(), expected) and got.array.flags.owndata
        assert runner.replayed == 4


def test_inputs_written_by_the_step(path: str) -> None:
    """Accumulators may be inputs: they are updated in place, whichever they are."""

    def step(total: Tensor, x: Tensor) -> None:
        autograd_add(total, x)

    totals = [Tensor(np.zeros(3)), Tensor(np.zeros(3))]
    runner = StepRunner(step, strict=True)
    for i in range(10):
        before = totals[i % 2].storage.stamp
        runner([totals[i % 2], Tensor(np.full(3, float(i)))])
        assert totals[i % 2].storage.stamp > before, "a write in place is stamped, so that saved values are not trusted"
    assert totals[0].tolist() == [20, 20, 20] and totals[1].tolist() == [25, 25, 25]


def autograd_add(total: Tensor, x: Tensor) -> None:
    gpudl.autograd.apply(gpudl.autograd.ADD_, (x,), updates=(total,))


def test_two_recordings_at_once_are_refused() -> None:
    with Recording(), pytest.raises(RuntimeError, match="already being recorded"), Recording():
        pass
    assert gpudl.tensors.mode.recorder is None


def test_another_thread_is_not_recorded() -> None:
    """Pitfalls 13 and 14: recorder and refusals belong to the thread that records."""
    with Recording() as recording:
        thread = threading.Thread(target=lambda: (Tensor([1.0]) * 2).numpy())
        thread.start()
        thread.join()
    assert not recording.calls and recording.refusal is None


def test_the_workspace_grows_and_old_plans_keep_theirs(path: str) -> None:
    workspace = Workspace()
    backend = gpudl.backends.get()
    small = workspace.take(backend, 100)
    assert workspace.take(backend, 50) is small
    large = workspace.take(backend, 1000)
    assert large.nbytes >= 1000 and small.nbytes == 100 and workspace.take(backend, 900) is large


def test_difference_names_the_first_that_differs() -> None:
    def record(f: Callable[[Tensor], Tensor], x: Tensor) -> Recording:
        with Recording([x]) as recording:
            f(x)
        return recording.settle()

    x = Tensor(np.ones(3))
    assert record(lambda t: ops.exp(t), x).difference(record(lambda t: ops.exp(t), x)) is None
    assert "[exp]" in str(record(ops.exp, x).difference(record(ops.log, x)))
    assert record(ops.exp, x).difference(record(lambda t: ops.exp(ops.exp(t)), x)) == "1 calls, then 2"
    assert "0.1" in str(record(lambda t: ops.leaky_relu(t, 0.1), x).difference(record(lambda t: ops.leaky_relu(t, 0.2), x)))
    assert "constant that was another tensor" in str(record(lambda t: t * 2.0, x).difference(record(lambda t: t * 3.0, x)))


def test_poison_is_nan() -> None:
    for dtype in ("f2", "f4", "f8"):
        assert np.isnan(np.full(8, 0xFF, np.uint8).view(dtype)).all()
    assert op.checks, "conftest turns on the checks of launches"


def test_a_plan_does_not_keep_the_data_of_a_finished_fit() -> None:
    """A model lives long; the data it was trained on need not."""
    model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for method in (lambda x, y: model.fit(x, y, epochs=4, verbose=0), lambda x, y: model.evaluate(x, y, verbose=0)):
        x, y = np.random.default_rng(0).normal(size=(64, 4)).astype("f4"), np.zeros(64, np.int64)
        method(x, y)
        method(x, y)
        gone = weakref.ref(x)
        del x
        assert gone() is None, "somebody still holds the data"
    assert model._runner("train").replayed > 0
    model.fit(np.ones((64, 4), "f4"), np.zeros(64, np.int64), epochs=2, verbose=0)

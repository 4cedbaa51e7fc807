"""A replayed step on a GPU is one CUDA graph: captured without running, launched with the same results, made anew when its inputs change.

Under test on the emulated device, whose stream captures as CUDA's does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from emulated import FAST

import gpudl
from gpudl import layers
from gpudl.backends.base import Backend
from gpudl.plan import AHEAD, Plan, Recording

needs_emulation = pytest.mark.skipif(FAST.module is None, reason=f"the emulation is not installed: {FAST.reason}")

SCRIPT = """
import numpy as np, gpudl
from gpudl import backends
gpudl.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x, y = rng.standard_normal((40, 5)).astype("f4"), rng.integers(0, 3, 40)
layers = gpudl.layers
hidden = [layers.Dense(8, activation="relu"), layers.Dropout(0.3)]
model = gpudl.Sequential([layers.Input((5,)), *hidden, layers.Dense(3, activation="softmax")])
model.compile(gpudl.optimizers.Adam(gpudl.optimizers.schedules.ExponentialDecay(0.01, 3, 0.5)), "sparse_categorical_crossentropy")
device, made = backends.get(), []
graph = device.graph
device.graph = lambda calls: made.append(len(calls)) or graph(calls)
history = model.fit(x, y, epochs=4, batch_size=16, verbose=0).history["loss"]
first = len(made)
history += model.fit(x[::-1], y[::-1], epochs=2, batch_size=16, verbose=0).history["loss"]
model.compile(gpudl.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
history += model.fit(x, y, epochs=2, batch_size=16, verbose=0).history["loss"]
model.optimizer.learning_rate = 0.001
history += model.fit(x, y, epochs=2, batch_size=16, verbose=0).history["loss"]
print("graphs", first, len(made), "of", max(made, default=0), "calls")
print("numbers", *[v.hex() for v in history], *[float(v).hex() for w in model.get_weights() for v in w.ravel()])
"""


def run(**switches: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GPUDL_")}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", SCRIPT], env={**clean, **switches}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_emulation
def test_steps_are_graphs_and_compute_the_same() -> None:
    (graphs, numbers), (_, one_by_one) = run(GPUDL_EMULATE="1"), run(GPUDL_EMULATE="1", GPUDL_GRAPHS="0")
    eager = run(GPUDL_EMULATE="1", GPUDL_CAPTURE="0", GPUDL_FUSE="0")[1]
    words = graphs.split()
    assert int(words[1]) >= 2 and int(words[2]) > int(words[1]) and int(words[4]) > 5  # two batch sizes; anew for other data
    assert numbers == one_by_one
    unfused = run(GPUDL_EMULATE="1", GPUDL_FUSE="0")[1]
    assert unfused == eager


@needs_emulation
def test_the_emulated_stream_captures_as_cuda_does() -> None:
    from gpudl.backends.emulated import EmulatedBackend

    device = EmulatedBackend()
    x, y = np.array([-1.0, 2.0], "f4"), np.zeros(2, "f4")
    relu = device.bind_compiled(gpudl.op.registry["relu"], (y,), (x,), ())
    assert relu is not None
    launch = device.graph([relu, relu])
    assert launch is not None and (y == 0).all(), "nothing runs while a graph is made"
    launch()
    assert y.tolist() == [0.0, 2.0]
    relu()
    forbidden: dict[str, Callable[[], Any]] = {
        "allocating an array": lambda: device.empty((3,), np.dtype("f4")),
        "allocating 64 bytes": lambda: device.arena(64, zero=False),
        "reading an array": lambda: device.to_host(x),
        "writing an array": lambda: device.write(x, x),
        "from the host": lambda: device.from_host(x),
        "waiting": device.synchronize,
    }
    for what, call in forbidden.items():
        with pytest.raises(gpudl.BackendError, match=what):
            device.graph([relu, call])
        call()  # the stream does not capture any more


class Graphs(Backend):
    """The CPU, with graphs that count."""

    def __init__(self, real: Backend, fails: bool = False) -> None:
        self.__dict__.update(real.__dict__)
        self.real, self.fails, self.made, self.launched, self.waited = real, fails, 0, 0, 0

    def __getattribute__(self, name: str) -> Any:
        if name in ("view", "flat_bytes", "arena", "address", "guard", "bind"):
            return getattr(object.__getattribute__(self, "real"), name)
        return object.__getattribute__(self, name)

    def bind_compiled(self, op: Any, outs: Any, ins: Any, attrs: Any) -> Callable[[], Any] | None:
        return self.real.bind(op, outs, ins, attrs) if op.name != "tanh" else None

    def graph(self, calls: Any) -> Callable[[], Any] | None:
        self.made += 1
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        calls = list(calls)

        def launch() -> None:
            self.launched += 1
            for call in calls:
                call()

        return launch

    def synchronize(self) -> None:
        self.waited += 1


def plan_of(function: Callable[[Any], Any], x: Any, monkeypatch: pytest.MonkeyPatch, fails: bool = False) -> tuple[Plan, Any, Graphs]:
    with Recording((x,)) as recording:
        y = function(x)
    device = Graphs(x.storage.backend, fails)
    device.table = dict.fromkeys(gpudl.op.registry)  # type: ignore[assignment]
    monkeypatch.setattr(Plan, "_backend", staticmethod(lambda *_: device))
    monkeypatch.setattr(gpudl.plan.config, "fusion", lambda: False)
    return Plan(recording.settle(), (x,)), y, device


def test_a_plan_makes_one_graph_and_another_for_other_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    x = gpudl.Tensor([1.0, -2.0])
    plan, y, device = plan_of(lambda t: gpudl.ops.exp(gpudl.ops.relu(t)), x, monkeypatch)
    plan.run(AHEAD * 2 + 1)
    assert (device.made, device.launched, device.waited) == (1, AHEAD * 2 + 1, 2)
    plan.bind((x,))
    plan.run()
    assert device.made == 1
    plan.bind((gpudl.Tensor([0.0, 3.0]),))
    plan.run()
    assert device.made == 2
    np.testing.assert_array_equal(y.numpy(), gpudl.ops.exp(gpudl.Tensor([0.0, 3.0])).numpy())


def test_a_step_with_a_reference_kernel_is_looped(monkeypatch: pytest.MonkeyPatch) -> None:
    x = gpudl.Tensor([1.0, -2.0])
    plan, _, device = plan_of(lambda t: gpudl.ops.exp(gpudl.ops.tanh(t)), x, monkeypatch)
    plan.run(3)
    assert device.made == 0


def test_where_no_graph_can_be_made_the_step_is_looped(monkeypatch: pytest.MonkeyPatch) -> None:
    x = gpudl.Tensor([1.0, -2.0])
    plan, y, device = plan_of(lambda t: gpudl.ops.exp(gpudl.ops.relu(t)), x, monkeypatch, fails=True)
    with pytest.warns(RuntimeWarning, match="kernel by kernel.*not permitted when stream is capturing"):
        plan.run(3)
    plan.run(2)
    assert device.made == 1
    np.testing.assert_array_equal(y.numpy(), gpudl.ops.exp(gpudl.Tensor([1.0, 0.0])).numpy())


def test_a_watched_step_is_launched_kernel_by_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    x = gpudl.Tensor([1.0, -2.0])
    plan, _, device = plan_of(lambda t: gpudl.ops.exp(gpudl.ops.relu(t)), x, monkeypatch)
    with gpudl.profile(show=False) as seen:
        plan.run(2)
    assert device.launched == 0 and [event.facts.op for event in seen.events] == ["relu", "exp"] * 2


def test_on_the_cpu_there_are_no_graphs() -> None:
    model = gpudl.Sequential([layers.Input((3,)), layers.Dense(2)])
    assert model(gpudl.ones((1, 3))).storage.backend.graph([]) is None

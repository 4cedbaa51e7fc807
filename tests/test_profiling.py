"""`profile()` times every kernel and knows its layer, eager, replayed and backward; GPUDL_DEBUG and GPUDL_SYNC say what runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers, profiling
from gpudl.backends.base import Backend


def net() -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential([layers.Input((6,)), layers.Dense(8, activation="relu", name="first"), layers.Dense(3, name="last")])
    model.compile(optimizer="adam", loss="mse")
    return model


def data(rows: int = 32) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, 6)).astype("f4"), rng.standard_normal((rows, 3)).astype("f4")


def test_rows_add_up() -> None:
    with gpudl.profile(show=False) as seen:
        a = gpudl.ones((64, 32))
        for _ in range(3):
            b = a @ gpudl.ones((32, 16))
        gpudl.ops.relu(b)
    rows = {row.name: row for row in seen.kernels()}
    assert rows["matmul"].calls == 3 and rows["relu"].calls == 1
    assert sum(row.share for row in rows.values()) == pytest.approx(1)
    assert sum(row.us for row in rows.values()) <= seen.wall_us
    flops, moved = 3 * 2 * 64 * 32 * 16, 3 * 4 * (64 * 32 + 32 * 16 + 64 * 16)
    assert rows["matmul"].gflop_per_s == pytest.approx(flops / rows["matmul"].us / 1000)
    assert rows["matmul"].gb_per_s == pytest.approx(moved / rows["matmul"].us / 1000)
    assert rows["relu"].gflop_per_s == 0


def test_layers_are_known_forward_and_backward_eager_and_replayed() -> None:
    model, (x, y) = net(), data()
    with gpudl.profile(show=False) as eager:
        model.fit(x, y, batch_size=32, epochs=1, verbose=0)
    model.fit(x, y, batch_size=32, epochs=4, verbose=0)
    with gpudl.profile(show=False) as replayed:
        model.fit(x, y, batch_size=32, epochs=1, verbose=0)
    assert model.weights
    for seen in (eager, replayed):
        names = {row.name for row in seen.layers()}
        assert {"first", "last", "(outside layers)"} <= names
        products = Counter(event.facts.layer for event in seen.events if event.facts.op.startswith("matmul"))
        assert products == {"first": 2, "last": 3}  # the first needs no gradient of its input
        assert any(event.facts.op.startswith("adam") for event in seen.events if event.facts.layer is None)
    assert profiling.state.watcher is None and gpudl.tensors.mode.layer is None


def test_results_do_not_change() -> None:
    def trained(watch: bool) -> list[Any]:
        model, (x, y) = net(), data(70)
        if watch:
            with gpudl.profile(show=False):
                model.fit(x, y, batch_size=16, epochs=4, verbose=0, shuffle=False)
        else:
            model.fit(x, y, batch_size=16, epochs=4, verbose=0, shuffle=False)
        return [np.asarray(w) for w in model.get_weights()]

    for a, b in zip(trained(False), trained(True)):
        assert np.array_equal(a, b)


def test_many_calls_are_settled_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "WAITING", 4)
    a = gpudl.ones((2, 2))
    with gpudl.profile(show=False) as seen:
        for _ in range(11):
            gpudl.ops.exp(a)
        assert len(seen.events) == 8
    assert len(seen.events) == 11
    assert [event.start for event in seen.events] == sorted(event.start for event in seen.events)


def test_a_call_within_a_call_counts_once() -> None:
    """A strided operand is copied first: the copy's time is its own."""

    class Clock(Backend):
        now = 0.0

        def mark(self) -> float:
            self.now += 1
            return self.now

        def between(self, start: float, end: float) -> float:
            return end - start

    clock, array = Clock("cpu", np), np.zeros(3, "f4")  # type: ignore[arg-type]
    with gpudl.profile(show=False) as seen:
        seen.begin(clock)  # outer
        seen.begin(clock)  # inner
        seen.end(clock, "copy", None, [array], [array], ())
        seen.end(clock, "relu", None, [array], [array], ())
    outer, inner = (next(e for e in seen.events if e.facts.op == name) for name in ("relu", "copy"))
    assert outer.start >= inner.start + inner.us


def test_trace_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, (x, _) = net(), data()
    with gpudl.profile(tmp_path / "trace.json"):
        model(gpudl.Tensor(x))
    said = capsys.readouterr().out
    assert "kernel calls on cpu" in said and "first" in said and "matmul" in said and "\x1b" not in said
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    product = next(e for e in events if e["name"].startswith("matmul"))
    assert product["ph"] == "X" and product["dur"] > 0 and product["args"]["layer"] == "first"
    assert product["args"]["flops"] == 2 * 32 * 6 * 8


def test_profiles_do_not_nest_and_end_with_the_block() -> None:
    with gpudl.profile(show=False), pytest.raises(RuntimeError, match="another profile"), gpudl.profile():
        pass
    with pytest.raises(ZeroDivisionError), gpudl.profile():
        _ = 1 / 0
    assert profiling.state.watcher is None


@pytest.mark.parametrize(
    ("op", "outs", "ins", "attrs", "flops"),
    [
        ("matmul", [(5, 2, 4)], [(5, 3, 2), (3, 4)], (True, False), 2 * 5 * 2 * 4 * 3),
        ("matmul_bias", [(2, 4)], [(2, 3), (3, 4), (4,)], (False, False, 1, 0.0), 48),
        ("conv2d", [(1, 4, 4, 8)], [(1, 6, 6, 3), (3, 3, 3, 8)], (), 2 * 16 * 8 * 27),
        ("conv2d_grad_kernel", [(3, 3, 3, 8)], [(1, 6, 6, 3), (1, 4, 4, 8)], (), 2 * 16 * 8 * 27),
        ("conv2d_grad_input", [(1, 6, 6, 3)], [(1, 4, 4, 8), (3, 3, 3, 8)], (), 2 * 16 * 8 * 27),
        ("relu", [(3,)], [(3,)], (), 0),
    ],
)
def test_work_is_counted(op: str, outs: Any, ins: Any, attrs: Any, flops: int) -> None:
    assert profiling.flops_of(op, outs, ins, attrs) == flops


class Broken(Backend):
    """A device whose kernels fail some time after their launch."""

    def synchronize(self) -> None:
        raise OSError("an illegal memory access was encountered")


def test_sync_names_op_and_layer(capsys: pytest.CaptureFixture[str]) -> None:
    teller, device, array = profiling.Teller(0), Broken("cuda:0", np), np.zeros((2, 3), "f4")
    teller.begin(device)
    with pytest.raises(gpudl.BackendError, match=r"\[softmax\] in layer 'probabilities' failed on cuda:0: an illegal .*\(2, 3\)"):
        teller.end(device, "softmax", "probabilities", [array], [array], (1,))
    assert capsys.readouterr().err == ""


PROGRAM = "import gpudl; from gpudl import layers; layers.Dense(4, name='wide')(gpudl.ones((2, 3)))"


def run(**switches: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM], env={**os.environ, **switches}, capture_output=True, text=True)


def test_debug_ladder() -> None:
    said = {level: run(GPUDL_DEVICE="cpu", GPUDL_DEBUG=str(level)).stderr for level in range(5)}
    assert said[0] == ""
    assert [line.split()[:3] for line in said[1].splitlines()] == [["gpudl:", "cpu:", "path"]]
    product = next(line for line in said[2].splitlines() if "matmul" in line)
    assert "GB/s" in product and "GFLOP/s" in product and product.endswith("wide")
    assert "(2, 4)" not in said[3] and "float32 ((2, 4),) <- ((2, 3), (3, 4))" in said[4]
    assert "0 to 4" in run(GPUDL_DEBUG="5").stderr
    assert run(GPUDL_SYNC="1").returncode == 0

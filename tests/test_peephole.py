"""Runs of recorded calls become one fused call where nobody else can tell, and stay as they are everywhere else: eager, replayed and
poisoned steps agree bit for bit on the path "numpy"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, Variable, config, ops, peephole
from gpudl import layers as L
from gpudl.op import Op
from gpudl.ops.fused import ACTIVATIONS, MATMUL_BIAS
from gpudl.plan import Plan, Recording
from gpudl.replay import StepRunner
from gpudl.testing import use_kernels
from gpudl.variables import pack


@pytest.fixture(autouse=True)
def reference_kernels() -> Iterator[None]:
    with gpudl.device("cpu"), use_kernels("numpy"):
        yield


def draw(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape).astype(gpudl.dtypes.standard(dtype))


class Net:
    """Parameters in an arena, and a step over them that is written down by a test."""

    def __init__(self, forward: Callable[..., Any], dtype: str = "float32", train: bool = True) -> None:
        self.w = Variable(draw(5, 4, dtype=dtype), name="w")
        self.b = Variable(draw(4, dtype=dtype), name="b")
        self.v = Variable(draw(4, 6, dtype=dtype), name="v")
        self.c = Variable(draw(6, dtype=dtype), name="c")
        self.state = Variable(draw(7, 4, dtype=dtype), trainable=False, name="state")
        self.forward, self.train = forward, train
        pack([self.w, self.b, self.v, self.c])

    def step(self, x: Tensor) -> Any:
        with gpudl.enable_grad() if self.train else gpudl.no_grad():
            out = self.forward(self, x)
            if not self.train:
                return out
            loss = ops.mean(out * out)
            for p in self.parameters:
                p.grad = None
            loss.backward()
        for p in self.parameters:
            if p.grad is not None:
                p.assign_sub(p.grad * 0.1)
        return loss

    @property
    def parameters(self) -> list[Variable]:
        return [self.w, self.b, self.v, self.c]


def replayed(forward: Callable[..., Any], dtype: str = "float32", train: bool = True, calls: int = 6) -> Plan:
    """The plan of a step that was found to give the same bits eagerly, replayed and poisoned."""
    seen: dict[str, list[bytes]] = {}
    for mode in ("eager", "poisoned", "replay"):
        net = Net(forward, dtype, train)
        runner = StepRunner(net.step, mode, strict=True)
        seen[mode] = []
        for i in range(calls):
            result = runner([Tensor((draw(7, 5) + i).astype(draw(1, dtype=dtype).dtype))])
            tensors = [result] if isinstance(result, Tensor) else list(result)
            seen[mode] += [t.numpy().tobytes() for t in (*tensors, *net.parameters, net.state)]
    assert seen["replay"] == seen["eager"]
    assert seen["poisoned"] == seen["eager"]
    (plan,) = runner.plans()
    return plan


def names(plan: Plan) -> list[str]:
    return [call.op.name for call in plan.program]


def fused(plan: Plan) -> list[tuple[str, ...]]:
    """What the fused calls stand for."""
    return [parts for parts in plan.parts if len(parts) > 1]


ACTS: dict[str, Callable[[Tensor], Tensor]] = {"relu": ops.relu, "sigmoid": ops.sigmoid, "tanh": ops.tanh}


# what is fused ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("act", ACTS)
def test_dense_forward(act: str, dtype: str) -> None:
    plan = replayed(lambda net, x: ACTS[act](ops.matmul(x, net.w) + net.b), dtype)
    assert fused(plan) == [("matmul", "add", act)]
    (call,) = [c for c in plan.program if c.op is MATMUL_BIAS]
    assert call.attrs == (False, False, ACTIVATIONS.index(act), 0.0)
    assert [o.shape for o in (*call.outs, *call.ins)] == [(7, 4), (7, 5), (5, 4), (4,)]


def test_dense_without_activation() -> None:
    assert fused(replayed(lambda net, x: ops.matmul(x, net.w) + net.b)) == [("matmul", "add")]


def test_dense_and_what_is_not_known() -> None:
    plan = replayed(lambda net, x: ops.gelu(ops.matmul(x, net.w) + net.b))
    assert fused(plan) == [("matmul", "add")] and "gelu" in names(plan)


def test_dense_backward() -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        return ops.tanh(ops.matmul(ops.relu(ops.matmul(x, net.w) + net.b), net.v) + net.c)

    plan = replayed(forward)
    assert fused(plan) == [("matmul", "add", "relu"), ("matmul", "add", "tanh"), ("matmul", "relu_grad", "sum_to")]
    assert "relu_grad" not in names(plan)


def test_transposed_products() -> None:
    from gpudl.autograd import apply
    from gpudl.ops.linalg import MATMUL

    plan = replayed(lambda net, x: ops.relu(apply(MATMUL, (net.w, x), (True, True)) + net.state[:, 0]))
    assert ("matmul", "add", "relu") in fused(plan)
    assert [c.attrs[:2] for c in plan.program if c.op is MATMUL_BIAS] == [(True, True)]


def test_rows_of_batches_by_views() -> None:
    """A product of rows whose bias is added to their three-axis view."""
    plan = replayed(lambda net, x: ops.relu(ops.matmul(ops.reshape(x, (1, 7, 5)), net.w) + net.b))
    assert ("matmul", "add", "relu") in fused(plan)


def test_one_bias_for_two_layers() -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        return ops.relu(ops.matmul(x, net.w) + net.b) + ops.tanh(ops.matmul(x * 2.0, net.w) + net.b)

    assert fused(replayed(forward)) == [("matmul", "add", "relu"), ("matmul", "add", "tanh")]


def train_model(net: list[L.Layer], shape: tuple[int, ...], mode: str = "replay") -> tuple[Any, list[bytes]]:
    gpudl.utils.set_random_seed(3)
    model = gpudl.Sequential([L.Input(shape), *net, L.Flatten(), L.Dense(3, "softmax")])
    model.compile(gpudl.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = mode
    x, y = draw(36, *shape), np.arange(36) % 3
    history = model.fit(x, y, batch_size=12, epochs=3, verbose=0).history
    seen = [np.array(v).tobytes() for v in history.values()] + [v.numpy().tobytes() for v in model.variables]
    return model, [*seen, model.predict(x, batch_size=12, verbose=0).tobytes()]


def parts_of(net: Callable[[], list[L.Layer]], shape: tuple[int, ...], step: str = "train") -> list[tuple[str, ...]]:
    """What is fused in the steps of a model, which agree with the eager ones."""
    model, got = train_model(net(), shape)
    assert got == train_model(net(), shape, "eager")[1] == train_model(net(), shape, "poisoned")[1]
    return fused(model._runners[step].plans()[0])


LOSS = ("softmax", "sparse_categorical_crossentropy")


def test_convolutions() -> None:
    found = parts_of(lambda: [L.Conv2D(4, 3, activation="relu"), L.Conv2D(3, 2, strides=2, padding="same", activation="tanh")], (7, 7, 2))
    assert found == [
        ("conv2d", "add", "relu"), ("conv2d", "add", "tanh"), ("matmul", "add"), LOSS, ("conv2d_grad_input", "relu_grad", "sum_to"),
    ]  # fmt: skip


def test_convolutions_of_sequences_and_channels_first() -> None:
    assert ("conv2d", "add", "relu") in parts_of(lambda: [L.Conv1D(4, 3, activation="relu")], (9, 2))
    first = parts_of(lambda: [L.Conv2D(4, 3, activation="relu", data_format="channels_first")] * 1, (2, 7, 7))
    assert ("conv2d", "add", "relu") in first


@pytest.mark.parametrize("act", ["relu", "leaky_relu"])
def test_batch_norm(act: str) -> None:
    found = parts_of(lambda: [L.Conv2D(4, 3), L.BatchNormalization(), L.Activation(act), L.Conv2D(4, 2)], (7, 7, 2))
    assert found[:3] == [("conv2d", "add"), ("batch_norm", act), ("conv2d", "add")]
    inference = parts_of(lambda: [L.Conv2D(4, 3), L.BatchNormalization(), L.Activation(act)], (7, 7, 2), "predict")
    assert ("batch_norm_inference", act) in inference


@pytest.mark.parametrize("target", ["labels", "rows"])
def test_softmax_with_its_loss(target: str) -> None:
    gpudl.utils.set_random_seed(1)
    model = gpudl.Sequential([L.Input((4,)), L.Dense(3, "softmax")])
    sparse = target == "labels"
    model.compile("sgd", "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy", metrics=["accuracy"])
    y = np.arange(8) % 3
    for _ in range(3):
        model.train_on_batch(draw(8, 4), y if sparse else np.eye(3, dtype="f4")[y])
    assert LOSS in fused(model._runners["train_batch"].plans()[0]) or not sparse
    assert any(p[0] == "softmax" for p in fused(model._runners["train_batch"].plans()[0]))


# what is not --------------------------------------------------------------------------------------------------------------------


def show(*kept: str) -> Callable[[Net, Tensor], Any]:
    """A layer, some values between whose calls are results of the step."""

    def forward(net: Net, x: Tensor) -> Any:
        values = {"product": ops.matmul(x, net.w)}
        values["sum"] = values["product"] + net.b
        values["y"] = ops.relu(values["sum"])
        return [values[name] for name in (*kept, "y")]

    return forward


def test_what_the_user_sees_is_made() -> None:
    assert fused(replayed(show(), train=False)) == [("matmul", "add", "relu")]
    assert fused(replayed(show("sum"), train=False)) == [("matmul", "add")]
    assert fused(replayed(show("product"), train=False)) == []


def read_by_others(other: Callable[[Tensor], Tensor]) -> Callable[[Net, Tensor], Tensor]:
    def forward(net: Net, x: Tensor) -> Tensor:
        product = ops.matmul(x, net.w)
        return ops.relu(product + net.b) + other(product)

    return forward


@pytest.mark.parametrize("other", [lambda p: p, lambda p: p[0], lambda p: ops.mean(p), lambda p: ops.transpose(p)[:, :1] * 0.5])
def test_a_product_that_others_read_stays(other: Callable[[Tensor], Tensor]) -> None:
    """Also through a view of it."""
    forward = read_by_others(other) if other(Tensor(np.ones((7, 4)))).shape != (4, 1) else read_by_others(lambda p: ops.mean(other(p)))
    assert not any("matmul" in parts for parts in fused(replayed(forward)))


@pytest.mark.parametrize("shape", [(7, 1), (1, 4), (1,), (), (7, 4)])
def test_other_broadcasts_are_no_bias(shape: tuple[int, ...]) -> None:
    bias = Tensor(draw(*shape))
    assert fused(replayed(lambda net, x: ops.relu(ops.matmul(x, net.w) + bias), train=False)) == []


def test_a_product_that_is_broadcast_stays() -> None:
    bias = Tensor(draw(4))
    assert fused(replayed(lambda net, x: ops.relu(bias + ops.matmul(x, net.w)), train=False)) == [], "the bias is the second operand"
    many = Tensor(draw(3, 7, 4))
    assert fused(replayed(lambda net, x: ops.relu(ops.matmul(x, net.w) + many), train=False)) == []


def test_a_view_between_that_changes_the_order_stays() -> None:
    row = Tensor(draw(7))
    assert fused(replayed(lambda net, x: ops.relu(ops.transpose(ops.matmul(x, net.w)) + row), train=False)) == []
    short = Tensor(draw(2))
    assert fused(replayed(lambda net, x: ops.relu(ops.reshape(ops.matmul(x, net.w), (14, 2)) + short), train=False)) == []


def test_integers_stay() -> None:
    a, b = Tensor(np.arange(20, dtype="i4").reshape(5, 4)), Tensor(np.arange(4, dtype="i4"))
    assert fused(replayed(lambda net, x: ops.matmul(ops.cast(x, "int32"), a) + b, train=False)) == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bits_stay_on_the_reference_path(dtype: str) -> None:
    """There a fused op would round once where the eager step rounds three times."""
    assert fused(replayed(lambda net, x: ops.relu(ops.matmul(x, net.w) + net.b), dtype)) == []


def test_leaky_relu_stays_on_the_reference_path() -> None:
    """Its reference needs room beside its result. But it keeps its output now, not the sum before it."""
    plan = replayed(lambda net, x: ops.matmul(ops.leaky_relu(ops.matmul(x, net.w) + net.b, 0.1), net.v) + net.c)
    assert fused(plan) == [("matmul", "add")] * 2 and names(plan).count("leaky_relu_grad") == 1
    (forward,) = [c for c in plan.program if c.op.name == "leaky_relu"]
    (back,) = [c for c in plan.program if c.op.name == "leaky_relu_grad"]
    assert back.ins[1] == forward.outs[0]
    steep = replayed(lambda net, x: ops.leaky_relu(ops.matmul(x, net.w) + net.b, -0.1))
    (back,) = [c for c in steep.program if c.op.name == "leaky_relu_grad"]
    assert back.ins[1] != next(c for c in steep.program if c.op.name == "leaky_relu").outs[0], "both signs give positive numbers"


# writes in place ----------------------------------------------------------------------------------------------------------------


def test_a_bias_that_is_written_between_is_read_before() -> None:
    """The product waits for its activation, but not past a write of what it reads."""

    def forward(net: Net, x: Tensor) -> Tensor:
        with gpudl.no_grad():
            total = ops.matmul(x, net.w) + net.b
            net.w.assign(net.w * 0.5)
            net.b.assign(net.b + 1.0)
            y = ops.relu(total)
            net.state.assign(y)
            return y

    plan = replayed(forward, train=False)
    assert fused(plan) == [("matmul", "add", "relu")]
    order = names(plan)
    assert order.index("matmul_bias") < order.index("assign_")


def test_writes_on_both_sides_keep_the_parts() -> None:
    """What the sum reads is written before it, what the product reads after: there is no place for both."""

    def forward(net: Net, x: Tensor) -> Tensor:
        with gpudl.no_grad():
            product = ops.matmul(x, net.w)
            net.w.assign(net.w * 0.5)
            net.b.assign(net.b + 1.0)
            return ops.relu(product + net.b)

    assert fused(replayed(forward, train=False)) == []


def test_a_batch_norm_whose_shift_changed_keeps_its_gradient() -> None:
    calls = recorded_calls(lambda: train_model([L.Dense(4), L.BatchNormalization(), L.ReLU()], (5,)))
    everything, _ = peephole.fuse(calls, [True] * 1000, lambda call, parts: True)
    assert any(call.op.name == "batch_norm_act_grad" for call, _ in everything)
    at = next(i for i, c in enumerate(calls) if c.op.name == "relu_grad")
    beta = next(c for c in calls if c.op.name == "batch_norm").ins[2]
    write = calls[at]._replace(op=gpudl.op.registry["assign_"], outs=(beta,), ins=(beta._replace(slot=999),), attrs=())
    changed, _ = peephole.fuse([*calls[:at], write, *calls[at:]], [True] * 1000, lambda call, parts: True)
    assert not any(call.op.name == "batch_norm_act_grad" for call, _ in changed)


def recorded_calls(run: Callable[[], Any]) -> list[Any]:
    model, _ = run()
    return list(model._runners["train"].plans()[0].recording.calls)


# the switch, the planner, compiled kernels ---------------------------------------------------------------------------------------


def deep(fusion: bool) -> tuple[Plan, list[bytes]]:
    config.set_fusion(fusion)
    model, seen = train_model([L.Dense(32, "relu") for _ in range(6)], (16,))
    return model._runners["train"].plans()[0], seen


def test_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    (on, seen), (off, unfused) = deep(True), deep(False)
    assert seen == unfused
    assert fused(off) == [] and len(off.program) == len(off.recording.calls)
    assert len(fused(on)) == 6 + 1 + 1 + 6 and len(on.program) == len(off.program) - 6 * 2 - 1 - 1 - 6 * 2
    assert on.temporary_bytes < 0.7 * off.temporary_bytes and on.arena_bytes <= off.arena_bytes
    config._values["fusion"] = "unread"
    monkeypatch.setenv("GPUDL_FUSE", "0")
    assert config.fusion() is False
    with pytest.raises(TypeError, match="must be True or False"):
        config.set_fusion(1)  # type: ignore[arg-type]


def test_setting_it_ends_plans() -> None:
    net = Net(lambda net, x: ops.relu(ops.matmul(x, net.w) + net.b))
    runner = StepRunner(net.step, strict=True)
    for _ in range(4):
        runner([Tensor(draw(7, 5))])
    assert len(fused(runner.plans()[0])) == 1
    config.set_fusion(False)
    for _ in range(4):
        runner([Tensor(draw(7, 5))])
    assert fused(runner.plans()[0]) == []


def test_describe_says_what_a_fused_call_stands_for() -> None:
    text = replayed(show(), train=False).describe().splitlines()
    size = 4 * (7 * 4 + 7 * 5 + 5 * 4 + 4)
    assert text[0].split()[:2] == ["matmul_bias", "reference"] and text[0].endswith(f"{size} bytes = matmul + add + relu")
    assert text[-1].startswith("1 calls, temporaries 0 bytes")


def test_a_fused_plan_takes_other_inputs() -> None:
    with Recording([x := Tensor(draw(7, 5))]) as recording:
        net = Net(show(), train=False)
        (out,) = net.step(x)
    plan = Plan(recording.settle(), [x])
    other = Tensor(draw(7, 5) * 3)
    plan.bind([other])
    plan.run()
    assert np.array_equal(out.numpy(), np.maximum(other.numpy() @ net.w.numpy() + net.b.numpy(), 0))
    plan.release()
    plan.bind([x])
    plan.run_poisoned()
    assert np.array_equal(out.numpy(), np.maximum(x.numpy() @ net.w.numpy() + net.b.numpy(), 0))


class Table:
    """Stands in for a module of compiled kernels: it has those named, and takes only operands of `dtypes`."""

    def __init__(self, *names: str, dtypes: str = "fd") -> None:
        self.names, self.dtypes, self.ran = names, dtypes, list[str]()

    def kernels(self) -> dict[str, Any]:
        return {name: gpudl.op.registry[name] for name in self.names}

    def bind(self, kernel: Op, outs: Any, ins: Any, attrs: Any) -> Any:
        if any(a.dtype.char not in self.dtypes for a in (*outs, *ins)):
            return None

        def call() -> None:
            self.ran.append(kernel.name)
            kernel.reference(np, *outs, *ins, *attrs)  # type: ignore[misc]

        return call


def plan_with(table: Table, forward: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, dtype: str = "float32") -> Plan:
    """A plan that is made when there are compiled kernels; the step is recorded before."""
    net, backend = Net(forward, dtype), gpudl.backends.get("cpu")
    for _ in range(2):
        with Recording([x := Tensor(draw(7, 5, dtype=dtype))]) as recording:
            net.step(x)
        recording.settle()
    monkeypatch.setattr(backend, "module", table)
    monkeypatch.setattr(backend, "table", table.kernels())
    backend.kernels.clear()
    try:
        plan = Plan(recording, [x])
        plan.run()
    finally:
        backend.kernels.clear()
    return plan


def two_layers(net: Net, x: Tensor) -> Tensor:
    return ops.tanh(ops.matmul(ops.leaky_relu(ops.matmul(x, net.w) + net.b, 0.1), net.v) + net.c)


FUSED = ("matmul_bias", "matmul_act_grad")


def test_compiled_kernels_are_asked_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(*FUSED)
    plan = plan_with(table, two_layers, monkeypatch)
    assert fused(plan) == [("matmul", "add", "leaky_relu"), ("matmul", "add", "tanh"), ("matmul", "leaky_relu_grad", "sum_to")]
    assert table.ran == ["matmul_bias", "matmul_bias", "matmul_act_grad"]
    assert [line.split()[1] for line in plan.describe().splitlines() if line.startswith("matmul_")] == ["compiled"] * 3


def without_bias(net: Net, x: Tensor) -> Tensor:
    return ops.matmul(ops.relu(ops.matmul(x, net.w)), net.v)


def test_sums_that_nobody_asks_for_go_to_a_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled kernel makes them on the way; a reference would do more than its parts."""
    assert fused(replayed(without_bias)) == []
    table = Table(*FUSED)
    plan = plan_with(table, without_bias, monkeypatch)
    assert fused(plan) == [("matmul", "relu_grad")] and table.ran == ["matmul_act_grad"]
    (call,) = [c for c in plan.program if len(c.outs) == 2]
    assert call.outs[1].slot == len(plan.recording.slots) and plan.roots[call.outs[1].slot].nbytes == 4 * 4


def test_compiled_kernels_take_16_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(fused(plan_with(Table(*FUSED, dtypes="fe"), two_layers, monkeypatch, "float16"))) == 3


def test_what_a_compiled_kernel_declines_runs_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for dtypes in ("", "d"):
        table = Table(*FUSED, dtypes=dtypes)
        assert fused(plan_with(table, two_layers, monkeypatch)) == [] and table.ran == []
        monkeypatch.undo()


def test_compiled_parts_are_not_given_up_for_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("tanh")
    assert fused(plan_with(table, two_layers, monkeypatch)) == [("matmul", "add")] * 2 and table.ran == ["tanh"]
    monkeypatch.undo()
    assert fused(plan_with(Table("add"), two_layers, monkeypatch)) == []


# what a fused op is: its parts, bit for bit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", range(5))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_references_give_the_bits_of_their_parts(act: int, dtype: str) -> None:
    from gpudl.autograd import SUM_TO, apply
    from gpudl.ops.fused import MATMUL_ACT_GRAD

    a, b, bias, g = (Tensor(draw(*s, dtype=dtype)) for s in ((130, 37), (37, 21), (21,), (130, 5)))
    special = a.numpy()
    special[:3, 0] = np.nan, np.inf, -np.inf
    a, slope = Tensor(special), 0.3
    name, attrs = ACTIVATIONS[act], (slope,) if ACTIVATIONS[act] == "leaky_relu" else ()
    z = ops.matmul(a, b) + bias
    y = z if act == 0 else apply(gpudl.op.registry[name], (z,), attrs)
    assert apply(MATMUL_BIAS, (a, b, bias), (False, False, act, slope)).numpy().tobytes() == y.numpy().tobytes()
    w = Tensor(draw(21, 5, dtype=dtype))
    h = ops.matmul(g, ops.transpose(w))
    dz = h if act == 0 else apply(gpudl.op.registry[f"{name}_grad"], (h, z if attrs else y), attrs)
    got, sums = apply(MATMUL_ACT_GRAD, (g, w, y), (False, True, act, slope))
    assert got.numpy().tobytes() == dz.numpy().tobytes()
    assert sums.numpy().tobytes() == apply(SUM_TO, (dz,), (21,)).numpy().tobytes()

"""`gpudl.capture`: what makes a key, what is replayed, what is refused and with which line, what the user receives."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
import time
import warnings
import weakref
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, Variable, config, op, ops, replay
from gpudl.errors import CaptureError
from gpudl.tensors import Storage, wrap
from gpudl.versioned import Versioned

R = np.random.default_rng(9)


def array(*shape: int) -> np.ndarray:
    return R.standard_normal(shape).astype("f4")


def compare(function: Any, calls: Any, **options: Any) -> gpudl.capture:
    """Call a function eagerly and captured with the same arguments; equal bit for bit, each time."""
    captured = gpudl.capture(function, **options)
    for args in calls:
        expected, got = function(*args), captured(*args)
        pairs = zip(expected, got) if isinstance(expected, tuple) else [(expected, got)]
        for e, g in pairs:
            assert g.numpy().tobytes() == e.numpy().tobytes() and g.shape == e.shape and g.dtype == e.dtype
    return captured


def test_third_call_is_replayed(path: str) -> None:
    calls = [0]

    def step(x: Tensor) -> Tensor:
        calls[0] += 1
        return ops.exp(x) * 2

    captured = gpudl.capture(step)
    for i in range(6):
        x = array(3, 4)
        assert np.array_equal(captured(Tensor(x)).numpy(), (ops.exp(Tensor(x)) * 2).numpy())
        assert captured.replayed == max(0, i - 1)
    assert calls == [2]
    assert len(captured.plans) == 1 and "exp" in captured.plans[0].describe()
    assert captured.__name__ == "step"


def test_shapes_dtypes_constants_and_sharing_are_part_of_the_key(path: str) -> None:
    def step(x: Tensor, y: Tensor, k: Any = 1) -> Tensor:
        return (x * y + 1) * k

    a, b = Tensor(array(3)), Tensor(array(3))
    captured = compare(step, [(a, b)] * 4)
    assert captured.replayed == 2
    for args in [(a, a), (Tensor(array(4)), Tensor(array(4))), (a.to(dtype="float64"), b), (a, b, 2), (a, b, 2.0), (a, b, True)]:
        before = captured.replayed
        expected = step(*args)
        for n in range(4):
            got = captured(*args)
            assert got.numpy().tobytes() == expected.numpy().tobytes() and got.dtype == expected.dtype
            assert captured.replayed == before + max(0, n - 1), "another key starts anew"


def test_keywords_and_defaults(path: str) -> None:
    def step(x: Tensor, *, scale: float = 1.0, shift: Tensor | None = None) -> Tensor:
        return x * scale if shift is None else x * scale + shift

    captured = gpudl.capture(step)
    x = Tensor(array(3))
    for _ in range(4):
        assert np.array_equal(captured(x, scale=3.0).numpy(), step(x, scale=3.0).numpy())
        assert np.array_equal(captured(x, shift=x).numpy(), step(x, shift=x).numpy())
        assert np.array_equal(captured(x).numpy(), x.numpy())
    assert captured.replayed == 6


def test_arrays_are_inputs_and_their_changes_are_seen(path: str) -> None:
    captured = gpudl.capture(lambda x: x * 2)
    a = array(3)
    for i in range(5):
        a[...] = i
        assert (captured(a).numpy() == 2 * i).all()
    assert captured.replayed == 3


def test_views_as_inputs_are_read_as_they_are(path: str) -> None:
    captured = gpudl.capture(lambda x: x * 2)
    base = Tensor(array(6, 4))
    for i in range(4):
        assert np.array_equal(captured(base[i : i + 2]).numpy(), base.numpy()[i : i + 2] * 2)
        assert np.array_equal(captured(ops.transpose(base)).numpy(), base.numpy().T * 2)
    assert captured.replayed == 4


def test_unhashable_arguments_are_refused() -> None:
    with pytest.raises(CaptureError, match=r"step: arguments must be tensors, arrays or hashable constants\. Received"):

        @gpudl.capture
        def step(x: Tensor, table: dict) -> Tensor:
            return x

        step(Tensor(1.0), {"a": 1})


def test_results_have_memory_of_their_own(path: str) -> None:
    captured = gpudl.capture(lambda x: {"twice": x * 2, "same": [x, x[0]]})
    kept = []
    for i in range(6):
        out = captured(Tensor(np.full((2, 2), float(i))))
        kept.append((i, out))
    for i, out in kept:
        assert (out["twice"].numpy() == 2 * i).all() and (out["same"][0].numpy() == i).all() and (out["same"][1].numpy() == i).all()
        assert not out["twice"].requires_grad


def test_results_that_are_views_of_inputs_follow_the_inputs(path: str) -> None:
    """A result that looks into an input was once shown from the input of the first call."""
    compare(lambda x: ops.transpose(x)[1:], [(Tensor(array(3, 4)),) for _ in range(5)])
    compare(lambda x: x, [(Tensor(array(3, 4)),) for _ in range(5)])
    compare(lambda x: (x * 2, x[1], x), [(Tensor(array(3, 4)),) for _ in range(5)])


def test_parameters_are_known_by_identity(path: str) -> None:
    v, w = Variable(array(3)), Variable(array(3))
    captured = gpudl.capture(lambda p, x: p * x)
    x = Tensor(array(3))
    for _ in range(4):
        assert np.array_equal(captured(v, x).numpy(), v.numpy() * x.numpy())
        assert np.array_equal(captured(w, x).numpy(), w.numpy() * x.numpy())
    v.assign(array(3))
    assert np.array_equal(captured(v, x).numpy(), v.numpy() * x.numpy())
    assert captured.replayed == 5


def test_backward_inside_and_gradients_after_a_replay(path: str) -> None:
    """`param.grad` is right after a replayed step, and gathers over calls as it does eagerly."""
    values = array(3, 2)
    x = [Tensor(array(4, 3)) for _ in range(7)]
    grads = []
    for captured in (False, True):
        w = Variable(values)
        gpudl.variables.pack([w])

        def step(x: Tensor, w: Variable = w) -> Tensor:
            y = ops.tanh(ops.matmul(x, w))
            loss = (y * y).sum()
            loss.backward()
            return loss

        run = gpudl.capture(step) if captured else step
        seen = []
        for i, data in enumerate(x):
            if i % 3 == 0:
                w.grad = None
            seen += [run(data).numpy(), w.grad.numpy()]
        grads.append(seen)
        if captured:
            assert run.replayed >= 1
    assert all(np.array_equal(a, b) for a, b in zip(*grads))


def test_grad_mode_is_part_of_the_key() -> None:
    w = Variable(array(3))
    captured = gpudl.capture(lambda x: gpudl.grad((w * x).sum(), w) if gpudl.tensors.mode.grad else x)
    x = Tensor(array(3))
    for _ in range(4):
        assert np.array_equal(captured(x).numpy(), x.numpy())
    with gpudl.no_grad():
        for _ in range(4):
            assert np.array_equal(captured(x).numpy(), x.numpy())
    assert captured.replayed == 4


def test_a_gradient_set_by_hand_is_added_to(path: str) -> None:
    """The recorded step added to the gradient in the arena; another tensor in its place must not be lost."""

    def run(mode: str) -> list[np.ndarray]:
        w, seen = Variable(np.ones(3, "f4")), []
        gpudl.variables.pack([w])
        runner = replay.StepRunner(lambda x: (w * x * x).sum().backward(), mode)
        for i in range(12):
            if i % 6 == 4:
                w.grad = Tensor(np.full(3, 100.0, "f4"))
            if i == 6:
                w.grad = None
            runner([Tensor(np.full(3, float(i), "f4"))])
            seen.append(w.grad.numpy())
        assert runner.replayed > 0 or mode == "eager"
        return seen

    assert all(np.array_equal(a, b) for a, b in zip(run("eager"), run("replay")))


def test_state_may_be_an_argument(path: str) -> None:
    """Variables are known by identity, trainable or not: what the step writes is written into them."""
    total, other = (Variable(np.zeros(2, "f4"), trainable=False) for _ in range(2))

    @gpudl.capture
    def step(v: Variable, x: Tensor) -> Tensor:
        v.assign_add(x)
        return v * 1

    for i in range(5):
        assert (step(total, Tensor(np.ones(2, "f4"))).numpy() == i + 1).all()
    step(other, Tensor(np.ones(2, "f4")))
    assert (total.numpy() == 5).all() and (other.numpy() == 1).all() and step.replayed == 3


def test_arguments_from_the_tape_are_refused() -> None:
    captured = gpudl.capture(lambda x: x * 2)
    w = Variable([1.0])
    with pytest.raises(CaptureError, match=r"computed on the tape.*Pass argument\.detach\(\)"):
        captured(w * 2)
    for _ in range(200):
        captured(Tensor([1.0], requires_grad=True))
    assert len(captured._layouts) <= replay.LAYOUTS


def test_methods_can_be_captured(path: str) -> None:
    class Model:
        def __init__(self, k: float) -> None:
            self.w = Variable([k])

        @gpudl.capture
        def step(self, x: Tensor) -> Tensor:
            return self.w * x

    a, b = Model(2.0), Model(3.0)
    for _ in range(4):
        assert a.step(Tensor([5.0])).item() == 10 and b.step(Tensor([5.0])).item() == 15
    assert a.step.replayed == 4


def test_no_arguments_at_all(path: str) -> None:
    w = Variable([1.0])
    captured = gpudl.capture(lambda: w.assign(w * 2) or (ops.zeros(3) + w))
    assert [captured().tolist()[0] for _ in range(5)] == [2, 4, 8, 16, 32]
    assert captured.replayed == 3


def test_the_default_device_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpudl.backends import registry

    captured = gpudl.capture(lambda: ops.zeros(3) + 1)
    with gpudl.device("cpu"):
        for _ in range(4):
            assert captured().device == "cpu"
        second = type(gpudl.backends.get("cpu"))()
        second.device = "cuda:7"
        monkeypatch.setitem(registry._backends, "cuda:7", second)
        with gpudl.device("cuda:7"):
            assert captured().device == "cuda:7"
        assert captured().device == "cpu"


def test_packing_after_recording_is_seen(path: str) -> None:
    """A plan must not go on with memory that its parameters have left."""
    w = Variable(np.zeros(3, "f4"))
    captured = gpudl.capture(lambda x: w.assign_add(x))
    for _ in range(4):
        captured(Tensor(np.ones(3, "f4")))
    gpudl.variables.pack([w])
    for i in range(5, 9):
        captured(Tensor(np.ones(3, "f4")))
        assert (w.numpy() == i).all()
    assert captured.replayed == 4


def test_hooks_and_requires_grad_after_recording_are_seen(path: str) -> None:
    w, c = Variable(np.ones(3, "f4")), Tensor(np.full(3, 2.0, "f4"))
    gpudl.variables.pack([w])

    def run(call: Any) -> list[Any]:
        found = []
        c.requires_grad = False
        for i in range(24):
            if i == 6:
                remove = w.register_hook(lambda g: g * 10)
            if i == 12:
                remove()
            if i in (15, 18):
                c.requires_grad = i == 15
            call(Tensor(np.full(3, float(i), "f4")))
            found.append((w.grad.tolist(), c.grad.tolist() if c.grad is not None else None))
        return found

    eager = run(step_with_optional(c, w))
    captured = gpudl.capture(step_with_optional(c, w))
    assert eager == run(captured) and captured.replayed >= 8


def step_with_optional(c: Tensor, w: Variable) -> Any:
    def step(x: Tensor) -> None:
        w.grad = None
        if c.requires_grad:
            c.grad = None
        (w * c * x).sum().backward()

    return step


def test_plans_that_are_replaced_leave_nothing_behind() -> None:
    runner = replay.StepRunner(lambda x: x * 2)
    old = []
    for _ in range(20):
        runner([Tensor(np.ones(3))])
        old += [weakref.ref(p) for p in runner.plans()]
        runner.doubt()
    gc.collect()
    assert len(runner.plans()) == 1 and sum(ref() is not None for ref in old) <= 2


def test_reading_a_gradient_is_part_of_a_step(path: str) -> None:
    """A step that asks whether there is a gradient is not replayed where there is none."""
    w = Variable(np.ones(3, "f4"))
    gpudl.variables.pack([w])

    @gpudl.capture
    def step(x: Tensor) -> Tensor:
        if w.grad is not None:
            return x + w.grad
        return x * 1

    for round in range(3):
        w.grad = None
        for _ in range(4):
            assert (step(Tensor(np.ones(3, "f4"))).numpy() == 1).all()
        (w * float(round + 1)).sum().backward()
        for _ in range(4):
            assert (step(Tensor(np.ones(3, "f4"))).numpy() == round + 2).all()


def test_results_are_copies_in_every_mode(path: str) -> None:
    """A returned Variable is shown as it was, whether the step was replayed or not."""
    for mode in ("eager", "replay"):
        w = Variable(np.zeros(2, "f4"))
        runner = replay.StepRunner(lambda x, w=w: (w.assign_add(x), w)[1], mode)
        kept = [runner([Tensor(np.ones(2, "f4"))]) for _ in range(5)]
        assert [float(k[0]) for k in kept] == [1, 2, 3, 4, 5], mode


def test_random_numbers_go_on_as_in_eager_mode(path: str) -> None:
    def draw() -> tuple[Tensor, Tensor]:
        return gpudl.random.normal((3,)), gpudl.random.uniform((2, 2))

    gpudl.utils.set_random_seed(5)
    eager = [t.numpy() for _ in range(6) for t in draw()]
    gpudl.utils.set_random_seed(5)
    captured = gpudl.capture(draw)
    got = [t.numpy() for _ in range(6) for t in captured()]
    assert captured.replayed == 4 and all(np.array_equal(a, b) for a, b in zip(eager, got))
    gpudl.utils.set_random_seed(5)
    assert np.array_equal(captured()[0].numpy(), eager[0]), "a new seed is obeyed"


def test_an_interrupted_replay_has_written() -> None:
    """What was saved for a gradient before a replay that broke off is not trusted afterwards."""
    w, fail = Variable(np.ones(2, "f4")), [False]
    record = op.Op("test_breaks_off", lambda x: ((x.shape, x.dtype),), lambda xp, y, x: (y.__setitem__(..., x), 1 / (not fail[0])))
    try:
        captured = gpudl.capture(lambda x: (w.assign_add(x), gpudl.autograd.apply(record, (x,)))[1])
        for _ in range(3):
            captured(Tensor(np.ones(2, "f4")))
        y = (w * w).sum()
        fail[0] = True
        with pytest.raises(ZeroDivisionError):
            captured(Tensor(np.ones(2, "f4")))
        with pytest.raises(RuntimeError, match="written in place"):
            y.backward()
    finally:
        del op.registry["test_breaks_off"]


def test_settings_end_the_trust(path: str) -> None:
    captured = gpudl.capture(lambda x: x * 2)
    x = Tensor(array(3))
    for _ in range(4):
        captured(x)
    assert captured.replayed == 2
    config.set_epsilon(1e-5)
    captured(x)
    assert captured.replayed == 2 and not captured.plans
    captured(x)
    captured(x)
    assert captured.replayed == 3


def test_captured_inside_captured(path: str) -> None:
    inner = gpudl.capture(lambda x: ops.exp(x))
    outer = compare(lambda x: inner(x) * 2, [(Tensor(array(3)),) for _ in range(5)])
    assert outer.replayed == 3


def test_times_runs_a_step_several_times(path: str) -> None:
    total = Variable(np.zeros(()))
    runner = replay.StepRunner(lambda x: total.assign_add(x))
    runner([Tensor(1.0, dtype="float64")], times=10)
    assert total.item() == 10 and runner.replayed == 8
    runner([Tensor(2.0, dtype="float64")], times=10)
    assert total.item() == 30 and runner.replayed == 18


def test_at_most_eight_plans_least_recently_used_dropped() -> None:
    captured = gpudl.capture(lambda x: x * 2)

    def call(n: int) -> int:
        before = captured.replayed
        assert (captured(Tensor(np.full(n, 1.0))).numpy() == 2).all()
        return captured.replayed - before

    for n in range(1, 10):
        for _ in range(2):
            call(n)
        assert call(1) == 1 or n == 1, "size 1 is used all the time and stays"
    assert len(captured.plans) == replay.PLANS == 8
    assert call(9) == 1 and call(1) == 1
    assert call(2) == 0, "size 2 was used longest ago"


def test_switched_off_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUDL_CAPTURE", "0")
    captured = gpudl.capture(lambda x: x * 2)
    for _ in range(5):
        assert captured(Tensor(2.0)).item() == 4
    assert captured.replayed == 0


def test_two_threads_share_one_captured_function(path: str) -> None:
    captured = gpudl.capture(lambda x: ops.tanh(ops.exp(x * 0.5) + x) * x)
    data = [array(50) for _ in range(8)]
    expected = [(ops.tanh(ops.exp(Tensor(a) * 0.5) + Tensor(a)) * Tensor(a)).numpy() for a in data]
    wrong: list[Any] = []

    def work(offset: int) -> None:
        for i in range(40):
            k = (i + offset) % 8
            try:
                if not np.array_equal(captured(Tensor(data[k])).numpy(), expected[k]):
                    wrong.append(k)
            except Exception as error:
                wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong and captured.replayed > 100


def test_threads_that_come_first_together_share_one_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once made a runner of its own, and the last one threw the plans of the others away."""
    captured, made = gpudl.capture(lambda x: x * 2), []
    real = captured._make

    def slow(*args: Any) -> Any:
        made.append(1)
        time.sleep(0.05)
        return real(*args)

    monkeypatch.setattr(captured, "_make", slow)
    threads = [threading.Thread(target=lambda: captured(Tensor(array(3)))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(made) == 1 and captured.replayed == 2


def test_noise_in_another_thread_is_not_recorded(path: str) -> None:
    """Another thread's ops, and even its models being built, neither enter nor refuse this thread's recording (pitfalls 13, 14)."""
    stop = threading.Event()

    def noise() -> None:
        a = Tensor(array(3))
        while not stop.is_set():
            (a + a).numpy()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=noise)
    thread.start()
    try:
        captured = compare(lambda x: ops.exp(x) * x + 1, [(Tensor(array(30)),) for _ in range(50)])
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)
    assert captured.replayed == 48


# refusals, each with the user's line ----------------------------------------------------------------------------------------------


class Built(Versioned):
    def __init__(self) -> None:
        self.rate = 1.0
        self._built = True


def reads_the_host(x: Tensor) -> Tensor:
    return x * 0.5 if float(x.sum()) > 1e9 else x * 2.0  # LINE


def prints(x: Tensor) -> Tensor:
    repr(x)  # LINE
    return x * 2.0


def takes_host_data(x: Tensor) -> Tensor:
    return x * Tensor(np.full(3, 0.5, "f4"))  # LINE


def takes_a_list(x: Tensor) -> Tensor:
    return x + [1.0, 2.0, 3.0]  # LINE


def takes_dlpack(x: Tensor) -> Tensor:
    return x * gpudl.from_dlpack(np.full(3, 0.5, "f4"))  # LINE


def hands_out(x: Tensor) -> Tensor:
    np.from_dlpack(x)  # LINE
    return x * 2.0


def smuggles(x: Tensor) -> Tensor:
    """Pitfall 6: an array that did not pass tensor()."""
    a = np.full(3, 0.5, "f4")
    return x * wrap(a, Storage(a, x.storage.backend))  # LINE


state = Variable(np.zeros(3, "f4"), name="state")
built = Built()


def writes_from_the_host(x: Tensor) -> Tensor:
    state.assign(np.ones(3, "f4"))  # LINE
    return x * 2.0


def sets_an_attribute(x: Tensor) -> Tensor:
    built.rate = 0.5  # LINE
    return x * 2.0


REFUSED = {
    reads_the_host: "read on the host",
    prints: "read on the host",
    takes_host_data: "host data entered the step",
    takes_a_list: "host data entered the step",
    takes_dlpack: "host data entered the step",
    hands_out: "handed to another library",
    smuggles: "made on the host",
    writes_from_the_host: "variable 'state' was written from the host",
    sets_an_attribute: "attribute 'rate' of Built was set",
}


def line_of(function: Any) -> str:
    lines, first = inspect.getsourcelines(function)
    return f"{__file__}:{first + next(i for i, text in enumerate(lines) if '# LINE' in text)}"


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_refused_with_the_users_line(function: Any, path: str) -> None:
    captured = gpudl.capture(function)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(6):
            x = array(3)
            halves = function in (takes_host_data, takes_dlpack, smuggles)
            expected = x + np.array([1, 2, 3], "f4") if function is takes_a_list else x * np.float32(0.5 if halves else 2)
            assert np.array_equal(captured(Tensor(x)).numpy(), expected), "the step itself is an ordinary one"
    assert captured.replayed == 0
    assert len(seen) == 1, "one warning"
    message = str(seen[0].message)
    assert REFUSED[function] in message and line_of(function) in message and f"{function.__name__!r} stays eager" in message


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_refused_with_an_error_if_strict(function: Any) -> None:
    captured = gpudl.capture(function, strict=True)
    with pytest.raises(CaptureError, match=REFUSED[function]):
        for _ in range(3):
            captured(Tensor(array(3)))


def test_the_first_call_may_build_lazily(path: str) -> None:
    made: list[Variable] = []

    def step(x: Tensor) -> Tensor:
        if not made:
            made.append(Variable(np.full(3, 2.0, "f4")))
        return x * made[0]

    captured = gpudl.capture(step, strict=True)
    for _ in range(5):
        x = array(3)
        assert np.array_equal(captured(Tensor(x)).numpy(), x * 2)
    assert captured.replayed >= 2


def test_an_error_in_the_step_leaves_nothing_behind(path: str) -> None:
    fail = [False]

    def step(x: Tensor) -> Tensor:
        y = ops.exp(x)
        if fail[0]:
            raise KeyError("mine")
        return y * 2

    captured = gpudl.capture(step)
    captured(Tensor(array(3)))
    fail[0] = True
    with pytest.raises(KeyError, match="mine"):
        captured(Tensor(array(3)))
    assert gpudl.tensors.mode.recorder is None
    fail[0] = False
    for _ in range(4):
        x = Tensor(array(3))
        assert np.array_equal(captured(x).numpy(), step(x).numpy())
    assert captured.replayed >= 1


def test_differences_from_step_to_step_are_named() -> None:
    n = [0]

    def scaled(x: Tensor) -> Tensor:
        n[0] += 1
        return ops.leaky_relu(x, 1 / n[0])

    captured = gpudl.capture(scaled)
    with pytest.warns(RuntimeWarning, match=r"'scaled' stays eager.*differ from step to step: \[leaky_relu\] \(0\.\d+,\)") as seen:
        for _ in range(6):
            captured(Tensor(array(3)))
    assert len(seen) == 1 and captured.replayed == 0


def test_two_equal_calls_in_a_row_after_a_difference_make_a_plan() -> None:
    n = [0]

    def warms_up(x: Tensor) -> Tensor:
        n[0] += 1
        return x * 2 if n[0] < 2 else ops.exp(x)

    captured = gpudl.capture(warms_up)
    for _ in range(5):
        captured(Tensor(array(3)))
    assert captured.replayed == 2


@pytest.mark.parametrize(("kept", "given"), [("float32", "float64"), ("float64", "int32"), ("int64", "float32"), ("float16", "float32")])
def test_assigning_another_dtype_is_a_launch(kept, given, path) -> None:
    v = gpudl.Variable([0, 0], dtype=kept)

    @gpudl.capture
    def step(x):
        v.assign(x * 2)

    for i in range(5):
        step(gpudl.tensor([i, 3], dtype=given))
        assert v.dtype == kept and v.numpy().tolist() == [2 * i, 6]
    assert step.replayed == 3

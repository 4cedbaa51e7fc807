"""Where tensors live: names, the order of choice, two devices, and what is said when a device or a kernel is missing.

The second device is a stand-in: host memory under the name of a GPU, so that every rule is tried on any machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, Variable, backends, ops, testing
from gpudl.backends import registry
from gpudl.backends.cpu import CPUBackend
from gpudl.errors import BackendError


class StandIn(CPUBackend):
    """Another device, as far as the engine can tell."""

    def __init__(self) -> None:
        super().__init__()
        self.device = "cuda:7"
        self.use({})


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setitem(registry._backends, "cuda:7", StandIn())
    yield "cuda:7"


def test_names_of_devices() -> None:
    assert backends.normalise("cpu") == "cpu" and backends.normalise("cuda") == "cuda:0" and backends.normalise("cuda:3") == "cuda:3"
    for wrong in ("tpu", "cuda:", "cuda:x", "", "CPU ", None, 0):
        with pytest.raises(ValueError, match="expected 'cpu', 'cuda' or 'cuda:<number>'"):
            backends.normalise(wrong)  # type: ignore[arg-type]


def test_a_device_that_is_not_there_is_refused_with_the_reason() -> None:
    with pytest.raises(BackendError, match=r"'cuda:99' cannot be used: .+ Use device='cpu'"):
        backends.get("cuda:99")
    before = backends.default_device()
    with pytest.raises(BackendError):
        gpudl.set_device("cuda:99")
    with pytest.raises(BackendError), gpudl.device("cuda:99"):
        pass
    assert backends.default_device() == before


def test_available_says_why_not() -> None:
    found = backends.available()
    assert found["cpu"] == "usable"
    assert any(name.startswith("cuda") for name in found)


def test_the_order_of_choice(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_chosen", "cpu")
    assert Tensor([1.0]).device == "cpu"
    gpudl.set_device(other)
    assert Tensor([1.0]).device == other, "set_device"
    with gpudl.device("cpu"):
        assert Tensor([1.0]).device == "cpu", "with device(...) goes before set_device"
        assert Tensor([1.0], device=other).device == other, "the argument goes first"
        with gpudl.device(other):
            assert gpudl.zeros((2,)).device == other
        assert Tensor([1.0]).device == "cpu"
    with pytest.raises(KeyError), gpudl.device("cpu"):
        raise KeyError
    assert Tensor([1.0]).device == other, "an error in the block ends it too"


def test_scoped_devices_belong_to_a_thread(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_chosen", "cpu")
    seen: list[str] = []
    with gpudl.device(other):
        thread = threading.Thread(target=lambda: seen.append(Tensor([1.0]).device))
        thread.start()
        thread.join()
        assert Tensor([1.0]).device == other
    assert seen == ["cpu"]


def test_operands_on_two_devices_are_refused(other: str) -> None:
    a, b = Tensor([1.0, 2.0], device="cpu"), Tensor([1.0, 2.0], device=other)
    for call in (lambda: a + b, lambda: b * a, lambda: ops.maximum(a, b), lambda: ops.matmul(a, b), lambda: ops.concatenate([a, b])):
        with pytest.raises(BackendError, match=r"\[\w+\].* different devices: cpu, cuda:7. Move one with \.to\(device\)"):
            call()


def test_results_stay_where_their_operands_are(other: str) -> None:
    x = Tensor([[1.0, 2.0]], device=other, requires_grad=True)
    y = ops.exp(ops.matmul(x, ops.transpose(x)) + 1) / 2
    assert y.device == other
    y.sum().backward()
    assert x.grad.device == other


def test_arrays_and_numbers_beside_a_tensor_are_copied_to_it(other: str) -> None:
    x = Tensor([1.0, 2.0], device=other)
    for y in (x + 1, 1 - x, x * np.ones(2, "f4"), np.ones(2, "f4") + x, x + [1.0, 2.0], ops.where(x > 1, x, 0.0), ops.maximum(x, 0)):
        assert y.device == other


def test_no_hidden_copies_to_the_host(other: str) -> None:
    x = Tensor([1.0, 2.0], device=other)
    with pytest.raises(BackendError, match=r"cuda:7.*use \.numpy\(\)"):
        np.asarray(x)
    assert x.numpy().tolist() == [1, 2] and float(x[0]) == 1.0
    assert "device='cuda:7'" in repr(x)


def test_to_copies_and_differentiates(other: str) -> None:
    x = Tensor([1.0, 2.0], device="cpu", requires_grad=True)
    y = x.to(other)
    assert y.device == other and y.storage is not x.storage
    (y * y).sum().backward()
    assert x.grad.device == "cpu" and x.grad.tolist() == [2, 4]
    assert y.to("cpu").tolist() == [1, 2]


def test_variables_move(other: str) -> None:
    v = Variable([1.0, 2.0], device="cpu")
    (v * v).sum().backward()
    gpudl.variables.move([v], other)
    assert v.device == other and v.grad is None and v.tolist() == [1, 2]
    (v * v).sum().backward()
    assert v.grad.device == other


def test_a_missing_compiled_kernel_on_a_gpu_is_said_once(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = backends.get(other)
    backend.expects_kernels = True
    x = Tensor([1.0], device=other)
    with pytest.warns(RuntimeWarning, match=r"\[exp\] has no compiled kernel for device 'cuda:7'; the reference kernel runs instead"):
        ops.exp(x)
    ops.exp(x)  # a second warning would be an error here
    monkeypatch.setenv("GPUDL_STRICT", "1")
    with pytest.raises(BackendError, match="GPUDL_STRICT=1 forbids"):
        ops.log(x)


def test_a_missing_dtype_of_a_compiled_kernel_is_said_once(other: str) -> None:
    backend = backends.get(other)
    backend.use({"exp": lambda outs, ins, attrs: gpudl.op.MISSING})
    backend.expects_kernels = True
    x = Tensor([1.0], device=other)
    with pytest.warns(RuntimeWarning, match=r"\[exp: float32\]") as seen:
        ops.exp(x)
        ops.exp(x)
    assert len(seen) == 1, "once per op and dtype"


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    where = str(Path(gpudl.__file__).parent.parent)
    program = f"import sys; sys.path.insert(0, {where!r}); import gpudl\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env={**os.environ, **environment})


def test_environment_chooses_device_and_path() -> None:
    assert run("print(gpudl.Tensor(1.0).device)", GPUDL_DEVICE="cpu").stdout == "cpu\n"
    assert run("gpudl.Tensor(1.0); print(gpudl.backends.get('cpu').name)", GPUDL_BACKEND="numpy", GPUDL_DEVICE="cpu").stdout == "numpy\n"
    refused = run("gpudl.Tensor(1.0)", GPUDL_DEVICE="toaster")
    assert refused.returncode != 0 and "[GPUDL_DEVICE]" in refused.stderr and "'toaster'" in refused.stderr


def test_a_device_that_was_asked_for_and_is_missing_is_an_error() -> None:
    refused = run("gpudl.Tensor(1.0)", GPUDL_DEVICE="cuda:99")
    assert refused.returncode != 0 and "'cuda:99' cannot be used" in refused.stderr


def test_a_forked_child_drops_its_plans() -> None:
    code = """
import os
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
@gpudl.capture
def step(x): return x * 2
x = gpudl.Tensor([1.0])
for _ in range(4): step(x)
assert step.replayed == 2
sys.stdout.flush()
if os.fork() == 0:
    got = step(x).tolist()
    print(got, step.replayed)
    sys.stdout.flush()
    os._exit(0)
os.wait()
step(x)
print("parent", step.replayed)
"""
    done = run(code, GPUDL_DEVICE="cpu")
    assert done.stdout == "[2.0] 2\nparent 3\n", done.stdout + done.stderr


def test_compiled_kernels_that_were_asked_for_and_are_missing_are_an_error() -> None:
    code = "import gpudl.native as n; n.cpu = lambda: n.NativeModule('_cpu', None, False, 'left out'); gpudl.Tensor(1.0)"
    refused = run(code, GPUDL_BACKEND="cpu", GPUDL_DEVICE="cpu")
    assert refused.returncode != 0 and "asked for and are not there: left out" in refused.stderr


def test_a_model_moves_and_trains_on(other: str) -> None:
    """There and back, between epochs: the same numbers as without moving; plans are made anew."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 4)).astype("f4"), rng.integers(0, 3, 50)

    def run(move: bool) -> list[np.ndarray]:
        gpudl.utils.set_random_seed(1)
        layers = gpudl.layers
        model = gpudl.Sequential(
            [layers.Input((4,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3),
             layers.Dense(3, activation="softmax")]
        )  # fmt: skip
        model.compile(gpudl.optimizers.SGD(0.1), "sparse_categorical_crossentropy", ["accuracy"])
        out: list[np.ndarray] = []
        for device in ("cpu", other, "cpu"):
            if move:
                model.to(device)
                assert {v.device for v in model.variables} == {device}
            history = model.fit(x, y, epochs=3, batch_size=16, verbose=0).history
            out += [np.array(history["loss"]), np.array(model.evaluate(x, y, verbose=0)), model.predict(x, verbose=0)]
        return out + [v.numpy() for v in model.variables]

    with gpudl.device("cpu"), testing.use_kernels("numpy"):  # the stand-in's
        for a, b in zip(run(False), run(True)):
            assert np.array_equal(a, b)


def test_a_model_is_built_where_the_device_says(other: str) -> None:
    with gpudl.device(other):
        model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3)])
        model.compile("adam", "mean_squared_error")
        model.fit(np.ones((8, 4), "f4"), np.ones((8, 3), "f4"), epochs=4, verbose=0)
    assert {v.device for v in (*model.variables, *model.optimizer.variables)} == {other}
    assert model.predict(np.ones((2, 4), "f4"), verbose=0).shape == (2, 3), "also outside the block"

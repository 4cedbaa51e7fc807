"""The path "cupy" without a GPU: a CUDABackend whose CuPy is tests/cupy_standin.py gives what the path "numpy" gives.

What the stand-in cannot show: CuPy's own kernels (their rounding, their bugs), the order of work on streams, memory that runs out.
"""

from __future__ import annotations

import ctypes
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cupy_standin
import numpy as np
import pytest
from cupy_standin import xp
from op_cases import CASES
from test_replay import BATCH, LOSSES, NETS, OPTIMIZERS, VECTOR
from test_replay import run as trained

import gpudl
from gpudl import Tensor, backends, testing
from gpudl.backends import cuda, registry
from gpudl.plan import Recording
from gpudl.testing import Case, contract

HERE = "cuda:0"
# Sums, which on the host follow the layout of memory, and on a GPU a tree: these agree within rounding, all other ops bit for bit.
SUMS = set(
    "sum sum_to mean var logsumexp euclidean_norm softmax log_softmax matmul_act_grad conv2d_bias conv2d_act_grad take_grad "
    "take_along_axis_grad batch_norm batch_norm_act batch_norm_grad batch_norm_act_grad batch_norm_inference_grad layer_norm_grad "
    "rms_norm_grad gru_grad lstm_grad simple_rnn_grad".split()
)
SOME_NETS = ("Dropout", "BatchNormalization", "LayerNormalization", "Conv2D", "MaxPooling2D", "Resizing", "Bidirectional", "Embedding")
SOME_OPTIMIZERS = ("Adam schedule", "SGD clipped", "Adafactor", "Nadam gathering", "LossScaleOptimizer", "Lamb")
SOME_LOSSES = ("categorical_crossentropy", "binary_focal_crossentropy", "huber")


@pytest.fixture(scope="module")
def gpu() -> Iterator[cuda.CUDABackend]:
    """A GPU whose CuPy is the stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", xp)
        patch.setenv("GPUDL_BACKEND", "numpy")
        backend = cuda.CUDABackend(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._backends, HERE, backend)
        yield backend


@pytest.fixture(autouse=True)
def on_our_stream(gpu: cuda.CUDABackend) -> Iterator[None]:
    """No kernel runs outside the backend's stream, and none of the host's arrays gets in."""
    cupy_standin.outside.clear()
    with testing.use_kernels("numpy"):
        yield
    assert not cupy_standin.outside


def evaluated(case: Case, device: str) -> tuple[list[Any], set[str]]:
    """Values and gradients on the host, and the ops that were launched."""
    with backends.device(device), Recording() as recording:
        outs, grads, _ = contract.evaluate(
            case, contract.arrays_for(case, "float32" if case.dtypes else None), contract.differentiable(case)
        )
    return [None if t is None else t.numpy() for t in (*outs, *grads)], {call.op.name for call in recording.calls}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_case_gives_what_numpy_gives(case: Case) -> None:
    (got, launched), (expected, _) = evaluated(case, HERE), evaluated(case, "cpu")
    if launched & SUMS:
        assert len(got) == len(expected)
        for a, b in zip(got, expected):
            assert (a is None) == (b is None)
            if a is not None:
                testing.assert_close(a, b.astype("f8") if b.dtype.kind == "f" else b, case.rtol, case.atol)
    else:
        testing.assert_same_bits(got, expected, case.name)


SAMPLE = CASES[::9]  # 16 bits and float64 run the same kernels


@pytest.mark.parametrize("case", SAMPLE, ids=lambda c: c.name)
def test_every_dtype_and_layout(case: Case) -> None:
    with backends.device(HERE):
        testing.check_value(case)
        testing.check_layout(dataclasses.replace(case, dtypes=case.dtypes[:1]), within=lambda names: True)


@pytest.mark.parametrize("case", SAMPLE, ids=lambda c: c.name)
def test_gradient(case: Case) -> None:
    with backends.device(HERE):
        testing.check_gradient(case)
        testing.check_twice(case)


@pytest.mark.parametrize("case", SAMPLE, ids=lambda c: c.name)
def test_poisoned_replay(case: Case) -> None:
    with backends.device(HERE):
        testing.check_replay(dataclasses.replace(case, dtypes=case.dtypes[-1:]), "poisoned", calls=4)


# training -------------------------------------------------------------------------------------------------------------------------


def agree(got: list[Any], expected: list[Any]) -> None:
    assert len(got) == len(expected)
    for i, (a, b) in enumerate(zip(map(np.asarray, got), map(np.asarray, expected))):
        assert a.shape == b.shape and a.dtype == b.dtype, i
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6, err_msg=f"result {i}")
        else:
            np.testing.assert_array_equal(a, b, err_msg=f"result {i}")


def compare(*args: Any, **options: Any) -> None:
    """Training gives the numbers of the path "numpy", and replayed the bits of eager."""
    with backends.device("cpu"):
        expected, _ = trained(*args, "eager", **options)
    with backends.device(HERE):
        eager, _ = trained(*args, "eager", **options)
        replayed, model = trained(*args, "replay", **options)
    assert all(v.device == HERE for v in model.variables)
    agree(eager, expected)
    testing.assert_same_bits([np.asarray(a) for a in replayed], [np.asarray(a) for a in eager], "replay")


@pytest.mark.parametrize("name", SOME_NETS)
def test_layers_train(name: str) -> None:
    shape = next(shape for shape in NETS if name in NETS[shape])
    compare(NETS[shape][name], OPTIMIZERS["SGD momentum"], shape=shape)  # Adam makes steps of a gradient that is rounding noise


@pytest.mark.parametrize("name", SOME_OPTIMIZERS)
def test_optimizers_train(name: str) -> None:
    compare(NETS[VECTOR]["Dropout"], OPTIMIZERS[name])


@pytest.mark.parametrize("name", SOME_LOSSES)
def test_losses_train(name: str) -> None:
    assert name in LOSSES
    compare(NETS[VECTOR]["Dense"], OPTIMIZERS["Adam"], loss=name)


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)).astype("f4"), rng.integers(0, 3, 60)


def classifier(**compiled: Any) -> Any:
    gpudl.utils.set_random_seed(1)
    layers = gpudl.layers
    hidden = [layers.Dense(8, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.2)]
    model = gpudl.Sequential([layers.Input((5,)), *hidden, layers.Dense(3, activation="softmax")])
    metrics = ["accuracy", gpudl.metrics.TopKCategoricalAccuracy(2, name="top"), gpudl.metrics.AUC(num_thresholds=20)]
    options = {"loss": "categorical_crossentropy", "metrics": metrics, **compiled}
    model.compile(gpudl.optimizers.Adam(0.01), **options)
    return model


def batches(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        yield from ((x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, len(x), BATCH))


class Batches(gpudl.callbacks.Callback):
    """Reads logs and weights after each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += [float(logs["loss"]), float(self.model.get_weights()[0].sum())]


def test_callbacks_metrics_generators_and_weights_of_classes(tmp_path: Path) -> None:
    x, labels = data()
    y = np.eye(3, dtype="f4")[labels]

    def everything(device: str) -> list[Any]:
        with backends.device(device):
            model, hooks = classifier(), Batches()
            folder = tmp_path / device.replace(":", "")
            folder.mkdir()
            callbacks = gpudl.callbacks
            given = [
                callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True),
                callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.5),
                callbacks.EarlyStopping(patience=3, min_delta=0.5, restore_best_weights=True),
                callbacks.CSVLogger(folder / "log.csv"),
                callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
                hooks,
            ]
            weights = {0: 1.0, 1: 2.0, 2: 0.5}
            first = model.fit(x, y, 16, epochs=8, validation_split=0.2, class_weight=weights, callbacks=given, verbose=0).history
            second = model.fit(batches(x, y), steps_per_epoch=5, epochs=2, verbose=0).history
            assert (folder / "best.keras").exists() and len((folder / "log.csv").read_text().splitlines()) == 1 + len(first["loss"])
            numbers = [np.array(history[k]) for history in (first, second) for k in sorted(history)]
            return [*numbers, np.array(hooks.seen), *model.get_weights(), model.predict(x, verbose=0), model.predict_on_batch(x[:7])]

    agree(everything(HERE), everything("cpu"))


def test_saved_and_loaded_here_and_there(tmp_path: Path) -> None:
    x, labels = data()
    y = np.eye(3, dtype="f4")[labels]
    with backends.device(HERE):
        model = classifier()
        model.fit(x, y, 16, epochs=2, verbose=0)
        expected = model.predict(x, verbose=0)
        model.save(tmp_path / "all.keras")
        model.save_weights(tmp_path / "part.weights.h5")
        again = gpudl.models.load_model(tmp_path / "all.keras")
        assert all(v.device == HERE for v in again.variables)
        np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
        other = classifier()
        other.load_weights(tmp_path / "part.weights.h5")
        np.testing.assert_array_equal(other.predict(x, verbose=0), expected)
        histories = [m.fit(x, y, 16, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (model, again)]
    with backends.device("cpu"):
        there = gpudl.models.load_model(tmp_path / "all.keras")
        assert all(v.device == "cpu" for v in there.variables)
        np.testing.assert_allclose(there.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(histories[0], histories[1], rtol=0.2)  # other dropout, since a loaded model draws anew
    again.to("cpu")
    assert all(v.device == "cpu" for v in again.variables)


def test_mixed_precision() -> None:
    x, labels = data()

    def losses(device: str) -> list[float]:
        before = gpudl.config.dtype_policy()
        gpudl.config.set_dtype_policy("mixed_bfloat16")
        try:
            with backends.device(device):
                model = classifier(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
                return list(model.fit(x, labels, 16, epochs=4, verbose=0).history["loss"])
        finally:
            gpudl.config.set_dtype_policy(before)

    np.testing.assert_allclose(losses(HERE), losses("cpu"), rtol=2e-2)


def test_a_step_of_ones_own() -> None:
    with backends.device(HERE):
        w = gpudl.Variable(np.ones((5, 1), "f4"))
        optimizer = gpudl.optimizers.SGD(0.1)

        @gpudl.capture
        def step(x: Tensor) -> Tensor:
            loss = ((x @ w) ** 2).mean()
            loss.backward()
            optimizer.apply_gradients([(w.grad, w)])
            w.grad = None
            return loss

        x = Tensor(data()[0])
        found = [float(step(x)) for _ in range(6)]
        assert found == sorted(found, reverse=True) and found[-1] < 0.5 * found[0]


# the device -----------------------------------------------------------------------------------------------------------------------


def test_the_device_is_found_and_described(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "cupy", xp)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: name)
    monkeypatch.setenv("GPUDL_EMULATE", "0")
    assert cuda.count() == (1, "") and backends.available()[HERE] == "usable"
    backend = backends.get("cuda")
    assert (backend.name, backend.device, dict(backend.table), backend.expects_kernels) == ("cupy", HERE, {}, False)
    gpudl.show_config()
    assert "cupy" in capsys.readouterr().out


def test_nothing_is_captured_and_nothing_compiled(gpu: cuda.CUDABackend) -> None:
    assert gpu.graph([]) is None
    start = gpu.mark()
    with backends.device(HERE):
        t = gpudl.ones(3) + 1
    assert gpu.between(start, gpu.mark()) > 0 and isinstance(t.array, cupy_standin.ndarray)
    np.testing.assert_array_equal(t.numpy(), [2, 2, 2])
    assert "2." in repr(t)


def test_the_stand_in_refuses_what_cupy_refuses(gpu: cuda.CUDABackend) -> None:
    with gpu.guard():
        x = xp.asarray(np.arange(3.0))
        host = np.ones(3)
        for refused in (
            lambda: np.asarray(x), lambda: x + host, lambda: host + x, lambda: xp.add(x, host), lambda: float(x.sum()), lambda: bool(x[0]),
            lambda: list(x), lambda: x[x > 1], lambda: xp.add(x, x, where=x > 1), lambda: xp.sum(x, initial=0.0), lambda: np.sum(x),
            lambda: x.sum(where=True), lambda: np.add.reduce(x), lambda: x[[0, 1]], lambda: x.__setitem__(0, host[:1]),
        ):  # fmt: skip
            with pytest.raises(TypeError):
                refused()
        assert not [name for name in ("errstate", "vectorize", "testing", "float128") if hasattr(xp, name)] and not hasattr(xp.add, "at")
        assert isinstance(x.sum(), cupy_standin.ndarray) and isinstance(x[0], cupy_standin.ndarray)
        assert isinstance(np.float64(2) * x, cupy_standin.ndarray), "numbers of NumPy's are taken"
        copied = np.zeros(3)
        there = xp.asarray(copied)
        copied += 1
        assert there.get().tolist() == [0, 0, 0]
        assert np.isnan(xp.empty(3).get()).all()
        twice = xp.zeros(3)
        twice[xp.asarray([0, 0, 1])] = xp.asarray([1.0, 2.0, 3.0])
        assert np.isnan(twice.get()[0]) and twice.get()[1:].tolist() == [3, 0]
        part = xp.ndarray((2,), np.float64, x.data + 8, (8,))
        assert part.get().tolist() == [1, 2] and part.data.ptr == x.data.ptr + 8 and x[1:].data.ptr == part.data.ptr
    xp.add(x, x)
    assert cupy_standin.outside.pop() == "add", "no stream was chosen"

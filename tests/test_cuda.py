"""On a GPU: every case of the table gives the CPU's values and gradients, and a replayed step the bits of an eager one.

Skipped where there is no GPU. Nothing here decides by time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_cases import CASES

import gpudl
from gpudl import Tensor, backends, config
from gpudl.backends.cuda import count
from gpudl.replay import StepRunner, all_tensors

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(count()[0] == 0, reason=f"no usable GPU: {count()[1]}")]


def inputs_of(case: Any) -> list[Any]:
    return [np.asarray(a) for a in case.inputs(np.random.default_rng(0))]


def run(case: Any, arrays: list[Any], device: str) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """Values, and gradients of sum(value * cotangent), in float32 where the case takes floats."""
    with backends.device(device):
        tensors = []
        for i, a in enumerate(arrays):
            floating = a.dtype.kind == "f"
            wanted = floating and (case.differentiable is None or i in case.differentiable)
            tensors.append(Tensor(a.astype("float32") if floating else a, requires_grad=wanted))
        outs = all_tensors(case.function(*tensors))
        seeds = np.random.default_rng(1)
        for out in outs:
            cotangent = Tensor(np.asarray(seeds.normal(size=out.shape), out.dtype))
            if out.requires_grad:
                out.backward(cotangent, retain_graph=True)
        return [o.numpy() for o in outs], [None if t.grad is None else t.grad.numpy() for t in tensors]


def close(a: np.ndarray, b: np.ndarray, case: Any) -> None:
    assert a.shape == b.shape and a.dtype == b.dtype
    if a.dtype.kind not in "fV":
        np.testing.assert_array_equal(a, b)
    else:
        unit = float(np.finfo("float32").eps)
        np.testing.assert_allclose(a.astype("f8"), b.astype("f8"), rtol=4 * case.rtol * unit, atol=4 * case.atol * unit)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_case_gives_what_the_cpu_gives(case: Any) -> None:
    if not case.dtypes and not any(a.dtype.kind != "f" for a in inputs_of(case)):
        pytest.skip("the case takes no float32")
    arrays = inputs_of(case)
    (values, grads), (expected, expected_grads) = run(case, arrays, "cuda"), run(case, arrays, "cpu")
    for a, b in zip(values, expected):
        close(a, b, case)
    for g, h in zip(grads, expected_grads):
        assert (g is None) == (h is None)
        if g is not None and h is not None:
            close(g, h, case)


def trained(mode: str) -> tuple[dict[str, list[float]], list[np.ndarray]]:
    gpudl.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(75, 9, 9, 2)).astype("f4"), rng.integers(0, 4, 75)
    with backends.device("cuda"):
        layers = gpudl.layers
        stack = [layers.Conv2D(6, 3, padding="same"), layers.BatchNormalization(), layers.LeakyReLU(), layers.MaxPooling2D(2)]
        model = gpudl.Sequential([layers.Input((9, 9, 2)), *stack, layers.Flatten(), layers.Dropout(0.25), layers.Dense(4, "softmax")])
        model.compile(gpudl.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model._mode = mode
        history = model.fit(x, y, batch_size=32, epochs=5, verbose=0).history
    return history, model.get_weights()


@pytest.mark.parametrize("mode", ["replay", "poisoned"])
def test_replay_equals_eager(mode: str) -> None:
    (history, weights), (expected, expected_weights) = trained(mode), trained("eager")
    assert history == expected
    assert all(np.array_equal(a, b) for a, b in zip(weights, expected_weights))


def test_the_host_is_never_read_implicitly() -> None:
    t = Tensor([1.0, 2.0], device="cuda")
    with pytest.raises(gpudl.BackendError, match=r"\.numpy\(\)"):
        np.asarray(t)
    with pytest.raises(gpudl.BackendError, match="different devices"):
        t + Tensor([1.0, 2.0], device="cpu")
    assert (t + np.ones(2, "f4")).device == "cuda:0", "arrays of the host go where the tensor is"
    np.testing.assert_array_equal(t.to("cpu").numpy(), [1.0, 2.0])


def test_a_runner_is_one_per_device() -> None:
    runner = StepRunner(lambda x: x * 2.0)
    for device in ("cuda", "cpu"):
        x = Tensor([1.0, 2.0], device=device)
        for _ in range(4):
            np.testing.assert_array_equal(runner((x,)).numpy(), [2.0, 4.0])
    assert len(runner.plans()) == 2
    config.bump()

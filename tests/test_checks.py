"""GPUDL_CHECK: what the launches themselves look for."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import op, ops


def test_the_first_op_that_makes_nan_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op, "finite", True)
    x = gpudl.tensor([1.0, 0.0])
    with pytest.raises(FloatingPointError, match=r"\[log\] output 0 of shape \(2,\) holds NaN or inf"):
        ops.log(x) * 0.0
    assert ops.log(x + 1.0).numpy().shape == (2,)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_nan_that_was_there_before_is_not_blamed_on_an_op(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(op, "finite", True)
    x = gpudl.tensor([np.nan, 1.0], dtype=dtype)
    assert np.isnan((x + 1).numpy().astype("f4")[0])
    with pytest.raises(FloatingPointError, match=r"\[divide\]"):
        gpudl.tensor([1.0], dtype=dtype) / 0


def test_steps_run_eagerly_while_results_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op, "finite", True)
    model = gpudl.Sequential([gpudl.layers.Input((2,)), gpudl.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2), "f4"), np.ones((8, 1), "f4"), batch_size=2, epochs=3, verbose=0)
    assert model._runner("train").replayed == 0
    with pytest.raises(FloatingPointError, match=r"\["):
        model.compile(gpudl.optimizers.SGD(1e38), "mse")
        model.fit(np.full((8, 2), 1e30, "f4"), np.ones((8, 1), "f4"), epochs=3, verbose=0)

"""Constraints: their formulas, their place after the update, in a replayed step too, and what they refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import gpudl
from gpudl import constraints
from gpudl import layers as L

E = 1e-7


def norms(w, axis):
    return np.sqrt((w * w).sum(axis, keepdims=True))


FORMULAS = {
    "max": (constraints.MaxNorm(1.5), lambda w: w * np.clip(norms(w, 0), 0, 1.5) / (E + norms(w, 0))),
    "max axes": (constraints.MaxNorm(1.5, axis=[0, 1]), lambda w: w * np.clip(norms(w, (0, 1)), 0, 1.5) / (E + norms(w, (0, 1)))),
    "unit": (constraints.UnitNorm(axis=1), lambda w: w / (E + norms(w, 1))),
    "non negative": (constraints.NonNeg(), lambda w: np.maximum(w, 0)),
    "min max": (
        constraints.MinMaxNorm(1.0, 2.0, 0.25),
        lambda w: w * (0.25 * np.clip(norms(w, 0), 1, 2) + 0.75 * norms(w, 0)) / (E + norms(w, 0)),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6)])
def test_formula(name, dtype, tolerance, rng) -> None:
    constraint, formula = FORMULAS[name]
    w = rng.standard_normal((5, 4, 3))
    got = constraint(gpudl.tensor(w, dtype=dtype))
    assert str(got.dtype) == dtype
    np.testing.assert_allclose(got.numpy(), formula(w), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", FORMULAS)
def test_configuration(name) -> None:
    constraint = FORMULAS[name][0]
    again = constraints.deserialize(constraints.serialize(constraint))
    assert type(again) is type(constraint) and again.get_config() == constraint.get_config()


def test_names() -> None:
    assert isinstance(constraints.get("max_norm"), constraints.MaxNorm) and constraints.get(None) is None
    with pytest.raises(ValueError, match="Did you mean 'non_neg'"):
        constraints.get("non_negg")
    with pytest.raises(ValueError, match="min_value"):
        constraints.MinMaxNorm(2.0, 1.0)
    with pytest.raises(TypeError, match="axis"):
        constraints.UnitNorm(axis=0.5)


def trained(mode: str) -> list[np.ndarray]:
    gpudl.utils.set_random_seed(3)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((40, 6)).astype("f4"), rng.standard_normal((40, 2)).astype("f4")
    layers = [L.Dense(8, kernel_constraint="unit_norm", bias_constraint="non_neg"), L.BatchNormalization(gamma_constraint="non_neg")]
    model = gpudl.Sequential([L.Input((6,)), *layers, L.Dense(2, kernel_constraint=constraints.MaxNorm(0.5))])
    model.compile("adam", "mse", run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = mode
    model.fit(x, y, epochs=3, batch_size=16, verbose=0)
    return [v.numpy() for v in model.variables]


def test_training(path) -> None:
    eager = trained("eager")
    np.testing.assert_allclose(norms(eager[0], 0), 1.0, rtol=1e-5)
    assert (eager[1] >= 0).all()
    for mode in ("replay", "poisoned"):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(trained(mode), eager))


def test_layers_keep_their_constraints() -> None:
    for layer in (L.Dense(3, kernel_constraint="max_norm"), L.Conv2D(3, 2, kernel_constraint="max_norm", bias_constraint="non_neg")):
        again = type(layer).from_config(layer.get_config())
        again.build((None, 5) if isinstance(layer, L.Dense) else (None, 5, 5, 2))
        assert isinstance(again.kernel.constraint, constraints.MaxNorm)
        assert isinstance(copy.deepcopy(again.kernel).constraint, constraints.MaxNorm)


def test_frozen_weights_are_left_alone() -> None:
    v = gpudl.Variable([-1.0])
    v.constraint = constraints.NonNeg()
    gpudl.optimizers.SGD(0.5).apply([None], [v])
    assert v.numpy() == -1.0

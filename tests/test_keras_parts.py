"""Constraints, the orthogonal regularizer and schedules against what Keras gives in float64 (golden/make_parts.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl import initializers, regularizers
from gpudl.errors import ShapeError

HEAD, *CASES = json.loads((Path(__file__).parent / "golden" / "parts.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[f"{c['class']}-{i}" for i, c in enumerate(CASES)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 1e-6)])
def test_keras(case, dtype, tolerance, path) -> None:
    module = gpudl
    for part in case["module"].split("."):
        module = getattr(module, part)
    made = getattr(module, case["class"])(**case["arguments"])
    again = module.deserialize(module.serialize(made))
    for one in (made, again):
        if case["module"] == "optimizers.schedules":
            np.testing.assert_allclose([one(step) for step in HEAD["steps"]], case["result"], rtol=1e-12)
        else:
            found = one(gpudl.tensor(HEAD["weight"], dtype=dtype))
            assert str(found.dtype) == dtype
            np.testing.assert_allclose(found.numpy(), case["result"], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_penalty_by_its_definition(mode, rng) -> None:
    w = rng.standard_normal((4, 3))
    rows = w if mode == "rows" else w.T
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [abs(rows[i] @ rows[j]) for i in range(len(rows)) for j in range(i)]
    x = gpudl.tensor(w, requires_grad=True)
    penalty = regularizers.OrthogonalRegularizer(0.3, mode)(x)
    np.testing.assert_allclose(penalty.item(), 0.3 * np.mean(pairs), rtol=1e-13)
    penalty.backward()
    assert np.isfinite(x.grad.numpy()).all() and x.grad.numpy().any()
    assert regularizers.OrthogonalRegularizer()(gpudl.tensor([[1.0, 2.0]])).item() == 0.0  # one row has no other


def test_orthogonal_penalty_in_a_model(path) -> None:
    """Replayed as it is eagerly."""
    results = []
    for eager in (True, False):
        gpudl.utils.set_random_seed(0)
        layer = gpudl.layers.Dense(3, kernel_regularizer=regularizers.OrthogonalRegularizer(0.1))
        model = gpudl.Sequential([gpudl.layers.Input((4,)), layer])
        model.compile("sgd", "mse", run_eagerly=eager)
        model.fit(np.ones((12, 4)), np.ones((12, 3)), batch_size=4, epochs=4, verbose=0)
        results.append(layer.kernel.numpy())
    np.testing.assert_array_equal(*results)


def test_axes_of_a_fan() -> None:
    found = initializers.HeNormal(seed=1, input_axes=[0], output_axes=[1, 2])
    values = found((1000, 20, 30)).numpy()
    assert abs(values.std() - (2 / 1000) ** 0.5) < 2e-4
    assert initializers.get(initializers.serialize(found)).get_config() == found.get_config() == {
        "seed": 1, "input_axes": [0], "output_axes": [1, 2]}  # fmt: skip
    assert "input_axes" not in initializers.HeNormal().get_config()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: initializers.GlorotUniform(input_axes=[0]),
            ValueError,
            r"\[GlorotUniform\] input_axes and output_axes are needed together",
        ),
        (lambda: initializers.GlorotUniform(input_axes="0", output_axes=[1]), TypeError, "input_axes must be a list of axes"),
        (
            lambda: initializers.HeNormal(1, [0], [3])((2, 3)),
            ShapeError,
            r"output_axes must name axes of the weight.*\[3\] for shape \(2, 3\)",
        ),
        (lambda: regularizers.OrthogonalRegularizer(-1.0), ValueError, r"\[OrthogonalRegularizer\] factor"),
        (lambda: regularizers.OrthogonalRegularizer(mode="row"), ValueError, "mode must be 'rows' or 'columns'. Received: mode='row'"),
        (
            lambda: regularizers.OrthogonalRegularizer()(gpudl.ones((2, 2, 2))),
            ShapeError,
            r"a matrix is needed. Received: shape \(2, 2, 2\)",
        ),
    ],
)
def test_bad_input(make, error, words) -> None:
    with pytest.raises(error, match=words):
        make()

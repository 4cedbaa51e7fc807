"""Compare gpudl with golden values from Keras 3 and PyTorch (`tests/golden/`), stored ones and, where PyTorch is importable, fresh ones.

A failing case here means that gpudl computes something else than Keras does: other conventions, or wrong numbers.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))

import golden_cases  # noqa: E402
import golden_gpudl  # noqa: E402
import golden_training  # noqa: E402
from golden_cases import Arrays, Case  # noqa: E402

import gpudl  # noqa: E402

STORED: dict[str, dict[str, Any]] = {
    name: entry for family in golden_cases.FAMILIES for name, entry in golden_cases.load_family(family, GOLDEN).items()
}
TRAINING = golden_cases.load_family("training", GOLDEN)
INITIALIZERS: dict[str, dict[str, Any]] = json.loads((GOLDEN / "initializers.json").read_text())
LIVE = {case.name: case for family in golden_cases.FAMILIES for case in golden_cases.cases_of(family)}
RUNS = [(name, dtype) for name, case in LIVE.items() for dtype in ("float32", "float64") if case.float32 or dtype == "float64"]
LIVE_SEED = 1  # other numbers than the stored ones
AGREEMENT = 1e-12  # Keras and PyTorch agree this far in float64; so must gpudl


def case_of(entry: dict[str, Any]) -> Case:
    """The case of a stored entry; JSON has made its tuples lists, which only matters for the arguments of functions."""

    def tuples(value: Any) -> Any:
        return tuple(tuples(v) for v in value) if isinstance(value, list) and not any(isinstance(v, str) for v in value) else value

    fields = dict(entry["case"])
    fields["kwargs"] = {key: tuples(value) for key, value in fields.get("kwargs", {}).items()}
    fields["args"] = tuple(tuples(value) for value in fields.get("args", ()))
    return Case(**{"inputs": {}, **fields})


def tolerance(case: Case, key: str, expected: np.ndarray, scales: dict[str, float], dtype: str) -> np.ndarray | float:
    """How far a right result may be from the stored one, from what rounding can do to it.

    With u = eps / 2 = 2^-24 in float32:
    - a result that only moves input values has no rounding: 0;
    - a sum of n products, in any order and with or without fused multiply-add, is off by at most n u sum |a b| to first order.
      `scales` holds the largest such sum of absolute products of each result, so n eps scale has a factor 2 in hand, for products
      with cotangents and divisions round once more;
    - other results are allowed `case.rounding` eps of their size: of each element for elementwise functions, which round 1 to 4 library
      calls of up to 2 ulp each, else of the largest element, because their sums (means, softmax, losses) mix elements. Where results are
      below 1 it is eps itself, for intermediate values (1 - p, exp(x) - 1, x - mean) are of order 1.
    In float64 the stored values are themselves rounded; there it is how far Keras and PyTorch agree.
    """
    if expected.dtype.kind != "f" or (case.exact and key.startswith("out")):
        return 0.0
    size = np.abs(expected)
    largest = max(1.0, float(size.max(initial=0.0)), scales.get(key, 0.0))
    if dtype == "float64":
        return AGREEMENT * largest
    eps = 2.0**-23
    if case.terms:
        return case.terms * eps * scales[key]
    return case.rounding * eps * (np.maximum(1.0, size) if case.elementwise else largest)


def compare(case: Case, got: Arrays, expected: Arrays, scales: dict[str, float], dtype: str) -> None:
    assert sorted(got) == sorted(expected)
    for key, wanted in expected.items():
        value = got[key]
        assert value.shape == wanted.shape, f"{case.name}.{key}: shape {value.shape}, expected {wanted.shape}"
        if wanted.dtype.kind == "f":
            assert value.dtype == np.dtype(dtype), f"{case.name}.{key}: dtype {value.dtype}, expected {dtype}"
        else:
            assert value.dtype.kind == wanted.dtype.kind or value.dtype.kind + wanted.dtype.kind in ("iu", "ui"), (
                f"{case.name}.{key}: {value.dtype}"
            )
        allowed = tolerance(case, key, wanted, scales, dtype)
        off = np.abs(value.astype(np.float64) - wanted.astype(np.float64))
        wrong = ~(off <= allowed)  # also NaN
        if wrong.any():
            at = np.unravel_index(int(np.argmax(np.where(wrong, np.nan_to_num(off, nan=np.inf), -1.0))), off.shape)
            limit = float(np.broadcast_to(allowed, off.shape)[at])
            raise AssertionError(
                f"{case.name}.{key} ({dtype}): {int(wrong.sum())} of {wrong.size} elements are off; at {tuple(map(int, at))} "
                f"gpudl has {value[at]!r}, expected {wanted[at]!r}, off by {off[at]:.3g}, allowed {limit:.3g}"
            )


def split(entry: dict[str, Any], case: Case) -> tuple[Arrays, Arrays, Arrays]:
    """Inputs, cotangents and results of a stored entry."""
    arrays = entry["arrays"]
    results = {k: v for k, v in arrays.items() if v.dtype == np.float64 or re.fullmatch(r"out\d*", k)}
    cotangents = {k: v for k, v in arrays.items() if k.startswith("cot_")}
    return {k: v for k, v in arrays.items() if k not in results and k not in cotangents}, cotangents, results


@pytest.mark.parametrize(("name", "dtype"), RUNS)
def test_golden(path: str, name: str, dtype: str) -> None:
    case = case_of(STORED[name])
    inputs, cotangents, expected = split(STORED[name], case)
    compare(case, golden_gpudl.compute(case, inputs, cotangents, dtype), expected, STORED[name]["scales"], dtype)


# whole training runs -----------------------------------------------------------------------------------------------------------


def float32_spread(arrays: Arrays) -> float:
    """How far Keras' own float32 run is from its float64 run, the largest over all results, relative to each result's size."""
    spread = 0.0
    for key, exact in arrays.items():
        if key.startswith("float64/"):
            single = arrays[key.removeprefix("float64/")]
            spread = max(spread, float(np.abs(single - exact).max()) / max(1.0, float(np.abs(exact).max())))
    return spread


def compare_training(got: Arrays, expected: Arrays, limit: float) -> None:
    assert sorted(got) == sorted(expected)
    for key, wanted in expected.items():
        allowed = (
            1e-6 if "accuracy" in key else limit * max(1.0, float(np.abs(wanted).max()))
        )  # an accuracy is a count, no rounding moves it
        off = np.abs(got[key] - wanted).max()
        assert got[key].shape == wanted.shape and off <= allowed, (
            f"{key}: got {got[key]}, expected {wanted}, off by {off:.3g}, allowed {allowed:.3g}"
        )


# float32: rounding grows over 12 steps by a factor that belongs to the problem. Keras' run shows it: another order of summation is
# another draw of errors of that size, so eight times its distance from the exact run is allowed. float64: what Keras and PyTorch agree on.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAINING)
def test_golden_training(path: str, name: str, dtype: str) -> None:
    arrays = TRAINING[name]["arrays"]
    expected = {key.removeprefix("float64/"): value for key, value in arrays.items() if key.startswith("float64/")}
    inputs = {key: value for key, value in arrays.items() if key.startswith(("x", "y", "initial_"))}
    limit = 8 * float32_spread(arrays) if dtype == "float32" else 1e-9
    assert limit < 1e-4
    compare_training(golden_gpudl.train(TRAINING[name]["problem"], inputs, dtype), expected, limit)


# initializers ------------------------------------------------------------------------------------------------------------------


def cumulative(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """The distribution function of an initializer's values."""
    if entry["family"] == "uniform":
        return (x - entry["low"]) / (entry["high"] - entry["low"])
    normal = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2.0)))
    if entry["family"] == "normal":
        return normal((x - entry["mean"]) / entry["std"])
    return (normal((x - entry["mean"]) / ((entry["high"] - entry["mean"]) / 2)) - normal(-2.0)) / (normal(2.0) - normal(-2.0))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_golden_initializer(name: str) -> None:
    entry = INITIALIZERS[name]
    drawn = getattr(gpudl.initializers, entry["target"])(**entry["kwargs"], seed=11)(tuple(entry["shape"]))
    assert drawn.shape == tuple(entry["shape"]) and str(drawn.dtype) == "float32"
    values = np.sort(drawn.numpy().astype(np.float64).ravel())
    if entry["low"] is not None:
        rounding = 2.0**-23 * max(abs(entry["low"]), abs(entry["high"]))
        assert entry["low"] - rounding <= values[0] and values[-1] <= entry["high"] + rounding
    # five standard errors of mean and deviation (a normal's, which is the largest): a right sampler fails once in a million seeds
    assert abs(values.mean() - entry["mean"]) < 5 * entry["std"] / math.sqrt(values.size)
    assert abs(values.std() - entry["std"]) < 5 * entry["std"] / math.sqrt(2 * values.size)
    # Kolmogorov and Smirnov: the largest distance of the distribution functions; times sqrt(n) it passes 2.5 once in 130,000 draws
    exact, ranks = cumulative(entry, values), np.arange(values.size + 1) / values.size
    distance = max(float((exact - ranks[:-1]).max()), float((ranks[1:] - exact).max()))
    assert distance * math.sqrt(values.size) < 2.5


# live: the same comparisons with fresh numbers, computed by PyTorch now ---------------------------------------------------------


@pytest.fixture
def oracle() -> Any:
    """The module that computes cases with PyTorch; GPUDL_REQUIRE_ORACLE=1 makes its absence a failure."""
    if os.environ.get("GPUDL_REQUIRE_ORACLE") == "1":
        importlib.import_module("torch")
    else:
        pytest.importorskip("torch")
    return importlib.import_module("golden_torch")


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "dtype"), RUNS)
def test_live(oracle: Any, path: str, name: str, dtype: str) -> None:
    case = LIVE[name]
    inputs = golden_cases.draw_inputs(case, LIVE_SEED)
    cotangents = {} if case.kind == "optimizer" else golden_cases.draw_cotangents(case, oracle.compute(case, inputs, None), LIVE_SEED)
    expected = oracle.compute(case, inputs, cotangents)
    scales = {}
    if case.terms:
        absolute = {key: np.abs(value) if value.dtype == np.float32 else value for key, value in inputs.items()}
        upper = oracle.compute(case, absolute, {key: np.abs(value) for key, value in cotangents.items()})
        scales = {key: float(np.abs(value).max()) for key, value in upper.items() if value.dtype == np.float64}
    compare(case, golden_gpudl.compute(case, inputs, cotangents, dtype), expected, scales, dtype)


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAINING)
def test_live_training(oracle: Any, path: str, name: str, dtype: str) -> None:
    problem, inputs = golden_training.problem(name), golden_training.draw_problem(name, LIVE_SEED)
    limit = 8 * float32_spread(TRAINING[name]["arrays"]) if dtype == "float32" else 1e-9
    compare_training(golden_gpudl.train(problem, inputs, dtype), oracle.train(problem, inputs), limit)


# the data and the comparison themselves ----------------------------------------------------------------------------------------


def test_data_match_the_cases() -> None:
    """Cases that were added or changed without making their data again."""
    assert sorted(STORED) == sorted(LIVE)
    for name, case in LIVE.items():
        assert json.loads(json.dumps(golden_cases.describe(case))) == STORED[name]["case"], name
        assert {key: value.shape for key, value in split(STORED[name], case)[0].items()} == {
            key: value.shape for key, value in golden_cases.draw_inputs(case, 0).items()
        }, name
    for name in golden_training.PROBLEMS:
        assert json.loads(json.dumps(golden_training.problem(name))) == TRAINING[name]["problem"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STORED)
def test_comparison_notices_a_wrong_number(name: str, dtype: str) -> None:
    """Each result, off by one part in 5,000 of its largest element at one place, is refused; so is a NaN."""
    case = case_of(STORED[name])
    _, _, expected = split(STORED[name], case)
    right = {key: value.astype(dtype) if value.dtype == np.float64 else value for key, value in expected.items()}
    compare(case, right, expected, STORED[name]["scales"], dtype)
    for key, value in right.items():
        if value.dtype.kind != "f" or not value.size:
            continue
        size = max(1.0, float(np.abs(value).max()), STORED[name]["scales"].get(key, 0.0))
        for error in (2e-4 * size, math.nan):
            off = value.copy()
            off.reshape(-1)[-1] += error
            with pytest.raises(AssertionError, match="are off"):
                compare(case, {**right, key: off}, expected, STORED[name]["scales"], dtype)

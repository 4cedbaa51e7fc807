"""Make the golden values: compute every case with Keras (JAX, float64), check it against PyTorch (float64), store it beside this script.

Run `python make_golden.py [family ...]` with a Python that has keras, jax and torch. It writes `<family>.json` (cases, scales) and
`<family>.npz` (input arrays, cotangents and results), the same for `training`, `initializers.json` and `versions.json`;
a run with the same versions writes the same bytes.
"""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import golden_cases
import golden_keras
import golden_torch
import golden_training
import numpy as np
from golden_cases import Arrays, Case
from golden_cases_layers import INITIALIZERS

HERE = Path(__file__).parent
SEED = 0
AGREEMENT = 1e-12  # relative to the largest value: float64 rounding of a few hundred operations


def differences(name: str, ours: Arrays, theirs: Arrays, limit: float) -> list[str]:
    """The results of two frameworks that differ by more than `limit`."""
    if ours.keys() != theirs.keys():
        return [f"{name}: {sorted(ours)} against {sorted(theirs)}"]
    found = []
    for key, value in ours.items():
        other = theirs[key]
        if value.shape != other.shape:
            found.append(f"{name}.{key}: shape {value.shape} against {other.shape}")
        elif not np.allclose(
            value.astype(float), other.astype(float), rtol=0, atol=limit * max(1.0, float(np.abs(value.astype(float)).max(initial=0)))
        ):
            found.append(
                f"{name}.{key}: keras {value.ravel()[:4]} torch {other.ravel()[:4]}, "
                f"largest difference {np.abs(value.astype(float) - other.astype(float)).max():.3g}"
            )
    return found


def compute(case: Case) -> tuple[Arrays, Arrays, Arrays, dict[str, float]]:
    """Inputs, cotangents and results of a case, and for a linear case the scale of each result: its largest sum of absolute products."""
    inputs = golden_cases.draw_inputs(case, SEED)
    cotangents: Arrays = {}
    if case.kind != "optimizer":
        cotangents = golden_cases.draw_cotangents(case, golden_keras.compute(case, inputs, None), SEED)
    results = golden_keras.compute(case, inputs, cotangents)
    scales: dict[str, float] = {}
    if case.terms:

        def magnitude(a: np.ndarray) -> np.ndarray:
            return np.abs(a) if a.dtype == np.float32 else a

        upper = golden_keras.compute(case, {k: magnitude(v) for k, v in inputs.items()}, {k: np.abs(v) for k, v in cotangents.items()})
        scales = {key: float(f"{np.abs(value).max():.3g}") for key, value in upper.items() if value.dtype == np.float64}
    return inputs, cotangents, results, scales


def make_family(family: str) -> list[str]:
    problems: list[str] = []
    stored: Arrays = {}
    index: dict[str, Any] = {}
    for case in golden_cases.cases_of(family):
        inputs, cotangents, results, scales = compute(case)
        problems += differences(case.name, results, golden_torch.compute(case, inputs, cotangents), AGREEMENT)
        for key, value in {**inputs, **cotangents, **results}.items():
            if not np.isfinite(value.astype(float)).all():
                problems.append(f"{case.name}.{key} is not finite")
            stored[f"{case.name}/{key}"] = value
        if case.name in index:
            problems.append(f"two cases are called {case.name}")
        index[case.name] = {"case": golden_cases.describe(case), "scales": scales, "arrays": {}}
    store(family, index, stored)
    print(f"{family}: {len(index)} cases")
    return problems


def store(name: str, index: dict[str, Any], arrays: Arrays) -> None:
    """Write `<name>.npz`, and `<name>.json` with the place of each array."""
    for key, where in golden_cases.save_arrays(HERE / (name + ".npz"), arrays).items():
        entry, _, array = key.partition("/")
        index[entry]["arrays"][array] = where
    write_json(name + ".json", index)


def write_json(name: str, content: dict[str, Any]) -> None:
    """One entry a line, so that a changed case is a changed line."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def make_initializers() -> list[str]:
    """Derive the distribution of each initializer and check it against Keras' own draws."""
    problems, entries = [], {}
    for name, options, shape in INITIALIZERS:
        entry = distribution(name, options, shape)
        drawn = golden_keras.sample(name, options, shape, seed=1).ravel()
        # five standard errors of a mean, and of a standard deviation (whose error is at most that of a normal's), of so many draws
        error = 5 * entry["std"] / math.sqrt(drawn.size)
        good = abs(drawn.mean() - entry["mean"]) < error and abs(drawn.std() - entry["std"]) < error
        if entry["low"] is not None:
            good = good and drawn.min() >= entry["low"] and drawn.max() <= entry["high"]
        if not good:
            problems.append(
                f"{name}{options}: derived {entry}, keras mean {drawn.mean()} std {drawn.std()} in [{drawn.min()}, {drawn.max()}]"
            )
        label = f"{name}_{'x'.join(map(str, shape))}" + "".join(f"_{key}_{value}" for key, value in options.items())
        entries[label] = {"target": name, "kwargs": options, "shape": shape, **entry}
    write_json("initializers.json", entries)
    return problems


TRUNCATED_STD = 0.879625661034239783  # standard deviation of a standard normal cut off at -2 and 2


def distribution(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """Family, mean, standard deviation and bounds that an initializer's values follow."""
    field = math.prod(shape[:-2])
    fan_in, fan_out = shape[-2] * field, shape[-1] * field
    variance = {"Glorot": 2 / (fan_in + fan_out), "He": 2 / fan_in}.get(name.replace("Uniform", "").replace("Normal", ""))
    if name.endswith("Uniform"):
        low, high = options.get("minval", -0.05), options.get("maxval", 0.05)
        if variance is not None:
            low, high = -math.sqrt(3 * variance), math.sqrt(3 * variance)
        return {"family": "uniform", "mean": (low + high) / 2, "std": (high - low) / math.sqrt(12), "low": low, "high": high}
    mean, std = options.get("mean", 0.0), options.get("stddev", 0.05)
    if name == "RandomNormal":
        return {"family": "normal", "mean": mean, "std": std, "low": None, "high": None}
    if variance is not None:  # chosen so that the variance after truncation is right
        std = math.sqrt(variance) / TRUNCATED_STD
    return {"family": "truncated_normal", "mean": mean, "std": std * TRUNCATED_STD, "low": mean - 2 * std, "high": mean + 2 * std}


def make_training() -> list[str]:
    """Run the training problems in Keras' float32 (as users do) and in float64 in Keras and PyTorch."""
    problems: list[str] = []
    stored: Arrays = {}
    index: dict[str, Any] = {}
    for name in golden_training.PROBLEMS:
        index[name] = {"problem": golden_training.problem(name), "arrays": {}}
        problem, arrays = golden_training.problem(name), golden_training.draw_problem(name, SEED)
        wide = {key: golden_keras.widen(value) for key, value in arrays.items()}
        double = golden_keras.train(problem, wide, "float64")
        problems += differences(name, double, golden_torch.train(problem, arrays), 1e-9)  # 12 steps
        single = float32_training(name)
        for key, value in double.items():
            if "accuracy" in key and not np.allclose(value, single[key], atol=1e-6):
                problems.append(f"{name}.{key}: a prediction too near a tie, {value} in float64, {single[key]} in float32")
        stored |= {f"{name}/{key}": value for key, value in arrays.items()}
        stored |= {f"{name}/{key}": value.astype(np.float32) for key, value in single.items()}
        stored |= {f"{name}/float64/{key}": value for key, value in double.items()}
    store("training", index, stored)
    return problems


def float32_training(name: str) -> Arrays:
    """Keras' float32 run in a process of its own, where JAX' 64-bit mode was never switched on."""
    code = (
        "import sys, io, os; sys.path.insert(0, sys.argv[1]); import golden_training, golden_keras, numpy; "
        "arrays = golden_training.draw_problem(sys.argv[2], int(sys.argv[3])); "
        "r = golden_keras.train(golden_training.problem(sys.argv[2]), arrays, 'float32'); "
        "b = io.BytesIO(); numpy.savez(b, **r); sys.stdout.flush(); os.write(1, b'GOLDEN' + b.getvalue())"
    )
    output = subprocess.run([sys.executable, "-c", code, str(HERE), name, str(SEED)], check=True, stdout=subprocess.PIPE).stdout
    return dict(np.load(io.BytesIO(output[output.index(b"GOLDEN") + 6 :])))


def main() -> int:
    problems: list[str] = []
    chosen = sys.argv[1:] or [*golden_cases.FAMILIES, "initializers", "training"]
    for family in chosen:
        problems += make_initializers() if family == "initializers" else make_training() if family == "training" else make_family(family)
    write_json(
        "versions.json", {**golden_keras.versions(), **golden_torch.versions(), "numpy": np.__version__, "python": sys.version.split()[0]}
    )
    for line in problems:
        print(line, file=sys.stderr)
    total = sum(path.stat().st_size for path in HERE.iterdir() if path.suffix in (".json", ".npz"))
    print(f"{total / 1000:.0f} kB, {len(problems)} disagreements")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

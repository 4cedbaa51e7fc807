"""Make parts.json anew: what Keras' constraints and its orthogonal regularizer make of a weight, and rates of its schedules, in float64.

Run it with Keras 3 and JAX installed. The second opinions are the formulas in the tests of these parts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

FILE = Path(__file__).with_name("parts.json")
STEPS = (0, 1, 3, 4, 7, 8, 9, 20, 100)
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("constraints", "MaxNorm", {}),
    ("constraints", "MaxNorm", {"max_value": 1.5, "axis": 1}),
    ("constraints", "MinMaxNorm", {}),
    ("constraints", "MinMaxNorm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.25, "axis": [0, 1]}),
    ("constraints", "NonNeg", {}),
    ("constraints", "UnitNorm", {}),
    ("constraints", "UnitNorm", {"axis": 1}),
    ("regularizers", "OrthogonalRegularizer", {}),
    ("regularizers", "OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
    ("optimizers.schedules", "CosineDecay", {"initial_learning_rate": 0.5, "decay_steps": 8}),
    ("optimizers.schedules", "CosineDecay", {"initial_learning_rate": 0.5, "decay_steps": 8, "alpha": 0.1, "warmup_target": 0.8,
                                             "warmup_steps": 3}),
    ("optimizers.schedules", "CosineDecayRestarts", {"initial_learning_rate": 0.5, "first_decay_steps": 4}),
    ("optimizers.schedules", "CosineDecayRestarts", {"initial_learning_rate": 0.5, "first_decay_steps": 3, "t_mul": 1.5, "m_mul": 0.5,
                                                     "alpha": 0.1}),
    ("optimizers.schedules", "CosineDecayRestarts", {"initial_learning_rate": 0.5, "first_decay_steps": 5, "t_mul": 1.0, "m_mul": 0.8}),
    ("optimizers.schedules", "ExponentialDecay", {"initial_learning_rate": 0.5, "decay_steps": 4, "decay_rate": 0.5, "staircase": True}),
    ("optimizers.schedules", "ExponentialDecay", {"initial_learning_rate": 0.5, "decay_steps": 4, "decay_rate": 0.5}),
    ("optimizers.schedules", "InverseTimeDecay", {"initial_learning_rate": 0.5, "decay_steps": 4, "decay_rate": 0.5, "staircase": True}),
    ("optimizers.schedules", "PiecewiseConstantDecay", {"boundaries": [3, 8], "values": [1.0, 0.5, 0.1]}),
    ("optimizers.schedules", "PolynomialDecay", {"initial_learning_rate": 0.5, "decay_steps": 8, "power": 2.0}),
    ("optimizers.schedules", "PolynomialDecay", {"initial_learning_rate": 0.5, "decay_steps": 8, "cycle": True}),
]  # fmt: skip


def weight() -> np.ndarray:
    return np.random.default_rng(4).standard_normal((5, 4))


def result(module: str, name: str, arguments: dict[str, Any]) -> Any:
    found: Any = keras
    for part in (*module.split("."), name):
        found = getattr(found, part)
    made = found(**arguments)
    if module.endswith("schedules"):
        return [float(made(jax.numpy.asarray(step, "float64"))) for step in STEPS]
    return np.asarray(made(jax.numpy.asarray(weight())), np.float64).tolist()


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    head = {"steps": STEPS, "weight": weight().tolist()}
    lines = [json.dumps({"module": m, "class": n, "arguments": a, "result": result(m, n, a)}) for m, n, a in CASES]
    FILE.write_text("[\n" + ",\n".join([json.dumps(head), *lines]) + "\n]\n")


if __name__ == "__main__":
    main()

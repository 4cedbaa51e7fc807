"""Make trajectories.json anew: where Keras' optimizers, with decay, clipping and schedules, arrive in float64 after given gradients.

Run it with Keras 3 and JAX installed. The cases (class and arguments; a schedule is [class, arguments]) are those of the file itself.
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

FILE = Path(__file__).with_name("trajectories.json")
STEPS = 8


def final(name: str, arguments: dict[str, Any]) -> list[float]:
    options = dict(arguments)
    if isinstance(options.get("learning_rate"), list):
        schedule, values = options["learning_rate"]
        options["learning_rate"] = getattr(keras.optimizers.schedules, schedule)(**values)
    rng = np.random.default_rng(5)
    shapes = {"kernel": (3, 4), "bias": (5,)}
    variables = [keras.Variable(rng.standard_normal(shape), dtype="float64", name=key) for key, shape in shapes.items()]
    optimizer = getattr(keras.optimizers, name)(**options)
    for _ in range(STEPS):
        optimizer.apply([jax.numpy.asarray(rng.standard_normal(tuple(v.shape))) for v in variables], variables)
    return [float(x) for v in variables for x in np.asarray(v.value).ravel()]


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    cases = json.loads(FILE.read_text())
    lines = [json.dumps({**case, "final": final(case["class"], case["arguments"])}) for case in cases]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

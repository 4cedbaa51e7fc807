"""Make trajectories.json anew: where Keras' optimizers, with all their options, arrive in float64 after given gradients.

Run it with Keras 3 and JAX installed. The cases are those of the file itself: a class and its arguments, where a schedule or an inner
optimizer is [class, arguments]; in the steps of "infinite" a gradient is infinite. Results: the parameters after the last step, and with
`use_ema` their averages.
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


def made(name: str, arguments: dict[str, Any]) -> Any:
    options = dict(arguments)
    if isinstance(options.get("learning_rate"), list):
        schedule, values = options["learning_rate"]
        options["learning_rate"] = getattr(keras.optimizers.schedules, schedule)(**values)
    if "inner_optimizer" in options:
        options["inner_optimizer"] = made(*options["inner_optimizer"])
    return getattr(keras.optimizers, name)(**options)


def run(name: str, arguments: dict[str, Any], infinite: tuple[int, ...] = (), **_: Any) -> dict[str, list[float]]:
    rng = np.random.default_rng(5)
    shapes = {"kernel": (3, 4), "bias": (5,)}
    variables = [keras.Variable(rng.standard_normal(shape), dtype="float64", name=key) for key, shape in shapes.items()]
    optimizer = made(name, arguments)
    for step in range(STEPS):
        gradients = [jax.numpy.asarray(rng.standard_normal(tuple(v.shape))) for v in variables]
        if step in infinite:
            gradients[0] = gradients[0].at[1, 2].set(jax.numpy.inf)
        if name != "LossScaleOptimizer":
            optimizer.apply(gradients, variables)
            continue
        if not optimizer.built:
            optimizer.build(variables)
        states = [v.value for v in optimizer.variables], gradients, [v.value for v in variables]
        for held, values in zip((variables, optimizer.variables), optimizer.stateless_apply(*states)):
            for v, value in zip(held, values):
                v.assign(value)
    found = {"final": variables}
    if arguments.get("use_ema"):
        found["average"] = optimizer._model_variables_moving_average
    return {key: [float(x) for v in values for x in np.asarray(v.value).ravel()] for key, values in found.items()}


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    cases = json.loads(FILE.read_text())
    lines = [json.dumps({**case, **run(case["class"], **{k: v for k, v in case.items() if k != "class"})}) for case in cases]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

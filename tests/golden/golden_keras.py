"""Compute golden cases with Keras 3 on JAX, in float64 throughout.

Values come from Keras' own layers, ops, losses and optimizers, gradients from JAX' differentiation of them.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
from golden_cases import Arrays, Case, resolve


def use_float64() -> None:
    """Make Keras compute wholly in float64.

    On JAX it otherwise turns a promoted float64 into float32, in `mean`, `sin`, `layer_normalization` and others.
    """
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def widen(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def compute(case: Case, arrays: Arrays, cotangents: Arrays | None) -> Arrays:
    """Outputs of a case and, with cotangents, its gradients `d_<input>` of sum(output * cotangent)."""
    use_float64()
    arrays = {key: widen(value) for key, value in arrays.items()}
    if case.kind == "optimizer":
        return trajectory(case, arrays)
    function, after = function_of(case, arrays)
    outputs = outputs_of(function(arrays))
    if after is not None:
        outputs |= after()
    results = {key: np.asarray(value) for key, value in outputs.items()}
    if cotangents is None or not case.wrt:
        return results

    def scalar(differentiated: dict[str, Any]) -> Any:
        outs = outputs_of(function({**arrays, **differentiated}))
        return sum((outs[key[len("cot_") :]] * widen(cot)).sum() for key, cot in cotangents.items())

    gradients = jax.grad(scalar)({key: jax.numpy.asarray(arrays[key]) for key in case.wrt})
    return results | {"d_" + key: np.asarray(value) for key, value in gradients.items()}


def outputs_of(result: Any) -> dict[str, Any]:
    """Name the outputs: "out", or "out0", "out1" … of a function with several."""
    if isinstance(result, (tuple, list)):
        return {f"out{i}": value for i, value in enumerate(result)}
    return {"out": result}


def function_of(case: Case, arrays: Arrays) -> tuple[Any, Any]:
    """A function of the named arrays, and for layers with state a function that gives their state after the first call."""
    if case.kind == "op":
        return lambda a: getattr(keras.ops, case.target)(*resolve(case.args, a), **case.kwargs), None
    if case.kind == "activation":
        return lambda a: getattr(keras.activations, case.target)(a["x"], **case.kwargs), None
    if case.kind == "regularizer":
        return lambda a: getattr(keras.regularizers, case.target)(**case.kwargs)(keras.ops.convert_to_tensor(a["x"])), None
    if case.kind == "loss":
        loss = getattr(keras.losses, case.target)(**case.kwargs)
        return lambda a: loss(a["y_true"], a["y_pred"], sample_weight=a.get("sample_weight")), None
    layer = getattr(keras.layers, case.target)(**case.kwargs)
    layer.build(arrays["x"].shape)
    trained = len(case.weights) - case.state
    training = {} if case.training is None else {"training": case.training}
    state: dict[str, Any] = {}

    def call(a: Arrays) -> Any:
        out, new = layer.stateless_call(
            [a[key] for key in case.weights[:trained]], [a[key] for key in case.weights[trained:]], a["x"], **training
        )
        if not state:
            state.update({"new_" + key: value for key, value in zip(case.weights[trained:], new)})
        return out

    return call, (lambda: state)


def trajectory(case: Case, arrays: Arrays) -> Arrays:
    """The parameters a and b after each step of an optimizer with given gradients."""
    optimizer = getattr(keras.optimizers, case.target)(**case.kwargs)
    variables = [keras.Variable(arrays[key], dtype="float64") for key in "ab"]
    results: Arrays = {}
    for step in range(sum(key.startswith("grad_a_") for key in arrays)):
        optimizer.apply([jax.numpy.asarray(arrays[f"grad_{key}_{step}"]) for key in "ab"], variables)
        results |= {f"{key}_{step + 1}": np.asarray(variable.value) for key, variable in zip("ab", variables)}
    return results


def train(problem: dict[str, Any], arrays: Arrays, dtype: str) -> Arrays:
    """Train a small Sequential as Keras does, in `dtype`: histories, final weights, predictions."""
    if dtype == "float64":
        use_float64()
    layers = [getattr(keras.layers, name)(**options) for name, options in problem["layers"]]
    model = keras.Sequential([keras.Input(tuple(problem["input_shape"])), *layers])
    model.set_weights([arrays[f"initial_{i}"] for i in range(len(model.weights))])
    name, options = problem["optimizer"]
    model.compile(optimizer=getattr(keras.optimizers, name)(**options), loss=problem["loss"], metrics=["accuracy"])
    history = model.fit(
        arrays["x"],
        arrays["y"],
        batch_size=problem["batch_size"],
        epochs=problem["epochs"],
        shuffle=False,
        verbose=0,
        validation_data=(arrays["x_val"], arrays["y_val"]),
    ).history
    results = {"history_" + key: np.asarray(values) for key, values in history.items()}
    results |= {f"final_{i}": np.asarray(value) for i, value in enumerate(model.get_weights())}
    return results | {"predicted": np.asarray(model.predict(arrays["x_val"], verbose=0))}


def sample(name: str, options: dict[str, Any], shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Draw from one of Keras' initializers."""
    use_float64()
    return np.asarray(getattr(keras.initializers, name)(**options, seed=seed)(shape), dtype=np.float64)


def versions() -> dict[str, str]:
    return {"keras": keras.__version__, "jax": jax.__version__}

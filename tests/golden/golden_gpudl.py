"""Compute golden cases with gpudl through its public API, in float32 or float64: what the golden values are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden_cases import Arrays, Case, resolve

import gpudl


def as_dtype(array: np.ndarray, dtype: str) -> np.ndarray:
    return array.astype(dtype) if array.dtype == np.float32 else array


def compute(case: Case, arrays: Arrays, cotangents: Arrays, dtype: str) -> Arrays:
    """Outputs of a case and its gradients `d_<input>` of sum(output * cotangent)."""
    if case.kind == "optimizer":
        return trajectory(case, arrays, dtype)
    tensors = {
        key: gpudl.tensor(as_dtype(value, dtype), requires_grad=key in case.wrt) for key, value in arrays.items() if key not in case.weights
    }
    results: Arrays = {}
    gradients: dict[str, Any] = {}
    if case.kind == "layer":
        outputs, results, gradients = run_layer(case, arrays, tensors["x"], dtype)
    else:
        outputs = outputs_of(run_function(case, tensors, dtype))
    results |= {key: value.numpy() for key, value in outputs.items()}
    if not case.wrt:
        return results
    total = None
    for key, cotangent in cotangents.items():
        part = (outputs[key.removeprefix("cot_")] * gpudl.tensor(as_dtype(cotangent, dtype))).sum()
        total = part if total is None else total + part
    assert total is not None
    total.backward()
    for key in case.wrt:
        leaf = gradients.get(key, tensors.get(key))
        assert leaf is not None and leaf.grad is not None, f"{case.name}: no gradient of {key}"
        results["d_" + key] = leaf.grad.numpy()
    return results


def outputs_of(result: Any) -> dict[str, Any]:
    """Name the outputs: "out", or "out0", "out1" … of a function with several."""
    return {f"out{i}": value for i, value in enumerate(result)} if isinstance(result, tuple | list) else {"out": result}


def run_function(case: Case, tensors: dict[str, Any], dtype: str) -> Any:
    if case.kind == "op":
        if not any(np.issubdtype(t.dtype, np.floating) for t in tensors.values()):
            gpudl.config.set_floatx(dtype)  # one_hot of integers: floatx decides; the fixture `settings` puts it back
        return getattr(gpudl.ops, case.target)(*resolve(case.args, tensors), **case.kwargs)
    if case.kind == "activation":
        return getattr(gpudl.activations, case.target)(tensors["x"], **case.kwargs)
    if case.kind == "regularizer":
        return getattr(gpudl.regularizers, case.target)(**case.kwargs)(tensors["x"])
    loss = getattr(gpudl.losses, case.target)(**case.kwargs, dtype=dtype)
    return loss(tensors["y_true"], tensors["y_pred"], sample_weight=tensors.get("sample_weight"))


def run_layer(case: Case, arrays: Arrays, x: Any, dtype: str) -> tuple[dict[str, Any], Arrays, dict[str, Any]]:
    """Outputs of a layer with given weights, its state afterwards, and the variables that receive gradients."""
    layer = getattr(gpudl.layers, case.target)(**case.kwargs, dtype=dtype)
    layer.build(x.shape)
    layer.set_weights([as_dtype(arrays[key], dtype) for key in case.weights])
    outputs = outputs_of(layer(x) if case.training is None else layer(x, training=case.training))
    trained = len(case.weights) - case.state
    after = layer.get_weights()
    assert len(after) == len(case.weights), f"{case.name}: {len(after)} weights, Keras has {list(case.weights)}"
    state = {"new_" + key: value for key, value in zip(case.weights[trained:], after[trained:], strict=True)}
    return outputs, state, {key: getattr(layer, key) for key in case.weights[:trained]}


def trajectory(case: Case, arrays: Arrays, dtype: str) -> Arrays:
    """The parameters a and b after each step of an optimizer with given gradients."""
    optimizer = getattr(gpudl.optimizers, case.target)(**case.kwargs)
    variables = {key: gpudl.Variable(as_dtype(arrays[key], dtype), name=key) for key in "ab"}
    results: Arrays = {}
    for step in range(sum(key.startswith("grad_a_") for key in arrays)):
        gradients = [gpudl.tensor(as_dtype(arrays[f"grad_{key}_{step}"], dtype)) for key in variables]
        optimizer.apply(gradients, list(variables.values()))
        results |= {f"{key}_{step + 1}": variable.numpy() for key, variable in variables.items()}
    return results


def train(problem: dict[str, Any], arrays: Arrays, dtype: str) -> Arrays:
    """Train a small Sequential with fit: histories, final weights, predictions."""
    gpudl.config.set_floatx(dtype)  # the fixture `settings` puts it back
    arrays = {key: as_dtype(value, dtype) for key, value in arrays.items()}
    model = gpudl.Sequential([gpudl.Input(tuple(problem["input_shape"]))])
    for name, options in problem["layers"]:
        model.add(getattr(gpudl.layers, name)(**options))
    model.set_weights([arrays[f"initial_{i}"] for i in range(len(model.get_weights()))])
    name, options = problem["optimizer"]
    model.compile(optimizer=getattr(gpudl.optimizers, name)(**options), loss=problem["loss"], metrics=["accuracy"])
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

"""Compute golden cases with PyTorch in float64: a second opinion on Keras' values, and the live oracle of `tests/test_golden.py`."""

from __future__ import annotations

from typing import Any

import golden_torch_ops as T
import golden_torch_spatial as spatial
import numpy as np
import torch
import torch.nn.functional as F
from golden_cases import Arrays, Case, resolve


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float64 if array.dtype == np.float32 else array.dtype))


def compute(case: Case, arrays: Arrays, cotangents: Arrays | None) -> Arrays:
    """Outputs of a case and, with cotangents, its gradients `d_<input>` of sum(output * cotangent)."""
    if case.kind == "optimizer":
        return trajectory(case, arrays)
    tensors = {key: tensor(value).requires_grad_(key in case.wrt) for key, value in arrays.items()}
    outputs = forward(case, tensors)
    results = {key: value.detach().numpy().copy() for key, value in outputs.items()}
    if cotangents is None or not case.wrt:
        return results
    total = sum((outputs[key[len("cot_") :]] * tensor(cot)).sum() for key, cot in cotangents.items())
    total.backward()
    return results | {"d_" + key: tensors[key].grad.numpy() for key in case.wrt}


def forward(case: Case, t: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    if case.kind == "layer":
        return layer(case.target, t["x"], [t[key] for key in case.weights], case.training, **case.kwargs)
    if case.kind == "op":
        result = T.OPS[case.target](*resolve(case.args, t), **case.kwargs)
    elif case.kind == "activation":
        result = T.ACTIVATIONS[case.target](t["x"], **case.kwargs)
    elif case.kind == "loss":
        result = loss(case.target, t["y_true"], t["y_pred"], t.get("sample_weight"), **case.kwargs)
    elif case.kind == "regularizer":
        result = regularizer(case.target, t["x"], **case.kwargs)
    else:
        raise ValueError(case.kind)
    return {f"out{i}": part for i, part in enumerate(result)} if isinstance(result, tuple) else {"out": result}


def layer(
    target: str, x: torch.Tensor, weights: list[torch.Tensor], training: bool | None = None, **options: Any
) -> dict[str, torch.Tensor]:
    """A Keras layer with its defaults; with state also `new_<state>`."""
    first = options.get("data_format") == "channels_first"
    if target == "Dense":
        out = torch.matmul(x, weights[0])
        out = out + weights[1] if len(weights) > 1 else out
        activation = options.get("activation")
        return {"out": T.ACTIVATIONS[activation](out) if activation else out}
    if target == "Conv2D":
        window = {key: options[key] for key in ("strides", "padding", "dilation_rate", "data_format") if key in options}
        out = T.conv(x, weights[0], **window)
        if len(weights) > 1:
            out = out + (weights[1].reshape(-1, 1, 1) if first else weights[1])
        return {"out": out}
    if target in ("MaxPooling2D", "AveragePooling2D"):
        return {"out": T.pool("max" if target.startswith("Max") else "average", x, **options)}
    if target == "GlobalAveragePooling2D":
        return {"out": x.mean((2, 3) if first else (1, 2), keepdim=options.get("keepdims", False))}
    if target == "BatchNormalization":
        return batch_normalization(x, weights, bool(training), **options)
    if target == "Flatten":
        return {"out": (T.channels_to_back(x) if first else x).reshape(x.shape[0], -1)}
    if target == "Reshape":
        return {"out": x.reshape(x.shape[0], *options["target_shape"])}
    if target == "Activation":
        return {"out": T.ACTIVATIONS[options["activation"]](x)}
    if target == "ReLU":
        return {"out": T.relu(x, **options)}
    if target == "LeakyReLU":
        return {"out": F.leaky_relu(x, options.get("negative_slope", 0.3))}
    if target == "Softmax":
        return {"out": torch.softmax(x, options.get("axis", -1))}
    out = spatial.layer(target, x, weights, **options)
    if out is None:
        raise ValueError(target)
    return {"out": out}


def batch_normalization(
    x: torch.Tensor,
    weights: list[torch.Tensor],
    training: bool,
    axis: int = -1,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
) -> dict[str, torch.Tensor]:
    rest = list(weights)
    gamma = rest.pop(0) if scale else None
    beta = rest.pop(0) if center else None
    mean, variance = rest
    channels = torch.movedim(x, axis, 1)
    if training:
        out = F.batch_norm(channels, None, None, gamma, beta, training=True, eps=epsilon)
        others = [a for a in range(x.ndim) if a != axis % x.ndim]
        with torch.no_grad():  # Keras keeps the biased variance, PyTorch the unbiased
            mean = momentum * mean + (1 - momentum) * x.mean(others)
            variance = momentum * variance + (1 - momentum) * x.var(others, correction=0)
    else:
        out = F.batch_norm(channels, mean, variance, gamma, beta, training=False, eps=epsilon)
    return {"out": torch.movedim(out, 1, axis), "new_moving_mean": mean, "new_moving_variance": variance}


def loss(
    target: str,
    true: torch.Tensor,
    pred: torch.Tensor,
    weight: torch.Tensor | None = None,
    reduction: str = "sum_over_batch_size",
    label_smoothing: float = 0.0,
    **options: Any,
) -> torch.Tensor:
    if target == "MeanSquaredError":
        values = ((true - pred) ** 2).mean(-1)
    elif target == "BinaryCrossentropy":
        values = T.binary_crossentropy(true * (1 - label_smoothing) + label_smoothing / 2, pred, **options).mean(-1)
    elif target == "CategoricalCrossentropy":
        values = T.categorical_crossentropy(true * (1 - label_smoothing) + label_smoothing / true.shape[-1], pred, **options)
    elif target == "SparseCategoricalCrossentropy":
        values = T.sparse_categorical_crossentropy(true, pred, **options)
    else:
        raise ValueError(target)
    values = values if weight is None else values * weight
    return {"sum_over_batch_size": values.mean, "sum": values.sum, "none": lambda: values}[reduction]()


def regularizer(target: str, x: torch.Tensor, l1: float | None = None, l2: float | None = None) -> torch.Tensor:
    defaults = {"L1": (0.01, 0.0), "L2": (0.0, 0.01), "L1L2": (0.0, 0.0)}[target]
    return (defaults[0] if l1 is None else l1) * x.abs().sum() + (defaults[1] if l2 is None else l2) * (x**2).sum()


class Optimizer:
    """PyTorch's optimizers with Keras' defaults and, for Adam, Keras' place of epsilon."""

    def __init__(self, target: str, parameters: list[torch.Tensor], **options: Any) -> None:
        self.parameters = parameters
        self.steps = 0
        self.epsilon = options.get("epsilon", 1e-7)
        rate = options.get("learning_rate", 0.01 if target == "SGD" else 0.001)
        self.beta_2 = options.get("beta_2", 0.999)
        self.torch: torch.optim.Optimizer
        if target == "SGD":
            self.torch = torch.optim.SGD(
                parameters, lr=rate, momentum=options.get("momentum", 0.0), nesterov=options.get("nesterov", False)
            )
        elif target == "Adam":
            self.torch = torch.optim.Adam(
                parameters, lr=rate, betas=(options.get("beta_1", 0.9), self.beta_2), amsgrad=options.get("amsgrad", False)
            )
        else:
            self.torch = torch.optim.Adadelta(parameters, lr=rate, rho=options.get("rho", 0.95), eps=self.epsilon)

    def step(self) -> None:
        self.steps += 1
        if isinstance(self.torch, torch.optim.Adam):  # Keras adds epsilon to sqrt(v), PyTorch to sqrt(v / (1 - beta_2^t))
            self.torch.param_groups[0]["eps"] = self.epsilon / (1 - self.beta_2**self.steps) ** 0.5
        self.torch.step()


def trajectory(case: Case, arrays: Arrays) -> Arrays:
    """The parameters a and b after each step of an optimizer with given gradients."""
    parameters = {key: tensor(arrays[key]) for key in "ab"}
    optimizer = Optimizer(case.target, list(parameters.values()), **case.kwargs)
    results: Arrays = {}
    for step in range(sum(key.startswith("grad_a_") for key in arrays)):
        for key, parameter in parameters.items():
            parameter.grad = tensor(arrays[f"grad_{key}_{step}"])
        optimizer.step()
        results |= {f"{key}_{step + 1}": parameter.numpy().copy() for key, parameter in parameters.items()}
    return results


def train(problem: dict[str, Any], arrays: Arrays) -> Arrays:
    """Train a small Sequential as Keras' fit does, in float64: histories, final weights, predictions."""
    count = sum(key.startswith("initial_") for key in arrays)
    weights = [tensor(arrays[f"initial_{i}"]) for i in range(count)]
    groups, at = [], 0
    for name, options in problem["layers"]:  # the weights of each layer, in the order of get_weights
        size = {"Dense": 2, "Conv2D": 1 + options.get("use_bias", True), "BatchNormalization": 4}.get(name, 0)
        groups.append(list(range(at, at + size)))
        at += size
    state = {i for (name, _), group in zip(problem["layers"], groups) if name == "BatchNormalization" for i in group[2:]}
    trained = [w.requires_grad_() for i, w in enumerate(weights) if i not in state]
    optimizer = Optimizer(problem["optimizer"][0], trained, **problem["optimizer"][1])

    def run(x: torch.Tensor, training: bool) -> tuple[torch.Tensor, torch.Tensor]:
        penalty = torch.zeros((), dtype=torch.float64)
        for (name, options), group in zip(problem["layers"], groups):
            options = dict(options)
            strength = options.pop("kernel_regularizer", None)
            if strength:
                penalty = penalty + regularizer("L2", weights[group[0]])
            results = layer(name, x, [weights[i] for i in group], training, **options)
            x = results["out"]
            if training and name == "BatchNormalization":
                weights[group[2]], weights[group[3]] = results["new_moving_mean"], results["new_moving_variance"]
        return x, penalty

    def measure(x: torch.Tensor, y: torch.Tensor, training: bool) -> tuple[torch.Tensor, float, torch.Tensor]:
        out, penalty = run(x, training)
        name = {"categorical_crossentropy": "CategoricalCrossentropy", "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy"}[
            problem["loss"]
        ]
        labels = y.argmax(-1) if y.ndim == out.ndim else y
        return loss(name, y, out) + penalty, float((out.argmax(-1) == labels).double().mean()), out

    x, y, x_val, y_val = (tensor(arrays[key]) for key in ("x", "y", "x_val", "y_val"))
    history: dict[str, list[float]] = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
    batch = problem["batch_size"]
    for _ in range(problem["epochs"]):
        seen, losses, hits = 0, 0.0, 0.0
        for start in range(0, len(x), batch):
            part = slice(start, start + batch)
            optimizer.torch.zero_grad()
            value, accuracy, _ = measure(x[part], y[part], True)
            value.backward()
            optimizer.step()
            size = len(x[part])
            seen, losses, hits = seen + size, losses + float(value.detach()) * size, hits + accuracy * size
        with torch.no_grad():  # x_val is larger than a batch, but inference of a batch does not depend on its neighbours
            value, accuracy, out = measure(x_val, y_val, False)
        for key, number in (("loss", losses / seen), ("accuracy", hits / seen), ("val_loss", float(value)), ("val_accuracy", accuracy)):
            history[key].append(number)
    results = {"history_" + key: np.asarray(values) for key, values in history.items()}
    results |= {f"final_{i}": w.detach().numpy() for i, w in enumerate(weights)}
    return results | {"predicted": out.numpy()}


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}

"""Make regression_losses.json anew: values and gradients of losses from Keras in float64, each agreed with PyTorch.

Run it with Keras 3, JAX and PyTorch installed. It fails where PyTorch, by a formula of its own here, is off by more than 1e-12.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
import torch

FILE = Path(__file__).with_name("regression_losses.json")
EPSILON = 1e-7
# class, its arguments, what the labels are: numbers, positive ones, signs, bits, one-hot rows, class numbers; of predictions: the same
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("MeanAbsoluteError", {}, "numbers"),
    ("MeanAbsolutePercentageError", {}, "numbers"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "bits"),
    ("SquaredHinge", {}, "bits"),
    ("CategoricalHinge", {}, "rows"),
    ("KLDivergence", {}, "positive"),
    ("Huber", {}, "numbers"),
    ("Huber", {"delta": 0.3}, "numbers"),
    ("LogCosh", {}, "numbers"),
    ("Poisson", {}, "positive"),
    ("CosineSimilarity", {}, "numbers"),
    ("CosineSimilarity", {"axis": 0}, "numbers"),
    ("BinaryFocalCrossentropy", {}, "bits, shares"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 1.5}, "bits"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 3.0, "label_smoothing": 0.1}, "bits, shares"),
    ("BinaryFocalCrossentropy", {"axis": 0}, "bits, shares"),
    ("CategoricalFocalCrossentropy", {}, "rows, shares"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.5, "alpha": 0.4}, "rows"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 3.0, "label_smoothing": 0.1}, "rows, shares"),
    ("CategoricalFocalCrossentropy", {"axis": 0}, "rows, shares"),
    ("Dice", {}, "bits, shares"),
    ("Dice", {"axis": 1}, "bits, shares"),
    ("Tversky", {"alpha": 0.3, "beta": 0.7}, "bits, shares"),
    ("Tversky", {"axis": 1}, "positive"),
    ("CategoricalGeneralizedCrossEntropy", {}, "classes, shares"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, "classes, shares"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "classes, shares"),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1, "from_logits": True}, "classes"),
]

WEIGHTED = ("Hinge", "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy", "Dice", "Tversky", "SparseCategoricalCrossentropy")

T = torch.Tensor


def signs(y: T) -> T:
    return y * 2 - 1 if bool(((y == 0) | (y == 1)).all()) else y


def normalised(x: T, axis: int) -> T:
    return x / x.norm(dim=axis, keepdim=True)


def binary_focal(y: T, p: T, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
                 label_smoothing: float = 0.0, axis: int = -1) -> T:  # fmt: skip
    y = y * (1 - label_smoothing) + label_smoothing / 2
    p = torch.sigmoid(p) if from_logits else p
    each = torch.nn.functional.binary_cross_entropy(p, y, reduction="none")
    each = each * (1 - (y * p + (1 - y) * (1 - p))) ** gamma
    return (each * (y * alpha + (1 - y) * (1 - alpha)) if apply_class_balancing else each).mean(axis)


def categorical_focal(y: T, p: T, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
                      axis: int = -1) -> T:  # fmt: skip
    y = y * (1 - label_smoothing) + label_smoothing / y.shape[axis]
    p = torch.softmax(p, axis) if from_logits else p / p.sum(axis, keepdim=True)
    return (torch.as_tensor(alpha, dtype=p.dtype) * (1 - p) ** gamma * -torch.xlogy(y, p)).sum(axis)


def overlap(y: T, p: T, alpha: float = 0.5, beta: float = 0.5, axis: int | None = None) -> T:
    y, p = (y.reshape(1, -1), p.reshape(1, -1)) if axis is None else (y, p)
    both = (y * p).sum(-1)
    lost = 1 - both / (both + alpha * (y - y * p).sum(-1) + beta * (p - y * p).sum(-1) + EPSILON)
    return lost[0] if axis is None else lost


def dice(y: T, p: T, axis: int | None = None) -> T:
    y, p = (y.reshape(1, -1), p.reshape(1, -1)) if axis is None else (y, p)
    lost = 1 - (y * p).sum(-1) / ((y.sum(-1) + p.sum(-1) + EPSILON) / 2)
    return lost[0] if axis is None else lost


def ignoring(y: T, p: T, ignore_class: int, from_logits: bool = False) -> T:
    scores = p if from_logits else torch.log(p)
    return torch.nn.functional.cross_entropy(scores, y.long(), ignore_index=ignore_class, reduction="none")


FORMULAS: dict[str, Callable[..., T]] = {
    "MeanAbsoluteError": lambda y, p: torch.nn.functional.l1_loss(p, y, reduction="none").mean(-1),
    "MeanAbsolutePercentageError": lambda y, p: 100 * ((p - y).abs() / y.abs()).mean(-1),
    "MeanSquaredLogarithmicError": lambda y, p: ((torch.log1p(p) - torch.log1p(y)) ** 2).mean(-1),
    "Hinge": lambda y, p: torch.relu(1 - signs(y) * p).mean(-1),
    "SquaredHinge": lambda y, p: (torch.relu(1 - signs(y) * p) ** 2).mean(-1),
    "CategoricalHinge": lambda y, p: torch.relu(1 + ((1 - y) * p).amax(-1) - (y * p).sum(-1)),
    "KLDivergence": lambda y, p: torch.nn.functional.kl_div(torch.log(p), y, reduction="none").sum(-1),
    "Huber": lambda y, p, delta=1.0: torch.nn.functional.huber_loss(p, y, delta=delta, reduction="none").mean(-1),
    "LogCosh": lambda y, p: torch.log(torch.cosh(p - y)).mean(-1),
    "Poisson": lambda y, p: torch.nn.functional.poisson_nll_loss(p, y, log_input=False, eps=EPSILON, reduction="none").mean(-1),
    "CosineSimilarity": lambda y, p, axis=-1: -(normalised(y, axis) * normalised(p, axis)).sum(axis),
    "BinaryFocalCrossentropy": binary_focal,
    "CategoricalFocalCrossentropy": categorical_focal,
    "Dice": dice,
    "Tversky": overlap,
    "CategoricalGeneralizedCrossEntropy": lambda y, p, q=0.5: (1 - p.gather(1, y.long()[:, None])[:, 0] ** q) / q,
    "SparseCategoricalCrossentropy": ignoring,
}


def draw(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions; shares are rows that sum to 1."""
    y_pred, y_true = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
    labels = kind.split(",")[0]
    if labels == "positive":
        y_pred, y_true = rng.random((5, 4)), rng.random((5, 4))
    elif labels == "signs":
        y_true = np.sign(y_true)
    elif labels == "bits":
        y_true = (y_true > 0).astype(float)
    elif labels == "rows":
        y_true = np.eye(4)[rng.integers(0, 4, 5)]
    elif labels == "classes":
        y_true = rng.permutation([0, 1, 2, 3, 2]).astype(float)
    if kind.endswith("shares"):
        y_pred = np.exp(y_pred) / np.exp(y_pred).sum(-1, keepdims=True)
    return y_true, y_pred


def by_torch(name: str, arguments: dict[str, Any], y: np.ndarray, p: np.ndarray, weights: np.ndarray | None, reduction: str) -> list[Any]:
    x = torch.tensor(p, requires_grad=True)
    values = FORMULAS[name](torch.tensor(y), x, **arguments)
    values = values if weights is None else values * torch.tensor(weights)
    kept = float((y != arguments["ignore_class"]).sum()) if "ignore_class" in arguments else float(values.numel())
    if reduction == "sum_over_batch_size":
        values = values.sum() / kept
    values.sum().backward()
    return [values.detach().numpy(), x.grad.numpy()]


def case(name: str, arguments: dict[str, Any], y: np.ndarray, p: np.ndarray, weights: np.ndarray | None, reduction: str) -> dict[str, Any]:
    loss = getattr(keras.losses, name)(reduction=reduction, **arguments)
    x = jax.numpy.asarray(p)
    value = np.asarray(loss(y, x, sample_weight=weights))
    gradient = np.asarray(jax.grad(lambda q: loss(y, q, sample_weight=weights).sum())(x))
    for ours, theirs in zip((value, gradient), by_torch(name, arguments, y, p, weights, reduction)):
        off = float(np.abs(ours - theirs).max()) / max(1.0, float(np.abs(ours).max()))
        if not off < 1e-12:
            raise SystemExit(f"{name} {arguments}: Keras and PyTorch differ by {off}")
    made = {"class": name, "arguments": {**arguments, "reduction": reduction}, "y_true": y.tolist(), "y_pred": p.tolist()}
    if weights is not None:
        made["sample_weight"] = weights.tolist()
    return {**made, "loss": value.tolist(), "gradient": gradient.tolist()}


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    rng, lines = np.random.default_rng(7), []
    for name, arguments, kind in CASES:
        y, p = draw(kind, rng)
        weights = [None, rng.random(5)] if name in WEIGHTED and arguments.get("axis") != 0 else [None]
        for reduction in ("sum_over_batch_size", "none"):
            lines += [json.dumps(case(name, arguments, y, p, w, reduction)) for w in weights]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

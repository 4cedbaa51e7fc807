"""Describe the golden training runs: small models, their data and initial weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden_cases import Arrays, generator

# Each has a last batch of 3, validation data, and no bias before the batch normalization: the gradient of such a bias is zero but for
# rounding, which Adam would blow up to full steps.
PROBLEMS: dict[str, dict[str, Any]] = {
    "mlp_sgd_nesterov": {
        "input_shape": (4,),
        "layers": [["Dense", {"units": 16, "activation": "relu"}], ["Dense", {"units": 3, "activation": "softmax"}]],
        "optimizer": ["SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}],
        "loss": "categorical_crossentropy",
    },
    "convnet_batch_norm_adam": {
        "input_shape": (8, 8, 2),
        "layers": [
            ["Conv2D", {"filters": 4, "kernel_size": (3, 3), "padding": "same", "use_bias": False}],
            ["BatchNormalization", {"momentum": 0.8}],
            ["Activation", {"activation": "relu"}],
            ["MaxPooling2D", {"pool_size": 2}],
            ["Flatten", {}],
            ["Dense", {"units": 3, "activation": "softmax", "kernel_regularizer": "l2"}],
        ],
        "optimizer": ["Adam", {"learning_rate": 0.01}],
        "loss": "sparse_categorical_crossentropy",
    },
}
SAMPLES, VALIDATION, BATCH_SIZE, EPOCHS = 27, 11, 8, 3
WEIGHT_SHAPES: dict[str, list[tuple[str, tuple[int, ...]]]] = {
    "mlp_sgd_nesterov": [("he", (4, 16)), ("zeros", (16,)), ("he", (16, 3)), ("zeros", (3,))],
    "convnet_batch_norm_adam": [
        ("he", (3, 3, 2, 4)),
        ("ones", (4,)),
        ("zeros", (4,)),
        ("zeros", (4,)),
        ("ones", (4,)),
        ("he", (64, 3)),
        ("zeros", (3,)),
    ],
}


def problem(name: str) -> dict[str, Any]:
    return {**PROBLEMS[name], "batch_size": BATCH_SIZE, "epochs": EPOCHS}


def draw_problem(name: str, seed: int) -> Arrays:
    """Data whose classes can be learnt, and initial weights, all float32."""
    rng = generator("training_" + name, seed)
    shape = PROBLEMS[name]["input_shape"]
    arrays: Arrays = {}
    means = rng.standard_normal((3, *shape))
    for suffix, count in (("", SAMPLES), ("_val", VALIDATION)):
        labels = rng.integers(0, 3, count)
        arrays["x" + suffix] = (0.6 * means[labels] + rng.standard_normal((count, *shape))).astype(np.float32)
        one_hot = PROBLEMS[name]["loss"] == "categorical_crossentropy"
        arrays["y" + suffix] = np.eye(3, dtype=np.float32)[labels] if one_hot else labels.astype(np.int32)
    for i, (kind, size) in enumerate(WEIGHT_SHAPES[name]):
        scale = np.sqrt(2.0 / np.prod(size[:-1])) if kind == "he" else 0.0
        arrays[f"initial_{i}"] = (rng.standard_normal(size) * scale + (kind == "ones")).astype(np.float32)
    return arrays

"""Train small nets on sequences of different lengths, in Keras or in gpudl, by the same lines: masks, cells, wrappers.

A case is plain data. A layer is [class, arguments]; an argument that is a layer, or a list of layers, is written the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

N, T, WORDS, FEATURES, CLASSES = 4, 5, 7, 3, 3
STEPS = 3
LENGTHS = (5, 1, 3, 2)

WORD = ["Embedding", {"input_dim": WORDS, "output_dim": 4, "mask_zero": True}]
LEFT_OUT = ["Masking", {"mask_value": 9.0}]
EACH = {"return_sequences": True}
OUT = ["Dense", {"units": CLASSES, "activation": "softmax"}]
ONE = ["Dense", {"units": 1}]
CASES: dict[str, dict[str, Any]] = {
    "lstm": {"layers": [WORD, ["LSTM", {"units": 5}], OUT]},
    "lstm_each": {"layers": [WORD, ["LSTM", {"units": 5, **EACH}], OUT]},
    "lstm_backwards": {"layers": [WORD, ["LSTM", {"units": 5, "go_backwards": True}], OUT]},
    "lstm_unrolled": {"layers": [WORD, ["LSTM", {"units": 5, "unroll": True, **EACH}], OUT]},
    "gru_zeroes": {"layers": [WORD, ["GRU", {"units": 5, "zero_output_for_mask": True, **EACH}], OUT]},
    "gru_last_zeroed": {"layers": [WORD, ["GRU", {"units": 5, "zero_output_for_mask": True}], OUT]},
    "gru_before": {"layers": [WORD, ["GRU", {"units": 4, "reset_after": False, "recurrent_activation": "hard_sigmoid"}], OUT]},
    "simple_rnn_two": {"layers": [WORD, ["SimpleRNN", {"units": 4, **EACH}], ["Dropout", {"rate": 0.0}], ["SimpleRNN", {"units": 5}], OUT]},
    "weights_of_steps": {"layers": [WORD, ["GRU", {"units": 5, **EACH}], OUT], "weights": "steps"},
    "sum": {"layers": [WORD, ["GRU", {"units": 5, **EACH}], OUT], "reduction": "sum", "weights": "steps"},
    "mean_with_weight": {"layers": [WORD, ["GRU", {"units": 5, **EACH}], OUT], "reduction": "mean_with_sample_weight", "weights": "steps"},
    "regression": {"layers": [LEFT_OUT, ["SimpleRNN", {"units": 4, **EACH}], ONE], "loss": "mean_squared_error"},
    "batch_norm": {
        "layers": [LEFT_OUT, ["BatchNormalization", {"momentum": 0.5}], ["LSTM", {"units": 3}], ONE],
        "loss": "mean_squared_error",
    },
    "batch_norm_each": {
        "layers": [LEFT_OUT, ["GRU", {"units": 4, **EACH}], ["BatchNormalization", {"momentum": 0.5}], ["ReLU", {}], ONE],
        "loss": "mean_squared_error",
    },
    "batch_renorm": {
        "layers": [
            LEFT_OUT,
            ["BatchNormalization", {"momentum": 0.5, "renorm": True, "renorm_momentum": 0.8}],
            ["LSTM", {"units": 3}],
            ONE,
        ],
        "loss": "mean_squared_error",
    },
    "batch_renorm_clipped": {
        "layers": [
            ["BatchNormalization", {"renorm": True, "renorm_clipping": {"rmax": 1.5, "rmin": 0.7, "dmax": 0.1}, "scale": False}],
            ["GRU", {"units": 3}],
            ONE,
        ],
        "loss": "mean_squared_error",
    },
    "norms": {
        "layers": [
            LEFT_OUT,
            ["LayerNormalization", {}],
            ["Activation", {"activation": "tanh"}],
            ["PReLU", {}],
            ["LSTM", {"units": 3}],
            ONE,
        ],
        "loss": "mean_squared_error",
    },
    "pooling": {"layers": [WORD, ["Dense", {"units": 4, "activation": "tanh"}], ["GlobalAveragePooling1D", {}], OUT]},
    "time_distributed": {"layers": [WORD, ["TimeDistributed", {"layer": ["Dense", {"units": 4}]}], ["GRU", {"units": 3}], OUT]},
    "bidirectional": {"layers": [WORD, ["Bidirectional", {"layer": ["LSTM", {"units": 3}]}], OUT]},
    "bidirectional_each": {"layers": [WORD, ["Bidirectional", {"layer": ["LSTM", {"units": 3, **EACH}]}], OUT]},
    "bidirectional_sum": {"layers": [WORD, ["Bidirectional", {"layer": ["GRU", {"units": 3, **EACH}], "merge_mode": "sum"}], OUT]},
    "bidirectional_ave": {"layers": [WORD, ["Bidirectional", {"layer": ["GRU", {"units": 3}], "merge_mode": "ave"}], OUT]},
    "rnn_of_a_cell": {"layers": [WORD, ["RNN", {"cell": ["LSTMCell", {"units": 4}], **EACH}], OUT]},
    "rnn_of_cells": {"layers": [WORD, ["RNN", {"cell": [["LSTMCell", {"units": 4}], ["GRUCell", {"units": 3}]]}], OUT]},
    "stacked": {
        "layers": [
            LEFT_OUT,
            ["RNN", {"cell": ["StackedRNNCells", {"cells": [["SimpleRNNCell", {"units": 4}], ["LSTMCell", {"units": 3}]]}], **EACH}],
            ONE,
        ],
        "loss": "mean_squared_error",
    },
    "stacked_backwards": {
        "layers": [
            LEFT_OUT,
            ["Bidirectional", {"layer": ["RNN", {"cell": [["GRUCell", {"units": 3}], ["GRUCell", {"units": 2}]]}]}],
            ONE,
        ],
        "loss": "mean_squared_error",
    },
    "cell_unmasked": {"layers": [["RNN", {"cell": ["GRUCell", {"units": 4, "reset_after": False}], **EACH}], ["Flatten", {}], OUT]},
    "softmax": {"layers": [WORD, ["LSTM", {"units": 3}], ["Softmax", {}]]},
}


def made(lib: Any, layer: Any) -> Any:
    """A layer, from [class, arguments]."""
    name, arguments = layer
    return getattr(lib.layers, name)(**{key: argument(lib, value) for key, value in arguments.items()})


def argument(lib: Any, value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], list):
        return [made(lib, part) for part in value]
    return made(lib, value) if isinstance(value, list) else value


def data(case: dict[str, Any]) -> tuple[Any, ...]:
    """x, y, sample weights or None; one example is as long as the sequence, the others end early."""
    rng = np.random.default_rng(11)
    each = case["layers"][-2][1].get("return_sequences") or case["layers"][-2][0] in ("BatchNormalization", "ReLU")
    inner = case["layers"][-2][1].get("layer")
    shape = (N, T) if each or (inner and inner[1].get("return_sequences")) else (N,)
    if case["layers"][0] is WORD or case["layers"][0] == WORD:
        x = rng.integers(1, WORDS, (N, T))
        for row, length in zip(x, LENGTHS):
            row[length:] = 0
    else:
        x = rng.standard_normal((N, T, FEATURES))
        for row, length in zip(x, LENGTHS):
            row[length:] = 9.0
    y = rng.integers(0, CLASSES, shape) if case.get("loss") is None else rng.standard_normal((*shape, 1))
    weights = rng.random(shape) + 0.5 if case.get("weights") else None
    return x, y, weights


def train(lib: Any, case: dict[str, Any]) -> dict[str, list[float]]:
    """Loss and metric of each step, and what is predicted afterwards. `lib` is keras or gpudl, in float64."""
    x, y, weights = data(case)
    model = lib.Sequential([lib.layers.Input(x.shape[1:], dtype="int32" if x.ndim == 2 else None), *[made(lib, c) for c in case["layers"]]])
    rng = np.random.default_rng(12)
    for layer in model.layers:
        drawn = [rng.standard_normal(w.shape) * 0.5 for w in layer.get_weights()]
        if type(layer).__name__ == "BatchNormalization":  # variances and deviations
            drawn = [np.abs(w) + 0.5 for w in drawn]
        layer.set_weights(drawn)
    classes = case.get("loss") is None
    reduction = case.get("reduction", "sum_over_batch_size")
    loss = lib.losses.SparseCategoricalCrossentropy if classes else lib.losses.MeanSquaredError
    metric = "sparse_categorical_accuracy" if classes else "mean_absolute_error"
    model.compile(lib.optimizers.SGD(0.5), loss(reduction=reduction), metrics=[metric], weighted_metrics=[lib.metrics.get(metric)])
    steps = [model.train_on_batch(x, y, sample_weight=weights, return_dict=True) for _ in range(STEPS)]
    return {"steps": [float(v) for step in steps for v in step.values()], "predictions": np.ravel(model.predict(x, verbose=0)).tolist()}

"""Make sequences.json anew: loss, metrics and predictions of Keras for the cases of golden_sequences.py, in float64.

Run it with Keras 3 and PyTorch installed. On JAX Keras loses the mask of a model's output on its way to the metrics, which then count
masked steps too; losses and predictions are the same there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
from golden_sequences import CASES, train

FILE = Path(__file__).with_name("sequences.json")


def main() -> None:
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # otherwise promoted values become float32
    lines = []
    for name, case in CASES.items():
        found = {kind: [round(v, 14) for v in values] for kind, values in train(keras, case).items()}
        lines.append(json.dumps({"name": name, **found}))
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

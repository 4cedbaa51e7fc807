"""Make layer_signatures.json anew: the arguments of Keras' layers and their defaults, in order; an argument without default is [name].

Run it with Keras 3 installed. Arguments for quantization and adapters of large models are left out.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

FILE = Path(__file__).with_name("layer_signatures.json")
LEFT_OUT = ("lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size")


def main() -> None:
    lines = []
    for name in sorted(dir(keras.layers)):
        cls = getattr(keras.layers, name)
        if name.startswith("_") or not isinstance(cls, type) or cls.__name__ != name:
            continue
        given = list(inspect.signature(cls.__init__).parameters.values())[1:]
        kept = [p for p in given if p.name not in LEFT_OUT and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        arguments = [[p.name] if p.default is p.empty else [p.name, p.default] for p in kept]
        lines.append(f"{json.dumps(name)}: {json.dumps(arguments)}")
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

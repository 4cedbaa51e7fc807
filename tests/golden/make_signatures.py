"""Make signatures.json anew: the arguments of Keras' optimizers, schedules, losses, metrics, callbacks, initializers, regularizers,
constraints, activations and settings, in order, each with its default or null.

Run it with Keras 3 installed. The names are those of the file itself; a new one may be put in with an empty list.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("signatures.json")


def arguments(thing: Any) -> list[list[str]]:
    """[name, the default as Python writes it] or [name]; *args and **kwargs are left out."""
    given = inspect.signature(thing.__init__ if isinstance(thing, type) else thing).parameters.values()
    named = [p for p in given if p.name != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [[p.name] if p.default is p.empty else [p.name, repr(p.default)] for p in named]


def look_up(root: Any, path: str) -> Any:
    for name in path.split("."):
        root = getattr(root, name)
    return root


def main() -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    lines = [f"{json.dumps(path)}: {json.dumps(arguments(look_up(keras, path)))}" for path in sorted(json.loads(FILE.read_text()))]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

"""The arguments of optimizers, losses, metrics, callbacks and their like are Keras': names, order, defaults (golden/make_signatures.py)."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

import gpudl

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))

import make_signatures  # noqa: E402

from gpudl.renames import IN_MODULES  # noqa: E402

KERAS: dict[str, list[list[str]]] = json.loads((GOLDEN / "signatures.json").read_text())
# what is different on purpose, and why
MORE = {  # arguments behind Keras'
    "random.normal": ["requires_grad", "device"],
    "random.uniform": ["requires_grad", "device"],
    "random.truncated_normal": ["requires_grad", "device"],
    "random.randint": ["device"],
    "metrics.get": ["loss", "output_shape", "y"],  # what "accuracy" depends on
}
OTHER = {
    "optimizers.Optimizer": [["learning_rate", "0.001"]],  # Keras has no default here
}


def ours(path: str) -> object:
    found: object = gpudl
    for name in path.split("."):
        found = getattr(found, name) if hasattr(found, name) else importlib.import_module(f"{found.__name__}.{name}")  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("path", KERAS)
def test_signature(path: str) -> None:
    found, expected = make_signatures.arguments(ours(path)), KERAS[path]
    for i, argument in enumerate(OTHER.get(path, [])):
        assert expected[i][0] == argument[0] and expected[i] != argument
        expected = [*expected[:i], argument, *expected[i + 1 :]]
    more = MORE.get(path, [])
    assert [name for name, *_ in found[len(found) - len(more) :]] == more, "an argument beyond Keras' is gone"
    assert found[: len(found) - len(more)] == expected


def test_every_name_is_compared() -> None:
    """All that our modules list, but for other names of the same, old spellings, and what is our own."""
    kinds = ("optimizers", "optimizers.schedules", "losses", "metrics", "callbacks", "initializers", "regularizers", "constraints",
             "activations")  # fmt: skip
    compared = [ours(path) for path in KERAS]
    modules = {kind: ours(kind) for kind in kinds}
    names = {
        f"{kind}.{name}"
        for kind, module in modules.items()
        for name in module.__all__  # type: ignore[attr-defined]
        if (module.__name__, name) not in IN_MODULES and not any(getattr(module, name) is thing for thing in compared)  # type: ignore[attr-defined]
    }
    own = {"losses.LossFunction", "losses.check_labels", "metrics.MeanOf", "metrics.check", "metrics.unique_names",
           "callbacks.DisturbLabel", "activations.step", "optimizers.schedules"}  # fmt: skip
    assert sorted(names - own - KERAS.keys()) == []

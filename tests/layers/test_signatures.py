"""Every layer takes the arguments of Keras' layer of that name, in its order and with its defaults; those that name an initializer, a
penalty or bounds take effect. The table is made by golden/make_layer_signatures.py.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpudl import layers as L

KERAS = json.loads((Path(__file__).parents[1] / "golden" / "layer_signatures.json").read_text())
OURS = [name for name in KERAS if name in L.__all__]
BY_KEYWORD = {("Bidirectional", "weights"), ("Embedding", "weights")}  # taken, but not by name in the signature
DEFAULTS = {("AveragePooling1D", "pool_size"): 2, ("AveragePooling2D", "pool_size"): 2}  # where Keras has none
NEEDED: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"},
    "CategoryEncoding": {"num_tokens": 5},
    "GroupNormalization": {"groups": 1},
    "Bidirectional": {"layer": ["LSTM", {"units": 2}]},
    "Lambda": {"function": abs},
    "RNN": {"cell": ["LSTMCell", {"units": 2}]},
    "Reshape": {"target_shape": (2, -1)},
    "StackedRNNCells": {"cells": [["LSTMCell", {"units": 2}]]},
    "TimeDistributed": {"layer": ["Dense", {"units": 2}]},
    "Permute": {"dims": (1, 2)},
}
VALUES = {"units": 2, "filters": 2, "kernel_size": 2, "input_dim": 5, "output_dim": 2, "rate": 0.5, "stddev": 0.5, "n": 2, "scale": 2.0,
          "axes": 1, "height": 2, "width": 2}  # fmt: skip


def arguments(cls: Any) -> dict[str, Any]:
    """The arguments of a constructor and of those that it passes others on to: name -> default."""
    found: dict[str, Any] = {}
    for c in inspect.getmro(cls):
        if "__init__" not in vars(c):
            continue
        given = list(inspect.signature(vars(c)["__init__"]).parameters.values())[1:]
        for p in given:
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                found.setdefault(p.name, p.default)
        if not any(p.kind is p.VAR_KEYWORD for p in given):
            break
    return found


def simple(value: Any) -> Any:
    """One number for a pair of equal ones; names in lower case."""
    if isinstance(value, (list, tuple)) and value and all(simple(v) == simple(value[0]) for v in value):
        return simple(value[0])
    return value.lower() if isinstance(value, str) else list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", OURS)
def test_arguments_and_defaults(name: str) -> None:
    ours = arguments(getattr(L, name))
    for argument, *default in KERAS[name]:
        if (name, argument) in BY_KEYWORD:
            continue
        assert argument in ours, f"{name} lacks {argument}"
        wanted = default[0] if default else DEFAULTS.get((name, argument), inspect.Parameter.empty)
        assert simple(ours[argument]) == simple(wanted), f"{name}: {argument}"


@pytest.mark.parametrize("name", OURS)
def test_order(name: str) -> None:
    """What may be passed without a name stands where it does in Keras."""
    given = list(inspect.signature(getattr(L, name).__init__).parameters.values())[1:]
    places = [p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]
    theirs = [argument for argument, *_ in KERAS[name]]
    assert places == theirs[: len(places)]


def made(name: str, **options: Any) -> Any:
    """A layer with what it needs."""
    needed = NEEDED.get(name) or {a: VALUES[a] for a, *default in KERAS[name] if not default and a in VALUES}
    needed = {key: part(value) if isinstance(value, list) else value for key, value in needed.items()}
    return getattr(L, name)(**needed, **options)


def part(value: Any) -> Any:
    return made(value[0]) if isinstance(value[0], str) else [part(v) for v in value]


def shape_of(name: str) -> tuple[int | None, ...]:
    if name.endswith("Cell"):
        return (None, 3)
    if name.endswith("2D") or name in ("Conv2DTranspose", "CenterCrop", "Resizing"):
        return (None, 6, 6, 3)
    return (None, 3) if name in ("Dense", "CategoryEncoding") else (None, 6, 3)


KINDS = [
    (name, argument)
    for name in OURS
    for argument, *_ in KERAS[name]
    if argument.endswith(("_initializer", "_regularizer", "_constraint")) and argument != "activity_regularizer"
]


@pytest.mark.parametrize(("name", "argument"), KINDS)
def test_takes_effect(name: str, argument: str) -> None:
    kind, options = argument.rsplit("_", 1)[1], {}
    if kind == "initializer":
        options[argument] = "ones"
        if argument == "bias_initializer" and "unit_forget_bias" in arguments(getattr(L, name)):
            options["unit_forget_bias"] = False
        layer = made(name, **options)
    else:
        layer = made(name, **{argument: "l2" if kind == "regularizer" else "non_neg"})
    plain = made(name)
    for each in (layer, plain):
        each.build(shape_of(name))
    stem = argument.removesuffix(f"_{kind}")
    stem = "kernel" if name == "DepthwiseConv2D" and stem == "depthwise" else stem
    if kind == "initializer":
        held = [w.numpy() for w in layer.weights if w.name.startswith(stem)]
        assert held and all((w == 1).all() for w in held)
    elif kind == "regularizer":
        assert len(layer.losses) == 1 and not plain.losses
        assert next(v.name for v, _ in layer._regularized).startswith(stem)
    else:
        bound = [w.name for w in layer.weights if w.constraint is not None]
        assert len(bound) == 1 and bound[0].startswith(stem)
        assert not any(w.constraint is not None for w in plain.weights)
    again = L.deserialize(json.loads(json.dumps(L.serialize(layer))))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "name",
    [n for n in OURS if n not in ("Layer", "InputLayer", "InputSpec", "Wrapper", "Lambda", "StackedRNNCells", "ActivityRegularization")],
)
def test_activity_regularizer(name: str) -> None:
    """Of every layer: a penalty on its output, by batch size."""
    layer = made(name, activity_regularizer="l2")
    rng = np.random.default_rng(0)
    shape = (2, *[n for n in shape_of(name)[1:] if n is not None])
    x: Any = rng.integers(0, 5, shape) if name in ("Embedding", "CategoryEncoding") else rng.standard_normal(shape).astype(np.float32)
    if name == "RepeatVector":
        x = x[:, 0]
    if name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"):
        x = [x, x]
    args = ([np.zeros((2, 2), np.float32)] * getattr(layer, "carried", 1),) if name.endswith("Cell") else ()
    y = layer(x, *args)
    outputs = [y] if not isinstance(y, (list, tuple)) else [y[0], *y[1]]
    expected = sum(0.01 * (t.numpy().astype(np.float64) ** 2).sum() / 2 for t in outputs)
    assert sum(float(loss) for loss in layer.losses) == pytest.approx(expected, rel=1e-5)
    assert layer.get_config()["activity_regularizer"]["class_name"] == "L2"

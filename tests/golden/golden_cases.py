"""Describe the golden cases: what is computed, with which arguments, from which drawn arrays.

A case names a target of the Keras API (a layer, op, activation, loss, regularizer or optimizer), its arguments and how its inputs
are drawn. It holds no result and imports no framework: `golden_keras.py` and `golden_torch.py` compute results, `make_golden.py` stores
them, `tests/test_golden.py` compares gpudl with the stored ones and with fresh ones.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

Draw = tuple[Any, ...]
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One golden case.

    `terms` and `rounding` say how far a correct float32 result may be from the stored float64 one, see `tests/test_golden.py`:
    a case with `terms` is linear in each of its inputs, and each result is a sum of at most that many products;
    any other case allows `rounding` units of float32's epsilon, of each element (`elementwise`) or of the array's largest magnitude.
    """

    name: str
    kind: str  # "layer", "op", "activation", "loss", "regularizer", "optimizer"
    target: str
    inputs: dict[str, Draw]  # name of an array -> how it is drawn, see `draw`
    args: tuple[Any, ...] = ()  # op: positional arguments; a str names an array, a list of str is a list of arrays
    kwargs: dict[str, Any] = field(default_factory=dict)
    weights: tuple[str, ...] = ()  # layer: arrays that are its weights, in the order of Keras' get_weights
    state: int = 0  # layer: so many of the last weights are state, not trained
    wrt: tuple[str, ...] = ()  # arrays that receive a gradient
    training: bool | None = None
    terms: int = 0
    rounding: float = 8.0
    elementwise: bool = False
    exact: bool = False  # outputs only select or move input values: equal bit for bit in every dtype
    float32: bool = True  # False: the result is ill-conditioned in float32, only float64 is compared


def draw(rule: Draw, rng: np.random.Generator) -> np.ndarray:
    """Draw one input array; floating arrays are float32, so that every framework and dtype starts from the same numbers."""
    name, *rest = rule
    if name == "normal":
        return rng.standard_normal(rest[0]).astype(np.float32)
    if name == "positive":  # away from 0: for log, sqrt, variances
        return rng.uniform(0.2, 2.0, rest[0]).astype(np.float32)
    if name == "open_unit":  # probabilities away from 0 and 1
        return rng.uniform(0.05, 0.95, rest[0]).astype(np.float32)
    if name == "away_from_zero":  # for division, and for kinks at 0
        return (rng.uniform(0.3, 2.0, rest[0]) * rng.choice([-1.0, 1.0], rest[0])).astype(np.float32)
    if name == "distinct":  # no two values nearer than 0.01: no ties in max, sort and pooling, no difference of convention at a tie
        size = int(np.prod(rest[0]))
        return ((rng.permutation(size) - size / 2) * 0.0131 + 0.003).reshape(rest[0]).astype(np.float32)
    if name == "simplex":  # rows of probabilities that sum to 1
        raw = rng.uniform(0.2, 1.0, rest[0])
        return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)
    if name == "labels":
        return rng.integers(0, rest[1], rest[0]).astype(np.int32)
    if name == "integers":
        return rng.integers(rest[1], rest[2], rest[0]).astype(np.int32)
    if name == "one_hot":
        return np.eye(rest[0][-1], dtype=np.float32)[rng.integers(0, rest[0][-1], rest[0][:-1])]
    if name == "binary":
        return rng.integers(0, 2, rest[0]).astype(np.float32)
    if name == "boolean":
        return rng.integers(0, 2, rest[0]).astype(bool)
    if name == "values":
        return np.asarray(rest[0], dtype=np.float32)
    if name == "int_values":
        return np.asarray(rest[0], dtype=np.int32)
    raise ValueError(f"unknown rule {rule!r}")


def generator(name: str, seed: int) -> np.random.Generator:
    """The random generator of one case: its numbers do not depend on the other cases."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def draw_inputs(case: Case, seed: int) -> Arrays:
    """All input arrays of a case, in float32 and int32."""
    rng = generator(case.name, seed)
    return {key: draw(rule, rng) for key, rule in case.inputs.items()}


def draw_cotangents(case: Case, outputs: Arrays, seed: int) -> Arrays:
    """One array per floating output: gradients are those of sum(output * cotangent)."""
    rng = generator(case.name + "/cotangent", seed)
    return {
        "cot_" + key: rng.standard_normal(value.shape).astype(np.float32)
        for key, value in outputs.items()
        if key.startswith("out") and np.issubdtype(value.dtype, np.floating)
    }


def resolve(args: Any, arrays: dict[str, Any]) -> Any:
    """Put arrays in the place of their names, at any depth of nested tuples and lists."""
    if isinstance(args, str):
        return arrays[args]
    if isinstance(args, (tuple, list)):
        return type(args)(resolve(value, arrays) for value in args)
    return args


def cases_of(family: str) -> list[Case]:
    """All cases of one data file: "layers", "spatial_layers", "ops", "losses" or "optimizers"."""
    import golden_cases_layers as layers
    import golden_cases_ops as ops
    import golden_cases_spatial as spatial

    return {
        "layers": layers.layer_cases,
        "spatial_layers": spatial.spatial_cases,
        "ops": ops.op_cases,
        "losses": ops.loss_cases,
        "optimizers": layers.optimizer_cases,
    }[family]()


def describe(case: Case) -> dict[str, Any]:
    """A case as plain values for JSON, without how its inputs are drawn and without the fields that have their default."""

    def default(f: Any) -> Any:
        return f.default_factory() if f.default_factory is not MISSING else f.default

    return {f.name: asdict(case)[f.name] for f in fields(case) if f.name != "inputs" and getattr(case, f.name) != default(f)}


def save_arrays(path: Path, arrays: Arrays) -> dict[str, Any]:
    """Store many small arrays as one flat array a dtype and return where each one lies.

    A member of the archive for each array would take more room than its numbers.
    """
    index: dict[str, Any] = {}
    flat: dict[str, list[np.ndarray]] = {}
    for key, value in arrays.items():
        parts = flat.setdefault(value.dtype.name, [])
        index[key] = [value.dtype.name, sum(part.size for part in parts), list(value.shape)]
        parts.append(value.ravel())
    np.savez_compressed(path, allow_pickle=False, **{name: np.concatenate(parts) for name, parts in flat.items()})
    return index


def load_arrays(path: Path, index: dict[str, Any]) -> Arrays:
    """Read what `save_arrays` stored."""
    with np.load(path) as flat:
        members = {name: flat[name] for name in flat.files}
    return {key: members[name][at : at + math.prod(shape)].reshape(shape) for key, (name, at, shape) in index.items()}


def load_family(family: str, folder: Path) -> dict[str, dict[str, Any]]:
    """The stored entries of a data file: each with "case", "scales" and "arrays"."""
    entries = json.loads((folder / (family + ".json")).read_text())
    for name, entry in entries.items():
        entry["name"] = name
    arrays = load_arrays(
        folder / (family + ".npz"), {f"{n}/{k}": where for n, entry in entries.items() for k, where in entry["arrays"].items()}
    )
    for name, entry in entries.items():
        entry["arrays"] = {key: arrays[f"{name}/{key}"] for key in entry["arrays"]}
    return entries


FAMILIES = ("layers", "spatial_layers", "ops", "losses", "optimizers")

"""Find each weight's place in Keras' files, by attributes (`.keras`, `.weights.h5`) or by layers (`.h5`), and read weights from there.

Reading pairs variables with arrays and changes nothing: who asked for the pairs assigns all of them, or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..layers import Layer
from ..layers.recurrence import Recurrent
from ..named import snake_case
from ..variables import Variable
from . import hdf5
from .keras_old_weights import converted

Array = np.ndarray[Any, Any]
Pairs = list[tuple[Variable, Array]]


class Mismatch(Exception):
    """A layer does not fit what the file has for it."""


# by attributes: layers/dense/vars/0 --------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where one layer's own variables stand in a file."""

    path: str
    name: str  # of the layer
    variables: list[Variable]


def places(model: Layer) -> list[Place]:
    """The places of a model and all layers in it, each layer once."""
    return list(_places(model, "", set()))


def _places(layer: Layer, path: str, seen: set[int]) -> Iterator[Place]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    own = [*layer._trained, *layer._untrained]
    if isinstance(layer, Recurrent):  # in Keras a cell holds the weights
        yield Place(path, layer.name, [])
        yield Place(_join(path, "cell"), f"{snake_case(type(layer).__name__)}_cell", own)
        return
    yield Place(path, layer.name, own)
    for name, value in _children(layer):
        if isinstance(value, Layer):
            yield from _places(value, _join(path, name), seen)
        elif isinstance(value, list | tuple | dict):
            used: dict[str, int] = {}
            for child in value.values() if isinstance(value, dict) else value:
                if isinstance(child, Layer):
                    yield from _places(child, _join(path, name, _numbered(snake_case(type(child).__name__), used)), seen)


def _children(layer: Layer) -> Iterator[tuple[str, Any]]:
    """Attributes in Keras' order: private ones come last. The layers of a model come first, without its Input."""
    if hasattr(layer, "_stack"):
        yield "layers", layer.layers  # type: ignore[attr-defined]
    for name in sorted(vars(layer), key=lambda n: f"~{n}" if n.startswith("_") else n):
        if name != "_stack":
            yield name, vars(layer)[name]


def _join(*parts: str) -> str:
    return "/".join(p for p in parts if p)


def _numbered(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def write_places(file: Any, model: Layer) -> None:
    """Put all weights into a file, by attributes."""
    for place in places(model):
        group = file.create_group(_join(place.path, "vars"))
        group.attrs["name"] = place.name
        for i, v in enumerate(place.variables):
            hdf5.write(group, str(i), v.numpy())


def read_places(file: Any, model: Layer, skip: bool = False) -> tuple[Pairs, list[str]]:
    """Each weight with its array, and what did not fit; with `skip` the rest is paired, else the first misfit is raised.

    Raises:
        Mismatch: if the file is of another architecture.
    """
    pairs: Pairs = []
    wrong: list[str] = []
    used = set()
    for place in places(model):
        path, group = _group_of(file, place)
        used.add(path)
        try:
            pairs += _paired(place.name, place.variables, _numbered_arrays(group))
        except Mismatch as error:
            wrong.append(str(error))
    wrong += [f"the file has weights at {path!r}, for which the model has no layer" for path in _filled(file) if path not in used]
    if wrong and not skip:
        raise Mismatch(wrong[0])
    return pairs, wrong


def _group_of(file: Any, place: Place) -> tuple[str, Any]:
    """The group of a layer, which an early version named by what held it, and another by the layer's name."""
    parts = place.path.split("/")
    names = [place.path, place.path.replace("layers", "_layer_checkpoint_dependencies"), _join(*parts[:-1], place.name)]
    for path in names:
        group = hdf5.member(file, _join(path, "vars"))
        if group is not None:
            return path, group
    return place.path, {}


def _numbered_arrays(group: Any) -> list[Any]:
    names = sorted(group, key=lambda n: (len(n), n))
    if names != [str(i) for i in range(len(names))]:
        raise ValueError(f"arrays must be numbered from 0. Found: {', '.join(names)[:200]}")
    return [hdf5.checked(hdf5.member(group, n), n) for n in names]


def _filled(file: Any) -> Iterator[str]:
    """The places in a file that hold arrays of layers. Random states, which older versions kept, are not asked for."""
    stack = [(name, g) for name, g in hdf5.groups(file).items() if name in ("layers", "_layer_checkpoint_dependencies", "vars")]
    seen = set()
    while stack:
        path, group = stack.pop()
        if group in seen:
            continue
        seen.add(group)
        below = hdf5.groups(group)
        if path.rpartition("/")[2] == "vars" and len(group) and not len(below):
            yield path.removesuffix("vars").rstrip("/")
        stack += [(f"{path}/{name}", g) for name, g in below.items() if name not in ("seed_generator", "seed_generators")]


def _paired(name: str, variables: list[Variable], datasets: list[Any]) -> Pairs:
    if len(variables) != len(datasets):
        raise Mismatch(f"layer {name!r} has {len(variables)} weights, the file has {len(datasets)} for it")
    for v, d in zip(variables, datasets):
        if tuple(d.shape) != v.shape:
            raise Mismatch(f"weight {v.name!r} of layer {name!r}: the file has shape {tuple(d.shape)}, the model has {v.shape}")
    return [(v, d if isinstance(d, np.ndarray) else hdf5.read(d)) for v, d in zip(variables, datasets)]


# by layers: model_weights/dense/dense/kernel -----------------------------------------------------------------------------------


def in_order(layer: Layer) -> list[Variable]:
    """The weights of a layer and all in it: those that learn now, then the others."""
    held = layer.weights
    return [*[v for v in held if v.trainable], *[v for v in held if not v.trainable]]


def write_layers(group: Any, model: Any, keras_version: str) -> None:
    """Put all weights into a group, layer by layer."""
    hdf5.write_texts(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs["backend"], group.attrs["keras_version"] = "gpudl", keras_version
    for layer in sorted(model.layers, key=lambda x: x.name):
        _write_layer(group.create_group(layer.name), layer, in_order(layer), model.name)
    _write_layer(group.create_group("top_level_model_weights"), model, [*model._trained, *model._untrained], model.name)


def _write_layer(group: Any, layer: Layer, variables: list[Variable], prefix: str) -> None:
    owners = {id(v): place.name for place in places(layer) for v in place.variables}
    used: dict[str, int] = {}
    names = [_numbered(f"{prefix}/{layer.name}/{owners[id(v)]}/{v.name}", used) for v in variables]
    hdf5.write_texts(group, "weight_names", names)
    for name, v in zip(names, variables):
        hdf5.write(group, name, v.numpy())


def read_layers(group: Any, model: Any, by_name: bool = False, skip: bool = False) -> tuple[Pairs, list[str]]:
    """Each weight with its array, layer by layer in their order, or by their names; and what did not fit, as `read_places`.

    Raises:
        Mismatch: if the file is of another architecture.
    """
    version, backend = hdf5.text(group.attrs.get("keras_version")) or "1", hdf5.text(group.attrs.get("backend"))
    old = version.startswith("1") or backend == "theano"
    held = [(name, _layer_arrays(group, name)) for name in hdf5.texts(group, "layer_names") or []]
    wrong: list[str] = []
    pairs: Pairs = []
    if by_name:
        layers = {layer.name: layer for layer in model.layers}
        wanted = [(layers[name], arrays) for name, arrays in held if name in layers]
    else:
        filled = [(name, arrays) for name, arrays in held if arrays]
        layers_with = [layer for layer in model.layers if layer.weights]
        if len(filled) != len(layers_with):
            wrong.append(f"the file has {len(filled)} layers with weights, model {model.name!r} has {len(layers_with)}")
        wanted = [(layer, arrays) for layer, (_, arrays) in zip(layers_with, filled)]
    for layer, arrays in wanted:
        try:
            variables = in_order(layer)
            found = converted(layer, [hdf5.read(a) for a in arrays], version, backend) if old else arrays
            pairs += _paired(layer.name, variables, found)
        except Mismatch as error:
            wrong.append(str(error))
    top = [*model._trained, *model._untrained]
    if top and "top_level_model_weights" in group:
        pairs += _paired(model.name, top, _layer_arrays(group, "top_level_model_weights"))
    if wrong and not skip:
        raise Mismatch(wrong[0])
    return pairs, wrong


def _layer_arrays(group: Any, name: str) -> list[Any]:
    layer = hdf5.member(group, name)
    if layer is None or not hasattr(layer, "keys"):
        raise ValueError(f"it lacks the layer {name!r}, which it lists")
    return [hdf5.checked(hdf5.member(layer, n), n) for n in hdf5.texts(layer, "weight_names") or []]


__all__ = ["Mismatch", "Pairs", "places", "read_layers", "read_places", "write_layers", "write_places"]

"""Write and read the files of Keras: `.keras`, `.h5` and `.weights.h5`, so that Keras reads ours and we read Keras'.

A `.keras` file is a zip of ``metadata.json``, ``config.json`` and ``model.weights.h5``; an `.h5` file has the configuration in attributes.
What Keras has no place for (random states of layers, further state of optimizers) stands beside the rest in a group ``gpudl``, which Keras
does not look at. Reading takes named members into memory, and never runs, imports or unpacks anything.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..named import custom_object_scope
from ..variables import Variable
from ..version import __version__
from . import archive, hdf5, keras_weights
from .keras_config import is_object
from .keras_models import as_text, model_from, model_to_keras
from .keras_slots import optimizer_arrays, restore_optimizer
from .keras_training import compile_from_keras
from .saving import assign_all, states_of

Array = np.ndarray[Any, Any]
KERAS = "3.15.1"  # the version whose files these are
FLOOR = 1 << 26  # bytes; a member of a zip that is larger must not be packed a hundred times smaller
MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


# writing -----------------------------------------------------------------------------------------------------------------------


def archive_of(what: str, model: Any, training: bool = True) -> bytes:
    """The bytes of a `.keras` file."""
    config = as_text(what, model_to_keras(model, training))
    about = {"keras_version": KERAS, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S"), "gpudl_version": __version__}
    weights = hdf5.written(what, lambda file: write_state(file, model, training))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as z:
        for name, data in zip(MEMBERS, (json.dumps(about).encode(), config.encode(), weights)):
            z.writestr(zipfile.ZipInfo(name), data)
    return held.getvalue()


def write_state(file: Any, model: Any, training: bool) -> None:
    """Weights, the optimizer's state, and what Keras has no place for."""
    keras_weights.write_places(file, model)
    if model._compiled and training:
        optimizer, path = model.optimizer, "optimizer"
        while optimizer is not None:
            group = file.create_group(f"{path}/vars")
            group.attrs["name"] = optimizer.name
            for i, array in enumerate(optimizer_arrays(optimizer, model.trainable_variables)):
                hdf5.write(group, str(i), array)
            optimizer, path = getattr(optimizer, "inner_optimizer", None), f"{path}/inner_optimizer"
    write_further(file, model, training)


def further(model: Any, training: bool = True) -> dict[str, list[Variable]]:
    return {"states": states_of(model), "numbers": model.optimizer._numbers if model._compiled and training else []}


def write_further(file: Any, model: Any, training: bool) -> None:
    for kind, variables in further(model, training).items():
        if variables:
            group = file.create_group(f"gpudl/{kind}")
            for i, v in enumerate(variables):
                hdf5.write(group, str(i), v.numpy())


def h5_of(what: str, model: Any, training: bool = True) -> bytes:
    """The bytes of an `.h5` file with a whole model."""
    config = model_to_keras(model, training)
    compiled = config.pop("compile_config", None)
    config.pop("build_config", None)

    def fill(file: Any) -> None:
        file.attrs["keras_version"], file.attrs["backend"], file.attrs["gpudl_version"] = KERAS, "gpudl", __version__
        file.attrs["model_config"] = as_text(what, config).encode()
        keras_weights.write_layers(file.create_group("model_weights"), model, KERAS)
        if compiled is not None:
            optimizer = compiled.pop("optimizer")
            compiled["optimizer_config"] = {k: optimizer[k] for k in ("class_name", "config")}
            file.attrs["training_config"] = as_text(what, compiled).encode()
            group = file.create_group("optimizer_weights")
            arrays = optimizer_arrays(model.optimizer, model.trainable_variables)
            names = [f"{model.optimizer.name}/{i:04d}" for i in range(len(arrays))]
            hdf5.write_texts(group, "weight_names", names)
            for name, array in zip(names, arrays):
                hdf5.write(group, name, array)
        write_further(file, model, training)

    return hdf5.sealed(hdf5.written(what, fill))


def weights_of(what: str, model: Any, by_layers: bool) -> bytes:
    """The bytes of a file with weights alone: `.weights.h5`, or `.h5` as Keras 2 wrote them."""

    def fill(file: Any) -> None:
        if by_layers:
            keras_weights.write_layers(file, model, KERAS)
        else:
            keras_weights.write_places(file, model)

    return hdf5.sealed(hdf5.written(what, fill))


def save(what: str, model: Any, path: Path, kind: str, overwrite: bool, weights: bool = False, training: bool = True) -> None:
    """Write a model, or its weights, to a file of a kind of `formats`; an old file survives every failure."""
    target = archive.checked_target(what, path, overwrite)
    if not model.built:
        raise ValueError(f"[{what}] model {model.name!r} has no weights yet. Build it first, e.g. model.build((None, 4)), or fit it")
    if weights:
        data = weights_of(what, model, by_layers=kind == ".h5")
    else:
        data = (archive_of if kind == ".keras" else h5_of)(what, model, training)
    archive.put(target, data)


# reading -----------------------------------------------------------------------------------------------------------------------


def unpacked(data: bytes) -> dict[str, bytes]:
    """The members of a `.keras` file that are known, checked by their checksums.

    Raises:
        ValueError: if one is missing, or packed as no weights are.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        names = z.namelist()
        found = {}
        for name in MEMBERS[1:]:
            if names.count(name) != 1:
                raise ValueError(f"it holds {names.count(name)} members {name!r}, where one is expected")
            info = z.getinfo(name)
            if info.file_size > max(FLOOR, 100 * info.compress_size) or info.flag_bits & 1:
                raise ValueError(f"its member {name!r} claims to be {info.file_size:,} bytes, packed into {info.compress_size:,}")
            found[name] = z.read(name)
    return found


def load_archive(what: str, path: Any, data: bytes, custom_objects: Mapping[str, Any] | None, compiled: bool) -> Any:
    """The model of a `.keras` file."""
    with hdf5.damage_named(what, path):
        members = unpacked(data)
        config = json.loads(members["config.json"])
        if not is_object(config):
            raise ValueError("it does not say what model it holds")
    with hdf5.opened(what, path, members["model.weights.h5"]) as file:
        model = model_from(what, config, custom_objects, hdf5.count_numbers(file))
        needs_shape(what, path, model)
        pairs = all_pairs(what, path, lambda: keras_weights.read_places(file, model))
        state = hdf5.member(file, "optimizer/vars")
        arrays = [] if state is None else [hdf5.read(hdf5.checked(hdf5.member(state, n), n)) for n in sorted(state, key=len_first)]
        kept = read_further(file)
    assign_all(pairs)
    finish(what, path, model, config.get("compile_config") if compiled else None, arrays, None, kept, custom_objects)
    return model


def load_h5(what: str, path: Any, data: bytes, custom_objects: Mapping[str, Any] | None, compiled: bool) -> Any:
    """The model of an `.h5` file, of Keras 1 to 3."""
    with hdf5.opened(what, path, data) as file:
        text = hdf5.text(file.attrs.get("model_config"))
        if text is None:
            raise ValueError(f"[{what}] {str(path)!r} holds weights alone; make the model and call model.load_weights({str(path)!r})")
        config = json.loads(text)
        model = model_from(what, config, custom_objects, hdf5.count_numbers(file))
        needs_shape(what, path, model)
        group = hdf5.member(file, "model_weights")
        if group is None:
            raise ValueError("it has no weights")
        pairs = all_pairs(what, path, lambda: keras_weights.read_layers(group, model))
        state = hdf5.member(file, "optimizer_weights")
        names = [] if state is None else hdf5.texts(state, "weight_names") or []
        arrays = [hdf5.read(hdf5.checked(hdf5.member(state, n), n)) for n in names]
        training, kept = hdf5.text(file.attrs.get("training_config")), read_further(file)
        wanted = json.loads(training) if compiled and training else None
    assign_all(pairs)
    finish(what, path, model, wanted, arrays, names, kept, custom_objects)
    return model


def len_first(name: str) -> tuple[int, str]:
    return len(name), name


def needs_shape(what: str, path: Any, model: Any) -> None:
    if not model.built:
        raise ValueError(f"[{what}] {str(path)!r} does not say the shape of its input")


def all_pairs(what: str, path: Any, read: Any) -> keras_weights.Pairs:
    try:
        pairs: keras_weights.Pairs = read()[0]
    except keras_weights.Mismatch as error:
        raise ValueError(f"[{what}] the weights in {str(path)!r} are not those of its model: {error}") from None
    return pairs


def read_further(file: Any) -> dict[str, list[Array]]:
    found = {}
    for kind in ("states", "numbers"):
        group = hdf5.member(file, f"gpudl/{kind}")
        if group is not None:
            found[kind] = [hdf5.read(hdf5.checked(hdf5.member(group, n), n)) for n in sorted(group, key=len_first)]
    return found


def finish(
    what: str, path: Any, model: Any, training: Any, arrays: list[Array], names: list[str] | None, kept: Mapping[str, list[Array]],
    custom_objects: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """Compile the model as the file says, and restore the states."""
    if training:
        with custom_object_scope(custom_objects):
            try:
                model.compile(**compile_from_keras(training, what))
                restore_optimizer(model.optimizer, model.trainable_variables, arrays, names, what)
            except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
                raise ValueError(
                    f"[{what}] how {str(path)!r} was trained cannot be restored. Name functions and classes of your own in custom_objects, "
                    f"or pass compile=False. {error}"
                ) from error
    for kind, variables in further(model).items():
        for v, array in zip(variables, kept.get(kind, ())):
            if v.shape == array.shape and v.dtype == array.dtype:
                v.assign(array)


def load_weights(what: str, path: Any, data: bytes, model: Any, by_name: bool, skip: bool) -> tuple[keras_weights.Pairs, list[str]]:
    """The pairs of variables and arrays for weights of any file of Keras, and what did not fit.

    Raises:
        Mismatch: if the file is of another architecture, unless `skip`.
    """
    if data[:2] == b"PK":
        with hdf5.damage_named(what, path):
            data = unpacked(data)["model.weights.h5"]
    with hdf5.opened(what, path, data) as file:
        whole = hdf5.member(file, "model_weights")
        layered = file if hdf5.texts(file, "layer_names") is not None else whole
        if layered is not None:
            return keras_weights.read_layers(layered, model, by_name, skip)
        if by_name:
            raise ValueError(f"[{what}] by_name=True is for '.h5' files, where layers have names. Received: {str(path)!r}")
        return keras_weights.read_places(file, model, skip)


__all__ = ["load_archive", "load_h5", "load_weights", "save"]

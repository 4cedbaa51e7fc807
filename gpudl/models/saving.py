"""Keep models in files: `save_model`, `load_model`, and weights alone. Loading checks everything first, then changes all or nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np

from .. import layers, losses, metrics, ops, optimizers
from ..autograd import no_grad
from ..layers import Layer
from ..layers.context import calls
from ..named import custom_object_scope, get_registered_name
from ..tensors import Tensor
from ..variables import Variable

Array = np.ndarray[Any, Any]


def owned(model: Layer) -> Iterator[tuple[str, Variable]]:
    """(name of its layer, variable) for every weight, in order."""
    owners = {id(v): layer.name for layer in model._tree() for v in (*layer._trained, *layer._untrained)}
    for v in model.weights:
        yield owners[id(v)], v


def weight_arrays(model: Any, what: str) -> tuple[dict[str, Array], list[dict[str, Any]]]:
    """The weights by their key in a file, and what a file says about them."""
    if not model.built:
        raise ValueError(f"[{what}] model {model.name!r} has no weights yet. Build it first, e.g. model.build((None, 4)), or fit it")
    arrays, about = {}, []
    for i, (layer, v) in enumerate(owned(model)):
        key = f"weights/{i:04d}/{layer}/{v.name}"
        arrays[key] = v.numpy()
        about.append({"key": key, "layer": layer, "name": v.name})
    return arrays, about


def states_of(model: Any) -> list[Variable]:
    held = {id(v) for v in model.weights}
    return [v for v in model.variables if id(v) not in held]


def check_path(what: str, filepath: str | PathLike[str]) -> None:
    """Raise if `save` or `save_weights` cannot write files of such a name."""
    from . import formats

    formats.to_write(what, filepath, weights=what == "save_weights")


def save_weights(model: Any, filepath: str | PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model to a file; its ending says which kind: ``.safetensors``, ``.weights.h5``, ``.h5``.

    Args:
        model: a built model.
        filepath: of the file. Without an ending it is one of Keras' own kind, ``.weights.h5``.
        overwrite: False refuses to replace a file. Default True.

    >>> import os, tempfile, gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((2,)), gpudl.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(model, os.path.join(folder, "w.safetensors"))
    ...     os.listdir(folder)
    ['w.safetensors']
    """
    from . import archive, formats  # 20 ms of hashes, JSON and paths that only programs with files pay

    path, kind = formats.to_write("save_weights", filepath, weights=True)
    if kind != formats.SAFETENSORS:
        from . import keras_files

        keras_files.save("save_weights", model, path, kind, overwrite, weights=True)
        return
    arrays, about = weight_arrays(model, "save_weights")
    archive.write("save_weights", path, arrays, {"kind": "weights", "weights": about}, overwrite)


def save_model(
    model: Any,
    filepath: str | PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    save_format: str | None = None,
) -> None:
    """Write a model to a file: layers, weights, random states, and if it is compiled how it is trained, with slots.

    Args:
        model: a built model.
        filepath: its ending says which kind of file it is: ``.keras`` or nothing, ``.h5`` or ``.hdf5`` (Keras reads these, too; they need
            the package h5py), or ``.safetensors`` (gpudl's own).
        overwrite: False refuses to replace a file. Default True.
        zipped: None or True: a model is one file.
        include_optimizer: False leaves out how it is trained. Default True.
        save_format: ``"keras"`` or ``"h5"``, the kind of a file without an ending. Default None.

    Raises:
        ValueError: for another extension, and for models without weights.
        TypeError: if a layer's configuration holds something that is not plain data.
        ImportError: if the kind of file needs h5py, and that is not installed.

    >>> import os, tempfile, gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((2,)), gpudl.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, os.path.join(folder, "model.safetensors"))
    ...     os.listdir(folder)
    ['model.safetensors']
    """
    from . import archive, formats

    if zipped not in (None, True):
        raise ValueError(f"[save] a model is written to one file. Received: zipped={zipped!r}")
    path, kind = formats.to_write("save", filepath, save_format=save_format)
    if kind != formats.SAFETENSORS:
        from . import keras_files

        keras_files.save("save", model, path, kind, overwrite, training=include_optimizer)
        return
    arrays, about = weight_arrays(model, "save")
    document: dict[str, Any] = {"kind": "model", "model": layers.serialize(model), "weights": about}
    states = states_of(model)
    arrays.update({f"states/{i:04d}": v.numpy() for i, v in enumerate(states)})
    document["states"] = len(states)
    document["compile"] = compile_config(model) if include_optimizer else None
    learning = learning_weights(model) if include_optimizer else None
    if learning is not None:
        slots = {f"optimizer/{i:04d}/{v.name}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
        arrays.update(slots)
        document["optimizer"] = {"weights": learning, "keys": list(slots)}
    archive.write("save", path, arrays, document, overwrite)


def learning_weights(model: Any) -> list[int] | None:
    """The numbers of the weights that the optimizer has slots for; None without an optimizer, or if it updates other variables, too."""
    if model.optimizer is None or not model._compiled:
        return None
    places = {id(v): i for i, v in enumerate(model.weights)}
    learning = [places.get(id(v)) for v in model.optimizer._variables]
    return None if None in learning else learning  # type: ignore[return-value]


def restore_slots(model: Any, learning: list[int], found: list[Array]) -> None:
    """Give the optimizer slots for these weights, with these values."""
    weights = model.weights
    model.optimizer.build([weights[i] for i in learning])
    slots = model.optimizer.variables
    if [a.shape for a in found] != [v.shape for v in slots]:
        raise ValueError("the optimizer's slots have other shapes than those that were kept")
    assign_all(list(zip(slots, found)))


def compile_config(model: Any) -> dict[str, Any] | None:
    """How a model is trained, as plain data."""
    if not model._compiled:
        return None
    wanted = model._metrics_wanted or []

    def plain(metric: Any) -> Any:
        if isinstance(metric, (str, dict)):
            return metric
        return (
            metrics.serialize(metric) if isinstance(metric, metrics.Metric) else {"class_name": get_registered_name(metric), "config": {}}
        )

    return {
        "optimizer": optimizers.serialize(model.optimizer),
        "loss": losses.serialize(model.loss),
        "metrics": [plain(m) for m, weighted in wanted if not weighted],
        "weighted_metrics": [plain(m) for m, weighted in wanted if weighted],
        "run_eagerly": model._mode == "eager",
        "capture": True if model._strict else "auto",
        **({} if model.loss_weights is None else {"loss_weights": model.loss_weights}),
    }


def load_model(
    filepath: str | PathLike[str], custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """A model from a file that `model.save` wrote, or Keras' (``.keras``, ``.h5``), ready to predict, evaluate or go on training.

    A file is data: it names layers, losses and optimizers of gpudl, and nothing else is run or imported because of it.

    Args:
        filepath: of the file.
        custom_objects: name -> class or function of your own that the model uses.
        compile: also restore how it is trained, default True.
        safe_mode: taken for scripts that pass it. Code in a file is never run, whatever it says.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is no such file.
        ValueError: for files that are damaged, no models, or that name what is unknown.

    >>> import os, tempfile, gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((2,)), gpudl.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     model.save(path)
    ...     again = load_model(path)
    >>> (again.predict([[1.0, 2.0]], verbose=0) == model.predict([[1.0, 2.0]], verbose=0)).all().item()
    True
    """
    from . import archive, formats

    data = archive.contents("load_model", filepath)
    kind = formats.of_contents(data, filepath)
    if kind != formats.SAFETENSORS:
        from . import keras_files

        load = keras_files.load_archive if kind == formats.KERAS else keras_files.load_h5
        return load("load_model", filepath, data, custom_objects, compile)
    arrays, document = archive.read("load_model", filepath, data)
    where = str(filepath)
    if document.get("kind") != "model":
        raise ValueError(f"[load_model] {where!r} holds weights alone; make the model and call model.load_weights({where!r})")
    before, calls.allowance = calls.allowance, sum(a.size for name, a in arrays.items() if name.startswith("weights/"))
    try:
        model: Any = layers.deserialize(document["model"], custom_objects)
        build_all(model)
    except (KeyError, AttributeError, RecursionError, MemoryError) as error:
        raise ValueError(f"[load_model] {where!r} is damaged: {error!r}") from None
    finally:
        calls.allowance = before
    if not model.built:
        raise ValueError(f"[load_model] {where!r} does not say the shape of its input")
    assign_all(matched("load_model", model, arrays, document))
    for i, state in enumerate(states_of(model)):
        found = arrays.get(f"states/{i:04d}")
        if found is not None and found.shape == state.shape:
            state.assign(found)
    if compile and document.get("compile"):
        with custom_object_scope(custom_objects):
            try:
                restore_training(model, arrays, document)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                raise ValueError(
                    f"[load_model] how {where!r} was trained cannot be restored. Name functions and classes of your own in custom_objects, "
                    f"or pass compile=False. {error}"
                ) from error
    return model


def build_all(model: Any) -> None:
    """Make the weights of layers within the user's layers, too, which only a call makes."""
    if model.built and not all(part.built for part in model._tree()):
        first = model._tree()[1] if hasattr(model, "_stack") else model
        whole = first.dtype if isinstance(first, layers.InputLayer) else None
        with no_grad():
            model(ops.zeros([2 if n is None else n for n in model.input_shape], dtype=whole), training=False)


def restore_training(model: Any, arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    model.compile(**document["compile"])
    held = document.get("optimizer")
    if held:
        restore_slots(model, held["weights"], [arrays[key] for key in held["keys"]])


def load_weights(model: Any, filepath: str | PathLike[str], skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read the weights of a file, of any kind that `load_model` reads or `save_weights` writes, into a model that is built.

    Args:
        model: that gets them.
        filepath: of the file.
        skip_mismatch: leave out what does not fit, with a warning. Default False: an error.
        by_name: for ``.h5`` files: only layers whose names the file has, wherever they stand. Default False.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is no such file.
        ValueError: if it is damaged, or of another architecture; the model is unchanged then.

    >>> import os, tempfile, gpudl
    >>> model, other = [gpudl.Sequential([gpudl.layers.Input((2,)), gpudl.layers.Dense(1)]) for _ in range(2)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(model, os.path.join(folder, "w.safetensors"))
    ...     load_weights(other, os.path.join(folder, "w.safetensors"))
    >>> bool((other.layers[0].kernel == model.layers[0].kernel).all())
    True
    """
    from . import archive, formats

    if not model.built:
        raise ValueError(f"[load_weights] model {model.name!r} has no weights yet. Build it first, e.g. model.build((None, 4))")
    data = archive.contents("load_weights", filepath)
    if formats.of_contents(data, filepath) == formats.SAFETENSORS:
        if by_name:
            raise ValueError(f"[load_weights] by_name=True is for '.h5' files. Received: {str(filepath)!r}")
        arrays, document = archive.read("load_weights", filepath, data)
        assign_all(matched("load_weights", model, arrays, document, skip_mismatch))
        return
    from . import keras_files
    from .keras_weights import Mismatch

    try:
        pairs, wrong = keras_files.load_weights("load_weights", filepath, data, model, by_name, skip_mismatch)
    except Mismatch as error:
        raise ValueError(f"[load_weights] the file is of another architecture. Nothing was changed. {error}") from None
    assign_all(pairs)
    if wrong:
        warnings.warn(f"[load_weights] weights that do not fit were left as they are: {'; '.join(wrong)}", stacklevel=3)


def assign_all(pairs: list[tuple[Variable, Array]]) -> None:
    for v, array in pairs:
        v.assign(Tensor(array, device=v.device) if array.dtype == v.dtype else array)


def matched(
    what: str, model: Any, arrays: Mapping[str, Array], document: Mapping[str, Any], skip: bool = False
) -> list[tuple[Variable, Array]]:
    """Each weight with its array, or an error that names the first that does not fit. Layers may have other names."""
    about = document.get("weights")
    if not isinstance(about, list) or not all(isinstance(a, dict) and a.get("key") in arrays for a in about):
        raise ValueError(f"[{what}] the file is damaged: it lacks weights that it lists")
    held = list(owned(model))
    if len(about) != len(held) and not skip:
        raise ValueError(
            f"[{what}] the file is of another architecture: it has {len(about)} weights, model {model.name!r} has {len(held)}. "
            "Nothing was changed"
        )
    pairs, wrong = [], []
    for i, ((layer, v), entry) in enumerate(zip(held, about)):
        array, name = arrays[entry["key"]], entry.get("name")
        if array.shape != v.shape or name != v.name:
            wrong.append(
                f"weight {i}: the file has {name!r} of layer {entry.get('layer')!r}, shape {array.shape}; "
                f"the model has {v.name!r} of layer {layer!r}, shape {v.shape}"
            )
        else:
            pairs.append((v, array))
    if wrong and not skip:
        raise ValueError(f"[{what}] the file is of another architecture. Nothing was changed. {wrong[0]}")
    if skip and (wrong or len(about) != len(held)):
        warnings.warn(f"[{what}] weights that do not fit were left as they are: {'; '.join(wrong) or 'the rest'}", stacklevel=4)
    return pairs


__all__ = ["load_model", "load_weights", "save_model", "save_weights"]

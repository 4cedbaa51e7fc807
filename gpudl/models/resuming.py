"""Keep the whole state of a training in a file, and go on from it: `save_training`, `read_training`, `restore_training`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .. import random as gpudl_random
from . import archive, saving

Array = np.ndarray[Any, Any]


def save_training(model: Any, path: str | PathLike[str], epochs: int) -> None:
    """Write weights, slots, random states and the shuffling generator of a model that has been trained for so many epochs."""
    arrays, about = saving.weight_arrays(model, "save_training")
    states = saving.states_of(model)
    arrays.update({f"states/{i:04d}": v.numpy() for i, v in enumerate(states)})
    slots = {f"optimizer/{i:04d}/{v.name}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
    arrays.update(slots)
    document = {
        "kind": "training",
        "weights": about,
        "states": len(states),
        "slots": list(slots),
        "epochs": epochs,
        "shuffling": gpudl_random.host_rng().bit_generator.state,
    }
    archive.write("save_training", Path(path), arrays, document, overwrite=True)


def read_training(path: str | PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The contents of such a file, checked against its checksum.

    Raises:
        ValueError: if it is damaged, or of another kind.
    """
    arrays, document = archive.read("read_training", path)
    if document.get("kind") != "training" or not isinstance(document.get("epochs"), int):
        raise ValueError(f"[read_training] {str(path)!r} does not hold the state of a training")
    return arrays, document


def restore_training(model: Any, arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """Put a built and compiled model into the state of a file. All of it is changed, or nothing.

    Raises:
        ValueError: if the file is of another model or another optimizer.
    """
    pairs = saving.matched("restore_training", model, arrays, document)
    states, slots = saving.states_of(model), model.optimizer.variables
    keys = [f"states/{i:04d}" for i in range(len(states))] + list(document["slots"])
    variables = [*states, *slots]
    if document["states"] != len(states) or len(keys) != len(variables) or any(arrays[k].shape != v.shape for k, v in zip(keys, variables)):
        raise ValueError("[restore_training] the file is of a model with other layers or another optimizer. Nothing was changed")
    gpudl_random.host_rng().bit_generator.state = document["shuffling"]
    saving.assign_all([*pairs, *[(v, arrays[k]) for k, v in zip(keys, variables)]])
    model._first_epoch = document["epochs"]


__all__ = ["read_training", "restore_training", "save_training"]

"""Small helpers around training: one-hot labels, seeds, unit vectors, names, drawings of a model, data batch by batch, pictures, files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import missing_attribute
from ..models.plain_data import deserialize_keras_object, serialize_keras_object
from ..named import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .drawing import plot_model
from .numerical import normalize, to_categorical
from .session import clear_session, set_random_seed

if TYPE_CHECKING:
    from .batches import Batches, PyDataset, Sequence, split_dataset, timeseries_dataset_from_array
    from .dot import model_to_dot
    from .files import get_file
    from .folders import image_dataset_from_directory
    from .images import array_to_img, img_to_array, load_img, save_img
    from .progress import Progbar
    from .sequences import pad_sequences

CustomObjectScope = custom_object_scope

# loaded when they are first named, to keep the import light: name -> file
_LATER = {
    **dict.fromkeys(("Batches", "PyDataset", "Sequence", "split_dataset", "timeseries_dataset_from_array"), "batches"),
    **dict.fromkeys(("array_to_img", "img_to_array", "load_img", "save_img"), "images"),
    "Progbar": "progress",
    "get_file": "files",
    "image_dataset_from_directory": "folders",
    "model_to_dot": "dot",
    "pad_sequences": "sequences",
}

__all__ = [
    "Batches",
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "model_to_dot",
    "normalize",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "timeseries_dataset_from_array",
    "to_categorical",
]

_missing = missing_attribute(__name__, __all__)


def __getattr__(name: str) -> object:
    if name not in _LATER:
        return _missing(name)
    found = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = found
    return found

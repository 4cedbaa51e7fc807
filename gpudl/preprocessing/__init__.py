"""Prepare data before training: scale columns, whiten, disturb labels; pictures, sequences and texts. Fit on the training data alone."""

from __future__ import annotations

from importlib import import_module

from ..callbacks import DisturbLabel
from ..errors import missing_attribute
from ..utils import image_dataset_from_directory, timeseries_dataset_from_array
from .base import Transform
from .scaling import MinMaxScaler, StandardScaler
from .whitening import Whitening

__all__ = [
    "DisturbLabel",
    "MinMaxScaler",
    "StandardScaler",
    "Transform",
    "Whitening",
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text",
    "timeseries_dataset_from_array",
]

_missing = missing_attribute(__name__, __all__)


def __getattr__(name: str) -> object:
    return import_module(f"{__name__}.{name}") if name in ("image", "sequence", "text") else _missing(name)

"""Small helpers around training: one-hot labels, seeds, unit vectors, names, a drawing of a model."""

from __future__ import annotations

from ..errors import missing_attribute
from ..named import custom_object_scope
from .drawing import plot_model
from .numerical import normalize, to_categorical
from .session import clear_session, set_random_seed

__all__ = ["clear_session", "custom_object_scope", "normalize", "plot_model", "set_random_seed", "to_categorical"]

__getattr__ = missing_attribute(__name__, __all__)

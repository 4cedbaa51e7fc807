"""Small helpers around training: one-hot labels, seeds, unit vectors, names."""

from __future__ import annotations

from ..errors import missing_attribute
from ..named import custom_object_scope
from .numerical import normalize, to_categorical
from .session import clear_session, set_random_seed

__all__ = ["clear_session", "custom_object_scope", "normalize", "set_random_seed", "to_categorical"]

__getattr__ = missing_attribute(__name__, __all__)

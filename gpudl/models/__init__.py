"""Put layers together and train them: `Sequential`, and models kept in files."""

from __future__ import annotations

from ..errors import missing_attribute
from .cloning import clone_model
from .functional import Model
from .plain_data import model_from_json
from .saving import load_model, save_model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

__getattr__ = missing_attribute(__name__, __all__)

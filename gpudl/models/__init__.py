"""Put layers together and train them: `Sequential`, and models kept in files."""

from __future__ import annotations

from ..errors import missing_attribute
from .saving import load_model, save_model
from .sequential import Sequential

__all__ = ["Sequential", "load_model", "save_model"]

__getattr__ = missing_attribute(__name__, __all__)

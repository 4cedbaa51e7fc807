"""Put layers together and train them: `Sequential`, and models kept in files."""

from __future__ import annotations

from .saving import load_model, save_model
from .sequential import Sequential

__all__ = ["Sequential", "load_model", "save_model"]

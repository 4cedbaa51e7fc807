"""Watch and steer training: History, progress, early stopping, disturbed labels, and callbacks of your own."""

from __future__ import annotations

from ..errors import missing_attribute
from .base import Callback, CallbackList
from .disturb import DisturbLabel
from .early_stopping import EarlyStopping
from .history import History
from .progress import ProgbarLogger

__all__ = ["Callback", "CallbackList", "DisturbLabel", "EarlyStopping", "History", "ProgbarLogger"]

__getattr__ = missing_attribute(__name__, __all__)

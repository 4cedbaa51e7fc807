"""Watch and steer training: History, progress, early stopping, and callbacks of your own."""

from __future__ import annotations

from .base import Callback, CallbackList
from .early_stopping import EarlyStopping
from .history import History
from .progress import ProgbarLogger

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "ProgbarLogger"]

"""Watch and steer training: History, progress, early stopping, checkpoints, learning rates, logs, and callbacks of your own."""

from __future__ import annotations

from ..errors import missing_attribute
from .averages import SwapEMAWeights
from .backup import BackupAndRestore
from .base import Callback, CallbackList
from .checkpoint import ModelCheckpoint
from .csv_logger import CSVLogger
from .disturb import DisturbLabel
from .early_stopping import EarlyStopping
from .functions import LambdaCallback
from .history import History
from .learning_rate import LearningRateScheduler, ReduceLROnPlateau
from .nan import TerminateOnNaN
from .progress import ProgbarLogger
from .tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "DisturbLabel",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

__getattr__ = missing_attribute(__name__, __all__)

"""Prepare data before training: scale columns, whiten, disturb labels. Fit on the training data, transform both parts."""

from __future__ import annotations

from ..callbacks import DisturbLabel
from ..errors import missing_attribute
from .base import Transform
from .scaling import MinMaxScaler, StandardScaler
from .whitening import Whitening

__all__ = ["DisturbLabel", "MinMaxScaler", "StandardScaler", "Transform", "Whitening"]

__getattr__ = missing_attribute(__name__, __all__)

"""Hold memory and find kernels, one `Backend` a device: `get("cpu")`, `get("cuda:0")`."""

from __future__ import annotations

from .base import Backend
from .registry import available, default_device, describe, device, get, normalise, set_device

__all__ = ["Backend", "available", "default_device", "describe", "device", "get", "normalise", "set_device"]

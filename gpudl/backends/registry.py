"""Name devices, choose the one new tensors go to, and make each backend once, at first use."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .. import env
from ..errors import BackendError
from . import emulated
from .base import Backend
from .cpu import CPUBackend

_lock = threading.RLock()
_backends: dict[str, Backend] = {}
_chosen: str | None = None


class _Scoped(threading.local):
    device: str | None = None


_scoped = _Scoped()


def normalise(device: str) -> str:
    """``"cpu"``, or ``"cuda:0"`` for ``"cuda"``. Raises ValueError for anything else.

    >>> normalise("cuda")
    'cuda:0'
    """
    if device == "cpu":
        return device
    match = re.fullmatch(r"(?:cuda|gpu)(?::(\d+))?", device) if isinstance(device, str) else None
    if match is None:
        raise ValueError(f"[device] expected 'cpu', 'cuda' or 'cuda:<number>'. Received: {device!r}")
    return f"cuda:{int(match[1] or 0)}"


def get(device: str | None = None) -> Backend:
    """The backend of a device, or of the default one. Raises BackendError, with the reason, if it cannot be used.

    >>> get("cpu").device
    'cpu'
    """
    name = default_device() if device is None else device
    found = _backends.get(name)
    if found is None:
        name = normalise(name)
        with _lock:
            found = _backends.get(name) or _backends.setdefault(name, _make(name))
    return found


def _make(name: str) -> Backend:
    if name == "cpu":
        return CPUBackend()
    if emulated.wanted():
        if name != "cuda:0":
            raise BackendError(f"[device] {name!r} cannot be used: GPUDL_EMULATE emulates one GPU, 'cuda:0'")
        return emulated.EmulatedBackend()
    from .cuda import CUDABackend, count

    number, reason = count()
    index = int(name.split(":")[1])
    if index >= number:
        raise BackendError(f"[device] {name!r} cannot be used: {reason or f'there are {number} GPUs'}. Use device='cpu'.")
    return CUDABackend(index)


def default_device() -> str:
    """Where new tensors go: `with device(...)`, then `set_device`, then GPUDL_DEVICE, then cuda if usable, else cpu.

    >>> with device("cpu"):
    ...     default_device()
    'cpu'
    """
    global _chosen
    if _scoped.device is not None:
        return _scoped.device
    if _chosen is None:
        with _lock:
            if _chosen is None:
                wanted = str(env.DEVICE.read())
                _chosen = normalise(wanted) if wanted != "auto" else _automatic()
    return _chosen


def _automatic() -> str:
    if emulated.wanted():
        return "cuda:0"
    from .cuda import count

    return "cuda:0" if count()[0] else "cpu"


def set_device(device: str) -> None:
    """Send new tensors of every thread to `device` from now on. Raises BackendError if it cannot be used.

    >>> import gpudl
    >>> before = gpudl.backends.default_device()
    >>> set_device("cpu")
    >>> gpudl.ones(2).device
    'cpu'
    >>> set_device(before)
    """
    global _chosen
    name = normalise(device)
    get(name)
    _chosen = name


@contextmanager
def device(name: str) -> Iterator[str]:
    """Send new tensors of this thread to a device, within a `with` block.

    >>> with device("cpu") as where:
    ...     where
    'cpu'
    """
    wanted = normalise(name)
    get(wanted)
    before, _scoped.device = _scoped.device, wanted
    try:
        yield wanted
    finally:
        _scoped.device = before


def available() -> dict[str, str]:
    """Device -> "usable", or why not.

    >>> available()["cpu"]
    'usable'
    """
    if emulated.wanted():
        module = emulated.module()
        return {"cpu": "usable", "cuda:0": f"emulated by {module.name}" if module.loaded else module.reason}
    from .cuda import count

    number, reason = count()
    found = {"cpu": "usable"}
    found.update({f"cuda:{i}": "usable" for i in range(number)})
    if not number:
        found["cuda"] = reason
    return found


def describe() -> list[Backend]:
    """The backends made so far.

    >>> get("cpu") in describe()
    True
    """
    return list(_backends.values())

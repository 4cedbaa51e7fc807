"""Say what runs where: versions, devices, kernels, switches (`show_config`, `python -m gpudl`)."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

import numpy as np

from . import backends, env, native, op
from .version import __version__


def config_text() -> str:
    """What `show_config` prints, as a string."""
    status = native.status()
    lines = [f"gpudl {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()} {sys.platform}"]
    lines += ["", "Compiled modules", f"  build: {status.build}"]
    lines += [f"  {line}" for line in status.describe().splitlines()]
    if status.warning:
        lines.append(f"  {status.warning}")
    lines += ["", f"Devices (new tensors go to {backends.default_device()!r})"]
    lines += [f"  {name:8s} {state}" for name, state in backends.available().items()]
    for backend in backends.describe():
        compiled = sorted(name for name in op.registry if name in backend.table)
        others = sum(o.reference is not None for o in op.registry.values()) - len(compiled)
        lines += ["", f"Kernels on {backend.device!r} (path {backend.name!r}): {len(compiled)} compiled, {others} reference"]
        if backend.note:
            lines.append(f"  {backend.note}")
        if compiled:
            lines.append("  compiled: " + ", ".join(compiled))
    lines += ["", "Switches", *[f"  {line}" for line in env.table().splitlines()]]
    for name in env.unknown_names():
        lines.append(f"  {name} is no switch of gpudl; is it misspelt?")
    return "\n".join(lines)


def show_config(print_fn: Callable[[str], object] = print) -> None:
    """Print which devices there are, which kernels are compiled, and what every GPUDL_ switch is set to.

    >>> show_config(lambda text: print(text.split(",")[0]))  # doctest: +ELLIPSIS
    gpudl ...
    """
    backends.get()
    print_fn(config_text())

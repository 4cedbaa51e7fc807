"""Where the kernels of Hopper run in tests: on the emulation under its schedules, and on a GPU of Hopper where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import hardware
import pytest
from emulated import MODULES, SCHEDULES

from gpudl import native

gpu = cache(hardware.gpu)


def ways(kernel: str, checked: Sequence[str]) -> list[Any]:
    """Parameters for `on`: the fast build under every schedule, the checked one under those named, a GPU; as far as each has `kernel`."""
    found: list[Any] = [
        pytest.param((m, s), id=f"{m.__name__.split('.')[-1]}-{s}")
        for m in MODULES
        for s in SCHEDULES
        if kernel in m.kernels() and (not m.checked or s in checked)
    ]
    built = native.cuda().module
    if built is not None and kernel in built.kernels() and not hardware.why_not():
        found.append(pytest.param("gpu", id="gpu", marks=pytest.mark.cuda))
    reason = "neither the emulation nor _cuda was built with tests/native/kernels/hopper.cu (GPUDL_EXTRA_KERNELS)"
    return found or [pytest.param(None, marks=pytest.mark.skip(reason=reason))]


def on(way: Any) -> Iterator[Any]:
    """The module of one way, under its schedule as long as a fixture lives."""
    if way == "gpu":
        module = gpu()
        assert module is not None
        if module.sm != 90:
            pytest.skip("not a GPU of Hopper")
        yield module
        return
    module, schedule = way
    module.configure(**SCHEDULES[schedule])
    yield module
    module.configure()

"""Run the CUDA kernels without a GPU: `GPUDL_EMULATE=1` gives the device "cuda:0" NumPy arrays and kernels that the CPU emulates.

Slow, and meant for that: each CUDA thread runs, each barrier waits. `GPUDL_EMULATE=checked` finds accesses outside an array, races and
uninitialised reads as well; `GPUDL_EMULATION_SCHEDULE` chooses the order in which threads run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import env, native
from ..errors import BackendError
from .cpu import HostBackend
from .cuda import configure


def wanted() -> bool:
    """Whether `GPUDL_EMULATE` asks for the emulation in the place of GPUs."""
    return env.EMULATE.read() != "0"


def module() -> native.NativeModule:
    """The module that `GPUDL_EMULATE` names, loaded or with the reason why not."""
    return native.emulated("checked" if env.EMULATE.read() == "checked" else "emulated")


def schedule(text: str) -> dict[str, Any]:
    """The arguments of a module's `configure`.

    >>> schedule("random:7")
    {'order': 'random', 'copies': 'random', 'seed': 7}
    >>> schedule("descending,early")
    {'order': 'descending', 'copies': 'early', 'seed': 0}
    """
    match = re.fullmatch(env.SCHEDULE_PATTERN, text)
    assert match is not None, text  # the switch let nothing else through
    order, seed, copies = match["order"], int(match["seed"] or 0), match["copies"]
    return {"order": order, "copies": copies or {"ascending": "late", "descending": "early"}.get(order, "random"), "seed": seed}


class EmulatedBackend(HostBackend):
    """NumPy arrays in the place of a GPU's, and emulated CUDA kernels."""

    def __init__(self) -> None:
        super().__init__("cuda:0", np)
        native_module = module()
        if native_module.module is None:
            raise BackendError(f"[GPUDL_EMULATE] the module {native_module.name} cannot be used: {native_module.reason}")
        self.module = native_module.module
        self.module.configure(**schedule(env.EMULATION_SCHEDULE.read()))
        configure(self.module)
        self.expects_kernels = env.STRICT.read()  # silent otherwise: what is emulated is asked for, and most scripts use other ops, too
        self.use(self.module.kernels())
        self.name = "cuda, emulated and checked" if self.module.checked else "cuda, emulated"

    def explain(self, name: str, outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[Any, ...]) -> list[str]:
        if self.module is None or name not in self.table:
            return []
        return list(self.module.explain(name, tuple(outs), tuple(ins), attrs, 90, 4))  # what the emulation imitates

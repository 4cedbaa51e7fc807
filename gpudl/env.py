"""Lists every switch `GPUDL_*`, and reads one with a clear error when its value makes no sense.

>>> from gpudl import env
>>> env.CHECK.name, env.CHECK.default
('GPUDL_CHECK', 0)
>>> env.CHECK.parse("2")
2

Switches are read when something asks (`env.STRICT.read()`), not at import; who asks often keeps the answer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True)
class Switch(Generic[T]):
    """One environment variable: its name, what it may hold, its default and what it does."""

    name: str
    accepts: str
    default: T
    meaning: str
    convert: Callable[[str], T]
    at_build: bool = False

    def parse(self, text: str) -> T:
        """The value that `text` stands for; an empty text is the default.

        Raises:
            ValueError: `text` is none of the accepted values.
        """
        text = text.strip()
        if not text:
            return self.default
        try:
            return self.convert(text)
        except ValueError:
            raise ValueError(
                f"[{self.name}] the environment variable {self.name} must be {self.accepts} (default {self.default!r}). "
                f"Received: {text!r}. Correct it, or unset it: {self.meaning}"
            ) from None

    def read(self) -> T:
        """The value in the environment now, or the default."""
        return self.parse(os.environ.get(self.name, ""))


def _flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _level_up_to(most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not 0 <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return convert


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError(text)
    return count


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text.lower()):
        raise ValueError(text)
    return text.lower()


def _schedule(text: str) -> str:
    if not re.fullmatch(SCHEDULE_PATTERN, text.lower()):
        raise ValueError(text)
    return text.lower()


def _choice(*allowed: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        for choice in allowed:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(text)

    return convert


DEVICE: Switch[str] = Switch(
    "GPUDL_DEVICE", "auto, cpu, cuda or cuda:N", "auto", "the device of new tensors; auto takes a usable GPU, else the CPU.", _device
)
BACKEND: Switch[str] = Switch(
    "GPUDL_BACKEND",
    "auto, cpu or numpy",
    "auto",
    "auto takes compiled kernels where there are any, cpu insists on them on the CPU, numpy forbids them (on a GPU, CuPy runs then).",
    _choice("auto", "cpu", "numpy"),
)
STRICT: Switch[bool] = Switch(
    "GPUDL_STRICT", "0 or 1", False, "1 makes a missing compiled kernel on a GPU an error instead of a warning.", _flag
)
CHECK: Switch[int] = Switch(
    "GPUDL_CHECK",
    "0, 1 or 2",
    0,
    "1 checks at each launch that operands lie on one device and no output over another operand; 2 also names the first op that "
    "makes NaN or inf of finite numbers (steps run eagerly then).",
    _level_up_to(2),
)
DEBUG: Switch[int] = Switch(
    "GPUDL_DEBUG",
    "0 to 4",
    0,
    "1 names each device when it is first used; 2 each kernel call with its time and rates, as it ends; 3 also the kernel that was "
    "chosen and why; 4 also shapes and attributes. On standard error; each call is waited for.",
    _level_up_to(4),
)
SYNC: Switch[bool] = Switch(
    "GPUDL_SYNC", "0 or 1", False, "1 waits for each kernel on a GPU, so that an error names the op and layer at fault. Slow.", _flag
)
TIER: Switch[str] = Switch(
    "GPUDL_TIER",
    "auto, simple, simt, sm80 or sm90",
    "auto",
    "the highest tier of CUDA kernels to choose from; simple ones take any shape on any GPU. auto: whatever the GPU has.",
    _choice("auto", "simple", "simt", "sm80", "sm90"),
)
CPU_ISA: Switch[str] = Switch(
    "GPUDL_CPU_ISA",
    "auto, baseline, avx2 or avx512",
    "auto",
    "the instruction set of the C++ kernels. auto: the best that the processor has.",
    _choice("auto", "baseline", "avx2", "avx512"),
)
THREADS: Switch[int] = Switch(
    "GPUDL_THREADS",
    "a number, 0 or more",
    0,
    "how many threads a large C++ kernel uses. 0: one for each processor that the process may use.",
    _count,
)
COMPAT: Switch[str] = Switch(
    "GPUDL_COMPAT", "keras2", "", "keras2 takes the defaults of Keras 2 where they differ: see gpudl.config.set_compat.", _choice("keras2")
)
CAPTURE: Switch[bool] = Switch("GPUDL_CAPTURE", "0 or 1", True, "0 runs every step eagerly: nothing is recorded or replayed.", _flag)
GRAPHS: Switch[bool] = Switch(
    "GPUDL_GRAPHS", "0 or 1", True, "0 launches the kernels of a replayed step one by one on a GPU, instead of as one CUDA graph.", _flag
)
FUSE: Switch[bool] = Switch(
    "GPUDL_FUSE", "0 or 1", True, "0 replays every kernel call as it was recorded: none are fused. See gpudl.config.set_fusion.", _flag
)

EMULATE: Switch[str] = Switch(
    "GPUDL_EMULATE",
    "0, 1 or checked",
    "0",
    "1 runs the CUDA kernels on the CPU, emulated, as device 'cuda'; checked also finds races and accesses outside an array.",
    _choice("0", "1", "checked"),
)
SCHEDULE_PATTERN = r"(?P<order>ascending|descending|random)(:(?P<seed>\d+))?(,(?P<copies>late|early|random))?"
EMULATION_SCHEDULE: Switch[str] = Switch(
    "GPUDL_EMULATION_SCHEDULE",
    "ascending, descending or random:<seed>, and after a comma late, early or random",
    "ascending",
    "the order in which emulated threads run, and when their asynchronous copies land.",
    _schedule,
)

PURE: Switch[bool] = Switch(
    "GPUDL_PURE", "0 or 1", False, "1 installs without compiled modules, on purpose and silently.", _flag, at_build=True
)
REQUIRE_NATIVE: Switch[bool] = Switch(
    "GPUDL_REQUIRE_NATIVE", "0 or 1", False, "1 makes a failed native build an error instead of a pure install.", _flag, at_build=True
)
CUDA: Switch[str] = Switch(
    "GPUDL_CUDA",
    "AUTO, ON or OFF",
    "AUTO",
    "AUTO builds the CUDA module where nvcc and a visible GPU meet; ON insists on it; OFF leaves it out.",
    _choice("AUTO", "ON", "OFF"),
    at_build=True,
)
CUDA_ARCHS: Switch[str] = Switch(
    "GPUDL_CUDA_ARCHS",
    "architectures separated by commas, such as 80-real,90a-real",
    "",
    "what the CUDA module is built for; empty: the visible GPUs under AUTO, sm_80 and sm_90a under ON.",
    str,
    at_build=True,
)

EMULATION: Switch[str] = Switch(
    "GPUDL_EMULATION",
    "ON or OFF",
    "OFF",
    "ON also builds the CUDA kernels for the CPU; needs g++ and the headers of CUDA, which nvidia-cuda-runtime has, too.",
    _choice("ON", "OFF"),
    at_build=True,
)

SWITCHES: tuple[Switch[str] | Switch[bool] | Switch[int], ...] = (
    DEVICE, BACKEND, STRICT, CHECK, DEBUG, SYNC, TIER, CPU_ISA, THREADS, COMPAT, CAPTURE, FUSE, GRAPHS, EMULATE,
    EMULATION_SCHEDULE, PURE, REQUIRE_NATIVE, CUDA, CUDA_ARCHS, EMULATION,
)  # fmt: skip


def unknown_names() -> list[str]:
    """Names in the environment that begin with `GPUDL_` and are no switch: most likely misspelt."""
    known = {switch.name for switch in SWITCHES}
    return sorted(name for name in os.environ if name.startswith("GPUDL_") and name not in known)


def table() -> str:
    """All switches as text, one a line: name, accepted values, default, what it is set to, meaning.

    >>> print(table().splitlines()[1].split()[0])
    GPUDL_DEVICE
    """
    rows = [("switch", "accepts", "default", "set to", "meaning")]
    for switch in SWITCHES:
        meaning = ("when installing: " if switch.at_build else "") + switch.meaning
        rows.append((switch.name, switch.accepts, str(switch.default), os.environ.get(switch.name, ""), meaning))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip() for row in rows)

"""C++ kernels on NumPy arrays. Operands are objects with an attribute `array`, a NumPy array."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Kernel = Callable[[Sequence[Any], Sequence[Any], Sequence[float]], int | None]

MISSING: int
NEEDS_CONTIGUOUS: int

def kernels() -> dict[str, Kernel]: ...
def signatures() -> dict[str, list[str]]: ...
def bind(kernel: Kernel, outs: Sequence[np.ndarray], ins: Sequence[np.ndarray], attrs: Sequence[float], /) -> Callable[[], None] | None: ...
def build_info() -> dict[str, str]: ...

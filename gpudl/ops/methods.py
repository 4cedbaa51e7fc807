"""Give Tensor its operators and methods: each is the op of that name."""

from __future__ import annotations

from typing import Any

from .. import autograd
from ..tensors import Tensor
from . import elementwise as e


def _swapped(f: Any) -> Any:
    return lambda self, other: f(other, self)


def bind() -> None:
    for name, f in {"add": e.add, "sub": e.subtract, "mul": e.multiply, "truediv": e.divide}.items():
        setattr(Tensor, f"__{name}__", f)
        setattr(Tensor, f"__r{name}__", _swapped(f))
    methods: dict[str, Any] = {
        "backward": autograd.backward,
        "__neg__": e.negative,
    }
    for name, f in methods.items():
        setattr(Tensor, name, f)


bind()

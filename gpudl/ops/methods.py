"""Give Tensor its operators and methods: each is the op of that name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import autograd, backends, dtypes, ops
from ..op import Op
from ..tensors import Storage, Tensor, mode, wrap
from . import comparison as c
from . import elementwise as e
from . import mathematics as m
from . import powers as p
from ._common import cast

Method = Callable[..., Any]
_ARRAY_LIKE = (Tensor, int, float, np.ndarray, np.generic, list, tuple)


def _is_array_like(x: Any) -> bool:
    return isinstance(x, _ARRAY_LIKE) or hasattr(x, "__array__") or hasattr(x, "__cuda_array_interface__")


def _operator(f: Method) -> Method:
    """`tensor + other`; Python asks the other operand if that can be no array."""

    def method(self: Tensor, other: Any) -> Any:
        kind = type(other)
        if kind is Tensor or kind is float or kind is int or _is_array_like(other):
            return f(self, other)
        return NotImplemented

    return method


def _reflected(f: Method) -> Method:
    """`other + tensor`"""

    def method(self: Tensor, other: Any) -> Any:
        kind = type(other)
        if kind is float or kind is int or _is_array_like(other):
            return f(other, self)
        return NotImplemented

    return method


def _op(name: str) -> Method:
    """The op of that name; looked up at the call if its family is not there yet."""
    found = getattr(ops, name, None)
    if found is not None:
        return found  # type: ignore[no-any-return]

    def method(self: Tensor, *args: Any) -> Any:
        return getattr(ops, name)(self, *args)

    return method


# between devices ---------------------------------------------------------------------------------------------------------------


def _moved(x: Tensor, device: str) -> Tensor:
    """The same values on another device, on the tape. A step that does it cannot be replayed."""
    backend = backends.get(backends.normalise(device))
    if backend is x.storage.backend:
        return x
    if mode.recorder is not None:
        mode.recorder.refuse("a tensor was moved to another device")
    array = backend.from_host(x.storage.backend.to_host(x.array))
    out = wrap(array, Storage(array, backend))
    if mode.grad and x.edge is not None:
        autograd.remember(MOVE, (x,), (out,), ((array.shape, array.dtype),), ())
    return out


MOVE = Op("move", None, None, lambda ctx, g: (_moved(g, ctx.input(0).device),), saves=(0,), twice=True)


def to(self: Tensor, device: Any = None, dtype: Any = None) -> Tensor:
    """The tensor on a device, in a dtype; itself if it is so already. Gradients flow back to where it was.

    Args:
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:<n>"``; a dtype or its name may stand here too, as in PyTorch.
        dtype: a dtype or its name.

    >>> import gpudl
    >>> gpudl.Tensor([1.0]).to("float64")
    Tensor([1.], dtype=float64)
    """
    if device is not None and dtype is None and (not isinstance(device, str) or dtypes.is_name(device)):
        device, dtype = None, device
    if dtype is not None:
        self = cast(self, dtype)
    return self if device is None else _moved(self, device)


def astype(self: Tensor, dtype: Any) -> Tensor:
    """The same numbers in another dtype; see `gpudl.ops.cast`.

    >>> import gpudl
    >>> gpudl.Tensor([1.5]).astype("int32")
    Tensor([1], dtype=int32)
    """
    return cast(self, dtype)


# shapes ------------------------------------------------------------------------------------------------------------------------


def _several(args: tuple[Any, ...]) -> Any:
    """``f(2, 3)`` and ``f((2, 3))`` mean the same."""
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


def _reshape(self: Tensor, *shape: Any) -> Tensor:
    """The same numbers in another shape, given as a tuple or as several numbers; one size may be -1."""
    return ops.reshape(self, _several(shape))


def _transpose(self: Tensor, *axes: Any) -> Tensor:
    """Axes in another order, given as a tuple or as several numbers; by default reversed. A view."""
    wanted = None if not axes or axes == (None,) else _several(axes)
    return ops.transpose(self, wanted)


def _flatten(self: Tensor) -> Tensor:
    """All numbers along one axis."""
    return ops.reshape(self, (-1,))


def _iterate(self: Tensor) -> Iterator[Tensor]:
    return (self[i] for i in range(len(self)))


def _positive(self: Tensor) -> Tensor:
    return self


def bind() -> None:
    operators: dict[str, Method] = {
        "add": e.add,
        "sub": e.subtract,
        "mul": e.multiply,
        "truediv": e.divide,
        "floordiv": e.floor_divide,
        "mod": e.mod,
        "pow": p.power,
        "matmul": _op("matmul"),
        "and": c.bitwise_and,
        "or": c.bitwise_or,
        "xor": c.bitwise_xor,
    }
    for name, f in operators.items():
        setattr(Tensor, f"__{name}__", _operator(f))
        setattr(Tensor, f"__r{name}__", _reflected(f))
    comparisons: dict[str, Method] = {
        "eq": c.equal,
        "ne": c.not_equal,
        "lt": c.less,
        "le": c.less_equal,
        "gt": c.greater,
        "ge": c.greater_equal,
    }
    for name, f in comparisons.items():
        setattr(Tensor, f"__{name}__", _operator(f))
    methods: dict[str, Any] = {
        "__neg__": e.negative,
        "__pos__": _positive,
        "__abs__": m.absolute,
        "__invert__": c.bitwise_not,
        "__getitem__": _op("getitem"),
        "__iter__": _iterate,
        "T": property(_transpose),
        "backward": autograd.backward,
        "to": to,
        "astype": astype,
        "reshape": _reshape,
        "transpose": _transpose,
        "flatten": _flatten,
        "clip": e.clip,
        "exp": m.exp,
        "log": m.log,
        "sqrt": m.sqrt,
        "abs": m.absolute,
    }
    for name in (
        *("sum", "mean", "max", "min", "prod", "var", "std", "any", "all", "argmax", "argmin", "squeeze", "tanh", "sigmoid", "relu"),
    ):
        methods[name] = _op(name)
    for name, f in methods.items():
        setattr(Tensor, name, f)


bind()

"""What layers share: views between image layouts, shapes of inputs, hints at them, and places in error messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import ops
from ..errors import ShapeError
from ..tensors import Tensor
from . import arguments
from .arguments import Shape

if TYPE_CHECKING:
    from .base import Layer


class Place(NamedTuple):
    """What goes into a layer or a model, or comes out of it: no tensor, but its shape, with the batch axis, and its dtype."""

    shape: Shape
    dtype: str
    name: str

    def get_shape(self) -> Shape:
        """The shape."""
        return self.shape


HINTS = ("input_shape", "input_dim", "batch_input_shape", "batch_shape", "batch_size")
_ALONG_AN_AXIS = {"softmax", "log_softmax", "glu", "sparsemax"}


def to_channels_last(x: Tensor) -> Tensor:
    """(N, C, H, W) seen as (N, H, W, C), or (N, C, L) as (N, L, C)."""
    return ops.transpose(x, (0, 2, 3, 1) if x.array.ndim == 4 else (0, 2, 1))


def to_channels_first(x: Tensor) -> Tensor:
    """(N, H, W, C) seen as (N, C, H, W), or (N, L, C) as (N, C, L)."""
    return ops.transpose(x, (0, 3, 1, 2) if x.array.ndim == 4 else (0, 2, 1))


def elementwise(function: Any) -> bool:
    """Whether this is a function of ours that looks at each element alone, so that the order of axes does not matter."""
    module = getattr(function, "__module__", None) or ""
    return module.split(".")[0] == __name__.split(".")[0] and getattr(function, "__name__", "") not in _ALONG_AN_AXIS


def along_memory(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """function(x); elementwise ones walk channels_first views of NHWC memory in the order of memory, and keep that order."""
    array = x.array
    if array.ndim in (3, 4) and not array.flags.c_contiguous and elementwise(function):
        last = to_channels_last(x)
        if last.array.flags.c_contiguous:
            return to_channels_first(function(last))
    return function(x)


def is_several(shape: Any) -> bool:
    """Whether this is a list of shapes."""
    return isinstance(shape, (list, tuple)) and any(isinstance(s, (list, tuple)) for s in shape)


def shape_of(where: str, x: Any) -> Any:
    """What `build` is told about an input: the batch axis is open."""
    if isinstance(x, (list, tuple)):
        return [shape_of(where, v) for v in x]
    if x.ndim == 0:
        raise ShapeError(f"[{where}] expected an input with a batch axis. Received: a single number")
    return (None, *x.shape[1:])


def batch_shape_of(where: str, kwargs: dict[str, Any]) -> Shape | None:
    """Take the hints at the input's shape out of a constructor's keywords."""
    given = {name: kwargs.pop(name) for name in HINTS if kwargs.get(name) is not None}
    for name in HINTS:
        kwargs.pop(name, None)
    batch = given.pop("batch_size", None)
    if batch is not None:
        batch = arguments.whole(where, "batch_size", batch)
    if len(given) > 1:
        raise ValueError(f"[{where}] {' and '.join(given)} say the same thing: pass one of them")
    for name, value in given.items():
        if name == "input_dim":
            return batch, arguments.whole(where, name, value)
        if name == "input_shape":
            return batch, *arguments.shape(where, name, value)
        return arguments.shape(where, name, value, batch=True)
    return None


def located(error: Exception, layer: Layer, index: int | None = None) -> None:
    """Write into an error's message in which layer of which model it happened, from the outside in; to be called on the way out.

    The message becomes ``[op] layer 3 'conv2d_1': what happened``.
    """
    path: list[tuple[Layer, int | None]] = getattr(error, "path", [])
    if path and path[0][0] is layer:
        path[0] = (layer, index if index is not None else path[0][1])
    elif not path or index is not None:
        path = [(layer, index), *path]
    if not hasattr(error, "plain"):
        error.plain = str(error)  # type: ignore[attr-defined]
    error.path = path  # type: ignore[attr-defined]
    text: str = error.plain  # type: ignore[attr-defined]
    head, rest = "", text
    if text.startswith("[") and "] " in text:
        head, rest = text[: text.index("] ") + 2], text[text.index("] ") + 2 :]
    places = ", ".join(f"layer {part.name!r}" if i is None else f"layer {i} {part.name!r}" for part, i in path)
    error.args = (f"{head}{places}: {rest}",)


def restored(config: Any) -> Any:
    """A layer from its configuration; a layer as it is."""
    from .serialization import deserialize  # it knows the files of all layers

    return deserialize(config) if isinstance(config, dict) else config

"""Build layers whole or not at all, find the shapes of their outputs, and say what they were made from."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops, random
from ..autograd import no_grad
from ..errors import DTypeError, ShapeError
from ..named import get_registered_name
from . import arguments
from .arguments import Shape
from .context import calls
from .support import is_several, located

if TYPE_CHECKING:
    from .base import Layer

_one_at_a_time = threading.RLock()  # two threads that call a layer for the first time build it once


def whole_or_not(build: Callable[..., None]) -> Callable[..., None]:
    """A `build` that leaves nothing behind when it fails, does nothing when the layer is built, and marks it as built."""

    @functools.wraps(build)
    def wrapper(self: Layer, input_shape: Any = None, *args: Any) -> None:
        with _one_at_a_time:
            build_once(self, input_shape, *args)

    def build_once(self: Layer, input_shape: Any, *args: Any) -> None:
        if self._building:  # super().build(input_shape)
            build(self, input_shape, *args)
            return
        if self._built:
            if input_shape is not None:
                self.compute_output_shape(input_shape)  # raises if the weights do not fit
            return
        if input_shape is not None and not is_several(input_shape):
            input_shape = arguments.shape(self._where, "input_shape", input_shape, batch=True)
        undo = remember(self)
        self._building = True
        try:
            build(self, input_shape, *args)
            if self._first_weights is not None:
                self.set_weights(self._first_weights)
        except BaseException as error:
            undo()
            if isinstance(error, (ShapeError, DTypeError)):
                located(error, self)
            raise
        self._building = False
        self._build_shape = input_shape
        self._built = True
        vars(self).pop("_first_weights", None)

    return wrapper


def remember(layer: Layer) -> Callable[[], None]:
    """A function that takes a layer and all below it back to where they are now. Variables that exist keep their values."""
    before = [(part, {k: list(v) if isinstance(v, list) else v for k, v in vars(part).items()}) for part in layer._tree()]

    def undo() -> None:
        for part, attributes in before:
            vars(part).clear()
            vars(part).update(attributes)

    return undo


def undrawn(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A weight that a file will fill, if the file has as many numbers left."""
    assert calls.allowance is not None
    calls.allowance -= math.prod(shape)
    if calls.allowance < 0:
        raise ValueError(f"the file holds fewer numbers than its configuration asks for: no room for a weight of shape {shape}")
    return np.zeros(shape, dtype)


def probe(layer: Layer, input_shape: Shape) -> Shape:
    """The output's shape, found by calling the layer with zeros. Open sizes are those that follow the input's."""
    undo = remember(layer) if not all(part._built for part in layer._tree()) else None
    rng, shapes = random.host_rng().bit_generator, []
    drawn, allowance = rng.state, calls.allowance
    try:
        with no_grad():
            for size in (2, 3):
                zeros = ops.zeros([size if n is None else n for n in input_shape], dtype=layer._own_dtype)
                shapes.append(layer(zeros, training=False).shape)
    finally:
        calls.penalties.pop(layer, None)
        rng.state = drawn
        if undo is not None:
            undo()
            calls.allowance = allowance  # the weights are made again
    first, second = shapes
    if len(first) != len(second):
        raise ShapeError(f"[{layer._where}] gives outputs of different rank; write compute_output_shape(self, input_shape)")
    return tuple(a if a == b else None for a, b in zip(first, second))


def own_parameters(cls: type) -> tuple[str, ...]:
    """The named arguments of a constructor, up to the class that passes none on."""
    found: dict[str, None] = {}
    for c in cls.__mro__:
        if c.__module__ == f"{__package__}.base":
            break
        if "__init__" in c.__dict__:
            parameters = list(inspect.signature(c.__dict__["__init__"]).parameters.values())[1:]
            found.update({p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)})
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return tuple(found)


def plain(value: Any) -> Any:
    """A value as data that JSON can hold, where we know how; anything else as it is."""
    if hasattr(value, "get_config"):
        return {"class_name": get_registered_name(type(value)), "config": value.get_config()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if inspect.isfunction(value) or inspect.isbuiltin(value):
        return get_registered_name(value)
    return value

"""Use a function as a layer (`Lambda`), or nothing at all (`Identity`)."""

from __future__ import annotations

import inspect
from typing import Any

from ..named import custom_objects
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer


def custom(value: Any, what: str) -> Any:
    """A function by its name among the custom objects; anything else as it is."""
    found = custom_objects().get(value) if isinstance(value, str) else value
    if found is None and value is not None:
        raise ValueError(
            f"[Lambda] the {what} {value!r} is not in a file, and code is never taken from one. Pass custom_objects={{{value!r}: ...}}"
        )
    return found


class Lambda(Layer):
    """function(x), for what needs no weights; write a `Layer` for what does.

    Args:
        function: of a tensor, made of ops. It is handed ``training`` and ``mask`` if it takes them.
        output_shape: of one example, without the batch axis, or a function of the input's whole shape. Default: found by trying.
        mask: the mask of the output: a tensor, or a function of the inputs and their mask. Default: none.
        arguments: a dict of further keyword arguments for the function.
        **kwargs: as for `Layer`.

    A file holds the function's name alone. A model with a `Lambda` is loaded by ``custom_objects={name: function}``, where the name of
    a ``lambda`` is ``"<lambda>"``; code is never taken from a file.

    >>> import gpudl
    >>> Lambda(lambda x: x * x)(gpudl.tensor([[2.0, 3.0]]))
    Tensor([[4., 9.]], dtype=float32)
    """

    def __init__(self, function: Any, output_shape: Any = None, mask: Any = None, arguments: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        function, mask = (custom(f, what) for f, what in ((function, "function"), (mask, "mask")))
        if not callable(function):
            raise TypeError(f"[Lambda] function must be callable. Received: function={function!r}")
        if arguments is not None and not isinstance(arguments, dict):
            raise TypeError(f"[Lambda] arguments must be a dict of keyword arguments. Received: arguments={arguments!r}")
        self.function = function
        self.output_shape = output_shape
        self.mask = mask
        self.supports_masking = mask is not None
        self.arguments = dict(arguments or {})
        try:
            taken = inspect.signature(function).parameters
        except (TypeError, ValueError):
            taken = {}  # type: ignore[assignment]
        self._hands = [name for name in ("mask", "training") if name in taken and name not in self.arguments]

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        known = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: known[name] for name in self._hands})

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self.output_shape):
            return tuple(self.output_shape(input_shape))
        return input_shape[0], *arguments.shape("Lambda", "output_shape", self.output_shape)


class Identity(Layer):
    """The input as it is.

    >>> import gpudl
    >>> Identity()(gpudl.tensor([[2.0, 3.0]]))
    Tensor([[2., 3.]], dtype=float32)
    """

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


__all__ = ["Identity", "Lambda"]

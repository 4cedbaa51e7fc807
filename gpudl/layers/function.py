"""Use a function as a layer (`Lambda`), or nothing at all (`Identity`)."""

from __future__ import annotations

import inspect
from typing import Any

from ..named import custom_objects
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer


class Lambda(Layer):
    """function(x), for what needs no weights; write a `Layer` for what does.

    Args:
        function: of a tensor, made of ops. It is handed ``training`` if it takes it.
        output_shape: of one example, without the batch axis, or a function of the input's whole shape. Default: found by trying.
        mask: must be None: there are no masks here.
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
        if isinstance(function, str):
            found = custom_objects().get(function)
            if found is None:
                raise ValueError(
                    f"[Lambda] the function {function!r} is not in a file, and code is never taken from one. "
                    f"Pass custom_objects={{{function!r}: ...}}"
                )
            function = found
        if not callable(function):
            raise TypeError(f"[Lambda] function must be callable. Received: function={function!r}")
        if mask is not None:
            raise NotImplementedError("[Lambda] masks are not supported. Received: mask; leave it out")
        if arguments is not None and not isinstance(arguments, dict):
            raise TypeError(f"[Lambda] arguments must be a dict of keyword arguments. Received: arguments={arguments!r}")
        self.function = function
        self.output_shape = output_shape
        self.mask = None
        self.arguments = dict(arguments or {})
        try:
            self._hands_training = "training" in inspect.signature(function).parameters
        except (TypeError, ValueError):
            self._hands_training = False

    def call(self, inputs: Any, training: bool = False) -> Any:
        more = {"training": training} if self._hands_training else {}
        return self.function(inputs, **self.arguments, **more)

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

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


__all__ = ["Identity", "Lambda"]

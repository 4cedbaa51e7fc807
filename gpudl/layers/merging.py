"""Make one tensor of several: `Add`, `Subtract`, `Multiply`, `Average`, `Maximum`, `Minimum`, `Concatenate`, `Dot`.

They are called with a list of tensors, e.g. in the `call` of a layer of your own: a `Sequential` has one input and one output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops
from ..errors import ShapeError
from ..tensors import Tensor, mask_of
from . import arguments
from .arguments import Shape
from .base import Layer
from .masks import masked
from .support import is_several


class Merge(Layer):
    """What merging layers share: inputs are a list; those with fewer axes get axes of size 1 behind the batch axis."""

    supports_masking = True
    _exactly: int | None = None  # how many inputs there must be

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Tensor:
        self.compute_output_shape([x.shape for x in inputs] if isinstance(inputs, (list, tuple)) else inputs.shape)
        most = max(x.ndim for x in inputs)
        return self.merged([_with_axes(x, most) for x in inputs])

    def merged(self, inputs: list[Tensor]) -> Tensor:
        """One tensor of several with as many axes."""
        raise NotImplementedError(f"[{type(self).__name__}] write merged(inputs)")

    def _shapes(self, input_shape: Any) -> list[Shape]:
        """The shapes of the inputs, if there are as many as there must be."""
        where, wanted = self._where, self._exactly
        if not is_several(input_shape) or (wanted is not None and len(input_shape) != wanted):
            many = "a list of tensors" if wanted is None else f"a list of {wanted} tensors"
            found = f"{len(input_shape)} tensors of shapes {list(input_shape)}" if is_several(input_shape) else f"shape {input_shape}"
            raise ShapeError(f"[{where}] call it with {many}: {where}()([x1, x2]). Received: {found}")
        return [tuple(shape) for shape in input_shape]

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = self._shapes(input_shape)
        most = max(map(len, shapes))
        aligned = [(*s[:1], *(1,) * (most - len(s)), *s[1:]) for s in shapes]
        found: list[int | None] = []
        for sizes in zip(*aligned):
            known = {n for n in sizes if n is not None and n != 1}
            if len(known) > 1 or (not found and len({n for n in sizes if n is not None}) > 1):
                raise ShapeError(f"[{self._where}] the shapes must be equal, or 1 behind the batch axis. Received: shapes {shapes}")
            found.append(None if None in sizes else next(iter(known), 1))
        return tuple(found)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Seen is what any input sees; all is seen if an input has no mask."""
        if any(m is None for m in previous_mask):
            return None
        first, *others = previous_mask
        for mask in others:
            first = ops.logical_or(first, mask)
        return first

    def _extreme(self, function: Callable[[Tensor, Tensor], Tensor], inputs: list[Tensor]) -> Tensor:
        """The inputs merged two by two; where one is masked the other stands."""
        first, *others = inputs
        seen = _spread(first)
        for x in others:
            mask = _spread(x)
            if mask is not None:
                x = ops.where(mask, x, first)
            if seen is not None:
                first = ops.where(seen, first, x)
            seen = ops.logical_or(seen, mask) if seen is not None and mask is not None else None
            first = function(first, x)
        return first if seen is None else masked(first, ops.any(seen, axis=-1))


def _with_axes(x: Tensor, ndim: int) -> Tensor:
    """x with axes of size 1 behind the batch axis, so that it has so many."""
    return x if x.ndim == ndim else ops.reshape(x, (x.shape[0], *(1,) * (ndim - x.ndim), *x.shape[1:]))


def _spread(x: Tensor) -> Tensor | None:
    """The mask of x, of its shape."""
    mask = mask_of(x)
    return None if mask is None else ops.broadcast_to(ops.expand_dims(mask, -1), x.shape)


class Add(Merge):
    """x1 + x2 + ...

    >>> import gpudl
    >>> Add()([gpudl.tensor([[1.0, 2.0]]), gpudl.tensor([[3.0, 4.0]])])
    Tensor([[4., 6.]], dtype=float32)
    """

    def merged(self, inputs: list[Tensor]) -> Tensor:
        total, *others = inputs
        for x in others:
            total = ops.add(total, x)
        return total


class Subtract(Merge):
    """x1 - x2

    >>> import gpudl
    >>> Subtract()([gpudl.tensor([[1.0, 2.0]]), gpudl.tensor([[3.0, 5.0]])])
    Tensor([[-2., -3.]], dtype=float32)
    """

    _exactly = 2

    def merged(self, inputs: list[Tensor]) -> Tensor:
        return ops.subtract(*inputs)


class Multiply(Merge):
    """x1 x2 ..., element by element. A masked input counts as 1; where all are masked the result is 0.

    >>> import gpudl
    >>> Multiply()([gpudl.tensor([[1.0, 2.0]]), gpudl.tensor([[3.0, 5.0]])])
    Tensor([[ 3., 10.]], dtype=float32)
    """

    def merged(self, inputs: list[Tensor]) -> Tensor:
        masks = [_spread(x) for x in inputs]
        product: Any = None
        for x, mask in zip(inputs, masks):
            x = x if mask is None else ops.where(mask, x, 1)
            product = x if product is None else ops.multiply(product, x)
        given = [mask for mask in masks if mask is not None]
        if len(given) < len(masks):
            return product  # type: ignore[no-any-return]
        seen, *others = given
        for mask in others:
            seen = ops.logical_or(seen, mask)
        return masked(ops.where(seen, product, 0), ops.any(seen, axis=-1))


class Average(Add):
    """The mean of the inputs, element by element.

    >>> import gpudl
    >>> Average()([gpudl.tensor([[1.0, 2.0]]), gpudl.tensor([[3.0, 5.0]])])
    Tensor([[2. , 3.5]], dtype=float32)
    """

    def merged(self, inputs: list[Tensor]) -> Tensor:
        return super().merged(inputs) / len(inputs)


class Maximum(Merge):
    """The largest of the inputs, element by element. Where an input is masked the others stand.

    >>> import gpudl
    >>> Maximum()([gpudl.tensor([[1.0, 6.0]]), gpudl.tensor([[3.0, 5.0]])])
    Tensor([[3., 6.]], dtype=float32)
    """

    def merged(self, inputs: list[Tensor]) -> Tensor:
        return self._extreme(ops.maximum, inputs)


class Minimum(Merge):
    """The smallest of the inputs, element by element. Where an input is masked the others stand.

    >>> import gpudl
    >>> Minimum()([gpudl.tensor([[1.0, 6.0]]), gpudl.tensor([[3.0, 5.0]])])
    Tensor([[1., 5.]], dtype=float32)
    """

    def merged(self, inputs: list[Tensor]) -> Tensor:
        return self._extreme(ops.minimum, inputs)


class Concatenate(Merge):
    """The inputs one behind the other along an axis.

    Args:
        axis: default -1, the last one. All other axes must agree.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> Concatenate()([gpudl.ones((2, 3)), gpudl.ones((2, 4))]).shape
    (2, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise TypeError(f"[Concatenate] axis must be an integer. Received: axis={axis!r}")
        self.axis = axis

    def merged(self, inputs: list[Tensor]) -> Tensor:
        return ops.concatenate(inputs, self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = self._shapes(input_shape)
        axis = arguments.axis("Concatenate", self.axis, shapes[0])
        found: list[int | None] = []
        for i, sizes in enumerate(zip(*shapes)):
            known = [n for n in sizes if n is not None]
            if i != axis and len(set(known)) > 1:
                break
            found.append((sum(known) if len(known) == len(sizes) else None) if i == axis else (known[0] if known else None))
        if len({len(s) for s in shapes}) > 1 or len(found) < len(shapes[0]):
            raise ShapeError(f"[Concatenate] all axes but axis {self.axis} must agree. Received: shapes {shapes}")
        return tuple(found)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if all(m is None for m in previous_mask):
            return None
        spread = []
        for x, mask in zip(inputs, previous_mask):
            if mask is None:
                spread.append(ops.ones_like(x.detach(), dtype="bool"))
            else:
                spread.append(mask if mask.ndim == x.ndim else ops.broadcast_to(ops.expand_dims(mask, -1), x.shape))
        return ops.any(ops.concatenate(spread, self.axis), axis=-1)


class Dot(Merge):
    """Products of two inputs, summed over an axis of each, example by example.

    Args:
        axes: the axis of both, or a pair; not 0, the batch axis.
        normalize: divide by the lengths along these axes before, so that the result is the cosine. Default False.
        **kwargs: as for `Layer`.

    The result has the other axes of the first input, then those of the second; (N, 1) if there are none.

    >>> import gpudl
    >>> Dot(axes=1)([gpudl.tensor([[1.0, 2.0]]), gpudl.tensor([[3.0, 5.0]])])
    Tensor([[13.]], dtype=float32)
    >>> Dot(axes=(2, 1))([gpudl.ones((4, 5, 3)), gpudl.ones((4, 3, 7))]).shape
    (4, 5, 7)
    """

    _exactly = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        if len(pair) != 2 or any(isinstance(a, bool) or not isinstance(a, int) for a in pair):
            raise TypeError(f"[Dot] axes must be an integer, or a pair of integers. Received: axes={axes!r}")
        self.axes = tuple(pair) if isinstance(axes, (list, tuple)) else axes
        self.normalize = arguments.flag("Dot", "normalize", normalize)

    def _pair(self, shapes: list[Shape]) -> tuple[int, int]:
        """The axis of each input, counted from the front."""
        given = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        one, other = (arguments.axis("Dot", a, shape) for a, shape in zip(given, shapes))
        if not one or not other:
            raise ShapeError(f"[Dot] axis 0 is the batch axis. Received: axes={self.axes}, shapes {shapes}")
        sizes = {shapes[0][one], shapes[1][other]} - {None}
        batches = {shapes[0][0], shapes[1][0]} - {None}
        if len(sizes) > 1 or len(batches) > 1:
            raise ShapeError(f"[Dot] the batch axes must agree, and axes={self.axes}, over which is summed. Received: shapes {shapes}")
        return one, other

    def call(self, inputs: Any) -> Tensor:
        x, y = inputs
        one, other = self._pair([x.shape, y.shape])
        if self.normalize:
            x, y = _of_length_one(x, one), _of_length_one(y, other)
        shape = self.compute_output_shape([x.shape, y.shape])
        n, size = x.shape[0], x.shape[one]
        rows = ops.reshape(ops.moveaxis(x, one, -1), (n, math.prod(x.shape[1:]) // max(size, 1), size))
        columns = ops.reshape(ops.moveaxis(y, other, 1), (n, size, math.prod(y.shape[1:]) // max(size, 1)))
        return ops.reshape(ops.matmul(rows, columns), shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = self._shapes(input_shape)
        one, other = self._pair(shapes)
        rest = [n for s, a in zip(shapes, (one, other)) for i, n in enumerate(s) if i not in (0, a)]
        return (shapes[0][0], *rest) if rest else (shapes[0][0], 1)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None


def _of_length_one(x: Tensor, axis: int) -> Tensor:
    """x divided by its length along an axis."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, 1e-24)))


__all__ = ["Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"]

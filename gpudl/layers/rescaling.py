"""Bring features to a useful range inside the model: `Rescaling` by given numbers, `Normalization` by what the data say (`adapt`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import config, ops
from ..errors import DTypeError, ShapeError
from ..tensors import Tensor, host_array
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer

Array = np.ndarray[Any, Any]


def in_float64(value: Any) -> Array:
    """Numbers as an array; those of Python are not rounded to float32 on the way. Raises DTypeError for what are no numbers."""
    checked = host_array(value)
    return np.asarray(checked if isinstance(value, Tensor) else value, dtype=np.float64)


def numbers(where: str, name: str, value: Any) -> float | Array:
    """A finite number, or an array of them in float64."""
    if not isinstance(value, (list, tuple, np.ndarray, Tensor)) or np.ndim(value) == 0:
        return arguments.number(where, name, value)
    try:
        array = in_float64(value)
    except (DTypeError, TypeError, ValueError):
        raise TypeError(f"[{where}] {name} must be a number or an array of numbers. Received: {name}={value!r}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"[{where}] {name} must hold finite numbers. Received: {name}={value!r}")
    return array


def as_config(value: Any) -> Any:
    """A number or an array as plain data."""
    return value.tolist() if isinstance(value, np.ndarray) else value


class _Constants(Layer):
    """What both share: constant arrays that move with the layer but are no weights."""

    def _constant(self, values: Array, name: str) -> Variable:
        constant = Variable(values.astype(self._own_dtype), trainable=False, name=name)
        self._states = (*self._states, constant)
        return constant


class Rescaling(_Constants):
    """x * scale + offset, of integers too: the output has the layer's dtype.

    Args:
        scale: a number such as 1 / 255, or an array of one for each channel.
        offset: likewise, default 0.
        **kwargs: as for `Layer`.

    With ``gpudl.config.image_data_format()`` set to ``"channels_first"`` arrays stand for the second axis of images, not the last.

    >>> import gpudl
    >>> Rescaling(1 / 4, offset=-1.0)(gpudl.tensor([[0, 4, 8]]))
    Tensor([[-1.,  0.,  1.]], dtype=float32)
    """

    supports_masking = True

    _scale: float | Variable
    _offset: float | Variable

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = numbers("Rescaling", "scale", scale)
        self.offset = numbers("Rescaling", "offset", offset)

    def build(self, input_shape: Shape) -> None:
        first = config.image_data_format() == "channels_first"
        for name, value in (("_scale", self.scale), ("_offset", self.offset)):
            if isinstance(value, np.ndarray):
                array = value.reshape(value.shape + (1,) * (3 - value.ndim)) if first else value
                if array.ndim > len(input_shape) or any(
                    m != 1 and n not in (m, None) for n, m in zip(input_shape[::-1], array.shape[::-1])
                ):
                    raise ShapeError(f"[Rescaling] {name[1:]} of shape {array.shape} does not fit. Received: input shape {input_shape}")
                setattr(self, name, self._constant(array, name[1:]))
            else:
                setattr(self, name, value)

    def call(self, inputs: Tensor) -> Tensor:
        y = ops.multiply(ops.cast(inputs, self._own_dtype), self._scale)
        return y if isinstance(self._offset, float) and not self._offset else ops.add(y, self._offset)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": as_config(self.scale), "offset": as_config(self.offset)}


class Normalization(_Constants):
    """(x - mean) / max(sqrt(variance), gpudl.config.epsilon()), with the mean and variance of each feature.

    Args:
        axis: whose entries have a mean and a variance each, default -1; several; or None: one mean for everything.
        mean, variance: numbers, or arrays for `axis`; both or none. Default None: they are weights, found by `adapt`.
        invert: go back from normalised data, mean + x * max(sqrt(variance), epsilon). Default False.
        **kwargs: as for `Layer`.

    Weights, unless mean and variance are given: `mean`, `variance`, of the shape that `axis` has, and `count`, (). None of them learns.

    >>> import gpudl, numpy
    >>> layer = Normalization()
    >>> layer.adapt(numpy.array([[0.0, 7.0], [2.0, 9.0]]))
    >>> layer(gpudl.tensor([[0.0, 9.0]]))
    Tensor([[-1.,  1.]], dtype=float32)
    """

    supports_masking = True

    _mean: Variable
    _variance: Variable
    _along: tuple[int, ...] = ()  # shape of the statistics that broadcasts against an input
    _kept: tuple[int, ...] = ()  # the axes, counted from the front

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        where = "Normalization"
        several = isinstance(axis, (list, tuple))
        if axis is not None and any(isinstance(a, bool) or not isinstance(a, int) for a in (axis if several else [axis])):
            raise TypeError(f"[{where}] axis must be an integer, several, or None. Received: axis={axis!r}")
        self.axis = tuple(axis) if several else axis
        if (mean is None) != (variance is None):
            raise ValueError(f"[{where}] pass mean and variance both, or none of them. Received: mean={mean!r}, variance={variance!r}")
        self.mean = None if mean is None else numbers(where, "mean", mean)
        self.variance = None if variance is None else numbers(where, "variance", variance)
        self.invert = arguments.flag(where, "invert", invert)
        shapes = np.asarray(self.mean).shape, np.asarray(self.variance).shape
        if shapes[0] != shapes[1]:
            raise ValueError(f"[{where}] mean and variance must have one shape. Received: mean {shapes[0]}, variance {shapes[1]}")
        if self.variance is not None and (np.asarray(self.variance) < 0).any():
            raise ValueError(f"[{where}] a variance must not be negative. Received: variance={variance!r}")

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        axes = self._axes(input_shape)
        hint = "axis=None takes one mean for everything"
        for a in axes:
            if input_shape[a] is None:
                raise ShapeError(f"[Normalization] the size of axis {a} must be known; {hint}. Received: input shape {input_shape}")
        shape: tuple[int, ...] = tuple(input_shape[a] for a in axes)  # type: ignore[misc]
        if self.mean is None:
            self._mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self._variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
        else:
            try:
                given = [np.broadcast_to(np.asarray(v), shape) for v in (self.mean, self.variance)]
            except ValueError:
                raise ShapeError(
                    f"[Normalization] mean and variance of shape {np.asarray(self.mean).shape} do not fit axis={self.axis}, "
                    f"of shape {shape}. Received: input shape {input_shape}"
                ) from None
            self._mean, self._variance = self._constant(given[0], "mean"), self._constant(given[1], "variance")
        self._kept = axes
        self._along = tuple(n if a in axes else 1 for a, n in enumerate(input_shape))  # type: ignore[misc]

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        given = () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis
        return tuple(sorted({arguments.axis("Normalization", a, shape) for a in given}))

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        x = ops.cast(inputs, self._own_dtype)
        mean = ops.reshape(self._mean, self._along)
        deviation = ops.maximum(ops.sqrt(ops.reshape(self._variance, self._along)), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, mean), deviation)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        axes = self._axes(shape)
        if self._built:
            expected = tuple(self._along[a] for a in self._kept)
            found = tuple(shape[a] for a in axes)
            if len(shape) != len(self._along) or any(n is not None and n != m for n, m in zip(found, expected)):
                raise ShapeError(
                    f"[Normalization] expected {len(self._along)} axes, with sizes {expected} on axis={self.axis}. "
                    f"Received: input shape {shape}"
                )
        return shape

    def adapt(self, data: Any) -> None:
        """Find mean and (biased) variance of data, and forget those of before. They are computed in float64.

        Args:
            data: an array (N, ...), a list of numbers, or an iterable of batches, each an array or a tuple that begins with one.

        Raises:
            ValueError: without data, or if mean and variance were given.
            ShapeError: if the data do not fit the layer, which is left as it was.
        """
        if self.mean is not None:
            raise ValueError("[Normalization] mean and variance were given, so there is nothing to adapt")
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        shape: tuple[int, ...] | None = None
        for batch in batches(data):
            if batch.ndim == 0:
                raise ShapeError("[Normalization] adapt expects data with a batch axis. Received: a single number")
            if shape is not None and batch.shape[1:] != shape:
                raise ShapeError(f"[Normalization] adapt expects batches of one shape. Received: {shape}, then {batch.shape[1:]}")
            shape = batch.shape[1:]
            axes = self._axes((None, *shape))
            others = tuple(a for a in range(batch.ndim) if a not in axes)
            n = batch.size // max(1, int(np.prod([batch.shape[a] for a in axes])))
            if not n:
                continue
            if 0 in axes:
                raise ShapeError("[Normalization] axis is that of the batch; axis=None takes one mean for everything")
            share, middle = batch.var(axis=others) * n, batch.mean(axis=others)
            # Chan, Golub and LeVeque, 1979: two parts' sums of squares about their own means, put together
            squares = squares + share + (middle - mean) ** 2 * (count * n / (count + n))
            mean = mean + (middle - mean) * (n / (count + n))
            count += n
        if shape is None or not count:
            raise ValueError("[Normalization] adapt needs data. Received: none")
        self.build((None, *shape))
        self._mean.assign(mean)
        self._variance.assign(squares / count)
        self.count.assign(min(count, 2**31 - 1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": as_config(self.mean), "variance": as_config(self.variance)}


def batches(data: Any) -> Iterable[Array]:
    """Arrays in float64: the data whole, or batch by batch."""

    def read(value: Any) -> Array:
        try:
            return in_float64(value)
        except (DTypeError, TypeError, ValueError) as error:
            raise DTypeError(f"[Normalization] adapt expects numbers. {str(error).removeprefix('[tensor] ')}") from None

    several = not hasattr(data, "shape") and hasattr(data, "__iter__") and not isinstance(data, (str, bytes))
    if several and isinstance(data, (list, tuple)) and not any(hasattr(b, "shape") or isinstance(b, tuple) for b in data[:1]):
        several = False  # lists of numbers
    if not several:
        yield read(data)
        return
    for batch in data:
        yield read(batch[0] if isinstance(batch, tuple) else batch)


__all__ = ["Normalization", "Rescaling"]

"""Bring each sample to a common scale: `LayerNormalization`, `GroupNormalization`, `RMSNormalization`, `UnitNormalization`."""

from __future__ import annotations

from typing import Any

from .. import dtypes, ops
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer


def axis_argument(where: str, value: Any) -> int | tuple[int, ...]:
    """An axis, or several."""
    values = value if isinstance(value, (list, tuple)) and value else [value]
    if any(isinstance(a, bool) or not isinstance(a, int) for a in values):
        raise TypeError(f"[{where}] axis must be an integer, or several. Received: axis={value!r}")
    return tuple(values) if isinstance(value, (list, tuple)) else int(value)


class _PerSample(Layer):
    """What they share: which axes are normalised, and their sizes."""

    axis: int | tuple[int, ...]
    _sizes: tuple[int, ...] = ()  # of the axes, once built

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        """The axes, sorted, counted from the front."""
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = tuple(sorted(arguments.axis(self._where, a, shape) for a in given))
        if len(set(axes)) != len(axes):
            raise ShapeError(f"[{self._where}] axis={self.axis} names one axis twice. Received: input shape {shape}")
        if axes[0] == 0:
            raise ShapeError(f"[{self._where}] axis={self.axis} includes the batch axis. Received: input shape {shape}")
        return axes

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes(self._where, shape, 2)
        found = tuple(shape[a] for a in self._axes(shape))
        if self._sizes and any(n is not None and n != m for n, m in zip(found, self._sizes)):
            raise ShapeError(f"[{self._where}] expected sizes {self._sizes} on axis={self.axis}. Received: {found}, input shape {shape}")
        return shape

    def _known(self, input_shape: Shape) -> tuple[int, ...]:
        """The sizes of the axes, which weights need."""
        self.compute_output_shape(input_shape)
        what = f"the size of axis {self.axis}"
        return tuple(arguments.known(self._where, what, input_shape[a], input_shape) for a in self._axes(input_shape))

    def _checked(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The axes of an input that fits."""
        self.compute_output_shape(shape)
        return self._axes(shape)


class _Scaled(_PerSample):
    """With a gamma and a beta."""

    gamma: Variable | None
    beta: Variable | None

    def __init__(
        self,
        axis: Any,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis_argument(self._where, axis)
        self.epsilon = arguments.number(self._where, "epsilon", epsilon, 0)
        self.center = arguments.flag(self._where, "center", center)
        self.scale = arguments.flag(self._where, "scale", scale)
        self._keep_options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._keep_options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.gamma = self.beta = None

    def build(self, input_shape: Shape) -> None:
        sizes = self._known(input_shape)
        if self.scale:
            self.gamma = self._weight("gamma", sizes, autocast=False)
        if self.center:
            self.beta = self._weight("beta", sizes, autocast=False)
        self._sizes = sizes


class LayerNormalization(_Scaled):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and (biased) variance of each sample, in training as otherwise.

    Args:
        axis: that is normalised, default -1; or several.
        epsilon: default 0.001.
        center: whether there is a beta, default True.
        scale: whether there is a gamma, default True.
        beta_initializer, gamma_initializer: default zeros, ones.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default None.
        **kwargs: as for `Layer`.

    Weights: `gamma`, `beta`, of the shape that `axis` has.

    Source: Ba, Kiros and Hinton, Layer Normalization, 2016.

    >>> import gpudl
    >>> LayerNormalization()(gpudl.tensor([[1.0, 3.0]])).detach()
    Tensor([[-0.9995004,  0.9995004]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint, **kwargs,
        )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        return ops.layer_normalization(inputs, self.gamma, self.beta, self._checked(inputs.shape), self.epsilon)


class GroupNormalization(_Scaled):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance of each sample over groups of its channels.

    Args:
        groups: into how many groups the channels are split, default 32. 1 takes all together; -1 takes each channel on its own.
        axis: of the channels, default -1.
        epsilon: default 0.001.
        center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as for
            `LayerNormalization`.
        **kwargs: as for `Layer`.

    Weights: `gamma`, `beta`, each (C,).

    Raises:
        ShapeError: if the channels cannot be split.

    Source: Wu and He, Group Normalization, 2018.

    >>> import gpudl
    >>> GroupNormalization(groups=2)(gpudl.tensor([[1.0, 3.0, 50.0, 70.0]])).detach().numpy().round(2)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    supports_masking = True

    axis: int

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint, **kwargs,
        )  # fmt: skip
        if not isinstance(self.axis, int):
            raise TypeError(f"[GroupNormalization] axis must be an integer. Received: axis={axis!r}")
        self.groups = groups if groups == -1 and not isinstance(groups, bool) else arguments.whole(self._where, "groups", groups)

    def call(self, inputs: Tensor) -> Tensor:
        shape = inputs.shape
        (axis,) = self._checked(shape)
        groups = shape[axis] if self.groups == -1 else self.groups
        split = ops.reshape(inputs, (*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :]))
        over = tuple(a for a in range(1, split.ndim) if a != axis)
        y = ops.reshape(ops.layer_normalization(split, axis=over, epsilon=self.epsilon), shape)
        along = (-1, *(1,) * (len(shape) - 1 - axis))
        if self.gamma is not None:
            y = ops.multiply(y, ops.reshape(ops.cast(self.gamma, y.dtype), along))
        return y if self.beta is None else ops.add(y, ops.reshape(ops.cast(self.beta, y.dtype), along))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = super().compute_output_shape(input_shape)
        channels = shape[self.axis]
        if channels is not None and self.groups != -1 and (not channels or channels % self.groups):
            raise ShapeError(
                f"[GroupNormalization] the channels must be divisible by groups={self.groups}. Received: {channels}, input shape {shape}"
            )
        return shape


class RMSNormalization(_PerSample):
    """scale * x / sqrt(mean(x * x) + epsilon), with the mean over each sample.

    Args:
        axis: that is normalised, default -1; or several.
        epsilon: default 1e-6.
        **kwargs: as for `Layer`.

    Weights: `scale`, of the shape that `axis` has.

    Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.

    >>> import gpudl
    >>> RMSNormalization()(gpudl.tensor([[3.0, 3.0, -3.0]])).detach().numpy().round(3)
    array([[ 1.,  1., -1.]], dtype=float32)
    """

    scale: Variable

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis_argument(self._where, axis)
        self.epsilon = arguments.number(self._where, "epsilon", epsilon, 0)

    def build(self, input_shape: Shape) -> None:
        sizes = self._known(input_shape)
        self.scale = self.add_weight(sizes, "ones", name="scale", autocast=False)
        self._sizes = sizes

    def call(self, inputs: Tensor) -> Tensor:
        return ops.rms_normalization(inputs, self.scale, self._checked(inputs.shape), self.epsilon)


class UnitNormalization(_PerSample):
    """x / sqrt(sum(x * x)): each sample has length 1. What is shorter than 1e-12 is divided by that instead.

    Args:
        axis: that is normalised, default -1; or several.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> UnitNormalization()(gpudl.tensor([[3.0, 4.0]])).numpy().round(3)
    array([[0.6, 0.8]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis_argument(self._where, axis)

    def call(self, inputs: Tensor) -> Tensor:
        axes = self._checked(inputs.shape)
        half = self._own_dtype.itemsize == 2  # whose squares leave its range
        x = ops.cast(inputs, dtypes.float32 if half else self._own_dtype)
        squares = ops.sum(ops.square(x), axis=axes, keepdims=True)
        y = ops.multiply(x, ops.rsqrt(ops.maximum(squares, 1e-24)))
        return ops.cast(y, self._own_dtype) if half else y


__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]

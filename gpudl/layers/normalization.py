"""Keep what flows through a model near mean 0 and variance 1: `BatchNormalization`."""

from __future__ import annotations

from typing import Any

from .. import config, constraints, dtypes, initializers, ops, regularizers
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer


class BatchNormalization(Layer):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, channel by channel.

    In training with the mean and (biased) variance of the batch, which also move the moving statistics:
    moving = momentum * moving + (1 - momentum) * batch. Otherwise, and always if `trainable` is False, with the moving statistics.

    Args:
        axis: of the channels, default -1.
        momentum: default 0.99.
        epsilon: default 0.001.
        center: whether there is a beta, default True.
        scale: whether there is a gamma, default True.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: default zeros, ones, zeros, ones.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default None.
        **kwargs: as for `Layer`.

    Steps that a mask leaves out do not count for mean and variance.

    Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`, each (C,).

    Source: Ioffe and Szegedy, Batch Normalization, 2015.

    >>> import gpudl
    >>> layer = BatchNormalization()
    >>> layer(gpudl.tensor([[1.0], [3.0]]), training=True).detach()
    Tensor([[-0.9995004],
            [ 0.9995004]], dtype=float32)
    >>> layer.moving_mean
    Variable('moving_mean', [0.02], dtype=float32)
    """

    supports_masking = True

    gamma: Variable | None
    beta: Variable | None
    moving_mean: Variable
    moving_variance: Variable

    def __init__(
        self,
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = "BatchNormalization"
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise TypeError(f"[{where}] axis must be an integer. Received: axis={axis!r}")
        self.axis = axis
        self.momentum = arguments.fraction(where, "momentum", momentum)
        self.epsilon = arguments.number(where, "epsilon", epsilon, 0)
        self.center = arguments.flag(where, "center", center)
        self.scale = arguments.flag(where, "scale", scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        shape = (arguments.known("BatchNormalization", f"the size of axis {self.axis}", input_shape[self.axis], input_shape),)
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint, name="gamma"
            )
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint, name="beta"
            )
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(shape, self.moving_variance_initializer, trainable=False, name="moving_variance")

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        shape = inputs.array.shape
        if not -len(shape) <= self.axis < len(shape) or shape[self.axis] != self.moving_mean.array.shape[0]:
            self.compute_output_shape(shape)  # raises
        if not training or not self.trainable:
            return ops.batch_normalization(inputs, self.moving_mean, self.moving_variance, self.axis, self.beta, self.gamma, self.epsilon)
        if mask is not None:
            return self._over_seen(inputs, mask)
        return ops.batch_norm(inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.axis, self.momentum, self.epsilon)

    def _over_seen(self, x: Tensor, mask: Tensor) -> Tensor:
        """With the mean and variance of what is not masked, and moving the moving ones by them."""
        if mask.ndim != x.ndim - 1 or mask.shape != x.shape[:-1]:
            raise ShapeError(f"[BatchNormalization] mask must be {x.shape[:-1]}, one axis less than the input. Received: {mask.shape}")
        wide = ops.cast(x, dtypes.float32) if x.dtype.itemsize < 4 else x
        seen = ops.broadcast_to(ops.expand_dims(ops.cast(mask, dtypes.bool_), -1), x.shape)
        axes = tuple(a for a in range(x.ndim) if a != self.axis % x.ndim)
        number = ops.sum(ops.cast(seen, wide.dtype), axis=axes, keepdims=True) + config.epsilon()
        mean = ops.sum(ops.where(seen, wide, 0.0), axis=axes, keepdims=True) / number
        variance = ops.sum(ops.square(ops.where(seen, wide - mean, 0.0)), axis=axes, keepdims=True) / number
        mean, variance = ops.reshape(mean, self.moving_mean.shape), ops.reshape(variance, self.moving_mean.shape)
        for moving, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + ops.cast(found.detach(), moving.dtype) * (1.0 - self.momentum))
        y = ops.batch_normalization(wide, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)
        return ops.cast(y, x.dtype)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("BatchNormalization", shape, 2)
        if arguments.axis("BatchNormalization", self.axis, shape) == 0:
            raise ShapeError(f"[BatchNormalization] axis {self.axis} is the batch axis. Received: input shape {shape}")
        channels = shape[self.axis]
        if self._built and channels is not None and channels != self.moving_mean.shape[0]:
            raise ShapeError(
                f"[BatchNormalization] expected {self.moving_mean.shape[0]} channels on axis {self.axis}. "
                f"Received: {channels}, input shape {shape}"
            )
        return shape


__all__ = ["BatchNormalization"]

"""Keep what flows through a model near mean 0 and variance 1: `BatchNormalization`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import config, dtypes, initializers, ops
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
        renorm: in training take the batch's statistics to slowly moving ones, as far as `renorm_clipping` allows, so that training and
            prediction differ less. Default False.
        renorm_clipping: bounds ``{"rmin": ..., "rmax": ..., "dmax": ...}`` of the correction's factor and shift. Default: none.
        renorm_momentum: of these moving statistics, default 0.99.
        synchronized: statistics over all devices; there is one, so it changes nothing. Default False.
        **kwargs: as for `Layer`.

    Steps that a mask leaves out do not count for mean and variance.

    Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`, each (C,).

    Source: Ioffe and Szegedy, Batch Normalization, 2015; Ioffe, Batch Renormalization, 2017.

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
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
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
        self._keep_options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._keep_options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = arguments.flag(where, "renorm", renorm)
        self.renorm_clipping = checked_clipping(renorm_clipping)
        self.renorm_momentum = arguments.fraction(where, "renorm_momentum", renorm_momentum)
        self.synchronized = arguments.flag(where, "synchronized", synchronized)
        self.gamma = self.beta = None

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        shape = (arguments.known("BatchNormalization", f"the size of axis {self.axis}", input_shape[self.axis], input_shape),)
        if self.scale:
            self.gamma = self._weight("gamma", shape, autocast=False)
        if self.center:
            self.beta = self._weight("beta", shape, autocast=False)
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean", autocast=False)
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, name="moving_variance", autocast=False
        )
        if self.renorm:

            def first_deviation(shape: tuple[int, ...], dtype: Any = None) -> Any:
                return np.sqrt(initializers.values(self.moving_variance_initializer, shape, dtypes.standard(dtype)))

            self.moving_stddev = self.add_weight(shape, first_deviation, trainable=False, name="moving_stddev", autocast=False)
            self.renorm_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="renorm_mean", autocast=False)
            self.renorm_stddev = self.add_weight(shape, first_deviation, trainable=False, name="renorm_stddev", autocast=False)

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        shape = inputs.array.shape
        if not -len(shape) <= self.axis < len(shape) or shape[self.axis] != self.moving_mean.array.shape[0]:
            self.compute_output_shape(shape)  # raises
        if not training or not self.trainable:
            return ops.batch_normalization(inputs, self.moving_mean, self.moving_variance, self.axis, self.beta, self.gamma, self.epsilon)
        if mask is not None or self.renorm:
            return self._by_moments(inputs, mask)
        return ops.batch_norm(inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.axis, self.momentum, self.epsilon)

    # what one op does, in several: with masks, and with batch renormalization ---------------------------------------------------

    def _by_moments(self, x: Tensor, mask: Tensor | None) -> Tensor:
        wide = ops.cast(x, dtypes.float32) if x.dtype.itemsize < 4 else x
        mean, variance = self._moments(wide, mask)
        gamma: Tensor | None = self.gamma
        beta: Tensor | None = self.beta
        if self.renorm:
            gamma, beta = self._corrected(mean.detach(), variance.detach())
        else:
            moved(self.moving_mean, mean.detach(), self.momentum)
            moved(self.moving_variance, variance.detach(), self.momentum)
        return ops.cast(ops.batch_normalization(wide, mean, variance, self.axis, beta, gamma, self.epsilon), x.dtype)

    def _moments(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance of each channel over what is not masked."""
        axes = tuple(a for a in range(x.ndim) if a != self.axis % x.ndim)
        if mask is None:
            mean, variance = ops.moments(x, axes)
        else:
            if mask.shape != x.shape[:-1]:
                raise ShapeError(f"[BatchNormalization] mask must be {x.shape[:-1]}, one axis less than the input. Received: {mask.shape}")
            seen = ops.broadcast_to(ops.expand_dims(ops.cast(mask, dtypes.bool_), -1), x.shape)
            number = ops.sum(ops.cast(seen, x.dtype), axis=axes, keepdims=True) + config.epsilon()
            mean = ops.sum(ops.where(seen, x, 0.0), axis=axes, keepdims=True) / number
            variance = ops.sum(ops.square(ops.where(seen, x - mean, 0.0)), axis=axes, keepdims=True) / number
        return ops.reshape(mean, self.moving_mean.shape), ops.reshape(variance, self.moving_mean.shape)

    def _corrected(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """gamma and beta that take the batch's statistics to the slowly moving ones, within bounds; moves all of these."""
        deviation = ops.sqrt(variance + self.epsilon)
        past = ops.maximum(self.renorm_stddev.detach(), math.sqrt(self.epsilon))
        r, d = deviation / past, (mean - self.renorm_mean.detach()) / past
        bounds = self.renorm_clipping or {}
        if bounds.get("rmin") is not None:
            r = ops.maximum(r, bounds["rmin"])
        if bounds.get("rmax") is not None:
            r = ops.minimum(r, bounds["rmax"])
        if bounds.get("dmax") is not None:
            d = ops.clip(d, -bounds["dmax"], bounds["dmax"])
        gamma, beta = (r, d) if self.gamma is None else (r * self.gamma, d * self.gamma)
        if self.beta is not None:
            beta = beta + self.beta
        moved(self.renorm_mean, mean, self.renorm_momentum)
        moved(self.renorm_stddev, deviation, self.renorm_momentum)
        moved(self.moving_mean, mean, self.momentum)
        moved(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(ops.relu(ops.square(self.moving_stddev.detach()) - self.epsilon))
        return gamma, beta

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


def moved(moving: Variable, found: Tensor, momentum: float) -> None:
    """moving = momentum moving + (1 - momentum) found"""
    moving.assign(moving.detach() * momentum + ops.cast(found, moving.dtype) * (1.0 - momentum))


def checked_clipping(value: Any) -> dict[str, float] | None:
    """Bounds of batch renormalization's corrections: some of rmin, rmax, dmax."""
    if value is None:
        return None
    bounds = dict(value) if isinstance(value, dict) else {}
    if not isinstance(value, dict) or set(bounds) - {"rmin", "rmax", "dmax"}:
        raise ValueError(f"[BatchNormalization] renorm_clipping must be a dict of rmin, rmax, dmax. Received: renorm_clipping={value!r}")
    found = {name: arguments.number("BatchNormalization", name, n, 0) for name, n in bounds.items() if n is not None}
    if found.get("rmin", 0.0) > found.get("rmax", math.inf):
        raise ValueError(f"[BatchNormalization] renorm_clipping: rmin must not exceed rmax. Received: renorm_clipping={value!r}")
    return found


__all__ = ["BatchNormalization"]

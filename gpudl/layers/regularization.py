"""Disturb what flows in training (`GaussianNoise`, `GaussianDropout`, `AlphaDropout`, `SpatialDropout1D` and `2D`), or penalise its size
(`ActivityRegularization`).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .. import ops, regularizers
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer

_SELU_LOWEST = -1.6732632423543772 * 1.0507009873554805


class _Drawing(Layer):
    """What layers that draw in training share: a random state, and doing nothing otherwise."""

    supports_masking = True

    seed: int | None

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = None if seed is None else arguments.whole(self._where, "seed", seed, 0)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        self.random = self.add_random_state(self.seed)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class GaussianNoise(_Drawing):
    """In training adds normal noise of mean 0; otherwise does nothing.

    Args:
        stddev: standard deviation of the noise, 0 <= stddev <= 1.
        seed: fixes the noise; default: the next stream of the global seed.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> GaussianNoise(0.5)(gpudl.ones((1, 3)))
    Tensor([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.stddev = arguments.fraction("GaussianNoise", "stddev", stddev)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.stddev:
            return inputs
        return ops.add(inputs, ops.random_normal(self.random, inputs.shape, 0.0, self.stddev, self._own_dtype))


class GaussianDropout(_Drawing):
    """In training multiplies by normal noise of mean 1 and standard deviation sqrt(rate / (1 - rate)); otherwise does nothing.

    Args:
        rate: as for `Dropout`, 0 <= rate < 1.
        seed: fixes the noise; default: the next stream of the global seed.
        **kwargs: as for `Layer`.

    Source: Srivastava et al., Dropout, 2014, section 10.

    >>> import gpudl
    >>> GaussianDropout(0.5)(gpudl.ones((1, 3)))
    Tensor([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = arguments.fraction("GaussianDropout", "rate", rate, one=False)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        deviation = math.sqrt(self.rate / (1 - self.rate))
        return ops.multiply(inputs, ops.random_normal(self.random, inputs.shape, 1.0, deviation, self._own_dtype))


class AlphaDropout(_Drawing):
    """In training sets a share of the inputs to -1.7581 (what `selu` tends to) and scales and shifts all, so that inputs of mean 0 and
    variance 1 keep them; otherwise does nothing.

    Args:
        rate: the share, 0 <= rate < 1.
        noise_shape: shape of the choice, which broadcasts to the input; None for the input's size. Default: that of the input.
        seed: fixes the choice; default: the next stream of the global seed.
        **kwargs: as for `Layer`.

    Source: Klambauer et al., Self-Normalizing Neural Networks, 2017.

    >>> import gpudl
    >>> AlphaDropout(0.5)(gpudl.ones((1, 3)))
    Tensor([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = arguments.fraction("AlphaDropout", "rate", rate, one=False)
        self.noise_shape = None if noise_shape is None else arguments.shape("AlphaDropout", "noise_shape", noise_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        shape = inputs.shape if self.noise_shape is None else [n or m for n, m in zip(self.noise_shape, inputs.shape, strict=True)]
        kept = ops.random_bernoulli(self.random, shape, 1.0 - self.rate)
        scale = ((1.0 - self.rate) * (1.0 + self.rate * _SELU_LOWEST**2)) ** -0.5
        return ops.add(ops.multiply(ops.where(kept, inputs, _SELU_LOWEST), scale), -scale * _SELU_LOWEST * self.rate)


class _SpatialDropout(_Drawing):
    """What both share: one decision for a whole channel."""

    _rank: ClassVar[int]
    rate: float
    data_format: str

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        shape = inputs.shape
        self.compute_output_shape(shape)
        if not training or not self.rate:
            return inputs
        ones = (1,) * self._rank
        mask = (shape[0], *ones, shape[-1]) if self.data_format == "channels_last" else (*shape[:2], *ones)
        return ops.dropout(inputs, self.random, self.rate, mask)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.spatial(self._where, shape, self.data_format, self._rank)
        return shape


class SpatialDropout1D(_SpatialDropout):
    """`Dropout` of whole channels of sequences (N, L, C).

    Args:
        rate: the share of channels that become 0 in training; the others are divided by 1 - rate.
        seed: fixes the masks; default: the next stream of the global seed.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> SpatialDropout1D(0.5)(gpudl.ones((1, 2, 1)))
    Tensor([[[1.],
             [1.]]], dtype=float32)
    """

    _rank = 1
    data_format = "channels_last"

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = arguments.fraction("SpatialDropout1D", "rate", rate)


class SpatialDropout2D(_SpatialDropout):
    """`Dropout` of whole channels of images.

    Args:
        rate: the share of channels that become 0 in training; the others are divided by 1 - rate.
        data_format: ``"channels_last"``: (N, H, W, C), or ``"channels_first"``: (N, C, H, W); default:
            ``gpudl.config.image_data_format()``.
        seed: fixes the masks; default: the next stream of the global seed.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> SpatialDropout2D(0.5)(gpudl.ones((1, 2, 2, 3))).shape
    (1, 2, 2, 3)
    """

    _rank = 2

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = arguments.fraction("SpatialDropout2D", "rate", rate)
        self.data_format = arguments.data_format("SpatialDropout2D", data_format)


class ActivityRegularization(Layer):
    """Hands its input on, and adds (l1 * sum(abs(x)) + l2 * sum(x * x)) / batch size to the loss.

    Args:
        l1, l2: factors, default 0.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> layer = ActivityRegularization(l1=0.5)
    >>> y = layer(gpudl.tensor([[1.0, -2.0], [3.0, 0.0]]))
    >>> layer.losses
    [Tensor(1.5, dtype=float32)]
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        penalty = regularizers.L1L2(arguments.number("ActivityRegularization", "l1", l1, 0), arguments.number(
            "ActivityRegularization", "l2", l2, 0))  # fmt: skip
        super().__init__(activity_regularizer=penalty, **kwargs)
        self.l1, self.l2 = penalty.l1, penalty.l2

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]
        return config


__all__ = ["ActivityRegularization", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "SpatialDropout2D"]

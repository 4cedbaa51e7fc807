"""Make the layers that Keras once had by other names: `Convolution2D(32, 3, 3)` and its relatives, `ThresholdedReLU`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import layers, ops
from ..layers import arguments
from ..layers.serialization import register
from ..tensors import Tensor


def _rows_and_columns(cls: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], dropped: tuple[str, ...] = ()) -> Any:
    """A layer with one kernel size from a call with rows and columns. Behind the columns stood other arguments than behind the size."""
    if len(args) > 2 and all(isinstance(n, int) for n in args[1:3]):
        kwargs.update(zip(("init", "activation"), args[3 + len(dropped) :]))
        args = (args[0], args[1:3])
    if "nb_row" in kwargs and "nb_col" in kwargs:
        kwargs["kernel_size"] = (kwargs.pop("nb_row"), kwargs.pop("nb_col"))
    for name in dropped:
        kwargs.pop(name, None)
    return cls(*args, **kwargs)


def Convolution2D(*args: Any, **kwargs: Any) -> Any:
    """`Convolution2D(filters, rows, columns)` of Keras 1, as a Conv2D. `AtrousConvolution2D` is the same, with `atrous_rate=`.

    >>> Convolution2D(32, 3, 5, border_mode="same", subsample=(2, 2)).kernel_size
    (3, 5)
    """
    return _rows_and_columns(layers.Conv2D, args, kwargs)


def SeparableConvolution2D(*args: Any, **kwargs: Any) -> Any:
    """`SeparableConvolution2D(filters, rows, columns)`, as a SeparableConv2D; `init` is that of both kernels."""

    def made(*args: Any, init: Any = "glorot_uniform", **kwargs: Any) -> Any:
        return layers.SeparableConv2D(*args, **{"depthwise_initializer": init, "pointwise_initializer": init, **kwargs})

    return _rows_and_columns(made, args, kwargs)


def Deconvolution2D(*args: Any, **kwargs: Any) -> Any:
    """`Deconvolution2D(filters, rows, columns, output_shape)`, as a Conv2DTranspose, which finds the shape of its output itself.

    >>> Deconvolution2D(3, 3, 3, (None, 14, 14, 3), subsample=(2, 2)).strides
    (2, 2)
    """
    return _rows_and_columns(layers.Conv2DTranspose, args, kwargs, ("output_shape",))


class ThresholdedReLU(layers.Layer):
    """x where x > theta, else 0. Today: `ReLU(threshold=theta)`, which lets theta itself through.

    Args:
        theta: at least 0, default 1.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> ThresholdedReLU(theta=1.0)(gpudl.tensor([[0.5, 1.0, 2.0]]))
    Tensor([[0., 0., 2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.theta = arguments.number("ThresholdedReLU", "theta", theta, 0)

    def call(self, x: Tensor) -> Tensor:
        return ops.where(ops.greater(x, self.theta), x, 0.0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)


register(ThresholdedReLU)

NAMES: dict[str, Callable[..., Any]] = {
    "Convolution2D": Convolution2D,
    "AtrousConvolution2D": Convolution2D,
    "SeparableConvolution2D": SeparableConvolution2D,
    "Deconvolution2D": Deconvolution2D,
    "ThresholdedReLU": ThresholdedReLU,
}

__all__ = ["NAMES", "Convolution2D", "Deconvolution2D", "SeparableConvolution2D", "ThresholdedReLU"]

"""Start a model (`Input`), connect every input with every unit (`Dense`), drop units, change shapes, apply a function."""

from __future__ import annotations

import math
from typing import Any

from .. import activations, dtypes, ops
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import along_memory


class InputLayer(Layer):
    """Says the shape of a model's input, so that the model can be built before it sees data. See `Input`.

    >>> InputLayer(shape=(4,)).batch_shape
    (None, 4)
    """

    supports_masking = True

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        **kwargs: Any,
    ) -> None:
        for name, value in (("sparse", sparse), ("ragged", ragged), ("input_tensor", input_tensor), ("optional", optional)):
            if value is not None and value is not False:
                raise NotImplementedError(f"[Input] {name} is not supported: inputs are dense tensors. Received: {name}={value!r}")
        if shape is None and batch_shape is None:
            shape = kwargs.pop("input_shape", None)
        if shape is None and batch_shape is None:
            raise ValueError("[Input] pass the shape of one example, without the batch axis: Input(shape=(4,))")
        if shape is not None and batch_shape is not None:
            raise ValueError("[Input] shape and batch_shape say the same thing: pass one of them")
        if shape is not None:
            batch = None if batch_size is None else arguments.whole("Input", "batch_size", batch_size)
            batch_shape = (batch, *arguments.shape("Input", "shape", shape))
        super().__init__(dtype=dtypes.floatx() if dtype is None else dtype, batch_shape=batch_shape, **kwargs)

    @property
    def batch_shape(self) -> Shape:
        """The expected shape, the batch axis first; None where a size is open."""
        assert self._batch_shape is not None
        return self._batch_shape

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Shape:
        expected = self.batch_shape
        sizes = tuple(input_shape)
        if len(sizes) != len(expected) or any(e is not None and n is not None and e != n for e, n in zip(expected, sizes)):
            raise ShapeError(f"[Input] expected shape {expected}. Received: shape {sizes}")
        return tuple(e if n is None else n for e, n in zip(expected, sizes))

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": list(self.batch_shape), "dtype": self.dtype, "name": self.name}


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> InputLayer:
    """The shape of a model's input, to be put in front of its layers.

    Args:
        shape: of one example, without the batch axis; None where a size is open.
        batch_size: default None, any.
        dtype: floating-point inputs are cast to it, default `floatx()`.
        sparse, ragged, tensor, optional: None or False; anything else is not supported.
        batch_shape: instead of `shape`, with the batch axis.
        name: default ``"input_layer"``, numbered.

    >>> import gpudl
    >>> model = gpudl.models.Sequential([Input((4,)), Dense(3)])
    >>> model.output_shape
    (None, 3)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name=name)


class Dense(Layer):
    """activation(x @ kernel + bias), over the last axis.

    Args:
        units: size of the output's last axis.
        activation: a name or a function; default None, none.
        use_bias: default True.
        kernel_initializer: default ``"glorot_uniform"``.
        bias_initializer: default ``"zeros"``.
        kernel_regularizer, bias_regularizer: penalties on weights, default None.
        kernel_constraint, bias_constraint: bounds of weights, kept after each update, default None.
        **kwargs: as for `Layer`.

    Weights: `kernel` (inputs, units), `bias` (units,).

    >>> import gpudl
    >>> layer = Dense(3, kernel_initializer="ones")
    >>> layer(gpudl.tensor([[1.0, 2.0]])).detach()
    Tensor([[3., 3., 3.]], dtype=float32)
    """

    supports_masking = True

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = arguments.whole("Dense", "units", units)
        self.activation = activations.get(activation)
        self.use_bias = arguments.flag("Dense", "use_bias", use_bias)
        self._keep_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.bias = None

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        self.kernel = self._weight("kernel", (input_shape[-1], self.units))  # type: ignore[arg-type]
        if self.use_bias:
            self.bias = self._weight("bias", (self.units,))

    def call(self, inputs: Tensor) -> Tensor:
        shape = inputs.array.shape
        if len(shape) < 2 or shape[-1] != self.kernel.array.shape[0]:
            self.compute_output_shape(shape)  # raises
        y = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            y = ops.add(y, self.bias)
        return y if self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("Dense", shape, 2, meaning=", (batch, ..., features)")
        features = arguments.known("Dense", "the last axis, the number of features,", shape[-1], shape)
        if self._built and features != self.kernel.shape[0]:
            expected = self.kernel.shape[0]
            raise ShapeError(f"[Dense] expected {expected} features on the last axis. Received: {features}, input shape {shape}")
        return *shape[:-1], self.units


class Activation(Layer):
    """A function of the input.

    Args:
        activation: a name, e.g. ``"relu"``, or a function of a tensor.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> Activation("relu")(gpudl.tensor([[-1.0, 2.0]]))
    Tensor([[0., 2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        return along_memory(self.activation, inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class Dropout(Layer):
    """In training, sets a share of the inputs to 0 at random and divides the others by 1 - rate; otherwise does nothing.

    Args:
        rate: the share, 0 <= rate <= 1.
        noise_shape: shape of the mask, which broadcasts to the input; None for the input's size. Default: that of the input.
        seed: fixes the masks; default: the next stream of the global seed.
        **kwargs: as for `Layer`.

    Raises:
        TypeError: if the rate is no number, ``Dropout("0.2")``.

    >>> import gpudl
    >>> Dropout(0.5)(gpudl.ones((1, 3)))
    Tensor([[1., 1., 1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = arguments.fraction("Dropout", "rate", rate)
        self.noise_shape = None if noise_shape is None else arguments.shape("Dropout", "noise_shape", noise_shape)
        self.seed = None if seed is None else arguments.whole("Dropout", "seed", seed, 0)

    def build(self, input_shape: Shape) -> None:
        self.random = self.add_random_state(self.seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        return ops.dropout(inputs, self.random, self.rate, self.noise_shape)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class Flatten(Layer):
    """All axes but the batch axis as one.

    Args:
        data_format: with ``"channels_first"`` the channels are moved to the end before. Default: ``gpudl.config.image_data_format()``.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> Flatten()(gpudl.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format("Flatten", data_format)

    def call(self, inputs: Tensor) -> Tensor:
        shape = inputs.shape
        if self.data_format == "channels_first" and len(shape) > 2:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("Flatten", shape, 1)
        rest = shape[1:]
        return shape[0], None if None in rest else math.prod(rest)


class Reshape(Layer):
    """The same numbers in another shape.

    Args:
        target_shape: of one example, without the batch axis; one size may be -1, which is found from the others.
        **kwargs: as for `Layer`.

    Raises:
        ShapeError: if the sizes do not fit.

    >>> import gpudl
    >>> Reshape((2, -1))(gpudl.ones((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(target_shape, int):
            target_shape = (target_shape,)
        try:
            sizes = tuple(target_shape)
        except TypeError:
            raise TypeError(f"[Reshape] target_shape must be a tuple of sizes. Received: target_shape={target_shape!r}") from None
        self.target_shape = tuple(-1 if n == -1 else arguments.whole("Reshape", "a size of target_shape", n, 0) for n in sizes)
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"[Reshape] only one size of target_shape may be -1. Received: target_shape={sizes}")

    def call(self, inputs: Tensor) -> Tensor:
        shape = inputs.shape
        return ops.reshape(inputs, (shape[0], *self._target(shape)))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        arguments.axes("Reshape", shape, 1)
        return shape[0], *self._target(shape)

    def _target(self, shape: Shape) -> Shape:
        if None in shape[1:]:
            return tuple(None if n == -1 else n for n in self.target_shape)
        size = math.prod(shape[1:])  # type: ignore[arg-type]
        given = math.prod(n for n in self.target_shape if n != -1)
        open_size = -1 in self.target_shape
        if (size % given if given else size) if open_size else size != given:
            raise ShapeError(
                f"[Reshape] an example of shape {shape[1:]} has {size} numbers, which do not fit target_shape={self.target_shape}"
            )
        return tuple((size // given if given else 0) if n == -1 else n for n in self.target_shape)


__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "InputLayer", "Reshape"]

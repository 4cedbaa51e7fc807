"""What `keras.backend` had beside ops and settings. `gpudl.backend` finds the rest in `gpudl.config`, `gpudl.ops` and `gpudl.utils`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations, config, dtypes, losses, ops, random
from ..autograd import grad
from ..layers import context
from ..tensors import Tensor, tensor
from ..variables import Variable
from .decay import FirstRate

_uids: dict[str, int] = {}


# values of variables --------------------------------------------------------------------------------------------------------


def get_value(x: Any) -> Any:
    """The value of a tensor or variable on the host: a number, or an array."""
    if isinstance(x, FirstRate):
        return float(x)
    if not isinstance(x, Tensor):
        return x
    return x.item() if x.ndim == 0 else x.numpy()


eval = get_value


def set_value(x: Any, value: Any) -> None:
    """Assign to a variable: `K.set_value(optimizer.lr, 0.01)`."""
    if not hasattr(x, "assign"):
        raise TypeError(f"[set_value] a variable is expected. Received: {x!r}")
    x.assign(value)


def batch_get_value(variables: Sequence[Any]) -> list[Any]:
    """The values of several variables."""
    return [v.numpy() if isinstance(v, Tensor) else get_value(v) for v in variables]


def batch_set_value(pairs: Sequence[tuple[Any, Any]]) -> None:
    """Assign to several variables: (variable, value)."""
    for x, value in pairs:
        set_value(x, value)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable, by default of `floatx()`.

    >>> variable([1.0, 2.0], name="v")
    Variable('v', [1., 2.], dtype=float32)
    """
    made = Variable(np.asarray(value), dtype=dtype or config.floatx(), name=name or "variable")
    made.constraint = constraint
    return made


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor, by default of `floatx()`; `shape` repeats a number, or lays the values out anew."""
    array = np.asarray(value)
    if shape is not None:
        array = np.full(shape, array) if array.ndim == 0 else array.reshape(shape)
    return tensor(array, dtype=dtype or config.floatx())


def update(x: Variable, new_x: Any) -> Variable:
    """Assign; returns the variable."""
    x.assign(new_x)
    return x


def update_add(x: Variable, increment: Any) -> Variable:
    """Add in place; returns the variable."""
    x.assign_add(increment)
    return x


def update_sub(x: Variable, decrement: Any) -> Variable:
    """Subtract in place; returns the variable."""
    x.assign_sub(decrement)
    return x


def moving_average_update(x: Variable, value: Any, momentum: float) -> Variable:
    """x = momentum x + (1 - momentum) value; returns the variable."""
    value = value.detach() if isinstance(value, Tensor) else value
    x.assign(x.detach() * momentum + value * (1.0 - momentum))
    return x


def gradients(loss: Tensor, variables: Any) -> list[Any]:
    """d loss / d variable for each variable; here they are numbers at once, not a graph."""
    several = isinstance(variables, (list, tuple))
    found = grad(loss, list(variables) if several else [variables])
    return list(found)


def placeholder(*args: Any, **kwargs: Any) -> Any:
    """There are no placeholders: functions are called with tensors."""
    raise NotImplementedError("[placeholder] gpudl computes at once: write a function of tensors, and call it with them")


def function(*args: Any, **kwargs: Any) -> Any:
    """There are no graphs to compile: `gpudl.capture` replays a function of tensors."""
    raise NotImplementedError("[function] gpudl computes at once: write a function of tensors; gpudl.capture(function) replays it")


# what it is -----------------------------------------------------------------------------------------------------------------


def backend() -> str:
    """The name that scripts ask for to choose between layouts."""
    return "gpudl"


def image_dim_ordering() -> str:
    """The image layout, in the words of Keras 1: "tf" or "th"."""
    return "tf" if config.image_data_format() == "channels_last" else "th"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the image layout, in the words of Keras 1."""
    config.set_image_data_format({"tf": "channels_last", "th": "channels_first"}.get(dim_ordering, dim_ordering))


def int_shape(x: Any) -> tuple[int, ...]:
    """The shape as a tuple of numbers."""
    return tuple(x.shape)


def count_params(x: Any) -> int:
    """How many numbers it holds."""
    return int(np.prod(x.shape, dtype=np.int64))


def dtype(x: Any) -> str:
    """The dtype's name."""
    return str(np.dtype(x.dtype).name)


def is_keras_tensor(x: Any) -> bool:
    """Whether it is a tensor."""
    return isinstance(x, Tensor)


def cast_to_floatx(x: Any) -> Any:
    """In `floatx()`; an array stays an array."""
    return ops.cast(x, config.floatx()) if isinstance(x, Tensor) else np.asarray(x, dtypes.floatx())


def learning_phase() -> int:
    """1 within a training step, else 0."""
    return int(bool(context.calls.training))


def set_learning_phase(value: int) -> None:
    """Refused: `model(x, training=True)` says it."""
    raise NotImplementedError("[set_learning_phase] say it where it matters: model(x, training=True), or layer.trainable = False")


def get_uid(prefix: str = "") -> int:
    """1, then 2 … for each prefix."""
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


# shapes ---------------------------------------------------------------------------------------------------------------------


def flatten(x: Any) -> Tensor:
    """All elements in one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Tensor:
    """Two axes: the first one, and the rest.

    >>> batch_flatten(ops.ones((2, 3, 4))).shape
    (2, 12)
    """
    return ops.reshape(x, (x.shape[0], count_params(x) // max(x.shape[0], 1)))


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Tensor:
    """The axes in another order."""
    return ops.transpose(x, pattern)


def reverse(x: Any, axes: Any) -> Tensor:
    """Backwards along axes."""
    return ops.flip(x, axes)


def repeat_elements(x: Any, rep: int, axis: int) -> Tensor:
    """Each element so often along an axis."""
    return ops.repeat(x, rep, axis)


def repeat(x: Any, n: int) -> Tensor:
    """(N, C) as (N, n, C)."""
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


def gather(reference: Any, indices: Any) -> Tensor:
    """Rows by their numbers."""
    return ops.take(reference, indices, axis=0)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Tensor:
    """Side by side along an axis, by default the last."""
    return ops.concatenate(tensors, axis)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Tensor:
    """Elements of one where the condition holds, of the other elsewhere. Functions are called."""
    chosen = [e() if callable(e) else e for e in (then_expression, else_expression)]
    return ops.where(condition, *chosen)


def resize_images(x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest") -> Tensor:
    """Images so many times as large."""
    from .. import layers

    made: Tensor = layers.UpSampling2D((height_factor, width_factor), data_format=data_format, interpolation=interpolation)(x)
    return made


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of zeros."""
    return variable(np.zeros(shape), dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of ones."""
    return variable(np.ones(shape), dtype, name)


# computing ------------------------------------------------------------------------------------------------------------------


def pow(x: Any, a: Any) -> Tensor:
    """x to the power of a."""
    return ops.power(x, a)


def batch_dot(x: Any, y: Any, axes: Any = None) -> Tensor:
    """A product for each example: over the axes (of x, of y), by default the last of x and the one before the last of y.

    >>> batch_dot(ops.ones((2, 3, 4)), ops.ones((2, 4, 5))).shape, batch_dot(ops.ones((2, 4)), ops.ones((2, 4)), axes=1).shape
    ((2, 3, 5), (2, 1))
    """
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    if axes is None:
        axes = (x.ndim - 1, max(y.ndim - 2, 1))
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % x.ndim, second % y.ndim
    left = [i for i in range(1, x.ndim) if i != first]
    right = [i for i in range(1, y.ndim) if i != second]
    n, size = x.shape[0], x.shape[first]
    a = ops.reshape(ops.transpose(x, (0, *left, first)), (n, -1, size))
    b = ops.reshape(ops.transpose(y, (0, second, *right)), (n, size, -1))
    shape = (n, *[x.shape[i] for i in left], *[y.shape[i] for i in right])
    return ops.reshape(ops.matmul(a, b), shape if len(shape) > 1 else (n, 1))


def l2_normalize(x: Any, axis: int | None = None) -> Tensor:
    """x divided by its Euclidean norm along an axis; a norm below 1e-6 counts as that."""
    return ops.divide(x, ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12)))


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """`activations.relu`."""
    return activations.relu(x, alpha, max_value, threshold)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x within a training step, else alt. Functions are called."""
    chosen = x if (learning_phase() if training is None else training) else alt
    return chosen() if callable(chosen) and not isinstance(chosen, Tensor) else chosen


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """alt within a training step, else x. Functions are called."""
    return in_train_phase(alt, x, training)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Zeros with this probability; what stays is divided by what is left of 1."""
    return random.dropout(x, level, noise_shape, seed)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """One number a row."""
    return losses.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """One number a row."""
    return losses.sparse_categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """One number an element."""
    found: Tensor = ops.binary_crossentropy(target, output, from_logits=from_logits)
    return found


def conv1d(x: Any, kernel: Any, strides: int = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: int = 1) -> Tensor:
    """`ops.conv` of sequences."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Any, kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None, dilation_rate: Any = (1, 1)
) -> Tensor:
    """`ops.conv` of images."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def pool2d(
    x: Any, pool_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None, pool_mode: str = "max"
) -> Tensor:
    """The largest (`"max"`) or the mean (`"avg"`) of windows."""
    pool = {"max": ops.max_pool, "avg": ops.average_pool}.get(pool_mode)
    if pool is None:
        raise ValueError(f"[pool2d] pool_mode must be 'max' or 'avg'. Received: pool_mode={pool_mode!r}")
    return pool(x, pool_size, strides, padding, data_format)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Tensor:
    """x + bias along the axis of channels."""
    if (data_format or config.image_data_format()) == "channels_first" and x.ndim > 2:
        bias = ops.reshape(bias, (-1, *(1,) * (x.ndim - 2)))
    return ops.add(x, bias)


# random numbers -------------------------------------------------------------------------------------------------------------


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """`random.normal`."""
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """`random.uniform`."""
    return random.uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """`random.truncated_normal`."""
    return random.truncated_normal(shape, mean, stddev, dtype, seed)


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """1 with probability p, else 0."""
    return ops.cast(ops.less(random.uniform(shape, seed=seed), p), dtype or config.floatx())


__all__ = [
    "backend", "batch_dot", "batch_flatten", "batch_get_value", "batch_set_value", "bias_add", "binary_crossentropy", "cast_to_floatx",
    "categorical_crossentropy", "concatenate", "constant", "conv1d", "conv2d", "count_params", "dropout", "dtype", "eval", "flatten",
    "function", "gather", "get_uid", "get_value", "gradients", "image_dim_ordering", "in_test_phase", "in_train_phase", "int_shape",
    "is_keras_tensor", "l2_normalize", "learning_phase", "moving_average_update", "ones", "permute_dimensions", "placeholder", "pool2d",
    "pow", "random_binomial", "random_normal", "random_uniform", "relu", "repeat", "repeat_elements", "resize_images", "reverse",
    "set_image_dim_ordering", "set_learning_phase", "set_value", "sparse_categorical_crossentropy", "switch", "truncated_normal", "update",
    "update_add", "update_sub", "variable", "zeros",
]  # fmt: skip

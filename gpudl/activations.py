"""Find activation functions by name (`get`), with the names and defaults of Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import ops
from .errors import did_you_mean, missing_attribute
from .named import custom_objects as in_scope
from .ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    step,
    tanh,
    tanh_shrink,
    threshold,
)
from .ops._common import as_tensor
from .tensors import Tensor, TensorLike

Activation = Callable[..., Tensor]


def linear(x: TensorLike) -> Tensor:
    """x itself.

    >>> linear([1.0, -2.0])
    Tensor([ 1., -2.], dtype=float32)
    """
    return as_tensor(x)


def relu(x: TensorLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """x above `threshold`, at most `max_value`; below it negative_slope * (x - threshold).

    Args:
        x: a float tensor.
        negative_slope: default 0.
        max_value: default none.
        threshold: default 0.

    >>> relu([-2.0, 0.5, 8.0], negative_slope=0.5, max_value=6.0)
    Tensor([-1. ,  0.5,  6. ], dtype=float32)
    """
    for name, value in (("negative_slope", negative_slope), ("max_value", max_value), ("threshold", threshold)):
        if value is not None and (isinstance(value, (bool, str)) or not isinstance(value, (int, float))):
            raise TypeError(f"[relu] {name} must be a number. Received: {value!r}")
    if max_value is not None and max_value < 0:
        raise ValueError(f"[relu] max_value must be at least 0. Received: {max_value}")
    if not threshold:
        if max_value == 6 and not negative_slope:
            return relu6(x)
        y = leaky_relu(x, negative_slope=negative_slope) if negative_slope else ops.relu(x)
    else:
        x = as_tensor(x)
        below = (x - threshold) * negative_slope if negative_slope else 0.0
        y = ops.where(ops.greater_equal(x, threshold), x, below)
    return y if max_value is None else ops.minimum(y, max_value)


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """x * P(normal < x), exactly; with `approximate` by tanh.

    >>> gelu([0.0, 1.0])
    Tensor([0.       , 0.8413447], dtype=float32)
    """
    return ops.gelu(x, approximate=approximate)


def exponential(x: TensorLike) -> Tensor:
    """exp(x)

    >>> exponential([0.0])
    Tensor([1.], dtype=float32)
    """
    return ops.exp(x)


swish = silu
hard_swish = hard_silu

_functions: list[Activation] = [
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish,
    relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, step, tanh,
    tanh_shrink, threshold,
]  # fmt: skip
_names: dict[str, Activation] = {f.__name__: f for f in _functions} | {"swish": silu, "hard_swish": hard_silu}


def get(identifier: Any) -> Activation:
    """The activation that a name, a function, a layer or None (`linear`) stands for.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for anything else, e.g. a layer's class in place of a layer.

    >>> get("relu").__name__
    'relu'
    >>> get("rellu")
    Traceback (most recent call last):
    ...
    ValueError: [activations] unknown activation 'rellu'. Did you mean 'relu'?
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        found: Any = in_scope().get(identifier) or _names.get(identifier) or _names.get(identifier.lower())
        if found is None:
            hint = did_you_mean(identifier, _names) or f" Known: {', '.join(sorted(_names))}"
            raise ValueError(f"[activations] unknown activation {identifier!r}.{hint}")
        return found  # type: ignore[no-any-return]
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type):
        raise TypeError(f"[activations] an instance is needed, not the class: {identifier.__name__}(). Received: {identifier!r}")
    if not callable(identifier):
        raise TypeError(f"[activations] expected a name, a function or a layer, e.g. 'relu'. Received: {identifier!r}")
    return identifier  # type: ignore[no-any-return]


def serialize(activation: Any) -> Any:
    """What `get` takes back: a name; for a layer its class name and configuration. A function of your own needs custom_objects then.

    >>> serialize(get("tanh"))
    'tanh'
    """
    if activation is None or activation is linear:
        return "linear"
    if hasattr(activation, "get_config"):
        return {"class_name": type(activation).__name__, "config": activation.get_config()}
    name = getattr(activation, "__name__", "")
    if not name or name == "<lambda>":
        raise ValueError(f"[activations] a function without a name cannot be saved. Received: {activation!r}. Write it with def")
    return name


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """The activation that `serialize` described.

    Args:
        config: a name, or {"class_name": ..., "config": ...} of a layer found in custom objects or gpudl.layers.
        custom_objects: further names.

    >>> deserialize("relu") is deserialize(serialize(relu))
    True
    """
    if not isinstance(config, Mapping):
        return get((custom_objects or {}).get(config, config) if isinstance(config, str) else config)
    name = config.get("class_name")
    if not isinstance(name, str):
        raise ValueError(f"[activations] a configuration looks like {{'class_name': ..., 'config': {{...}}}}. Received: {dict(config)!r}")
    found: Any = {**in_scope(), **(custom_objects or {})}.get(name)
    if found is None:
        import importlib

        layers = importlib.import_module(".layers", __package__)  # stands above this room, and is needed for layers as activations alone
        found = getattr(layers, name, None)
    if found is None:
        raise ValueError(f"[activations] unknown class {name!r}. A class of your own is found by custom_objects={{{name!r}: ...}}")
    return get(found.from_config(dict(config.get("config", {}))) if hasattr(found, "from_config") else found)


__all__ = ["celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
           "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "serialize", "sigmoid",
           "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "step", "swish",
           "tanh", "tanh_shrink", "threshold"]  # fmt: skip

__getattr__ = missing_attribute(__name__, __all__)

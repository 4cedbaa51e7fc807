"""What `keras.backend` had beside ops and settings. `gpudl.backend` finds the rest in `gpudl.config`, `gpudl.ops` and `gpudl.utils`."""

from __future__ import annotations

from typing import Any

from .. import config
from ..tensors import Tensor


def get_value(x: Any) -> Any:
    """The value of a tensor or variable on the host: a number, or an array."""
    if not isinstance(x, Tensor):
        return x
    return x.item() if x.ndim == 0 else x.numpy()


def set_value(x: Any, value: Any) -> None:
    """Assign to a variable: `K.set_value(optimizer.lr, 0.01)`."""
    x.assign(value)


def backend() -> str:
    """The name that scripts ask for to choose between layouts."""
    return "gpudl"


def image_dim_ordering() -> str:
    """The image layout, in the words of Keras 1: "tf" or "th"."""
    return "tf" if config.image_data_format() == "channels_last" else "th"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the image layout, in the words of Keras 1."""
    config.set_image_data_format({"tf": "channels_last", "th": "channels_first"}.get(dim_ordering, dim_ordering))


__all__ = ["backend", "get_value", "image_dim_ordering", "set_image_dim_ordering", "set_value"]

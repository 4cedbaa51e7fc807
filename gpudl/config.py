"""Read and set what holds for the whole process: float type, epsilon, image layout, matmul precision.

Every setter moves `version`, so recorded steps of before are not trusted any more.
"""

from __future__ import annotations

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")
_PRECISIONS = ("float32", "bf16x3", "tf32")

version = 0
_values = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last", "matmul_precision": "float32"}


def _set(name: str, value: object, allowed: tuple[str, ...]) -> None:
    global version
    if value not in allowed:
        raise ValueError(f"[config] {name} must be one of {', '.join(allowed)}. Received: {value!r}")
    _values[name] = value
    version += 1


def bump() -> None:
    """End the trust in every recorded step."""
    global version
    version += 1


def floatx() -> str:
    """The float type of Python numbers, lists and layers, by default ``"float32"``.

    >>> floatx()
    'float32'
    """
    return _values["floatx"]  # type: ignore[return-value]


def set_floatx(dtype: str) -> None:
    """Set the default float type: ``"float16"``, ``"bfloat16"``, ``"float32"`` or ``"float64"``. Raises ValueError otherwise.

    >>> set_floatx("float64")
    >>> floatx()
    'float64'
    >>> set_floatx("float32")
    """
    _set("floatx", dtype, _FLOATS)


def epsilon() -> float:
    """The small number that keeps logarithms and divisions finite, by default 1e-7.

    >>> epsilon()
    1e-07
    """
    return _values["epsilon"]  # type: ignore[return-value]


def set_epsilon(value: float) -> None:
    """Set `epsilon`; it must be a positive number.

    >>> set_epsilon(1e-5)
    >>> epsilon()
    1e-05
    >>> set_epsilon(1e-7)
    """
    global version
    if not isinstance(value, (int, float)) or not value > 0:
        raise ValueError(f"[config] epsilon must be a positive number. Received: {value!r}")
    _values["epsilon"] = float(value)
    version += 1


def image_data_format() -> str:
    """The default `data_format` of image layers, by default ``"channels_last"``.

    >>> image_data_format()
    'channels_last'
    """
    return _values["image_data_format"]  # type: ignore[return-value]


def set_image_data_format(data_format: str) -> None:
    """Set the default layout: ``"channels_last"`` or ``"channels_first"``.

    >>> set_image_data_format("channels_first")
    >>> image_data_format()
    'channels_first'
    >>> set_image_data_format("channels_last")
    """
    _set("image_data_format", data_format, _LAYOUTS)


def matmul_precision() -> str:
    """What float32 products may use: ``"float32"`` (the default), ``"bf16x3"`` or ``"tf32"``.

    >>> matmul_precision()
    'float32'
    """
    return _values["matmul_precision"]  # type: ignore[return-value]


def set_matmul_precision(precision: str) -> None:
    """Allow float32 products on tensor cores by splitting (`"bf16x3"`) or rounding (`"tf32"`). The CPU paths always compute float32.

    >>> set_matmul_precision("tf32")
    >>> matmul_precision()
    'tf32'
    >>> set_matmul_precision("float32")
    """
    _set("matmul_precision", precision, _PRECISIONS)


__all__ = [
    "epsilon",
    "floatx",
    "image_data_format",
    "matmul_precision",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_matmul_precision",
]

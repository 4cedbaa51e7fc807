"""Read and set what holds for the whole process: float type, epsilon, image layout, matmul precision, whose defaults.

Every setter moves `version`, so recorded steps of before are not trusted any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import env

if TYPE_CHECKING:
    from .dtype_policies import DTypePolicy

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")
_PRECISIONS = ("float32", "bf16x3", "tf32")

version = 0
_values: dict[str, object] = {
    "floatx": "float32",
    "dtype_policy": None,
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "matmul_precision": "float32",
    "compat": "unread",
    "fusion": "unread",
    "interactive_logging": True,
}


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


def set_floatx(value: str) -> None:
    """Set the default float type: ``"float16"``, ``"bfloat16"``, ``"float32"`` or ``"float64"``. Raises ValueError otherwise.

    >>> set_floatx("float64")
    >>> floatx()
    'float64'
    >>> set_floatx("float32")
    """
    _set("floatx", value, _FLOATS)


def dtype_policy() -> DTypePolicy:
    """In which dtypes layers made from now on compute and keep their weights; unless set, both in `floatx`.

    >>> dtype_policy()
    <DTypePolicy "float32">
    """
    from .dtype_policies import DTypePolicy

    return DTypePolicy(_values["dtype_policy"] or floatx())  # type: ignore[arg-type]


def set_dtype_policy(policy: Any) -> None:
    """Let layers made from now on compute and keep their weights in the dtypes of a policy: ``"mixed_float16"`` and ``"mixed_bfloat16"``
    compute in 16 bits and keep float32 weights. Layers that exist keep theirs.

    Args:
        policy: a name, a `gpudl.dtype_policies.DTypePolicy`, or None: `floatx` again.

    Raises:
        ValueError: for another name.

    >>> import gpudl
    >>> set_dtype_policy("mixed_bfloat16")
    >>> gpudl.layers.Dense(1).compute_dtype, gpudl.layers.Dense(1).variable_dtype
    ('bfloat16', 'float32')
    >>> set_dtype_policy(None)
    """
    from .dtype_policies import get

    _values["dtype_policy"] = None if policy is None else get(policy).name
    bump()


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


def compat() -> str | None:
    """Whose defaults hold where versions of Keras differ: ``"keras2"``, or None for those of today (the default).

    >>> compat()
    """
    found = _values["compat"]
    if found == "unread":
        found = _values["compat"] = env.COMPAT.read() or None
    return found  # type: ignore[return-value]


def set_compat(name: str | None) -> None:
    """Take the defaults of ``"keras2"`` for what is made from now on, or with None those of today again. Also ``GPUDL_COMPAT=keras2``.

    Keras 2 had: learning rates of 1.0 (Adadelta), 0.01 (Adagrad) and 0.002 (Adamax, Nadam); ``hard_sigmoid`` as the recurrent activation
    of LSTM and GRU, and GRU's ``reset_after=False``; a `predict` that prints nothing; "acc" for what is called "accuracy" in logs;
    ``channels_last`` in Conv1D and SeparableConv1D, whatever `image_data_format` says; and a `summary` in plain letters. What is written
    out in a script holds in either case.

    >>> import gpudl
    >>> set_compat("keras2")
    >>> float(gpudl.optimizers.Adadelta().learning_rate)
    1.0
    >>> set_compat(None)
    """
    if name not in (None, "keras2"):
        raise ValueError(f"[config] compat must be 'keras2' or None. Received: {name!r}")
    _values["compat"] = name
    bump()


def matmul_precision() -> str:
    """What float32 products may use: ``"float32"`` (the default), ``"bf16x3"`` or ``"tf32"``.

    >>> matmul_precision()
    'float32'
    """
    return _values["matmul_precision"]  # type: ignore[return-value]


_followers: list[Callable[[str], object]] = []  # modules of kernels that must know the precision


def set_matmul_precision(precision: str) -> None:
    """Allow float32 products on tensor cores by splitting (`"bf16x3"`) or rounding (`"tf32"`). The CPU paths always compute float32.

    How much each costs in accuracy stands in docs/accuracy.md.

    >>> set_matmul_precision("tf32")
    >>> matmul_precision()
    'tf32'
    >>> set_matmul_precision("float32")
    """
    _set("matmul_precision", precision, _PRECISIONS)
    for follower in _followers:
        follower(precision)


def follow_matmul_precision(follower: Callable[[str], object]) -> None:
    """Call `follower` with the precision, now and whenever it is set.

    >>> follow_matmul_precision(print)
    float32
    >>> _followers.remove(print)
    """
    _followers.append(follower)
    follower(matmul_precision())


def fusion() -> bool:
    """Whether recorded steps are replayed with runs of kernel calls fused into one. True by default.

    >>> fusion()
    True
    """
    found = _values["fusion"]
    if found == "unread":
        found = _values["fusion"] = env.FUSE.read()
    return bool(found)


def set_fusion(wanted: bool) -> None:
    """Fuse kernel calls of recorded steps, e.g. a matrix product, its bias and relu (the default), or replay each as it was recorded, e.g.
    to find out which of them gives a wrong number. Also ``GPUDL_FUSE=0``.

    In float32 and float64 the reference kernels of fused calls give the bits of their parts. A compiled kernel gives the same within
    rounding: it keeps between the parts what they would have rounded to float16 or bfloat16.

    >>> set_fusion(False)
    >>> fusion()
    False
    >>> set_fusion(True)
    """
    if not isinstance(wanted, bool):
        raise TypeError(f"[config] fusion must be True or False. Received: {wanted!r}")
    _values["fusion"] = wanted
    bump()


def backend() -> str:
    """The name that scripts ask for to tell Keras' engines apart.

    >>> backend()
    'gpudl'
    """
    return "gpudl"


def is_interactive_logging_enabled() -> bool:
    """Whether progress may be shown by a bar that is drawn again and again, on a terminal or in a notebook. True by default.

    >>> is_interactive_logging_enabled()
    True
    """
    return bool(_values["interactive_logging"])


def enable_interactive_logging() -> None:
    """Let progress be shown by a bar.

    >>> enable_interactive_logging()
    """
    _values["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Let progress be shown by lines, without control characters, on terminals too.

    >>> disable_interactive_logging()
    >>> is_interactive_logging_enabled()
    False
    >>> enable_interactive_logging()
    """
    _values["interactive_logging"] = False


def is_traceback_filtering_enabled() -> bool:
    """Whether parts of tracebacks are left out: never.

    >>> is_traceback_filtering_enabled()
    False
    """
    return False


def enable_traceback_filtering() -> None:
    """Taken, without effect: tracebacks are short, and are always whole.

    >>> enable_traceback_filtering()
    """


def disable_traceback_filtering() -> None:
    """Taken, without effect: tracebacks are always whole.

    >>> disable_traceback_filtering()
    """


__all__ = [
    "backend",
    "compat",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "fusion",
    "image_data_format",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "matmul_precision",
    "set_compat",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_fusion",
    "set_image_data_format",
    "set_matmul_precision",
]

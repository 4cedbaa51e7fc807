"""Say in which dtypes a layer computes and keeps its weights: `DTypePolicy`, the words of `keras.dtype_policies`.

In mixed precision (``"mixed_float16"``, ``"mixed_bfloat16"``) layers compute in 16 bits and keep float32 weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import config, dtypes
from .errors import did_you_mean

MIXED = "mixed_"
_NAMES = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")


class DTypePolicy:
    """In which dtypes a layer computes and keeps its weights.

    Args:
        name: a number type, for both; or ``"mixed_float16"``, ``"mixed_bfloat16"``: computes in it, keeps float32 weights. Default:
            ``gpudl.config.dtype_policy()``.

    Raises:
        ValueError: for another name.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None) -> None:
        name = config.dtype_policy().name if name is None else name
        kind = name.removeprefix(MIXED) if isinstance(name, str) else name
        if not isinstance(kind, str) or not dtypes.is_name(kind) or (kind != name and name not in _NAMES):
            hint = did_you_mean(name, _NAMES) if isinstance(name, str) else ""
            raise ValueError(f"[DTypePolicy] expected one of: {', '.join(_NAMES)}. Received: {name!r}{hint}")
        self._name, self._compute = name, dtypes.standard(kind)
        self._variable = dtypes.float32 if kind != name else self._compute

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """What layers cast their inputs and weights to, and compute in."""
        return self._compute.name

    @property
    def variable_dtype(self) -> str:
        """What weights are kept and updated in."""
        return self._variable.name

    @property
    def is_mixed(self) -> bool:
        """Whether the two differ."""
        return self._compute != self._variable

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._name == self._name

    def __hash__(self) -> int:
        return hash(("DTypePolicy", self._name))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal policy from."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy from what `get_config` gave."""
        return cls(**config)


def get(identifier: Any) -> DTypePolicy:
    """A policy from None (the process's), a policy, its name, its configuration, or a number type.

    Raises:
        ValueError, DTypeError: for anything else.

    >>> import numpy as np
    >>> get("mixed_float16")
    <DTypePolicy "mixed_float16">
    >>> get(np.float32) == DTypePolicy("float32")
    True
    """
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if identifier is None or (isinstance(identifier, str) and identifier.startswith(MIXED)):
        return DTypePolicy(identifier)
    return DTypePolicy(dtypes.standard(identifier).name)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """A policy as plain data.

    >>> serialize(DTypePolicy("mixed_float16"))
    {'class_name': 'DTypePolicy', 'config': {'name': 'mixed_float16'}}
    """
    return {"class_name": "DTypePolicy", "config": dtype_policy.get_config()}


def deserialize(config: Mapping[str, Any]) -> DTypePolicy:
    """A policy from what `serialize` gave. Raises ValueError for other data.

    >>> deserialize({"class_name": "DTypePolicy", "config": {"name": "float64"}})
    <DTypePolicy "float64">
    """
    inner = config.get("config")
    if config.get("class_name") not in ("DTypePolicy", "Policy") or not isinstance(inner, Mapping):
        raise ValueError(f"[DTypePolicy] a configuration with class_name 'DTypePolicy' is expected. Received: {dict(config)!r}")
    return DTypePolicy(inner.get("name"))


__all__ = ["DTypePolicy", "deserialize", "get", "serialize"]

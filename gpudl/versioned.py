"""Notice that the user changed something a recorded step may depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import missing_in_object
from .tensors import touched


class Versioned:
    """Setting a public attribute of a built object may change what a step does, so it ends the trust in recorded steps.

    `_free` names public attributes that no step reads.
    """

    _free: frozenset[str] = frozenset()
    _built = False

    def __setattr__(self, name: str, value: Any) -> None:
        if self._built and name[0] != "_" and name not in self._free:
            touched(f"attribute {name!r} of {type(self).__name__} was set during the step")
        object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # with it every attribute would seem to exist
        __getattr__ = missing_in_object


class Noticed:
    """The same for objects that are never built: setting a public attribute again."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and name[0] != "_":
            touched(f"attribute {name!r} of {type(self).__name__} was set during the step")
        super().__setattr__(name, value)


__all__ = ["Noticed", "Versioned", "touched"]

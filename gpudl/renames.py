"""Look up the new spelling of an old keyword or attribute. The table is empty until `compat` fills it.

Base classes ask here: `@checked_keywords` for constructors, `attribute` for attributes. Deleting `compat` removes every old spelling.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar

from .errors import unknown_keyword

RENAMES: dict[tuple[str, str], str] = {}  # (class name, old spelling) -> new spelling; holds for derived classes too

C = TypeVar("C", bound=type)


def keyword(owner: str | type, name: str) -> str | None:
    """The keyword or attribute that `name` of a class means today, or None if it is no old spelling.

    Args:
        owner: a class, whose bases are looked up too, or the name of one.
        name: what was written.
    """
    names = [owner] if isinstance(owner, str) else [c.__name__ for c in owner.__mro__]
    return next((RENAMES[n, name] for n in names if (n, name) in RENAMES), None)


attribute = keyword


def checked_keywords(cls: C) -> C:
    """Let the constructor of a class take old spellings, and refuse unknown keywords with the nearest match.

    A constructor with **kwargs passes what it does not know on to its base class, which is checked itself.
    """
    init = cls.__dict__.get("__init__")
    if init is None or hasattr(init, "__wrapped__"):
        return cls
    parameters = list(inspect.signature(init).parameters.values())[1:]
    known = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    passes_on = any(p.kind is p.VAR_KEYWORD for p in parameters)

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in [k for k in kwargs if k not in known]:
            new = keyword(type(self), name)
            if new is not None:
                if new in kwargs:
                    raise TypeError(f"[{type(self).__name__}] {name!r} is the old spelling of {new!r}: pass one of them")
                kwargs[new] = kwargs.pop(name)
            elif not passes_on:
                raise unknown_keyword(type(self).__name__, name, _accepted(type(self)) or sorted(known))
        init(self, *args, **kwargs)

    cls.__init__ = checked  # type: ignore[misc]
    return cls


def _accepted(cls: type) -> list[str]:
    """The keywords of a class and, where it passes others on, of its bases."""
    found: dict[str, None] = {}
    for c in cls.__mro__:
        init = c.__dict__.get("__init__")
        if init is None or c is object:
            continue
        parameters = list(inspect.signature(init).parameters.values())[1:]
        found.update({p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)})
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return list(found)


__all__ = ["RENAMES", "attribute", "checked_keywords", "keyword"]

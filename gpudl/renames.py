"""Look up the new spelling of what is spelled in an old way. All tables here are empty until `compat` fills them.

Base classes ask here: `@checked_keywords` for what constructors are given, `attribute` for attributes, `in_module` for names of modules,
`keyword` for names in tables. Deleting `compat` removes every old spelling.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from .errors import did_you_mean, unknown_keyword

# (class, function or kind of name; old spelling) -> new spelling; of classes it holds for derived ones too
RENAMES: dict[tuple[str, str], str] = {}
# (old keyword, old value) -> the value that is meant
VALUES: dict[tuple[str, str], str | None] = {}
# class -> what runs in place of its constructor: is given the constructor, the object, and what was passed
AROUND: dict[str, Callable[..., Any]] = {}
# (class, old name of an attribute) -> what finds its value, for an object
ATTRIBUTES: dict[tuple[str, str], Callable[[Any], Any]] = {}
# (module, old name) -> what makes the object that is meant
IN_MODULES: dict[tuple[str, str], Callable[[], object]] = {}

C = TypeVar("C", bound=type)


def keyword(owner: str | type, name: str) -> str | None:
    """The keyword, attribute or name that `name` means today, or None if it is no old spelling.

    Args:
        owner: a class, whose bases are looked up too, or the name of one, of a function, or of a kind of names: "loss".
        name: what was written.
    """
    names = [owner] if isinstance(owner, str) else [c.__name__ for c in owner.__mro__]
    return next((RENAMES[n, name] for n in names if (n, name) in RENAMES), None)


attribute = keyword


def old_attribute(cls: type, name: str) -> Callable[[Any], Any] | None:
    """What finds the value of an attribute that objects of this class once had, or None."""
    return next((ATTRIBUTES[c.__name__, name] for c in cls.__mro__ if (c.__name__, name) in ATTRIBUTES), None)


def in_module(module: str, name: str) -> Callable[[], object] | None:
    """What makes the object that a module once had by this name, or None."""
    return IN_MODULES.get((module, name))


def spelled_today(where: str, owner: str | type, kwargs: dict[str, Any], known: set[str]) -> None:
    """Rename the old spellings among keywords in place."""
    for name in [k for k in kwargs if k not in known]:
        new = keyword(owner, name)
        if new is not None:
            if new in kwargs:
                raise TypeError(f"[{where}] {name!r} is the old spelling of {new!r}: pass one of them")
            value = kwargs.pop(name)
            kwargs[new] = VALUES.get((name, value), value) if isinstance(value, str) else value


def checked_keywords(cls: C) -> C:
    """Let the constructor of a class take old spellings, and refuse unknown keywords with the nearest match.

    A constructor with **kwargs passes what it does not know on to its base class, which is checked itself.
    """
    init = cls.__dict__.get("__init__")
    if init is None or hasattr(init, "__wrapped__"):
        return cls
    parameters = list(inspect.signature(init).parameters.values())[1:]
    known = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    needed = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]
    passes_on = any(p.kind is p.VAR_KEYWORD for p in parameters)

    @functools.wraps(init)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        where = type(self).__name__
        spelled_today(where, type(self), kwargs, known)
        missing = [] if not passes_on else [name for name in needed[len(args) :] if name not in kwargs]
        for name in kwargs:  # those passed on are checked by the base class, but a missing argument would be noticed before
            if name not in known and (not passes_on or (missing and did_you_mean(name, missing))):
                raise unknown_keyword(where, name, _accepted(type(self)) or sorted(known))
        init(self, *args, **kwargs)

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        around = _around(type(self), cls)
        if around is None:
            made(self, *args, **kwargs)
        else:
            around(made, self, *args, **kwargs)

    cls.__init__ = checked  # type: ignore[misc]
    return cls


def _around(cls: type, owner: type) -> Callable[..., Any] | None:
    """What runs in place of the constructor of `owner`: for itself, or for a class on the way from `cls` that inherits this constructor."""
    served: list[str] = []
    for c in cls.__mro__:
        if c is owner:
            break
        served = [] if "__init__" in c.__dict__ else [*served, c.__name__]
    return next((AROUND[name] for name in (*served, owner.__name__) if name in AROUND), None)


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


__all__ = [
    "AROUND",
    "ATTRIBUTES",
    "IN_MODULES",
    "RENAMES",
    "VALUES",
    "attribute",
    "checked_keywords",
    "in_module",
    "keyword",
    "old_attribute",
    "spelled_today",
]

"""Find objects by name in closed tables: `Table.get` for what users write, `custom_object_scope` for classes of their own, for a while,
and `register_keras_serializable` for the whole program.

Nothing here imports a module or follows a path: a name that is not in a table, and was not handed in by the user, is an error.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self, TypeVar

from . import renames
from .errors import did_you_mean

T = TypeVar("T")


def snake_case(name: str) -> str:
    """The name of a class as Keras writes it in lower case.

    >>> [snake_case(name) for name in ("GlorotUniform", "MaxPooling2D", "ReLU")]
    ['glorot_uniform', 'max_pooling2d', 're_lu']
    """
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


class _Scope(threading.local):
    objects: Mapping[str, Any] = {}


_scope = _Scope()


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Within the block, names in configurations may also mean these classes and functions.

    Args:
        custom_objects: name -> class or function; None for none.

    >>> import gpudl
    >>> class Double(gpudl.layers.Layer):
    ...     def call(self, x):
    ...         return x * 2
    >>> with custom_object_scope({"Double": Double}):
    ...     layer = gpudl.layers.deserialize(gpudl.layers.serialize(Double()))
    >>> type(layer).__name__
    'Double'
    """
    before, _scope.objects = _scope.objects, {**_scope.objects, **(custom_objects or {})}
    try:
        yield
    finally:
        _scope.objects = before


def custom_objects() -> Mapping[str, Any]:
    """What the enclosing scopes added and what was registered, name -> object."""
    return {**_registered, **_scope.objects} if _registered else _scope.objects


_registered: dict[str, Any] = {}  # "package>name" -> class or function
_names: dict[Any, str] = {}  # the other way round


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """A decorator: files and configurations may name this class or function, without custom_objects.

    Args:
        package: to keep names apart, default ``"Custom"``.
        name: default the name of the class or function. In files it is called ``"package>name"``.

    Raises:
        ValueError: for a class without `get_config`.

    >>> @register_keras_serializable("mine")
    ... def twice(x):
    ...     return x * 2
    >>> get_registered_name(twice)
    'mine>twice'
    >>> get_registered_object("mine>twice") is twice
    True
    """

    def decorate(thing: T) -> T:
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ValueError(f"[register_keras_serializable] class {thing.__name__} needs get_config(): what its constructor was given")
        full = f"{package}>{name or getattr(thing, '__name__', type(thing).__name__)}"
        _registered[full] = thing
        _names[thing] = full
        return thing

    return decorate


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, ``"package>name"``; else the name that it has.

    >>> get_registered_name(len)
    'len'
    """
    try:
        return _names.get(obj) or str(obj.__name__)
    except TypeError:  # it has no hash
        return str(obj.__name__)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The class or function of a name: from enclosing scopes, registered, from `custom_objects`, or from `module_objects`; else None.

    >>> get_registered_object("size", {"size": len}) is len
    True
    """
    for names in (_scope.objects, _registered, custom_objects or {}, module_objects or {}):
        if name in names:
            return names[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The dict of what was registered, name -> object; more can be put into it.

    >>> get_custom_objects()["absolute"] = abs
    >>> get_registered_object("absolute") is abs
    True
    >>> del get_custom_objects()["absolute"]
    """
    return _registered


class Configured:
    """Something whose constructor's arguments are attributes too; `fields` names those that make another one like it."""

    fields: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in self.fields}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """One made from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class Table:
    """Classes by their name, its snake case, and aliases.

    Args:
        kind: what they are, in messages: ``"initializer"``.
        base: the class they derive from.
        classes: in the order of the documentation.
        aliases: further spellings -> a callable that makes the object.
    """

    def __init__(self, kind: str, base: type, classes: list[type], aliases: Mapping[str, Callable[[], Any]] | None = None) -> None:
        self.kind, self.base, self.plural = kind, base, kind + ("es" if kind.endswith("s") else "s")
        self.classes: dict[str, type] = {c.__name__: c for c in classes}
        self.makers: dict[str, Callable[[], Any]] = {**self.classes, **{snake_case(n): c for n, c in self.classes.items()}}
        self.makers.update(aliases or {})

    def get(self, identifier: Any) -> Any:
        """An object from None, an instance, a class, a function, a name, or ``{"class_name": ..., "config": ...}``."""
        if identifier is None or isinstance(identifier, self.base):
            return identifier
        if isinstance(identifier, str):
            own = custom_objects().get(identifier)
            if own is not None:
                return self.get(own)
            if identifier not in self.makers:
                identifier = renames.keyword(self.kind, identifier) or identifier
            if identifier not in self.makers:
                raise ValueError(f"[{self.plural}] unknown {self.kind} {identifier!r}.{self._hint(identifier)}")
            return self._make(self.makers[identifier], {})
        if isinstance(identifier, Mapping):
            return self._from_config(identifier)
        if isinstance(identifier, type):
            if not issubclass(identifier, self.base):
                raise TypeError(f"[{self.plural}] expected a class derived from {self.base.__name__}. Received: {identifier.__name__}")
            return self._make(identifier, {})
        if callable(identifier):
            return identifier
        raise TypeError(f"[{self.plural}] expected a name, an instance or a function. Received: {identifier!r}")

    def _hint(self, name: str) -> str:
        close = did_you_mean(name, [n for n in self.makers if n not in self.classes] if name.islower() else list(self.makers))
        return close or f" Known: {', '.join(sorted(snake_case(n) for n in self.classes))}"

    def _make(self, maker: Callable[..., Any], config: Mapping[str, Any]) -> Any:
        try:
            return maker(**config)
        except TypeError as error:
            if config:
                raise
            name = getattr(maker, "__name__", self.kind)
            raise TypeError(f"[{self.plural}] {name} needs arguments; pass an instance, e.g. {name}(...). {error}") from None

    def _from_config(self, config: Mapping[str, Any]) -> Any:
        name, arguments = config.get("class_name"), config.get("config", {})
        if not isinstance(name, str) or not isinstance(arguments, Mapping):
            looks = "{'class_name': ..., 'config': {...}}"
            raise ValueError(f"[{self.plural}] a configuration looks like {looks}. Received: {dict(config)!r}")
        found: Any = custom_objects().get(name)
        if found is None:
            found = self.classes.get(name) or self.makers.get(name)
        if found is None:
            raise ValueError(
                f"[{self.plural}] unknown class {name!r}.{self._hint(name)} "
                f"A class of your own is found by custom_objects={{{name!r}: ...}}"
            )
        if isinstance(found, type) and hasattr(found, "from_config"):
            return found.from_config(dict(arguments))
        return found(**arguments) if arguments or isinstance(found, type) else found

    def serialize(self, value: Any) -> Any:
        """What `get` takes back: a class name and a configuration; for a function its name, which needs custom_objects on the way back."""
        if value is None:
            return None
        if isinstance(value, self.base):
            return {"class_name": get_registered_name(type(value)), "config": value.get_config()}  # type: ignore[attr-defined]
        return {"class_name": get_registered_name(value if hasattr(value, "__name__") else type(value)), "config": {}}


__all__ = ["Configured", "Table", "custom_object_scope", "custom_objects", "get_custom_objects", "get_registered_name",
           "get_registered_object", "register_keras_serializable", "snake_case"]  # fmt: skip

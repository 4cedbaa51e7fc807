"""Names the errors that gpudl raises, and words the hints in them ("Did you mean 'rho'?").

>>> from gpudl.errors import did_you_mean
>>> did_you_mean("rh", ["learning_rate", "rho"])
" Did you mean 'rho'?"
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from opcode import opmap
from typing import Any

_IMPORT_FROM = opmap["IMPORT_FROM"]


class GpudlError(Exception):
    """What every error class of gpudl derives from, beside the built-in class that fits it.

    >>> import gpudl
    >>> try:
    ...     gpudl.ones(2) + gpudl.ones(3)
    ... except GpudlError as error:
    ...     type(error).__name__, isinstance(error, ValueError)
    ('ShapeError', True)
    """


class ShapeError(GpudlError, ValueError):
    """Shapes that do not fit together, or do not fit an operation.

    >>> import gpudl
    >>> gpudl.ones(2) + gpudl.ones(3)
    Traceback (most recent call last):
        ...
    gpudl.errors.ShapeError: [add] shapes (2,) and (3,) do not broadcast: from the right, axes must be equal or 1
    """


class DTypeError(GpudlError, TypeError):
    """A dtype that an operation does not take.

    >>> import gpudl
    >>> -gpudl.tensor([True])
    Traceback (most recent call last):
        ...
    gpudl.errors.DTypeError: [negative] is not defined for bool; use logical_xor or logical_not, or...
    """


class BackendError(GpudlError, RuntimeError):
    """A device or a compiled module that is missing, or that failed.

    >>> import gpudl
    >>> try:
    ...     gpudl.ones(2, device="cuda:77")
    ... except BackendError as error:
    ...     "cuda:77" in str(error)
    True
    """


class CaptureError(GpudlError, RuntimeError):
    """A step that cannot be recorded, where recording was required.

    >>> import gpudl
    >>> step = gpudl.capture(lambda x: x * float(x.sum()), strict=True)
    >>> for _ in range(3):
    ...     result = step(gpudl.ones(2))
    Traceback (most recent call last):
        ...
    gpudl.errors.CaptureError: the captured function '<lambda>' stays eager, which is slower: a tensor...
    """


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A hint that ends an error message: `" Did you mean 'rho'?"`, or `""` if nothing looks alike.

    Args:
        name: what was written.
        candidates: what could have been meant.

    >>> did_you_mean("var_loss", ["loss", "val_loss", "accuracy"])
    " Did you mean 'val_loss'?"
    >>> did_you_mean("banana", ["loss", "val_loss"])
    ''
    """
    import difflib  # 4 ms that only a failing program pays

    by_lower = {str(candidate).lower(): str(candidate) for candidate in candidates}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


def unknown_keyword(where: str, name: str, allowed: Iterable[str]) -> TypeError:
    """The error to raise for a keyword argument that does not exist.

    Args:
        where: the function or class, as the user wrote it.
        name: the keyword received.
        allowed: the keywords that exist.

    >>> raise unknown_keyword("Adadelta", "rh", ["learning_rate", "rho"])
    Traceback (most recent call last):
    ...
    TypeError: [Adadelta] there is no keyword argument 'rh'. Did you mean 'rho'? Accepted: learning_rate, rho
    """
    allowed = list(dict.fromkeys(allowed))
    accepted = ", ".join(allowed) if allowed else "no keyword arguments"
    return TypeError(f"[{where}] there is no keyword argument {name!r}.{did_you_mean(name, allowed)} Accepted: {accepted}")


class MissingAttributeError(AttributeError):
    """An attribute that does not exist. The nearest one is looked for when the message is read: `hasattr` does not pay for it.

    Args:
        text: what is missing, and where.
        name: what was asked for.
        known: gives the names that there are.
    """

    def __init__(self, text: str, name: str = "", known: Callable[[], Iterable[str]] = tuple) -> None:
        super().__init__(text, name=name, obj=None)  # not the object: Python would add a hint of its own behind ours
        self.asked, self.known = name, known

    def __str__(self) -> str:
        hint = "" if self.asked.startswith("_") else did_you_mean(self.asked, self.known())
        return f"{self.args[0]}.{hint}" if hint else str(self.args[0])


def missing_in_object(held: Any, name: str) -> Any:
    """An object's `__getattr__`: Python comes here when an attribute is missing, or when a property raised an AttributeError.

    Raises:
        MissingAttributeError: with the nearest attribute; or what the property raises.

    >>> class Holder:
    ...     __getattr__ = missing_in_object
    ...     compile = 1
    >>> Holder().complie
    Traceback (most recent call last):
    ...
    gpudl.errors.MissingAttributeError: 'Holder' object has no attribute 'complie'. Did you mean 'compile'?
    """
    kind = type(held)
    if name[:2] != "__":
        found = getattr(kind, name, None)
        if isinstance(found, property) and found.fget is not None:
            return found.fget(held)
        from .renames import old_attribute

        old = old_attribute(kind, name)
        if old is not None:
            return old(held)
    raise MissingAttributeError(f"{kind.__name__!r} object has no attribute {name!r}", name, lambda: [n for n in dir(held) if n[0] != "_"])


def missing_in_module(module: str, name: str, known: Callable[[], Iterable[str]], text: str | None = None) -> Exception:
    """The error for a name that a module lacks, with the nearest one: AttributeError, or ImportError if `from module import name` asked.

    To be called by a module's `__getattr__` itself, or by a function that is called there.
    """
    frame = sys._getframe(2)
    while frame.f_code.co_name == "__getattr__" and frame.f_back is not None:
        frame = frame.f_back
    if frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM:  # Python drops the text of an AttributeError there
        hint = did_you_mean(name, known())
        file = getattr(sys.modules.get(module), "__file__", None)
        return ImportError(f"cannot import name {name!r} from {module!r}.{hint}", name=module, path=file)
    return MissingAttributeError(text or f"module {module!r} has no attribute {name!r}", name, known)


def missing_attribute(module: str, names: Iterable[str]) -> Callable[[str], object]:
    """A module's `__getattr__`: raises AttributeError for a name that does not exist, with the nearest one that does.

    >>> missing_attribute("gpudl.optimizers", ["SGD", "Adadelta"])("Adadeota")
    Traceback (most recent call last):
    ...
    gpudl.errors.MissingAttributeError: module 'gpudl.optimizers' has no attribute 'Adadeota'. Did you mean 'Adadelta'?

    In `from gpudl.optimizers import Adadeota` it is an ImportError that says the same.
    """
    known = list(names)

    def __getattr__(name: str) -> object:
        from .renames import IN_MODULES, in_module

        old = in_module(module, name)
        if old is not None:
            return old()
        raise missing_in_module(module, name, lambda: known if did_you_mean(name, known) else [n for m, n in IN_MODULES if m == module])

    return __getattr__

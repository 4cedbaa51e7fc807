"""Names the errors that gpudl raises, and words the hints in them ("Did you mean 'rho'?").

>>> from gpudl.errors import did_you_mean
>>> did_you_mean("rh", ["learning_rate", "rho"])
" Did you mean 'rho'?"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class GpudlError(Exception):
    """What every error class of gpudl derives from, beside the built-in class that fits it."""


class ShapeError(GpudlError, ValueError):
    """Shapes that do not fit together, or do not fit an operation."""


class DTypeError(GpudlError, TypeError):
    """A dtype that an operation does not take."""


class BackendError(GpudlError, RuntimeError):
    """A device or a compiled module that is missing, or that failed."""


class CaptureError(GpudlError, RuntimeError):
    """A step that cannot be recorded, where recording was required."""


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


def missing_attribute(module: str, names: Iterable[str]) -> Callable[[str], object]:
    """A module's `__getattr__`: raises AttributeError for a name that does not exist, with the nearest one that does.

    >>> missing_attribute("gpudl.optimizers", ["SGD", "Adadelta"])("Adadeota")
    Traceback (most recent call last):
    ...
    AttributeError: module 'gpudl.optimizers' has no attribute 'Adadeota'. Did you mean 'Adadelta'?
    """
    known = list(names)

    def __getattr__(name: str) -> object:
        from .renames import in_module

        old = in_module(module, name)
        if old is not None:
            return old()
        hint = "" if name.startswith("_") else did_you_mean(name, known)
        raise AttributeError(f"module {module!r} has no attribute {name!r}.{hint}")

    return __getattr__

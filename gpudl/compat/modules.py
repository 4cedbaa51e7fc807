"""Import module paths of older Keras: a finder that makes `gpudl.layers.convolutional` when somebody asks for it, and not before.

It answers for the paths in the table alone. A path that is a file of gpudl stays that file, and learns the names that have moved elsewhere.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..errors import did_you_mean
from .table import MODULES


def looked_up(where: str, targets: tuple[str, ...], name: str) -> Any:
    """A name of the modules that took over. Raises AttributeError with the nearest one."""
    known: list[str] = []
    for target in targets:
        module = import_module(target)
        if not name.startswith("_"):
            try:
                return getattr(module, name)
            except AttributeError:
                known += [n for n in dir(module) if not n.startswith("_")]
    hint = "" if name.startswith("_") else did_you_mean(name, known)
    raise AttributeError(f"module {where!r} has no attribute {name!r}.{hint}")


def attach(module: ModuleType, targets: tuple[str, ...]) -> None:
    """Let a module answer for names that it does not hold."""
    if "__getattr__" not in vars(module):
        vars(module)["__getattr__"] = lambda name: looked_up(module.__name__, targets, name)


class OldModules:
    """Finds the old paths, on `sys.meta_path` behind all others: it never stands before a file."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname not in MODULES:
            return None
        return ModuleSpec(fullname, OldModules, is_package=any(m.startswith(fullname + ".") for m in MODULES))  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name, "An older path of " + " and ".join(MODULES[spec.name]) + ".")

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        targets = MODULES[module.__name__]
        attach(module, targets)
        listed = [name for t in targets for name in getattr(import_module(t), "__all__", ())]
        vars(module)["__all__"] = list(dict.fromkeys(listed))  # for `import *`


def install() -> None:
    """Put the finder at the end of `sys.meta_path`, and let the files that have an old path's name know what has moved."""
    if OldModules not in sys.meta_path:
        sys.meta_path.append(OldModules)
    for name, targets in MODULES.items():
        module = sys.modules.get(name)
        if module is not None and getattr(module.__spec__, "loader", None) is not OldModules:
            attach(module, targets)


def uninstall() -> None:
    """Take the finder away again, and the modules that it made."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not OldModules]
    for name in MODULES:
        module = sys.modules.get(name)
        if module is not None and getattr(module.__spec__, "loader", None) is OldModules:
            del sys.modules[name]


__all__ = ["OldModules", "install", "uninstall"]

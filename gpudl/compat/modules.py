"""Import module paths of older Keras: a finder that makes `gpudl.layers.convolutional` when somebody asks for it, and not before.

It answers for the paths in the table alone. A path that is a file of gpudl stays that file, and learns the names that have moved elsewhere.
A second finder, behind it, names the module that a misspelt path probably means.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..errors import did_you_mean, missing_in_module
from .table import MODULES

HOUSE = __name__.split(".")[0]


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
    raise missing_in_module(where, name, lambda: known)


def attach(module: ModuleType, targets: tuple[str, ...]) -> None:
    """Let a module answer for names that it does not hold."""

    def __getattr__(name: str) -> Any:
        return looked_up(module.__name__, targets, name)

    vars(module).setdefault("__getattr__", __getattr__)


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


class Misspelt:
    """Stands last on `sys.meta_path`: says which module a misspelt path of gpudl means, if it is like one. It finds nothing itself."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> None:
        parent, _, name = fullname.rpartition(".")
        held = sys.modules.get(parent)
        imported = sys._getframe(2).f_code.co_name == "_find_and_load_unlocked"  # not by importlib.util.find_spec, which only asks
        if parent.split(".")[0] != HOUSE or held is None or name.startswith("_") or not imported:
            return
        from pkgutil import iter_modules  # 4 ms that only a failing program pays

        known = [info.name for info in iter_modules(getattr(held, "__path__", ())) if info.name[0] != "_"]
        known += [m.rpartition(".")[2] for m in MODULES if m.rpartition(".")[0] == parent]
        hint = did_you_mean(name, known).replace("'", f"'{parent}.", 1)
        if hint:
            raise ModuleNotFoundError(f"No module named {fullname!r}.{hint}", name=fullname)


def install() -> None:
    """Put the finders at the end of `sys.meta_path`, and let the files that have an old path's name know what has moved."""
    sys.meta_path += [finder for finder in (OldModules, Misspelt) if finder not in sys.meta_path]
    for name, targets in MODULES.items():
        module = sys.modules.get(name)
        if module is not None and getattr(module.__spec__, "loader", None) is not OldModules:
            attach(module, targets)


def uninstall() -> None:
    """Take the finders away again, and the modules that they made."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in (OldModules, Misspelt)]
    for name in MODULES:
        module = sys.modules.get(name)
        if module is not None and getattr(module.__spec__, "loader", None) is OldModules:
            del sys.modules[name]


__all__ = ["Misspelt", "OldModules", "install", "uninstall"]

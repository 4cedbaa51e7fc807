"""Run a script that imports keras or tensorflow.keras on gpudl, as it is: `python -m gpudl run script.py [args]`.

A finder answers for `keras` and `tensorflow` in this process alone, before any that are installed. `tensorflow` holds `tensorflow.keras`
and those functions that have a counterpart here; for everything else the error names what is missing.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any

from ..errors import did_you_mean, missing_in_module

# prefixes of module paths -> what stands there; the longest one wins
PREFIXES = {
    "keras": "gpudl",
    "tf_keras": "gpudl",
    "tensorflow.keras": "gpudl",
    "tensorflow.python.keras": "gpudl",
    "keras.api": "gpudl",
    "keras.src": "gpudl",
}
EMPTY = ("tensorflow", "tensorflow.python")

# names of tensorflow -> where they are here
TENSORFLOW = {
    **dict.fromkeys("keras".split(), "gpudl"),
    **{n: f"gpudl.{n}" for n in "Tensor Variable constant ones zeros eye random".split()},
    **{
        n: f"gpudl.ops.{n}"
        for n in (
            "abs add argmax argmin cast concat cos divide equal exp expand_dims floor greater less log matmul maximum minimum multiply "
            "not_equal ones_like reshape round sigmoid sign sin sqrt square squeeze stack subtract tanh tile transpose where zeros_like"
        ).split()
    },
    **{f"reduce_{n}": f"gpudl.ops.{n}" for n in "sum mean max min prod all any".split()},
    "concat": "gpudl.ops.concatenate",
    "nn": "gpudl.activations",
    "set_random_seed": "gpudl.utils.set_random_seed",
    "pow": "gpudl.ops.power",
    "range": "gpudl.arange",
    "convert_to_tensor": "gpudl.tensor",
}
DTYPES = "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 bool".split()


def found(path: str) -> Any:
    """The object at a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name) if module else import_module(name)


def _of_tensorflow(name: str) -> Any:
    if name in DTYPES:
        return name
    if name in TENSORFLOW:
        return found(TENSORFLOW[name])
    if name == "__version__":
        return "2.0.0+gpudl"
    text = f"gpudl has no tensorflow.{name}; of tensorflow it stands for tensorflow.keras and a few functions"
    raise missing_in_module("tensorflow", name, lambda: [*TENSORFLOW, *DTYPES], text)


def counterpart(fullname: str) -> str | None:
    """The module of gpudl that a path of keras or tensorflow means; "" for a package without one, None for other paths.

    >>> counterpart("tensorflow.keras.layers"), counterpart("keras"), counterpart("tensorflow"), counterpart("numpy")
    ('gpudl.layers', 'gpudl', '', None)
    """
    if fullname in EMPTY:
        return ""
    for prefix in sorted(PREFIXES, key=len, reverse=True):
        if fullname == prefix or fullname.startswith(prefix + "."):
            return PREFIXES[prefix] + fullname[len(prefix) :]
    return None


class Stand:
    """Finds keras and tensorflow, while a script runs."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.split(".")[0] not in ("keras", "tf_keras", "tensorflow"):
            return None
        meant = counterpart(fullname)
        if meant is None:
            raise ModuleNotFoundError(f"gpudl has no {fullname}; of tensorflow it stands for tensorflow.keras", name=fullname)
        if meant:
            try:
                import_module(meant)
            except ModuleNotFoundError as error:
                if error.name is None or not (meant + ".").startswith(error.name + "."):
                    raise
                parent, _, name = meant.rpartition(".")
                hint = did_you_mean(name, [n for n in dir(import_module(parent)) if not n.startswith("_")])
                raise ModuleNotFoundError(f"gpudl has no {fullname}, which would be {meant} here.{hint}", name=fullname) from None
        spec = ModuleSpec(fullname, Stand, is_package=True)  # type: ignore[arg-type]
        spec.loader_state = meant
        return spec

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        if spec.loader_state:
            module = import_module(spec.loader_state)
            spec.loader_state = module.__spec__  # the import system will set the other one
            return module
        module = ModuleType(spec.name, "What scripts use of tensorflow, in gpudl.")
        if spec.name == "tensorflow":
            vars(module)["__getattr__"] = _of_tensorflow
        return module

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        own = module.__spec__.loader_state if module.__spec__ is not None else None
        if own:
            module.__spec__ = own


def explain(error: BaseException, names: Iterable[str]) -> None:
    """Add what is probably meant where a whole package is misspelt: `from kernel.callbacks import EarlyStopping`.

    Args:
        error: what the script raised.
        names: what it has imported and made so far.
    """
    import difflib

    missing = error.name if isinstance(error, (ModuleNotFoundError, NameError)) else None
    if missing:
        known = [p for p in ("keras", "tensorflow") if not isinstance(error, NameError) or p in names]
        close = difflib.get_close_matches(missing.split(".")[0], known, n=1, cutoff=0.5)  # 'kernel' is not as like as a slip
        if close and missing.split(".")[0] not in (*known, "gpudl"):
            error.add_note(f"Did you mean {close[0]!r}?")


def run(script: str, arguments: Sequence[str] = ()) -> int:
    """Run a script as `python script.py arguments` would, with keras and tensorflow standing for gpudl. Returns the exit status.

    Args:
        script: path of the file.
        arguments: its `sys.argv[1:]`.
    """
    try:
        with io.open_code(os.path.abspath(script)) as file:
            source = file.read()
    except OSError as error:
        print(f"python -m gpudl run: can't open {script!r}: {error.strerror}", file=sys.stderr)
        return 2
    sys.argv[:] = [script, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    main = ModuleType("__main__")
    main.__file__ = script
    main.__loader__ = SourceFileLoader("__main__", script)
    vars(main).update(__builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = main
    sys.meta_path.insert(0, Stand)
    try:
        code = compile(source, script, "exec")
    except SyntaxError as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        return 1
    try:
        exec(code, vars(main))
    except SystemExit:
        raise
    except BaseException as error:
        explain(error, vars(main))
        behind = error.__traceback__.tb_next if error.__traceback__ else None  # from the script's own frame on
        sys.excepthook(type(error), error.with_traceback(behind), behind)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


__all__ = ["counterpart", "run"]

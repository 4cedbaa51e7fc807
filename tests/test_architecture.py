"""The house keeps its order: imports point upwards in one list of rooms, kernels are called in one place, names hide nothing."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import gpudl

HOUSE = Path(gpudl.__file__).parent

# Who may import whom: a room may import from its own and from those above it.
ROOMS = (
    ("env", "errors", "renames"),
    ("version", "native", "_build_record", "_cpu", "_cuda", "_cuda_emulated", "_cuda_checked", "config", "dtypes", "dtype_policies"),
    ("backends",),
    ("tensors",),
    ("versioned", "profiling", "op"),
    ("autograd",),
    ("variables",),
    ("ops",),
    ("peephole", "plan"),
    ("replay",),
    ("named", "random", "initializers", "regularizers", "constraints", "activations", "losses", "metrics"),
    ("layers",),
    ("optimizers",),
    ("callbacks",),
    ("models",),
    ("utils", "datasets", "mixed_precision", "preprocessing", "saving", "testing", "compat", "show", "__main__", "__init__"),
)
LEVEL = {name: level for level, names in enumerate(ROOMS) for name in names}

KERNEL_CALLERS = ("op.py", "plan.py", "backends/", "testing/")  # who may look up or call a kernel
LAUNCHERS = ("op.py", "autograd.py", "variables.py")  # who may launch without the tape
NO_BACKENDS = ("layers/", "layers.py", "losses", "optimizers/", "optimizers.py", "metrics", "activations", "regularizers")
LONGEST = 700  # lines


def files() -> list[str]:
    return sorted(str(f.relative_to(HOUSE)) for f in HOUSE.rglob("*.py") if f.name != "_build_record.py")


def room_of(file: str) -> str:
    return file.split("/")[0].removesuffix(".py")


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run: what stands under `if TYPE_CHECKING:` is left out."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from walk(child)


def parse(file: str) -> ast.Module:
    return ast.parse((HOUSE / file).read_text(), file)


def imported_rooms(file: str) -> Iterator[tuple[str, int]]:
    """(room, line) of everything of ours that a file imports."""
    parts = ("gpudl", *file.removesuffix(".py").split("/"))
    package = parts[:-1]
    for node in walk(parse(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "gpudl":
                    yield (alias.name.split(".") + ["__init__"])[1], node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            if base[:1] != ["gpudl"]:
                continue
            if len(base) > 1:
                yield base[1], node.lineno
            else:
                for alias in node.names:
                    is_module = (HOUSE / alias.name).is_dir() or (HOUSE / f"{alias.name}.py").exists()
                    yield alias.name if is_module else "__init__", node.lineno


@pytest.mark.parametrize("file", files())
def test_imports_point_upwards(file: str) -> None:
    room = room_of(file)
    assert room in LEVEL, f"gpudl/{file} belongs to no room; give it a place in ROOMS"
    for other, line in imported_rooms(file):
        assert other in LEVEL, f"gpudl/{file}:{line} imports {other}, which belongs to no room"
        assert LEVEL[other] <= LEVEL[room], f"gpudl/{file}:{line} imports {other}, which lies below {room} in the list of rooms"


def test_a_wrong_import_would_be_noticed() -> None:
    assert ("op", 19) not in list(imported_rooms("tensors.py"))
    assert "backends" in {room for room, _ in imported_rooms("tensors.py")}
    assert "plan" not in {room for room, _ in imported_rooms("tensors.py")}, "imports for type checkers are exempt"
    assert LEVEL["layers"] > LEVEL["ops"] > LEVEL["tensors"]


def names_in(file: str) -> Iterator[tuple[str, int]]:
    """Every identifier of a file's code: names, attributes, imports."""
    for node in walk(parse(file)):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.alias):
            yield node.name, node.lineno


@pytest.mark.parametrize("file", [f for f in files() if f.startswith(NO_BACKENDS)])
def test_layers_losses_and_optimizers_never_mention_a_backend(file: str) -> None:
    for name, line in names_in(file):
        assert "backend" not in name.lower(), f"gpudl/{file}:{line} mentions {name}"


@pytest.mark.parametrize("file", [f for f in files() if not f.startswith(KERNEL_CALLERS)])
def test_only_launch_and_plans_call_kernels(file: str) -> None:
    for name, line in names_in(file):
        assert name not in ("run_reference", "bound_reference"), f"gpudl/{file}:{line} touches a kernel"
    for node in walk(parse(file)):
        if isinstance(node, ast.Attribute) and node.attr == "kernels" and file != "show.py":
            assert "backend" not in ast.unparse(node.value), f"gpudl/{file}:{node.lineno} looks up a kernel"
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            assert name != "reference", f"gpudl/{file}:{node.lineno} calls a kernel"
            assert name != "launch" or file in LAUNCHERS, f"gpudl/{file}:{node.lineno} launches past apply()"


@pytest.mark.parametrize("file", files())
def test_files_are_short(file: str) -> None:
    assert len((HOUSE / file).read_text().splitlines()) < LONGEST


@pytest.mark.parametrize("file", files())
def test_files_say_what_they_are_for(file: str) -> None:
    assert ast.get_docstring(parse(file)) or not (HOUSE / file).read_text().strip(), f"gpudl/{file} has no header"


def modules() -> list[ModuleType]:
    skipped = ("__main__", "_cpu", "_cuda", "_build_record")
    names = [info.name for info in pkgutil.walk_packages(gpudl.__path__, "gpudl.")]
    return [gpudl, *[importlib.import_module(name) for name in names if name.split(".")[-1] not in skipped]]


def test_no_function_hides_a_module() -> None:
    for module in modules():
        parent, _, name = module.__name__.rpartition(".")
        if parent:
            assert getattr(sys.modules[parent], name) is module, f"{parent}.{name} is not the module of that name: something hides it"


def test_listed_names_exist() -> None:
    for module in modules():
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), f"{module.__name__}.__all__ lists {name}, which is not there"


def test_public_names_are_listed() -> None:
    """`gpudl` and `gpudl.ops` show the names that they list, and no others (beside their submodules)."""
    listed = {name for m in modules() if m.__name__.startswith("gpudl.ops.") for name in getattr(m, "__all__", ())}
    for module, names in ((gpudl, set(gpudl.__all__)), (gpudl.ops, listed)):
        seen = {n for n, v in vars(module).items() if not n.startswith("_") and n != "annotations" and not isinstance(v, ModuleType)}
        hidden = seen - names
        assert not hidden, f"{module.__name__} shows {', '.join(sorted(hidden))}, which it does not list"
        assert len(gpudl.__all__) == len(set(gpudl.__all__))

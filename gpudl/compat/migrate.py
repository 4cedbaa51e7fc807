"""Rewrite a script for gpudl: import lines and old spellings. `python -m gpudl migrate script.py` prints the diff, `--write` applies it.

The syntax tree says where a name stands; the text is changed in these places alone, so comments and layout stay.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from ..renames import keyword
from .run import DTYPES, TENSORFLOW, counterpart
from .table import MODULES, NAMES, RENAMES, VALUES

METHODS = ("fit", "compile", "evaluate", "predict", "to_categorical")
OLD_METHODS = {"fit_generator": "fit", "evaluate_generator": "evaluate", "predict_generator": "predict", "predict_proba": "predict"}
LOGS = {old: new for (owner, old), new in RENAMES.items() if owner == "logs"}
CLASSES = {"Convolution2D": "Conv2D", **{old: new for names in NAMES.values() for old, new in names.items()}}


def today(path: str) -> str | None:
    """Where the names of a module of keras or tensorflow are now; None for other modules."""
    found = counterpart(path)
    if not found:
        return found
    return MODULES[found][0] if found in MODULES and found != "gpudl.backend" else found


class Rewriter:
    """Finds the places to change in one script.

    >>> print(Rewriter("from keras.layers.core import Dropout\\nd = Dropout(p=0.5)  # half\\n").result(), end="")
    from gpudl.layers import Dropout
    d = Dropout(rate=0.5)  # half
    """

    def __init__(self, source: str, name: str = "script.py") -> None:
        self.source = source
        self.tree = ast.parse(source, name)
        self.lines = [line.encode() for line in source.splitlines(keepends=True)]
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        self.comments = [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]
        self.edits: list[tuple[int, int, int, str]] = []  # line from 0, first and last byte, new text
        self.roots: dict[str, str] = {}  # names that mean modules of keras -> those of gpudl
        self.tensorflow: set[str] = set()  # names that mean tensorflow
        self.names: dict[str, tuple[str, str]] = {}  # local name -> (module of gpudl, name there)
        self.stars: list[str] = []
        self.notes: list[str] = []

    # places -------------------------------------------------------------------------------------------------------------------

    def put(self, node: Any, text: str, length: int | None = None) -> None:
        """Replace a node, or so many bytes from its start."""
        line = node.lineno - 1
        end = node.end_col_offset if length is None else node.col_offset + length
        last = node.end_lineno - 1 if length is None else line
        if last == line:
            self.edits.append((line, node.col_offset, end, text))
            return
        rest = self.lines[last][end:]
        ending = len(self.lines[line]) if rest.strip() else len(self.lines[line].rstrip(b"\r\n"))  # what is left stays on this line
        self.edits.append((line, node.col_offset, ending, text))
        for between in range(line + 1, last):
            self.edits.append((between, 0, len(self.lines[between]), ""))
        self.edits.append((last, 0, len(self.lines[last]) if not rest.strip() else end, ""))

    def result(self) -> str:
        """The script as it should be."""
        self.look_at_imports()
        for node in ast.walk(self.tree):
            self.look_at(node)
        lines = list(self.lines)
        for line, start, end, text in sorted(set(self.edits), reverse=True):
            lines[line] = lines[line][:start] + text.encode() + lines[line][end:]
        text = b"".join(lines).decode()
        ast.parse(text)
        return text

    # imports ------------------------------------------------------------------------------------------------------------------

    def look_at_imports(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                self.look_at_import(node)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self.look_at_from(node)

    def look_at_import(self, node: ast.Import) -> None:
        kept: list[str] = []
        for alias in node.names:
            module, name = today(alias.name), alias.asname or alias.name.split(".")[0]
            shown = alias.name + (f" as {alias.asname}" if alias.asname else "")
            if module is None:
                kept.append(shown)
            elif module == "" or (not alias.asname and alias.name.startswith("tensorflow.")):
                self.tensorflow.add(name)
                if self.bound_elsewhere("keras", node):
                    self.roots["keras"] = "gpudl"
                elif self.used(name):
                    line = "gpudl" if name == "gpudl" else f"gpudl as {'keras' if self.free('keras') else name}"
                    kept.append(line)
                    self.roots[line.split()[-1]] = "gpudl"
            elif alias.asname:
                self.roots[name] = module
                kept.append(f"{module} as {name}")
            else:
                self.roots[name] = "gpudl"
                kept.append(f"gpudl as {name}")
        new = "import " + ", ".join(dict.fromkeys(kept)) if kept else ""
        if new:
            if new != "import " + ", ".join(a.name + (f" as {a.asname}" if a.asname else "") for a in node.names):
                self.put(node, new)
        elif len(self.body_of(node)) > 1:
            at = node.lineno - 1
            alone = self.lines[at].split(b"#")[0].strip() == self.lines[at][node.col_offset : node.end_col_offset]
            if alone:
                self.edits.append((at, 0, len(self.lines[at]), ""))
            else:
                self.put(node, "pass")
        else:
            self.put(node, "pass")

    def body_of(self, node: ast.AST) -> list[ast.stmt]:
        """The statements that a statement stands among."""
        for parent in ast.walk(self.tree):
            for field in ("body", "orelse", "finalbody"):
                body: Any = getattr(parent, field, None)
                if isinstance(body, list) and node in body:
                    return body
        return []

    def used(self, name: str) -> bool:
        return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(self.tree))

    def bound_elsewhere(self, name: str, node: ast.Import) -> bool:
        """Whether another import makes this name."""
        imports = [n for n in ast.walk(self.tree) if isinstance(n, (ast.Import, ast.ImportFrom)) and n is not node]
        return any((a.asname or a.name.split(".")[0]) == name for n in imports for a in n.names)

    def free(self, name: str) -> bool:
        """Whether nothing else is called so: only the keras of this script."""
        taken = [n for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)]
        return not taken

    def look_at_from(self, node: ast.ImportFrom) -> None:
        path = node.module or ""
        module = today(path)
        if module is None:
            return
        if module == "":
            for alias in node.names:
                if counterpart(f"{path}.{alias.name}"):
                    self.roots[alias.asname or alias.name] = "gpudl"
                    self.put(node, f"import gpudl as {alias.asname or alias.name}")
                else:
                    self.notes.append(f"line {node.lineno}: gpudl has no {path}.{alias.name}")
            return
        places: dict[str, list[str]] = {}
        written: list[tuple[ast.alias, str]] = []
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            name, local = alias.name, alias.asname or alias.name
            old = f"{module}.{name}"
            here, new = module, NAMES.get(module, {}).get(name, name)
            if old in MODULES and old != "gpudl.backend":  # from keras.utils import np_utils
                here, _, new = MODULES[old][0].rpartition(".")
                self.roots[local] = f"{here}.{new}"
            elif name in CLASSES and name == "Convolution2D":
                new = "Conv2D"
                self.names[local] = (module, name)
            else:
                self.roots[local] = old
                self.names[local] = (module, name)
            final = local if alias.asname or old in MODULES else new
            written.append((alias, new if new == final else f"{new} as {final}"))
            places.setdefault(here, []).append(written[-1][1])
        plain = [n for names in places.values() for n in names]
        same = module == path and plain == [a.name + (f" as {a.asname}" if a.asname else "") for a in node.names]
        if same:
            return
        begins = re.compile(rb"from(\s+)([\w.]+)").match(self.lines[node.lineno - 1], node.col_offset)
        if len(places) == 1 and begins is not None and begins[2].decode() == path:  # each name where it stands, so comments stay beside it
            self.edits.append((node.lineno - 1, begins.start(2), begins.end(2), next(iter(places))))
            seen: list[str] = []
            for alias, new in written:
                if new in seen and node.end_lineno == node.lineno:  # two old names of one thing
                    self.drop(alias)
                elif new != alias.name + (f" as {alias.asname}" if alias.asname else ""):
                    self.put(alias, new)
                seen.append(new)
            return
        indent = " " * node.col_offset
        texts = [f"from {here} import {', '.join(dict.fromkeys(names))}" for here, names in places.items()]
        kept = self.comments_in(node)
        if kept and self.lines[node.lineno - 1][: node.col_offset].strip():
            self.notes.append(f"line {node.lineno}: comments within this import were left out: {' '.join(kept)}")
            kept = []
        self.put(node, f"\n{indent}".join([*kept, *texts]))

    def drop(self, alias: ast.alias) -> None:
        """Take a name out of a list of names, with the comma before it."""
        line = self.lines[alias.lineno - 1]
        start = line.rindex(b",", 0, alias.col_offset)
        self.edits.append((alias.lineno - 1, start, alias.end_col_offset or 0, ""))

    def comments_in(self, node: ast.stmt) -> list[str]:
        """The comments on the lines of a statement, but for the one behind its end."""
        last = node.end_lineno or node.lineno
        return [text for line, text in self.comments if node.lineno <= line < last]

    # spellings ----------------------------------------------------------------------------------------------------------------

    def dotted(self, node: ast.AST) -> tuple[str, str] | None:
        """(module of gpudl, name) that an expression means, as far as the imports say."""
        if isinstance(node, ast.Name):
            if node.id in self.names:
                return self.names[node.id]
            for module in self.stars:
                if (
                    node.id in getattr(import_module(module), "__all__", ())
                    or node.id in NAMES.get(module, {})
                    or node.id == "Convolution2D"
                ):
                    return module, node.id
            return None
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not parts or not isinstance(node, ast.Name):
            return None
        if node.id in self.tensorflow and parts[0] == "keras":
            base = "gpudl"
            parts = parts[1:]
        elif node.id in self.roots:
            base = self.roots[node.id]
        else:
            return None
        return (".".join([base, *parts[:-1]]), parts[-1]) if parts else None

    def look_at(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self.look_at_call(node)
        elif isinstance(node, ast.Attribute):
            self.look_at_attribute(node)
        elif isinstance(node, ast.Subscript):
            value = node.slice
            if isinstance(node.value, ast.Attribute) and node.value.attr == "history" and isinstance(value, ast.Constant):
                self.log_name(value)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            meant = self.dotted(node)
            if meant is not None and node.id == meant[1]:
                new = "Conv2D" if node.id == "Convolution2D" else NAMES.get(meant[0], {}).get(node.id)
                if new:
                    self.put(node, new)

    def log_name(self, node: ast.expr) -> None:
        """`"acc"` and `"val_acc"`."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            prefix = "val_" if node.value.startswith("val_") else ""
            bare = node.value.removeprefix("val_")
            if bare == "acc":
                self.text(node, prefix + LOGS[bare])

    def text(self, node: ast.Constant, new: str) -> None:
        """Replace a string, in the quotes it had."""
        quote = self.lines[node.lineno - 1][node.col_offset : node.col_offset + 1].decode()
        self.put(node, f"{quote}{new}{quote}" if quote in "'\"" else repr(new))

    def look_at_attribute(self, node: ast.Attribute) -> None:
        if node.attr == "lr" and isinstance(node.value, ast.Attribute) and node.value.attr == "optimizer":
            self.name_at_end(node, "learning_rate")
        elif node.attr in OLD_METHODS and self.dotted(node) is None:
            self.name_at_end(node, OLD_METHODS[node.attr])
        if node.attr == "predict_classes":
            self.notes.append(
                f"line {node.lineno}: write predict(x).argmax(axis=-1) for predict_classes, or predict(x) > 0.5 for one output"
            )
        if isinstance(node.value, ast.Name) and node.value.id in self.tensorflow:
            new = "keras" if "keras" in self.roots else node.value.id
            if node.attr == "keras":
                self.put(node, new)
            elif node.attr in TENSORFLOW:
                self.put(node, new + TENSORFLOW[node.attr].removeprefix("gpudl"))
            elif node.attr in DTYPES:
                self.put(node, f'"{node.attr}"')
            else:
                self.notes.append(f"line {node.lineno}: gpudl has no tensorflow.{node.attr}")
            return
        meant = self.dotted(node)
        if meant is not None:
            new_name = "Conv2D" if node.attr == "Convolution2D" else NAMES.get(meant[0], {}).get(node.attr)
            if new_name:
                self.name_at_end(node, new_name)
            elif f"{meant[0]}.{meant[1]}" in MODULES and meant[1] != "backend":
                target = MODULES[f"{meant[0]}.{meant[1]}"][0]
                if target == meant[0]:
                    self.edits.append((node.end_lineno - 1, node.value.end_col_offset or 0, node.end_col_offset or 0, ""))  # type: ignore[operator]
                else:
                    self.name_at_end(node, target.rpartition(".")[2])

    def name_at_end(self, node: ast.Attribute, new: str) -> None:
        end = node.end_col_offset or 0
        self.edits.append(((node.end_lineno or 1) - 1, end - len(node.attr.encode()), end, new))

    def look_at_call(self, node: ast.Call) -> None:
        meant = self.dotted(node.func)
        owner: Any = None
        if meant is not None:
            name = "Conv2D" if meant[1] == "Convolution2D" else NAMES.get(meant[0], {}).get(meant[1], meant[1])
            owner = name if name in METHODS else getattr(import_module_or_none(today_of(meant[0])), name, None)
            if meant[1] == "Convolution2D":
                self.rows_and_columns(node)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            owner = node.func.attr
        for k in node.keywords:
            if k.arg is None:
                continue
            if k.arg == "metrics" and isinstance(k.value, (ast.List, ast.Tuple)):
                for item in k.value.elts:
                    self.log_name(item)
            if k.arg == "monitor":
                self.log_name(k.value)
            new = keyword(owner, k.arg) if isinstance(owner, (str, type)) else None
            if new is not None:
                self.put(k, new, len(k.arg.encode()))
                if isinstance(k.value, ast.Constant) and isinstance(k.value.value, str) and (k.arg, k.value.value) in VALUES:
                    found = VALUES[k.arg, k.value.value]
                    self.text(k.value, found) if found is not None else self.put(k.value, "None")

    def rows_and_columns(self, node: ast.Call) -> None:
        """`Convolution2D(32, 3, 3)`: rows and columns become a kernel size."""
        if len(node.args) == 3 and node.args[1].end_lineno == node.args[2].lineno and not isinstance(node.args[1], ast.Tuple):
            self.edits.append((node.args[1].lineno - 1, node.args[1].col_offset, node.args[1].col_offset, "("))
            end = node.args[2]
            self.edits.append(((end.end_lineno or 1) - 1, end.end_col_offset or 0, end.end_col_offset or 0, ")"))
        elif len(node.args) > 2:
            self.notes.append(f"line {node.lineno}: write rows and columns of this Convolution2D as one kernel_size")


def today_of(module: str) -> str:
    return MODULES[module][0] if module in MODULES else module


def import_module_or_none(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def changed_lines(before: str, after: str, name: str) -> Iterator[str]:
    """The unified diff."""
    return difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, name)


def migrate(script: str, write: bool = False) -> int:
    """Print the diff that makes a script import gpudl, and change the file if asked to. Returns the exit status.

    Args:
        script: path of the file.
        write: change the file. Default False.
    """
    path = Path(script)
    try:
        raw = path.read_bytes()
        encoding = tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
        source = raw.decode(encoding)
        rewriter = Rewriter(source, script)
        new = rewriter.result()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        print(f"[migrate] {script} cannot be read: {error}", file=sys.stderr)
        return 2
    sys.stdout.writelines(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in changed_lines(source, new, script)
    )
    for note in dict.fromkeys(rewriter.notes):
        print(f"[migrate] {script}, {note}", file=sys.stderr)
    if write and new != source:
        path.write_bytes(new.encode(encoding))
    return 0


__all__ = ["Rewriter", "migrate"]

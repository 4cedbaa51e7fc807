"""Read and write `.safetensors` files of arrays and one JSON document: whole or not at all, checked by a hash, nothing but data."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from .. import dtypes

Array = np.ndarray[Any, Any]
EXTENSION = ".safetensors"
FORMAT = "gpudl 1"
deserialize: Any = safetensors.deserialize  # it has no types
_LETTERS = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8", "U16": "uint16", "U32": "uint32",
    "U64": "uint64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
}  # fmt: skip


def digest(arrays: Mapping[str, Array], document: str) -> str:
    """One hash over everything in a file."""
    h = hashlib.sha256(document.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        h.update(f"\0{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        h.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return h.hexdigest()


def checked_target(what: str, path: Path, overwrite: bool) -> Path:
    """The file that a path leads to, if it may be written.

    Raises:
        FileExistsError: if there is a file and `overwrite` is False.
        FileNotFoundError, IsADirectoryError: if the folder does not exist, or the path is one.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"[{what}] {str(path)!r} is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"[{what}] the folder {str(target.parent)!r} does not exist")
    if target.exists() and not overwrite:
        raise FileExistsError(f"[{what}] {str(path)!r} exists; pass overwrite=True to replace it")
    return target


def put(target: Path, data: bytes) -> None:
    """Write a file beside its place and move it there. An old file survives every failure, and nothing else is left behind."""
    beside = target.parent / f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write(what: str, path: Path, arrays: Mapping[str, Array], document: Mapping[str, Any], overwrite: bool) -> None:
    """Write a file beside its place and move it there. An old file survives every failure, and nothing else is left behind.

    Raises:
        TypeError: if the document holds something that is not plain data.
        FileExistsError: if there is a file and `overwrite` is False.
        FileNotFoundError: if the folder does not exist.
    """
    try:
        text = json.dumps(document)
    except (TypeError, ValueError) as error:
        raise TypeError(f"[{what}] a configuration must hold numbers, strings, lists and dicts only: {error}") from None
    target = checked_target(what, path, overwrite)
    data = safetensors.numpy.save(
        {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in arrays.items()},
        {"format": FORMAT, "document": text, "sha256": digest(arrays, text)},
    )
    put(target, data)


def contents(what: str, path: str | PathLike[str]) -> bytes:
    """The bytes of a file.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is no such file.
    """
    found = Path(path)
    if found.is_dir():
        saved = (found / "saved_model.pb").exists()
        hint = ". It is a SavedModel of TensorFlow; load it there and save it as '.keras' or '.h5'" if saved else ""
        raise IsADirectoryError(f"[{what}] {str(path)!r} is a folder, not a file{hint}")
    if not found.exists():
        raise FileNotFoundError(f"[{what}] there is no file {str(path)!r}")
    return found.read_bytes()


def read(what: str, path: str | PathLike[str], data: bytes | None = None) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the document of a file that `write` made; `data` are its bytes, if they are there already.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is no such file.
        ValueError: for files that are damaged or not ours.
    """
    data = contents(what, path) if data is None else data
    try:
        held = deserialize(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        arrays = {name: as_array(part) for name, part in held}
        about = header.get("__metadata__") or {}
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"[{what}] {str(path)!r} is damaged, or no {EXTENSION} file: {error}") from None
    if about.get("format") != FORMAT:
        raise ValueError(f"[{what}] {str(path)!r} was not written by this version of gpudl. Its format: {about.get('format')!r}")
    text = about.get("document", "")
    if digest(arrays, text) != about.get("sha256"):
        raise ValueError(f"[{what}] {str(path)!r} is damaged: its contents do not agree with its checksum")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"[{what}] {str(path)!r} is damaged: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"[{what}] {str(path)!r} does not hold a model")
    return arrays, document


def as_array(part: Mapping[str, Any]) -> Array:
    letters = part["dtype"]
    if letters not in _LETTERS:
        raise ValueError(f"dtype {letters} is not a number type of gpudl")
    flat = np.frombuffer(part["data"], dtypes.standard(_LETTERS[letters]))
    return flat.reshape(part["shape"])


__all__ = ["EXTENSION", "checked_target", "contents", "digest", "put", "read", "write"]

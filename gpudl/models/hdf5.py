"""Read and write HDF5 files as plain data: arrays, names and texts, from nowhere but the file itself, and no larger than what it holds."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import dtypes

Array = np.ndarray[Any, Any]
SEAL = b"\ngpudl sha256 "
SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEADER = 64_512  # bytes that an attribute may have
EXPANSION = 1_100  # no compression that HDF5 has makes more of a byte
SMALL = 1 << 20  # bytes; below this nothing is worth a refusal
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, MemoryError, EOFError,
          zipfile.BadZipFile, zlib.error, struct.error)  # fmt: skip


def h5py_for(what: str) -> Any:
    """h5py, which is imported when it is needed.

    Raises:
        ImportError: if it is not installed, with the line that installs it.
    """
    try:
        import h5py
    except ImportError:
        raise ImportError(
            f"[{what}] Keras' files need the package h5py. Install it: pip install h5py, or pip install 'gpudl[hdf5]'. "
            "Files that end in '.safetensors' need nothing more"
        ) from None
    return h5py


@contextmanager
def damage_named(what: str, path: Any) -> Iterator[None]:
    """What goes wrong in reading a file becomes one ValueError that names it; errors of ours, which begin with a bracket, pass."""
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, ValueError | TypeError) and str(error).startswith("["):
            raise
        raise ValueError(f"[{what}] {str(path)!r} is damaged, or no file of Keras: {error!s:.500}") from None


@contextmanager
def opened(what: str, path: Any, data: bytes) -> Iterator[Any]:
    """An HDF5 file in memory, to be read; `path` is for messages."""
    h5py = h5py_for(what)
    with damage_named(what, path), h5py.File(io.BytesIO(unsealed(what, path, data)), "r") as file:
        yield file


def sealed(data: bytes) -> bytes:
    """An HDF5 file with a checksum behind its end, where nobody else looks. A program that changes the file takes it away."""
    return data + SEAL + hashlib.sha256(data).hexdigest().encode()


def unsealed(what: str, path: Any, data: bytes) -> bytes:
    """The file without its checksum, if it has one and that is right. The HDF5 library is not made for damaged files: it may crash.

    Raises:
        ValueError: if the file was damaged.
    """
    place = len(data) - len(SEAL) - 64
    if place < 0 or data[place : place + len(SEAL)] != SEAL:
        return data
    if hashlib.sha256(data[:place]).hexdigest().encode() != data[place + len(SEAL) :]:
        raise ValueError(f"[{what}] {str(path)!r} is damaged: its contents do not agree with its checksum")
    return data[:place]


def written(what: str, fill: Callable[[Any], None]) -> bytes:
    """The bytes of an HDF5 file that `fill` was handed to put something in."""
    h5py = h5py_for(what)
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        fill(file)
    return held.getvalue()


# groups and arrays -------------------------------------------------------------------------------------------------------------


def member(group: Any, name: str) -> Any:
    """What stands in a group by this name, None if nothing does. What lies in other places is refused.

    Raises:
        ValueError: for links, which may lead into other files.
    """
    for part in [p for p in name.split("/") if p]:
        kind = group.get(part, getlink=True) if hasattr(group, "get") else None
        if kind is None:
            return None
        if type(kind).__name__ != "HardLink":
            raise ValueError(f"it has a link, {name!r}, where data are expected")
        group = group[part]
    return group


def groups(group: Any) -> dict[str, Any]:
    """The groups in a group."""
    found = {name: member(group, name) for name in group}
    return {name: g for name, g in found.items() if hasattr(g, "keys")}


def checked(dataset: Any, name: str) -> Any:
    """A dataset that holds numbers, itself, and not more than its bytes can make.

    Raises:
        ValueError: for anything else.
    """
    if dataset is None or not hasattr(dataset, "shape"):
        raise ValueError(f"it lacks the array {name!r}")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"the array {name!r} lies in another file")
    if dataset.shape is None or (dataset.dtype.kind not in "biuf" and not is_bfloat16(dataset)):
        raise ValueError(f"the array {name!r} does not hold numbers")
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size > SMALL and size > EXPANSION * dataset.id.get_storage_size():
        raise ValueError(f"the array {name!r} claims to have {size:,} bytes, but {dataset.id.get_storage_size():,} are there")
    return dataset


def is_bfloat16(dataset: Any) -> bool:
    mark = dataset.attrs.get("dtype")
    return dataset.dtype.itemsize == 2 and (dataset.dtype.name == "bfloat16" or text(mark) == "bfloat16")


def read(dataset: Any) -> Array:
    """A copy of an array."""
    held = np.asarray(dataset[()])
    if is_bfloat16(dataset) and held.dtype.name != "bfloat16":
        held = held.view(dtypes.standard("bfloat16"))
    return np.ascontiguousarray(held.astype(held.dtype.newbyteorder("="), copy=False)).reshape(held.shape)


def write(group: Any, name: str, array: Array) -> None:
    """Put an array into a group, as Keras does."""
    dataset = group.create_dataset(name, data=array)
    if array.dtype.name == "bfloat16":
        dataset.attrs["dtype"] = "bfloat16"


def count_numbers(group: Any) -> int:
    """How many numbers the arrays below a group hold, each counted once, for a group may hold itself; none is read."""
    total, seen, stack = 0, {group}, [group]
    while stack:
        here = stack.pop()
        for name in here:
            found = member(here, name)
            if found in seen:
                continue
            seen.add(found)
            if hasattr(found, "keys"):
                stack.append(found)
            else:
                total += math.prod(checked(found, name).shape)
    return total


# attributes --------------------------------------------------------------------------------------------------------------------


def text(value: Any) -> str | None:
    """A text that was kept as bytes or as a text; None for what is neither."""
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value[()]
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value if isinstance(value, str) else None


def texts(group: Any, name: str) -> list[str] | None:
    """A list of texts, which may be kept in pieces ``name0``, ``name1`` …; None if there is none."""
    pieces = [group.attrs[name]] if name in group.attrs else []
    if not pieces:
        while f"{name}{len(pieces)}" in group.attrs:
            pieces.append(group.attrs[f"{name}{len(pieces)}"])
    if not pieces:
        return None
    found = [text(t) for piece in pieces for t in np.atleast_1d(piece)]
    if None in found:
        raise ValueError(f"{name} is not a list of names")
    return found  # type: ignore[return-value]


def write_texts(group: Any, name: str, values: Iterable[str]) -> None:
    """Keep a list of texts, in as many pieces as their length needs."""
    held = np.array([v.encode("utf-8") for v in values])
    if held.size and held.itemsize > HEADER:
        raise ValueError(f"[save] a name is too long for this kind of file: {held.itemsize:,} bytes")
    pieces = np.array_split(held, max(1, -(-held.nbytes // HEADER)))
    while any(p.nbytes > HEADER for p in pieces):
        pieces = np.array_split(held, len(pieces) + 1)
    for i, piece in enumerate(pieces):
        group.attrs[name if len(pieces) == 1 else f"{name}{i}"] = piece


__all__ = ["SIGNATURE", "checked", "count_numbers", "damage_named", "groups", "h5py_for", "member", "opened", "read", "sealed", "text",
           "texts", "write", "write_texts", "written"]  # fmt: skip

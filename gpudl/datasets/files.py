"""Find and read the files of image data sets: Keras' ``.npz``, and MNIST's own ``.gz``. Nothing in a file is ever run or unpickled."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
NPZ = ("x_train", "y_train", "x_test", "y_test")
MOST = 1 << 31  # bytes of pictures in one file; a header that promises more is wrong


def folders() -> list[Path]:
    """Where files are looked for: Keras' cache, then ours."""
    return [Path.home() / ".keras" / "datasets", Path.home() / ".gpudl" / "datasets"]


def find(where: str, path: Any, names: Sequence[str], wanted: str) -> Path:
    """The file or folder that `path` names, else the first of `names` that lies in a cache.

    Args:
        where: for messages: ``"mnist.load_data"``.
        path: an existing path, or a name in a cache, or None.
        names: looked for in the caches if path is None.
        wanted: what the user should put there, for the message.

    Raises:
        FileNotFoundError: with what was looked for, where, and what to put there.
    """
    if path is not None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"[{where}] path must name a file or a folder. Received: path={path!r}")
        given = Path(path).expanduser()
        names = (os.fspath(path),)
        if given.exists():
            return given
    for folder in folders():
        for name in names:
            if (folder / name).exists():
                return folder / name
    places = " or ".join(str(folder) for folder in folders())
    looked = f"there is no file {os.fspath(path)!r}, neither here nor" if path is not None else f"there is no {' or '.join(names)}"
    raise FileNotFoundError(f"[{where}] {looked} in {places}. gpudl downloads nothing. {wanted}, or pass its place: load_data(path=...)")


def read_npz(where: str, file: Path) -> Split:
    """Keras' format: the arrays x_train, y_train, x_test, y_test in one ``.npz`` file."""
    try:
        with file.open("rb") as stream:
            held = np.load(stream, allow_pickle=False)
            if not hasattr(held, "files"):
                raise ValueError(f"[{where}] {file} holds one array; {', '.join(NPZ)} are expected")
            missing = [name for name in NPZ if name not in held]
            if missing:
                raise ValueError(f"[{where}] {file} has no {', '.join(missing)}: it holds {', '.join(held.files) or 'nothing'}")
            x_train, y_train, x_test, y_test = (held[name] for name in NPZ)
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"[{where}] {file} is no whole .npz file: {error}") from None
    except ValueError as error:
        if str(error).startswith(f"[{where}]"):
            raise
        raise ValueError(f"[{where}] {file} cannot be read safely: {error}") from None
    return (x_train, y_train), (x_test, y_test)


def read_idx(where: str, file: Path) -> Array:
    """One file of unsigned bytes in MNIST's format, as it is or compressed by gzip."""
    opener: Any = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rb") as stream:
            magic = stream.read(4)
            if len(magic) != 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 3:
                raise ValueError(f"[{where}] {file} does not begin as a file of MNIST does. Received: {magic!r}")
            sizes = struct.unpack(f">{magic[3]}I", stream.read(4 * magic[3]))
            count = 1
            for size in sizes:
                count *= size
            if count > MOST:
                raise ValueError(f"[{where}] {file} says that it holds {count} bytes, which is no data set of this kind")
            data = stream.read(count + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error, struct.error) as error:
        raise ValueError(f"[{where}] {file} is cut short or damaged: {error}") from None
    if len(data) != count:
        raise ValueError(f"[{where}] {file} is cut short or damaged: its head promises shape {sizes}, but {len(data)} bytes follow")
    return np.frombuffer(bytearray(data), np.uint8).reshape(sizes)


def read_idx_folder(where: str, folder: Path) -> Split:
    """The four files of MNIST in one folder."""
    found = []
    for name in IDX:
        variants = [folder / (spelling + end) for end in (".gz", "") for spelling in (name, name.replace("-idx", ".idx"))]
        file = next((v for v in variants if v.is_file()), None)
        if file is None:
            raise FileNotFoundError(f"[{where}] {folder} has no {name}.gz. The four files are {', '.join(n + '.gz' for n in IDX)}")
        found.append(read_idx(where, file))
    return (found[0], found[1]), (found[2], found[3])


def checked(where: str, file: Path, data: Split, example: Sequence[tuple[int, ...]], classes: int = 10) -> Split:
    """The data, if they are pictures with labels."""
    for part, (x, y) in zip(("train", "test"), data):
        if x.dtype != np.uint8 or x.shape[1:] not in example:
            wanted = " or ".join(str(("N", *shape)).replace("'N'", "N") for shape in example)
            raise ValueError(f"[{where}] {file}: x_{part} must have shape {wanted} and dtype uint8. Received: shape {x.shape}, {x.dtype}")
        if len(y) != len(x) or y.dtype.kind not in "iu" or y.size != len(y):
            raise ValueError(
                f"[{where}] {file}: y_{part} must hold one class number a picture, {len(x)} of them. Received: shape {y.shape}, {y.dtype}"
            )
        if y.size and not 0 <= int(y.min()) <= int(y.max()) < classes:
            raise ValueError(f"[{where}] {file}: y_{part} must hold classes 0 to {classes - 1}. Received: {y.min()} to {y.max()}")
    return data


def load_pictures(where: str, path: Any, names: Sequence[str], wanted: str) -> Split:
    """28x28 pictures from ``.npz``, from a folder with MNIST's four files, or from the folder that holds one of these."""
    found = find(where, path, names, wanted)
    data = read_idx_folder(where, found) if found.is_dir() else read_npz(where, found)
    (x_train, y_train), (x_test, y_test) = checked(where, found, data, [(28, 28)])
    return (x_train, y_train.reshape(-1)), (x_test, y_test.reshape(-1))


__all__ = ["checked", "find", "load_pictures", "read_idx", "read_npz"]

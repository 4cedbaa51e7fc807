"""Tell kinds of files apart: by the end of a name where one is written, by the first bytes where one is read."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from ..errors import did_you_mean
from . import hdf5

SAFETENSORS, KERAS, H5, WEIGHTS_H5 = ".safetensors", ".keras", ".h5", ".weights.h5"
ENDINGS = {".safetensors": SAFETENSORS, ".keras": KERAS, ".h5": H5, ".hdf5": H5}


def to_write(what: str, path: str | PathLike[str], weights: bool = False, save_format: str | None = None) -> tuple[Path, str]:
    """The path, and the kind of file that its ending asks for; without an ending Keras' own kind.

    Args:
        what: for messages, ``"save"``.
        path: ends in ``.keras``, ``.h5``, ``.hdf5``, ``.safetensors``, or in nothing.
        weights: whether it is to hold weights alone.
        save_format: the kind of a file without an ending, ``"keras"`` or ``"h5"``; must agree with an ending.

    Raises:
        ValueError: for other endings, with the nearest one.
        ImportError: if the kind needs h5py, and that is not installed.

    >>> to_write("save", "model")[1], to_write("save_weights", "model", weights=True)[1]
    ('.keras', '.weights.h5')
    """
    if not isinstance(path, (str, PathLike)):
        raise TypeError(f"[{what}] a path is expected. Received: {path!r}")
    found = Path(path)
    ending = found.suffix.lower()
    if found.name.lower().endswith(WEIGHTS_H5):
        if not weights:
            raise ValueError(
                f"[{what}] files that end in {WEIGHTS_H5!r} hold weights alone: call save_weights, or write "
                f"{str(found)[: -len(WEIGHTS_H5)] + KERAS!r}. Received: {str(path)!r}"
            )
        kind = WEIGHTS_H5
    elif ending == KERAS and weights:
        raise ValueError(
            f"[{what}] files that end in '.keras' hold whole models: call save, or write {str(found.with_suffix(WEIGHTS_H5))!r}. "
            f"Received: {str(path)!r}"
        )
    elif ending in ENDINGS:
        kind = ENDINGS[ending]
    elif not ending.strip(".0123456789"):
        kind = WEIGHTS_H5 if weights else KERAS
    else:
        near = did_you_mean(ending, ENDINGS)
        listed = f"'{SAFETENSORS}', '{WEIGHTS_H5 if weights else KERAS}' or '.h5'"
        raise ValueError(f"[{what}] files end in {listed}: write {str(found.with_suffix(SAFETENSORS))!r}.{near} Received: {str(path)!r}")
    if save_format is not None:
        wanted = {"keras": KERAS, "h5": H5, "hdf5": H5}.get(save_format)
        bare = not ending.strip(".0123456789")
        if wanted is None or (not bare and wanted != kind):
            tf = " A SavedModel of TensorFlow is not written." if save_format == "tf" else ""
            raise ValueError(
                f"[{what}] the ending says which kind of file is written.{tf} Received: {str(path)!r}, save_format={save_format!r}"
            )
        kind = WEIGHTS_H5 if weights and wanted == KERAS else wanted
    if kind != SAFETENSORS:
        hdf5.h5py_for(what)
    return found, kind


def of_contents(data: bytes, path: str | PathLike[str]) -> str:
    """The kind of a file that was read: `SAFETENSORS`, `KERAS`, or `H5` for all that is HDF5. A damaged one is what its name says."""
    if data[:4] == b"PK\x03\x04":
        return KERAS
    if data.startswith(hdf5.SIGNATURE):
        return H5
    return ENDINGS.get(Path(path).suffix.lower(), SAFETENSORS)


__all__ = ["H5", "KERAS", "SAFETENSORS", "WEIGHTS_H5", "of_contents", "to_write"]

"""Fetch one file from an address that the user names, and keep it: `get_file`. Nothing else in gpudl downloads anything."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from ..errors import did_you_mean

HASHES = ("sha256", "md5")
ARCHIVES = ("tar", "zip")
BLOCK = 1 << 20  # bytes read at a time


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file: of one that lies in a cache, else of what is downloaded from `origin` now, in one line that says so.

    A file whose hash is wrong is never returned, and a download that fails leaves nothing behind.

    Args:
        fname: its name in the cache, without folders; default: the last part of `origin`.
        origin: the address (https, http, ftp or file).
        untar, md5_hash: older words for ``extract=True`` and for `file_hash`.
        file_hash: sha256 or md5 of the file, as hexadecimal digits. Default None: not checked.
        cache_subdir: the folder within the cache, default "datasets".
        hash_algorithm: "sha256", "md5", or "auto": by the number of digits.
        extract: also unpack a ``.zip`` or ``.tar`` file, compressed or not; the folder is returned. Default False.
        archive_format: "auto", "tar", "zip" or a list of these.
        cache_dir: the cache; default: looked for in ``~/.keras`` and ``~/.gpudl``, downloaded to ``~/.gpudl``.
        force_download: download even if the file is there. Default False.

    Raises:
        OSError: if the address cannot be reached, with the place where the file can be put by hand.
        ValueError: if the file has another hash, or is no archive.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = pathlib.Path(folder, "data.txt")
    ...     n = source.write_text("1 2 3")
    ...     path = get_file("copy.txt", source.as_uri(), cache_dir=folder)
    ...     pathlib.Path(path).read_text()
    Downloading ...
    '1 2 3'
    """
    if not isinstance(origin, str) or ":" not in origin:
        raise ValueError(f"[get_file] origin must be the address of the file, e.g. 'https://…'. Received: origin={origin!r}")
    name = os.fspath(fname) if fname else origin.split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2]
    if not name or name in (".", "..") or any(s in name for s in ("/", "\\", "\0")):
        raise ValueError(f"[get_file] fname must be a name without folders; those belong to cache_dir. Received: fname={fname!r}")
    wanted = _wanted(file_hash or md5_hash, "md5" if md5_hash and not file_hash else hash_algorithm)
    unpack = extract or untar
    kinds = _kinds("tar" if untar and not extract else archive_format) if unpack else ()
    places = [Path(cache_dir)] if cache_dir is not None else [Path.home() / ".keras", Path.home() / ".gpudl"]
    folders = [place.expanduser() / cache_subdir for place in places]
    found = None if force_download else next((f / name for f in folders if (f / name).is_file()), None)
    if found is not None and wanted is not None and _digest(found, wanted[0]) != wanted[1]:
        print(f"{found} has another hash than file_hash says: it is downloaded anew")
        found = None
    if found is None:
        found = folders[-1] / name
        _download(origin, found, wanted)
    if not unpack:
        return str(found)
    target = found.with_name(name if "." not in name else name.split(".")[0] + "_extracted")
    if target == found:
        target = found.with_name(name + "_extracted")
    if force_download or not target.exists():
        _unpack(found, target, kinds)
    return str(target)


def _wanted(digest: str | None, algorithm: str) -> tuple[str, str] | None:
    """(algorithm, digits), or None if there is nothing to check."""
    if algorithm not in (*HASHES, "auto"):
        hint = did_you_mean(str(algorithm), HASHES)
        raise ValueError(f"[get_file] hash_algorithm must be 'auto', 'sha256' or 'md5'. Received: {algorithm!r}.{hint}")
    if digest is None:
        return None
    digest = digest.lower()
    lengths = {64: "sha256", 32: "md5"}
    if len(digest) not in lengths or set(digest) - set("0123456789abcdef") or algorithm not in ("auto", lengths[len(digest)]):
        raise ValueError(f"[get_file] file_hash must be 64 (sha256) or 32 (md5) hexadecimal digits. Received: {digest!r}")
    return lengths[len(digest)], digest


def _digest(path: Path, algorithm: str) -> str:
    made = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            made.update(block)
    return made.hexdigest()


def _download(origin: str, path: Path, wanted: tuple[str, str] | None) -> None:
    """Fetch to a file beside the place, check it, move it there whole."""
    from urllib.request import urlopen  # 30 ms

    print(f"Downloading {origin} to {path}", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                with urlopen(origin) as source:
                    shutil.copyfileobj(source, file, BLOCK)
                    size = source.headers.get("Content-Length")
                if size is not None and file.tell() != int(size):
                    raise OSError(f"{file.tell()} of {size} bytes arrived")
            except (OSError, ValueError) as error:
                raise OSError(f"[get_file] {origin} cannot be fetched: {error}. Put the file at {path}, or pass cache_dir=...") from error
        if wanted is not None and (got := _digest(Path(part), wanted[0])) != wanted[1]:
            raise ValueError(
                f"[get_file] {origin} has another {wanted[0]} than file_hash says: {got}, expected {wanted[1]}. It was not kept"
            )
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def _kinds(archive_format: Any) -> tuple[str, ...]:
    kinds = ARCHIVES if archive_format == "auto" else (archive_format,) if isinstance(archive_format, str) else tuple(archive_format or ())
    for kind in kinds:
        if kind not in ARCHIVES:
            raise ValueError(f"[get_file] archive_format must be 'auto', 'tar' or 'zip'. Received: {archive_format!r}")
    return kinds


def _unpack(path: Path, target: Path, kinds: tuple[str, ...]) -> None:
    """Unpack into a folder beside the target, then move it there whole. Nothing can be written outside."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        inside = Path(folder) / "unpacked"
        inside.mkdir()
        if "tar" in kinds and tarfile.is_tarfile(path):
            if not hasattr(tarfile, "data_filter"):  # Python 3.11.0 to 3.11.3
                raise RuntimeError("[get_file] this Python cannot unpack tar files safely: use 3.11.4 or later, or unpack it by hand")
            with tarfile.open(path) as archive:
                archive.extractall(inside, filter="data")
        elif "zip" in kinds and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                packed.extractall(inside)  # takes away leading slashes and ".." by itself
        else:
            raise ValueError(f"[get_file] {path} is no {' or '.join(kinds)} archive")
        if target.exists():
            shutil.rmtree(target)
        os.replace(inside, target)


__all__ = ["get_file"]

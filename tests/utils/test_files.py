"""`get_file`: from the cache, from an address, checked by its hash, unpacked; a download that fails leaves nothing behind."""

from __future__ import annotations

import hashlib
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gpudl.utils import get_file

TEXT = b"sepal length\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "data.csv").write_bytes(TEXT)
    return tmp_path / "site" / "data.csv"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def address(source: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(source.parent)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_is_fetched_once(home: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = get_file(origin=f"{address}/data.csv?version=2")
    assert Path(path) == home / ".gpudl" / "datasets" / "data.csv" and Path(path).read_bytes() == TEXT
    assert capsys.readouterr().out.startswith(f"Downloading {address}")
    Path(path).write_bytes(b"mine")
    assert Path(get_file("data.csv", f"{address}/data.csv")).read_bytes() == b"mine"
    assert capsys.readouterr().out == "", "nothing is downloaded that lies there"
    assert Path(get_file("data.csv", f"{address}/data.csv", force_download=True)).read_bytes() == TEXT


def test_files_in_the_cache_of_keras_are_found(home: Path) -> None:
    (home / ".keras" / "datasets").mkdir(parents=True)
    (home / ".keras" / "datasets" / "data.csv").write_bytes(TEXT)
    assert get_file("data.csv", "https://nowhere.invalid/data.csv") == str(home / ".keras" / "datasets" / "data.csv")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_hashes(home: Path, source: Path, tmp_path: Path, algorithm: str, capsys: pytest.CaptureFixture[str]) -> None:
    right = hashlib.new(algorithm, TEXT).hexdigest()
    path = Path(get_file(origin=source.as_uri(), file_hash=right.upper(), hash_algorithm=algorithm, cache_dir=tmp_path / "cache"))
    path.write_bytes(b"damaged")
    assert Path(get_file(origin=source.as_uri(), file_hash=right, cache_dir=tmp_path / "cache")).read_bytes() == TEXT
    assert "another hash" in capsys.readouterr().out
    wrong = "0" * len(right)
    with pytest.raises(ValueError, match=f"another {algorithm} than file_hash says: {right}"):
        get_file("other.csv", source.as_uri(), file_hash=wrong, cache_dir=tmp_path / "cache")
    assert [f.name for f in (tmp_path / "cache" / "datasets").iterdir()] == ["data.csv"]
    assert Path(get_file("old.csv", source.as_uri(), md5_hash=hashlib.md5(TEXT).hexdigest(), cache_dir=tmp_path)).exists()


def test_what_cannot_be_fetched_says_where_to_put_it(home: Path, address: str) -> None:
    place = home / ".gpudl" / "datasets" / "nothing.csv"
    for origin in (f"{address}/nothing.csv", "file:///nowhere/nothing.csv", "gopher://nowhere.invalid/nothing.csv"):
        with pytest.raises(OSError, match=f"cannot be fetched.*Put the file at {place}"):
            get_file(origin=origin)
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives(home: Path, source: Path, tmp_path: Path, kind: str) -> None:
    packed = tmp_path / "site" / f"flowers.{'tar.gz' if kind == 'tar' else 'zip'}"
    if kind == "tar":
        with tarfile.open(packed, "w:gz") as tar:
            tar.add(source, "folder/data.csv")
    else:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(source, "folder/data.csv")
            archive.writestr("../outside.txt", "no")
    folder = Path(get_file(origin=packed.as_uri(), extract=True))
    assert folder.name == "flowers_extracted" and (folder / "folder" / "data.csv").read_bytes() == TEXT
    assert all(folder in f.parents for f in home.rglob("outside.txt"))
    assert get_file(origin=packed.as_uri(), extract=True) == str(folder)
    with pytest.raises(ValueError, match="no tar archive" if kind == "zip" else "no zip archive"):
        get_file("again", packed.as_uri(), extract=True, archive_format="tar" if kind == "zip" else "zip")


def test_archives_that_reach_outside_are_refused(home: Path, source: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.add(source, "../../data.csv")
    with pytest.raises(tarfile.TarError):
        get_file(origin=(tmp_path / "evil.tar").as_uri(), untar=True)
    assert not list(home.rglob("*.csv"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "origin must be the address"),
        ({"origin": "data.csv"}, "origin must be the address"),
        ({"fname": "a/b.csv", "origin": "file:///a"}, "without folders"),
        ({"fname": "..", "origin": "file:///a"}, "without folders"),
        ({"origin": "file:///a", "file_hash": "abc"}, "hexadecimal digits"),
        ({"origin": "file:///a", "file_hash": "0" * 64, "hash_algorithm": "md5"}, "hexadecimal digits"),
        ({"origin": "file:///a", "hash_algorithm": "sha25"}, "Did you mean 'sha256'"),
        ({"origin": "file:///a", "extract": True, "archive_format": "rar"}, "'auto', 'tar' or 'zip'"),
    ],
)  # fmt: skip
def test_refused(home: Path, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        get_file(**arguments)
    assert not home.exists()

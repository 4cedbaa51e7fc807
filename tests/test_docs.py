"""Every Python block of every page in docs/ runs, in order, as a reader would run it."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"```python\n(.*?)```", re.S)


def test_there_are_pages() -> None:
    assert any(BLOCK.search(page.read_text(encoding="utf-8")) for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_programs_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    scope: dict[str, object] = {"__name__": page.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in BLOCK.finditer(text):
            before = text[: block.start(1)].count("\n")  # tracebacks show the line of the page
            exec(compile("\n" * before + block.group(1), str(page), "exec"), scope)
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_named_files_exist(page: Path) -> None:
    for path in set(re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))):
        assert (page.parent / path).exists(), path

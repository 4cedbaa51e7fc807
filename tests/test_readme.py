"""Every Python block of the README runs, in order, as a reader would run it."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)


def test_readme_has_its_programs() -> None:
    assert len(BLOCKS) >= 4


def test_readme_programs_run(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, object] = {"__name__": "readme"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in BLOCKS:
            exec(compile(block, "README.md", "exec"), scope)
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\r" not in printed, "control characters where the output is no terminal"
    loss = float(scope["loss"].item())  # type: ignore[attr-defined]
    assert loss < 1e-6


def test_named_files_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in set(re.findall(r"\]\(([^)#]+)\)", text)):
        assert (ROOT / path).exists(), path

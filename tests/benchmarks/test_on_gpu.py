"""The checklist for a GPU is a script that bash reads, and what it names is there. What it does on a GPU no test without one can tell."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "on_gpu.sh"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_reads_it() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


def test_what_it_names_is_there() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    files = set(re.findall(r"(?<![\w/.$-])([\w/]+\.(?:py|cu))\b", text)) - {"py"}
    assert {"native/test_instructions.py", "test_cuda.py", "accuracy.py", "test_kernels.py", "test_training_steps.py", "demo.py"} <= files
    folders = [ROOT, ROOT / "tests", ROOT / "benchmarks", ROOT / "examples"]
    assert not [file for file in files if not any((folder / file).exists() for folder in folders)]


def test_every_part_stands_in_the_summary() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    parts = re.findall(r"^\s*part (\w+) \d+ ", text, re.M)
    listed = re.search(r"for part in ([\w\s\\]+); do", text)
    assert listed is not None and len(parts) > 10
    assert parts == listed[1].replace("\\", " ").split(), "in the order in which they run"

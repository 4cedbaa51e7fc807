"""Say which wrappers of PTX instructions (csrc/cuda/ptx) have not been seen to work on a GPU as they stand now.

    python benchmarks/ptx_wrappers.py               lists them
    python benchmarks/ptx_wrappers.py --write       writes the list into benchmarks/results/PENDING.md
    python benchmarks/ptx_wrappers.py --log FILE    notes in benchmarks/results/ptx_seen.json what passed on a GPU; then as --write

FILE is what tests/native/test_instructions.py wrote on a GPU, with GPUDL_TRUTH_LOG=FILE: which truth kernel each test began, and which
tests passed. A wrapper passed if every kernel of tests/native/kernels/truth.cu that uses it did, in all of its tests. It is known by a hash
of its text, so that one that changes waits again. Nothing fails because a wrapper waits.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import re
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WRAPPERS = ROOT / "csrc" / "cuda" / "ptx"
TRUTH = ROOT / "tests" / "native" / "kernels" / "truth.cu"
RESULTS = ROOT / "benchmarks" / "results"
SEEN, PENDING = RESULTS / "ptx_seen.json", RESULTS / "PENDING.md"
START, END = "<!-- wrappers, by benchmarks/ptx_wrappers.py --write -->\n", "<!-- end of wrappers -->\n"


def wrappers(folder: Path) -> dict[str, str]:
    """Hash of the text of every function that holds inline assembly, by "file: name"."""
    texts: dict[str, str] = {}  # overloads of one name count together
    for path in sorted(folder.glob("*.cuh")):
        for match in re.finditer(r"^[^\n;{}#/]*?\b(\w+)\([^;{}]*\)\s*\{(.*?)^\}", path.read_text(), re.MULTILINE | re.DOTALL):
            if re.search(r"\basm\b", match[2]):
                name = f"{path.name}: {match[1]}"
                texts[name] = texts.get(name, "") + " ".join(match[0].split())
    return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in texts.items()}


def read_seen(path: Path) -> dict[str, dict[str, Any]]:
    """What passed on hardware: "file: name" -> hash, and on which GPU, when."""
    return json.loads(path.read_text()) if path.exists() else {}


def pending(folder: Path = WRAPPERS, seen: Path = SEEN) -> list[str]:
    """Wrappers that never passed on hardware as they stand now."""
    passed = read_seen(seen)
    return [name for name, digest in wrappers(folder).items() if passed.get(name, {}).get("hash") != digest]


def functions(source: str) -> dict[str, str]:
    """The functions of a file of kernels, by name, with their bodies; a GPUDL_KERNEL by the name that it registers."""
    text = re.sub(r'"[^"\n]*"|//[^\n]*|^#[^\n]*|^namespace[^\n]*\{$', "", source, flags=re.MULTILINE)
    found: dict[str, str] = {}
    depth, begun, header = 0, 0, ""
    for match in re.finditer(r"[{};]", text):
        if match[0] == "{":
            if depth == 0:
                header, begun = text[begun : match.start()], match.end()
            depth += 1
        elif match[0] == "}" and depth:
            depth -= 1
            if depth == 0:
                registered = re.search(r"GPUDL_KERNEL\w*\((\w+)", header)
                names = [registered[1]] if registered else re.findall(r"\b(?!__)(\w+)\s*\(", header)
                if names:
                    found[names[0]] = found.get(names[0], "") + text[begun : match.start()]
        if depth == 0:
            begun = match.end()
    return found


def used_by(source: str) -> dict[str, set[str]]:
    """The wrappers that each registered kernel of a file uses, itself or through other functions of the file."""
    bodies = functions(source)

    def uses(name: str, before: frozenset[str]) -> set[str]:
        words = set(re.findall(r"\w+", bodies[name]))
        found = set(re.findall(r"ptx::(\w+)", bodies[name]))
        for other in (words & bodies.keys()) - before:
            found |= uses(other, before | {other})
        return found

    kernels = re.findall(r"GPUDL_KERNEL\w*\((\w+)", source)
    return {name: uses(name, frozenset({name})) for name in kernels}


def note(log: list[dict[str, Any]], source: str, folder: Path, seen: Path, date: str) -> list[str]:
    """Write down which wrappers passed; those whose tests failed lose what was noted before. Returns the names that passed."""
    passed = {line["test"] for line in log if line.get("passed")}
    tests: dict[str, set[str]] = {}  # of each truth kernel
    for line in log:
        if "began" in line:
            tests.setdefault(line["began"], set()).add(line["test"])
    noted, now = read_seen(seen), []
    for name, digest in wrappers(folder).items():
        kernels = [k for k, used in used_by(source).items() if name.split(": ")[1] in used and k in tests]
        if not kernels:
            continue
        if all(tests[k] <= passed for k in kernels):
            noted[name] = {"hash": digest, "date": date, **{key: log[0][key] for key in ("gpu", "sm", "cuda")}}
            now.append(name)
        else:
            noted.pop(name, None)
    seen.write_text(json.dumps(noted, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return now


def section(names: list[str]) -> str:
    """The list in Markdown: a paragraph a file."""
    if not names:
        return "None: each passed on a GPU as it stands.\n"
    files: dict[str, list[str]] = {}
    for name in names:
        file, function = name.split(": ")
        files.setdefault(file, []).append(f"`{function}`")
    lines = [f"- {file}: {', '.join(functions)}" for file, functions in files.items()]
    return (
        "\n".join(textwrap.fill(line, 140, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) for line in lines) + "\n"
    )


def page(text: str, names: list[str]) -> str:
    """PENDING.md with its list exchanged."""
    before, rest = text.split(START)
    return before + START + section(names) + END + rest.split(END)[1]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Wrappers of PTX instructions that wait for a GPU.")
    parser.add_argument("--log", type=Path, help="what the truth tests wrote on a GPU (GPUDL_TRUTH_LOG)")
    parser.add_argument("--seen", type=Path, default=SEEN, help="where to note what passed (default: in the repository)")
    parser.add_argument("--write", action="store_true", help="write the list into benchmarks/results/PENDING.md")
    arguments = parser.parse_args(argv)
    if arguments.log:
        lines = [json.loads(line) for line in arguments.log.read_text().splitlines()]
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        passed = note(lines, TRUTH.read_text(), WRAPPERS, arguments.seen, date) if lines else []
        print(f"{len(passed)} wrappers passed on a GPU, noted in {arguments.seen}")
    names = pending(seen=arguments.seen)
    if arguments.write or (arguments.log and arguments.seen == SEEN):
        PENDING.write_text(page(PENDING.read_text(encoding="utf-8"), names), encoding="utf-8")
    for name in names:
        print(f"pending, not seen on hardware as it stands: {name}")


if __name__ == "__main__":
    main()

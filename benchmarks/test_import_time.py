"""What `import gpudl` costs above NumPy, in a fresh interpreter. The goal is at most 0.15 s."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

CODE = "import time, numpy; start = time.perf_counter(); import gpudl; print(time.perf_counter() - start)"


def seconds() -> float:
    """One import, after NumPy's."""
    return float(subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout)


def test_import(benchmark: Any) -> None:
    """The whole process is timed by pytest-benchmark; what stands in `above_numpy_s` is the import alone."""
    found: list[float] = []
    benchmark.pedantic(lambda: found.append(seconds()), rounds=1 if benchmark.disabled else 9, iterations=1)
    benchmark.extra_info["above_numpy_s"] = min(found)
    print(f"import gpudl: {min(found):.3f} s above NumPy")
    assert found

"""`import gpudl` is light: it loads nothing optional. How long it takes is measured by the benchmarks; timing never decides a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gpudl

OPTIONAL = ("cupy", "torch", "jax", "tensorflow", "scipy", "sklearn", "matplotlib", "h5py", "pandas", "PIL", "pytest", "difflib")


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after `code`."""
    where = str(Path(gpudl.__file__).parent.parent)
    program = f"import sys; sys.path.insert(0, {where!r}); {code}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.split())


def test_import_loads_nothing_optional() -> None:
    loaded = loaded_by("import gpudl")
    assert "gpudl.ops" in loaded
    assert not loaded & set(OPTIONAL)


def test_first_tensor_loads_nothing_optional() -> None:
    assert not loaded_by("import gpudl; (gpudl.Tensor([1.0]) + 1).numpy()") & set(OPTIONAL)


def test_compiled_modules_wait_for_the_first_tensor() -> None:
    assert not loaded_by("import gpudl") & {"gpudl._cpu", "gpudl._cuda"}

"""What the package promises before any mathematics: versions, switches, hints in errors, what an import costs, and who says what failed.

The installs themselves (with and without compilers, pure, CUDA) are made by .ci/run; building once here would cost a minute.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import gpudl
from gpudl import env, errors, native

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


class TestPackage:
    def test_version_is_written_once(self) -> None:
        assert PROJECT["project"]["dynamic"] == ["version"]
        assert gpudl.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        if native.status().build != "source":  # a source tree has no metadata
            assert importlib.metadata.version("gpudl") == gpudl.__version__

    def test_what_it_requires(self) -> None:
        names = {re.split(r"[<>=\[]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]}
        assert names == {"numpy", "ml_dtypes", "safetensors", "tqdm"}
        assert PROJECT["project"]["requires-python"] == ">=3.11"
        assert set(PROJECT["project"]["optional-dependencies"]) >= {"cuda13", "cuda12", "plot", "hdf5", "demo", "test", "oracle", "dev"}

    def test_typed(self) -> None:
        assert (Path(gpudl.__file__).parent / "py.typed").is_file()

    def test_native_status_is_one_of_four(self) -> None:
        assert native.status().build in ("native", "pure", "failed", "source")


class TestImport:
    def test_settles_no_device(self) -> None:
        assert python("import gpudl", GPUDL_DEVICE="cuda:99") == ""


class TestSwitches:
    def test_every_switch_is_listed_once_with_a_meaning(self) -> None:
        found = [switch for switch in vars(env).values() if isinstance(switch, env.Switch)]
        assert sorted(s.name for s in found) == sorted(s.name for s in env.SWITCHES)
        assert len({s.name for s in env.SWITCHES}) == len(env.SWITCHES)
        for switch in env.SWITCHES:
            assert switch.name.startswith("GPUDL_") and switch.meaning.endswith(".")
            assert switch.parse("") == switch.default
            assert switch.name in env.table()

    @pytest.mark.parametrize(
        ("switch", "text", "value"),
        [
            (env.STRICT, "1", True),
            (env.STRICT, "off", False),
            (env.STRICT, " TRUE ", True),
            (env.CHECK, "2", 2),
            (env.CAPTURE, "0", False),
            (env.DEVICE, "CUDA:1", "cuda:1"),
            (env.BACKEND, "NumPy", "numpy"),
            (env.CUDA, "on", "ON"),
        ],
    )
    def test_values(self, switch: env.Switch[Any], text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(switch.name, text)
        assert switch.read() == value

    @pytest.mark.parametrize(
        ("switch", "text"),
        [
            (env.STRICT, "2"),
            (env.STRICT, "ja"),
            (env.CHECK, "3"),
            (env.CHECK, "-1"),
            (env.DEVICE, "gpu0"),
            (env.DEVICE, "cuda:"),
            (env.BACKEND, "jax"),
        ],
    )
    def test_a_wrong_value_names_switch_and_choices(self, switch: env.Switch[Any], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(switch.name, text)
        with pytest.raises(ValueError, match=rf"\[{switch.name}\].*must be {re.escape(switch.accepts)}.*Received: '{text}'"):
            switch.read()

    def test_a_misspelt_switch_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GPUDL_STRIKT", "1")
        assert "GPUDL_STRIKT" in env.unknown_names()


class TestHints:
    def test_did_you_mean(self) -> None:
        assert errors.did_you_mean("rh", ["learning_rate", "rho"]) == " Did you mean 'rho'?"
        assert errors.did_you_mean("var_loss", ["loss", "accuracy", "val_loss", "val_accuracy"]) == " Did you mean 'val_loss'?"
        assert errors.did_you_mean("Softmax", ["softmax", "softplus"]) == " Did you mean 'softmax'?"
        assert errors.did_you_mean("xyz", ["rho"]) == ""
        assert errors.did_you_mean("rho", []) == ""

    def test_unknown_keyword(self) -> None:
        error = errors.unknown_keyword("Adadelta", "rh", iter(["learning_rate", "rho"]))
        assert isinstance(error, TypeError)
        assert str(error) == "[Adadelta] there is no keyword argument 'rh'. Did you mean 'rho'? Accepted: learning_rate, rho"

    @pytest.mark.parametrize(
        ("error", "builtin"),
        [
            (errors.ShapeError, ValueError),
            (errors.DTypeError, TypeError),
            (errors.BackendError, RuntimeError),
            (errors.CaptureError, RuntimeError),
        ],
    )
    def test_errors_are_the_builtin_ones_too(self, error: type[Exception], builtin: type[Exception]) -> None:
        assert issubclass(error, builtin) and issubclass(error, errors.GpudlError)


class TestNativeStatus:
    """Three things that a package without a working module must tell apart, made here by putting files where an install would."""

    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        """A package that holds only what `native` needs."""
        package = tmp_path / "gpudl"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "native.py").write_bytes(Path(native.__file__).read_bytes())
        return package

    def status(self, package: Path) -> dict[str, Any]:
        code = (
            "import sys\n"
            "sys.meta_path[:] = [f for f in sys.meta_path if 'Redirect' not in type(f).__name__]  # not the gpudl installed in place\n"
            f"sys.path.insert(0, {str(package.parent)!r})\n"
            "import json; from gpudl import native; s = native.status()\n"
            "print(json.dumps([s.build, s.cpu.present, s.cpu.loaded, s.cpu.reason, s.cuda.reason, s.warning, s.describe()]))"
        )
        names = ("build", "present", "loaded", "reason", "cuda_reason", "warning", "text")
        return dict(zip(names, json.loads(python(code)), strict=True))

    def record(self, package: Path, kind: str) -> None:
        (package / "_build_record.py").write_bytes((ROOT / "csrc" / "build_record" / f"{kind}.py").read_bytes())

    def test_source_tree(self, copy: Path) -> None:
        found = self.status(copy)
        assert (found["build"], found["loaded"], found["warning"]) == ("source", False, "")
        assert "source tree" in found["reason"]

    def test_pure_on_purpose_is_silent(self, copy: Path) -> None:
        self.record(copy, "pure")
        found = self.status(copy)
        assert (found["build"], found["loaded"], found["warning"]) == ("pure", False, "")
        assert "on purpose" in found["reason"] and "on purpose" in found["text"]

    def test_failed_build_warns_with_the_fix(self, copy: Path) -> None:
        self.record(copy, "failed")
        found = self.status(copy)
        assert (found["build"], found["loaded"]) == ("failed", False)
        assert "could not be built" in found["warning"] and "GPUDL_REQUIRE_NATIVE=1" in found["warning"]
        assert "failed" in found["text"]

    def test_a_module_that_does_not_load_is_reported_in_the_loaders_words(self, copy: Path) -> None:
        import sysconfig

        (copy / f"_cpu{sysconfig.get_config_var('EXT_SUFFIX')}").write_bytes(b"not a library")
        found = self.status(copy)
        assert (found["present"], found["loaded"]) == (True, False)
        assert "does not load" in found["warning"] and "ImportError" in found["warning"]

    def test_a_broken_record_stops_nothing(self, copy: Path) -> None:
        (copy / "_build_record.py").write_text("KIND =")
        assert self.status(copy)["build"] == "source"

    def test_a_cuda_module_that_failed_to_build_warns(self, copy: Path) -> None:
        (copy / "_build_record.py").write_text("KIND = 'native'\nCUDA = 'failed to build: error: no such arch'\n")
        found = self.status(copy)
        assert "CUDA module" in found["warning"] and "no such arch" in found["warning"]
        assert "no such arch" in found["cuda_reason"]

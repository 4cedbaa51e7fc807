"""`python -m gpudl run`: scripts for Keras 1, 2 and 3 as they are; nothing is shadowed in any other process."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import gpudl
from gpudl.compat import run as runner

HOUSE = Path(gpudl.__file__).parent.parent
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    start = f"import sys, runpy; sys.path.insert(0, {str(HOUSE)!r}); sys.argv = ['gpudl', *sys.argv[1:]]; "
    program = start + "runpy.run_module('gpudl', run_name='__main__', alter_sys=True)"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments], capture_output=True, text=True, timeout=120, cwd=cwd, encoding="utf-8"
    )


def ran(tmp_path: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "script.py").write_text(source, encoding="utf-8")
    return python("run", "script.py", *arguments, cwd=tmp_path)


def test_there_are_three_generations() -> None:
    assert len(SCRIPTS) == 3


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)
def test_scripts_run_as_they_are(script: Path) -> None:
    done = python("run", str(script), "40")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in ("acc", "val_acc", "accuracy") and not done.stderr


def test_a_script_sees_what_python_would_show_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("value = 3\n")
    source = """
import sys, beside, __main__
x = 5
print(sys.argv, __name__, __file__, beside.value, __main__.x)
sys.exit(7)
"""
    done = ran(tmp_path, source, "--epochs", "3", "-v")
    assert done.stdout.strip() == "['script.py', '--epochs', '3', '-v'] __main__ script.py 3 5"
    assert done.returncode == 7


def test_tracebacks_begin_in_the_script(tmp_path: Path) -> None:
    source = "def f():\n    return 1 / 0  # here\nf()\n"
    done = ran(tmp_path, source)
    assert done.returncode == 1
    plain = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stderr.replace(str(tmp_path) + "/", "") == plain.stderr.replace(str(tmp_path) + "/", "")
    done = ran(tmp_path, "x = (\n")
    assert done.returncode == 1 and "SyntaxError" in done.stderr and "run.py" not in done.stderr


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    done = python("run", "nothing.py", cwd=tmp_path)
    assert done.returncode == 2 and "can't open 'nothing.py'" in done.stderr


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        (
            "from keras.layers import Convolutoin2D",
            "ImportError",
            "cannot import name 'Convolutoin2D' from 'gpudl.layers'. Did you mean 'Conv2D'?",
        ),
        (
            "import keras.leyers",
            "ModuleNotFoundError",
            "gpudl has no keras.leyers, which would be gpudl.leyers here. Did you mean 'layers'?",
        ),
        ("import tensorflow.io", "ModuleNotFoundError", "gpudl has no tensorflow.io; of tensorflow it stands for tensorflow.keras"),
        ("import keras; keras.optimizers.Adadeota", "AttributeError", "Did you mean 'Adadelta'?"),
        ("import tensorflow as tf; tf.constnt", "AttributeError", "gpudl has no tensorflow.constnt"),
        ("from tensorflow import constnt", "ImportError", "cannot import name 'constnt' from 'tensorflow'. Did you mean 'constant'?"),
        ("from kernel.callbacks import EarlyStopping", "ModuleNotFoundError", "Did you mean 'keras'?"),
        ("import keras; kernel.initializers.Zeros()", "NameError", "Did you mean 'keras'?"),
        ("import keras; keras.Sequential().complie()", "AttributeError", "no attribute 'complie'. Did you mean 'compile'?\n"),
        ("import keras; keras.ops.ones(3).rehsape(3)", "AttributeError", "Did you mean: 'reshape'?"),
    ],
)
def test_what_is_missing_is_named_with_the_nearest(tmp_path: Path, line: str, kind: str, message: str) -> None:
    done = ran(tmp_path, line)
    assert done.returncode == 1
    assert kind in done.stderr and message in done.stderr


def test_misspelt_modules_are_named_without_the_command_too() -> None:
    for path, meant in (("gpudl.layer", "gpudl.layers"), ("gpudl.layers.normalisation", "gpudl.layers.normalization")):
        with pytest.raises(ModuleNotFoundError, match=f"Did you mean '{meant}'"):
            importlib.import_module(path)
        assert importlib.util.find_spec(path) is None
    with pytest.raises(ImportError, match=r"cannot import name 'Adadeota' from 'gpudl.optimizers'\. Did you mean 'Adadelta'"):
        from gpudl.optimizers import Adadeota  # noqa: F401
    assert not hasattr(gpudl.optimizers, "Adadeota")


def test_functions_of_tensorflow_and_modules_are_the_ones_of_gpudl(tmp_path: Path) -> None:
    source = """
import tensorflow as tf
import tensorflow.keras.layers as L
from tensorflow.keras import layers, models
from tensorflow import keras
from keras import backend as K
import keras.layers.convolutional as conv
import gpudl
print(tf.constant([1, 2, 3]), tf.cast([1.5], tf.int32).numpy(), tf.reduce_sum([1.0, 2.0]).item())
assert L is layers is gpudl.layers and keras is gpudl and conv.Conv2D is L.Conv2D and K.epsilon() == 1e-7
assert gpudl.layers.__spec__.name == "gpudl.layers" and gpudl.__spec__.name == "gpudl"
try:
    import keras.nothing
except ImportError:
    print("caught")
"""
    done = ran(tmp_path, source)
    assert done.stdout.split("\n")[:2] == ["Tensor([1, 2, 3], dtype=int32) [1] 3.0", "caught"], done.stderr


def test_names_of_tensorflow_exist() -> None:
    for path in runner.TENSORFLOW.values():
        assert runner.found(path) is not None, path


def test_nothing_is_shadowed_elsewhere() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(HOUSE)!r}); import gpudl, gpudl.compat.run, importlib.util as u\n"
        "assert gpudl.compat.run.Stand not in sys.meta_path\n"
        "for name in ('keras', 'tensorflow'):\n"
        "    spec = u.find_spec(name)\n"
        "    assert spec is None or 'gpudl' not in str(spec.origin), name"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_without_a_command_it_says_what_is_installed() -> None:
    done = python()
    assert done.returncode == 0 and done.stdout.startswith(f"gpudl {gpudl.__version__}")
    assert python("rum").returncode == 2

"""`GPUDL_EMULATE=1`: the device "cuda" on emulated kernels, for a whole script; and what is said where the emulation is not installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from emulated import needs_modules

from gpudl import env
from gpudl.backends import emulated

# No bias before the batch normalization, which takes it away again: its gradient is rounding noise, and Adam would make steps of that.
SCRIPT = """
import numpy as np, gpudl
from sklearn.datasets import load_iris
from gpudl import backends

gpudl.utils.set_random_seed(7)
x, y = load_iris(return_X_y=True)
layers = gpudl.layers
model = gpudl.Sequential([
    layers.Input((4,)), layers.Dense(16, use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(),
    layers.Dense(8, activation="relu"),
    layers.Dropout(0.2), layers.Dense(3, activation="softmax"),
])
model.compile(gpudl.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x.astype("float32"), y, epochs=6, batch_size=32, verbose=0).history
probabilities = model.predict(x[:5].astype("float32"), verbose=0)
print("on", model.layers[0].kernel.device, "by", backends.get().name)
print("numbers", *history["loss"], *np.asarray(probabilities).ravel())
"""


def run(script: str, **switches: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GPUDL_")}
    return subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", script], env={**clean, **switches}, capture_output=True, text=True, timeout=300
    )


def numbers(out: str) -> list[float]:
    match = re.search(r"^numbers (.+)$", out, re.M)
    assert match, out
    return [float(word) for word in match[1].split()]


@needs_modules
@pytest.mark.parametrize(
    ("kind", "schedule"),
    [("1", ""), ("1", "descending,early"), ("1", "random:3"), ("checked", "random:5")],
    ids=lambda text: text or "default",
)
def test_a_script_gives_what_it_gives_on_the_cpu(kind: str, schedule: str) -> None:
    pytest.importorskip("sklearn")
    done = run(SCRIPT, GPUDL_EMULATE=kind, GPUDL_EMULATION_SCHEDULE=schedule)
    assert done.returncode == 0, done.stderr
    assert "on cuda:0 by cuda, emulated" in done.stdout
    assert ("checked" in done.stdout) == (kind == "checked")
    expected = run(SCRIPT, GPUDL_DEVICE="cpu")
    assert expected.returncode == 0 and "on cpu" in expected.stdout, expected.stderr
    assert numbers(done.stdout) == pytest.approx(numbers(expected.stdout), rel=1e-4)


@needs_modules
def test_show_config_tells() -> None:
    done = run("import gpudl; gpudl.show_config()", GPUDL_EMULATE="checked")
    assert "new tensors go to 'cuda:0'" in done.stdout
    assert "cuda:0   emulated by _cuda_checked" in done.stdout
    assert "cuda, emulated and checked" in done.stdout


@needs_modules
def test_one_gpu_is_emulated_and_its_tensors_do_not_pass_for_arrays() -> None:
    script = (
        "import gpudl, numpy as np\nfor f in (lambda: gpudl.Tensor([1.0], device='cuda:1'), lambda: np.asarray(gpudl.Tensor([1.0]))):\n"
    )
    script += "    try: f()\n    except gpudl.BackendError as error: print(error)\n"
    done = run(script, GPUDL_EMULATE="1")
    assert "'cuda:1' cannot be used: GPUDL_EMULATE emulates one GPU, 'cuda:0'" in done.stdout, done.stderr
    assert "use .numpy()" in done.stdout


def test_without_the_module_the_install_line_is_named(tmp_path: Path) -> None:
    script = "import gpudl\nfrom gpudl import native\nnative.find_spec = lambda name: None\ngpudl.Tensor([1.0])\n"
    done = run(script, GPUDL_EMULATE="1")
    assert done.returncode != 0
    assert "GPUDL_EMULATION=ON python -m pip install ." in done.stderr and "_cuda_emulated" in done.stderr


@pytest.mark.parametrize(
    ("text", "order", "copies", "seed"),
    [
        ("ascending", "ascending", "late", 0),
        ("descending", "descending", "early", 0),
        ("random:12", "random", "random", 12),
        ("random:3,late", "random", "late", 3),
        ("Ascending,Early", "ascending", "early", 0),
    ],
)
def test_schedules(text: str, order: str, copies: str, seed: int) -> None:
    assert emulated.schedule(env.EMULATION_SCHEDULE.parse(text)) == {"order": order, "copies": copies, "seed": seed}


@pytest.mark.parametrize("text", ["upwards", "random:", "random:x", "ascending,soon", "late"])
def test_a_schedule_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"\[GPUDL_EMULATION_SCHEDULE\].*Received"):
        env.EMULATION_SCHEDULE.parse(text)

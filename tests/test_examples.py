"""Every example runs, in a short form; those that claim something keep the claim in their long form, where that takes a second or two."""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
SHORT: dict[str, dict[str, int]] = {  # what makes each of them short
    "addition": {"epochs": 2},
    "airline_passengers": {"epochs": 1},
    "alexnet": {"steps": 1, "width": 16},
    "batch_norm": {"epochs": 1},
    "custom_loop": {"epochs": 3},
    "custom_parts": {"epochs": 2},
    "deep_convnet": {"epochs": 1, "examples": 20},
    "digits_cnn": {"epochs": 1},
    "early_stopping": {"epochs": 2},
    "initialization": {"epochs": 1},
    "iris": {"epochs": 2},
    "learning_rates": {"epochs": 1},
    "mlp_dropout": {"epochs": 1},
    "save_and_load": {"epochs": 2},
    "vanishing_gradient": {"epochs": 1},
    "whitening_and_noise": {"epochs": 1},
}
ELSEWHERE = {"demo"}  # run by `make demo`


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Examples import each other as scripts do; a file of MNIST in somebody's home does not make them long."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))


def example(name: str) -> ModuleType:
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_examples_are_here() -> None:
    assert {file.stem for file in FOLDER.glob("*.py")} == set(SHORT) | ELSEWHERE


def test_every_example_is_in_the_gallery() -> None:
    gallery = (FOLDER.parent / "docs" / "gallery.md").read_text(encoding="utf-8")
    for file in FOLDER.glob("*.py"):
        assert f"](../examples/{file.name}):" in gallery, f"docs/gallery.md leaves {file.name} out"


@pytest.mark.parametrize("name", SHORT)
def test_example(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main = example(name).main
    picture = tmp_path / "picture.svg"
    draws = "picture" in inspect.signature(main).parameters
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = main(**SHORT[name], **({"picture": str(picture)} if draws else {}))
    assert not draws or "<svg" in picture.read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert printed.strip() and "\x1b" not in printed and "\r" not in printed
    if isinstance(result, float):
        assert math.isfinite(result)
    for module in ("mlp_dropout",):
        sys.modules.pop(module, None)


def test_addition_finds_a_sum_that_it_never_saw() -> None:
    assert [example("addition").main(seed=seed) for seed in range(3)] == [6, 6, 6]


def test_the_gradient_vanishes_behind_sigmoids() -> None:
    found = example("vanishing_gradient").main()
    assert found["sigmoid"] < 0.4 and found["relu"] > 0.95


def test_small_first_weights_keep_a_deep_network_from_learning() -> None:
    found = example("initialization").main()
    assert found["TruncatedNormal(stddev=0.01)"] < 0.2 and found["he_normal"] > 0.95


def test_batch_normalization_lets_sigmoids_learn() -> None:
    found = example("batch_norm").main(epochs=10)
    assert found["without"] < 0.2 and found["with"] > found["without"] + 0.3


def test_training_stops_early(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("early_stopping").main(epochs=60) < 40


def test_a_loaded_network_goes_on_to_the_last_bit(capsys: pytest.CaptureFixture[str]) -> None:
    example("save_and_load").main(epochs=3)
    printed = capsys.readouterr().out
    assert printed.count("to the last bit: True") == 2

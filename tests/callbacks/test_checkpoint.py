"""ModelCheckpoint: which files there are afterwards, what is in them, and wrong arguments refused before the first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gpudl
from gpudl.callbacks import LambdaCallback, LearningRateScheduler, ModelCheckpoint


def files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_a_file_an_epoch(model, data, tmp_path, capsys) -> None:
    keep = ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{val_loss:.3f}.safetensors", verbose=1)
    history = model.fit(*data, epochs=3, validation_split=0.2, callbacks=[keep], verbose=0).history
    assert files(tmp_path / "new") == sorted(f"{i + 1:02d}-{v:.3f}.safetensors" for i, v in enumerate(history["val_loss"]))
    last = gpudl.models.load_model(tmp_path / "new" / files(tmp_path / "new")[-1])
    for a, b in zip(model.get_weights(), last.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert int(last.optimizer.iterations) == 3
    assert capsys.readouterr().out.splitlines()[0].startswith("Epoch 1: saving model to ")
    assert model._runner("train").replayed > 0


def test_the_best_one(model, data, tmp_path) -> None:
    """Weights of the epoch with the smallest number, and no other file."""
    numbers, seen = iter([3.0, float("nan"), 1.0, 2.0, 1.0]), []

    def put(epoch, logs) -> None:
        logs["score"] = next(numbers)
        seen.append(model.get_weights())

    keep = ModelCheckpoint(tmp_path / "best.safetensors", "score", save_best_only=True, save_weights_only=True, mode="min")
    model.fit(*data, epochs=5, callbacks=[LambdaCallback(on_epoch_end=put), keep], verbose=0)
    assert files(tmp_path) == ["best.safetensors"] and keep.best == 1.0
    model.load_weights(tmp_path / "best.safetensors")
    for a, b in zip(seen[2], model.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert model._runner("train").replayed > 0


@pytest.mark.parametrize(
    ("values", "arguments", "saved"),
    [
        ([3, 2, 2.5, 1], {}, [1, 2, 4]),
        ([3, 2, 2.5, 1], {"mode": "max"}, [1]),
        ([3, 2, 2.5, 1], {"initial_value_threshold": 2.2}, [2, 4]),
        ([float("nan"), float("nan"), 5, 6], {}, [1, 3]),
        ([3, None, 2, None], {}, [1, 3]),
    ],
)
def test_what_is_better(values, arguments, saved, tmp_path) -> None:
    class Model:
        def save(self, path, overwrite):
            Path(path).write_text("")

    keep = ModelCheckpoint(tmp_path / "{epoch}.safetensors", save_best_only=True, **arguments)
    keep.set_model(Model())
    keep.on_train_begin()
    for epoch, value in enumerate(values):
        keep.on_epoch_end(epoch, {} if value is None else {"val_loss": value})
    assert files(tmp_path) == [f"{i}.safetensors" for i in saved]


def test_best_goes_on_in_the_next_fit(model, data, tmp_path) -> None:
    keep = ModelCheckpoint(tmp_path / "{epoch}.safetensors", "loss", save_best_only=True, mode="max")
    model.fit(*data, epochs=1, callbacks=[keep], verbose=0)
    best = keep.best
    model.fit(*data, initial_epoch=1, epochs=2, callbacks=[keep], verbose=0)
    assert keep.best == best and files(tmp_path) == ["1.safetensors"]


def test_every_so_many_batches(model, data, tmp_path) -> None:
    """5 batches an epoch, counted on from one epoch to the next."""
    keep = ModelCheckpoint(tmp_path / "{epoch}-{batch}-{loss:.2f}.safetensors", save_freq=3, save_weights_only=True)
    model.fit(*data, epochs=2, batch_size=8, callbacks=[keep], verbose=0)
    assert [name[:3] for name in files(tmp_path)] == ["1-3", "2-1", "2-4"]


def test_a_failed_save_does_not_count_as_the_best(model, data, tmp_path) -> None:
    keep = ModelCheckpoint(tmp_path / "a" / "b.safetensors", "loss", save_best_only=True)
    (tmp_path / "a").write_text("a file, no folder")
    with pytest.raises(OSError):
        model.fit(*data, epochs=1, callbacks=[keep], verbose=0)
    assert keep.best is None
    assert np.isfinite(model.evaluate(*data, verbose=0)).all()


def test_names_that_our_callbacks_add(model, data, tmp_path) -> None:
    keep = ModelCheckpoint(tmp_path / "{learning_rate:.3f}.safetensors")
    model.fit(*data, epochs=1, callbacks=[LearningRateScheduler(lambda epoch: 0.25), keep], verbose=0)
    assert files(tmp_path) == ["0.250.safetensors"]


def test_old_spelling_of_a_name(model, data, tmp_path) -> None:
    if "acc" not in {old for owner, old in gpudl.renames.RENAMES if owner == "logs"}:
        pytest.skip("the old spellings are not loaded")
    model.fit(*data, epochs=1, callbacks=[ModelCheckpoint(tmp_path / "{acc:.2f}.safetensors")], verbose=0)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    ("path", "arguments", "error", "words"),
    [
        ("{epoch}-{var_loss}.safetensors", {}, ValueError, "no 'var_loss'.*Did you mean 'val_loss'.*Available: loss, accuracy, val_loss"),
        ("{batch}.safetensors", {}, ValueError, "no 'batch'"),
        ("{val_loss:02d}.safetensors", {}, ValueError, "cannot be filled in"),
        ("{.safetensors", {}, ValueError, "cannot be filled in"),
        ("{}.safetensors", {}, ValueError, "cannot be filled in|there is no"),
        ("best.banana", {}, ValueError, "Received: .*best.banana"),
        ("best.banana", {"save_weights_only": True}, ValueError, "save_weights"),
        ("", {}, IsADirectoryError, "is a folder"),
        ("a.safetensors", {"monitor": "val_los", "save_best_only": True}, ValueError, "Did you mean 'val_loss'"),
    ],
)
def test_refused_before_the_first_step(model, data, tmp_path, path, arguments, error, words) -> None:
    before = model.get_weights()
    with pytest.raises(error, match=words):
        model.fit(*data, validation_split=0.2, callbacks=[ModelCheckpoint(f"{tmp_path}/{path}", **arguments)], verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"filepath": 3}, "filepath must be a path"),
        ({"filepath": ""}, "filepath must be a path"),
        ({"save_freq": "batch"}, "save_freq must be"),
        ({"save_freq": 0}, "at least 1"),
        ({"save_freq": 1.5}, "must be an integer"),
        ({"mode": "maximum"}, "mode must be"),
        ({"initial_value_threshold": "a"}, "must be a number"),
        ({"save_best": True}, "Did you mean 'save_best_only'"),
    ],
)
def test_bad_arguments(arguments, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        ModelCheckpoint(**{"filepath": "a.safetensors", **arguments})

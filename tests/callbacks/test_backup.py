"""BackupAndRestore: an interrupted and resumed training equals one that was not; damaged files; what stays in the folder."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl import layers
from gpudl.callbacks import BackupAndRestore, LambdaCallback


def make(units: int = 8, optimizer: str = "adam") -> gpudl.Sequential:
    """As a program makes it: the same each time it is started."""
    gpudl.utils.set_random_seed(3)
    model = gpudl.Sequential([layers.Input((3,)), layers.Dense(units, "relu"), layers.Dropout(0.3), layers.Dense(2, activation="softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def fit(model, data, *callbacks, epochs: int = 6):
    return model.fit(*data, epochs=epochs, batch_size=8, callbacks=list(callbacks), verbose=0)


def interrupt(at: int) -> LambdaCallback:
    def stop(epoch, logs) -> None:
        if epoch == at:
            raise KeyboardInterrupt

    return LambdaCallback(on_epoch_begin=stop)


def interrupted(data, folder, at: int, optimizer: str = "adam") -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(make(optimizer=optimizer), data, BackupAndRestore(folder), interrupt(at))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adadelta"])
@pytest.mark.parametrize("at", [0, 1, 4])
def test_resumed_equals_uninterrupted(data, tmp_path, at, optimizer) -> None:
    whole = make(optimizer=optimizer)
    expected = fit(whole, data).history["loss"]
    interrupted(data, tmp_path / "b", at, optimizer)
    again = make(optimizer=optimizer)
    history = fit(again, data, BackupAndRestore(tmp_path / "b"))
    assert history.epoch == list(range(at, 6)) and history.history["loss"] == expected[at:]
    for a, b in zip(whole.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert int(again.optimizer.iterations) == 30
    assert again._runner("train").replayed > 0
    assert not (tmp_path / "b").exists()


def test_a_damaged_file_falls_back_to_the_one_before(data, tmp_path) -> None:
    expected = fit(make(), data).history["loss"]
    interrupted(data, tmp_path, 4)
    newest = tmp_path / "backup-1.safetensors"
    content = bytearray(newest.read_bytes())
    content[-3] ^= 1
    newest.write_bytes(content)
    with pytest.warns(UserWarning, match="an older backup is used"):
        history = fit(make(), data, BackupAndRestore(tmp_path))
    assert history.epoch == [3, 4, 5] and history.history["loss"] == expected[3:]


def test_nothing_but_damaged_files(data, tmp_path) -> None:
    interrupted(data, tmp_path, 4)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-10])
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"no backup can be read. Delete them to start anew"):
        fit(model, data, BackupAndRestore(tmp_path))
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("other", [{"units": 9}, {"optimizer": "sgd"}])
def test_a_backup_of_another_model(data, tmp_path, other) -> None:
    interrupted(data, tmp_path, 2)
    model = make(**other)
    before = model.get_weights()
    with pytest.raises(ValueError, match="Nothing was changed"):
        fit(model, data, BackupAndRestore(tmp_path))
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_files_that_are_kept(data, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("")
    fit(make(), data, BackupAndRestore(tmp_path), epochs=2)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    fit(make(), data, BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup-0.safetensors", "backup-1.safetensors", "mine.txt"]
    assert fit(make(), data, BackupAndRestore(tmp_path), epochs=2).epoch == []  # all epochs are done


def test_the_next_fit_starts_at_its_beginning(data, tmp_path) -> None:
    interrupted(data, tmp_path, 2)
    model = make()
    fit(model, data, BackupAndRestore(tmp_path))
    assert fit(model, data, epochs=2).epoch == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"backup_dir": ""}, "must be a path"), ({"save_freq": 10}, "only save_freq='epoch'"), ({"delete": 1}, "Did you mean|no keyword")],
)
def test_bad_arguments(arguments, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        BackupAndRestore(**{"backup_dir": "b", **arguments})

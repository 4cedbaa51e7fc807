"""TensorBoard: its files are read back by a small reader of our own, and by TensorBoard's where that is installed."""

from __future__ import annotations

import binascii
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpudl.callbacks import LearningRateScheduler, TensorBoard
from gpudl.callbacks.events import EventFile, crc32c, varint

# a reader that shares nothing with the writer -------------------------------------------------------------------------------------


def slow_crc32c(data: bytes) -> int:
    """Polynomial division, bit by bit, from the highest power down."""
    bits = [b >> i & 1 for b in data for i in range(8)] + [0] * 32
    for i in range(32):
        bits[i] ^= 1
    divisor = [1, *[0x1EDC6F41 >> i & 1 for i in reversed(range(32))]]
    for i in range(len(bits) - 32):
        if bits[i]:
            for k, d in enumerate(divisor):
                bits[i + k] ^= d
    return sum((1 - b) << i for i, b in enumerate(bits[-32:]))


def unmasked(stored: int) -> int:
    rotated = (stored - 0xA282EAD8) % 2**32
    return (rotated << 15 | rotated >> 17) % 2**32


def records(path: Path) -> list[bytes]:
    data, found = path.read_bytes(), []
    while data:
        (length, check), rest = struct.unpack("<QI", data[:12]), data[12:]
        assert unmasked(check) == slow_crc32c(data[:8])
        body, (end,) = rest[:length], struct.unpack("<I", rest[length : length + 4])
        assert unmasked(end) == slow_crc32c(body)
        found.append(body)
        data = rest[length + 4 :]
    return found


def fields(message: bytes) -> list[tuple[int, Any]]:
    """(number, value) of each field of a protobuf message."""
    found, at = [], 0

    def whole() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = whole()
        if key & 7 == 0:
            value: Any = whole()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or whole()
            value, at = message[at : at + size], at + size
        found.append((key >> 3, value))
    return found


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    """(tag, step, value) of a run."""
    (path,) = folder.iterdir()
    assert path.name.startswith("events.out.tfevents.") and path.name.endswith(".v2")
    first, *rest = [dict(fields(r)) for r in records(path)]
    assert first[3] == b"brain.Event:2" and 1.6e9 < struct.unpack("<d", first[1])[0] < 1e10
    found = []
    for event in rest:
        ((_, value),) = fields(event[5])
        content = dict(fields(value))
        found.append((content[1].decode(), event[2], struct.unpack("<f", content[2])[0]))
    return found


# ----------------------------------------------------------------------------------------------------------------------------------


def test_checksums() -> None:
    """Known values of CRC-32C, one of them from RFC 3720; a checksum that is not zlib's."""
    assert crc32c(b"123456789") == slow_crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == slow_crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"") == 0
    assert crc32c(b"gpudl") == slow_crc32c(b"gpudl") != binascii.crc32(b"gpudl")


def test_varints() -> None:
    assert [varint(n) for n in (0, 1, 127, 128)] == [b"\0", b"\1", b"\x7f", b"\x80\1"]
    for n in (0, 300, 2**31, 2**63 - 1):
        assert fields(varint(1 << 3) + varint(n)) == [(1, n)]


def f32(values: list[float]) -> list[float]:
    return [float(np.float32(v)) for v in values]


def test_what_a_fit_writes(model, data, tmp_path) -> None:
    board = TensorBoard(tmp_path)
    callbacks = [LearningRateScheduler(lambda e: [0.5, 0.25][e]), board]
    h = model.fit(*data, epochs=2, batch_size=8, validation_split=0.2, callbacks=callbacks, verbose=0).history
    assert model._runner("train").replayed > 0
    train, held = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    for e in range(2):
        for name in ("loss", "accuracy", "learning_rate"):
            assert [v for tag, step, v in train if tag == f"epoch_{name}" and step == e] == f32([h[name][e]])
        for name in ("loss", "accuracy"):
            assert [v for tag, step, v in held if tag == f"epoch_{name}" and step == e] == f32([h[f"val_{name}"][e]])
            tag = f"evaluation_{name}_vs_iterations"
            assert [v for t, step, v in held if t == tag and step == 4 * (e + 1)] == f32([h[f"val_{name}"][e]])
    assert len(train) == 6 and len(held) == 8


def test_without_validation_there_is_one_run(model, data, tmp_path) -> None:
    model.fit(*data, epochs=1, callbacks=[TensorBoard(tmp_path / "a" / "b", write_steps_per_second=True)], verbose=0)
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["train"]
    found = {tag: v for tag, _, v in scalars(tmp_path / "a" / "b" / "train")}
    assert set(found) == {"epoch_loss", "epoch_accuracy", "epoch_learning_rate", "epoch_steps_per_second"}
    assert found["epoch_steps_per_second"] > 0


@pytest.mark.parametrize(("freq", "steps"), [("batch", [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6]), (1, [1, 2, 3, 4, 5, 6])])
def test_batches(model, data, tmp_path, freq, steps) -> None:
    model.fit(*data, epochs=2, batch_size=16, callbacks=[TensorBoard(tmp_path, update_freq=freq)], verbose=0)
    assert [step for tag, step, _ in scalars(tmp_path / "train") if tag == "batch_loss"] == steps


def test_evaluate(model, data, tmp_path) -> None:
    loss, _ = model.evaluate(*data, callbacks=[TensorBoard(tmp_path)], verbose=0)
    assert scalars(tmp_path / "validation")[0] == ("evaluation_loss_vs_iterations", 0, *f32([loss]))


def test_every_fit_has_a_file_of_its_own(model, data, tmp_path) -> None:
    board = TensorBoard(tmp_path)
    for _ in range(3):
        model.fit(*data, epochs=1, callbacks=[board], verbose=0)
    assert len(list((tmp_path / "train").iterdir())) == 3


def test_numbers_of_all_kinds(tmp_path) -> None:
    values = {"a": float("nan"), "b": float("inf"), "c": 1e300, "d": -1e300, "e": 0.0, "ü\n": np.float32(0.1), "g": 3}
    EventFile(str(tmp_path)).scalars(2**40, values)
    found = scalars(tmp_path)
    assert [tag for tag, _, _ in found] == list(values) and all(step == 2**40 for _, step, _ in found)
    numbers = [v for _, _, v in found]
    assert math.isnan(numbers[0]) and numbers[1:] == [math.inf, math.inf, -math.inf, 0.0, float(np.float32(0.1)), 3.0]


def test_tensorboard_reads_it(model, data, tmp_path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    h = model.fit(*data, epochs=3, validation_split=0.2, callbacks=[TensorBoard(tmp_path)], verbose=0).history
    for run, prefix in (("train", ""), ("validation", "val_")):
        found = loader.EventAccumulator(str(tmp_path / run)).Reload()
        events = found.Tensors("epoch_loss") if "epoch_loss" in found.Tags()["tensors"] else found.Scalars("epoch_loss")
        assert [e.step for e in events] == [0, 1, 2]
        values = [e.tensor_proto.float_val[0] if hasattr(e, "tensor_proto") else e.value for e in events]
        assert values == f32(h[f"{prefix}loss"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"log_dir": 3}, "log_dir must be a path"),
        ({"histogram_freq": 1}, "only scalars are written: leave histogram_freq out"),
        ({"write_images": True}, "leave write_images out"),
        ({"profile_batch": (1, 2)}, "leave profile_batch out"),
        ({"embeddings_freq": 1}, "leave embeddings_freq out"),
        ({"update_freq": "step"}, "update_freq must be"),
        ({"update_freq": 0}, "at least 1"),
        ({"logdir": "a"}, "Did you mean 'log_dir'"),
    ],
)
def test_bad_arguments(arguments, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        TensorBoard(**arguments)


def test_a_file_in_place_of_the_folder(model, data, tmp_path) -> None:
    (tmp_path / "logs").write_text("")
    before = model.get_weights()
    with pytest.raises(NotADirectoryError, match="which is a file"):
        model.fit(*data, callbacks=[TensorBoard(tmp_path / "logs")], verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)

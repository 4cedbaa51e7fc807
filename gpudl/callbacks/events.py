"""Write TensorBoard's event files by hand: `EventFile`. No TensorFlow, no protobuf package.

A file is a row of TFRecords: length (uint64), masked CRC-32C of it, data, masked CRC-32C of the data; all little-endian. The data of each
is one protobuf message `Event`: wall_time (field 1, double), step (2, varint), and file_version (3, text) or summary (5). A `Summary`
holds `Value` messages (field 1): tag (1, text), simple_value (2, float).
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping
from functools import cache

VERSION = b"brain.Event:2"


@cache
def crc_table() -> tuple[int, ...]:
    """The CRC-32C (Castagnoli) of every byte; the polynomial is 0x1EDC6F41, here with its bits reversed."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, crc = crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """The checksum as it stands in a TFRecord: rotated right by 15 bits, plus a constant."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(n: int) -> bytes:
    """
    >>> varint(300)
    b'\\xac\\x02'
    """
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def part(field: int, data: bytes) -> bytes:
    """A field that holds text or a message."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    try:
        return varint(field << 3 | 5) + struct.pack("<f", value)
    except OverflowError:  # finite, but not in 32 bits
        return varint(field << 3 | 5) + struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def event(step: int, content: bytes, wall_time: float | None = None) -> bytes:
    return double(1, time.time() if wall_time is None else wall_time) + varint(2 << 3) + varint(step) + content


class EventFile:
    """One run: a file in a folder, which is made when something is written.

    Args:
        folder: of the run, e.g. "logs/train".
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.path: str | None = None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers for one step. The file is closed after each call, so readers see all of it."""
        data = b""
        if self.path is None:
            self.path = self._new()
            data = record(event(0, part(3, VERSION)))
        for tag, value in values.items():
            data += record(event(step, part(5, part(1, part(1, tag.encode()) + single(2, float(value))))))
        with open(self.path, "ab") as file:
            file.write(data)

    def _new(self) -> str:
        """A file that nobody else has, under the name that TensorBoard looks for."""
        import platform

        os.makedirs(self.folder, exist_ok=True)
        host, number = platform.node() or "host", 0
        while True:
            path = os.path.join(self.folder, f"events.out.tfevents.{int(time.time())}.{host}.{os.getpid()}.{number}.v2")
            try:
                open(path, "xb").close()
                return path
            except FileExistsError:
                number += 1


__all__ = ["EventFile"]

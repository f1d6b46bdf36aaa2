"""Images for tests: random content with runs of zeros, packed in each format."""

from __future__ import annotations

import functools
import gzip
import lzma
import random
from pathlib import Path

import zstandard

MIB = 1 << 20


@functools.lru_cache(maxsize=32)
def content(size: int, *, seed: int = 1, zeros: float = 0.5, block: int = 64 << 10) -> bytes:
    """Return ``size`` bytes, about ``zeros`` of them zero, with a partition table in front."""
    chance = random.Random(seed)  # noqa: S311 - the same content every time
    data = bytearray()
    while len(data) < size:
        count = min(block * chance.randint(1, 8), size - len(data))
        data += bytes(count) if chance.random() < zeros else chance.randbytes(count)
    if size >= 512:
        data[0:4] = b"\xfa\x31\xc0\x8e"
        data[446:510] = bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]) + bytes(48)
        data[510:512] = b"\x55\xaa"
    return bytes(data)


@functools.lru_cache(maxsize=32)
def packed(data: bytes, kind: str) -> bytes:
    """Return ``data`` packed as ``kind``."""
    if kind == "gz":
        return gzip.compress(data, 1)
    if kind == "xz":
        return lzma.compress(data, preset=0)
    if kind == "zst":
        return zstandard.ZstdCompressor(level=1).compress(data)
    return data


def stick(path: Path, size: int, fill: bytes = b"") -> Path:
    """Make a file that stands for a stick of ``size`` bytes, full of ``fill`` over and over."""
    if fill:
        path.write_bytes((fill * (size // len(fill) + 1))[:size])
    else:
        with path.open("wb") as file:
            file.truncate(size)
    return path

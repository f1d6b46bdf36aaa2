"""What a build asks of an ELF file: the libraries it needs, and what a module says of itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from provision.media.build.errors import PackageDamaged

_DYNAMIC, _LOAD = 2, 1  # program header types
_NEEDED, _STRTAB = 1, 5  # tags of the dynamic section


def needed(path: Path) -> list[str]:
    """Return the shared libraries (DT_NEEDED) the program or library at ``path`` asks for."""
    data = _read(path)
    try:
        return _needed(data)
    except (struct.error, ValueError, OverflowError) as error:
        raise _damaged(path) from error


def modinfo(path: Path) -> dict[str, list[str]]:
    """Return the ``.modinfo`` of the kernel module at ``path``: key -> values."""
    data = _read(path)
    try:
        text = _section(data, b".modinfo")
    except (struct.error, ValueError, OverflowError) as error:
        raise _damaged(path) from error
    found: dict[str, list[str]] = {}
    for entry in text.split(b"\0"):
        key, equals, value = entry.decode("utf-8", "replace").partition("=")
        if equals:
            found.setdefault(key, []).append(value)
    return found


def _damaged(path: Path) -> PackageDamaged:
    return PackageDamaged(f"reading {path.name}: not a whole ELF file")


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise _damaged(path)
    return data


def _program_headers(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield type, file offset, address and size in the file of each segment."""
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _flags, offset, address, _physical, length = struct.unpack_from(
            "<IIQQQQ", data, start + index * size
        )
        yield kind, offset, address, length


def _needed(data: bytes) -> list[str]:
    segments = list(_program_headers(data))
    entries: list[tuple[int, int]] = []
    for kind, offset, _address, length in segments:
        if kind == _DYNAMIC:
            entries = [
                struct.unpack_from("<QQ", data, offset + at) for at in range(0, length - 15, 16)
            ]
    table = next((value for tag, value in entries if tag == _STRTAB), None)
    if table is None:
        return []  # a static program
    for kind, offset, address, length in segments:
        if kind == _LOAD and address <= table < address + length:
            names = offset + table - address
            return [_string(data, names + value) for tag, value in entries if tag == _NEEDED]
    raise ValueError("the string table lies in no segment")


def _string(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode()


def _section(data: bytes, wanted: bytes) -> bytes:
    """Return the content of the section called ``wanted``; empty when there is none."""
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count, names_index = struct.unpack_from("<HHH", data, 58)

    def header(index: int) -> tuple[int, int, int]:
        name, *_rest = struct.unpack_from("<II", data, start + index * size)
        offset, length = struct.unpack_from("<QQ", data, start + index * size + 24)
        return name, offset, length

    _name, names, _length = header(names_index)
    for index in range(count):
        name, offset, length = header(index)
        if data.startswith(wanted + b"\0", names + name):
            return data[offset : offset + length]
    return b""

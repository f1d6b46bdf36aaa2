"""SMBIOS tables: bytes in, structures out; damaged ones end where the damage begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_END: Final = 127
_HEADER: Final = 4
_MAX_STRUCTURES: Final = 10_000
#: What boards say when nobody filled in the field.
_PLACEHOLDERS: Final = frozenset(
    {
        "",
        "--",
        "n/a",
        "none",
        "not specified",
        "unknown",
        "default string",
        "to be filled by o.e.m.",
        "system manufacturer",
        "system product name",
        "system serial number",
        "0123456789",
        "123456789",
    }
)


def said(text: str | None) -> str | None:
    """Return what a board says of itself; None for blanks and the usual fillers."""
    if text is None:
        return None
    words = " ".join(text.split())
    return None if words.lower() in _PLACEHOLDERS else words


@dataclass(frozen=True, kw_only=True)
class Structure:
    """One structure: ``data`` is its formatted part with the header, ``strings`` what follows."""

    type: int
    handle: int
    data: bytes
    strings: tuple[str, ...]

    def number(self, offset: int, size: int) -> int | None:
        """Return the little-endian number at ``offset``; None past the end."""
        raw = self.data[offset : offset + size]
        return int.from_bytes(raw, "little") if len(raw) == size else None

    def string(self, offset: int) -> str | None:
        """Return the string that the byte at ``offset`` refers to; None for none."""
        index = self.number(offset, 1)
        if not index or index > len(self.strings):
            return None
        return self.strings[index - 1]


def parse(table: bytes) -> Iterator[Structure]:
    """Yield the structures of a table."""
    position = 0
    for _ in range(_MAX_STRUCTURES):
        header = table[position : position + _HEADER]
        if len(header) < _HEADER or header[1] < _HEADER:
            return
        formatted = table[position : position + header[1]]
        end = table.find(b"\0\0", position + header[1])
        if len(formatted) < header[1] or end < 0:
            return
        strings = table[position + header[1] : end].split(b"\0")
        yield Structure(
            type=header[0],
            handle=int.from_bytes(header[2:4], "little"),
            data=formatted,
            strings=tuple(text.decode("ascii", "replace") for text in strings if text),
        )
        if header[0] == _END:
            return
        position = end + 2

"""SMBIOS as bytes: the entry point, the structures of a table, and how the table ends.

After DMTF DSP0134. A table that breaks off gives the structures before that place, never a part of
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provision.host.board import End

_LAST: Final = 127  # type of the structure that ends a table
_HEADER: Final = 4
_MAX_STRUCTURES: Final = 10_000
#: Where ``dmidecode --dump-bin`` puts the table, behind the entry point.
_BEHIND: Final = 0x20


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


@dataclass(frozen=True, kw_only=True)
class Table:
    """The structures of a table in their order, without the last one, which says nothing."""

    structures: tuple[Structure, ...]
    end: End


def parse(table: bytes, count: int | None = None) -> Table:
    """Read a table; ``count`` is how many structures its entry point promises, the last included.

    Before SMBIOS 2.2 the last structure was optional, so that only ``count`` tells a whole table.
    """
    found: list[Structure] = []
    position = 0
    while len(found) < _MAX_STRUCTURES:
        header = table[position : position + _HEADER]
        start = position + (header[1] if len(header) == _HEADER else _HEADER)
        if start > len(table):
            break  # also where the table ends without its last structure
        if header[1] < _HEADER:
            return Table(structures=tuple(found), end=End.BROKEN)
        if header[0] == _LAST:
            whole = count is None or len(found) + 1 >= count
            return Table(structures=tuple(found), end=End.WHOLE if whole else End.BROKEN)
        end = table.find(b"\0\0", start)
        if end < 0:
            break
        strings = table[start:end].split(b"\0")
        found.append(
            Structure(
                type=header[0],
                handle=int.from_bytes(header[2:4], "little"),
                data=table[position:start],
                strings=tuple(text.decode("utf-8", "replace") for text in strings if text),
            )
        )
        position = end + 2
    whole = count is not None and len(found) >= count
    return Table(structures=tuple(found), end=End.WHOLE if whole else End.CUT)


class EntryPointDamaged(ValueError):
    """The bytes begin like an entry point, and are none; the message says why."""


@dataclass(frozen=True, kw_only=True)
class EntryPoint:
    """Where a table lies in a dump, and how large it is.

    ``length`` is exact with ``count`` structures for SMBIOS 2 and the legacy form, and the most it
    can be for SMBIOS 3, which does not count its structures.
    """

    version: str
    offset: int
    length: int
    count: int | None


def entry_point(data: bytes) -> EntryPoint | None:
    """Return the entry point that ``data`` begins with; None when it begins with none.

    Raises ``EntryPointDamaged`` for a wrong length or checksum.
    """
    if data.startswith(b"_SM3_"):
        head = _checked(data, data[6:7], at_least=0x18)
        version = f"{head[7]}.{head[8]}"
        length, offset = _number(head[0x0C:0x10]), _number(head[0x10:0x18])
        return EntryPoint(version=version, offset=offset, length=length, count=None)
    if data.startswith(b"_SM_"):
        head = _checked(data, data[5:6], at_least=0x1F, other=0x1E)  # 2.1 gave a wrong length
        legacy = _legacy(data[0x10:])
        version = f"{head[6]}.{head[7]}"
        return EntryPoint(
            version=version, offset=legacy.offset, length=legacy.length, count=legacy.count
        )
    return _legacy(data) if data.startswith(b"_DMI_") else None


def _legacy(data: bytes) -> EntryPoint:
    """Read the form of DMI 2.0, which is also the second half of SMBIOS 2's."""
    if not data.startswith(b"_DMI_"):
        raise EntryPointDamaged("its second half does not begin with _DMI_")
    head = _checked(data, b"\x0f", at_least=0x0F)
    return EntryPoint(
        version=f"{head[14] >> 4}.{head[14] & 0xF}",
        offset=_number(head[8:12]),
        length=_number(head[6:8]),
        count=_number(head[12:14]),
    )


def _checked(data: bytes, length: bytes, *, at_least: int, other: int | None = None) -> bytes:
    """Return the entry point of ``length`` bytes if its checksum is right."""
    size = length[0] if length else 0
    if size < at_least and size != other:
        raise EntryPointDamaged(f"its entry point claims a length of {size} bytes")
    head = data[:size]
    if len(head) < size:
        raise EntryPointDamaged("its entry point is cut short")
    if sum(head) & 0xFF:
        raise EntryPointDamaged("the checksum of its entry point is wrong")
    return head


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")

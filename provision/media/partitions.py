"""Reads partition tables just far enough to say where an image would be booted from."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provision.core.text import clean

#: ``read(offset, size)`` returns up to ``size`` bytes; fewer where they are out of reach.
Read = Callable[[int, int], bytes]

ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
FAT_TYPES = {0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E, 0xEF}
MAX_ENTRIES = 512


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One entry of a partition table; ``start`` and ``size`` in bytes."""

    number: int
    start: int
    size: int
    kind: str
    name: str = ""
    may_hold_esp: bool = False


def mbr_boot_code(read: Read) -> bool:
    """Whether a PC BIOS would find something to run in the first sector."""
    sector = read(0, 512)
    return len(sector) == 512 and sector[510:] == b"\x55\xaa" and any(sector[:440])


def partitions(read: Read) -> tuple[str, list[Partition]]:
    """Return the kind of table (``gpt``, ``mbr`` or ``none``) and its partitions."""
    for sector in (512, 4096):
        header = read(sector, 92)
        if header[:8] == b"EFI PART" and len(header) == 92:
            return "gpt", list(_gpt(read, header, sector))
    found = list(_mbr(read(0, 512)))
    return ("mbr" if found else "none"), found


def _gpt(read: Read, header: bytes, sector: int) -> Iterator[Partition]:
    table, count, size = struct.unpack("<QII", header[72:88])
    if not 128 <= size <= 4096 or count > MAX_ENTRIES:
        return
    for number in range(count):
        entry = read(table * sector + number * size, 128)
        if len(entry) < 128:
            return
        if not any(entry[:16]):
            continue
        kind = uuid.UUID(bytes_le=entry[:16])
        first, last = struct.unpack("<QQ", entry[32:48])
        name = entry[56:128].decode("utf-16-le", "replace").split("\0")[0]
        yield Partition(
            number=number + 1,
            start=first * sector,
            size=max(last + 1 - first, 0) * sector,
            kind=str(kind),
            name=clean(name, 72),
            may_hold_esp=True,
        )


def _mbr(sector: bytes) -> Iterator[Partition]:
    if len(sector) < 512 or sector[510:] != b"\x55\xaa":
        return
    for number in range(4):
        entry = sector[446 + 16 * number : 462 + 16 * number]
        active, kind = entry[0], entry[4]
        start, count = struct.unpack("<II", entry[8:16])
        # The boot sector of a bare FAT has the same signature, and code where the table would be.
        if active not in (0, 0x80) or not kind or not count:
            continue
        yield Partition(
            number=number + 1,
            start=start * 512,
            size=count * 512,
            kind=f"{kind:#04x}",
            may_hold_esp=kind in FAT_TYPES,
        )

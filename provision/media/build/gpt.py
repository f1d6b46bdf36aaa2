"""A GUID partition table, and the BIOS boot code beside it, written without foreign tools."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

SECTOR = 512
FIRST = 34  # the first sector after header and entries
RESERVED = 33  # sectors of the copy at the end of the disk

BIOS_BOOT = uuid.UUID("21686148-6449-6e6f-744e-656564454649")
EFI_SYSTEM = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")

_ENTRIES, _ENTRY_SIZE = 128, 128


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One partition: its first sector, how many, and what the firmware takes it for."""

    name: str
    kind: uuid.UUID
    start: int
    sectors: int


def tables(
    partitions: Sequence[Partition], *, total: int, identity: uuid.UUID
) -> tuple[bytes, bytes]:
    """Return the first 34 and the last 33 sectors of a disk of ``total`` sectors.

    GUIDs follow from ``identity`` alone, so that the same content gives the same disk.
    """
    entries = b"".join(
        _entry(partition, uuid.uuid5(identity, f"partition {number}"))
        for number, partition in enumerate(partitions, start=1)
    ).ljust(_ENTRIES * _ENTRY_SIZE, b"\0")
    disk = uuid.uuid5(identity, "disk")
    primary = _header(entries, disk, here=1, total=total)
    backup = _header(entries, disk, here=total - 1, total=total)
    return _protective_mbr(total) + primary + entries, entries + backup


def _entry(partition: Partition, own: uuid.UUID) -> bytes:
    return struct.pack(
        "<16s16sQQQ72s",
        partition.kind.bytes_le,
        own.bytes_le,
        partition.start,
        partition.start + partition.sectors - 1,
        0,
        partition.name.encode("utf-16-le"),
    )


def _header(entries: bytes, disk: uuid.UUID, *, here: int, total: int) -> bytes:
    """Return the header for sector ``here``: the second (entries follow), or the very last."""
    other = total - 1 if here == 1 else 1
    entries_at = 2 if here == 1 else here - _ENTRIES * _ENTRY_SIZE // SECTOR

    def packed(checksum: int) -> bytes:
        return struct.pack(
            "<8sIIIIQQQQ16sQIII",
            b"EFI PART",
            0x00010000,
            92,
            checksum,
            0,
            here,
            other,
            FIRST,
            total - RESERVED - 1,
            disk.bytes_le,
            entries_at,
            _ENTRIES,
            _ENTRY_SIZE,
            zlib.crc32(entries),
        )

    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")


def _protective_mbr(total: int) -> bytes:
    entry = struct.pack(
        "<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, min(total - 1, 0xFFFFFFFF)
    )
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def with_boot_code(mbr: bytes, boot: bytes, *, core_at: int) -> bytes:
    """Return ``mbr`` with GRUB's ``boot.img`` in it, which loads its core from ``core_at``.

    Offsets are those of GRUB's ``boot.S``: 0x5c the core's sector, 0x64 the drive to read from
    (0xff: the one the BIOS booted), 0x66 a jump that would override the drive (made two NOPs).
    """
    code = bytearray(boot[:440])
    struct.pack_into("<Q", code, 0x5C, core_at)
    code[0x64] = 0xFF
    code[0x66:0x68] = b"\x90\x90"
    return bytes(code) + mbr[440:SECTOR]


def with_block_list(core: bytes, *, core_at: int) -> bytes:
    """Return GRUB's core image, padded to sectors, told where the rest of it lies.

    The first sector (``diskboot.S``) ends with one entry: sector, count, and load segment.
    """
    padded = bytearray(core + bytes(-len(core) % SECTOR))
    struct.pack_into("<QHH", padded, SECTOR - 12, core_at + 1, len(padded) // SECTOR - 1, 0x820)
    return bytes(padded)

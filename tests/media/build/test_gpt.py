"""The partition table and the boot code beside it."""

from __future__ import annotations

import shutil
import struct
import subprocess
import uuid
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.media.build import gpt

IDENTITY = uuid.UUID("00000000-0000-4000-8000-000000000001")


def partitions(total: int) -> list[gpt.Partition]:
    """A BIOS boot partition and an ESP that fill a disk of ``total`` sectors."""
    return [
        gpt.Partition(name="BIOS boot", kind=gpt.BIOS_BOOT, start=34, sectors=2014),
        gpt.Partition(name="BAREIRON", kind=gpt.EFI_SYSTEM, start=2048, sectors=total - 33 - 2048),
    ]


def header(sector: bytes) -> tuple[int, ...]:
    """Check a header's own checksum; return here, other, first, last, entries, their checksum."""
    values = struct.unpack("<8sIIIIQQQQ16sQIII", sector[:92])
    blank = sector[:16] + bytes(4) + sector[20:92]
    assert values[0] == b"EFI PART"
    assert values[3] == zlib.crc32(blank)
    return (*values[5:9], values[10], values[13])


@given(total=st.integers(8192, 1 << 40))
def test_both_tables_agree(total: int) -> None:
    """Header and copy hold right checksums, point at each other and cover the whole disk."""
    head, tail = gpt.tables(partitions(total), total=total, identity=IDENTITY)
    assert (len(head), len(tail)) == (34 * 512, 33 * 512)
    entries = head[1024:]
    assert entries == tail[:-512]
    crc = zlib.crc32(entries)
    assert header(head[512:1024]) == (1, total - 1, 34, total - 34, 2, crc)
    assert header(tail[-512:]) == (total - 1, 1, 34, total - 34, total - 33, crc)


def test_guids_follow_from_the_content() -> None:
    """The same content gives the same disk; another one gives other GUIDs."""
    same = [gpt.tables(partitions(65536), total=65536, identity=IDENTITY) for _ in range(2)]
    other = gpt.tables(partitions(65536), total=65536, identity=uuid.uuid5(IDENTITY, "x"))
    assert same[0] == same[1] != other


@pytest.mark.skipif(not shutil.which("sgdisk"), reason="no sgdisk here to ask")
def test_sgdisk_finds_no_fault(tmp_path: Path) -> None:
    """A tool that others trust reads the table as meant."""
    head, tail = gpt.tables(partitions(65536), total=65536, identity=IDENTITY)
    file = tmp_path / "disk.img"
    file.write_bytes(head + bytes((65536 - 67) * 512) + tail)
    done = subprocess.run(["sgdisk", "-v", "-p", file], capture_output=True, text=True, check=True)
    assert "No problems found" in done.stdout
    assert "EF02  BIOS boot" in done.stdout
    assert "EF00  BAREIRON" in done.stdout


def test_boot_code_keeps_the_table() -> None:
    """GRUB's sector goes around the partition table and the signature, and knows its core."""
    head, _tail = gpt.tables(partitions(65536), total=65536, identity=IDENTITY)
    sector = gpt.with_boot_code(head[:512], b"\xeb" * 512, core_at=34)
    assert sector[440:] == head[440:512]
    assert struct.unpack_from("<Q", sector, 0x5C) == (34,)
    assert sector[0x64] == 0xFF


@given(size=st.integers(513, 200_000))
def test_the_core_is_told_where_its_rest_is(size: int) -> None:
    """The first sector loads exactly the sectors that follow it."""
    core = gpt.with_block_list(b"\1" * size, core_at=34)
    sector, count, segment = struct.unpack_from("<QHH", core, 500)
    assert (sector, segment) == (35, 0x820)
    assert (count + 1) * 512 == len(core) >= size

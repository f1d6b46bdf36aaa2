"""Reading ELF files: what a program needs, what a module says, and no crash on a damaged one."""

from __future__ import annotations

import struct
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.media.build import elf
from provision.media.build.errors import PackageDamaged

PROGRAM = Path(sys.executable).resolve()


def module(modinfo: bytes) -> bytes:
    """A relocatable ELF file with one section of its own: ``.modinfo``."""
    names = b"\0.modinfo\0.shstrtab\0"
    at = 64 + len(modinfo)
    sections_at = at + len(names)

    def section(name: int, offset: int, size: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 1, 0)

    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, sections_at, 0, 64, 0, 0, 64, 3, 2
    )
    table = section(0, 0, 0) + section(1, 64, len(modinfo)) + section(10, at, len(names))
    return header + modinfo + names + table


def test_a_program_tells_its_libraries() -> None:
    """The closure of libraries begins with what the linker wrote into the program."""
    assert "libc.so.6" in elf.needed(PROGRAM)


def test_a_module_tells_its_dependencies(tmp_path: Path) -> None:
    """Dependencies are read from the module itself, so that depmod is not needed."""
    file = tmp_path / "usb_storage.ko"
    file.write_bytes(module(b"license=GPL\0depends=usbcore,scsi_mod\0alias=a\0alias=b\0"))
    assert elf.modinfo(file) == {
        "license": ["GPL"],
        "depends": ["usbcore,scsi_mod"],
        "alias": ["a", "b"],
    }


def test_what_is_no_elf_is_called_damaged(tmp_path: Path) -> None:
    """A text file where a program should be ends in an error that names it."""
    file = tmp_path / "xl"
    file.write_text("#!/bin/sh\n")
    with pytest.raises(PackageDamaged, match="xl"):
        elf.needed(file)


@given(data=st.data())
def test_a_damaged_elf_never_crashes(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes a damaged file holds, the answer is a result or our own error."""
    whole = bytearray(module(b"depends=a\0"))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(6, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / "damaged.ko"
    file.write_bytes(whole[: data.draw(st.integers(6, len(whole)))])
    for read in (elf.modinfo, elf.needed):
        with suppress(PackageDamaged):
            read(file)

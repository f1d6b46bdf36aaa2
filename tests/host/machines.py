"""Machines made of files: a directory laid out like ``/``, and SMBIOS tables made by hand."""

from __future__ import annotations

import struct
from pathlib import Path

from provision.host import smbios

XEON = {
    "vendor_id": "GenuineIntel",
    "cpu family": "6",
    "model": "106",
    "model name": "Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz",
    "stepping": "6",
}
EPYC = {
    "vendor_id": "AuthenticAMD",
    "cpu family": "25",
    "model": "1",
    "model name": "AMD EPYC 7313 16-Core Processor",
    "stepping": "1",
}
V3 = (
    "fpu cx8 cmov mmx fxsr sse sse2 syscall nx lm lahf_lm cx16 popcnt pni ssse3 sse4_1 sse4_2 "
    "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
)


def put(root: Path, name: str, content: str | bytes) -> None:
    """Write a file of the machine."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def cpuinfo(
    root: Path, cpu: dict[str, str], flags: str, *, kernel: str = "6.1.0-32-amd64", sockets: int = 1
) -> None:
    """Write /proc/cpuinfo of ``sockets`` packages with two cores of two threads each."""
    blocks = []
    for number in range(sockets * 4):
        lines = {
            "processor": str(number),
            **cpu,
            "physical id": str(number // 4),
            "core id": str(number // 2 % 2),
            "flags": flags,
        }
        blocks.append("\n".join(f"{key}\t: {value}" for key, value in lines.items()))
    put(root, "proc/cpuinfo", "\n\n".join(blocks) + "\n")
    put(root, "proc/sys/kernel/osrelease", kernel + "\n")


def register(root: Path, cpu: int, address: int, value: int) -> None:
    """Make the register of one CPU readable, as the msr module would."""
    path = root / f"dev/cpu/{cpu}/msr"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.seek(address)
        file.write(struct.pack("<Q", value))


def structure(kind: int, handle: int, formatted: bytes, *strings: str) -> bytes:
    """One SMBIOS structure; ``formatted`` is what follows the header."""
    header = struct.pack("<BBH", kind, 4 + len(formatted), handle)
    tail = b"".join(text.encode() + b"\0" for text in strings) or b"\0"
    return header + formatted + tail + b"\0"


def memory_array(
    handle: int, *, use: int = 3, ecc: int = 6, kib: int = 64 << 20, slots: int = 8
) -> bytes:
    """A memory array (type 16); use 3 is system memory."""
    return structure(16, handle, struct.pack("<BBBIHH", 3, use, ecc, kib, 0xFFFE, slots))


def module(
    handle: int, array: int, size: int, *, extended: int = 0, names: tuple[str, ...] = ()
) -> bytes:
    """A memory slot (type 17); size in MiB, 0 being empty, 0x7FFF pointing at ``extended``.

    ``names`` are its locator and the locator of its bank.
    """
    fields = struct.pack("<HHHHHBB", array, 0xFFFE, 72, 64, size, 9, 0)
    fields += bytes([1, 2]) if names else bytes(2)
    padding = bytes(0x1C - 4 - len(fields))
    return structure(17, handle, fields + padding + struct.pack("<I", extended), *names)


def entry_point(table: bytes, version: tuple[int, int] = (2, 5), *, offset: int = 0x20) -> bytes:
    """The 32 bytes of an entry point that ``dmidecode --dump-bin`` writes before a table."""
    count = len(smbios.parse(table).structures) + 1
    legacy = struct.pack(
        "<5sBHIHB", b"_DMI_", 0, len(table), offset, count, version[0] << 4 | version[1] & 0xF
    )
    legacy = legacy[:5] + bytes([-sum(legacy) & 0xFF]) + legacy[6:]
    head = struct.pack("<4sBBBBHB5s", b"_SM_", 0, 0x1F, *version, 0x100, 0, bytes(5)) + legacy
    return head[:4] + bytes([-sum(head) & 0xFF]) + head[5:] + b"\0"


def port(handle: int, inside: str, outside: str, *, connector: int = 0, kind: int = 16) -> bytes:
    """A port (type 8) with its two designators."""
    names = [name for name in (inside, outside) if name]
    numbers = [names.index(name) + 1 if name else 0 for name in (inside, outside)]
    fields = struct.pack("<BBBBB", numbers[0], 0, numbers[1], connector, kind)
    return structure(8, handle, fields, *names)


END = structure(127, 0xFFFF, b"")

"""From SMBIOS structures to what they say of a board. Words are those that dmidecode prints."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from provision.host.board import (
    Array,
    Board,
    Firmware,
    Module,
    Onboard,
    Port,
    Socket,
    System,
)
from provision.host.smbios import Structure, Table

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30

#: Processors that no system runs on: for mathematics, signals and video.
_HELPERS: Final = frozenset({4, 5, 6})
_POPULATED: Final = 0x40
_SYSTEM_MEMORY: Final = 3  # use of a memory array
_NO_CONNECTOR: Final = 0
_NO_CHARACTERISTICS: Final = 1 << 3
_UEFI: Final = 1 << 3
#: From this version on the first half of a UUID is little-endian.
_UUID_SWAPPED: Final = (2, 6)

_ECC: Final = {3: "none", 4: "parity", 5: "single-bit", 6: "multi-bit", 7: "crc"}
#: Technologies whose modules are not, or not wholly, working memory.
_PERSISTENT: Final = frozenset({4, 5, 6, 7})


def _words(first: int, text: str) -> dict[int, str]:
    return dict(enumerate(text.split("|"), start=first))


_PORTS: Final = {
    **_words(
        0,
        "None|Parallel Port XT/AT Compatible|Parallel Port PS/2|Parallel Port ECP|"
        "Parallel Port EPP|Parallel Port ECP/EPP|Serial Port XT/AT Compatible|"
        "Serial Port 16450 Compatible|Serial Port 16550 Compatible|Serial Port 16550A Compatible|"
        "SCSI Port|MIDI Port|Joystick Port|Keyboard Port|Mouse Port|SSA SCSI|USB|"
        "Firewire (IEEE P1394)|PCMCIA Type I|PCMCIA Type II|PCMCIA Type III|Cardbus|"
        "Access Bus Port|SCSI II|SCSI Wide|PC-98|PC-98 Hireso|PC-H98|Video Port|Audio Port|"
        "Modem Port|Network Port|SATA|SAS|MFDP (Multi-Function Display Port)|Thunderbolt",
    ),
    0xA0: "8251 Compatible",
    0xA1: "8251 FIFO Compatible",
    0xFF: "Other",
}
_MEMORY: Final = _words(
    1,
    "Other|Unknown|DRAM|EDRAM|VRAM|SRAM|RAM|ROM|Flash|EEPROM|FEPROM|EPROM|CDRAM|3DRAM|SDRAM|SGRAM|"
    "RDRAM|DDR|DDR2|DDR2 FB-DIMM|Reserved|Reserved|Reserved|DDR3|FBD2|DDR4|LPDDR|LPDDR2|LPDDR3|"
    "LPDDR4|Logical non-volatile device|HBM|HBM2|DDR5|LPDDR5|HBM3",
)
_DEVICES: Final = _words(
    1,
    "Other|Unknown|Video|SCSI Controller|Ethernet|Token Ring|Sound|PATA Controller|"
    "SATA Controller|SAS Controller|Wireless LAN|Bluetooth|WWAN|eMMC|NVMe Controller|"
    "UFS Controller",
)


def board(table: Table, version: str | None = None) -> Board:
    """Return what a table says; ``version`` is that of its entry point, None where it is lost."""
    of: defaultdict[int, list[Structure]] = defaultdict(list)
    for structure in table.structures:
        of[structure.type].append(structure)
    return Board(
        end=table.end,
        version=version,
        firmware=_firmware(of[0][0]) if of[0] else Firmware(),
        system=_system(of[1][0], version) if of[1] else System(),
        sockets=tuple(_socket(each) for each in of[4] if each.number(0x05, 1) not in _HELPERS),
        arrays=tuple(_array(each) for each in of[16]),
        modules=tuple(_module(each) for each in of[17]),
        ports=tuple(_port(each) for each in of[8]),
        onboard=tuple(_onboard(of)),
        oem_strings=tuple(text for each in of[11] for text in each.strings),
        tpm=next(filter(None, map(_tpm, of[43])), None),
    )


def _firmware(structure: Structure) -> Firmware:
    extension = structure.number(0x13, 1)
    characteristics = structure.number(0x0A, 8) or 0
    told = extension is not None and not characteristics & _NO_CHARACTERISTICS
    return Firmware(
        vendor=structure.string(0x04),
        version=structure.string(0x05),
        date=structure.string(0x08),
        rom=_rom(structure),
        uefi=bool((extension or 0) & _UEFI) if told else None,
    )


def _rom(structure: Structure) -> int | None:
    blocks = structure.number(0x09, 1)
    if blocks != 0xFF:
        return None if blocks is None else (blocks + 1) << 16
    extended = structure.number(0x18, 2)
    if extended is None:
        return 256 << 16
    return (extended & 0x3FFF) * (_GIB if extended >> 14 == 1 else _MIB) or None


def _system(structure: Structure, version: str | None) -> System:
    return System(
        vendor=structure.string(0x04),
        model=structure.string(0x05),
        serial=structure.string(0x07),
        uuid=_uuid(structure.data[0x08:0x18], version),
    )


def _uuid(raw: bytes, version: str | None) -> str | None:
    """Return the UUID; its byte order depends on the version, so without that it is unknown."""
    if len(raw) < 16 or version is None:
        return None
    major, _, minor = version.partition(".")
    swapped = (int(major), int(minor)) >= _UUID_SWAPPED
    return str(uuid.UUID(bytes_le=raw) if swapped else uuid.UUID(bytes=raw))


def _socket(structure: Structure) -> Socket:
    status = structure.number(0x18, 1)
    eax, edx = structure.number(0x08, 4), structure.number(0x0C, 4)
    return Socket(
        designation=structure.string(0x04),
        maker=structure.string(0x07),
        name=structure.string(0x10),
        arch=_ARCHITECTURES.get(_family(structure) or 0),
        populated=None if status is None else bool(status & _POPULATED),
        cores=_count(structure, 0x24, 0x2C) or _count(structure, 0x23, 0x2A),
        threads=_count(structure, 0x25, 0x2E),
        registers=None if eax is None or edx is None else (eax, edx),
    )


#: Processor families (SMBIOS 7.5.2) that are no x86: ARMv7, ARMv8, ARMv9, RISC-V.
_ARCHITECTURES: Final = {
    0x100: "other",
    0x101: "arm64",
    0x102: "arm64",
    0x200: "other",
    0x201: "other",
    0x202: "other",
}


def _family(structure: Structure) -> int | None:
    """Return the processor family; the later ones stand in the longer field."""
    family = structure.number(0x06, 1)
    return structure.number(0x28, 2) if family == 0xFE else family


def _count(structure: Structure, short: int, long: int) -> int | None:
    """Return a count of cores; from 255 on it stands in the longer field. 0 is not told."""
    number = structure.number(short, 1)
    if number == 0xFF:
        number = structure.number(long, 2)
        number = None if number == 0xFFFF else number
    return number or None


def _array(structure: Structure) -> Array:
    kibibytes = structure.number(0x07, 4) or 0
    extended = kibibytes == 0x8000_0000
    return Array(
        handle=structure.handle,
        system=structure.number(0x05, 1) == _SYSTEM_MEMORY,
        ecc=_ECC.get(structure.number(0x06, 1) or 0),
        capacity=(structure.number(0x0F, 8) if extended else kibibytes * _KIB) or None,
        devices=structure.number(0x0D, 2),
    )


def _module(structure: Structure) -> Module:
    size = _size(structure)
    memory = size
    if structure.number(0x28, 1) in _PERSISTENT:
        volatile = structure.number(0x3C, 8)
        memory = None if volatile == 0xFFFF_FFFF_FFFF_FFFF else volatile
    return Module(
        array=structure.number(0x04, 2),
        slot=structure.string(0x10),
        bank=structure.string(0x11),
        size=size,
        memory=memory,
        rank=(structure.number(0x1B, 1) or 0) & 0xF or None,
        speed=_speed(structure),
        type=_MEMORY.get(structure.number(0x12, 1) or 0),
        maker=structure.string(0x17),
        part=structure.string(0x1A),
        serial=structure.string(0x18),
    )


def _size(structure: Structure) -> int | None:
    size = structure.number(0x0C, 2)
    if size is None or size == 0xFFFF:
        return None
    if size == 0x7FFF:
        extended = structure.number(0x1C, 4)
        return None if extended is None else (extended & 0x7FFF_FFFF) * _MIB
    return (size & 0x7FFF) * (_KIB if size & 0x8000 else _MIB)


def _speed(structure: Structure) -> int | None:
    speed = structure.number(0x15, 2)
    if speed == 0xFFFF:
        speed = structure.number(0x54, 4)
    return speed or None


def _port(structure: Structure) -> Port:
    return Port(
        internal=structure.string(0x04),
        external=structure.string(0x06),
        outside=structure.number(0x07, 1) != _NO_CONNECTOR,
        type=_PORTS.get(structure.number(0x08, 1) or 0),
    )


def _onboard(of: Mapping[int, list[Structure]]) -> Iterable[Onboard]:
    """Yield the devices: a structure of type 10 lists many, one of type 41 is one."""
    for structure in of[10]:
        for offset in range(0x04, len(structure.data) - 1, 2):
            word = _DEVICES.get(structure.data[offset] & 0x7F)
            yield Onboard(structure=10, name=structure.string(offset + 1), type=word)
    for structure in of[41]:
        word = _DEVICES.get((structure.number(0x05, 1) or 0) & 0x7F)
        yield Onboard(structure=41, name=structure.string(0x04), type=word)


def _tpm(structure: Structure) -> str | None:
    major, minor = structure.number(0x08, 1), structure.number(0x09, 1)
    return f"{major}.{minor}" if major else None

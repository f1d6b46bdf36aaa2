"""What SMBIOS says of a board, as small records: the same from a binary table and from a text.

Numbers are in base units (bytes, MT/s); None means: not told. Strings are as the board has them;
``said`` takes out those that nobody filled in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from hwprofiles.cpu import Signature, decode_processor_id, vendor_of

#: What boards and tools say when nobody filled in the field; compared without case and punctuation.
_PLACEHOLDERS: Final = frozenset(
    {
        "",
        "0123456789",
        "12345678",
        "123456789",
        "1234567890",
        "bad index",
        "default",
        "default string",
        "empty",
        "filled by oem",
        "n a",
        "no dimm",
        "no module installed",
        "none",
        "not applicable",
        "not available",
        "not present",
        "not provided",
        "not settable",
        "not specified",
        "not support",
        "not supported",
        "null",
        "oem",
        "out of spec",
        "system manufacturer",
        "system product name",
        "system serial number",
        "to be filled by o e m",
        "to be filled by oem",
        "tobefilledbyoem",
        "undefined",
        "unknown",
        "unspecified",
    }
)
#: UUIDs that whole series of boards share: the fillers of AMI, and those of Supermicro and others.
_SHARED_UUIDS: Final = frozenset(
    {
        "00020003-0004-0005-0006-000700080009",
        "03000200-0400-0500-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "00112233-4455-6677-8899-aabbccddeeff",
        "01234567-89ab-cdef-0123-456789abcdef",
    }
)
_LONGEST: Final = 256
_PUNCTUATION: Final = re.compile(r"[\W_]+")
_REPEATED: Final = re.compile(r"(.)\1{3,}")  # 0000, FFFFFFFF, xxxxxxxx


def said(text: str | None) -> str | None:
    """Return what a board says of itself, blanks collapsed; None for the usual fillers."""
    words = " ".join((printed(text) or "").split())
    return words or None


def printed(text: str | None) -> str | None:
    """Return the same with the blanks that the board prints inside, as its manual has them."""
    if text is None:
        return None
    words = "".join(c if c.isprintable() else " " for c in text[:_LONGEST]).strip()
    bare = _PUNCTUATION.sub(" ", words.lower()).strip()
    return None if bare in _PLACEHOLDERS or _REPEATED.fullmatch(words) else words


def said_uuid(text: str | None) -> str | None:
    """Return a UUID in lower case; None for one that is not this machine's alone."""
    uuid = (said(text) or "").lower()
    return None if uuid in _SHARED_UUIDS or len(set(uuid) - {"-"}) <= 1 else uuid


@dataclass(frozen=True, kw_only=True)
class Firmware:
    """Type 0. ``uefi`` is the characteristic "UEFI is supported", None where there is no byte for
    it; ``rom`` the size of the chip."""

    vendor: str | None = None
    version: str | None = None
    date: str | None = None
    rom: int | None = None
    uefi: bool | None = None


@dataclass(frozen=True, kw_only=True)
class System:
    """Type 1."""

    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    uuid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Socket:
    """Type 4, of a central processor. ``registers`` are the two halves of its ID field.

    ``arch`` is the value of ``cpu.arch`` where its family is known to be no x86.
    """

    designation: str | None = None
    maker: str | None = None
    name: str | None = None
    arch: str | None = None
    populated: bool | None = None
    cores: int | None = None
    threads: int | None = None
    registers: tuple[int, int] | None = None

    @property
    def signature(self) -> Signature | None:
        """The CPU in it: EAX of CPUID leaf 1 in the lower half of the ID, and EDX in the upper.

        Some boards have the halves the wrong way round, others anything in place of EDX.
        """
        vendor = vendor_of(said(self.maker)) or vendor_of(said(self.name))
        if vendor is None or self.registers is None:
            return None
        eax, edx = self.registers
        return _decoded(vendor, f"{edx:08x}{eax:08x}") or _decoded(vendor, f"{eax:08x}")


def _decoded(vendor: str, registers: str) -> Signature | None:
    return decode_processor_id({"VendorId": vendor, "IdentificationRegisters": registers})


@dataclass(frozen=True, kw_only=True)
class Array:
    """Type 16. ``system`` tells system memory from the firmware's flash and the like."""

    handle: int | None
    system: bool
    ecc: str | None = None
    capacity: int | None = None
    devices: int | None = None


@dataclass(frozen=True, kw_only=True)
class Module:
    """Type 17: a slot. ``size`` is 0 for an empty one; ``memory`` what of it is working memory."""

    array: int | None
    slot: str | None = None
    bank: str | None = None
    size: int | None = None
    memory: int | None = None
    rank: int | None = None
    speed: int | None = None
    type: str | None = None
    maker: str | None = None
    part: str | None = None
    serial: str | None = None


@dataclass(frozen=True, kw_only=True)
class Port:
    """Type 8. ``outside``: it has a connector on the outside."""

    internal: str | None = None
    external: str | None = None
    outside: bool = True
    type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Onboard:
    """Types 10 and 41."""

    structure: int
    name: str | None = None
    type: str | None = None


class End(Enum):
    """How a source ends: with the table, where the firmware's table is broken, or before either."""

    WHOLE = auto()
    BROKEN = auto()
    CUT = auto()


@dataclass(frozen=True, kw_only=True)
class Board:
    """All of it."""

    end: End = End.WHOLE
    version: str | None = None
    firmware: Firmware = Firmware()
    system: System = System()
    sockets: tuple[Socket, ...] = ()
    arrays: tuple[Array, ...] = ()
    modules: tuple[Module, ...] = ()
    ports: tuple[Port, ...] = ()
    onboard: tuple[Onboard, ...] = ()
    oem_strings: tuple[str, ...] = ()
    tpm: str | None = None

    @property
    def counts(self) -> bool:
        """Whether things may be counted: nothing may be concluded from what a cut source lacks.

        Where only the firmware's own table breaks off, all slots that it announced must be there.
        """
        announced = sum(array.devices or 0 for array in self.arrays)
        past_memory = 0 < announced <= len(self.modules)
        return self.end is End.WHOLE or (self.end is End.BROKEN and past_memory)

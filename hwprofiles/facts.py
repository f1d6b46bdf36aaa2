"""The catalogue of facts, and a fact with its provenance.

A fact is one thing known about one machine: ``cpu.virt.state`` is ``disabled``, said by the BIOS
attribute ``ProcVirtualization`` over Redfish, at that time, with the host off. What is not known is
not there: no fact ever stands for "could not be read".

Stdlib only: this module also runs inside the deploy ramdisk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

SCHEMA = "bareiron.facts/1"

#: bool, integers (bytes, counts), words, and lists of words.
Value = bool | int | str | tuple[str, ...]


class Source(StrEnum):
    """Where a fact was read."""

    REDFISH = "redfish"
    CPUID = "cpuid"
    MSR = "msr"
    DMI = "dmi"
    ACPI = "acpi"
    PROCFS = "procfs"
    DUMP = "dump"
    USER = "user"


class Kind(StrEnum):
    """The type of a fact's value."""

    BOOL = "bool"
    INTEGER = "integer"
    BYTES = "bytes"
    ENDURANCE = "endurance"  # bytes written over a life; not comparable with a size
    BIT_RATE = "bit-rate"
    WORD = "word"
    WORDS = "words"
    VERSION = "version"


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a fact name stands for; ``words`` lists the allowed values where they are few.

    ``unsure`` are those of them that say "looked, and cannot tell": a rule that asks for another
    word is then unknown, not failed.
    """

    kind: Kind
    text: str
    words: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


_UNSURE = frozenset({"capable", "not-controllable", "guest", "unknown"})


def _of(kind: Kind, text: str, *words: str) -> Meaning:
    unsure = tuple(word for word in words if word in _UNSURE)
    return Meaning(kind=kind, text=text, words=words, unsure=unsure)


_STATE = ("enabled", "disabled", "not-controllable", "unknown")

#: Every fact name, what it means and what it may hold.
CATALOGUE: Mapping[str, Meaning] = {
    "system.vendor": _of(Kind.WORD, "who made the server"),
    "system.model": _of(Kind.WORD, "its model name"),
    "system.serial": _of(Kind.WORD, "its serial number"),
    "system.uuid": _of(Kind.WORD, "its SMBIOS UUID, lower case"),
    "firmware.version": _of(Kind.WORD, "version of the BIOS or UEFI firmware"),
    "firmware.boot_mode": _of(Kind.WORD, "how the firmware boots", "uefi", "bios"),
    "firmware.secure_boot": _of(Kind.WORD, "secure boot", "enabled", "disabled"),
    "tpm.present": _of(Kind.BOOL, "whether a TPM is there"),
    "tpm.version": _of(Kind.VERSION, "version of the TPM specification it follows"),
    "cpu.vendor": _of(Kind.WORD, "CPUID vendor: GenuineIntel, AuthenticAMD, HygonGenuine …"),
    "cpu.name": _of(Kind.WORD, "brand string"),
    "cpu.family": _of(Kind.INTEGER, "family as CPUID leaf 1 gives it, extended part added"),
    "cpu.model": _of(Kind.INTEGER, "model as CPUID leaf 1 gives it, extended part added"),
    "cpu.stepping": _of(Kind.INTEGER, "stepping"),
    "cpu.sockets": _of(Kind.INTEGER, "processor sockets"),
    "cpu.sockets_populated": _of(Kind.INTEGER, "sockets that hold a processor"),
    "cpu.cores": _of(Kind.INTEGER, "cores of all processors together"),
    "cpu.flags": _of(Kind.WORDS, "feature flags as Linux names them"),
    "cpu.level": _of(Kind.WORD, "x86-64 microarchitecture level", "v1", "v2", "v3", "v4"),
    "cpu.nx": _of(Kind.WORD, "no-execute pages", "enabled", "disabled"),
    "cpu.virt.feature": _of(Kind.WORD, "hardware virtualization", "vmx", "svm", "none"),
    "cpu.virt.state": _of(
        Kind.WORD,
        "whether hardware virtualization can be used",
        "enabled",
        "disabled",
        "locked",
        "unlocked",
        "unsupported",
        "off-or-hidden",
        "capable",
        "not-controllable",
        "guest",
        "unknown",
    ),
    "cpu.virt.attribute": _of(Kind.WORD, "BIOS attribute that tells cpu.virt.state"),
    "cpu.virt.slat": _of(Kind.BOOL, "second-level address translation (EPT or NPT)"),
    "iommu.present": _of(Kind.BOOL, "whether firmware describes an IOMMU (DMAR, IVRS)"),
    "iommu.state": _of(Kind.WORD, "IOMMU in firmware", *_STATE),
    "iommu.attribute": _of(Kind.WORD, "BIOS attribute that tells iommu.state"),
    "sriov.state": _of(Kind.WORD, "SR-IOV in firmware", *_STATE),
    "sriov.attribute": _of(Kind.WORD, "BIOS attribute that tells sriov.state"),
    "memory.total": _of(Kind.BYTES, "memory installed"),
    "memory.max": _of(Kind.BYTES, "memory the board can take"),
    "memory.slots": _of(Kind.INTEGER, "memory slots"),
    "memory.dimms_populated": _of(Kind.INTEGER, "slots that hold a module"),
    "memory.ecc": _of(
        Kind.WORD,
        "error correction",
        "none",
        "parity",
        "single-bit",
        "multi-bit",
        "crc",
        "unknown",
    ),
    "ports.internal": _of(Kind.WORDS, "designators of internal SD and USB ports (SMBIOS type 8)"),
    "boot.device.bus": _of(Kind.WORD, "bus of the boot device", "usb", "sd", "sata", "sas", "nvme"),
    "boot.device.size": _of(Kind.BYTES, "size of the boot device"),
    "boot.device.endurance": _of(
        Kind.ENDURANCE, "bytes that may be written to it in its life (TBW)"
    ),
    "boot.override_targets": _of(Kind.WORDS, "BootSourceOverrideTarget values the BMC allows"),
    "media.cd_slots": _of(Kind.INTEGER, "virtual media slots that take a CD or DVD image"),
    "nics.fastest": _of(Kind.BIT_RATE, "speed of the fastest network port, bit/s"),
    "nics.count": _of(Kind.INTEGER, "network ports"),
    "storage.largest": _of(Kind.BYTES, "size of the largest local disk"),
}


def shown(name: str, value: Value) -> str:
    """Return a value as a person reads it: sizes in GiB, speeds in Gbit/s, models in hex."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if isinstance(value, str):
        return value
    scale = _SCALES.get(CATALOGUE[name].kind)
    if scale:
        return _scaled(value, *scale)
    return f"{value:02X}h" if name in _HEX else str(value)


#: Numbers that manuals print in hex.
_HEX = frozenset({"cpu.family", "cpu.model", "cpu.stepping"})
_SCALES = {
    Kind.BYTES: (1024, ("B", "KiB", "MiB", "GiB", "TiB")),
    Kind.ENDURANCE: (1000, ("BW", "kBW", "MBW", "GBW", "TBW", "PBW")),
    Kind.BIT_RATE: (1000, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")),
}


def _scaled(value: int, step: int, units: tuple[str, ...]) -> str:
    power = 0
    while value >= step ** (power + 1) and power < len(units) - 1:
        power += 1
    return f"{round(value / step**power, 2):.12g} {units[power]}"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A value, where it was read (``path``: a Redfish property, a file, a register), and when."""

    value: Value
    source: Source
    path: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    power_state: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fact as the JSON interface prints it."""
        return {
            "value": list(self.value) if isinstance(self.value, tuple) else self.value,
            "source": str(self.source),
            "path": self.path,
            "at": self.at.isoformat(timespec="seconds"),
            "power_state": self.power_state,
        }


#: Facts of one machine by name.
Facts = Mapping[str, Fact]


def as_dict(facts: Facts) -> dict[str, Any]:
    """Return ``facts`` as ``provision inventory --output json`` prints them for one machine."""
    return {"schema": SCHEMA, "facts": {name: facts[name].as_dict() for name in sorted(facts)}}


class FactBook(dict[str, Fact]):
    """Facts while they are collected; every name and value is checked against the catalogue."""

    def learn(
        self, name: str, value: Value | Iterable[str] | None, source: Source, path: str, **more: Any
    ) -> None:
        """Record a fact; ``None`` (not told) records nothing."""
        if value is None:
            return
        meaning = CATALOGUE[name]
        if meaning.kind is Kind.WORDS:
            if isinstance(value, str):
                raise TypeError(f"{name} wants a list of words")
            value = tuple(value)  # type: ignore[arg-type]
        elif not isinstance(value, bool | int | str) or type(value) is not _PYTHON[meaning.kind]:
            raise TypeError(f"{name} cannot hold {value!r}")
        if meaning.words and value not in meaning.words:
            raise ValueError(f"{name} cannot be {value!r}")
        self[name] = Fact(value=value, source=source, path=path, **more)


_PYTHON: Mapping[Kind, type] = {
    Kind.BOOL: bool,
    Kind.INTEGER: int,
    Kind.BYTES: int,
    Kind.ENDURANCE: int,
    Kind.BIT_RATE: int,
    Kind.WORD: str,
    Kind.VERSION: str,
}

"""The names of facts: what each stands for, and what it may hold. Stdlib only.

A name not listed here is no fact. Tables have one row for each module, port, drive …; a column that
is not known is left out of its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The type of a fact's value."""

    BOOL = "bool"
    INTEGER = "integer"
    PERCENT = "percent"
    BYTES = "bytes"
    ENDURANCE = "endurance"  # bytes written over a life; not comparable with a size
    BIT_RATE = "bit-rate"
    WORD = "word"
    WORDS = "words"
    VERSION = "version"
    TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a fact name stands for; ``words`` lists the allowed values where they are few.

    ``unsure`` are those of them that say "looked, and cannot tell": a rule that asks for another
    word is then unknown, not failed. ``final`` are those that no other source can overrule.
    ``columns`` are those of a table. ``zero`` is how a person says that number.
    """

    kind: Kind
    text: str
    words: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    columns: Mapping[str, Meaning] = field(default_factory=dict)
    zero: str = ""


_UNSURE: Final = frozenset({"capable", "not-controllable", "guest", "unknown"})
#: What a guest sees is its host's doing: registers in it prove nothing of the machine.
_FINAL: Final = frozenset({"guest"})


def _of(kind: Kind, text: str, *words: str) -> Meaning:
    unsure = tuple(word for word in words if word in _UNSURE)
    final = tuple(word for word in words if word in _FINAL)
    return Meaning(kind=kind, text=text, words=words, unsure=unsure, final=final)


def _table(text: str, **columns: Meaning) -> Meaning:
    return Meaning(kind=Kind.TABLE, text=text, columns=columns)


_STATE: Final = ("enabled", "disabled", "not-controllable", "unknown")
_VIRT_STATE: Final = (
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
)
_ECC: Final = ("none", "parity", "single-bit", "multi-bit", "crc", "unknown")
_BUSES: Final = ("usb", "sd", "sata", "sas", "nvme")

_SYSTEM: Final = {
    "system.vendor": _of(Kind.WORD, "who made the server"),
    "system.model": _of(Kind.WORD, "its model name"),
    "system.serial": _of(Kind.WORD, "its serial number"),
    "system.uuid": _of(Kind.WORD, "its SMBIOS UUID, lower case"),
    "system.oem_strings": _of(Kind.WORDS, "strings the maker left in SMBIOS (type 11)"),
    "smbios.version": _of(Kind.VERSION, "version of SMBIOS the board follows"),
    "firmware.vendor": _of(Kind.WORD, "who made the BIOS or UEFI firmware"),
    "firmware.version": _of(Kind.WORD, "version of the BIOS or UEFI firmware"),
    "firmware.date": _of(Kind.WORD, "its release date, as it prints it"),
    "firmware.boot_mode": _of(Kind.WORD, "how the firmware boots", "uefi", "bios"),
    "firmware.secure_boot": _of(Kind.WORD, "secure boot", "enabled", "disabled"),
    "tpm.present": _of(Kind.BOOL, "whether a TPM is there"),
    "tpm.version": _of(Kind.VERSION, "version of the TPM specification it follows"),
}

_CPU: Final = {
    "cpu.arch": _of(
        Kind.WORD, "instruction set of the processors", "x86-64", "x86", "arm64", "other"
    ),
    "cpu.vendor": _of(Kind.WORD, "CPUID vendor: GenuineIntel, AuthenticAMD, HygonGenuine …"),
    "cpu.name": _of(Kind.WORD, "brand string"),
    "cpu.codename": _of(Kind.WORD, "code name of the part"),
    "cpu.family": _of(Kind.INTEGER, "family as CPUID leaf 1 gives it, extended part added"),
    "cpu.model": _of(Kind.INTEGER, "model as CPUID leaf 1 gives it, extended part added"),
    "cpu.stepping": _of(Kind.INTEGER, "stepping"),
    "cpu.microcode": _of(Kind.WORD, "microcode revision in hex, such as 0xd000404"),
    "cpu.sockets": _of(Kind.INTEGER, "processor sockets"),
    "cpu.sockets_populated": _of(Kind.INTEGER, "sockets that hold a processor"),
    "cpu.cores": _of(Kind.INTEGER, "cores of all processors together"),
    "cpu.threads": _of(Kind.INTEGER, "logical processors of all processors together"),
    "cpu.flags": _of(Kind.WORDS, "feature flags as Linux names them"),
    "cpu.level": _of(Kind.WORD, "x86-64 microarchitecture level", "v1", "v2", "v3", "v4"),
    "cpu.nx": _of(Kind.WORD, "no-execute pages", "enabled", "disabled"),
    "cpu.xsave": _of(Kind.BOOL, "the XSAVE instruction"),
    "cpu.aes": _of(Kind.BOOL, "the AES instructions"),
    "cpu.x2apic": _of(Kind.BOOL, "x2APIC"),
    "cpu.address_bits": _of(Kind.INTEGER, "bits of a physical address"),
    "cpu.virt.feature": _of(Kind.WORD, "hardware virtualization", "vmx", "svm", "none"),
    "cpu.virt.state": _of(Kind.WORD, "whether hardware virtualization can be used", *_VIRT_STATE),
    "cpu.virt.attribute": _of(Kind.WORD, "BIOS attribute that tells cpu.virt.state"),
    "cpu.virt.slat": _of(Kind.BOOL, "second-level address translation (EPT or NPT)"),
    "cpu.erratum_298": _of(
        Kind.WORD,
        "AMD family 10h erratum 298, the TLB fault of early Barcelonas",
        "not-affected",
        "mitigated",
        "unmitigated",
        "unknown",
    ),
    "cpu.packages": _table(
        "the processor sockets",
        socket=_of(Kind.WORD, "designation of the socket"),
        name=_of(Kind.WORD, "brand string"),
        populated=_of(Kind.BOOL, "whether it holds a processor"),
        cores=_of(Kind.INTEGER, "cores"),
        threads=_of(Kind.INTEGER, "logical processors"),
        signature=_of(Kind.WORD, "CPUID leaf 1 EAX, eight hex digits"),
        microcode=_of(Kind.WORD, "microcode revision"),
        virt=_of(Kind.WORD, "whether hardware virtualization can be used here", *_VIRT_STATE),
    ),
}

_MEMORY: Final = {
    "memory.total": _of(Kind.BYTES, "memory installed"),
    "memory.max": _of(Kind.BYTES, "memory the board can take"),
    "memory.slots": _of(Kind.INTEGER, "memory slots"),
    "memory.dimms_populated": _of(Kind.INTEGER, "slots that hold a module"),
    "memory.ecc": _of(Kind.WORD, "error correction", *_ECC),
    "memory.dimms": _table(
        "the memory slots",
        slot=_of(Kind.WORD, "locator, as the board prints it"),
        bank=_of(Kind.WORD, "bank locator"),
        size=Meaning(kind=Kind.BYTES, text="size of the module; 0: an empty slot", zero="empty"),
        rank=_of(Kind.INTEGER, "ranks"),
        speed=_of(Kind.INTEGER, "speed in MT/s"),
        type=_of(Kind.WORD, "kind of memory, such as DDR4"),
        maker=_of(Kind.WORD, "who made the module"),
        part=_of(Kind.WORD, "part number"),
        serial=_of(Kind.WORD, "serial number"),
    ),
}

_DEVICES: Final = {
    "iommu.present": _of(Kind.BOOL, "whether firmware describes an IOMMU (DMAR, IVRS)"),
    "iommu.state": _of(Kind.WORD, "IOMMU in firmware", *_STATE),
    "iommu.attribute": _of(Kind.WORD, "BIOS attribute that tells iommu.state"),
    "iommu.interrupt_remapping": _of(Kind.BOOL, "whether the IOMMU remaps interrupts"),
    "sriov.capable": _of(Kind.BOOL, "whether some device offers virtual functions"),
    "sriov.state": _of(Kind.WORD, "SR-IOV in firmware", *_STATE),
    "sriov.attribute": _of(Kind.WORD, "BIOS attribute that tells sriov.state"),
    "ports.internal": _of(Kind.WORDS, "designators of internal SD and USB ports (SMBIOS type 8)"),
    "ports.connectors": _table(
        "the ports of the board (SMBIOS type 8)",
        internal=_of(Kind.WORD, "designator inside"),
        external=_of(Kind.WORD, "designator outside"),
        type=_of(Kind.WORD, "kind of port, as dmidecode prints it"),
    ),
    "onboard.devices": _table(
        "devices on the board (SMBIOS types 10 and 41)",
        name=_of(Kind.WORD, "designation"),
        type=_of(Kind.WORD, "ethernet, video, sas, sata, sound, other …"),
    ),
    "boot.device.bus": _of(Kind.WORD, "bus of the boot device", *_BUSES),
    "boot.device.size": _of(Kind.BYTES, "size of the boot device"),
    "boot.device.model": _of(Kind.WORD, "model name of the boot device"),
    "boot.device.endurance": _of(
        Kind.ENDURANCE, "bytes that may be written to it in its life (TBW)"
    ),
    "boot.override_targets": _of(Kind.WORDS, "BootSourceOverrideTarget values the BMC allows"),
    "media.cd_slots": _of(Kind.INTEGER, "virtual media slots that take a CD or DVD image"),
    "nics.fastest": _of(Kind.BIT_RATE, "speed of the fastest network port, bit/s"),
    "nics.count": _of(Kind.INTEGER, "network ports"),
    "nics.ports": _table(
        "the Ethernet ports",
        name=_of(Kind.WORD, "name of the port"),
        mac=_of(Kind.WORD, "MAC address, lower case with colons"),
        speed=_of(Kind.BIT_RATE, "speed, bit/s"),
        driver=_of(Kind.WORD, "kernel driver"),
        model=_of(Kind.WORD, "model of the adapter"),
    ),
    "storage.largest": _of(Kind.BYTES, "size of the largest local disk"),
    "storage.count": _of(Kind.INTEGER, "local disks"),
    "storage.drives": _table(
        "the disks that stay in the machine",
        name=_of(Kind.WORD, "name of the disk"),
        model=_of(Kind.WORD, "model"),
        serial=_of(Kind.WORD, "serial number"),
        size=_of(Kind.BYTES, "size"),
        bus=_of(Kind.WORD, "bus", *_BUSES),
        media=_of(Kind.WORD, "what it stores on", "ssd", "hdd"),
        endurance=_of(Kind.ENDURANCE, "bytes that may be written to it in its life"),
        life_left=_of(Kind.PERCENT, "life left, percent"),
    ),
    "gpus.count": _of(Kind.INTEGER, "GPUs, without the BMC's video chip"),
    "gpus.cards": _table(
        "the GPUs",
        name=_of(Kind.WORD, "model"),
        vendor=_of(Kind.WORD, "who made it"),
    ),
}

#: Every fact name, what it means and what it may hold; in the order reports print them.
CATALOGUE: Final[Mapping[str, Meaning]] = {**_SYSTEM, **_CPU, **_MEMORY, **_DEVICES}

"""Where each fact can come from, for those who want to know what to record. Stdlib only.

The table lists what the collectors really tell, on some machine, from each source; tests hold it to
the recorded machines. What a person states, or a dump of ours gives back, is not listed: that can
be any fact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from hwprofiles.facts import CATALOGUE, Kind, Source

_R, _C, _M, _D, _A, _P, _O = (
    Source.REDFISH,
    Source.CPUID,
    Source.MSR,
    Source.DMI,
    Source.ACPI,
    Source.PROCFS,
    Source.DUMP,
)
_IDENTITY: Final = (_C, _P, _D, _R, _O)  # of a CPU: what its signature says

#: What is behind each source, and how to get at it.
MEANS: Final[Mapping[Source, str]] = {
    _R: "the BMC (address), or a recorded Redfish tree",
    _C: "the CPUID instruction: --local as root, or cpuid -r, AIDA64, libcpuid, libvirt dumps",
    _M: "model-specific registers: --local as root with the msr module, or rdmsr output",
    _D: "SMBIOS: --local as root, dmidecode, dmidecode --dump-bin",
    _A: "ACPI tables: --local as root, acpidump",
    _P: "the kernel's /proc and /sys: --local, a directory laid out like /, /proc/cpuinfo",
    _O: "other programs' reports: lscpu, cardiff",
}

ORIGINS: Final[Mapping[str, tuple[Source, ...]]] = {
    "system.vendor": (_D, _R, _O),
    "system.model": (_D, _R, _O),
    "system.serial": (_D, _R, _O),
    "system.uuid": (_D, _R, _O),
    "system.oem_strings": (_D,),
    "smbios.version": (_D,),
    "firmware.vendor": (_D, _O),
    "firmware.version": (_D, _R, _O),
    "firmware.date": (_D, _O),
    "firmware.boot_mode": (_R, _P, _D),
    "firmware.secure_boot": (_R, _P),
    "tpm.present": (_R, _P, _D),
    "tpm.version": (_R, _P, _D),
    "cpu.arch": (_C, _P, _D, _R, _O),
    "cpu.vendor": _IDENTITY,
    "cpu.name": _IDENTITY,
    "cpu.codename": _IDENTITY,
    "cpu.family": _IDENTITY,
    "cpu.model": _IDENTITY,
    "cpu.stepping": _IDENTITY,
    "cpu.microcode": (_M, _P, _R),
    "cpu.sockets": (_D, _R),
    "cpu.sockets_populated": _IDENTITY,
    "cpu.cores": _IDENTITY,
    "cpu.threads": _IDENTITY,
    "cpu.flags": (_C, _P, _O),
    "cpu.level": _IDENTITY,
    "cpu.nx": (_C, _M, _P, _R, _O),
    "cpu.xsave": _IDENTITY,
    "cpu.aes": (_C, _P, _O),
    "cpu.x2apic": (_C, _P, _O),
    "cpu.address_bits": (_C, _P, _O),
    "cpu.virt.feature": (_C, _M, _P, _D, _R, _O),
    "cpu.virt.state": (_M, _R, _C, _P, _O),
    "cpu.virt.attribute": (_R,),
    "cpu.virt.slat": (_C, _M, _P, _D, _R, _O),
    "cpu.erratum_298": (_M, _C, _D, _O),
    "cpu.packages": _IDENTITY,
    "memory.total": (_D, _R, _P, _O),
    "memory.max": (_D,),
    "memory.slots": (_D, _R, _O),
    "memory.dimms_populated": (_D, _R, _O),
    "memory.ecc": (_D, _R),
    "memory.dimms": (_D, _R, _O),
    "iommu.present": (_A, _P),
    "iommu.state": (_R, _A, _P),
    "iommu.attribute": (_R,),
    "iommu.interrupt_remapping": (_A,),
    "sriov.capable": (_P,),
    "sriov.state": (_R,),
    "sriov.attribute": (_R,),
    "ports.internal": (_D,),
    "ports.connectors": (_D,),
    "onboard.devices": (_D,),
    "boot.device.bus": (_P,),
    "boot.device.size": (_P,),
    "boot.device.model": (_P,),
    "boot.device.endurance": (),
    "boot.override_targets": (_R,),
    "media.cd_slots": (_R,),
    "nics.fastest": (_R, _P, _O),
    "nics.count": (_R, _P, _O),
    "nics.ports": (_R, _P, _O),
    "storage.largest": (_R, _P, _O),
    "storage.count": (_R, _P, _O),
    "storage.drives": (_R, _P, _O),
    "gpus.count": (_R, _P),
    "gpus.cards": (_R, _P),
}


_IN_BAND: Final = frozenset({_C, _M, _D, _A, _P})
_EXAMPLES: Final = {
    Kind.BOOL: "yes",
    Kind.INTEGER: "2",
    Kind.BYTES: "'32 GB'",
    Kind.ENDURANCE: "'128 TBW'",
    Kind.BIT_RATE: "'10 Gbit/s'",
    Kind.VERSION: "2.0",
}


def how_to_learn(names: Iterable[str], asked: Collection[Source]) -> str:
    """Return how to learn the facts ``names``, having asked the sources ``asked``; for a person."""
    names = [name for name in dict.fromkeys(names) if name in CATALOGUE]
    origins = {origin for name in names for origin in ORIGINS.get(name, ())}
    ways = []
    if origins & _IN_BAND - set(asked):
        ways.append("on the machine itself: provision validate --local, as root")
    if _R in origins and _R not in asked:
        ways.append("over Redfish, from its BMC with the host on")
    if stated := " ".join(filter(None, map(_stated, names))):
        ways.append(f"{'or ' if ways else ''}state it: {stated}")
    return "; ".join(ways)


def _stated(name: str) -> str:
    meaning = CATALOGUE[name]
    if meaning.kind in (Kind.TABLE, Kind.WORDS):
        return ""
    example = next(iter(meaning.words), None) or _EXAMPLES.get(meaning.kind, "…")
    return f"--fact {name}={example}"

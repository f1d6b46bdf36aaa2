"""CPUs made by hand, and their registers in the notations of the tools that record them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provision.host.cpuid import Cpu, Registers

Leaves = dict[tuple[int, int], Registers]
VMX, HYPERVISOR = 1 << 5, 1 << 31

#: MSRs of a Xeon whose firmware left virtualization on: EPT, VPID, unrestricted guest.
ENABLED = {0x3A: 0x5, 0x8B: 0xD000404 << 32, 0x482: 1 << 63 | 0x401E172, 0x48B: 0xA2 << 32}
#: A Barcelona of stepping BA with the fault worked around, as 2344 HE had it; one of B2 without.
MITIGATED = {0xC0010140: 1, 0xC0010141: 1, 0xC0010015: 0x01000019, 0xC0011023: 0xA00022}
UNMITIGATED = {0xC0010140: 0, 0xC0010141: 0, 0xC0010015: 0x01000010, 0xC0011023: 0xA00020}


def _words(text: str) -> tuple[int, ...]:
    raw = text.encode()
    return tuple(int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4))


def _named(vendor: str, largest: int, extended: int, brand: str) -> Leaves:
    ebx, edx, ecx = _words(vendor)
    parts = _words(brand.ljust(48, "\0"))
    return {
        (0, 0): Registers(largest, ebx, ecx, edx),
        (0x80000000, 0): Registers(extended, 0, 0, 0),
        **{(0x80000002 + at, 0): Registers(*parts[at * 4 : at * 4 + 4]) for at in range(3)},
    }


def xeon(apic: int = 0, *, ecx: int = 0x77FEFBFF, shift: int = 1, siblings: int = 2) -> Leaves:
    """An Ice Lake-SP with one core of two threads; ``shift`` is where the package begins."""
    return {
        **_named("GenuineIntel", 0xD, 0x80000008, "Intel(R) Xeon(R)   Gold 6354 CPU @ 3.00GHz"),
        (0x1, 0): Registers(0x000606A6, apic << 24 | siblings << 16, ecx, 0xBFEBFBFF),
        (0x4, 0): Registers(0x0C004121, 0, 0, 0),
        (0x6, 0): Registers(0x77, 0, 0, 0),
        (0x7, 0): Registers(0, 0xF3BFB7EF, 0, 0),
        (0xB, 0): Registers(1, 2, 0x100, apic),
        (0xB, 1): Registers(shift, siblings, 0x201, apic),
        (0xD, 1): Registers(0xF, 0, 0, 0),
        (0xD, 0): Registers(7, 0, 0, 0),
        (0x80000001, 0): Registers(0, 0, 0x121, 0x2C100800),
        (0x80000007, 0): Registers(0, 0, 0, 0x100),
        (0x80000008, 0): Registers(0x3934, 0, 0, 0),
    }


def opteron(apic: int = 0, *, eax: int = 0x00100F2A, svm: int = 0x7, cores: int = 4) -> Leaves:
    """A Barcelona or a relative of it."""
    return {
        **_named("AuthenticAMD", 0x5, 0x8000001A, "Quad-Core AMD Opteron(tm) Processor 2344 HE"),
        (0x1, 0): Registers(eax, apic << 24 | cores << 16, 0x00802009, 0x178BFBFF),
        (0x80000001, 0): Registers(eax, 0, 0x7FF, 0xEFD3FBFF),
        (0x80000007, 0): Registers(0, 0, 0, 0x1F9),
        (0x80000008, 0): Registers(0x3030, 0, 0x2000 | cores - 1, 0),
        (0x8000000A, 0): Registers(1, 64, 0, svm),
    }


def cpu(leaves: Leaves, msrs: Mapping[int, int] | None = None, **more: Any) -> Cpu:
    """A CPU as the decoder takes it."""
    return Cpu(leaves=leaves, msrs=msrs or {}, **more)


def aida64(cpus: Sequence[Leaves], msrs: Mapping[int, int] | None = None) -> str:
    """InstLatx64 and AIDA64: one section for each CPU, then the MSRs of one."""
    lines = []
    for number, leaves in enumerate(cpus):
        lines += ["", f"------[ Logical CPU #{number} ]------", ""]
        for (leaf, sub), values in sorted(leaves.items()):
            comment = f" [SL {sub:02X}]" if leaf in {0x4, 0x7, 0xB, 0xD} else ""
            registers = "-".join(f"{value:08X}" for value in values)
            lines.append(f"CPUID {leaf:08X}: {registers}{comment}")
    lines += ["", "------[ MSR Registers ]------", "", "MSR 000000E7: < FAILED >"]
    for address, value in (msrs or {}).items():
        digits = f"{value:016X}"
        grouped = "-".join(digits[at : at + 4] for at in range(0, 16, 4))
        lines.append(f"MSR {address:08X}: {grouped} [S200]")
    return "\n".join([*lines[1:], ""])


def report(cpus: Sequence[Leaves]) -> str:
    """The older report of AIDA64: no subleaves, CPUs counted from 1."""
    lines = []
    for number, leaves in enumerate(cpus, 1):
        lines.append(f"    CPUID Registers (CPU #{number}):")
        for (leaf, _), values in sorted(leaves.items()):
            registers = "-".join(f"{value:08X}" for value in values)
            lines.append(f"      CPUID {leaf:08X}                     {registers}")
    return "\n".join([*lines, ""])


def todd_allen(cpus: Sequence[Leaves]) -> str:
    """``cpuid -r``."""
    lines = []
    for number, leaves in enumerate(cpus):
        lines.append(f"CPU {number}:")
        for (leaf, sub), values in sorted(leaves.items()):
            names = zip(("eax", "ebx", "ecx", "edx"), values, strict=True)
            registers = " ".join(f"{name}=0x{value:08x}" for name, value in names)
            lines.append(f"   0x{leaf:08x} 0x{sub:02x}: {registers}")
    return "\n".join([*lines, ""])


def libcpuid(leaves: Leaves) -> str:
    """libcpuid's arrays, with a test's expectations below."""
    lines = []
    for (leaf, sub), values in sorted(leaves.items()):
        registers = " ".join(f"{value:08x}" for value in values)
        index = leaf & 0xFFFF
        if not sub:
            lines.append(f"{'ext' if leaf >> 31 else 'basic'}_cpuid[{index}]={registers}")
        if leaf in {0x4, 0xB}:
            lines.append(f"intel_fn{leaf}[{sub}]={registers}")
    return "\n".join([*lines, "-" * 80, "x86", "MSR 0000003A: 0000-0000-0000-0001", ""])


def libvirt(leaves: Leaves, msrs: Mapping[int, int] | None = None) -> str:
    """libvirt's XML."""
    lines = ["<?xml version='1.0'?>", "<!-- a CPU -->", "<cpudata arch='x86'>"]
    for (leaf, sub), values in sorted(leaves.items()):
        names = zip(("eax", "ebx", "ecx", "edx"), values, strict=True)
        registers = " ".join(f"{name}='0x{value:08x}'" for name, value in names)
        lines.append(f"  <cpuid eax_in='0x{leaf:08x}' ecx_in='0x{sub:02x}' {registers}/>")
    for address, value in (msrs or {}).items():
        halves = f"edx='0x{value >> 32:08x}' eax='0x{value & 0xFFFFFFFF:08x}'"
        lines.append(f"  <msr index='0x{address:x}' {halves}/>")
    return "\n".join([*lines, "</cpudata>", ""])

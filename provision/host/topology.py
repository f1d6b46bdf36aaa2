"""Which package and core a logical CPU belongs to, out of its CPUID; nothing where that is unsure.

The APIC ID of a CPU is cut into thread, core and package. Leaves 1Fh and 0Bh say where; before
them leaf 4 (Intel) and 80000008h (AMD) do. After Intel's SDM, volume 3, chapter 9.9, and AMD's APM,
volume 3, appendix E.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hwprofiles.cpus import AMD, HYGON

if TYPE_CHECKING:
    from provision.host.cpuid import Cpu

_THREAD, _CORE, _LEVELS = 1, 2, 8
_TWO_LEVELS: Final = 0xB  # has threads and cores, and no more
_HTT: Final = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a logical CPU sits; ``siblings`` is how many its package has, itself included."""

    apic: int
    package: int
    core: tuple[int, int]
    siblings: int


def places(cpus: Sequence[Cpu]) -> list[Place] | None:
    """Return where each of ``cpus`` sits; None unless they are known to be whole packages.

    A recording of a single CPU, or one cut short, must not make a small machine of a large one: so
    each package has to have as many CPUs as it says it has.
    """
    found = [place for cpu in cpus if (place := place_of(cpu))]
    if not found or len(found) != len(cpus) or len({place.apic for place in found}) != len(found):
        return None
    seen = Counter(place.package for place in found)
    return found if all(seen[place.package] == place.siblings for place in found) else None


def place_of(cpu: Cpu) -> Place | None:
    """Return where ``cpu`` sits; None when its CPUID does not tell."""
    for leaf in (0x1F, _TWO_LEVELS):
        if place := _by_levels(cpu, leaf):
            return place
    sizes = (0x8000_0008, 0x8000_001E) if cpu.vendor in (AMD, HYGON) else (0x4, _TWO_LEVELS)
    return None if any(cpu.lacks(leaf) for leaf in sizes) else _by_counts(cpu)


def _by_levels(cpu: Cpu, number: int) -> Place | None:
    """Read the levels of leaf 1Fh or 0Bh."""
    first = cpu.leaf(number)
    if first is None or not first.ebx & 0xFFFF or first.ecx >> 8 & 0xFF != _THREAD:
        return None
    shift = siblings = kind = 0
    for sub in range(_LEVELS):
        level = cpu.leaf(number, sub)
        if level is None:
            if number == _TWO_LEVELS and kind == _CORE:
                break
            return None  # the list must come to its end
        if not level.ecx >> 8 & 0xFF:
            break
        shift, siblings, kind = level.eax & 0x1F, level.ebx & 0xFFFF, level.ecx >> 8 & 0xFF
    package = first.edx >> shift
    core = first.edx >> (first.eax & 0x1F)
    return Place(apic=first.edx, package=package, core=(package, core), siblings=siblings)


def _by_counts(cpu: Cpu) -> Place | None:
    """Use the number of cores and of logical CPUs, each rounded up to a power of two."""
    one = cpu.leaf(1)
    if one is None:
        return None
    apic = one.ebx >> 24
    siblings = max(one.ebx >> 16 & 0xFF, 1) if one.edx & _HTT else 1
    if cpu.vendor in (AMD, HYGON):
        cores, width = _amd(cpu)
    else:
        four = cpu.leaf(4)
        cores, width = (four.eax >> 26) + 1 if four else 1, _width(siblings)
    if cores > siblings or siblings % cores:
        return None
    threads = _width(siblings // cores)
    package = apic >> max(width, _width(cores) + threads)
    return Place(apic=apic, package=package, core=(package, apic >> threads), siblings=siblings)


def _amd(cpu: Cpu) -> tuple[int, int]:
    """Return cores per package and the bits of the APIC ID for them and their threads.

    Families 17h and later count threads in 80000008h, and say in 8000001Eh how many a core has.
    """
    sizes = cpu.leaf(0x8000_0008)
    if sizes is None:
        return 1, 0
    logical = (sizes.ecx & 0xFF) + 1
    width = sizes.ecx >> 12 & 0xF or _width(logical)
    unit = cpu.leaf(0x8000_001E)
    signature = cpu.signature
    if unit and signature and signature.family >= 0x17:
        return max(logical // ((unit.ebx >> 8 & 0xFF) + 1), 1), width
    return logical, width


def _width(count: int) -> int:
    return (count - 1).bit_length()

"""CPUID and MSRs of a running machine, from /dev/cpu: it takes root, and the cpuid and msr modules.

What cannot be read is left out. Every CPU of a package answers alike, so one of each is asked.
"""

from __future__ import annotations

from typing import Final

from hwprofiles.cpus import AMD, HYGON
from provision.host import msr
from provision.host.cpuflags import FLAGS
from provision.host.cpuid import Cpu, Registers
from provision.host.files import Tree

_BRAND: Final = (0x8000_0002, 0x8000_0003, 0x8000_0004)
_LEAVES: Final = (
    (0, 0),
    (0x8000_0000, 0),
    *((number, 0) for number in _BRAND),
    *sorted({(number, sub) for number, sub, _ in FLAGS}),
)
_FAMILY_10H: Final = 0x10


def read(tree: Tree, number: int) -> Cpu | None:
    """Return what logical CPU ``number`` answers; None when CPUID cannot be read."""
    leaves = {}
    for leaf, sub in _LEAVES:
        raw = tree.at(f"dev/cpu/{number}/cpuid", leaf | sub << 32, 16)
        if raw is None:
            if leaf == 0:
                return None
            continue
        parts = (int.from_bytes(raw[at : at + 4], "little") for at in range(0, 16, 4))
        leaves[leaf, sub] = Registers(*parts)
    return Cpu(number=number, leaves=leaves)


def read_msrs(tree: Tree, number: int, vendor: str, family: int | None) -> dict[int, int]:
    """Return the registers of logical CPU ``number`` that can be read, by address."""
    amd = vendor in (AMD, HYGON)
    wanted = [msr.BIOS_SIGN, *(msr.WANTED_AMD if amd else msr.WANTED_INTEL)]
    if amd and family == _FAMILY_10H:
        wanted += msr.WANTED_10H
    found = {}
    for address in wanted:
        raw = tree.at(f"dev/cpu/{number}/msr", address, 8)
        if raw is not None:
            found[address] = int.from_bytes(raw, "little")
    return found

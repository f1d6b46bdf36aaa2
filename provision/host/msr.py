"""Model-specific registers: where they are, and what those say that decide something.

Values are what RDMSR gives, 64 bits. A register that could not be read is not in the mapping; what
hangs on it is then not known. Addresses and bits after Intel's SDM, volume 4, and AMD's APM.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hwprofiles.cpus import AMD, HYGON
from hwprofiles.virtualization import FEATURE_CONTROL, VM_CR
from provision.host.cpuflags import VMX_FLAGS

BIOS_SIGN: Final = 0x8B  # microcode: Intel in bits 63 to 32, AMD in 31 to 0
MISC_ENABLE: Final = 0x1A0
_XD_DISABLE: Final = 1 << 34
_VMX_PROC: Final = 0x482
_VMX_PROC2: Final = 0x48B
_SECONDARY: Final = 1 << 63  # allowed-1 half of 482h: there are secondary controls
HWCR: Final = 0xC001_0015
OSVW_LENGTH: Final = 0xC001_0140
OSVW_STATUS: Final = 0xC001_0141
BU_CFG: Final = 0xC001_1023

Values = Mapping[int, int]

#: What a running machine is asked for; a CPU without the register refuses, which does no harm.
WANTED_INTEL: Final = (FEATURE_CONTROL, MISC_ENABLE, _VMX_PROC, *VMX_FLAGS)
WANTED_AMD: Final = (VM_CR, OSVW_LENGTH, OSVW_STATUS)
#: On family 10h only: elsewhere these addresses may mean something else.
WANTED_10H: Final = (HWCR, BU_CFG)


def deciding(vendor: str) -> int:
    """Return the register in which firmware allows or forbids virtualization."""
    return VM_CR if vendor in (AMD, HYGON) else FEATURE_CONTROL


def microcode(vendor: str, values: Values) -> str | None:
    """Return the revision of the microcode in hex; None when the register is not known."""
    value = values.get(BIOS_SIGN)
    if value is None:
        return None
    revision = value & 0xFFFF_FFFF if vendor in (AMD, HYGON) else value >> 32
    return f"{revision:#x}" if revision else None  # 0: none was loaded, or it was not asked right


def vmx_flags(values: Values) -> frozenset[str] | None:
    """Return what VT-x offers, in Linux' names; None when 48Bh was not recorded.

    48Bh exists only where bit 63 of 482h is set: a part without secondary controls has neither EPT
    nor VPID, whatever an emulator answers at that address.
    """
    primary, secondary = values.get(_VMX_PROC), values.get(_VMX_PROC2)
    if primary and not primary & _SECONDARY:
        return frozenset()
    if not secondary:
        return None
    return frozenset(
        flag
        for address, bits in VMX_FLAGS.items()
        for bit, flag in bits.items()
        if values.get(address, 0) >> bit & 1
    )


def xd_disabled(values: Values) -> bool:
    """Tell whether IA32_MISC_ENABLE is known and hides no-execute pages."""
    return bool(values.get(MISC_ENABLE, 0) & _XD_DISABLE)


def osvw(values: Values) -> tuple[int, int] | None:
    """Return length and status of AMD's list of workarounds; None when either is not known."""
    length, status = values.get(OSVW_LENGTH), values.get(OSVW_STATUS)
    return None if length is None or status is None else (length, status)

"""ProcessorId as BMCs spell it: each format is computed from the processor's signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from provision.sim.messages import Json
from provision.sim.personalities.model import ProcessorIdFormat
from provision.sim.spec import Cpu

#: CPUID leaf 1 EDX of every server processor of these makers.
_EDX: Final = {"GenuineIntel": 0xBFEBFBFF, "AuthenticAMD": 0x178BFBFF}
#: "CPU " in ASCII, read as a number: what lies beside EAX in some BMCs' registers.
_JUNK: Final = 0x20555043
#: SMBIOS processor families, which are no CPUID families: Xeon and Zen.
_SMBIOS_FAMILY: Final = {"GenuineIntel": 179, "AuthenticAMD": 107}
_MAKER: Final = {
    "GenuineIntel": "Intel(R) Corporation",
    "AuthenticAMD": "Advanced Micro Devices, Inc.",
}


def _swapped(word: int) -> int:
    """Swap the 16-bit halves of a 32-bit word."""
    return (word & 0xFFFF) << 16 | word >> 16


def _edx(cpu: Cpu) -> int:
    return _EDX.get(cpu.vendor, 0)


def _eax_decimal(cpu: Cpu) -> Json:
    return {
        "VendorId": cpu.vendor,
        "EffectiveFamily": str(cpu.family),
        "EffectiveModel": str(cpu.model_number),
        "Step": str(cpu.stepping),
        "IdentificationRegisters": f"0x{cpu.signature:08X}",
    }


def _smbios_swapped(cpu: Cpu) -> Json:
    registers = _swapped(cpu.signature) << 32 | _swapped(_edx(cpu))
    return {
        "VendorId": _MAKER.get(cpu.vendor, cpu.vendor),
        "EffectiveFamily": str(_SMBIOS_FAMILY.get(cpu.vendor, 2)),
        "EffectiveModel": "10" if cpu.vendor == "GenuineIntel" else "1",
        "Step": str(cpu.stepping),
        "IdentificationRegisters": f"0x{registers:016x}",
    }


def _eax_edx(cpu: Cpu) -> Json:
    return {
        "VendorId": cpu.vendor,
        "EffectiveFamily": f"0x{cpu.family:02x}",
        "EffectiveModel": f"0x{cpu.model_number:02x}",
        "Step": f"0x{cpu.stepping:02x}",
        "IdentificationRegisters": f"0x{cpu.signature << 32 | _edx(cpu):016x}",
    }


def _hexadecimal(cpu: Cpu) -> Json:
    return {
        "VendorId": cpu.vendor,
        "EffectiveFamily": f"0x{cpu.family:X}",
        "EffectiveModel": f"0x{cpu.model_number:X}",
        "Step": f"0x{cpu.stepping:X}",
    }


def _ascii_eax(cpu: Cpu) -> Json:
    registers = f"0x{_JUNK << 32 | cpu.signature:016X}"
    return _hexadecimal(cpu) | {"IdentificationRegisters": registers}


def _edx_eax(cpu: Cpu) -> Json:
    registers = f"0x{_edx(cpu) << 32 | cpu.signature:016X}"
    return _hexadecimal(cpu) | {"IdentificationRegisters": registers}


def _edx_eax_plain(cpu: Cpu) -> Json:
    amd = cpu.vendor == "AuthenticAMD"
    return _hexadecimal(cpu) | {
        "EffectiveFamily": "AMD Zen Processor Family" if amd else f"0x{cpu.family:X}",
        "IdentificationRegisters": f"{_edx(cpu) << 32 | cpu.signature:016x}",
    }


def _vendor_family(cpu: Cpu) -> Json:
    intel = cpu.vendor == "GenuineIntel"
    return {
        "VendorId": "Intel(R) Corporation" if intel else "AMD Inc.",
        "EffectiveFamily": str(cpu.family) if intel else f"{cpu.family:X}h",
        "EffectiveModel": str(cpu.model_number),
        "Step": str(cpu.stepping),
    }


def _arm_soc(_: Cpu) -> Json:
    return {"EffectiveFamily": "0x0102", "IdentificationRegisters": "0x00000002036B0241"}


_FORMATS: Final[Mapping[ProcessorIdFormat, Callable[[Cpu], Json]]] = {
    "eax-decimal": _eax_decimal,
    "smbios-swapped": _smbios_swapped,
    "eax-edx": _eax_edx,
    "ascii-eax": _ascii_eax,
    "edx-eax-plain": _edx_eax_plain,
    "edx-eax": _edx_eax,
    "family-model-step": _hexadecimal,
    "vendor-family": _vendor_family,
    "arm-soc": _arm_soc,
}


def spelt(how: ProcessorIdFormat, cpu: Cpu) -> Json | None:
    """Return ProcessorId in the format ``how``; None where it is the standard's."""
    form = _FORMATS.get(how)
    return form(cpu) if form else None

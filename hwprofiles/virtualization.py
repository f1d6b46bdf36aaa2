"""Whether hardware virtualization can be used: one state machine for all that is known of a CPU.

A ``vmx`` or ``svm`` flag proves that the part can, not that firmware lets it; and since Linux 5.6
(Intel) and 6.7 (AMD) the kernel hides the flag when firmware does not. So what a flag means depends
on the kernel, and a missing one never makes a capable part unsupported. Model-specific registers
settle it where they can be read; inside a guest nothing can be said of the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: From these kernels on a flag is there exactly when virtualization can be used.
HONEST_VMX: Final = (5, 6)
HONEST_SVM: Final = (6, 7)

FEATURE_CONTROL: Final = 0x3A
_LOCK, _VMXON_IN_SMX, _VMXON = 1 << 0, 1 << 1, 1 << 2
VM_CR: Final = 0xC001_0114
_SVMDIS: Final = 1 << 4


@dataclass(frozen=True, kw_only=True)
class Clues:
    """What is known; None and empty mean: not known.

    ``capable`` is what the signature table says of the part. ``registers`` holds one value for each
    package that could be asked: IA32_FEATURE_CONTROL on Intel, VM_CR on AMD. ``raw``: the flag was
    read from CPUID itself, with no kernel in between.
    """

    amd: bool
    guest: bool
    flag: bool
    kernel: tuple[int, int] | None
    capable: bool | None
    registers: tuple[int, ...] = ()
    key_lock: bool = False
    raw: bool = False


@dataclass(frozen=True, kw_only=True)
class State:
    """A value of ``cpu.virt.state`` and what settled it."""

    word: str
    by: str


def state(clues: Clues) -> State:
    """Return the state that ``clues`` amount to."""
    if clues.guest:
        return State(word="guest", by="the CPU says that a hypervisor is present")
    if clues.capable is False and not clues.flag:
        return State(word="unsupported", by="CPU signature")
    if clues.registers and (clues.flag or clues.capable):
        return _by_registers(clues)
    return _by_flag(clues)


def _by_registers(clues: Clues) -> State:
    """Take the worst package: firmware that set up only the boot CPU is a known fault."""
    read = _vm_cr if clues.amd else _feature_control
    words = [read(value, clues.key_lock) for value in clues.registers]
    worst = min(words, key=("disabled", "locked", "unlocked", "enabled").index)
    name = "VM_CR" if clues.amd else "IA32_FEATURE_CONTROL"
    values = ", ".join(f"{value:#x}" for value in dict.fromkeys(clues.registers))
    if worst in ("enabled", "unlocked") and not clues.flag:
        # The register allows it, and still there is no flag: something else hides it.
        return State(word="off-or-hidden", by=f"no flag, though {name} is {values}")
    mixed = " (packages differ)" if len(set(words)) > 1 else ""
    return State(word=worst, by=f"{name} {values}{mixed}")


def _feature_control(value: int, _key_lock: bool) -> str:
    if not value & _LOCK:
        return "unlocked"
    return "enabled" if value & _VMXON else "disabled"


def _vm_cr(value: int, key_lock: bool) -> str:
    if not value & _SVMDIS:
        return "enabled"
    return "locked" if key_lock else "disabled"


def _by_flag(clues: Clues) -> State:
    flag = "svm" if clues.amd else "vmx"
    if clues.raw:
        return _by_cpuid(clues, flag)
    honest = clues.kernel is not None and clues.kernel >= (HONEST_SVM if clues.amd else HONEST_VMX)
    kernel = f"Linux {clues.kernel[0]}.{clues.kernel[1]}" if clues.kernel else "an unknown kernel"
    if clues.flag:
        return State(word="enabled" if honest else "capable", by=f"flag {flag} under {kernel}")
    if clues.capable:
        return State(word="off-or-hidden", by=f"no flag {flag} under {kernel} on a capable CPU")
    if clues.kernel is not None and not honest:
        # This kernel shows the flag even where firmware turned virtualization off.
        return State(word="unsupported", by=f"no flag {flag} under {kernel}")
    return State(word="unknown", by=f"no flag {flag} under {kernel}")


def _by_cpuid(clues: Clues, flag: str) -> State:
    """Firmware leaves the bit of CPUID alone, so that it tells what the part can and no more."""
    if clues.flag:
        return State(word="capable", by=f"CPUID has {flag}; firmware has the last word")
    if clues.capable:
        return State(word="off-or-hidden", by=f"CPUID without {flag} on a capable CPU")
    return State(word="unsupported", by=f"CPUID without {flag}")

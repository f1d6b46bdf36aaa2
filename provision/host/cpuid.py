"""CPUID of one logical CPU and what it says; pure, so that a dump is read as a machine is.

A leaf beyond the largest that the CPU names is not there, even where a tool recorded an answer:
Intel's then repeat another leaf. A leaf that ought to be there and was not recorded is not known,
and what hangs on it is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from hwprofiles.cpu import Signature
from hwprofiles.cpus import AMD, HYGON
from provision.host import msr
from provision.host.cpuflags import FLAGS

_EXTENDED: Final = 0x8000_0000
_LEAF_1, _EXTENDED_1, _SVM_LEAF = 0x1, 0x8000_0001, 0x8000_000A
_BRAND: Final = (0x8000_0002, 0x8000_0003, 0x8000_0004)
_SVM: Final = 1 << 2
_VMX: Final = 1 << 5


class Registers(NamedTuple):
    """What CPUID returns for one leaf."""

    eax: int
    ebx: int
    ecx: int
    edx: int


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """One logical CPU: its leaves by number and subleaf, and its MSRs as far as recorded."""

    number: int = 0
    leaves: Mapping[tuple[int, int], Registers]
    msrs: msr.Values = field(default_factory=dict)

    def leaf(self, number: int, sub: int = 0) -> Registers | None:
        """Return a leaf that the CPU has and the recording holds; None otherwise."""
        base = number & 0xFFFF_0000
        largest = self.leaves.get((base, 0))
        if largest is None or (number != base and number > largest.eax):
            return None
        return self.leaves.get((number, sub))

    @cached_property
    def vendor(self) -> str | None:
        """The twelve letters of leaf 0; None when they are none."""
        zero = self.leaves.get((0, 0))
        if zero is None:
            return None
        raw = b"".join(part.to_bytes(4, "little") for part in (zero.ebx, zero.edx, zero.ecx))
        text = raw.decode("ascii", "replace").strip()
        return text if text.isprintable() and len(text) >= 6 and "\ufffd" not in text else None

    @cached_property
    def signature(self) -> Signature | None:
        """Vendor, family, model and stepping."""
        one = self.leaf(_LEAF_1)
        return Signature.from_eax(self.vendor, one.eax) if self.vendor and one else None

    @property
    def signature_word(self) -> str | None:
        """Leaf 1 EAX as eight hex digits."""
        one = self.leaf(_LEAF_1)
        return f"{one.eax:08X}" if one else None

    @cached_property
    def brand(self) -> str | None:
        """The brand string, without surplus blanks; None when it is not recorded whole."""
        parts = [self.leaf(number) for number in _BRAND]
        raw = b"".join(register.to_bytes(4, "little") for part in parts for register in part or ())
        text = raw.partition(b"\0")[0].decode("ascii", "replace")
        words = " ".join(text.split())
        return words if None not in parts and words and words.isprintable() else None

    @cached_property
    def flags(self) -> frozenset[str] | None:
        """Flags in Linux' names; None when a leaf with deciding ones is missing."""
        found: set[str] = set()
        for (number, sub, register), bits in FLAGS.items():
            values = self.leaf(number, sub)
            if values is None:
                if not sub and self._decides(number) and self.lacks(number):
                    return None
                continue
            value: int = getattr(values, register)
            found.update(flag for bit, flag in bits.items() if value >> bit & 1)
        if "lm" in found:
            found.add("syscall")  # Intel's bit reads 0 to a tool of 32 bits
        if "svm" not in found:
            found.difference_update(FLAGS[_SVM_LEAF, 0, "edx"].values())
        if "vmx" in found:
            found |= msr.vmx_flags(self.msrs) or frozenset()
        return frozenset(found)

    def lacks(self, number: int) -> bool:
        """Tell whether the CPU has this leaf, or may have it, and the recording has not."""
        largest = self.leaves.get((number & _EXTENDED, 0))
        return (number, 0) not in self.leaves and (largest is None or number <= largest.eax)

    def _decides(self, number: int) -> bool:
        """Tell whether a leaf of flags says something on this CPU."""
        extended = self.leaf(_EXTENDED_1)
        without_svm = number == _SVM_LEAF and extended and not extended.ecx & _SVM
        return not without_svm

    @property
    def virtual(self) -> bool | None:
        """Whether the CPU has VMX or SVM; None when that leaf is not recorded."""
        if self.vendor in (AMD, HYGON):
            extended = self.leaf(_EXTENDED_1)
            return None if extended is None else bool(extended.ecx & _SVM)
        one = self.leaf(_LEAF_1)
        return None if one is None else bool(one.ecx & _VMX)

    @property
    def nested_paging(self) -> bool | None:
        """Whether an AMD CPU has NPT; None when its leaf on SVM is not recorded."""
        svm = self.leaf(_SVM_LEAF)
        return bool(svm.edx & 1) if svm and self.virtual and self.vendor in (AMD, HYGON) else None

    @property
    def key_lock(self) -> bool:
        """Whether SVM may be locked behind a key (8000000Ah EDX bit 2, SVML)."""
        svm = self.leaf(_SVM_LEAF)
        return bool(svm and svm.edx & 4)

    @property
    def address_bits(self) -> int | None:
        """Bits of a physical address."""
        sizes = self.leaf(0x8000_0008)
        return (sizes.eax & 0xFF) or None if sizes else None

    @property
    def microcode(self) -> str | None:
        """Revision of the microcode, where MSR 8Bh is recorded."""
        return msr.microcode(self.vendor or "", self.msrs)

    @property
    def guest(self) -> bool:
        """Whether a hypervisor runs below: then nothing here tells of the machine."""
        one = self.leaf(_LEAF_1)
        return bool(one and one.ecx >> 31)

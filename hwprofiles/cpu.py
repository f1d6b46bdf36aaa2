"""CPU signatures: from CPUID leaf 1, and out of what BMCs make of it. Stdlib only.

Redfish has a ProcessorId with registers and effective numbers, and every vendor fills it in its own
way: EAX alone, EAX and EDX in either order, 16-bit words swapped, ASCII in between, SMBIOS family
codes in place of CPUID ones. What does not parse beyond doubt is unknown (None), never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hwprofiles.cpus import AMD, HYGON, INTEL, Row, is_listed, lookup

_VENDORS: Final = (
    (re.compile(r"^(genuine)?\s*intel\b", re.I), INTEL),
    (re.compile(r"^(authentic\s*amd|amd|advanced micro devices)\b", re.I), AMD),
    (re.compile(r"^hygon(genuine)?\b", re.I), HYGON),
)

#: What leaf 1 EDX has on every 64-bit server part; 28 bits of it, so that chance cannot match.
_EDX_ALWAYS: Final = 0x078B_FBFF
_EDX_NEVER: Final = 1 << 10 | 1 << 20
#: "CPU " in ASCII: Supermicro fills the upper half with it.
_ASCII_CPU: Final = 0x2055_5043

#: Families a BMC can plausibly report, as CPUID counts them; SMBIOS codes are 64 and more.
_FAMILIES: Final[Mapping[str, frozenset[int]]] = {
    INTEL: frozenset({0x06, 0x0B, 0x0F, 0x12, 0x13}),
    AMD: frozenset({0x0F, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x17, 0x19, 0x1A}),
    HYGON: frozenset({0x18}),
}
#: Written without 0x or h, 15 to 20 may be decimal or hex; from 21 on they can only be decimal.
_BARE_FAMILIES: Final[Mapping[str, frozenset[int]]] = {
    INTEL: frozenset({6}),
    AMD: frozenset({21, 22, 23, 25, 26}),
    HYGON: frozenset({24}),
}

#: Steppings of family 10h, model 2: up to B2, and BA; B3 (3) is right.
_WITH_298: Final = frozenset({0x0, 0x1, 0x2, 0xA})
_TLB_CACHE_DIS: Final = 1 << 3  # HWCR
_BU_CFG_298: Final = 1 << 1


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who made a CPU and which one it is, in CPUID's numbers."""

    vendor: str
    family: int
    model: int
    stepping: int | None = None

    @classmethod
    def from_eax(cls, vendor: str, eax: int) -> Signature:
        """Decode CPUID leaf 1 EAX."""
        base_family = eax >> 8 & 0xF
        family = base_family + (eax >> 20 & 0xFF if base_family == 0xF else 0)
        model = eax >> 4 & 0xF
        if base_family in (6, 0xF):
            model |= eax >> 12 & 0xF0
        return cls(vendor=vendor, family=family, model=model, stepping=eax & 0xF)

    def row(self, brand: str = "") -> Row | None:
        """Return what the table knows of this part."""
        return lookup(self.vendor, self.family, self.model, brand)

    def slat(self, brand: str = "") -> bool | None:
        """Tell whether the part has EPT or NPT; None when the table does not say."""
        row = self.row(brand)
        return row.slat if row else None

    def can_virtualize(self, brand: str = "") -> bool | None:
        """Tell whether the part has VT-x or AMD-V at all; None when the table does not say."""
        row = self.row(brand)
        return row.virtualization if row else None

    def codename(self, brand: str = "") -> str:
        """Return the code name of the part, or nothing."""
        row = self.row(brand)
        return row.name if row else ""

    def erratum_298(
        self,
        *,
        osvw: tuple[int, int] | None = None,
        hwcr: int | None = None,
        bu_cfg: int | None = None,
    ) -> str | None:
        """Return the value of ``cpu.erratum_298``; None for parts it does not concern.

        ``osvw`` are the MSRs C0010140h (length) and C0010141h (status), ``hwcr`` is C0010015h,
        ``bu_cfg`` C0011023h. An affected stepping without registers is unknown, never well. After
        AMD's revision guide and illumos' ``do_erratum_298``.
        """
        if self.vendor != AMD or self.family != 0x10:
            return None
        affected = self.model == 2 and self.stepping in _WITH_298
        if self.model < 2 or self.model == 3 or (self.model == 2 and self.stepping is None):
            return "unknown"
        if not affected or (osvw is not None and osvw[0] >= 1 and not osvw[1] & 1):
            return "not-affected"
        if hwcr is None or bu_cfg is None:
            return "unknown"
        return "mitigated" if hwcr & _TLB_CACHE_DIS and bu_cfg & _BU_CFG_298 else "unmitigated"


def vendor_of(text: object) -> str | None:
    """Return the CPUID vendor string meant by a BMC's or SMBIOS' manufacturer."""
    if not isinstance(text, str):
        return None
    words = text.strip()[:100]
    return next((vendor for pattern, vendor in _VENDORS if pattern.search(words)), None)


def decode_processor_id(processor_id: Mapping[str, Any]) -> Signature | None:
    """Decode a Redfish ``Processor.ProcessorId``; None when it leaves a doubt."""
    vendor = vendor_of(processor_id.get("VendorId"))
    if vendor is None:
        return None
    effective = _effective(vendor, processor_id)
    registers = _registers(processor_id.get("IdentificationRegisters"))
    if registers is None:
        return effective
    found = set(_eax(vendor, *registers, effective))
    if len(found) == 1:
        return Signature.from_eax(vendor, found.pop())
    return effective if not found else None


def _registers(text: object) -> tuple[int | None, int] | None:
    """Return the two halves of the registers; a single register has no upper half."""
    if not isinstance(text, str):
        return None
    digits = re.sub(r"[\s:_,.-]", "", text[:64]).lower().removeprefix("0x")
    if not re.fullmatch(r"[0-9a-f]{8}([0-9a-f]{8})?", digits):
        return None
    if len(digits) == 8:
        return None, int(digits, 16)
    return int(digits[:8], 16), int(digits[8:], 16)


def _eax(vendor: str, high: int | None, low: int, effective: Signature | None) -> Iterator[int]:
    """Yield what may be EAX; more than one answer is none."""
    if high is None:
        if _plausible_eax(vendor, low):
            yield low
        return
    for eax, other in ((high, low), (low, high)):
        if _plausible_edx(other) and _plausible_eax(vendor, eax):
            yield eax
        if _plausible_edx(_swapped(other)) and _plausible_eax(vendor, _swapped(eax)):
            yield _swapped(eax)
        if _plausible_eax(vendor, eax):
            decoded = Signature.from_eax(vendor, eax)
            if other in (0, _ASCII_CPU) or _same_part(decoded, effective):
                yield eax


def _same_part(one: Signature, other: Signature | None) -> bool:
    return other is not None and (one.family, one.model) == (other.family, other.model)


def _swapped(half: int) -> int:
    return half << 16 & 0xFFFF_0000 | half >> 16


def _plausible_edx(edx: int) -> bool:
    return edx & _EDX_ALWAYS == _EDX_ALWAYS and not edx & _EDX_NEVER


def _plausible_eax(vendor: str, eax: int) -> bool:
    reserved = eax & 0xF000_C000
    extended_family = eax >> 20 & 0xFF
    base_family = eax >> 8 & 0xF
    if reserved or (extended_family and base_family != 0xF):
        return False
    return Signature.from_eax(vendor, eax).family in _FAMILIES[vendor]


def _effective(vendor: str, processor_id: Mapping[str, Any]) -> Signature | None:
    """Read EffectiveFamily and EffectiveModel where they are CPUID's and cannot be misread."""
    family, family_marked = _number(processor_id.get("EffectiveFamily"))
    model, model_marked = _number(processor_id.get("EffectiveModel"))
    if family is None or model is None or not 0 <= model <= 0xFF:
        return None
    if family not in (_FAMILIES if family_marked else _BARE_FAMILIES)[vendor]:
        return None
    if not model_marked and not _surely_decimal(vendor, family, model):
        return None
    stepping, _ = _number(processor_id.get("Step"))
    if stepping is not None and not 0 <= stepping <= 0xF:
        stepping = None
    return Signature(vendor=vendor, family=family, model=model, stepping=stepping)


def _surely_decimal(vendor: str, family: int, model: int) -> bool:
    """Tell whether a model written without a base is decimal: the known part decides."""
    hexadecimal = int(str(model), 16)
    return (
        model == hexadecimal
        or is_listed(vendor, family, model)
        or not is_listed(vendor, family, hexadecimal)
    )


def _number(value: object) -> tuple[int | None, bool]:
    """Return a number and whether its base is marked: ``0x6A`` and ``6Ah`` are, ``106`` is not."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value, True
    if not isinstance(value, str):
        return None, False
    text = value.strip().lower()
    if re.fullmatch(r"0x[0-9a-f]{1,4}|[0-9a-f]{1,4}h", text):
        return int(text.removesuffix("h"), 16), True
    if re.fullmatch(r"[0-9]{1,4}", text):
        return int(text), False
    return None, False

"""What follows from facts: a CPU's signature and flags tell more than they say. Stdlib only.

Every collector ends with ``complete``, so that what a signature means is known in one place, and a
BMC that tells a signature alone is judged as a machine that shows its flags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hwprofiles.cpu import Signature
from hwprofiles.cpus import INTEL
from hwprofiles.facts import Fact, FactBook, Value

#: What each x86-64 level adds to the one below, in Linux' names of the flags (x86-64 psABI).
LEVELS: Final[Mapping[str, frozenset[str]]] = {
    "v1": frozenset({"lm", "cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"}),
    "v2": frozenset({"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"}),
    "v3": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    "v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}
#: Facts that are one flag.
_FLAGS: Final = {"cpu.xsave": "xsave", "cpu.aes": "aes", "cpu.x2apic": "x2apic"}
#: How 64-bit Arm processors call themselves where nothing else is told.
_ARM: Final = re.compile(r"\b(ARMv[89]|Ampere|Neoverse|Cortex-[AX])\b", re.IGNORECASE)
_SLAT: Final = frozenset({"ept", "npt"})


def level(flags: frozenset[str]) -> str | None:
    """Return the x86-64 level that ``flags`` reach; None below the first."""
    reached = None
    for name, needed in LEVELS.items():
        if not needed <= flags:
            break
        reached = name
    return reached


def complete(facts: FactBook) -> None:
    """Add what follows from the flags and the signature; what was told stays as it is."""
    flags = facts.get("cpu.flags")
    if flags is not None:
        _from_flags(facts, flags, frozenset(map(str, flags.value)))  # type: ignore[arg-type]
    if signature := signature_of(facts):
        _from_signature(facts, signature)
    named = facts.get("cpu.name")
    if named is not None and _ARM.search(str(named.value)):
        _add(facts, "cpu.arch", "arm64", named)


def signature_of(facts: Mapping[str, Fact]) -> Signature | None:
    """Return the signature that the facts tell; None when a part of it is missing."""
    vendor, family, model, stepping = (
        facts[name].value if name in facts else None
        for name in ("cpu.vendor", "cpu.family", "cpu.model", "cpu.stepping")
    )
    if not (isinstance(vendor, str) and isinstance(family, int) and isinstance(model, int)):
        return None
    stepping = stepping if isinstance(stepping, int) else None
    return Signature(vendor=vendor, family=family, model=model, stepping=stepping)


def _from_flags(facts: FactBook, fact: Fact, flags: frozenset[str]) -> None:
    for name, flag in _FLAGS.items():
        _add(facts, name, flag in flags, fact)
    _add(facts, "cpu.level", level(flags), fact)
    _add(facts, "cpu.arch", "x86-64" if "lm" in flags else "x86", fact)
    _add(facts, "cpu.nx", "enabled" if "nx" in flags else "disabled", fact)
    if flags & _SLAT:
        _add(facts, "cpu.virt.slat", True, fact)


def _from_signature(facts: FactBook, signature: Signature) -> None:
    fact = facts["cpu.model"]
    named = facts.get("cpu.name")
    row = signature.row(str(named.value) if named else "")
    feature = "vmx" if signature.vendor == INTEL else "svm"
    state = facts.get("cpu.virt.state")
    if row is not None:
        _add(facts, "cpu.codename", row.name or None, fact)
        _add(facts, "cpu.xsave", row.xsave, fact)
        _add(facts, "cpu.level", row.level, fact)
        if row.virtualization is not None:
            _add(facts, "cpu.virt.feature", feature if row.virtualization else "none", fact)
        if state is None or state.value != "guest":  # a guest sees what its host lets it see
            _add(facts, "cpu.virt.slat", row.slat, fact)
    _add(facts, "cpu.erratum_298", signature.erratum_298(), fact)


def _add(facts: FactBook, name: str, value: Value | None, because: Fact) -> None:
    """Record ``value`` as following from ``because``, unless it is told already."""
    if name not in facts and value is not None:
        facts.learn(
            name,
            value,
            because.source,
            because.path,
            at=because.at,
            power_state=because.power_state,
            derived=True,
        )

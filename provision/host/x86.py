"""What is known of x86 processors, told as facts: one path for machines, files and dumps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hwprofiles.cpu import Signature
from hwprofiles.cpus import AMD, HYGON
from hwprofiles.facts import FactBook, Source
from hwprofiles.virtualization import Clues, state
from provision.host import msr, topology
from provision.host.cpuid import Cpu
from provision.host.topology import Place

#: Worst last: where CPUs differ, the one learned last counts.
_ERRATUM: Final = ("not-affected", "mitigated", "unknown", "unmitigated")
_BULLDOZER: Final = 0x15
_SLAT: Final = frozenset({"ept", "npt"})

#: A row of ``cpu.packages``; None is dropped from it.
Row = Mapping[str, bool | int | str | None]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One kind of processor as a source describes it; what it does not say is None."""

    vendor: str | None = None
    name: str | None = None
    family: int | None = None
    model: int | None = None
    stepping: int | None = None
    flags: frozenset[str] | None = None

    @property
    def amd(self) -> bool:
        """Whether it has AMD's kind of virtualization."""
        return self.vendor in (AMD, HYGON)

    @property
    def signature(self) -> Signature | None:
        """Vendor, family, model and stepping, where the source tells them."""
        if self.vendor is None or self.family is None or self.model is None:
            return None
        return Signature(
            vendor=self.vendor, family=self.family, model=self.model, stepping=self.stepping
        )

    @property
    def capable(self) -> bool | None:
        """Whether the table of parts says that it can virtualize."""
        return self.signature.can_virtualize(self.name or "") if self.signature else None

    @property
    def signature_word(self) -> str | None:
        """Leaf 1 EAX as eight hex digits, put together again; None for parts older than 64 bits."""
        if self.family is None or self.model is None or self.stepping is None:
            return None
        extended = self.family - 0xF
        if not (self.family == 6 or 0 <= extended <= 0xFF) or self.model > 0xFF:
            return None
        base = min(self.family, 0xF) << 8 | max(extended, 0) << 20
        return f"{base | self.model >> 4 << 16 | (self.model & 0xF) << 4 | self.stepping & 0xF:08X}"

    def cores(self, cores: int, threads: int) -> int:
        """Return the cores among ``threads``, of which a kernel or CPUID counts ``cores``.

        The two integer cores of a Bulldozer module are threads to Linux and cores to everybody
        else, SMBIOS and licences included.
        """
        return threads if self.amd and self.family == _BULLDOZER else cores


def brand(text: str | None) -> str | None:
    """Return a brand string without the blanks that makers fill it up with; None for none."""
    return " ".join(text.split()) or None if text else None


def tell(facts: FactBook, part: Part, source: Source, where: str) -> None:
    """Tell which processor it is and what it can do."""
    named = {
        "cpu.vendor": part.vendor,
        "cpu.name": part.name,
        "cpu.family": part.family,
        "cpu.model": part.model,
        "cpu.stepping": part.stepping,
    }
    for name, value in named.items():
        facts.learn(name, value, source, where)
    if part.flags is not None:
        facts.learn("cpu.flags", sorted(part.flags), source, where)


def tell_virtualization(facts: FactBook, clues: Clues, source: Source, where: str) -> None:
    """Tell whether virtualization can be used; a register counts as the source when it was read."""
    found = state(clues)
    decided_by = Source.MSR if clues.registers and not clues.guest else source
    facts.learn("cpu.virt.state", found.word, decided_by, found.by)
    if clues.flag or clues.capable:
        facts.learn("cpu.virt.feature", "svm" if clues.amd else "vmx", source, where)
    elif found.word == "unsupported":
        facts.learn("cpu.virt.feature", "none", source, where)


def tell_no_slat(facts: FactBook, part: Part, clues: Clues, source: Source, where: str) -> None:
    """Tell that there is no EPT or NPT: a kernel that shows vmx or svm would show them as well.

    A part that the table lists is left to the table, and a guest to its host.
    """
    if "cpu.virt.slat" in facts:  # a register told
        return
    listed = part.signature.slat(part.name or "") if part.signature else None
    if clues.flag and not clues.guest and listed is None and not (part.flags or set()) & _SLAT:
        facts.learn("cpu.virt.slat", False, source, where)


def tell_packages(facts: FactBook, rows: Sequence[Row], source: Source, where: str) -> None:
    """Tell the counts of sockets, cores and threads, and a row for each package."""
    counts = {
        "cpu.sockets_populated": len(rows),
        "cpu.cores": sum(int(row["cores"] or 0) for row in rows),
        "cpu.threads": sum(int(row["threads"] or 0) for row in rows),
    }
    for name, value in counts.items():
        facts.learn(name, value, source, where)
    facts.learn("cpu.packages", rows, source, where)


def tell_microcode(
    revisions: Iterable[str | None], facts: FactBook, source: Source, where: str
) -> None:
    """Tell of the microcode; where CPUs differ the oldest counts, and the others stay as rivals."""
    known = {revision for revision in revisions if revision}
    for revision in sorted(known, key=lambda word: int(word, 16), reverse=True):
        facts.learn("cpu.microcode", revision, source, where)


def tell_registers(pairs: Iterable[tuple[Part, Cpu]], facts: FactBook, where: str) -> None:
    """Tell what leaves and MSRs settle for good: SLAT, and the TLB fault of early Barcelonas.

    Every CPU is heard. Where they differ the worst counts, and the others stay as rivals. Not for
    a guest: what it reads is what its hypervisor answers.
    """
    known = list(pairs)
    told = {answer for pair in known if (answer := _slat(*pair))}
    for slat, source, register in sorted(told, reverse=True):
        facts.learn("cpu.virt.slat", slat, source, f"{where}#{register}")
    words = {word for pair in known if (word := _erratum_298(*pair))}
    asked = any(msr.HWCR in cpu.msrs for _, cpu in known)
    source, register = (Source.MSR, "MSR C0010015") if asked else (Source.CPUID, "CPUID 1")
    for word in sorted(words, key=_ERRATUM.index):
        facts.learn("cpu.erratum_298", word, source, f"{where}#{register}")


def _slat(part: Part, cpu: Cpu) -> tuple[bool, Source, str] | None:
    """Tell of EPT or NPT and by what; None when the deciding register is not known."""
    if part.amd:
        nested = cpu.nested_paging
        return None if nested is None else (nested, Source.CPUID, "CPUID 8000000A")
    flags = msr.vmx_flags(cpu.msrs) if cpu.virtual is not False else None
    return None if flags is None else ("ept" in flags, Source.MSR, "MSR 48B")


def _erratum_298(part: Part, cpu: Cpu) -> str | None:
    if part.signature is None:
        return None
    has_list = part.flags is None or "osvw" in part.flags
    return part.signature.erratum_298(
        osvw=msr.osvw(cpu.msrs) if has_list else None,
        hwcr=cpu.msrs.get(msr.HWCR),
        bu_cfg=cpu.msrs.get(msr.BU_CFG),
    )


def tell_cpus(cpus: Sequence[Cpu], facts: FactBook, where: str, *, cut: bool = False) -> None:
    """Tell what a recording of CPUID, one logical CPU or many, says; tells nothing of none.

    ``cut``: the recording may have had more of them, so nothing is counted.
    """
    known = [cpu for cpu in cpus if cpu.signature]
    if not known:
        return
    first = known[0]
    kinds = dict.fromkeys(part_of(cpu, flags=_common_flags(known)) for cpu in known)
    for part in kinds:
        tell(facts, part, Source.CPUID, f"{where}#CPUID")
    facts.learn("cpu.address_bits", first.address_bits, Source.CPUID, f"{where}#CPUID 80000008")
    if any(msr.xd_disabled(cpu.msrs) for cpu in known):
        facts.learn("cpu.nx", "disabled", Source.MSR, f"{where}#MSR 1A0")
    tell_microcode((cpu.microcode for cpu in known if not cpu.guest), facts, Source.MSR, where)
    clues = _clues(known, next(iter(kinds)))
    if not any(cpu.guest for cpu in known):
        tell_registers([(part_of(cpu, cpu.flags), cpu) for cpu in known], facts, where)
    if clues is not None:
        tell_virtualization(facts, clues, Source.CPUID, f"{where}#CPUID")
    places = None if cut or len(known) < len(cpus) else topology.places(known)
    if places:
        _tell_packages(known, places, clues, facts, where)


def part_of(cpu: Cpu, flags: frozenset[str] | None) -> Part:
    """Return what CPUID says of the part."""
    signature = cpu.signature
    return Part(
        vendor=cpu.vendor,
        name=cpu.brand,
        family=signature.family if signature else None,
        model=signature.model if signature else None,
        stepping=signature.stepping if signature else None,
        flags=flags,
    )


def _common_flags(cpus: Sequence[Cpu]) -> frozenset[str] | None:
    """Return the flags that all have whose flags are recorded whole."""
    known = [cpu.flags for cpu in cpus if cpu.flags is not None]
    return frozenset.intersection(*known) if known else None


def _clues(cpus: Sequence[Cpu], part: Part) -> Clues | None:
    """Return what bears on virtualization; None when not even the flag is recorded."""
    told = [cpu.virtual for cpu in cpus if cpu.virtual is not None]
    if not told:
        return None
    return Clues(
        amd=part.amd,
        guest=any(cpu.guest for cpu in cpus),
        flag=all(told),
        kernel=None,
        capable=part.capable,
        registers=_deciding(cpus),
        key_lock=any(cpu.key_lock for cpu in cpus),
        raw=True,
    )


def _deciding(cpus: Iterable[Cpu]) -> tuple[int, ...]:
    values = (cpu.msrs.get(msr.deciding(cpu.vendor or "")) for cpu in cpus)
    return tuple(value for value in values if value is not None)


def _tell_packages(
    cpus: Sequence[Cpu], places: Sequence[Place], clues: Clues | None, facts: FactBook, where: str
) -> None:
    """Tell of the packages out of where their CPUs sit."""
    packages: dict[int, list[tuple[Cpu, Place]]] = {}
    for cpu, place in zip(cpus, places, strict=True):
        packages.setdefault(place.package, []).append((cpu, place))
    rows = [_row(number, packages[number], clues) for number in sorted(packages)]
    tell_packages(facts, rows, Source.CPUID, f"{where}#CPUID")


def _row(number: int, members: Sequence[tuple[Cpu, Place]], clues: Clues | None) -> Row:
    cpus = [cpu for cpu, _ in members]
    first = cpus[0]
    part = part_of(first, None)
    own = replace(clues, registers=_deciding(cpus)) if clues else None
    return {
        "socket": str(number),
        "populated": True,
        "name": first.brand,
        "cores": part.cores(len({place.core for _, place in members}), len(members)),
        "threads": len(members),
        "signature": first.signature_word,
        "microcode": None if first.guest else first.microcode,
        "virt": state(own).word if own else None,
    }

"""The processors: /proc/cpuinfo, of this machine or recorded, and the registers where readable."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hwprofiles.facts import Fact, FactBook, Source
from hwprofiles.virtualization import HONEST_VMX, Clues, state
from provision.host import msr, registers, x86
from provision.host.cpuid import Cpu
from provision.host.files import Tree
from provision.host.x86 import Part

CPUINFO: Final = "proc/cpuinfo"
_VMX_FLAGS: Final = "vmx flags"
#: Columns of ``cpu.packages`` that SMBIOS does not have.
_KERNELS_OWN: Final = ("virt", "microcode")


@dataclass(frozen=True, kw_only=True)
class Processor:
    """One logical CPU of /proc/cpuinfo: its lines by key."""

    lines: Mapping[str, str]

    def number(self, key: str) -> int | None:
        """Return a decimal line; None when it is missing or no number."""
        text = self.lines.get(key, "")
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None

    @property
    def package(self) -> int | None:
        """The socket it sits in; None where the kernel does not say, as on ARM."""
        return self.number("physical id")

    @property
    def cut(self) -> bool:
        """Whether the block ends before a line that follows flags and counts on every x86."""
        return "bogomips" not in self.lines

    @property
    def microcode(self) -> str | None:
        """Its microcode revision; None where the kernel does not say."""
        text = self.lines.get("microcode", "").lower()
        return text if re.fullmatch(r"0x[0-9a-f]{1,8}", text) and int(text, 16) else None


def parse(text: str) -> list[Processor]:
    """Read /proc/cpuinfo: blocks of ``key : value`` between blank lines; other text gives none."""
    found = []
    lines: dict[str, str] = {}
    for line in itertools.chain(text.split("\n"), [""]):
        key, colon, value = line.partition(":")
        if colon:
            lines[key.strip()] = value.strip()
        elif lines and not line.strip():
            if "processor" in lines:
                found.append(Processor(lines=lines))
            lines = {}
    return found


def kernel_version(tree: Tree) -> tuple[int, int] | None:
    """Return the first two numbers of the running kernel's version."""
    text = tree.text("proc/sys/kernel/osrelease") or tree.text("proc/version") or ""
    found = re.search(r"(?:^|version )([0-9]{1,3})\.([0-9]{1,3})", text)
    return (int(found[1]), int(found[2])) if found else None


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell what the processors are, and whether they can be used for virtualization."""
    processors = parse(tree.text(CPUINFO) or "")
    if processors:
        kernel = kernel_version(tree)
        _tell(processors, facts, f"/{CPUINFO}", kernel, _ask(tree, processors))


def tell_text(text: str, facts: FactBook, where: str) -> None:
    """Tell what a recorded /proc/cpuinfo says.

    It does not name its kernel. One that prints the line "vmx flags" is 5.6 or later, though, and
    so one whose flag vmx means that firmware allows it.
    """
    processors = parse(text)
    if processors:
        dated = all(_VMX_FLAGS in each.lines for each in processors if not each.cut)
        kernel = HONEST_VMX if dated else None
        _tell([_unless_cut(each) for each in processors], facts, where, kernel, {})


def _unless_cut(processor: Processor) -> Processor:
    """Return a block; a cut one without flags and package, of which there may have been more."""
    if not processor.cut:
        return processor
    unsure = {"flags", _VMX_FLAGS, "physical id"}
    return Processor(lines={key: processor.lines[key] for key in processor.lines.keys() - unsure})


def _ask(tree: Tree, processors: Sequence[Processor]) -> dict[int, Cpu]:
    """Return the registers of one CPU of each package, as far as they can be read."""
    found: dict[int, Cpu] = {}
    for processor in processors:
        number = processor.number("processor")
        package = processor.package or 0
        if number is None or package in found or "flags" not in processor.lines:
            continue
        cpu = registers.read(tree, number) or Cpu(number=number, leaves={})
        vendor, family = processor.lines.get("vendor_id", ""), processor.number("cpu family")
        msrs = registers.read_msrs(tree, number, vendor, family)
        found[package] = replace(cpu, msrs=msrs)
    return found


def _tell(
    processors: Sequence[Processor],
    facts: FactBook,
    where: str,
    kernel: tuple[int, int] | None,
    cpus: Mapping[int, Cpu],
) -> None:
    flagged = [processor for processor in processors if "flags" in processor.lines]
    common = _common(flagged) if flagged else None  # other architectures have no CPUID
    for part in dict.fromkeys(_part(processor, common) for processor in flagged or processors):
        x86.tell(facts, part, Source.PROCFS, where)
    first = _part((flagged or processors)[0], common)
    clues = None
    if common is not None:
        clues = _clues(first, common, kernel, cpus)
        if not clues.guest:
            x86.tell_registers(((first, cpu) for cpu in cpus.values()), facts, "/dev/cpu")
        x86.tell_virtualization(facts, clues, Source.PROCFS, where)
        x86.tell_no_slat(facts, first, clues, Source.PROCFS, where)
        _tell_revisions(processors, clues, facts, where)
    _tell_packages(processors, clues, cpus, facts, where)


def _common(processors: Iterable[Processor]) -> frozenset[str]:
    """Return the flags that all have; most often the lines are the same to the letter."""
    texts = {
        f"{each.lines.get('flags', '')} {each.lines.get(_VMX_FLAGS, '')}" for each in processors
    }
    return frozenset.intersection(*(frozenset(text.split()) for text in texts))


def _part(processor: Processor, flags: frozenset[str] | None) -> Part:
    """Return what one block says of its processor; other architectures have a name at most."""
    return Part(
        vendor=processor.lines.get("vendor_id") or None,
        name=x86.brand(processor.lines.get("model name")),
        family=processor.number("cpu family"),
        model=processor.number("model"),
        stepping=processor.number("stepping"),
        flags=flags,
    )


def _clues(
    part: Part,
    flags: frozenset[str],
    kernel: tuple[int, int] | None,
    cpus: Mapping[int, Cpu],
) -> Clues:
    """Return what bears on virtualization; ``flags`` are those that every CPU has."""
    address = msr.deciding(part.vendor or "")
    return Clues(
        amd=part.amd,
        guest="hypervisor" in flags,
        flag=("svm" if part.amd else "vmx") in flags,
        kernel=kernel,
        capable=any(cpu.virtual for cpu in cpus.values()) or part.capable,
        registers=tuple(cpu.msrs[address] for cpu in cpus.values() if address in cpu.msrs),
        key_lock="svm_lock" in flags or any(cpu.key_lock for cpu in cpus.values()),
    )


def _tell_revisions(
    processors: Sequence[Processor], clues: Clues, facts: FactBook, where: str
) -> None:
    """Tell of address bits and microcode; a guest's microcode is what its host made up."""
    sizes = re.match(r"([0-9]{1,2}) bits physical", processors[0].lines.get("address sizes", ""))
    facts.learn("cpu.address_bits", int(sizes[1]) if sizes else None, Source.PROCFS, where)
    if not clues.guest:
        revisions = (each.microcode for each in processors)
        x86.tell_microcode(revisions, facts, Source.PROCFS, where)


def _tell_packages(
    processors: Sequence[Processor],
    clues: Clues | None,
    cpus: Mapping[int, Cpu],
    facts: FactBook,
    where: str,
) -> None:
    """Tell the counts, and one row for each package; nothing when some CPUs are not listed."""
    packages: dict[int, list[Processor]] = {}
    for processor in processors:
        if processor.package is None:
            return
        packages.setdefault(processor.package, []).append(processor)
    for members in packages.values():
        siblings = members[0].number("siblings")
        if siblings is not None and siblings != len(members):
            return
    rows = [_row(number, packages[number], clues, cpus) for number in sorted(packages)]
    x86.tell_packages(facts, rows, Source.PROCFS, where)


def _row(
    number: int, members: Sequence[Processor], clues: Clues | None, cpus: Mapping[int, Cpu]
) -> x86.Row:
    """Return what is known of one package."""
    part = _part(members[0], None)
    cores = {core for member in members if (core := member.number("core id")) is not None}
    word = None
    if clues and all("flags" in member.lines for member in members):
        asked = {number: cpus[number]} if number in cpus else {}
        word = state(_clues(part, _common(members), clues.kernel, asked)).word
    return {
        "socket": str(number),
        "populated": True,
        "name": part.name,
        "cores": part.cores(len(cores) or len(members), len(members)),
        "threads": len(members),
        "signature": part.signature_word,
        "microcode": None if clues and clues.guest else members[0].microcode,
        "virt": word,
    }


def keep_packages(facts: FactBook, known: Fact) -> None:
    """Give back to ``cpu.packages`` what ``known``, the kernel's rows, say beyond the board's.

    Which designation is which package is told by their order alone. That does where packages are
    alike; where they differ the kernel's own rows stay, for the difference is what matters.
    """
    told = facts["cpu.packages"]
    rows, kernel = _rows(told), _rows(known)
    own = [{column: row.get(column) for column in _KERNELS_OWN} for row in kernel]
    if told is known or not kernel:
        return
    if any(each != own[0] for each in own):
        facts.learn("cpu.packages", kernel, known.source, known.path)
    elif sum(bool(row.get("populated")) for row in rows) == len(kernel):
        rows = [{**own[0], **row} if row.get("populated") else row for row in rows]
        facts.learn("cpu.packages", rows, told.source, told.path)


def _rows(fact: Fact) -> list[x86.Row]:
    value = fact.value
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, tuple) else []

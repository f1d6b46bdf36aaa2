"""The processors: /proc/cpuinfo, the registers where they can be read, and what both mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hwprofiles import virtualization
from hwprofiles.cpu import Signature
from hwprofiles.cpus import AMD, HYGON
from hwprofiles.facts import FactBook, Source
from provision.host.files import Tree

CPUINFO: Final = "proc/cpuinfo"

#: What each x86-64 level adds to the one below, in Linux' names of the flags.
LEVELS: Final[Mapping[str, frozenset[str]]] = {
    "v1": frozenset({"lm", "cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"}),
    "v2": frozenset({"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"}),
    "v3": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    "v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}


@dataclass(frozen=True, kw_only=True)
class Processor:
    """One logical CPU of /proc/cpuinfo: its lines by key."""

    lines: Mapping[str, str]

    def number(self, key: str) -> int | None:
        """Return a decimal line; None when it is missing or no number."""
        text = self.lines.get(key, "")
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None

    @property
    def package(self) -> int:
        """The socket it sits in; machines that do not say have one."""
        return self.number("physical id") or 0


def parse(text: str) -> list[Processor]:
    """Read /proc/cpuinfo: blocks of ``key : value`` between blank lines; other text gives none."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
        lines = {key.strip(): value.strip() for key, _, value in pairs}
        if "processor" in lines:
            found.append(Processor(lines=lines))
    return found


def level(flags: frozenset[str]) -> str | None:
    """Return the x86-64 level that ``flags`` reach; None below the first."""
    reached = None
    for name, needed in LEVELS.items():
        if not needed <= flags:
            break
        reached = name
    return reached


def kernel_version(tree: Tree) -> tuple[int, int] | None:
    """Return the first two numbers of the running kernel's version."""
    text = tree.text("proc/sys/kernel/osrelease") or tree.text("proc/version") or ""
    found = re.search(r"(?:^|version )([0-9]{1,3})\.([0-9]{1,3})", text)
    return (int(found[1]), int(found[2])) if found else None


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell what the processors are, and whether they can be used for virtualization."""
    processors = parse(tree.text(CPUINFO) or "")
    if not processors:
        return
    first = processors[0]
    where = f"/{CPUINFO}"
    facts.learn("cpu.name", first.lines.get("model name") or None, Source.PROCFS, where)
    packages = {processor.package for processor in processors}
    facts.learn("cpu.sockets_populated", len(packages), Source.PROCFS, where)
    facts.learn("cpu.cores", _cores(processors), Source.PROCFS, where)
    if "flags" in first.lines:  # x86; others have no CPUID
        _tell_x86(tree, facts, processors)


def _cores(processors: list[Processor]) -> int:
    """Count cores: pairs of package and core, else the logical CPUs."""
    cores = {
        (processor.package, core)
        for processor in processors
        if (core := processor.number("core id")) is not None
    }
    return len(cores) or len(processors)


def _tell_x86(tree: Tree, facts: FactBook, processors: list[Processor]) -> None:
    first = processors[0]
    where = f"/{CPUINFO}"
    flags = frozenset(first.lines["flags"].split())
    numbers = {
        "cpu.family": first.number("cpu family"),
        "cpu.model": first.number("model"),
        "cpu.stepping": first.number("stepping"),
    }
    for name, value in numbers.items():
        facts.learn(name, value, Source.PROCFS, where)
    vendor = first.lines.get("vendor_id", "")
    facts.learn("cpu.vendor", vendor or None, Source.PROCFS, where)
    facts.learn("cpu.flags", sorted(flags), Source.PROCFS, where)
    facts.learn("cpu.level", level(flags), Source.PROCFS, where)
    facts.learn("cpu.nx", "enabled" if "nx" in flags else "disabled", Source.PROCFS, where)
    signature = None
    if numbers["cpu.family"] is not None and numbers["cpu.model"] is not None:
        signature = Signature(
            vendor=vendor, family=numbers["cpu.family"], model=numbers["cpu.model"]
        )
    _tell_virtualization(tree, facts, processors, signature)


def _tell_virtualization(
    tree: Tree, facts: FactBook, processors: list[Processor], signature: Signature | None
) -> None:
    first = processors[0]
    flags = frozenset(first.lines["flags"].split())
    brand = first.lines.get("model name", "")
    amd = first.lines.get("vendor_id") in (AMD, HYGON)
    registers = _registers(tree, processors, amd)
    clues = virtualization.Clues(
        amd=amd,
        guest="hypervisor" in flags,
        flag=("svm" if amd else "vmx") in flags,
        kernel=kernel_version(tree),
        capable=signature.can_virtualize(brand) if signature else None,
        registers=registers,
        key_lock="svm_lock" in flags,
    )
    found = virtualization.state(clues)
    source = Source.MSR if registers and not clues.guest else Source.PROCFS
    facts.learn("cpu.virt.state", found.word, source, found.by)
    where = f"/{CPUINFO}"
    if clues.flag or clues.capable:
        facts.learn("cpu.virt.feature", "svm" if amd else "vmx", Source.PROCFS, where)
    elif found.word == "unsupported":
        facts.learn("cpu.virt.feature", "none", Source.PROCFS, where)
    _tell_slat(facts, clues, flags, signature.slat(brand) if signature else None)


def _tell_slat(
    facts: FactBook, clues: virtualization.Clues, flags: frozenset[str], listed: bool | None
) -> None:
    """Tell of EPT or NPT: the flag, else the table; a guest sees what its host lets it see."""
    if flags & {"ept", "npt"}:
        facts.learn("cpu.virt.slat", True, Source.PROCFS, f"/{CPUINFO}")
    elif clues.guest:
        return
    elif listed is not None:
        facts.learn("cpu.virt.slat", listed, Source.CPUID, "CPU signature")
    elif clues.flag:
        facts.learn("cpu.virt.slat", False, Source.PROCFS, f"/{CPUINFO}")


def _registers(tree: Tree, processors: list[Processor], amd: bool) -> tuple[int, ...]:
    """Read the deciding register on one CPU of each package; it takes root and the msr module."""
    address = virtualization.VM_CR if amd else virtualization.FEATURE_CONTROL
    seen: set[int] = set()
    values = []
    for processor in processors:
        number = processor.number("processor")
        if number is None or processor.package in seen:
            continue
        seen.add(processor.package)
        raw = tree.at(f"dev/cpu/{number}/msr", address, 8)
        if raw is not None:
            values.append(int.from_bytes(raw, "little"))
    return tuple(values)

"""Registers as text: CPUID of one or many logical CPUs, MSRs, or both, in the notations of tools.

| tool | a leaf | which CPU |
|---|---|---|
| ``cpuid -r`` | ``0x00000001 0x00: eax=0x… ebx=0x… ecx=0x… edx=0x…`` | ``CPU 0:`` |
| AIDA64, InstLatx64 | ``CPUID 00000001: a-b-c-d [SL 00]`` | ``------[ Logical CPU #0 ]------`` |
| AIDA64 reports | ``CPUID 00000001   a-b-c-d`` | ``CPUID Registers (CPU #1):`` |
| libcpuid | ``basic_cpuid[1]=a b c d``, ``ext_cpuid[1]=…`` | ``___ Logical CPU #0 ___`` |

An MSR is ``MSR 0000003A: 0000-0000-0000-0005``, ``MSR 0x3a 0x5`` or ``msr 0x3a = 0x5``, numbers in
hex. ``rdmsr 0x3a``, ``rdmsr -p 1 0x3a`` or ``rdmsr -a 0x3a`` as typed, with its answers right
below, is understood too. Other lines are passed over. What follows a line of 80 dashes is a test's
expectation, not the CPU's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hwprofiles.cpus import AMD, INTEL
from hwprofiles.facts import FactBook, Source
from hwprofiles.virtualization import FEATURE_CONTROL, VM_CR, Clues
from provision.host import msr, x86
from provision.host.cpuflags import FLAGS
from provision.host.cpuid import Cpu, Registers
from provision.host.dumps.text import bounded, whole_lines
from provision.host.errors import DumpDamaged

NAME: Final = "CPUID or MSR registers (cpuid -r, AIDA64 or InstLatx64 text, libcpuid, MSR lines)"

#: Of 1,024 logical CPUs with 250 leaves each.
_LIMIT: Final = 16 << 20
_H8: Final = "[0-9A-Fa-f]{8}"
_LINE: Final = re.compile(
    rf"""^[ \t]*(?:
    (?P<end>-{{80,}})[ \t]*$
    |(?P<cpu>-+\[[ ](?:CPUID[ ]Registers[ ]/[ ])?Logical[ ]CPU[ ]\#(?P<aida>\d{{1,5}})[ ]\]-+
      |CPUID[ ]Registers[ ]\(CPU[ ]\#(?P<report>\d{{1,5}})[^)\n]{{0,20}}\):
      |_+[ ]Logical[ ]CPU[ ]\#(?P<libcpuid>\d{{1,5}})[ ]_+
      |CPU\#(?P<mask>\d{{1,5}})[ ]AffMask:
      |Group:[ ]0x[0-9A-F]+[ ](?P<next>Affinity)[ ]mask:
      |CPU(?:[ ](?P<todd>\d{{1,5}}))?:[ \t]*$)
    |(?P<msrs>(?:-+\[[ ])?MSR[ ]Registers
      (?:[ ]/[ ]Logical[ ]CPU[ ]\#(?P<owner1>\d{{1,5}})|[ ]\(CPU[ ]\#(?P<owner2>\d{{1,5}}))?)
    |CPUID[ ](?P<leaf1>{_H8})(?:[ ]?:[ \t]*|[ \t]+)(?P<regs1>(?:{_H8}[- ]){{3}}{_H8})\b
      (?:(?:[ ]\[(?!SL)[^]\n]{{1,40}}\]){{0,3}}[ ]\[SL[ ](?P<sub1>[0-9A-Fa-f]{{2}})\])?
    |0x(?P<leaf2>{_H8})(?:[ ]0x(?P<sub2>[0-9A-Fa-f]{{1,8}}))?:
      [ ](?P<regs2>eax=0x{_H8}[ ]ebx=0x{_H8}[ ]ecx=0x{_H8}[ ]edx=0x{_H8})\b
    |(?P<array>[a-z_]{{3,10}}[0-9a-f]{{0,9}}h?)\[(?P<index>\d{{1,3}})\]
      =(?P<regs3>(?:{_H8}[ ]){{3}}{_H8})\b
    |MSR[ ](?:0x)?(?P<msr>[0-9A-Fa-f]{{1,8}})h?(?:[ \t]*[:=][ \t]*|[ \t]+)
      (?:0x)?(?P<value>(?:[0-9A-Fa-f]{{4}}-){{3}}[0-9A-Fa-f]{{4}}|[0-9A-Fa-f]{{1,16}})\b
    |(?:\S{{0,60}}[$\#][ ])?(?:sudo[ ])?rdmsr[ ]
      (?:-(?:[a0xXc]{{1,4}}|p[ ]?(?P<on>\d{{1,5}}))[ ])*(?:0x)?(?P<asked>[0-9A-Fa-f]{{1,8}})[ \t]*$
    |(?:0x)?(?P<answer>[0-9A-Fa-f]{{1,16}})[ \t]*$
    )""",
    re.M | re.X | re.I,
)
#: libcpuid's arrays of subleaves.
_ARRAYS: Final = {"intel_fn4": 0x4, "intel_fn11": 0xB, "amd_fn8000001dh": 0x8000_001D}
_FORMATS: Final = ("leaf1", "leaf2", "array", "msr", "asked")
#: One machine has no more; Linux stops at 8,192.
_CPUS: Final = 8192
#: Only leaves that something is read from are kept.
_KEPT: Final = frozenset({leaf for leaf, _, _ in FLAGS}) | {
    *(0x0, 0x4, 0xB, 0x1F, 0x8000_0000, 0x8000_0002, 0x8000_0003, 0x8000_0004, 0x8000_001E)
}
_SUBLEAVES: Final = 16
#: Where AMD's own MSRs begin; below, both makers have theirs.
_AMD_ONLY: Final = 0xC001_0000


@dataclass
class _Record:
    """One logical CPU while it is read."""

    leaves: dict[tuple[int, int], Registers] = field(default_factory=dict)
    msrs: dict[int, int] = field(default_factory=dict)
    announced: bool = False

    def take(self, number: int, sub: int | None, registers: Registers) -> None:
        """Record a leaf; one that comes again and does not say its subleaf is the next."""
        at = sub or 0
        while sub is None and (number, at) in self.leaves and at < _SUBLEAVES:
            at += 1
        if at < _SUBLEAVES:
            self.leaves.setdefault((number, at), registers)


class _Sheet:
    """The logical CPUs of a text, while it is read; number -1 is for what belongs to none."""

    def __init__(self) -> None:
        self.records = {-1: _Record()}
        self._current = self.records[-1]
        self._asked: int | None = None
        self._next = 0  # the logical CPU whose answer comes
        self._end = -1

    def take(self, found: re.Match[str]) -> None:
        """Take one line."""
        below, self._end = found.start() == self._end + 1, found.end()
        if found["answer"]:
            if below and self._asked is not None:
                self._answer(self._asked, int(found["answer"], 16))
            return
        self._asked = None
        if found["cpu"]:
            number = _number(found, "aida", "report", "libcpuid", "mask", "todd")
            self._turn_to(max(self.records) + 1 if found["next"] else number or 0)
            self._current.announced = True
        elif found["msrs"]:
            owner = _number(found, "owner1", "owner2")
            self._turn_to(-1 if owner is None or owner not in self.records else owner)
        elif found["asked"]:
            self._asked, self._next = int(found["asked"], 16), _number(found, "on") or 0
        elif found["msr"]:
            value = int(found["value"].replace("-", ""), 16)
            self._current.msrs.setdefault(int(found["msr"], 16), value)
        else:
            self._take_leaf(found)

    def _take_leaf(self, found: re.Match[str]) -> None:
        """Take a leaf; where no line names the CPUs, leaf 0 begins the next."""
        number, sub = _leaf(found)
        if number == 0 and (0, 0) in self._current.leaves:
            self._turn_to(max(self.records) + 1)
        if number in _KEPT:
            registers = re.findall(_H8, found["regs1"] or found["regs2"] or found["regs3"])
            self._current.take(number, sub, Registers(*(int(each, 16) for each in registers)))

    def _turn_to(self, number: int) -> None:
        self._current = self.records.setdefault(number, _Record())

    def _answer(self, address: int, value: int) -> None:
        """Take an answer of rdmsr; with -a the next line is the next CPU's."""
        if self._next < _CPUS:
            self._turn_to(self._next)
            self._current.msrs.setdefault(address, value)
            self._next += 1


def _number(found: re.Match[str], *groups: str) -> int | None:
    """Return the number in whichever of the groups has one."""
    return next((int(found[group]) for group in groups if found[group]), None)


def recognises(head: bytes) -> bool:
    """Tell whether a line is a register."""
    found = _LINE.finditer(head.decode("utf-8", "replace"))
    return any(match[name] for match in found for name in _FORMATS)


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the processors are, and what their firmware made of them."""
    bounded(data, _LIMIT, where, NAME)
    text = whole_lines(data)
    loose, *records = _read(text, where)
    if loose.leaves:  # no line names the first CPU, or any
        loose, records = _Record(), [loose, *records]
    if not any(each.leaves or each.msrs for each in (loose, *records)):
        raise DumpDamaged(
            f"{where} holds no whole line of registers: what it has may be cut.",
            hint="Copy it whole; the last line, too, ends with a line feed.",
        )
    if not any(each.leaves for each in records):
        _tell_msrs([loose.msrs, *(each.msrs for each in records)], facts, where)
        return
    cpus = list(_cpus(loose, records))
    if not any(cpu.signature for cpu in cpus):
        raise DumpDamaged(
            f"{where} holds CPUID registers, and leaves 0 and 1 are not both there: it cannot be "
            "told which processor it is."
        )
    x86.tell_cpus(cpus, facts, where, cut=len(text.encode()) < len(data))


def _cpus(loose: _Record, records: list[_Record]) -> Iterator[Cpu]:
    """Yield the CPUs: MSRs that belong to none are of the first, where the tool ran.

    A heading with nothing below is a CPU, too: the text was cut there. One with MSRs alone has the
    leaves of the first, so that a register that differs is seen.
    """
    first = next(each for each in records if each.leaves)
    for each in records:
        msrs = {**loose.msrs, **each.msrs} if each is first else each.msrs
        yield Cpu(leaves=each.leaves or (first.leaves if msrs else {}), msrs=msrs)


def _read(text: str, where: str) -> list[_Record]:
    """Return what belongs to no logical CPU, then the CPUs of the text."""
    sheet = _Sheet()
    for found in _LINE.finditer(text):
        if found["end"]:
            break
        sheet.take(found)
        if len(sheet.records) > _CPUS:
            raise DumpDamaged(
                f"{where} lists more than {_CPUS} processors; no machine has so many."
            )
    return [sheet.records[number] for number in sorted(sheet.records)]


def _leaf(found: re.Match[str]) -> tuple[int, int | None]:
    """Return number and subleaf of a line; -1 for arrays of what is no leaf of use."""
    sub = found["sub1"] or found["sub2"]
    if not found["array"]:
        return int(found["leaf1"] or found["leaf2"], 16), None if sub is None else int(sub, 16)
    name, index = found["array"].lower(), int(found["index"])
    if name in {"basic_cpuid", "ext_cpuid"}:
        return index + (0x8000_0000 if name == "ext_cpuid" else 0), 0
    return _ARRAYS.get(name, -1), index


def _tell_msrs(cpus: list[dict[int, int]], facts: FactBook, where: str) -> None:
    """Tell what MSRs alone say, where they say themselves which kind of processor has them."""
    known = [msrs for msrs in cpus if msrs]
    amd = any(address >= _AMD_ONLY for msrs in known for address in msrs)
    vendor = AMD if amd else INTEL
    address = VM_CR if amd else FEATURE_CONTROL
    values = tuple(msrs[address] for msrs in known if address in msrs)
    vmx = any(msr.vmx_flags(msrs) is not None for msrs in known)
    if (amd and FEATURE_CONTROL in {key for msrs in known for key in msrs}) or not values:
        pass
    elif amd or vmx or any(values):
        clues = Clues(
            amd=amd, guest=False, flag=True, kernel=None, capable=None, registers=values, raw=True
        )
        x86.tell_virtualization(facts, clues, Source.MSR, where)
    for msrs in known:
        facts.learn("cpu.microcode", msr.microcode(vendor, msrs), Source.MSR, f"{where}#MSR 8B")
        if not amd and (flags := msr.vmx_flags(msrs)) is not None:
            facts.learn("cpu.virt.slat", "ept" in flags, Source.MSR, f"{where}#MSR 48B")
    if not facts:
        raise DumpDamaged(
            f"{where} holds MSRs, and nothing follows from them alone.",
            hint="Add CPUID to the file (cpuid -r), or MSRs 3Ah, 480h, 482h and 48Bh on Intel, "
            "C0010114h on AMD.",
        )

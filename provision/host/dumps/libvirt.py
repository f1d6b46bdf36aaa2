"""CPUID as libvirt records it: ``<cpudata>`` with ``<cpuid>`` and ``<msr>`` elements.

The XML is read with expat alone: no document type, so no entities, and nothing is fetched.
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

from hwprofiles.facts import FactBook
from provision.host import x86
from provision.host.cpuid import Cpu, Registers
from provision.host.dumps.text import bounded
from provision.host.errors import DumpDamaged

NAME: Final = "libvirt CPUID data (<cpudata arch='x86'>)"

_LIMIT: Final = 1 << 20
_ROOT: Final = re.compile(rb"<cpudata[ \t\n>]")
_MOST: Final = 10_000


class _Reader:
    """Takes the elements as expat meets them."""

    def __init__(self) -> None:
        self.leaves: dict[tuple[int, int], Registers] = {}
        self.msrs: dict[int, int] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take an element; one that lacks an attribute or has no number is an error."""
        if name == "cpuid":
            leaf, sub = _number(attributes["eax_in"]), _number(attributes.get("ecx_in", "0"))
            values = (_number(attributes[key]) for key in ("eax", "ebx", "ecx", "edx"))
            self.leaves.setdefault((leaf, sub), Registers(*values))
        elif name == "msr":
            high, low = _number(attributes["edx"]), _number(attributes["eax"])
            self.msrs[_number(attributes["index"])] = high << 32 | low
        if len(self.leaves) + len(self.msrs) > _MOST:
            raise ValueError("more registers than a processor has")

    @staticmethod
    def doctype(*_: object) -> None:
        """Refuse a document type: it could define entities."""
        raise ValueError("a document type, which libvirt never writes")


def recognises(head: bytes) -> bool:
    """Tell whether the element is there."""
    return bool(_ROOT.search(head))


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the processor is."""
    bounded(data, _LIMIT, where, NAME)
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = reader.start
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
    except KeyError as error:
        raise DumpDamaged(f"{where}: an element lacks the attribute {error}.") from error
    except (expat.ExpatError, ValueError) as error:
        raise DumpDamaged(f"{where} is no whole libvirt CPUID data: {error}.") from error
    cpu = Cpu(leaves=reader.leaves, msrs=reader.msrs)
    if cpu.signature is None:
        raise DumpDamaged(f"{where} lacks CPUID leaf 0 or 1: no telling which processor it is.")
    x86.tell_cpus([cpu], facts, where)


def _number(text: str) -> int:
    """Return a number of at most 32 bits, in hex with 0x or decimal."""
    value = int(text, 0) if re.fullmatch(r"0x[0-9a-fA-F]{1,8}|[0-9]{1,10}", text) else -1
    if not 0 <= value <= 0xFFFF_FFFF:
        raise ValueError(f"{text[:40]!r} is no register")
    return value

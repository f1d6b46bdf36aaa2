"""``lscpu`` of util-linux: its text in either layout, and its JSON.

lscpu does not name the kernel, so that a flag it shows proves what the part can and no more; what a
missing flag means is the state machine's to say. Its counts leave out processors that are off line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from hwprofiles.facts import FactBook, Source
from hwprofiles.virtualization import Clues, state
from provision.host import x86
from provision.host.dumps.text import bounded, whole_lines
from provision.host.errors import DumpDamaged
from provision.host.x86 import Part

NAME: Final = "lscpu (LC_ALL=C lscpu, or lscpu -J)"

_LIMIT: Final = 1 << 20
_TEXT: Final = re.compile(rb"^[ \t]*Architecture:[ \t]+\S", re.M)
_COUNT: Final = re.compile(rb"^[ \t]*CPU\(s\):[ \t]+[0-9]", re.M)
_JSON: Final = re.compile(rb'\s*\{\s*"lscpu"\s*:')
_WANTED: Final = frozenset(
    {
        "Architecture",
        "CPU(s)",
        "Thread(s) per core",
        "Core(s) per socket",
        "Socket(s)",
        "Off-line CPU(s) list",
        "Vendor ID",
        "CPU family",
        "Model",
        "Model name",
        "Stepping",
        "Flags",
        "Address sizes",
        "Hypervisor vendor",
    }
)
_X86: Final = frozenset({"x86_64", "i386", "i486", "i586", "i686"})
#: What x86 has; an emulator's or a hypervisor's invention is no count of cores.
_THREADS_PER_CORE: Final = (1, 2, 4)
_DEPTH: Final = 4


def recognises(head: bytes) -> bool:
    """Tell whether it begins as lscpu does, in English or as JSON."""
    return bool(_JSON.match(head) or (_TEXT.search(head) and _COUNT.search(head)))


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell what the processors are."""
    bounded(data, _LIMIT, where, NAME)
    pairs = _from_json(data, where) if _JSON.match(data) else _from_text(whole_lines(data))
    lines: dict[str, str] = {}
    for key, value in pairs:
        if key in _WANTED and value:
            lines.setdefault(key, value)
    if "Vendor ID" not in lines:
        raise DumpDamaged(f"{where} looks like lscpu, and its line 'Vendor ID' is missing.")
    _tell(lines, facts, where)


def _from_text(text: str) -> Iterator[tuple[str, str]]:
    for found in re.finditer(r"^[ \t]*([A-Z][^:\n]{1,60}):[ \t]*([^\n]*)$", text, re.M):
        yield found[1].strip(), found[2].strip()


def _from_json(data: bytes, where: str) -> Iterator[tuple[str, str]]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DumpDamaged(f"{where} looks like lscpu -J, but is no JSON: {error}.") from error
    yield from _fields(document["lscpu"], _DEPTH)


def _fields(rows: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the fields of ``rows``, and of those below them."""
    if not isinstance(rows, list) or not depth:
        return
    for row in rows:
        if not isinstance(row, dict):
            continue
        key, value = row.get("field"), row.get("data")
        if isinstance(key, str) and isinstance(value, str):
            yield key.strip().removesuffix(":"), value.strip()
        yield from _fields(row.get("children"), depth - 1)


def _tell(lines: dict[str, str], facts: FactBook, where: str) -> None:
    if lines.get("Architecture") not in _X86:  # flags and models have other meanings elsewhere
        facts.learn("cpu.name", x86.brand(lines.get("Model name")), Source.DUMP, where)
        if architecture := lines.get("Architecture"):
            arch = "arm64" if architecture == "aarch64" else "other"
            facts.learn("cpu.arch", arch, Source.DUMP, where)
        return
    flags = frozenset(lines["Flags"].split()) if "Flags" in lines else None
    part = Part(
        vendor=lines["Vendor ID"],
        name=x86.brand(lines.get("Model name")),
        family=_number(lines, "CPU family"),
        model=_number(lines, "Model"),
        stepping=_number(lines, "Stepping"),
        flags=flags,
    )
    x86.tell(facts, part, Source.DUMP, where)
    sizes = re.match(r"([0-9]{1,2}) bits physical", lines.get("Address sizes", ""))
    facts.learn("cpu.address_bits", int(sizes[1]) if sizes else None, Source.DUMP, where)
    clues = None
    if flags is not None:
        clues = Clues(
            amd=part.amd,
            guest="hypervisor" in flags or "Hypervisor vendor" in lines,
            flag=("svm" if part.amd else "vmx") in flags,
            kernel=None,
            capable=part.capable,
            key_lock="svm_lock" in flags,
        )
        x86.tell_virtualization(facts, clues, Source.DUMP, where)
        x86.tell_no_slat(facts, part, clues, Source.DUMP, where)
    _tell_counts(lines, part, clues, facts, where)


def _tell_counts(
    lines: dict[str, str], part: Part, clues: Clues | None, facts: FactBook, where: str
) -> None:
    """Tell sockets, cores and threads, where the numbers agree with each other."""
    sockets, cores, threads, logical = (
        _number(lines, key)
        for key in ("Socket(s)", "Core(s) per socket", "Thread(s) per core", "CPU(s)")
    )
    if not (sockets and cores and threads and logical and part.signature):
        return
    if "Off-line CPU(s) list" in lines:
        return
    if threads not in _THREADS_PER_CORE or sockets * cores * threads != logical:
        return
    row: x86.Row = {
        "populated": True,
        "name": part.name,
        "cores": part.cores(cores, cores * threads),
        "threads": cores * threads,
        "signature": part.signature_word,
        "virt": state(clues).word if clues else None,
    }
    rows = [{"socket": str(number), **row} for number in range(sockets)]
    x86.tell_packages(facts, rows, Source.DUMP, where)


def _number(lines: dict[str, str], key: str) -> int | None:
    text = lines.get(key, "")
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else None

"""ACPI tables: text of acpidump, lists of acpixtract and ls, and the tables themselves.

Text dumps hold ``NAME @ 0x…`` and lines of hex; acpixtract -l and its kin print a numbered list and
"Found N ACPI tables"; ls names the files of /sys/firmware/acpi/tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from hwprofiles.facts import FactBook
from provision.host import acpi
from provision.host.acpi import ALWAYS, DMAR, Tables
from provision.host.dumps.text import bounded, is_text
from provision.host.errors import DumpDamaged

NAME: Final = "ACPI tables (acpidump, acpixtract -l, ls /sys/firmware/acpi/tables, or DMAR itself)"

#: The text of the largest tables seen has 2 MB.
_LIMIT: Final = 16 << 20
_MOST: Final = 1000
_DUMPED: Final = re.compile(r"^([A-Z][A-Z0-9_]{3}) @ 0x[0-9A-Fa-f]{1,16}[ \t]*$", re.M)
_LISTED: Final = re.compile(
    r'^ *(?:[0-9]{2,3}\)  )?([A-Z][A-Z0-9_]{3}) {1,3}0x([0-9A-F]{8})\b(?=  0x|  "|\n)', re.M
)
_FOUND: Final = re.compile(r"^Found ([0-9]{1,4}) ACPI tables", re.M)
_HEX: Final = re.compile(r"[ \t]+([0-9A-F]{4,8}):((?: [0-9A-F]{2}){1,16})(?: |$)", re.I)
#: A line of ls: the name alone, or the last word of ls -l.
_FILE: Final = re.compile(
    r"^(?:[-dl][-rwxsStT]{9}.* )?([A-Z][A-Z0-9_]{2,3}[0-9]{0,3}|data|dynamic)$"
)
_BLOCKS: Final = 4
_ADDRESSED: Final = {"XSDT": 8, "RSDT": 4}
#: Tables that RSDT and XSDT do not list.
_APART: Final = frozenset({"RSDP", "RSD ", "RSDT", "XSDT", "DSDT", "FACS"})


def recognises(head: bytes) -> bool:
    """Tell whether it is one of these: tables, a dump of them, or a list."""
    if not is_text(head):
        return acpi.begins_table(head)
    text = head.decode("utf-8", "replace")
    return bool(_DUMPED.search(text) or _LISTED.search(text)) or _directory(text) is not None


def tell(data: bytes, facts: FactBook, where: str) -> None:
    """Tell whether firmware describes an IOMMU."""
    bounded(data, _LIMIT, where, NAME)
    tables = _binary(data, where) if not is_text(data) else _text(data.decode(), where)
    acpi.tell_tables(tables, facts, where)
    if not facts:
        raise DumpDamaged(
            f"{where} holds ACPI tables ({', '.join(dict.fromkeys(tables.names[:8]))} …), neither "
            "DMAR nor IVRS among them, and may not hold them all.",
            hint="Give the whole text of acpidump, or a list of all tables "
            "(ls /sys/firmware/acpi/tables).",
        )


def _binary(data: bytes, where: str) -> Tables:
    tables = list(acpi.split(data))
    if sum(len(table) for _, table in tables) != len(data):
        raise DumpDamaged(f"{where} holds an ACPI table that is cut short or not one at all.")
    for name, table in tables:
        if name in (DMAR, "IVRS") and not acpi.is_sound(table):
            raise DumpDamaged(f"{where}: the checksum of ACPI table {name} is wrong.")
    by_name = dict(tables)
    return Tables(names=[name for name, _ in tables], whole=False, dmar=by_name.get(DMAR))


def _text(text: str, where: str) -> Tables:
    if _DUMPED.search(text):
        return _dumped(text, where)
    listed = [found[1] for found in islice(_LISTED.finditer(text), _MOST)]
    if listed:
        count = _FOUND.search(text)
        whole = bool(count and int(count[1]) == len(listed)) and set(listed) >= ALWAYS
        dmar = next((raw for raw in _blocks(text, "DMAR") if acpi.is_sound(raw)), None)
        return Tables(names=listed, whole=whole, dmar=dmar)
    names = _directory(text) or []
    return Tables(names=[name[:4] for name in names], whole=_is_whole(names))


def _dumped(text: str, where: str) -> Tables:
    """Read a text of acpidump; tables of deciding kinds have to be whole."""
    marks = list(islice(_DUMPED.finditer(text), _MOST))
    names = [mark[1] for mark in marks]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    tables: dict[str, bytes] = {}
    for name, mark, end in zip(names, marks, ends, strict=True):
        if name in (DMAR, "IVRS", *_ADDRESSED) or end == len(text):
            tables[name] = _bytes(text[mark.end() : end])
            if name in (DMAR, "IVRS") and not acpi.is_sound(tables[name]):
                raise DumpDamaged(f"{where}: ACPI table {name} is cut short or damaged.")
    last = tables[names[-1]]
    whole = set(names) >= ALWAYS and int.from_bytes(last[4:8], "little") == len(last)
    for name, size in _ADDRESSED.items():
        if name in tables:
            entries = (len(tables[name]) - acpi.HEADER) // size
            whole = whole and sum(each not in _APART for each in names) >= entries
    return Tables(names=names, whole=whole, dmar=tables.get(DMAR))


def _bytes(text: str) -> bytes:
    """Return the bytes of lines of hex, up to the first line that is none."""
    raw = bytearray()
    for line in text.strip("\n").split("\n"):
        found = _HEX.match(line)
        if not found or int(found[1], 16) != len(raw):
            break
        raw += bytes.fromhex(found[2])
    return bytes(raw)


def _blocks(text: str, signature: str) -> Iterator[bytes]:
    """Yield the blocks of hex that begin with ``signature``, as iasl prints them."""
    start = " ".join(f"{ord(letter):02X}" for letter in signature)
    for found in islice(re.finditer(rf"^ +0000: {start} ", text, re.M), _BLOCKS):
        yield _bytes(text[found.start() :][: 64 << 10])


def _directory(text: str) -> list[str] | None:
    """Return the names in a listing of the directory of tables; None when it is none."""
    lines = text.rstrip("\n").split("\n", _MOST)
    if len(lines) > _MOST:
        return None
    rows = [line.rstrip() for line in lines if line.strip()]
    rows = [line for line in rows if not re.match(r"(total \d+|.*tables:|.* \.{1,2})$", line)]
    found = [_FILE.match(line) for line in rows]
    names = [match[1] for match in found if match]
    if len(names) != len(rows) or "FACP" not in names or len(names) < len(ALWAYS):
        return None
    return names


def _is_whole(names: Sequence[str]) -> bool:
    """Tell whether a listing is whole: in order, and going on behind where DMAR and IVRS belong."""
    tables = [name for name in names if name.isupper() or name[-1].isdigit()]
    return set(tables) >= ALWAYS and tables == sorted(tables) and tables[-1] > "IVRS"

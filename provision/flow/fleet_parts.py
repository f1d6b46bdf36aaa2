"""What a machine is made of, freed of what says nothing about it: when and where it was read.

``make_up`` turns facts into values that can be compared: scalars by name, and the rows of each
table as parts. A part has a place (``DIMM_A1``) that lasts, or none: Linux deals out ``sda`` and
``eth0`` anew at every start, so disks so named are known by what they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from hwprofiles.facts import CATALOGUE, Fact, Facts, Kind
from hwprofiles.population import slot_key
from provision.core.text import clean
from provision.host.board import said, said_uuid

Cell = bool | int | str
Scalar = bool | int | str | tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """How the rows of a table are told apart.

    ``place`` are the columns that name where a part sits, ``apart`` another that helps where names
    repeat. ``identity`` is the column that names this very part. ``vacant`` says that nothing is
    in the place; ``ignored`` are columns that change by themselves. ``brief`` are those that tell a
    person what it is.
    """

    place: tuple[str, ...] = ("name",)
    apart: str = ""
    identity: str = ""
    vacant: tuple[str, Cell] | None = None
    ignored: frozenset[str] = frozenset()
    brief: tuple[str, ...] = ()

    def filled(self, row: Mapping[str, Cell]) -> bool | None:
        """Tell whether something is in the place; None where that is not told."""
        if self.vacant is None:
            return True
        column, value = self.vacant
        return row[column] != value if column in row else None


TABLES: Final[Mapping[str, Table]] = {
    "cpu.packages": Table(
        place=("socket",),
        vacant=("populated", False),
        ignored=frozenset({"populated", "virt"}),
        brief=("name",),
    ),
    "memory.dimms": Table(
        place=("slot",),
        apart="bank",
        identity="serial",
        vacant=("size", 0),
        ignored=frozenset({"bank"}),
        brief=("size", "type", "speed"),
    ),
    "nics.ports": Table(identity="mac", ignored=frozenset({"driver"}), brief=("model", "speed")),
    "storage.drives": Table(
        identity="serial",
        ignored=frozenset({"life_left"}),
        brief=("size", "bus", "media", "model"),
    ),
    "gpus.cards": Table(place=(), brief=("vendor", "name")),
    "ports.connectors": Table(place=("internal", "external"), brief=("type",)),
    "onboard.devices": Table(brief=("type",)),
}

#: Facts that are no property of the machine: names under which something was found, and words of
#: our own for what is told elsewhere.
IGNORED: Final = frozenset(
    {"cpu.codename", "cpu.virt.attribute", "iommu.attribute", "sriov.attribute"}
)
#: Facts that tell one machine from its twin.
OWN: Final = frozenset({"system.serial", "system.uuid", "system.oem_strings"})
#: What a fact follows from: where that has changed, the fact adds nothing.
FOLLOWS: Final[Mapping[str, frozenset[str]]] = {
    "memory.dimms_populated": frozenset({"memory.dimms"}),
    "nics.count": frozenset({"nics.ports"}),
    "nics.fastest": frozenset({"nics.ports"}),
    "storage.count": frozenset({"storage.drives"}),
    "storage.largest": frozenset({"storage.drives"}),
    "gpus.count": frozenset({"gpus.cards"}),
    "ports.internal": frozenset({"ports.connectors"}),
    "firmware.date": frozenset({"firmware.version"}),
    **dict.fromkeys(
        ("cpu.name", "cpu.family", "cpu.model", "cpu.stepping", "cpu.microcode"),
        frozenset({"cpu.packages"}),
    ),
    **dict.fromkeys(
        ("cpu.level", "cpu.xsave", "cpu.aes", "cpu.virt.slat", "cpu.erratum_298"),
        frozenset({"cpu.flags", "cpu.name", "cpu.model", "cpu.stepping"}),
    ),
}
#: Facts that two sources of one machine spell or count each in its own way.
LOOSE: Final = frozenset(TABLES) - {"memory.dimms", "cpu.packages"} | {
    *("cpu.flags", "cpu.name", "firmware.date", "firmware.vendor", "nics.count"),
    *("nics.fastest", "storage.count", "storage.largest", "system.model", "system.uuid"),
    "system.vendor",
}

_LONGEST: Final = 2000  # characters of a text
_DEALT_OUT: Final = re.compile(r"([shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+|eth\d+)", re.ASCII)
_FAKE_SERIAL: Final = re.compile(r"(.)\1*|0?123456789[0-9a-z]*|[\W_]+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One row of a table.

    ``slot`` is its place as printed, ``key`` the same in one spelling; ``lasting`` tells whether
    the place is the same after a restart. ``cells`` are the columns that say what it is, without
    its place; ``identity`` is the serial number or address of this very part, where it is told.
    """

    slot: str
    key: str
    lasting: bool
    filled: bool | None
    cells: Mapping[str, Cell]
    identity: str = ""

    @property
    def content(self) -> tuple[tuple[str, Cell], ...]:
        """What it is, hashable."""
        return tuple(sorted(self.cells.items()))


@dataclass(frozen=True, kw_only=True)
class MakeUp:
    """A machine as far as it can be compared. ``sources`` says who told each fact."""

    scalars: Mapping[str, Scalar] = field(default_factory=dict)
    tables: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def comparable(self, name: str, other: MakeUp) -> bool:
        """Tell whether what both tell under ``name`` means the same."""
        return name not in LOOSE or self.sources.get(name) == other.sources.get(name)


def real_serial(text: str) -> bool:
    """Tell whether a serial number can be one machine's alone, and is no filler."""
    return said(text) is not None and not _FAKE_SERIAL.fullmatch(text)


def real_uuid(text: str) -> bool:
    """Tell whether a UUID can be one machine's alone: not the filler of a series of boards."""
    return said_uuid(text) is not None


def make_up(facts: Facts) -> MakeUp:
    """Return what ``facts`` say that can be compared with what is said of another machine."""
    scalars: dict[str, Scalar] = {}
    tables: dict[str, tuple[Part, ...]] = {}
    for name in CATALOGUE:
        if name not in facts or name in IGNORED:
            continue
        fact = facts[name]
        if name in TABLES:
            tables[name] = tuple(_parts(TABLES[name], fact.value))  # type: ignore[arg-type]
        elif (value := _scalar(name, fact)) is not None:
            scalars[name] = value
    if "nics.ports" in tables:
        scalars.pop("nics.fastest", None)  # that of the links that are up just now
    sources = {name: str(facts[name].source) for name in (*scalars, *tables)}
    return MakeUp(scalars=scalars, tables=tables, sources=sources)


def _scalar(name: str, fact: Fact) -> Scalar | None:
    value: Any = fact.value
    meaning = CATALOGUE[name]
    if meaning.kind is Kind.WORDS:
        return tuple(sorted({_plain(word) for word in value}))
    if value in meaning.unsure:
        return None
    return _plain(value) if isinstance(value, str) else value


def _plain(text: str) -> str:
    """Return text as it can be compared and printed: blanks collapsed, nothing invisible in it."""
    return " ".join(text.split()) if text.isprintable() else clean(text, _LONGEST)


def _parts(table: Table, rows: Sequence[Mapping[str, Cell]]) -> Iterator[Part]:
    names = [_slot(table, row) for row in rows]
    keys = [_key(name) for name in names]
    twice = {key for key, number in Counter(keys).items() if key and number > 1}
    for at, row in enumerate(rows):
        if keys[at] in twice and row.get(table.apart):
            names[at] = f"{row[table.apart]}/{names[at]}"
            keys[at] = _key(names[at])
    seen: Counter[str] = Counter()
    for row, name, key in zip(rows, names, keys, strict=True):
        seen[key] += 1
        again = f" #{seen[key]}" if key and seen[key] > 1 else ""
        cells = {
            column: _plain(cell) if isinstance(cell, str) else cell
            for column, cell in row.items()
            if column not in table.ignored
            and column not in table.place
            and column != table.identity
        }
        yield Part(
            slot=name + again,
            key=key + again,
            lasting=bool(key) and not _DEALT_OUT.fullmatch(name),
            filled=table.filled(row),
            cells=cells,
            identity=_identity(str(row.get(table.identity, ""))),
        )


def _slot(table: Table, row: Mapping[str, Cell]) -> str:
    return " / ".join(_plain(str(row[name])) for name in table.place if row.get(name))


@lru_cache(maxsize=4096)
def _key(name: str) -> str:
    return "/".join(slot_key(part) for part in name.split("/")) if name else ""


@lru_cache(maxsize=65536)
def _identity(text: str) -> str:
    if not real_serial(text):
        return ""
    return text.lower() if ":" in text else text.upper()  # an address, or a serial number

"""A fact with its provenance, and the book they are collected in.

A fact is one thing known about one machine: ``cpu.virt.state`` is ``disabled``, said by the BIOS
attribute ``ProcVirtualization`` over Redfish, at that time, with the host off. What is not known is
not there: no fact ever stands for "could not be read". The names are those of ``CATALOGUE``.

Stdlib only: this module also runs inside the deploy ramdisk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from hwprofiles.catalogue import CATALOGUE, Kind, Meaning

__all__ = [
    "CATALOGUE",
    "SCHEMA",
    "Fact",
    "FactBook",
    "Facts",
    "Kind",
    "Meaning",
    "Row",
    "Source",
    "Value",
    "agree",
    "as_dict",
    "in_words",
    "is_hex",
    "shown",
]

SCHEMA: Final = "bareiron.facts/1"

Cell = bool | int | str
#: One row of a table, by column; what is not known is left out.
Row = Mapping[str, Cell]
#: bool, integers (bytes, counts), words, lists of words, and tables.
Value = bool | int | str | tuple[str, ...] | tuple[Row, ...]


class Source(StrEnum):
    """Where a fact was read."""

    REDFISH = "redfish"
    CPUID = "cpuid"
    MSR = "msr"
    DMI = "dmi"
    ACPI = "acpi"
    PROCFS = "procfs"
    DUMP = "dump"
    USER = "user"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A value, where it was read (``path``: a Redfish property, a file, a register), and when.

    ``rivals`` are what other sources said of the same thing, where it is something else.
    ``derived``: it follows from other facts, and gives way to what a source says.
    """

    value: Value
    source: Source
    path: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    power_state: str = ""
    rivals: tuple[Fact, ...] = ()
    derived: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the fact as the JSON interface prints it."""
        told: dict[str, Any] = {
            "value": _plain(self.value),
            "source": str(self.source),
            "path": self.path,
            "at": self.at.isoformat(timespec="seconds"),
            "power_state": self.power_state,
        }
        if self.derived:
            told["derived"] = True
        if self.rivals:
            told["rivals"] = [rival.as_dict() for rival in self.rivals]
        return told


def _plain(value: Value) -> Any:
    if not isinstance(value, tuple):
        return value
    return [dict(each) if isinstance(each, Mapping) else each for each in value]


#: Facts of one machine by name.
Facts = Mapping[str, Fact]


def as_dict(facts: Facts) -> dict[str, Any]:
    """Return ``facts`` as ``provision inventory --output json`` prints them for one machine."""
    return {"schema": SCHEMA, "facts": {name: facts[name].as_dict() for name in sorted(facts)}}


class FactBook(dict[str, Fact]):
    """Facts while they are collected; every name and value is checked against the catalogue."""

    def learn(
        self,
        name: str,
        value: Value | Iterable[str] | Iterable[Mapping[str, Cell | None]] | None,
        source: Source,
        path: str,
        **more: Any,
    ) -> None:
        """Record a fact; ``None`` (not told) records nothing, nor does a number no machine has.

        Of a name that is known already the later value counts, unless it cannot tell; the earlier
        one stays as a rival where the two do not agree.
        """
        if value is None or absurd(value):
            return
        checked = _checked(name, CATALOGUE[name], value)
        self.add(name, Fact(value=checked, source=source, path=path, **more))

    def add(self, name: str, fact: Fact) -> None:
        """Record a fact that is checked already, as ``learn`` does."""
        known = self.get(name)
        if known is None or self._replaced(CATALOGUE[name], known, fact):
            self[name] = fact
        elif not self._replaced(CATALOGUE[name], fact, known):
            said = (*known.rivals, replace(known, rivals=()), *fact.rivals)
            rivals = tuple(each for each in said if not agree(name, each.value, fact.value))
            self[name] = replace(fact, rivals=rivals)

    @staticmethod
    def _replaced(meaning: Meaning, old: Fact, new: Fact) -> bool:
        """Tell whether ``new`` stands in place of ``old``, which is then no rival to it."""
        for words, wins in ((meaning.final, new), (meaning.unsure, old)):
            if (old.value in words) is not (new.value in words):
                return wins.value in words
        return old.derived and not new.derived

    def take(self, others: Facts) -> None:
        """Record the facts of another book, as if they were learned now."""
        for name, fact in others.items():
            self.add(name, fact)


def _checked(name: str, meaning: Meaning, value: Any) -> Value:
    if meaning.kind is Kind.TABLE:
        return tuple(_row(name, meaning, row) for row in value)
    if meaning.kind is Kind.WORDS:
        words = tuple(value) if not isinstance(value, str) else (None,)
        if not all(isinstance(word, str) for word in words):
            raise TypeError(f"{name} wants a list of words")
        return tuple(map(sound, words))
    return _cell(name, meaning, value)


def _row(name: str, table: Meaning, row: Any) -> Row:
    if not isinstance(row, Mapping):
        raise TypeError(f"{name} wants rows")
    if strange := next((column for column in row if column not in table.columns), None):
        raise ValueError(f"{name} has no column {strange!r}")
    return {
        column: _cell(f"{name}[].{column}", table.columns[column], cell)
        for column, cell in row.items()
        if cell is not None and not absurd(cell)
    }


def _cell(name: str, meaning: Meaning, value: Any) -> Cell:
    # A bool is no int here.
    if not isinstance(value, bool | int | str) or type(value) is not _PYTHON[meaning.kind]:
        raise TypeError(f"{name} cannot hold {value!r}")
    if meaning.words and value not in meaning.words:
        raise ValueError(f"{name} cannot be {value!r}")
    return sound(value) if isinstance(value, str) else value


def absurd(value: object) -> bool:
    """Tell whether ``value`` is a number that nothing counted or measured in a machine can be."""
    return isinstance(value, int) and not 0 <= value < 1 << 63


def sound(text: str) -> str:
    """Return ``text`` without halves of characters, which nothing could print or store."""
    return text if text.isascii() else text.encode(errors="replace").decode()


_PYTHON: Final[Mapping[Kind, type]] = {
    Kind.BOOL: bool,
    Kind.INTEGER: int,
    Kind.PERCENT: int,
    Kind.BYTES: int,
    Kind.ENDURANCE: int,
    Kind.BIT_RATE: int,
    Kind.WORD: str,
    Kind.VERSION: str,
}

#: Names in which sources differ by nature: spelling, or what each of them can see.
_LOOSE: Final = frozenset(
    {
        "boot.override_targets",
        "cpu.flags",
        "cpu.name",
        "cpu.virt.attribute",
        "firmware.date",
        "firmware.vendor",
        "iommu.attribute",
        "nics.count",
        "nics.fastest",
        "sriov.attribute",
        "storage.count",
        "storage.largest",
        "system.model",
        "system.vendor",
    }
)
#: What a kernel keeps for itself of the memory that is fitted.
_KERNEL_SHARE: Final = 0.05
_KERNEL_LEAST: Final = 512 << 20


def agree(name: str, one: Value, other: Value) -> bool:
    """Tell whether two sources say the same of ``name``, as far as they can be expected to."""
    if one == other or name in _LOOSE or CATALOGUE[name].kind is Kind.TABLE:
        return True
    if name == "memory.total" and isinstance(one, int) and isinstance(other, int):
        return abs(one - other) <= max(_KERNEL_LEAST, _KERNEL_SHARE * max(one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return False


def shown(name: str, value: Value) -> str:
    """Return a value as a person reads it: sizes in GiB, speeds in Gbit/s, models in hex."""
    return in_words(CATALOGUE[name], value, hexadecimal=is_hex(name))


def is_hex(name: str) -> bool:
    """Tell whether manuals print the number of that name in hex."""
    return name in _HEX


def in_words(meaning: Meaning, value: Value, *, hexadecimal: bool = False) -> str:
    """Return a value of the kind that ``meaning`` has, likewise."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "; ".join(_listed(meaning, value)) or "none"
    if isinstance(value, str):
        return value
    return _number(meaning, value, hexadecimal=hexadecimal)


def _number(meaning: Meaning, value: int, *, hexadecimal: bool) -> str:
    if value == 0 and meaning.zero:
        return meaning.zero
    if scale := _SCALES.get(meaning.kind):
        return _scaled(value, *scale)
    if meaning.kind is Kind.PERCENT:
        return f"{value} %"
    return f"{value:02X}h" if hexadecimal else str(value)


def _listed(meaning: Meaning, value: tuple[Any, ...]) -> Iterator[str]:
    if meaning.kind is not Kind.TABLE:
        yield ", ".join(value)
        return
    for row in value:
        cells = (
            in_words(meaning.columns[name], row[name]) for name in meaning.columns if name in row
        )
        yield " ".join(cells)


_HEX: Final = frozenset({"cpu.family", "cpu.model", "cpu.stepping"})
_SCALES: Final = {
    Kind.BYTES: (1024, ("B", "KiB", "MiB", "GiB", "TiB")),
    Kind.ENDURANCE: (1000, ("BW", "kBW", "MBW", "GBW", "TBW", "PBW")),
    Kind.BIT_RATE: (1000, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")),
}


def _scaled(value: int, step: int, units: tuple[str, ...]) -> str:
    power = 0
    while value >= step ** (power + 1) and power < len(units) - 1:
        power += 1
    return f"{round(value / step**power, 2):.12g} {units[power]}"

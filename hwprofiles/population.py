"""How memory modules have to stand in their slots, and which to move where. Pure; stdlib only.

Slots are compared by what their names have in common: ``DIMM_A1``, ``DIMM A1``, ``DIMM.Socket.A1``
and ``A1`` are one slot. Names that occur twice are told apart by their bank: ``BANK/LOCATOR``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hwprofiles.checks import Truth
from hwprofiles.facts import CATALOGUE, Facts, in_words

DIMMS: Final = "memory.dimms"
_SOCKETS: Final = "cpu.sockets_populated"
_NOISE: Final = frozenset({"DIMM", "SOCKET", "SLOT"})


def slot_key(name: str) -> str:
    """Return what is left of a slot's name without case, punctuation and filling words."""
    parts = re.findall(r"[A-Z]+|[0-9]+", name.upper())
    parts = [part.removeprefix("DIMM") if part.startswith("DIMM") else part for part in parts]
    return "-".join(part.lstrip("0") or "0" for part in parts if part and part not in _NOISE)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The slots of a server model, and how they are filled.

    ``slots`` are the names in order, by CPU. ``fill`` are positions among them (from 1), in groups
    that are full or empty, in the order they are filled. ``counts`` are, where a manual lists them
    one by one, the positions for each number of modules on a CPU. ``same``: columns alike within a
    group, or on a CPU where there are no groups. ``balanced``: every CPU that is there has the same
    positions filled.
    """

    slots: Mapping[str, tuple[str, ...]]
    fill: tuple[tuple[int, ...], ...] = ()
    counts: tuple[tuple[int, ...], ...] = ()
    same: tuple[str, ...] = ()
    balanced: bool = False


@dataclass(frozen=True, kw_only=True)
class _Bank:
    """The slots of one CPU with what was found in each; None is a slot nobody told of.

    With ``listed`` that is an empty one: all modules were told of, and where each of them is.
    """

    cpu: str
    names: tuple[str, ...]
    rows: tuple[Mapping[str, Any] | None, ...]
    listed: bool

    def full(self, position: int) -> Truth:
        row = self.rows[position]
        if row is None:
            return False if self.listed else None
        size = row.get("size")
        return None if size is None else size > 0

    @property
    def filled(self) -> list[int]:
        return [at for at in range(len(self.rows)) if self.full(at)]

    @property
    def open(self) -> bool:
        return any(self.full(at) is None for at in range(len(self.rows)))


@dataclass(frozen=True, kw_only=True)
class Population:
    """The memory slots against a layout."""

    layout: Layout

    def judge(self, facts: Facts) -> Truth:
        """Judge what stands where; slots that nobody told of leave it open."""
        banks = self._banks(facts)
        if banks is None or not any(bank.filled for bank in banks):
            return None
        if any(self._wrong(banks, facts)):
            return False
        return None if self._undecided(banks, facts) else True

    def facts(self) -> Iterator[str]:
        """Yield the table of modules, and the number of processors, which says who needs any."""
        yield DIMMS
        if self.layout.balanced:
            yield _SOCKETS

    def words(self) -> str:
        """Return what is asked of the modules."""
        ordered = self.layout.fill or self.layout.counts
        asked = ["whole groups, in the order of the manual"] if ordered else []
        if self.layout.same:
            asked.append(f"alike in {', '.join(self.layout.same)} within a group")
        if self.layout.balanced:
            asked.append("the same slots on every CPU")
        return f"memory modules in {'; '.join(asked) or 'the slots of this model'}"

    def found(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield what is wrong, else which slots are filled."""
        banks = self._banks(facts)
        if banks is None:
            yield DIMMS, "not known"
            return
        wrong = list(self._wrong(banks, facts))
        filled = [bank.names[at] for bank in banks for at in bank.filled]
        yield DIMMS, "; ".join(wrong) or f"{len(filled)} filled ({', '.join(filled)})"

    def advice(self, facts: Facts) -> Iterator[str]:
        """Yield which modules to move, where moving alone mends it."""
        for bank in self._banks(facts) or ():
            yield from self._moves(bank)

    def _banks(self, facts: Facts) -> list[_Bank] | None:
        """Return the listed slots as found; None where not one of them is told of.

        Some BMCs list modules and no empty slots. That a slot is empty is believed only if every
        module is in a slot of the model: else names may not be what we take them for.
        """
        table = facts.get(DIMMS)
        rows: tuple[Any, ...] = table.value if table and isinstance(table.value, tuple) else ()
        known: dict[str, Mapping[str, Any]] = {}
        twice: set[str] = set()
        for row in rows:
            slot = slot_key(row.get("slot", ""))
            for name in (slot, f"{slot_key(row.get('bank', ''))}/{slot}"):
                if known.setdefault(name, row) != row:
                    twice.add(name)
        known |= {name: {} for name in twice}  # what is there, nobody can tell
        places = {
            cpu: tuple(known.get("/".join(map(slot_key, name.split("/")))) for name in names)
            for cpu, names in self.layout.slots.items()
        }
        placed = [id(row) for found in places.values() for row in found if row]
        listed = all(id(row) in placed for row in rows if row.get("size") != 0)
        banks = [
            _Bank(cpu=cpu, names=self.layout.slots[cpu], rows=found, listed=listed)
            for cpu, found in places.items()
        ]
        return banks if placed else None

    def _undecided(self, banks: Sequence[_Bank], facts: Facts) -> bool:
        lacking = [not bank.filled for bank in banks]
        sockets = self.layout.balanced and any(lacking) and _SOCKETS not in facts
        alike = any(
            column not in (bank.rows[at] or {})
            for bank in banks
            for at in bank.filled
            for column in self.layout.same
        )
        return any(bank.open for bank in banks) or sockets or alike

    def _wrong(self, banks: Sequence[_Bank], facts: Facts) -> Iterator[str]:
        for bank in banks:
            yield from self._gaps(bank)
            yield from self._misplaced(bank)
            yield from self._unlike(bank)
        if self.layout.balanced:
            yield from _unbalanced(banks, facts)

    def _gaps(self, bank: _Bank) -> Iterator[str]:
        """Yield groups that are half full, and those left out before others."""
        left_out: list[str] = []
        for group in self.layout.fill:
            names = {at - 1: bank.names[at - 1] for at in group}
            full = [name for at, name in names.items() if bank.full(at)]
            empty = [name for at, name in names.items() if bank.full(at) is False]
            if full and empty:
                yield f"{', '.join(full)} filled, but {', '.join(empty)} empty"
            if full and left_out:
                yield f"{', '.join(full)} filled before {', '.join(left_out)}"
                left_out = []
            if len(empty) == len(names):
                left_out += empty

    def _misplaced(self, bank: _Bank) -> Iterator[str]:
        """Yield where so many modules would stand, if they stand elsewhere."""
        filled = bank.filled
        if not (self.layout.counts and filled) or bank.open:
            return
        wanted = self._counted(len(filled))
        if not wanted:
            numbers = ", ".join(str(len(each)) for each in self.layout.counts)
            yield f"{len(filled)} modules at {bank.cpu}, which takes {numbers}"
        elif wanted != set(filled):
            where = _names(bank, wanted)
            yield f"{_names(bank, filled)} filled; {len(filled)} modules go to {where}"

    def _counted(self, modules: int) -> set[int]:
        return next((_zero(each) for each in self.layout.counts if len(each) == modules), set())

    def _unlike(self, bank: _Bank) -> Iterator[str]:
        whole = (tuple(range(1, len(bank.rows) + 1)),)
        for group in self.layout.fill or whole:
            rows = {bank.names[at - 1]: bank.rows[at - 1] or {} for at in group}
            for column in self.layout.same:
                meaning = CATALOGUE[DIMMS].columns[column]
                told = {
                    name: in_words(meaning, row[column])
                    for name, row in rows.items()
                    if column in row and row.get("size")
                }
                if len(set(told.values())) > 1:
                    unlike = ", ".join(f"{name} {value}" for name, value in told.items())
                    yield f"{column} differs within a group: {unlike}"

    def _moves(self, bank: _Bank) -> Iterator[str]:
        filled = set(bank.filled)
        wanted = self._wanted(len(filled))
        if bank.open or wanted == filled or len(wanted) < len(filled):
            return
        here = [bank.names[at] for at in sorted(filled - wanted)]
        there = [bank.names[at] for at in sorted(wanted - filled)]
        if len(here) == len(there):
            pairs = (f"{one} to {other}" for one, other in zip(here, there, strict=True))
            yield f"{bank.cpu}: move the module from {', from '.join(pairs)}."
        else:
            yield f"{bank.cpu}: {len(filled)} modules do not fill whole groups; " + (
                f"add {len(there) - len(here)}, so that {_names(bank, wanted)} are full."
            )

    def _wanted(self, modules: int) -> set[int]:
        """Return the positions for so many modules, or for the next more that fit."""
        wanted = self._counted(modules)
        for group in self.layout.fill:
            if len(wanted) >= modules:
                break
            wanted |= _zero(group)
        return wanted


def _zero(positions: Iterable[int]) -> set[int]:
    """Return positions counted from zero."""
    return {at - 1 for at in positions}


def _names(bank: _Bank, positions: Iterable[int]) -> str:
    return ", ".join(bank.names[at] for at in sorted(positions))


def _unbalanced(banks: Sequence[_Bank], facts: Facts) -> Iterator[str]:
    used = [bank for bank in banks if bank.filled]
    sockets = facts.get(_SOCKETS)
    if sockets and isinstance(sockets.value, int) and len(used) < sockets.value <= len(banks):
        idle = ", ".join(bank.cpu for bank in banks if not bank.filled)
        yield f"{sockets.value} CPUs, but no module at {idle}"
    if any(bank.open for bank in used):
        return
    for bank in used[1:]:
        if bank.filled != used[0].filled:
            first, other = (_names(each, each.filled) for each in (used[0], bank))
            yield f"{used[0].cpu} has {first} filled, {bank.cpu} {other}"

"""Checks on tables: some, all, none or a number of the rows. Pure; stdlib only.

A row is judged like a machine whose facts are its columns. What is not known of some rows leaves a
range: with three ports of ten gigabit and one that does not tell, "at least four" is open, and "at
least five" is not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hwprofiles.checks import Check, Truth, all_of, any_of, named, negated
from hwprofiles.facts import Fact, Facts

_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
COUNTS: Final = tuple(_COMPARE)
_WORDS: Final = {
    "eq": "exactly",
    "ne": "not",
    "lt": "fewer than",
    "le": "at most",
    "gt": "more than",
    "ge": "at least",
}
_FEW: Final = 8  # rows worth naming in a line


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table's rows against a check: ``all``, ``any`` or ``none`` of them meet it."""

    fact: str
    how: str
    where: Check

    def judge(self, facts: Facts) -> Truth:
        """Judge the rows; of a table without rows, ``all`` is not known: nothing was looked at."""
        verdicts = verdicts_of(self.fact, self.where, facts)
        if verdicts is None or (self.how == "all" and not verdicts):
            return None
        if self.how == "all":
            return all_of(verdicts)
        some = any_of(verdicts)
        return some if self.how == "any" else negated(some)

    def facts(self) -> Iterator[str]:
        """Yield the table."""
        yield self.fact

    def words(self) -> str:
        """Return for instance ``all of memory.dimms with size at least 8 GiB``."""
        return f"{self.how} of {self.fact} with {named(self.where)}"

    def found(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield the rows that decided: those that miss of ``all``, those that meet of the rest."""
        yield self.fact, _told(self.fact, self.where, facts, wanted=self.how != "all")

    def advice(self, facts: Facts) -> Iterator[str]:
        """Yield nothing: the rule's own words say what to do."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many rows meet ``where`` (all of them without one), against numbers."""

    fact: str
    where: Check | None
    asked: tuple[tuple[str, int], ...]

    def judge(self, facts: Facts) -> Truth:
        """Compare the least and the greatest number it can be."""
        verdicts = verdicts_of(self.fact, self.where, facts)
        if verdicts is None:
            return None
        least = verdicts.count(True)
        most = least + verdicts.count(None)
        return all_of(_holds(op, number, least, most) for op, number in self.asked)

    def facts(self) -> Iterator[str]:
        """Yield the table."""
        yield self.fact

    def words(self) -> str:
        """Return for instance ``at least 4 of onboard.devices with type ethernet``."""
        numbers = " and ".join(f"{_WORDS[op]} {number}" for op, number in self.asked)
        return f"{numbers} of {self.fact}" + (f" with {named(self.where)}" if self.where else "")

    def found(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield the number, and the rows that were counted."""
        yield self.fact, _told(self.fact, self.where, facts, wanted=True)

    def advice(self, facts: Facts) -> Iterator[str]:
        """Yield nothing: the rule's own words say what to do."""
        yield from ()


def _holds(op: str, number: int, least: int, most: int) -> Truth:
    outcomes = {_COMPARE[op](count, number) for count in range(least, most + 1)}
    return outcomes.pop() if len(outcomes) == 1 else None


def verdicts_of(fact: str, where: Check | None, facts: Facts) -> list[Truth] | None:
    """Return the verdict on each row of a table; None where there is no table."""
    table = facts.get(fact)
    if table is None:
        return None
    return [True if where is None else where.judge(row) for row in rows_of(table)]


def rows_of(table: Fact) -> Iterator[Facts]:
    """Yield each row of a table as facts by column."""
    rows: tuple[Any, ...] = table.value if isinstance(table.value, tuple) else ()
    for row in rows:
        yield {column: replace(table, value=cell, rivals=()) for column, cell in row.items()}


def _told(fact: str, where: Check | None, facts: Facts, *, wanted: bool) -> str:
    """Return how many rows there are, how many decided, and which."""
    table = facts.get(fact)
    verdicts = verdicts_of(fact, where, facts)
    if table is None or verdicts is None:
        return "not known"
    rows: tuple[Any, ...] = table.value if isinstance(table.value, tuple) else ()
    named_rows = [_name(row) for row, is_ in zip(rows, verdicts, strict=True) if is_ is wanted]
    open_ = verdicts.count(None)
    verb = "do" if wanted else "do not"
    words = f"{len(named_rows)} of {len(rows)} {verb}"
    names = [name for name in dict.fromkeys(named_rows) if name]
    if names and where is not None:
        more = ", …" if len(names) > _FEW else ""
        words += f" ({', '.join(names[:_FEW])}{more})"
    return words + (f", {open_} not known" if open_ else "")


def _name(row: Mapping[str, Any]) -> str:
    """Return what a row is called: a port by both its designators, since boards use either."""
    bank = f" ({row['bank']})" if "bank" in row else ""
    port = " / ".join(row[key] for key in ("internal", "external") if key in row)
    name = next((row[key] for key in ("slot", "socket", "name") if key in row), port)
    name = name or row.get("model")
    return f"{name}{bank}" if name else ""

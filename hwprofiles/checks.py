"""Checks: facts compared with what is asked, in three values. Pure; stdlib only.

True, False and None (not known) combine as Kleene has it: a false member makes ``all`` false
whatever the unknown ones are, and ``any`` true is true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol

from hwprofiles.facts import CATALOGUE, Facts, Kind, Meaning, Value, in_words, is_hex
from hwprofiles.patterns import LONGEST_TEXT
from hwprofiles.units import Quantity

Truth = bool | None
Operand = bool | int | str | Quantity | tuple[str | int | Quantity, ...]


class Check(Protocol):
    """Something that facts meet, miss, or leave open."""

    def judge(self, facts: Facts) -> Truth:
        """Judge ``facts``; None when they do not tell."""

    def facts(self) -> Iterator[str]:
        """Yield the names of the facts it looks at."""

    def words(self) -> str:
        """Return what is asked, for a person."""

    def found(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield what was met: the name of each fact with words for its value."""

    def advice(self, facts: Facts) -> Iterator[str]:
        """Yield what to do on this very machine, where the check can tell."""


@dataclass(frozen=True, kw_only=True)
class Compare:
    """One fact, or one column of a table, against one operand.

    ``tolerance`` is a share of the operand.
    """

    fact: str
    op: str
    operand: Operand
    tolerance: Fraction = Fraction(0)
    meaning: Meaning | None = None

    @property
    def kind(self) -> Meaning:
        """What the fact means: a column brings its own meaning along."""
        return self.meaning or CATALOGUE[self.fact]

    def judge(self, facts: Facts) -> Truth:
        """Compare; a fact that is missing, or says that it cannot tell, is not known."""
        fact = facts.get(self.fact)
        if fact is None:
            return None
        if fact.value in self.kind.unsure and not self._asks_for(fact.value):
            return None
        value = _comparable(self.kind, fact.value)
        return None if value is None else _OPS[self.op](value, self)

    def _asks_for(self, value: Value) -> bool:
        asked = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return value in asked

    def facts(self) -> Iterator[str]:
        """Yield the one fact."""
        yield self.fact

    def words(self) -> str:
        """Return for instance ``at least 8 GiB``."""
        operand = self.operand
        items = operand if isinstance(operand, tuple) else (operand,)
        before, between = _WORDS[self.op]
        text = between.join(self._shown(item) for item in items)
        around = f" ({_SIGNS[self.op]}{float(self.tolerance * 100):g} %)" if self.tolerance else ""
        return f"{before}{text}{around}"

    def found(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield the value; of a long list, only what concerns this check."""
        fact = facts.get(self.fact)
        if fact is None:
            yield self.fact, "not known"
        elif isinstance(fact.value, tuple):
            missing = [str(word) for word in self.asked if word not in fact.value]
            words = missing or [str(word) for word in self.asked]
            yield self.fact, ("without " if missing else "with ") + ", ".join(words)
        else:
            yield self.fact, self._shown(fact.value)

    def advice(self, facts: Facts) -> Iterator[str]:
        """Yield nothing: the rule's own words say what to do."""
        yield from ()

    def _shown(self, value: Value | Quantity) -> str:
        if isinstance(value, Quantity):
            return str(value)
        return in_words(self.kind, value, hexadecimal=is_hex(self.fact))

    @property
    def asked(self) -> tuple[Any, ...]:
        """The operand or operands, in the fact's own measure."""
        items = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return tuple(_comparable(self.kind, item) for item in items)


@dataclass(frozen=True, kw_only=True)
class Combine:
    """Several checks as one: ``all``, ``any`` or ``none`` of them."""

    how: str
    checks: tuple[Check, ...]

    def judge(self, facts: Facts) -> Truth:
        """Combine the members' verdicts."""
        verdicts = [check.judge(facts) for check in self.checks]
        if self.how == "all":
            return all_of(verdicts)
        some = any_of(verdicts)
        return some if self.how == "any" else negated(some)

    def facts(self) -> Iterator[str]:
        """Yield the facts of all members."""
        for check in self.checks:
            yield from check.facts()

    def words(self) -> str:
        """Return the members' words, joined."""
        parts = [named(check) for check in self.checks]
        if self.how == "all":
            return " and ".join(parts)
        return f"{self.how} of: {'; '.join(parts)}"

    def found(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield what the members met."""
        for check in self.checks:
            yield from check.found(facts)

    def advice(self, facts: Facts) -> Iterator[str]:
        """Yield what the members advise."""
        for check in self.checks:
            yield from check.advice(facts)


@dataclass(frozen=True, kw_only=True)
class Not:
    """The opposite of a check."""

    check: Check

    def judge(self, facts: Facts) -> Truth:
        """Turn the verdict round; unknown stays unknown."""
        return negated(self.check.judge(facts))

    def facts(self) -> Iterator[str]:
        """Yield the facts of the check."""
        yield from self.check.facts()

    def words(self) -> str:
        """Return the check's words, negated."""
        return f"not ({named(self.check)})"

    def found(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield what the check met."""
        yield from self.check.found(facts)

    def advice(self, facts: Facts) -> Iterator[str]:
        """Yield nothing: what mends the check is not what is wanted."""
        yield from ()


def named(check: Check) -> str:
    """Return the words of ``check`` with the fact's name before a single comparison."""
    return f"{check.fact} {check.words()}" if isinstance(check, Compare) else check.words()


def negated(truth: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    return None if truth is None else not truth


def all_of(verdicts: Iterable[Truth]) -> Truth:
    """Return whether all hold: one that does not decides, whatever is not known."""
    seen = set(verdicts)
    if False in seen:
        return False
    return None if None in seen else True


def any_of(verdicts: Iterable[Truth]) -> Truth:
    """Return whether some hold: one that does decides."""
    return negated(all_of(map(negated, verdicts)))


def _comparable(meaning: Meaning, value: Any) -> Any:
    """Return ``value`` as its kind compares: bytes as numbers, versions in parts.

    None stands for a version without a number, which says nothing.
    """
    if isinstance(value, Quantity):
        return value.base
    if meaning.kind is Kind.VERSION and isinstance(value, str):
        parts = [int(part) for part in re.findall(r"\d{1,9}", value)]
        while len(parts) > 1 and not parts[-1]:  # 2.0 is 2
            parts.pop()
        return parts or None
    if meaning.kind is Kind.PERCENT:
        return Fraction(value, 100)
    return value


def _around(value: Any, compare: Compare) -> bool:
    (asked,) = compare.asked
    if not compare.tolerance:
        return bool(value == asked)
    return bool(abs(value - asked) <= asked * compare.tolerance)


def _lowered(compare: Compare) -> Any:
    (asked,) = compare.asked
    return asked * (1 - compare.tolerance) if compare.tolerance else asked


def _raised(compare: Compare) -> Any:
    (asked,) = compare.asked
    return asked * (1 + compare.tolerance) if compare.tolerance else asked


_OPS: Final[Mapping[str, Callable[[Any, Compare], bool]]] = {
    "eq": _around,
    "ne": lambda value, compare: not _around(value, compare),
    "lt": lambda value, compare: bool(value < _raised(compare)),
    "le": lambda value, compare: bool(value <= _raised(compare)),
    "gt": lambda value, compare: bool(value > _lowered(compare)),
    "ge": lambda value, compare: bool(value >= _lowered(compare)),
    "in": lambda value, compare: value in compare.asked,
    "not_in": lambda value, compare: value not in compare.asked,
    "matches": lambda value, compare: bool(
        re.search(str(compare.operand), str(value)[:LONGEST_TEXT])
    ),
    "contains": lambda value, compare: compare.operand in value,
    "contains_all": lambda value, compare: set(compare.asked) <= set(value),
}
OPS: Final = tuple(_OPS)

#: What stands before the operand, and between several.
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "eq": ("", ""),
    "ne": ("not ", ""),
    "lt": ("less than ", ""),
    "le": ("at most ", ""),
    "gt": ("more than ", ""),
    "ge": ("at least ", ""),
    "in": ("", " or "),
    "not_in": ("not ", " or "),
    "matches": ("like ", ""),
    "contains": ("with ", ""),
    "contains_all": ("with ", " and "),
}
_SIGNS: Final = {"ge": "-", "gt": "-", "le": "+", "lt": "+", "eq": "±", "ne": "±"}

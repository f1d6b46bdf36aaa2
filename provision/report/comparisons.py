"""What a rule asked, as comparisons that a program can repeat: from the words of a finding.

``at least 8 GiB (-3.125 %)`` becomes ``GREATER_THAN_OR_EQUAL 8321499136``. Only what is sure is
told: one comparison, or several that must all hold, and only where repeating them on the values
found comes to the finding's own outcome.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from hwprofiles import Outcome
from hwprofiles.catalogue import CATALOGUE, Kind
from hwprofiles.units import Quantity, UnitError
from provision.report.validations import Fact, Finding

Operand = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A fact's value against an operand; ``type`` is one of the OCP's names for validators."""

    fact: str
    type: str
    operand: Operand

    def holds(self, value: Any) -> bool:
        """Whether ``value`` meets it."""
        return _TYPES[self.type](value, self.operand)


_TYPES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "EQUAL": lambda value, operand: bool(value == operand),
    "NOT_EQUAL": lambda value, operand: bool(value != operand),
    "LESS_THAN": lambda value, operand: bool(value < operand),
    "LESS_THAN_OR_EQUAL": lambda value, operand: bool(value <= operand),
    "GREATER_THAN": lambda value, operand: bool(value > operand),
    "GREATER_THAN_OR_EQUAL": lambda value, operand: bool(value >= operand),
    "REGEX_MATCH": lambda value, operand: bool(re.search(operand, value)),
}
#: How the words of a check begin, and what that asks of numbers.
_BOUNDS: Final = {
    "at least ": "GREATER_THAN_OR_EQUAL",
    "more than ": "GREATER_THAN",
    "at most ": "LESS_THAN_OR_EQUAL",
    "less than ": "LESS_THAN",
}
_TOLERANCE: Final = re.compile(r"(.+) \(([-+])([0-9.]{1,12}) %\)")
_MEASURES: Final = (Kind.BYTES, Kind.ENDURANCE, Kind.BIT_RATE, Kind.PERCENT)


def comparisons(finding: Finding) -> list[Comparison]:
    """Return the comparisons of a rule that passed or was missed; none where words do not tell."""
    if finding.outcome not in (Outcome.PASS, Outcome.FAIL, Outcome.WARN, Outcome.INFO):
        return []
    known = {fact.name: fact for fact in finding.evidence if not fact.name.endswith(".attribute")}
    try:
        clauses = _clauses(finding.expected, known)
        found = [each for fact, words in clauses for each in _comparisons(fact, words)]
        met = all(each.holds(known[each.fact].value) for each in found)
    except (ValueError, TypeError, UnitError, KeyError):
        return []
    return found if met is (finding.outcome is Outcome.PASS) else []


def _clauses(expected: str, known: Mapping[str, Fact]) -> list[tuple[Fact, str]]:
    """Return each fact with the words about it; one alone goes without its name."""
    if len(known) == 1 and not expected.startswith(tuple(f"{name} " for name in CATALOGUE)):
        return [(next(iter(known.values())), expected)]
    clauses = []
    for part in expected.split(" and "):
        name, _, words = part.partition(" ")
        clauses.append((known[name], words))
    return clauses


def _comparisons(fact: Fact, words: str) -> list[Comparison]:
    for start, type_ in _BOUNDS.items():
        if words.startswith(start):
            return [
                Comparison(fact=fact.name, type=type_, operand=_bound(fact, words[len(start) :]))
            ]
    negated = words.startswith("not ")
    items = [_operand(fact, item) for item in words.removeprefix("not ").split(" or ")]
    if negated:
        return [Comparison(fact=fact.name, type="NOT_EQUAL", operand=item) for item in items]
    if len(items) == 1:
        return [Comparison(fact=fact.name, type="EQUAL", operand=items[0])]
    # The published schema has no lists as operands, whatever its prose says of IN_SET.
    if not all(isinstance(item, str) for item in items):
        raise ValueError("one of several numbers")
    pattern = "|".join(_SPECIAL.sub(r"\\\1", str(item)) for item in items)
    return [Comparison(fact=fact.name, type="REGEX_MATCH", operand=f"^({pattern})$")]


_SPECIAL: Final = re.compile(r"([.^$*+?{}\[\]\\|()])")


def _bound(fact: Fact, words: str) -> int | float:
    """Return a bound in the fact's own measure, with its tolerance in it."""
    share = Fraction(1)
    if match := _TOLERANCE.fullmatch(words):
        words = match[1]
        share += Fraction(f"{match[2]}{match[3]}") / 100
    operand = _operand(fact, words)
    if isinstance(operand, str | bool):
        raise ValueError("no number")
    return _number(Fraction(operand) * share)


def _operand(fact: Fact, words: str) -> bool | int | float | str:
    """Return what the words of an operand stand for."""
    kind = CATALOGUE[fact.name].kind
    if kind is Kind.BOOL:
        return {"yes": True, "no": False}[words]
    if kind is Kind.INTEGER:
        return int(words[:-1], 16) if words.endswith("h") else int(words)
    if kind in _MEASURES:
        return _number(Quantity.parse(words).base)
    if kind is not Kind.WORD or words.startswith(("like ", "with ", "any of", "none of", "all of")):
        raise ValueError("not a plain comparison")
    return words


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)

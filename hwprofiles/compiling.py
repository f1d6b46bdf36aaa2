"""From the ``check`` a person wrote to a check that judges, with every mistake at its place.

The whole grammar: a mapping asks all its entries. An entry is a fact's name with a value (equal)
or with operators; or ``all``, ``any`` or ``none`` with a list of mappings, or ``not`` with one. A
table is asked by ``all``, ``any`` or ``none`` with a mapping of its columns, by ``count`` with
numbers and perhaps ``where`` and such a mapping, or by ``population: true``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from hwprofiles import patterns
from hwprofiles.checks import OPS, Check, Combine, Compare, Not
from hwprofiles.documents import Document, Place
from hwprofiles.errors import Problem
from hwprofiles.facts import CATALOGUE, Kind, Meaning
from hwprofiles.params import Params, Unfilled, alone, closest, fill
from hwprofiles.population import DIMMS, Layout, Population
from hwprofiles.rows import COUNTS, Count, Rows
from hwprofiles.units import Dimension, Quantity, UnitError, example

DIMENSIONS: Final = {
    Kind.BYTES: Dimension.SIZE,
    Kind.ENDURANCE: Dimension.ENDURANCE,
    Kind.BIT_RATE: Dimension.BIT_RATE,
    Kind.PERCENT: Dimension.SHARE,
}
_ORDERED: Final = ("lt", "le", "gt", "ge")
_EQUAL: Final = ("eq", "ne", "in", "not_in")
ALLOWED: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BOOL: ("eq", "ne"),
    Kind.INTEGER: _EQUAL + _ORDERED,
    Kind.BYTES: _EQUAL + _ORDERED,
    Kind.ENDURANCE: _EQUAL + _ORDERED,
    Kind.BIT_RATE: _EQUAL + _ORDERED,
    Kind.WORD: (*_EQUAL, "matches"),
    Kind.VERSION: (*_EQUAL, *_ORDERED, "matches"),
    Kind.WORDS: ("contains", "contains_all"),
    Kind.PERCENT: _EQUAL + _ORDERED,
    Kind.TABLE: (),
}
LISTS: Final = ("in", "not_in", "contains_all")
TOLERANT: Final = ("eq", "ne", *_ORDERED)
GROUPS: Final = ("all", "any", "none")


class Wrong(Exception):
    """One thing wrong at one place of the check."""

    def __init__(self, place: Place, message: str, *, at_key: bool = False) -> None:
        super().__init__(message)
        self.place, self.message, self.at_key = place, message, at_key


class Compiler:
    """Compiles the checks and texts of one file; collects problems instead of stopping.

    ``layout`` is that of the memory slots, where the profile has one. ``names`` are the facts that
    can be asked for: all, or the columns of a table. ``homes`` are the files that the parameters
    stand in: a value that is one is mended there.
    """

    def __init__(
        self,
        document: Document,
        params: Params,
        layout: Layout | None = None,
        names: Mapping[str, Meaning] = CATALOGUE,
        homes: Mapping[str, Document] = MappingProxyType({}),
    ) -> None:
        self._document = document
        self._params = params
        self._layout = layout
        self._names = names
        self._homes = homes
        self.problems: list[Problem] = []

    def check(self, data: Mapping[str, Any], place: Place) -> Check:
        """Compile the mapping at ``place``; where it is wrong, note it and leave that part out."""
        parts: list[Check] = []
        for key, value in data.items():
            here = (*place, key)
            try:
                parts.extend(self._entry(key, value, here))
            except Wrong as wrong:
                self._note(wrong)
        if not data:
            self._note(Wrong(place, "a check asks for something; this one is empty"))
        return parts[0] if len(parts) == 1 else Combine(how="all", checks=tuple(parts))

    def text(self, text: str, place: Place) -> str:
        """Put parameters into ``text``."""
        try:
            return str(self._filled(text, place))
        except Wrong as wrong:
            self._note(wrong)
            return text

    def _note(self, wrong: Wrong) -> None:
        name = alone(self._document.at(wrong.place))
        home = self._homes.get(name or "")
        if home is not None and home is not self._document:
            asker = str(self._document.problem(wrong.place, "")).rpartition("/")[2].rstrip(": ")
            told = f"{name}: {wrong.message} (asked by {asker})"
            self.problems.append(home.problem(("params", str(name)), told))
            return
        problem = self._document.problem(wrong.place, wrong.message, at_key=wrong.at_key)
        self.problems.append(problem)

    def _entry(self, key: str, value: Any, place: Place) -> Iterator[Check]:
        if key in GROUPS:
            if not isinstance(value, list) or not value:
                raise Wrong(place, f"{key} wants a list of checks")
            members = [self._member(item, (*place, at)) for at, item in enumerate(value)]
            yield Combine(how=key, checks=tuple(members))
        elif key == "not":
            yield Not(check=self._member(value, place))
        elif key in self._names:
            ask = self._table if self._names[key].kind is Kind.TABLE else self._fact
            yield from ask(key, value, place)
        else:
            what = "fact" if self._names is CATALOGUE else "column"
            message = f"unknown {what} {key!r}{closest(key, self._names)}"
            raise Wrong(place, message, at_key=True)

    def _member(self, item: Any, place: Place) -> Check:
        if isinstance(item, dict):
            return self.check(item, place)
        self._note(Wrong(place, "should be a mapping of facts to what is asked of them"))
        return Combine(how="all", checks=())

    def _table(self, table: str, value: Any, place: Place) -> Iterator[Check]:
        asked = (*GROUPS, "count", *(["population"] if table == DIMMS else []))
        if not isinstance(value, dict) or not value:
            raise Wrong(place, f"{table} is a table: ask it by {', '.join(asked)}")
        for how, wanted in value.items():
            here = (*place, how)
            if how == "count" and how in asked:
                yield self._count(table, wanted, here)
            elif how == "population" and how in asked:
                yield self._population(wanted, here)
            elif how in GROUPS:
                yield Rows(fact=table, how=how, where=self._where(table, wanted, here))
            else:
                message = f"a table knows {', '.join(asked)}, not {how!r}{closest(how, asked)}"
                raise Wrong(here, message, at_key=True)

    def _where(self, table: str, wanted: Any, place: Place) -> Check:
        if not isinstance(wanted, dict):
            raise Wrong(place, "should be a mapping of columns to what is asked of them")
        columns = self._names[table].columns
        inner = Compiler(self._document, self._params, names=columns, homes=self._homes)
        inner.problems = self.problems
        return inner.check(wanted, place)

    def _count(self, table: str, wanted: Any, place: Place) -> Count:
        wanted = wanted if isinstance(wanted, dict) else {"eq": wanted}
        where = wanted.get("where")
        numbers = []
        for op, raw in wanted.items():
            if op == "where":
                continue
            here = (*place, op)
            if op not in COUNTS:
                message = f"count knows where, {', '.join(COUNTS)}, not {op!r}"
                raise Wrong(here, message, at_key=True)
            number = self._filled(raw, here) if isinstance(raw, str) else raw
            numbers.append((op, _typed(number, int, "a whole number", here)))
        if not numbers:
            raise Wrong(place, f"count wants a number: {', '.join(COUNTS)}")
        check = None if where is None else self._where(table, where, (*place, "where"))
        return Count(fact=table, where=check, asked=tuple(numbers))

    def _population(self, wanted: Any, place: Place) -> Population:
        if wanted is not True:
            raise Wrong(place, "should be true, or the rule be left out")
        if self._layout is None:
            raise Wrong(
                place, "this profile has no population block that says how slots are filled"
            )
        return Population(layout=self._layout)

    def _fact(self, fact: str, value: Any, place: Place) -> Iterator[Check]:
        if not isinstance(value, dict):
            default = "contains" if self._names[fact].kind is Kind.WORDS else "eq"
            yield self._compare(fact, default, value, place)
            return
        tolerance = Fraction(0)
        operators = [key for key in value if key != "tolerance"]
        if not operators:
            self._note(Wrong(place, f"nothing is asked of {fact}"))
        if "tolerance" in value:
            tolerance = self._tolerance(fact, operators, value["tolerance"], place)
        for op in operators:
            try:
                operand = self._compare(fact, op, value[op], (*place, op)).operand
                yield self._made(fact, op, operand, tolerance)
            except Wrong as wrong:
                self._note(wrong)

    def _tolerance(self, fact: str, operators: list[str], value: Any, place: Place) -> Fraction:
        here = (*place, "tolerance")
        numeric = self._names[fact].kind in (Kind.INTEGER, *DIMENSIONS)
        try:
            if not numeric or not set(operators) <= set(TOLERANT):
                raise Wrong(here, "no tolerance fits here: only numbers have one", at_key=True)
            share = self._quantity(value, Dimension.SHARE, here)
            if share.base >= 1:
                raise Wrong(here, "a tolerance is less than 100%")
        except Wrong as wrong:
            self._note(wrong)
            return Fraction(0)
        return share.base

    def _compare(self, fact: str, op: str, value: Any, place: Place) -> Compare:
        allowed = ALLOWED[self._names[fact].kind]
        if op not in OPS:
            raise Wrong(place, f"unknown operator {op!r}{closest(op, OPS)}", at_key=True)
        if op not in allowed:
            kind = self._names[fact].kind
            message = f"{fact} is of kind {kind}, which knows {', '.join(allowed)}, not {op}"
            raise Wrong(place, message, at_key=True)
        if op not in LISTS:
            return self._made(fact, op, self._operand(fact, op, value, place))
        if not isinstance(value, list) or not value:
            raise Wrong(place, f"{op} wants a list")
        items = tuple(self._operand(fact, op, item, (*place, n)) for n, item in enumerate(value))
        return self._made(fact, op, items)

    def _made(self, fact: str, op: str, operand: Any, tolerance: Fraction = Fraction(0)) -> Compare:
        return Compare(
            fact=fact, op=op, operand=operand, tolerance=tolerance, meaning=self._names[fact]
        )

    def _operand(self, fact: str, op: str, raw: Any, place: Place) -> Any:
        value = self._filled(raw, place) if isinstance(raw, str) else raw
        meaning = self._names[fact]
        if meaning.kind in DIMENSIONS:
            return self._quantity(value, DIMENSIONS[meaning.kind], place, of=f" for {fact}")
        if meaning.kind is Kind.BOOL:
            return _typed(value, bool, "true or false", place)
        if meaning.kind is Kind.INTEGER:
            return _typed(value, int, "a whole number", place)
        text = _typed(value, str, "text (in quotes, where it looks like a number)", place)
        if op == "matches":
            return _pattern(text, place)
        if meaning.words and text not in meaning.words:
            known = ", ".join(meaning.words)
            raise Wrong(place, f"{fact} is never {text!r}{closest(text, meaning.words)} ({known})")
        return text

    def _quantity(self, value: Any, wanted: Dimension, place: Place, of: str = "") -> Quantity:
        filled = self._filled(value, place) if isinstance(value, str) else value
        if not isinstance(filled, str):
            raise Wrong(place, f"a {wanted} wants a unit{of}, such as {example(wanted)}")
        try:
            quantity = Quantity.parse(filled)
        except UnitError as error:
            raise Wrong(place, str(error)) from error
        if quantity.dimension is not wanted:
            message = f"{filled} measures a {quantity.dimension}; wanted is a {wanted}{of}"
            raise Wrong(place, f"{message}, such as {example(wanted)}")
        return quantity

    def _filled(self, text: str, place: Place) -> str | int | float:
        """Return ``text`` with its parameters; one that stands alone keeps its type."""
        try:
            return fill(text, self._params)
        except Unfilled as error:
            raise Wrong(place, str(error)) from error


def _typed(value: Any, kind: type, words: str, place: Place) -> Any:
    if type(value) is not kind:
        raise Wrong(place, f"should be {words}, not {value!r:.40}")
    return value


def _pattern(text: str, place: Place) -> str:
    if told := patterns.problem(text):
        raise Wrong(place, told)
    return text

"""What BIOS attributes ask of one another: the Dependencies of a DMTF AttributeRegistry.

A dependency maps conditions on attributes to a property of another: ``WorkloadProfile`` equal to
``LowLatency`` makes ``ProcVirtualization`` read-only, and forces it to ``Disabled``. Whether one
holds is asked of a state: the values in force, or those that a change would lead to. What the state
does not tell is unknown (None), neither held nor broken.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hwprofiles.platforms import Scalar
from provision.bmc.replies import JsonObject
from provision.bmc.values import at, objects, safe, text

State = Mapping[str, Scalar]

#: Properties of an attribute that keep hands off it.
LOCKS: Final = {"ReadOnly": "read-only", "GrayOut": "greyed out", "Hidden": "hidden"}
_LONGEST: Final = 200


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One MapFrom: a property of an attribute, compared with a value.

    ``joined`` is the term that joins it to those before it.
    """

    attribute: str
    prop: str
    operator: str
    value: Scalar | None
    joined: str


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """Conditions, and what they make of the ``prop`` of the attribute ``target``."""

    conditions: tuple[Condition, ...]
    target: str
    prop: str
    value: Scalar | None

    @property
    def locks(self) -> bool:
        """Whether it keeps hands off its target while it holds; some write ``"true"``."""
        return self.prop in LOCKS and str(self.value).lower() == "true"

    @property
    def forces(self) -> bool:
        """Whether it sets its target while it holds."""
        return self.prop == "CurrentValue" and self.value is not None

    def cause(self) -> str:
        """Return the conditions in words: ``WorkloadProfile is LowLatency``."""
        said = ""
        for each in self.conditions:
            joined = f" {each.joined.lower()} " if said else ""
            said += f"{joined}{each.attribute} {_SPOKEN.get(each.operator, '?')} {each.value}"
        return said

    def effect(self) -> str:
        """Return in words what it does while it holds."""
        return LOCKS.get(self.prop, f"forced to {self.value}")


_SPOKEN: Final = {
    "EQU": "is",
    "NEQ": "is not",
    "GTR": "is more than",
    "GEQ": "is at least",
    "LSS": "is less than",
    "LEQ": "is at most",
}
_ORDERS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "GTR": operator.gt,
    "GEQ": operator.ge,
    "LSS": operator.lt,
    "LEQ": operator.le,
}


class Registry:
    """The attributes of a registry, and what they ask of one another."""

    def __init__(self, body: JsonObject) -> None:
        entries = objects(body, "RegistryEntries", "Attributes")
        self._entries = {name: each for each in entries if (name := text(each, "AttributeName"))}
        self._pairs = {name: _pairs(each) for name, each in self._entries.items()}
        self._numbers = {name: _numbered(pairs) for name, pairs in self._pairs.items()}
        self._by_target: dict[str, list[Dependency]] = {}
        self._by_source: dict[str, list[Dependency]] = {}
        for each in objects(body, "RegistryEntries", "Dependencies"):
            if (found := _dependency(each)) is not None:
                self._by_target.setdefault(found.target, []).append(found)
                for source in {condition.attribute for condition in found.conditions}:
                    self._by_source.setdefault(source, []).append(found)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def entry(self, name: str) -> JsonObject:
        """Return what the registry says of an attribute; nothing where it does not know it."""
        return self._entries.get(name, {})

    def of(self, name: str) -> list[Dependency]:
        """Return what others ask of ``name``."""
        return self._by_target.get(name, [])

    def by(self, name: str) -> list[Dependency]:
        """Return what ``name`` asks of others."""
        return self._by_source.get(name, [])

    def locked_as(self, name: str) -> str:
        """Return how the entry itself keeps hands off, in words, or nothing.

        Some registries show here what a dependency makes of the attribute at this moment.
        """
        entry = self._entries.get(name, {})
        if entry.get("Immutable") is True:
            return "unchangeable"
        return next((word for prop, word in LOCKS.items() if entry.get(prop) is True), "")

    def values(self, name: str) -> list[Scalar]:
        """Return what an enumeration or a switch can be; nothing for numbers and texts."""
        entry = self._entries.get(name, {})
        if entry.get("Type") == "Boolean":
            return [True, False]
        found = (own for own, _ in self._pairs.get(name, ()))
        return [each for each in found if isinstance(each, bool | int | str)]

    def allows(self, name: str, value: Scalar) -> bool:
        """Whether ``value`` is among the values listed, by its name or as menus show it."""
        listed = self.values(name)
        return not listed or any(self.same(name, value, each) for each in listed)

    def spelt(self, name: str, value: Scalar, *, like: Scalar) -> Scalar:
        """Return a value of ``values`` as the attribute itself spells its own, of which ``like``
        is one: some registries list 0 and 1 where the attribute holds what menus show.
        """
        pairs = self._pairs.get(name, [])
        if like not in [own for own, _ in pairs]:
            for own, label in pairs:
                if own == value and isinstance(label, str) and like in [each for _, each in pairs]:
                    return safe(label, _LONGEST)
        return value

    def same(self, name: str, one: object, other: object) -> bool:
        """Whether two values of ``name`` are one: attributes may hold what menus show."""
        if type(one) is type(other) and one == other:
            return True
        if isinstance(one, str | int) and isinstance(other, str | int):
            numbers = self._numbers.get(name, {})
            number = numbers.get((type(one), one))
            if number is not None and number == numbers.get((type(other), other)):
                return True
        return isinstance(one, bool) != isinstance(other, bool) and (
            str(one).lower() == str(other).lower()
        )

    def holds(self, dependency: Dependency, state: State) -> bool | None:
        """Tell whether the conditions hold in ``state``; joined in their order, as DMTF says."""
        held: bool | None = None
        for number, each in enumerate(dependency.conditions):
            this = self._met(each, state)
            held = this if number == 0 else _joined(each.joined, held, this)
        return held

    def held(self, dependencies: Iterable[Dependency], state: State) -> list[Dependency]:
        """Return those that surely hold in ``state``."""
        return [each for each in dependencies if self.holds(each, state)]

    def _met(self, condition: Condition, state: State) -> bool | None:
        name = condition.attribute
        value: object = at(self._entries.get(name), condition.prop)
        if condition.prop == "CurrentValue":
            value = state.get(name, value)
        if value is None or condition.value is None:
            return None
        if condition.operator in ("EQU", "NEQ"):
            return self.same(name, value, condition.value) is (condition.operator == "EQU")
        order = _ORDERS.get(condition.operator)
        if order is None or type(value) is not int or type(condition.value) is not int:
            return None
        return order(value, condition.value)


def _pairs(entry: JsonObject) -> list[tuple[object, object]]:
    """Return the values of an entry, each with what menus show for it."""
    listed = objects(entry, "Value")
    return [(each.get("ValueName"), each.get("ValueDisplayName")) for each in listed]


def _numbered(pairs: list[tuple[object, object]]) -> dict[tuple[type, object], int]:
    """Return which value each spelling stands for; a name counts more than what menus show."""
    found: dict[tuple[type, object], int] = {}
    for spelling in (0, 1):
        for number, pair in enumerate(pairs):
            if isinstance(pair[spelling], str | int):
                found.setdefault((type(pair[spelling]), pair[spelling]), number)
    return found


def _joined(term: str, one: bool | None, other: bool | None) -> bool | None:
    """Join two truths of which each may be unknown."""
    decisive = term == "OR"  # what settles it alone: a truth for OR, an untruth for AND
    if decisive in (one, other):
        return decisive
    return None if None in (one, other) else not decisive


def _dependency(body: JsonObject) -> Dependency | None:
    """Read one dependency; None for what is not a map, or not whole."""
    inner = at(body, "Dependency")
    conditions = tuple(_condition(each) for each in objects(inner, "MapFrom"))
    target, prop = text(inner, "MapToAttribute"), text(inner, "MapToProperty")
    if at(body, "Type") not in ("Map", None) or not (conditions and target and prop):
        return None
    if not all(each.attribute for each in conditions):
        return None
    return Dependency(
        conditions=conditions, target=target, prop=prop, value=_scalar(at(inner, "MapToValue"))
    )


def _condition(body: JsonObject) -> Condition:
    return Condition(
        attribute=text(body, "MapFromAttribute") or "",
        prop=text(body, "MapFromProperty") or "CurrentValue",
        operator=(text(body, "MapFromCondition") or "").upper(),
        value=_scalar(at(body, "MapFromValue")),
        # Dell leaves it out, and means OR: in the R750's registry, all 17 attributes of which
        # some conditions hold and others do not are read-only.
        joined=(text(body, "MapTerms") or "OR").upper(),
    )


def _scalar(value: object) -> Scalar | None:
    if isinstance(value, str):
        return safe(value, _LONGEST)
    return value if isinstance(value, bool | int) else None

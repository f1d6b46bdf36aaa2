"""Two machines, or one machine at two times: what is new, gone, changed, replaced or moved.

What only one side tells is no difference: it is listed as ``Untold``, for nobody knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hwprofiles.facts import CATALOGUE, Source, agree
from provision.flow.fleet_pairs import pairs
from provision.flow.fleet_parts import FOLLOWS, OWN, TABLES, Cell, MakeUp, Part, Scalar


class Kind(StrEnum):
    """What happened in a place. A part that is REPLACED has another serial number or address."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REPLACED = "replaced"
    MOVED = "moved"


#: What is told of a place: a scalar, or the columns of a row; None where nothing is there.
State = Scalar | Mapping[str, Cell] | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """One place that is not as it was. ``slot`` is empty for scalars.

    ``listed`` tells whether the place is named afterwards: an empty slot often is, a port that went
    with its card is not. ``origin`` is where a part that was MOVED came from.
    """

    kind: Kind
    fact: str
    slot: str = ""
    before: State = None
    after: State = None
    listed: bool = True
    origin: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that differ, in the order of the catalogue."""
        if not isinstance(self.before, Mapping) or not isinstance(self.after, Mapping):
            return ()
        both = self.before.keys() & self.after.keys()
        return tuple(
            column
            for column in CATALOGUE[self.fact].columns
            if column in both and _differ(self.before[column], self.after[column])
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the change as ``--output json`` prints it."""
        told: dict[str, Any] = {"kind": str(self.kind), "fact": self.fact}
        if self.slot:
            told["slot"] = self.slot
        if self.origin:
            told["origin"] = self.origin
        return told | {"before": _plain(self.before), "after": _plain(self.after)}


def _plain(state: State) -> Any:
    if isinstance(state, Mapping):
        return dict(state)
    return list(state) if isinstance(state, tuple) else state


@dataclass(frozen=True, kw_only=True)
class Untold:
    """What one side tells (``value``) and the other does not; ``now`` is the later side's word.

    ``foreign`` is what both tell, and not alike, but from sources that spell or count in their own
    ways: over Redfish then, in band now.
    """

    fact: str
    slot: str = ""
    column: str = ""
    value: Any = None
    now: bool = False
    foreign: bool = False

    @property
    def link(self) -> bool:
        """Whether it is but the speed of a link, which is told while the link is up."""
        return (self.fact, self.column) in _LINK or self.fact == "nics.fastest"

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        place = {"slot": self.slot, "column": self.column}
        told = {name: text for name, text in place.items() if text}
        side = "differently" if self.foreign else "now" if self.now else "before"
        return {"fact": self.fact} | told | {"told": side}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What differs between two machines, in the order of the catalogue."""

    changes: tuple[Change, ...] = ()
    untold: tuple[Untold, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


def compare(
    before: MakeUp, after: MakeUp, *, same: bool = True, only: frozenset[str] | None = None
) -> Difference:
    """Return what has changed; ``same`` is whether they are one machine, with the same parts in it.

    ``only`` restricts the comparison to facts of these names.
    """
    found: list[Change | Untold] = []
    for name in CATALOGUE:
        if (only is not None and name not in only) or (name in OWN and not same):
            continue
        look = _table(name, before, after, same) if name in TABLES else _scalar(name, before, after)
        found += look
    changes = [each for each in found if isinstance(each, Change)]
    changed = {change.fact for change in changes}
    return Difference(
        changes=tuple(each for each in changes if not FOLLOWS.get(each.fact, _NONE) & changed),
        untold=tuple(each for each in found if isinstance(each, Untold)),
    )


_LINK: Final = frozenset({("nics.ports", "speed")})
_TOTAL: Final = "memory.total"
_KERNELS: Final = 768 << 20
_NONE: Final[frozenset[str]] = frozenset()
_SINGULAR: Final = frozenset({"system.serial", "system.uuid"})


def _scalar(name: str, before: MakeUp, after: MakeUp) -> Iterator[Change | Untold]:
    one, other = before.scalars.get(name), after.scalars.get(name)
    if one is None or other is None:
        if one is not other:
            yield Untold(fact=name, value=one if other is None else other, now=one is None)
    elif name == _TOTAL and _about(one, other, before.sources.get(name), after.sources.get(name)):
        return
    elif _differ(one, other) and not before.comparable(name, after):
        yield Untold(fact=name, foreign=True)
    elif _differ(one, other):
        kind = Kind.REPLACED if name in _SINGULAR else Kind.CHANGED
        yield Change(kind=kind, fact=name, before=one, after=other)


def _about(one: Scalar, other: Scalar, source: str | None, later: str | None) -> bool:
    """Tell whether two sizes of the memory can be one.

    Linux keeps some for itself, each version a little more or less; it is the others that know
    what is fitted.
    """
    if source != later:
        return agree(_TOTAL, one, other)
    if source != Source.PROCFS or not (isinstance(one, int) and isinstance(other, int)):
        return one == other
    return abs(one - other) <= max(_KERNELS, max(one, other) // 100)


def _differ(one: Scalar | Cell, other: Scalar | Cell) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() != other.casefold()
    return one != other


def _table(name: str, before: MakeUp, after: MakeUp, same: bool) -> Iterator[Change | Untold]:
    one, other = before.tables.get(name), after.tables.get(name)
    if one is None or other is None:
        if one is not other:
            yield Untold(fact=name, now=one is None)
        return
    if not before.comparable(name, after):
        if one != other:
            yield Untold(fact=name, foreign=True)
        return
    found = [
        each for was, now in pairs(one, other, same=same) for each in _part(name, was, now, same)
    ]
    yield from (each for each in found if isinstance(each, Untold))
    changes = [each for each in found if isinstance(each, Change)]
    yield from _moved(name, one, changes) if same else changes


def _part(name: str, was: Part | None, now: Part | None, same: bool) -> Iterator[Change | Untold]:
    full = was.filled if was else False, now.filled if now else False
    slot = next(part.slot for part in (was, now) if part is not None)
    if was and now and False not in full:
        yield from _both(name, was, now, same)
    elif None in full:
        vacant = TABLES[name].vacant or ("", 0)
        yield Untold(fact=name, slot=slot, column=vacant[0], now=full[0] is None)
    elif full[0] != full[1]:
        yield Change(
            kind=Kind.REMOVED if full[0] else Kind.ADDED,
            fact=name,
            slot=slot,
            before=_cells(name, was, same) if full[0] and was else None,
            after=_cells(name, now, same) if full[1] and now else None,
            listed=now is not None,
        )


def _both(name: str, was: Part, now: Part, same: bool) -> Iterator[Change | Untold]:
    """Compare what is in one place at two times."""
    one, other = _cells(name, was, same), _cells(name, now, same)
    replaced = same and bool(was.identity and now.identity) and was.identity != now.identity
    if replaced or any(_differ(one[each], other[each]) for each in one.keys() & other.keys()):
        kind = Kind.REPLACED if replaced else Kind.CHANGED
        yield Change(kind=kind, fact=name, slot=was.slot, before=one, after=other)
    if replaced:
        return
    for column in CATALOGUE[name].columns:
        if (column in one) != (column in other):
            told = other if column in other else one
            yield Untold(
                fact=name, slot=was.slot, column=column, value=told[column], now=column in other
            )


def _cells(name: str, part: Part | None, same: bool) -> dict[str, Cell]:
    if part is None:
        return {}
    identity = TABLES[name].identity
    own = {identity: part.identity} if same and identity and part.identity else {}
    return {**part.cells, **own}


def _moved(name: str, before: Iterable[Part], changes: list[Change]) -> list[Change]:
    """Tell of parts that were there before in another place that they were moved."""
    identity = TABLES[name].identity
    times = Counter(part.identity for part in before if part.identity and part.filled)
    home = {part.identity: part.slot for part in before if times[part.identity] == 1}
    came: dict[str, Change] = {}
    for change in changes:
        serial = _serial(change.after, identity)
        origin = home.get(serial, "")
        if change.kind in (Kind.ADDED, Kind.REPLACED) and origin and origin != change.slot:
            came[change.slot] = Change(
                kind=Kind.MOVED,
                fact=name,
                slot=change.slot,
                before=change.before,
                after=change.after,
                origin=origin,
            )
    left = {change.origin for change in came.values()}
    gone = (each.kind is Kind.REMOVED and each.slot in left for each in changes)
    return [
        came.get(change.slot, change)
        for change, moved_out in zip(changes, gone, strict=True)
        if not moved_out
    ]


def _serial(state: State, identity: str) -> str:
    return str(state.get(identity, "")) if isinstance(state, Mapping) else ""

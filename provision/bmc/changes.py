"""Planning changes of BIOS attributes: what else must change, what stands in the way, what follows.

Pure. The registry is asked about the state that the changes lead to, so that one change may unlock
another. A second change is added only where the registry proves that it clears the way and that it
sets nothing else; otherwise the plan says what to do by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hwprofiles.platforms import Scalar
from provision.bmc.dependencies import Dependency, Registry, State

#: How many other changes one may need.
_MOST_NEEDED = 3


@dataclass(frozen=True, kw_only=True)
class Change:
    """One attribute to set; ``because`` says why, where nobody asked for it."""

    attribute: str
    old: Scalar | None
    new: Scalar
    because: str = ""

    def as_dict(self) -> dict[str, Scalar | None]:
        """Return the change as ``--output json`` prints it."""
        told: dict[str, Scalar | None] = {"attribute": self.attribute}
        told |= {"old": self.old, "new": self.new}
        return told | ({"because": self.because} if self.because else {})


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A change that cannot be made, why, and what to do with one's hands.

    ``attribute`` is our setting word where no attribute of the machine is known.
    """

    attribute: str
    new: Scalar
    why: str
    hint: str

    def as_dict(self) -> dict[str, Scalar]:
        """Return the obstacle as ``--output json`` prints it."""
        return {"attribute": self.attribute, "new": self.new, "why": self.why, "hint": self.hint}


@dataclass(frozen=True, kw_only=True)
class Planned:
    """Changes in the order they were found; ``follows`` are set by the firmware itself."""

    changes: tuple[Change, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    follows: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Blocked:
    """Why an attribute cannot be set; ``by`` is the dependency, where it is one."""

    why: str
    by: Dependency | None = None
    hint: str = ""


def plan(wanted: Mapping[str, Scalar], before: State, registry: Registry) -> Planned:
    """Plan ``wanted`` (attribute -> value), starting from ``before``.

    An empty registry proves nothing: then the changes are as wanted, with a note.
    """
    changes = {name: _change(name, new, before) for name, new in wanted.items()}
    if not registry:
        note = "The BMC serves no registry of its BIOS attributes: what locks them is not known."
        return Planned(changes=tuple(changes.values()), notes=(note,) if changes else ())
    planner = _Planner(registry, before, frozenset(wanted))
    obstacles = []
    while found := planner.clear(changes):
        obstacles.append(found)
        blocked = {each.attribute for each in obstacles}
        changes = {each: changes[each] for each in wanted if each not in blocked}
    return Planned(
        changes=tuple(changes.values()),
        obstacles=tuple(obstacles),
        follows=tuple(planner.follows(changes)),
        notes=tuple(planner.notes(changes)),
    )


def _change(name: str, new: Scalar, before: State, because: str = "") -> Change:
    return Change(attribute=name, old=before.get(name), new=new, because=because)


def by_hand(attribute: str, new: Scalar) -> str:
    """Return what to do where we cannot."""
    return f"Set {attribute} to {new} in the firmware's setup by hand, then validate again."


class _Planner:
    """One plan in the making."""

    def __init__(self, registry: Registry, before: State, wanted: frozenset[str]) -> None:
        self._registry = registry
        self._before = before
        self._wanted = wanted

    def clear(self, changes: dict[str, Change]) -> Obstacle | None:
        """Add to ``changes`` what they need; return the first wanted one that cannot be made."""
        for name in [each for each in changes if each in self._wanted]:
            if blocked := self._cleared(name, changes):
                return self._obstacle(changes[name], blocked)
        return None

    def follows(self, changes: Mapping[str, Change]) -> Iterator[Change]:
        """Yield what the firmware will set by itself."""
        after = self._after(changes)
        seen = set(changes)
        for name in changes:
            for each in self._forced_by(name, after):
                if each.target not in seen and each.value is not None:
                    seen.add(each.target)
                    yield _change(each.target, each.value, self._before, each.cause())

    def notes(self, changes: Mapping[str, Change]) -> Iterator[str]:
        """Yield what could not be told of the changes."""
        after = self._after(changes)
        for name in changes:
            for each in self._registry.of(name):
                if each.locks and self._registry.holds(each, after) is None:
                    yield f"{name} is {each.effect()} if {each.cause()}, which cannot be told."

    def _after(self, changes: Mapping[str, Change]) -> State:
        return dict(self._before) | {name: each.new for name, each in changes.items()}

    def _cleared(self, name: str, changes: dict[str, Change]) -> _Blocked | None:
        """Make ``name`` settable by further changes; return what still blocks it."""
        for _ in range(_MOST_NEEDED):
            blocked = self._blocked(changes[name], changes)
            added = self._unlocking(name, blocked.by, changes) if blocked and blocked.by else None
            if added is None:
                return blocked
            changes[added.attribute] = added
        return self._blocked(changes[name], changes)

    def _blocked(self, change: Change, changes: Mapping[str, Change]) -> _Blocked | None:
        """Return what keeps ``change`` from being made in the state that ``changes`` lead to."""
        registry, name = self._registry, change.attribute
        if name not in registry:
            return _Blocked(why="the BMC's own registry does not list it, and would refuse it")
        if not registry.allows(name, change.new):
            listed = ", ".join(map(str, registry.values(name)[:12]))
            hint = f"Choose one of these for {name} in the firmware's setup by hand."
            return _Blocked(why=f"it can only be {listed}", hint=hint)
        if (word := registry.locked_as(name)) and not self._explained(name):
            return _Blocked(why=f"it is {word} on this machine")
        after = self._after(changes)
        for each in registry.held(registry.of(name), after):
            if each.locks:
                return _Blocked(why=f"it is {each.effect()} while {each.cause()}", by=each)
            if each.forces and not registry.same(name, each.value, change.new):
                return _Blocked(why=f"it is {each.effect()} while {each.cause()}", by=each)
        return None

    def _explained(self, name: str) -> bool:
        """Whether a dependency is why the entry is locked now: it may not be after the changes."""
        held = self._registry.held(self._registry.of(name), self._before)
        return any(each.locks for each in held)

    def _unlocking(self, name: str, by: Dependency, changes: Mapping[str, Change]) -> Change | None:
        """Return the one change that breaks ``by`` and sets nothing else; None in doubt."""
        found = [
            (len(imposed), candidate)
            for candidate in self._candidates(name, by, changes)
            if (imposed := self._imposed(candidate, changes)) is not None
        ]
        least = min((count for count, _ in found), default=0)
        best = [candidate for count, candidate in found if count == least]
        return best[0] if len(best) == 1 else None

    def _candidates(
        self, name: str, by: Dependency, changes: Mapping[str, Change]
    ) -> Iterator[Change]:
        """Yield other values of what ``by`` looks at, with which it no longer holds."""
        after = self._after(changes)
        for source in dict.fromkeys(each.attribute for each in by.conditions):
            if source in changes or source == name or source not in self._before:
                continue
            for value in self._registry.values(source):
                new = self._registry.spelt(source, value, like=self._before[source])
                if self._registry.holds(by, dict(after) | {source: new}) is False:
                    because = f"while {by.cause()}, {name} is {by.effect()}"
                    yield _change(source, new, self._before, because)

    def _imposed(self, candidate: Change, changes: Mapping[str, Change]) -> list[Dependency] | None:
        """Return what ``candidate`` locks; None where it cannot be made, or sets something else."""
        source = candidate.attribute
        trial = dict(changes) | {source: candidate}
        after = self._after(trial)
        if self._blocked(candidate, trial) or list(self._forced_by(source, after)):
            return None
        held = self._registry.held(self._registry.by(source), after)
        return [each for each in held if each.forces or each.locks]

    def _forced_by(self, source: str, after: State) -> Iterator[Dependency]:
        """Yield what ``source`` forces to another value than it would have."""
        for each in self._registry.held(self._registry.by(source), after):
            here = after.get(each.target)
            same = here is None or self._registry.same(each.target, here, each.value)
            if each.forces and not same:
                yield each

    def _obstacle(self, change: Change, blocked: _Blocked) -> Obstacle:
        hint = blocked.hint or by_hand(change.attribute, change.new)
        if blocked.by:
            sources = " or ".join(dict.fromkeys(c.attribute for c in blocked.by.conditions))
            hint = (
                f"Change {sources} in the firmware's setup first, so that {change.attribute} "
                f"can be set to {change.new}."
            )
        return Obstacle(attribute=change.attribute, new=change.new, why=blocked.why, hint=hint)

"""Which machines of a model are not like the others, and in what.

Machines are grouped by model, then area by area (firmware, memory …) by what they are made of. The
group that holds more than half of them is the rule; where no group does, nobody is odd, and the
groups are what there is to tell. What a machine does not tell makes it neither odd nor alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hwprofiles.facts import CATALOGUE
from provision.flow.fleet import Doubt, Machine, doubts
from provision.flow.fleet_diff import Difference, compare
from provision.flow.fleet_parts import IGNORED, OWN, MakeUp, Scalar

SCHEMA: Final = "bareiron.outliers/1"
#: Groups that a kind of machines may join, and kinds in each that it is compared with: beyond
#: that, a fleet has no order that could be told.
_MOST: Final = 32

#: What belongs together, by how the names of its facts begin; the longest beginning counts.
_PREFIXES: Final[Mapping[str, str]] = {
    "cpu.virt.state": "settings",
    "cpu.nx": "settings",
    "iommu.": "settings",
    "sriov.": "settings",
    "firmware.boot_mode": "settings",
    "firmware.secure_boot": "settings",
    "firmware.": "firmware",
    "smbios.": "firmware",
    "tpm.": "tpm",
    "cpu.": "cpu",
    "memory.": "memory",
    "nics.": "nics",
    "storage.": "storage",
    "boot.device.": "storage",
    "gpus.": "gpus",
    "": "board",
}


def _area(name: str) -> str:
    return _PREFIXES[max((each for each in _PREFIXES if name.startswith(each)), key=len)]


#: The facts of each area, in the order they are told. The model is what machines are grouped by.
AREAS: Final[Mapping[str, frozenset[str]]] = {
    area: frozenset(
        name
        for name in CATALOGUE
        if _area(name) == area and name not in IGNORED | OWN | {"system.model", "system.vendor"}
    )
    for area in dict.fromkeys(_PREFIXES.values())
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Machines alike in an area as far as they tell; ``difference`` is from the first group.

    ``untold`` says of how many machines something is not known that others of the group tell.
    """

    machines: tuple[Machine, ...]
    sample: MakeUp
    difference: Difference
    untold: Mapping[tuple[str, str], int]


@dataclass(frozen=True, kw_only=True)
class Area:
    """One area of a model: its groups, the largest first. ``silent`` tell nothing of it."""

    name: str
    groups: tuple[Group, ...]
    silent: tuple[Machine, ...]

    @property
    def ruled(self) -> bool:
        """Whether the first group is more than half, and so the rule."""
        return 2 * len(self.groups[0].machines) > sum(len(each.machines) for each in self.groups)

    @property
    def odd(self) -> tuple[Group, ...]:
        """The groups that are not as the rule is; none where there is no rule."""
        return self.groups[1:] if self.ruled else ()


@dataclass(frozen=True, kw_only=True)
class Model:
    """The machines of one model."""

    name: str
    machines: tuple[Machine, ...]
    areas: tuple[Area, ...]

    @property
    def odd(self) -> list[Machine]:
        """The machines that are odd in some area."""
        strange = {
            id(machine) for area in self.areas for group in area.odd for machine in group.machines
        }
        return [machine for machine in self.machines if id(machine) in strange]

    @property
    def split(self) -> list[Area]:
        """The areas in which no group is the rule."""
        return [area for area in self.areas if not area.ruled]

    @property
    def alike(self) -> bool:
        """Whether nothing is odd."""
        return all(len(area.groups) == 1 for area in self.areas)


@dataclass(frozen=True, kw_only=True)
class Outliers:
    """What came of looking at a fleet; models that are not alike come first."""

    models: tuple[Model, ...]
    doubts: tuple[Doubt, ...]

    @property
    def alike(self) -> bool:
        """Whether there is nothing to tell: no odd machine, no tie, no doubtful identity."""
        return not self.doubts and all(model.alike for model in self.models)

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        return {
            "schema": SCHEMA,
            "alike": self.alike,
            "machines": sum(len(model.machines) for model in self.models),
            "odd": sorted({machine.shown for model in self.models for machine in model.odd}),
            "models": [_model_dict(model) for model in self.models],
            "doubts": [doubt.as_dict() for doubt in self.doubts],
        }


def outliers(machines: Sequence[Machine]) -> Outliers:
    """Group ``machines``; the result does not depend on their order."""
    models: dict[str, list[Machine]] = defaultdict(list)
    for machine in sorted(machines, key=lambda machine: (machine.name, machine.serial)):
        models[machine.model.casefold()].append(machine)
    found = [
        Model(name=alike[0].model, machines=tuple(alike), areas=tuple(_areas(alike)))
        for alike in models.values()
    ]
    found.sort(key=lambda model: (model.alike, -len(model.machines), model.name))
    return Outliers(models=tuple(found), doubts=tuple(doubts(machines)))


def _areas(machines: Sequence[Machine]) -> list[Area]:
    found = []
    for name, facts in AREAS.items():
        kinds: dict[Hashable, list[Machine]] = defaultdict(list)
        for machine in machines:
            kinds[_print(machine.made, facts)].append(machine)
        silent = kinds.pop(_NOTHING, [])
        if kinds:
            groups = tuple(_groups(list(kinds.values()), facts))
            found.append(Area(name=name, groups=groups, silent=tuple(silent)))
    return found


_NOTHING: Final = (frozenset[Any](), frozenset[Any]())


def _print(made: MakeUp, facts: frozenset[str]) -> Hashable:
    """Return what is the same for machines that are the same, of these facts."""
    tables = {
        name: Counter(
            (part.key if part.lasting else "", part.content)
            for part in parts
            if part.filled is not False
        )
        for name, parts in made.tables.items()
        if name in facts
    }
    return (
        frozenset(
            (name, _round(name, value)) for name, value in made.scalars.items() if name in facts
        ),
        frozenset((name, frozenset(parts.items())) for name, parts in tables.items()),
    )


def _round(name: str, value: Scalar) -> Scalar:
    """Return the memory in GiB: what a kernel keeps for itself makes no kind of machine."""
    return (value + _HALF) >> 30 if name == "memory.total" and isinstance(value, int) else value


_HALF: Final = 1 << 29


def _groups(kinds: list[list[Machine]], facts: frozenset[str]) -> list[Group]:
    """Join kinds that differ only in what they do not tell; those that tell most begin."""
    joined: list[list[list[Machine]]] = []
    for kind in sorted(kinds, key=lambda kind: (-_told(kind[0].made, facts), -len(kind))):
        for group in joined[:_MOST]:
            if not _difference(group, [kind], facts):
                group.append(kind)
                break
        else:
            joined.append([kind])
    joined.sort(key=lambda group: (-sum(map(len, group)), group[0][0].name))
    first = joined[0]
    groups = []
    for group in joined[1:]:
        if difference := _difference(first, group, facts):
            groups.append(_group(group, difference, facts))
        else:
            first += group
    return [_group(first, Difference(), facts), *groups]


def _told(made: MakeUp, facts: frozenset[str]) -> int:
    """Return how much is told, by the number of values."""
    cells = (len(part.cells) for name in made.tables if name in facts for part in made.tables[name])
    return sum(name in facts for name in made.scalars) + sum(cells)


def _difference(
    one: list[list[Machine]], other: list[list[Machine]], facts: frozenset[str]
) -> Difference:
    """Return what differs most between the kinds of two groups; they may not all tell of it."""
    found = (
        compare(this[0].made, that[0].made, same=False, only=facts)
        for this in one[:_MOST]
        for that in other[:_MOST]
    )
    return max(found, key=lambda difference: len(difference.changes))


def _group(group: list[list[Machine]], difference: Difference, facts: frozenset[str]) -> Group:
    untold: Counter[tuple[str, str]] = Counter()
    for kind in group:
        missing = compare(group[0][0].made, kind[0].made, same=False, only=facts).untold
        for place in {(each.fact, each.column) for each in missing if not each.now}:
            untold[place] += len(kind)
    return Group(
        machines=tuple(machine for kind in group for machine in kind),
        sample=max(group, key=len)[0].made,
        difference=difference,
        untold=untold,
    )


def _model_dict(model: Model) -> dict[str, Any]:
    return {
        "model": model.name or None,
        "machines": [machine.shown for machine in model.machines],
        "alike": model.alike,
        "areas": [_area_dict(area) for area in model.areas],
    }


def _area_dict(area: Area) -> dict[str, Any]:
    return {
        "area": area.name,
        "majority": area.ruled,
        "groups": [
            {
                "machines": [machine.shown for machine in group.machines],
                "changes": [change.as_dict() for change in group.difference.changes],
                "untold": [
                    {"fact": fact, "column": column or None, "machines": number}
                    for (fact, column), number in group.untold.items()
                ],
            }
            for group in area.groups
        ],
        "silent": [machine.shown for machine in area.silent],
    }

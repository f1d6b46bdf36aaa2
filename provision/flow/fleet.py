"""Many machines: who is who, who has been seen before, and whose name is not their own alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from hwprofiles.facts import Facts
from provision.core.text import clean
from provision.flow.fleet_parts import MakeUp, make_up, real_serial, real_uuid

_LONGEST: Final = 4096  # characters of a name: a path


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine that was read: the name it goes by (an address, a file), and its facts."""

    name: str
    facts: Facts

    @cached_property
    def made(self) -> MakeUp:
        """What it is made of."""
        return make_up(self.facts)

    @cached_property
    def serial(self) -> str:
        """Its serial number; empty where none is told, or one that many boards share."""
        told = self.told("system.serial")
        return told.upper() if real_serial(told) else ""

    @cached_property
    def uuid(self) -> str:
        """Its UUID, likewise, in one of the two byte orders in which firmware prints it."""
        told = self.told("system.uuid").lower()
        return min(told, _swapped(told)) if real_uuid(told) else ""

    @property
    def model(self) -> str:
        """Its model; empty where it is not told."""
        return " ".join(self.told("system.model").split())

    @property
    def shown(self) -> str:
        """Its name, without what a terminal or a JSON file cannot hold."""
        return clean(self.name, _LONGEST)

    def told(self, name: str) -> str:
        """Return a word among its facts; empty where it is not told."""
        fact = self.facts.get(name)
        return str(fact.value).strip() if fact else ""


def _swapped(uuid: str) -> str:
    """Return a UUID with the bytes of its first three fields turned round (SMBIOS 7.2.1)."""
    low, mid, high, *rest = uuid.split("-")
    fields = (bytes.fromhex(field)[::-1].hex() for field in (low, mid, high))
    return "-".join((*fields, *rest))


def identities(machines: Iterable[Machine]) -> dict[str, Machine]:
    """Return machines by the best that tells each from all others, in a lasting order.

    That is its serial number, else its UUID, else the name it was given. One that another machine
    has as well tells nothing; two of one name are told apart by a number.
    """
    machines = list(machines)
    serials = Counter(machine.serial for machine in machines)
    uuids = Counter(machine.uuid for machine in machines)
    found: dict[str, Machine] = {}
    for machine in machines:
        key = f"name:{machine.name}"
        if machine.serial and serials[machine.serial] == 1:
            key = f"serial:{machine.serial}"
        elif machine.uuid and uuids[machine.uuid] == 1:
            key = f"uuid:{machine.uuid}"
        number, unique = 1, key
        while unique in found:
            number += 1
            unique = f"{key}#{number}"
        found[unique] = machine
    return dict(sorted(found.items()))


@dataclass(frozen=True, kw_only=True)
class Reunion:
    """Who is there again, who is ``gone``, and who is ``new``."""

    pairs: tuple[tuple[Machine, Machine], ...]
    gone: tuple[Machine, ...]
    new: tuple[Machine, ...]


#: How machines are known again. The name comes last: an address may have been given to another.
_MARKS: Final[tuple[Callable[[Machine], str], ...]] = (
    lambda machine: machine.serial,
    lambda machine: machine.uuid,
    lambda machine: machine.name,
)


def reunite(before: Sequence[Machine], after: Sequence[Machine]) -> Reunion:
    """Find each machine again: by serial number, else by UUID, else by name.

    One that was given twice, by its BMC and by a dump say, is found twice.
    """
    gone, new = list(before), list(after)
    pairs: list[tuple[Machine, Machine]] = []
    for mark in _MARKS:
        olds, news = _by(gone, mark), _by(new, mark)
        met = [
            (alike[0], each)
            for key, alike in olds.items()
            if key and len(alike) == 1
            for each in news.get(key, ())
        ]
        pairs += met
        known = {id(machine) for pair in met for machine in pair}
        gone = [machine for machine in gone if id(machine) not in known]
        new = [machine for machine in new if id(machine) not in known]
    return Reunion(pairs=tuple(pairs), gone=tuple(gone), new=tuple(new))


def _by(machines: Iterable[Machine], mark: Callable[[Machine], str]) -> dict[str, list[Machine]]:
    found: dict[str, list[Machine]] = defaultdict(list)
    for machine in machines:
        found[mark(machine)].append(machine)
    return found


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Names that are not one machine's alone: ``fake`` by themselves, or met on several."""

    what: str
    values: tuple[str, ...]
    machines: tuple[Machine, ...]
    fake: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        return {
            "kind": "placeholder" if self.fake else "duplicate",
            "what": self.what,
            "values": [clean(value) for value in self.values],
            "machines": [machine.shown for machine in self.machines],
        }


def doubts(machines: Sequence[Machine]) -> list[Doubt]:
    """Return the serial numbers, UUIDs and MAC addresses that do not tell machines apart."""
    found = [
        *_shared("system.serial", machines, lambda machine: machine.serial),
        *_shared("system.uuid", machines, lambda machine: machine.uuid),
        *_fillers("system.serial", machines, real_serial),
        *_fillers("system.uuid", machines, real_uuid),
        *_same_ports(machines),
    ]
    return sorted(found, key=lambda doubt: -len(doubt.machines))


def _shared(
    what: str, machines: Sequence[Machine], mark: Callable[[Machine], str]
) -> Iterator[Doubt]:
    for value, alike in sorted(_by(machines, mark).items()):
        if value and len(alike) > 1:
            yield Doubt(what=what, values=(value,), machines=tuple(alike))


def _fillers(
    what: str, machines: Sequence[Machine], real: Callable[[str], bool]
) -> Iterator[Doubt]:
    for value, alike in sorted(_by(machines, lambda machine: machine.told(what)).items()):
        if value and not real(value):
            yield Doubt(what=what, values=(value,), machines=tuple(alike), fake=True)


def _same_ports(machines: Sequence[Machine]) -> Iterator[Doubt]:
    """Yield MAC addresses that makers gave out (not those made up on the spot) met twice."""
    owners: dict[str, dict[int, Machine]] = defaultdict(dict)
    for machine in machines:
        for port in machine.made.tables.get("nics.ports", ()):
            first = port.identity[:2]
            if first and not _local(first):
                owners[port.identity][id(machine)] = machine
    shared: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for mac, alike in sorted(owners.items()):
        if len(alike) > 1:
            shared[tuple(alike)].append(mac)
    for macs in shared.values():
        met = tuple(owners[macs[0]].values())
        yield Doubt(what="nics.ports.mac", values=tuple(macs), machines=met)


def _local(first: str) -> bool:
    """Tell whether a MAC address that begins so was not given out by a maker (IEEE 802)."""
    try:
        return bool(int(first, 16) & 0b10)
    except ValueError:
        return True

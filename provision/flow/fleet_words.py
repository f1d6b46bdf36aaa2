"""Changes and make-ups in the words of a person: ``DIMM_B3: 16 GiB DDR4 → empty``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from hwprofiles.facts import CATALOGUE, in_words, shown
from provision.core.text import clean
from provision.flow.fleet import Machine
from provision.flow.fleet_diff import Change, Kind, State
from provision.flow.fleet_parts import TABLES, Cell, MakeUp, Part

#: How a value became another, and how the odd one's differs from the others'.
Join = Callable[[str, str], str]
#: A blank at which no line is broken; whoever prints lines puts a plain one for it.
FIRM: Final = "\N{NO-BREAK SPACE}"
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_FEW: Final = 24  # machines worth naming, and words of a list

#: What stands before a place that does not say itself what it is for, and what it says if it does.
_NOUNS: Final[Mapping[str, tuple[str, str]]] = {
    "cpu.packages": ("CPU", r"cpu|proc|socket"),
    "memory.dimms": ("memory", r"dimm"),
    "nics.ports": ("port", r"nic|eth|port|lan|^en"),
    "storage.drives": ("disk", r"dis[ck]|drive|bay|nvme|^sd|ssd"),
    "gpus.cards": ("GPU", r"gpu"),
    "ports.connectors": ("connector", r"(?!)"),
    "onboard.devices": ("on-board device", r"(?!)"),
}
#: What of an area's scalars is worth a line in its make-up.
_TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "settings": (
        *("firmware.boot_mode", "firmware.secure_boot", "cpu.virt.state", "iommu.state"),
        "sriov.state",
    ),
    "firmware": ("firmware.vendor", "firmware.version", "firmware.date"),
    "tpm": ("tpm.present", "tpm.version"),
    "cpu": ("cpu.sockets_populated", "cpu.name", "cpu.cores", "cpu.microcode"),
    "memory": ("memory.total", "memory.ecc"),
    "nics": ("nics.count",),
    "storage": ("storage.count", "boot.device.bus", "boot.device.model"),
    "gpus": ("gpus.count",),
}
#: How such a scalar is said.
_SAID: Final[Mapping[str, str]] = {
    "firmware.boot_mode": "boots {}",
    "firmware.secure_boot": "secure boot {}",
    "cpu.virt.state": "virtualization {}",
    "iommu.state": "IOMMU {}",
    "sriov.state": "SR-IOV {}",
    "tpm.present": "TPM: {}",
    "tpm.version": "version {}",
    "cpu.sockets_populated": "sockets filled: {}",
    "cpu.cores": "{} cores",
    "cpu.microcode": "microcode {}",
    "memory.ecc": "ECC {}",
    "nics.count": "ports: {}",
    "storage.count": "disks: {}",
    "boot.device.bus": "boots from {}",
    "gpus.count": "GPUs: {}",
}
#: Tables worth summing up in a make-up.
_SUMMED: Final = frozenset({"memory.dimms", "nics.ports", "storage.drives", "gpus.cards"})


def became(before: str, after: str) -> str:
    """Tell of one machine at two times."""
    return f"{before} → {after}"


def unlike(before: str, after: str) -> str:
    """Tell of a machine among others."""
    return f"{after} instead of {before}"


def number_of(number: int) -> str:
    """Return a number of machines in words."""
    return "1 machine" if number == 1 else f"{number} machines"


def labels(found: Iterable[Machine]) -> dict[int, str]:
    """Return, by ``id``, what to call each machine: its name without the folder all share.

    Its serial number stands beside it, or instead of a long name that has it in it.
    """
    found = list(found)
    cut = _shared(each.name for each in found)
    told = {}
    for each in found:
        name, serial = clean(each.name[cut:].rstrip("/") or each.name), clean(each.serial)
        if not serial or name.upper() == serial:
            told[id(each)] = name
        elif serial in name.upper():
            told[id(each)] = serial
        else:
            told[id(each)] = f"{name} ({serial})"
    return told


def _shared(names: Iterable[str]) -> int:
    """Return how long the folder, or scheme, is that all names begin with."""
    names = sorted(names)
    shared = 0
    for one, other in zip(names[0], names[-1], strict=False) if names else ():
        if one != other:
            break
        shared += 1
    return names[0].rfind("/", 0, shared) + 1 if names else 0


def listed(names: Sequence[str], most: int = _FEW) -> str:
    """Return names, of many the first."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def changes(found: Iterable[Change], join: Join) -> list[str]:
    """Return a line for each change; places that changed alike share one."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in found:
        noun, says = _NOUNS.get(change.fact, (change.fact, ""))
        slot = clean(change.slot)
        if slot and re.search(says, slot, re.IGNORECASE):
            noun = ""
        places[noun, _change(change, join)].append(slot)
    return [_line(noun, slots, text) for (noun, text), slots in places.items()]


def _line(noun: str, slots: list[str], text: str) -> str:
    named = [slot for slot in slots if slot]
    many = f"{len(slots)} {_TIMES} " if len(slots) > 1 and not named else ""
    return f"{many}{' '.join(filter(None, (noun, places(named))))}: {text}"


def places(slots: Sequence[str]) -> str:
    """Return places; those that differ in a last number only share the words before it."""
    groups: dict[str, list[str]] = defaultdict(list)
    for slot in slots:
        head, blank, number = slot.rpartition(" ")
        alone = not (blank and number.isdigit())
        groups[slot if alone else head].append("" if alone else number)
    told = (
        " ".join(filter(None, (head.replace(" ", FIRM), ", ".join(filter(None, numbers)))))
        for head, numbers in groups.items()
    )
    return ("; " if any(any(numbers) for numbers in groups.values()) else ", ").join(told)


def _change(change: Change, join: Join) -> str:
    name = change.fact
    if change.kind is Kind.MOVED:
        return f"moved here from {clean(change.origin)} ({brief(name, change.after)})"
    if change.kind is Kind.ADDED:
        return join(_nothing(name), brief(name, change.after))
    if change.kind is Kind.REMOVED:
        left = "gone" if join is became and not change.listed else _nothing(name)
        return join(brief(name, change.before), left)
    one, other = change.before, change.after
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        columns = CATALOGUE[name].columns
        told = (
            f"{column} {join(_cell(name, column, one), _cell(name, column, other))}"
            for column in change.columns
            if column in columns
        )
        replaced = "replaced, " if change.kind is Kind.REPLACED else ""
        return replaced + ", ".join(told)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return _words(one, other)
    return join(_scalar(name, one), _scalar(name, other))


def _nothing(name: str) -> str:
    return "empty" if TABLES[name].vacant else "none"


def _words(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    parts = (
        ("with", sorted(set(after) - set(before))),
        ("without", sorted(set(before) - set(after))),
    )
    return "; ".join(f"{word} {clean(listed(words))}" for word, words in parts if words)


def _scalar(name: str, value: State) -> str:
    return clean(shown(name, value)) if isinstance(value, bool | int | str | tuple) else "nothing"


def _cell(name: str, column: str, row: Mapping[str, Cell]) -> str:
    unit = " MT/s" if (name, column) == ("memory.dimms", "speed") else ""
    return clean(in_words(CATALOGUE[name].columns[column], row[column])) + unit


def brief(name: str, state: State) -> str:
    """Return what a part is, in a few words."""
    if not isinstance(state, Mapping):
        return "something"
    told = [_cell(name, column, state) for column in TABLES[name].brief if column in state]
    return " ".join(told) or "something"


def make_up(made: MakeUp, area: str, facts: Iterable[str]) -> str:
    """Return what machines are made of in an area, in a few words."""
    told = [
        _SAID.get(name, "{}").format(_scalar(name, made.scalars[name]))
        for name in _TOLD.get(area, ())
        if name in made.scalars
    ]
    for name in facts:
        told += _table(name, [part for part in made.tables.get(name, ()) if part.filled])
    return "; ".join(told)


def _table(name: str, parts: Sequence[Part]) -> Iterator[str]:
    kinds: dict[str, list[Part]] = defaultdict(list)
    for each in parts if name in _SUMMED else ():
        if any(column in each.cells for column in TABLES[name].brief):
            kinds[brief(name, each.cells)].append(each)
    for kind, alike in kinds.items():
        slots = [clean(each.slot) for each in alike if each.lasting]
        where = f" in {places(slots)}" if slots and name == "memory.dimms" else ""
        yield f"{len(alike)} {_TIMES} {kind}{where}"

"""Machines that were recorded: a file or a directory in, what it tells of each machine out.

What a file is, is told by what is in it. A dump of a board or a CPU is the host room's to read, a
Redfish tree the BMC room's; facts that we printed ourselves come back as they were.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import select
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hwprofiles.facts import CATALOGUE, SCHEMA, FactBook, Facts, Kind, Source, absurd, sound
from provision.core.errors import ConfigError
from provision.core.text import clean

if TYPE_CHECKING:
    from provision.bmc.access import Access
    from provision.bmc.service import Bmc

#: No recording of one machine, or of a rack of them, is larger.
LARGEST: Final = 64 << 20
STDIN: Final = "-"
#: How JSON of ours or of a BMC begins; a list of tuples is Python's, and for the host room.
_JSON: Final = re.compile(rb"(\xef\xbb\xbf)?\s*(\{|\[\s*[\[{\"\]])")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine as it was recorded. ``bmc`` answers from the recording, where it is Redfish."""

    target: str
    facts: Facts
    bmc: Bmc | None = None
    #: How the BMC was reached, where it is a live one.
    access: Access | None = None


async def read(path: str) -> list[Machine]:
    """Return the machines recorded in a file, a directory, or (``-``) on standard input.

    Raises ``ConfigError`` for what is no recording, saying what was expected.
    """
    if path == STDIN:
        return await _of_bytes(await _standard_input(), "standard input")
    where = Path(path)
    if where.exists() and not (where.is_file() or where.is_dir()):
        raise ConfigError(
            f"reading {path}: it is neither a file nor a directory",
            hint="Give a recording's file; what comes through a pipe is read by `-`.",
        )
    if where.is_dir():
        return await _of_directory(where)
    try:
        with where.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"reading the recorded machine {clean(path)}: {error.strerror}",
            hint="Give a file or a directory of a recorded machine.",
        ) from error
    return await _of_bytes(data, path)


def merged(machines: Iterable[Machine]) -> Machine:
    """Return what several recordings of one machine tell together; the later ones count more.

    ``ConfigError`` where their numbers show that they are of different machines.
    """
    machines = list(machines)
    for one, other in itertools.combinations(machines, 2):
        if number := _another(one.facts, other.facts):
            first, second = (clean(each.facts[number].value, 60) for each in (one, other))
            raise ConfigError(
                f"putting {one.target} and {other.target} together: {number} is {first} in one "
                f"and {second} in the other",
                hint="Give recordings of one machine with --merge; others without it.",
            )
    facts = FactBook()
    for machine in machines:
        facts.take(machine.facts)
    return Machine(
        target=" + ".join(machine.target for machine in machines),
        facts=facts,
        bmc=next((machine.bmc for machine in machines if machine.bmc), None),
    )


def _another(one: Facts, other: Facts) -> str:
    """Return the number by which these are two machines; nothing where they may be one.

    A UUID decides, where both tell one; a BMC may call the chassis' serial number the system's.
    """
    for number, spell in (("system.uuid", _uuid), ("system.serial", str.casefold)):
        if number in one and number in other:
            same = spell(str(one[number].value)) == spell(str(other[number].value))
            return "" if same else number
    return ""


def _uuid(told: str) -> str:
    """Return a UUID in one spelling: SMBIOS before 2.6 left the order of its bytes open."""
    parts = told.casefold().split("-")
    first = [re.sub("..", lambda two: two[0] + "\n", part).split() for part in parts[:3]]
    swapped = ["".join(reversed(each)) for each in first]
    return min("-".join(parts), "-".join([*swapped, *parts[3:]]))


def with_facts(machine: Machine, stated: Facts) -> Machine:
    """Return ``machine`` with what its user states of it; the user has the last word."""
    if not stated:
        return machine
    facts = FactBook(machine.facts)
    facts.take(stated)
    from hwprofiles import deriving

    deriving.complete(facts)
    return replace(machine, facts=facts)


async def _standard_input() -> bytes:
    """Read it all, a piece at a time as it comes: a signal ends the wait for the next one."""
    try:
        fd = sys.stdin.fileno()
    except (OSError, ValueError):  # none of the system's
        return sys.stdin.buffer.read(LARGEST + 1)
    data = bytearray()
    while len(data) <= LARGEST:
        if not select.select([fd], [], [], 0)[0]:
            await asyncio.sleep(0.05)
        elif chunk := os.read(fd, 1 << 20):
            data += chunk
        else:
            break
    return bytes(data)


async def _of_directory(path: Path) -> list[Machine]:
    from provision.bmc import mockups, recorded

    if mockups.is_mockup(path):
        return _systems(await recorded.read(mockups.tree(path), str(path)), str(path))
    from provision.host import read_facts

    facts = read_facts(path)
    if not facts:
        raise ConfigError(
            f"reading the machine under {path}: nothing there tells of one",
            hint="Give a directory laid out like /, with proc and sys below it, or a Redfish "
            "mockup (redfish/v1/…/index.json).",
        )
    return [Machine(target=str(path), facts=facts)]


async def _of_bytes(data: bytes, name: str) -> list[Machine]:
    if len(data) > LARGEST:
        raise ConfigError(
            f"reading the recorded machine {clean(name)}: it is larger than {LARGEST >> 20} MiB",
            hint="No recording of a machine is; give the output of dmidecode, a Redfish tree …",
        )
    if _JSON.match(data):
        from provision.bmc import recorded

        told = recorded.parse(data, name)
        if machines := _ours(told, name):
            _refuse_repeats(data, name)
            return machines
        if recorded.is_redfish(told):
            return _systems(await recorded.read(told, name), name)
    from provision.host import dumps

    return [Machine(target=name, facts=dumps.read(data, name))]


def _systems(systems: Iterable[Any], name: str) -> list[Machine]:
    found = list(systems)
    return [
        Machine(
            target=f"{name}#{system.path}" if len(found) > 1 else name,
            facts=system.facts,
            bmc=system.bmc,
        )
        for system in found
    ]


def _ours(told: Any, name: str) -> list[Machine]:
    """Return the machines in what ``inventory`` or ``validate`` printed; none in other JSON."""
    items = told if isinstance(told, list) else [told]
    if not items or not all(isinstance(item, dict) and "facts" in item for item in items):
        return []
    schemas = {str(item.get("schema", "")) for item in items}
    if not schemas <= {SCHEMA, "bareiron.validation/1"}:
        return []
    return [
        Machine(
            target=clean(item.get("target") or (f"{name}#{at}" if len(items) > 1 else name)),
            facts=_facts(item["facts"], name),
        )
        for at, item in enumerate(items)
    ]


def _refuse_repeats(data: bytes, name: str) -> None:
    """Raise ``ConfigError`` where a name stands twice: which of the two holds, nobody can tell."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        told = dict(pairs)
        if len(told) < len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            raise ValueError(f"{twice} stands there twice")
        return told

    try:
        json.loads(data.decode("utf-8-sig"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"reading the facts in {clean(name)}: {clean(error, 200)}",
            hint="Give a file as `provision inventory --output json` prints it.",
        ) from error


def _facts(told: Any, name: str) -> FactBook:
    """Return the facts we printed; ``ConfigError`` for what no version of ours prints."""
    facts = FactBook()
    try:
        for key, item in told.items():
            for each in (*item.get("rivals", ()), item):
                _learn(facts, key, each)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"reading the facts in {clean(name)}: {clean(error, 200)}",
            hint="Give a file as `provision inventory --output json` prints it.",
        ) from error
    if not facts:
        raise ConfigError(f"reading the facts in {clean(name)}: there are none")
    return facts


def _learn(facts: FactBook, name: str, item: Mapping[str, Any]) -> None:
    if name not in CATALOGUE:
        raise ValueError(f"no such fact: {name}")
    value = item["value"]
    if CATALOGUE[name].kind in (Kind.WORDS, Kind.TABLE) and not isinstance(value, list):
        raise ValueError(f"{name} wants a list")
    if absurd(value) or any(map(absurd, _cells(value))):
        raise ValueError(f"{name} holds a number no machine has")
    facts.learn(
        name,
        value,
        Source(item["source"]),
        sound(str(item["path"])),
        at=datetime.fromisoformat(item["at"]) if "at" in item else datetime.now().astimezone(),
        power_state=sound(str(item.get("power_state", ""))),
        derived=item.get("derived") is True,
    )


def _cells(value: Any) -> Iterator[Any]:
    """Yield what the rows of a table hold."""
    for row in value if isinstance(value, list) else ():
        yield from row.values() if isinstance(row, Mapping) else ()

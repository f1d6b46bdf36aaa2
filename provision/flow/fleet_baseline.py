"""The baseline: what machines are made of, kept in a file, and how they differ from it later."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hwprofiles.facts import CATALOGUE, FactBook, Kind, Source
from provision import __version__
from provision.core.errors import ConfigError, Refused
from provision.core.files import write_json
from provision.core.text import clean
from provision.flow.fleet import Machine, identities, reunite
from provision.flow.fleet_diff import Difference, compare
from provision.flow.fleet_parts import IGNORED, TABLES

SCHEMA: Final = "bareiron.baseline/1"
DRIFT: Final = "bareiron.drift/1"
#: Bytes; a machine with all that it tells takes some 20 KB.
LARGEST: Final = 512 << 20
_PLACE: Final = "baseline"


class NoBaseline(ConfigError):
    """The file is no baseline, or a damaged one."""

    code = "baseline-damaged"
    remedy = "Give a file that `provision baseline save` wrote, unchanged."


class NotOurs(Refused):
    """Something else than a baseline stands where one shall be written."""

    code = "not-a-baseline"
    remedy = "Choose another name, or remove the file first."


def save(path: Path, machines: Iterable[Machine], at: datetime | None = None) -> list[str]:
    """Write what ``machines`` are made of to ``path``, whole or not at all; return who is in it.

    An older baseline is replaced. Raises ``NotOurs`` where another file stands.
    """
    if path.exists() and not (path.is_file() and _is_baseline(path)):
        raise NotOurs(f"saving the baseline {clean(path)}: something else is there")
    known = identities(machines)
    write_json(
        path,
        {
            "schema": SCHEMA,
            "tool": f"bareiron {__version__}",
            "at": (at or datetime.now(UTC)).isoformat(timespec="seconds"),
            "machines": {
                key: {"name": machine.name, "facts": dict(_lasting(machine))}
                for key, machine in known.items()
            },
        },
    )
    return list(known)


def _is_baseline(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return not head.strip() or f'"{SCHEMA}"'.encode() in head


def _lasting(machine: Machine) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the facts without when and where they were read, and without what changes by itself."""
    for name in CATALOGUE:
        if name not in machine.facts or name in IGNORED:
            continue
        fact = machine.facts[name]
        value: Any = fact.value
        if name in TABLES:
            ignored = TABLES[name].ignored - {TABLES[name].apart, *_vacancy(name)}
            value = [
                {column: cell for column, cell in row.items() if column not in ignored}
                for row in value
            ]
        yield name, {"value": value, "source": str(fact.source)}


def _vacancy(name: str) -> tuple[str, ...]:
    vacant = TABLES[name].vacant
    return () if vacant is None else (vacant[0],)


def load(path: Path) -> list[Machine]:
    """Return the machines of a baseline; ``NoBaseline`` says what is wrong with the file."""
    doing = f"reading the baseline {clean(path)}"
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise NoBaseline(
            f"{doing}: {error.strerror}", hint="Make one with `provision baseline save`."
        ) from error
    if len(data) > LARGEST:
        raise NoBaseline(f"{doing}: it is larger than {LARGEST >> 20} MiB")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NoBaseline(f"{doing}: it is not JSON: {clean(error, 120)}") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        found = f"its schema is {clean(schema, 60)}" if schema else "it names no schema"
        raise NoBaseline(f"{doing}: {found}; {SCHEMA} was expected")
    machines = document.get("machines")
    if not isinstance(machines, dict):
        raise NoBaseline(f"{doing}: machines: should be an object")
    return [_machine(f"{doing}: machines: {clean(key)}", each) for key, each in machines.items()]


def _machine(doing: str, told: Any) -> Machine:
    if not isinstance(told, dict) or not isinstance(told.get("facts"), dict):
        raise NoBaseline(f"{doing}: it has no facts")
    if not isinstance(told.get("name"), str):
        raise NoBaseline(f"{doing}: it has no name")
    facts = FactBook()
    for name, item in told["facts"].items():
        if name in CATALOGUE:  # a later version may know more
            try:
                facts.learn(name, _known(name, item["value"]), Source(item["source"]), _PLACE)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise NoBaseline(f"{doing}: {name}: {clean(error, 200)}") from error
    return Machine(name=told["name"], facts=facts)


def _known(name: str, value: Any) -> Any:
    """Return ``value`` without the columns of a table that this version does not know."""
    if CATALOGUE[name].kind is Kind.WORDS:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise TypeError("it should be a list of words")
        return value
    if name not in TABLES:
        return value
    columns = CATALOGUE[name].columns
    return [{key: cell for key, cell in row.items() if key in columns} for row in value]


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A machine that was found again, with what has changed of it."""

    before: Machine
    after: Machine
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How a fleet differs from its baseline.

    ``gone`` are in the baseline and not among the targets, ``new`` the other way round; ``unread``
    names targets that could not be read: machines of these names are not gone.
    """

    machines: tuple[Changed, ...]
    gone: tuple[Machine, ...]
    new: tuple[Machine, ...]
    unread: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Changed, ...]:
        """The machines of which something has changed."""
        return tuple(each for each in self.machines if each.difference)

    @property
    def untold(self) -> tuple[Changed, ...]:
        """Those that do not tell all they once told, so that nobody knows."""
        return tuple(
            each
            for each in self.machines
            if any(not one.now and not one.link for one in each.difference.untold)
        )

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.new)

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        return {
            "schema": DRIFT,
            "changed": bool(self),
            "machines": [_changed_dict(each) for each in self.machines],
            "gone": [_named(machine) for machine in self.gone],
            "new": [_named(machine) for machine in self.new],
            "unread": [clean(name, 4096) for name in self.unread],
        }


def drift(
    baseline: Sequence[Machine], machines: Sequence[Machine], unread: Collection[str] = ()
) -> Drift:
    """Compare ``machines`` with the baseline; ``unread`` names targets that could not be read."""
    met = reunite(baseline, machines)
    return Drift(
        machines=tuple(
            Changed(before=before, after=after, difference=compare(before.made, after.made))
            for before, after in met.pairs
        ),
        gone=tuple(machine for machine in met.gone if machine.name not in unread),
        new=met.new,
        unread=tuple(unread),
    )


def _changed_dict(each: Changed) -> dict[str, Any]:
    return _named(each.after) | {
        "changes": [change.as_dict() for change in each.difference.changes],
        "untold": [untold.as_dict() for untold in each.difference.untold],
    }


def _named(machine: Machine) -> dict[str, Any]:
    return {
        "name": machine.shown,
        "serial": clean(machine.serial) or None,
        "model": clean(machine.model) or None,
    }

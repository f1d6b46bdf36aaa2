"""What is wrong with the rows of a servers file taken together, and with the file itself."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hwprofiles.documents import Document, Mark, Place
from hwprofiles.errors import Problem
from provision.core.servers_rows import mac_of, machine_at

_Row = Mapping[str, Any]


def twins(document: Document) -> Iterator[Problem]:
    """Yield what two servers cannot share: names, BMCs, serial numbers, MACs, places in a rack.

    It looks at what was written, before it is known to be right: all is told in one go.
    """
    first: dict[tuple[str, str], Mark] = {}
    for number, row in _rows(document):
        for key, reading in _UNIQUE.items():
            try:
                value = reading(row)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # not given, or wrong by itself
            place: Place = ("servers", number, key)
            problem = document.problem(place, "")
            before = first.setdefault((key, value), (problem.line, problem.column))
            if before != (problem.line, problem.column):
                told = f"{_CALLED.get(key, key)} {value} is given twice, first at "
                yield document.problem(place, f"{told}{before[0]}:{before[1]}")


def _rows(document: Document) -> Iterator[tuple[int, _Row]]:
    servers = document.data.get("servers") if isinstance(document.data, dict) else None
    for number, row in enumerate(servers if isinstance(servers, list) else []):
        if isinstance(row, dict):
            yield number, row


def _place(row: _Row) -> str:
    rack, unit, slot = row["rack"], row["u"], row.get("slot")
    if rack is None or unit is None:
        raise ValueError("not given")
    return f"{rack} u{int(unit):02}" + (f" slot {slot}" if slot else "")


#: The key a problem is told at -> how its value is read; what it cannot read is no twin.
_UNIQUE: Final[Mapping[str, Callable[[_Row], str]]] = {
    "name": lambda row: str.strip(row["name"]),
    "bmc": lambda row: machine_at(row["bmc"]),
    "serial": lambda row: str.upper(row["serial"]).strip(),
    "mac": lambda row: mac_of(row["mac"]),
    "u": _place,
}
_CALLED: Final = {"u": "the place", "mac": "MAC"}


def strangers_commands(path: Path, document: Document) -> Iterator[Problem]:
    """Yield the passwords that are commands, where others may write the file that names them."""
    places: list[Place] = [("servers", number, "password") for number, _ in _rows(document)]
    for place in [("defaults", "password"), *places]:
        value: Any = document.data
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
        if isinstance(value, str) and value.startswith("cmd:") and _anybodys(path):
            told = f"a command, in a file that anybody may write to: chmod o-w {path}"
            yield document.problem(place, told)


def _anybodys(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & stat.S_IWOTH)

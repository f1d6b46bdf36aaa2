"""A servers file as a spreadsheet saves it: one header row, then one server a row.

    name,bmc,serial,rack,u,profile,boot.device
    *,,,,,xen-4.17,usb                          the name *: what empty cells below it mean
    r12-u01,10.20.12.1,8XJ0201,r12,1,,

A column is a key of the YAML file; a key within a key is written with a dot (``boot.device``). An
empty cell is as good as none. Lists (``tags``, ``evidence.serial.expect``) have one item a line of
the cell. Rows are counted as a spreadsheet counts them, columns from 1.
"""

from __future__ import annotations

import csv
import io
import re
import types
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from hwprofiles.documents import Document, Mark
from hwprofiles.errors import DocumentError, Problem
from hwprofiles.validation import did_you_mean
from provision.core.servers_rows import MOST_SERVERS, SCHEMA, Row

FILLING: Final = "*"
_LARGEST: Final = 16 << 20
_WIDEST: Final = 200
_NEEDED: Final = ("name", "bmc")
_SEPARATORS: Final = ",;\t"

Records = list[tuple[int, list[str]]]


def read_csv(path: Path) -> tuple[Document, list[Problem]]:
    """Return the file as the document its YAML twin would be, and what is wrong with its cells.

    Raises ``DocumentError`` where there is no telling what the cells mean: no text, no table, or
    a header without the columns that every server needs.
    """
    file = str(path)
    records = _records(_text(path), file)
    if not records:
        raise DocumentError([Problem(file, 1, 1, "the file is empty")])
    (number, header), *rows = records
    header = [cell.strip() for cell in header]
    problems = list(_wrong_header(file, number, header))
    if not set(_NEEDED) <= set(header) or len(header) > _WIDEST:
        raise DocumentError(problems)
    table = _Table(file, header)
    for number, cells in rows:
        table.add(number, cells)
    return table.document, problems + table.problems


def columns() -> dict[str, type]:
    """Return the columns a file may have, each with the kind of its cells."""
    return dict(_columns(Row, ""))


def _columns(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type]]:
    for name, field in model.model_fields.items():
        for kind in _kinds(field.annotation):
            if issubclass(kind, BaseModel):
                yield from _columns(kind, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", kind


def _kinds(annotation: Any) -> Iterator[type]:
    """Return what a field holds: a model, ``list``, ``int``, ``bool`` or ``str``."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        for inner in typing.get_args(annotation):
            if inner is not type(None):
                yield from _kinds(inner)
    elif origin is typing.Annotated:
        yield from _kinds(typing.get_args(annotation)[0])
    elif origin is typing.Literal:
        yield str
    else:
        yield origin or annotation


def _text(path: Path) -> str:
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise DocumentError([Problem(file, 0, 0, f"cannot be read: {told}")]) from error
    if len(raw) > _LARGEST:
        told = f"larger than {_LARGEST >> 20} MiB; is it the right file?"
        raise DocumentError([Problem(file, 0, 0, told)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        told = "not text in UTF-8; save it as CSV UTF-8"
        raise DocumentError([Problem(file, row, 1, told)]) from error


def _records(text: str, file: str) -> Records:
    """Return the rows that say something, with their numbers; ``#`` begins a remark."""
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    found: Records = []
    number = 0
    try:
        for number, cells in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), 1
        ):
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                found.append((number, cells))
            if len(found) > MOST_SERVERS + 2:
                break  # the model says so, at the first that is too many
    except csv.Error as error:
        raise DocumentError([Problem(file, number + 1, 1, f"not CSV: {error}")]) from error
    return found


def _wrong_header(file: str, row: int, header: list[str]) -> Iterator[Problem]:
    known = columns()
    if len(header) > _WIDEST:
        yield Problem(file, row, _WIDEST, f"more than {_WIDEST} columns")
        return
    count = Counter(header)
    for at, name in enumerate(header, 1):
        if not name:
            yield Problem(file, row, at, "a column without a name")
        elif name not in known:
            told = f"unknown column {_shown(name)}{did_you_mean(name, known)}"
            yield Problem(file, row, at, told)
        elif count[name] > 1 and header.index(name) < at - 1:
            first = header.index(name) + 1
            yield Problem(file, row, at, f"column {name!r} is there twice, first at {row}:{first}")
    for name in _NEEDED:
        if name not in header:
            yield Problem(file, row, 1, f"no column {name!r} in the header row")


def _shown(name: str) -> str:
    return ascii(name[:60])


class _Table:
    """Turns rows into the document that their YAML twin would be."""

    def __init__(self, file: str, header: list[str]) -> None:
        self.document = Document(file=file, data={"schema": SCHEMA, "servers": []})
        self.problems: list[Problem] = []
        self._header = header
        self._kinds = columns()
        self._filling: dict[str, tuple[str, Mark]] = {}
        self.document.values[("servers",)] = (1, 1)

    def add(self, number: int, cells: list[str]) -> None:
        """Take one row; what is wrong with it goes to ``problems``."""
        for at in range(len(self._header), len(cells)):
            if cells[at].strip():
                self._complain(number, at + 1, "a cell without a column above it")
        given = {
            name: (cell.strip(), (number, at))
            for at, (name, cell) in enumerate(zip(self._header, cells, strict=False), 1)
            if name in self._kinds and cell.strip()
        }
        if given.get("name", ("",))[0] == FILLING:
            self._filling = {name: cell for name, cell in given.items() if name != "name"}
            return
        servers = self.document.data["servers"]
        place = ("servers", len(servers))
        servers.append(self._nested(self._filling | given, place, (number, 1)))

    def _nested(
        self, given: Mapping[str, tuple[str, Mark]], place: tuple[str | int, ...], mark: Mark
    ) -> dict[str, Any]:
        row: dict[str, Any] = {}
        self.document.values[place] = mark
        for name, (cell, here) in given.items():
            inner, at = row, place
            *above, last = name.split(".")
            for step in above:
                at = (*at, step)
                self.document.values.setdefault(at, here)
                self.document.keys.setdefault(at, here)
                inner = inner.setdefault(step, {})
            inner[last] = _value(cell, self._kinds[name])
            self.document.values[(*at, last)] = self.document.keys[(*at, last)] = here
            for index in range(len(inner[last]) if isinstance(inner[last], list) else 0):
                self.document.values[(*at, last, index)] = here
        return row

    def _complain(self, row: int, column: int, message: str) -> None:
        self.problems.append(Problem(self.document.file, row, column, message))


def _value(cell: str, kind: type) -> Any:
    """Return the cell as its kind; what cannot be one stays text, for the model to refuse."""
    if kind is int and re.fullmatch(r"[+-]?[0-9]{1,9}", cell):
        return int(cell)
    if kind is bool and cell.lower() in ("true", "false"):  # spreadsheets write TRUE
        return cell.lower() == "true"
    if kind is list:
        return [line.strip() for line in cell.splitlines() if line.strip()]
    return cell

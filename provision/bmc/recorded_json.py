"""The JSON of a recording: parsed within bounds, and, of one resource per line, only what is read.

An inventory reads a third of a tree. Where each line holds one resource whole, as recorders write
them, a line is parsed when its resource is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pydantic_core

from provision.bmc.errors import RecordingDamaged
from provision.core.text import clean

#: Values in a recording; one of a rack's chassis with its registry has about 60 000.
MOST_VALUES: Final = 3_000_000


#: What two resources in one line have between them.
_BETWEEN: Final = (b'},"/', b'}, "/')


def parse(data: bytes, name: str) -> object:
    """Return the JSON value in ``data``; ``name`` is the file's, for messages.

    A tree of one resource per line comes as a mapping that parses lines when they are asked for.
    """
    return _lines(data, name) or _value(data, name)


class Lines(Mapping[str, Any]):
    """A tree whose resources are parsed when they are asked for."""

    def __init__(self, raw: Mapping[str, bytes], name: str) -> None:
        self._raw = raw
        self._name = name

    def __getitem__(self, uri: str) -> Any:
        return _value(self._raw[uri], f"{self._name} at {uri}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def mention(self, name: str) -> list[str]:
        """Return the resources in which ``name`` is written."""
        wanted = f'"{name}"'.encode()
        return [uri for uri, raw in self._raw.items() if wanted in raw]


def _lines(data: bytes, name: str) -> Lines | None:
    """Split a tree of one resource per line; None for any other layout.

    No string of JSON holds a line break, so that what begins and ends a line is no string's inside.
    """
    if any(each in data for each in _BETWEEN):
        return None
    first, *rows = data.strip().split(b"\n")
    if len(rows) < 2 or first.strip() != b"{" or rows.pop().strip() != b"}":
        return None
    raw: dict[str, bytes] = {}
    for number, row in enumerate(rows, 1):
        uri, _, value = row.strip().partition(b": ")
        if number < len(rows):
            if not value.endswith(b","):
                return None
            value = value[:-1]
        whole = value.startswith(b"{") and value.endswith(b"}")
        if not (whole and uri.startswith(b'"/') and uri.endswith(b'"') and uri.isascii()):
            return None
        raw[uri[1:-1].decode("ascii")] = value
    return None if any('"' in uri or "\\" in uri for uri in raw) else Lines(raw, name)


def _value(data: bytes, name: str) -> object:
    if data.count(b",") > MOST_VALUES:
        raise RecordingDamaged(f"{_doing(name)}: it holds more values than any BMC has to tell")
    try:
        return pydantic_core.from_json(data, allow_inf_nan=False)  # twice as fast as json
    except ValueError:
        return _slowly(data, name)


def _slowly(data: bytes, name: str) -> object:
    """Parse what a stricter parser would not: a byte order mark, odd escapes, or no JSON at all."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RecordingDamaged(f"{_doing(name)}: it is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise RecordingDamaged(f"{_doing(name)}: it is nested too deep") from error
    except ValueError as error:
        raise RecordingDamaged(f"{_doing(name)}: it is not JSON: {clean(error, 120)}") from error


def _doing(name: str) -> str:
    return f"reading the recording {clean(name, 200)}"

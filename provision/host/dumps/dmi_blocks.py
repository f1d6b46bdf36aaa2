"""The structures of a dmidecode text, before anybody knows what they mean."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

HANDLE: Final = re.compile(
    r"Handle 0x([0-9A-Fa-f]{1,8}), DMI type ([0-9]{1,3}), ([0-9]{1,5}) bytes\.?"
)
#: What stands in for the handle in a quiet text.
_TITLES: Final[Mapping[str, int]] = {
    "BIOS Information": 0,
    "System Information": 1,
    "Base Board Information": 2,
    "Chassis Information": 3,
    "Processor Information": 4,
    "Port Connector Information": 8,
    "OEM Strings": 11,
    "Physical Memory Array": 16,
    "Memory Device": 17,
    "Onboard Device": 41,
    "TPM Device": 43,
}
_ONBOARD: Final = re.compile(r"On Board Device( [0-9]{1,3})? Information")
_UNITS: Final = {"bytes": 0, "kB": 10, "MB": 20, "GB": 30, "TB": 40, "PB": 50}  # all binary
_SIZE: Final = re.compile(r"([0-9]{1,9}) (bytes|[kMGTP]B)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One structure: ``fields`` are its lines, ``lists`` the lines indented below one of them."""

    type: int
    handle: int | None
    length: int
    fields: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]

    def number(self, key: str) -> int | None:
        """Return the number a line begins with; None for none, and for 0, which is not told."""
        found = re.match(r"[0-9]{1,9}\b", self.fields.get(key, ""))
        return (int(found[0]) or None) if found else None

    def size(self, key: str) -> int | None:
        """Return the bytes a line tells."""
        found = _SIZE.match(self.fields.get(key, ""))
        return int(found[1]) << _UNITS[found[2]] if found else None


def parse(text: str) -> Iterator[Block]:
    """Yield the structures of a text; one of type 10 that lists several devices gives several."""
    head: _Head | None = None
    lines: list[str] = []
    for raw in text.split("\n"):
        if raw.startswith("\t"):
            lines.append(raw)
            continue
        if head and lines:
            yield _block(head, lines)
        lines = []
        head = _next_head(head, raw.rstrip())
    if head and lines:
        yield _block(head, lines)


@dataclass(frozen=True, kw_only=True)
class _Head:
    """What the lines above a block tell of it."""

    type: int
    handle: int | None
    length: int


def _next_head(head: _Head | None, line: str) -> _Head | None:
    """Return what ``line``, which is not indented, makes of the head before it."""
    if found := HANDLE.fullmatch(line):
        return _Head(type=int(found[2]), handle=int(found[1], 16), length=int(found[3]))
    if head and head.handle is not None:
        return head if line else None  # a title, or the end of the structure
    kind = 10 if _ONBOARD.fullmatch(line) else _TITLES.get(line)
    return None if kind is None else _Head(type=kind, handle=None, length=0)


def _block(head: _Head, lines: list[str]) -> Block:
    fields: dict[str, str] = {}
    lists: defaultdict[str, list[str]] = defaultdict(list)
    last = ""
    for line in lines:
        if line.startswith("\t\t"):
            lists[last].append(line.strip())
            continue
        # Version 3.2 ran the lines of a TPM together.
        for part in line[1:].split("\t"):
            last, _, value = part.partition(":")
            fields.setdefault(last, value.strip())
    return Block(
        type=head.type,
        handle=head.handle,
        length=head.length,
        fields=fields,
        lists={key: tuple(values) for key, values in lists.items()},
    )

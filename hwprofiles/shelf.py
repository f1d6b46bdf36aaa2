"""The shipped profiles: which there are, and how each server model is known.

To read a profile with all its bases takes some 50 ms, and there are dozens. To list them, or to
tell which of the server models a machine is, some keys of each file are enough: they are read
alone. That asks of shipped files that each key of the top begins a line; a test holds them to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from hwprofiles.checks import Check
from hwprofiles.compiling import Compiler
from hwprofiles.documents import parse_document
from hwprofiles.errors import DocumentError
from hwprofiles.profile import ProfileKind

_HERE: Final = Path(__file__).parent
#: Where the shipped profiles of each kind lie; those of sites are nobody's but the site's.
FOLDERS: Final = {
    ProfileKind.HYPERVISOR: _HERE / "hypervisors",
    ProfileKind.SERVER: _HERE / "servers",
}


@dataclass(frozen=True, kw_only=True)
class Head:
    """A shipped profile as a list names it."""

    id: str
    title: str
    verified: date


@cache
def shipped() -> Mapping[str, Path]:
    """Return every shipped profile's file by its name, those only to be extended too."""
    found = {path.stem: path for folder in FOLDERS.values() for path in folder.glob("*.yaml")}
    return dict(sorted(found.items()))


def names(kind: ProfileKind = ProfileKind.HYPERVISOR) -> list[str]:
    """Return the ids of the shipped profiles one can choose, without those only to be extended."""
    return list(_choosable(kind))


@cache
def _choosable(kind: ProfileKind) -> tuple[str, ...]:
    files = {name: path for name, path in shipped().items() if path.parent == FOLDERS[kind]}
    return tuple(name for name, path in files.items() if not _lines(path, "abstract"))


def heads(kind: ProfileKind) -> list[Head]:
    """Return what a list says of each shipped profile of a kind."""
    return [_head(name, shipped()[name]) for name in names(kind)]


def _head(name: str, path: Path) -> Head:
    document = parse_document(_lines(path, "title") + _lines(path, "verified"), str(path))
    verified = date.fromisoformat(document.data["verified"])
    return Head(id=name, title=document.data["title"], verified=verified)


@cache
def matches() -> Mapping[str, Check]:
    """Return, by the name of each server profile, the check that knows its machines."""
    return {name: _match(shipped()[name]) for name in names(ProfileKind.SERVER)}


def _match(path: Path) -> Check:
    document = parse_document(_lines(path, "match"), str(path))
    compiler = Compiler(document, {})
    check = compiler.check(document.data["match"], ("match",))
    if compiler.problems:
        raise DocumentError(compiler.problems)
    return check


def _lines(path: Path, key: str) -> str:
    """Return the lines of one key of the top, which end where the next line begins at the margin.

    Empty lines stand for those before, so that problems have their place. Nothing, where the file
    has no such key; ``abstract: false`` is not written.
    """
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"^{key}:.*\n(?:[ #].*\n|\n)*", text, re.MULTILINE)
    return "\n" * text.count("\n", 0, found.start()) + found[0] if found else ""

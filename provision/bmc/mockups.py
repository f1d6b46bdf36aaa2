"""A mockup directory, as DMTF's mockup creator writes it: one ``index.json`` for each resource."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from provision.bmc import recorded
from provision.bmc.address import ROOT
from provision.bmc.errors import RecordingDamaged, RecordingUnknown
from provision.core.text import clean

_FILE: Final = "index.json"
#: Bytes of all files together, folders looked at, and how deep.
MOST_BYTES: Final = 64 << 20
MOST_FOLDERS: Final = 50_000
DEEPEST: Final = 40


def is_mockup(folder: Path) -> bool:
    """Whether a directory holds a mockup: a service root, at its top or below ``redfish/v1``."""
    return any((folder / top / _FILE).is_file() for top in ("", "redfish/v1", "redfish", "v1"))


def tree(folder: Path) -> dict[str, object]:
    """Return the tree in a mockup directory: URI -> body.

    A resource is at the URI it gives itself, else where it lies. Nothing but regular files is
    read, and no link to another folder is followed.
    """
    doing = f"reading the mockup {clean(folder, 120)}"
    found: dict[str, object] = {}
    left = MOST_BYTES
    for path in _files(folder, doing):
        raw = _content(path, left, doing)
        left -= len(raw)
        body = recorded.parse(raw, str(path))
        if not isinstance(body, dict):
            raise RecordingDamaged(f"{doing}: {clean(path, 120)} holds no JSON object")
        uri = body.get("@odata.id")
        found[uri if isinstance(uri, str) else _place(path.parent, folder)] = body
    if not found:
        raise RecordingUnknown(
            f"{doing}: no {_FILE} anywhere in it",
            hint="Give the directory that the mockup creator wrote, or a file of URI -> body.",
        )
    return found


def _files(folder: Path, doing: str) -> Iterator[Path]:
    for number, (here, below, names) in enumerate(os.walk(folder)):
        if number >= MOST_FOLDERS:
            raise RecordingDamaged(f"{doing}: it has more than {MOST_FOLDERS} folders")
        if len(Path(here).relative_to(folder).parts) >= DEEPEST:
            below.clear()
        if _FILE in names:
            yield Path(here) / _FILE


def _content(path: Path, left: int, doing: str) -> bytes:
    try:
        known = path.stat()
        if not stat.S_ISREG(known.st_mode):
            raise RecordingDamaged(f"{doing}: {clean(path, 120)} is no regular file")
        if known.st_size > left:
            raise RecordingDamaged(f"{doing}: it holds more than {MOST_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise RecordingDamaged(f"{doing}: {clean(path, 120)}: {error.strerror}") from error


def _place(folder: Path, top: Path) -> str:
    """Return the URI of a folder: mockups in short form begin at the service root itself."""
    parts = folder.relative_to(top).parts
    if parts[:1] == ("redfish",):
        return "/" + "/".join(parts)
    if parts[:1] == ("v1",):
        parts = parts[1:]
    return "/".join((ROOT, *parts))

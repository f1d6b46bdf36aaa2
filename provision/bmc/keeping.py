"""BIOS attribute registries kept on disk: the largest thing a BMC serves, and ever the same.

One is known by its id, the BIOS version and the platform. A registry says which setting is called
what, so no BMC may choose it for another: one that was read from a single BMC counts for that BMC,
and for others only once a second one has served the very same.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provision.bmc import replies
from provision.bmc.errors import BadReply
from provision.bmc.replies import JsonObject
from provision.core.config import private_dir, state_dir
from provision.core.errors import ConfigError

_FOLDER: Final = "registries"
#: Registries kept; the one not used for longest goes. Packed, one has 30 to 100 KiB.
MOST: Final = 64
_LARGEST: Final = 8 * 1024 * 1024
_WITNESSES: Final = 2
_SCHEMA: Final = "bareiron.kept-registry/1"


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a registry is known by."""

    registry: str
    bios: str
    platform: str

    @property
    def name(self) -> str:
        """The name of its file."""
        whole = "\0".join((self.registry, self.bios, self.platform))
        return f"{hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()[:32]}.json.gz"


def find(key: Key, bmc: str) -> JsonObject | None:
    """Return the registry if it may be used for ``bmc``; a damaged file is as good as none."""
    path = _folder() / key.name
    if (kept := _read(path)) is None:
        return None
    witnesses, body = kept
    if bmc not in witnesses and len(witnesses) < _WITNESSES:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return body


def keep(key: Key, bmc: str, body: JsonObject) -> None:
    """Keep what ``bmc`` served; what another served stays only if it is the same."""
    path = _folder() / key.name
    kept = _read(path)
    before = kept[0] if kept and kept[1] == body else []
    witnesses = list(dict.fromkeys([*before, bmc]))[:_WITNESSES]
    content = {"schema": _SCHEMA, "witnesses": witnesses, "registry": body}
    with contextlib.suppress(OSError, ConfigError):  # it will be read from the BMC again
        private_dir(path.parent)
        _write(path, gzip.compress(json.dumps(content).encode(), 6, mtime=0))
        for old in sorted(_files(path.parent), key=lambda each: -each.stat().st_mtime)[MOST:]:
            old.unlink(missing_ok=True)


def _folder() -> Path:
    return state_dir() / _FOLDER


def _files(folder: Path) -> Iterator[Path]:
    return folder.glob("*.json.gz")


def _read(path: Path) -> tuple[list[str], JsonObject] | None:
    try:
        packed = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
        unpacker = zlib.decompressobj(31)
        raw = unpacker.decompress(packed, _LARGEST)
        content = replies.parse("reading a kept registry", raw if unpacker.eof else b"")
    except (OSError, zlib.error, BadReply):
        return None
    witnesses, body = content.get("witnesses"), content.get("registry")
    if content.get("schema") != _SCHEMA or not isinstance(witnesses, list):
        return None
    return ([str(each) for each in witnesses], body) if isinstance(body, dict) else None


def _write(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

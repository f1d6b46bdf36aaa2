"""The file ``known_bmcs``: the certificates seen so far, one entry for each BMC address."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from provision.core.config import state_dir
from provision.core.errors import ConfigError
from provision.core.files import write_json


class Trust(StrEnum):
    """Why a certificate was accepted."""

    PIN = "pin"
    CA = "ca"


class Known(BaseModel):
    """One BMC's certificate as it was first seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    trust: Trust
    since: datetime
    #: Serial numbers of the computer systems seen behind it, by the path of the system.
    serials: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What is odd about the server behind a BMC: another stood there, or it stood elsewhere."""

    before: str = ""
    elsewhere: tuple[str, ...] = ()
    other_key: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_: Literal["bareiron.known-bmcs/1"] = "bareiron.known-bmcs/1"
    bmcs: dict[str, Known] = {}


def spelled(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate as ``openssl x509 -fingerprint`` prints it."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


#: What was last read of each file, and which version of it that was.
_loaded: dict[Path, tuple[tuple[int, int, int], _File]] = {}


class KnownBmcs:
    """The pins in one state directory; safe for several processes at once."""

    def __init__(self, directory: Path | None = None) -> None:
        self.path = (directory or state_dir()) / "known_bmcs"

    def find(self, authority: str) -> Known | None:
        """Return what is known of the BMC at ``host:port``."""
        return self._read().bmcs.get(authority)

    def pin(self, authority: str, sha256: str) -> tuple[Known, bool]:
        """Remember a certificate unless one is known; return the known one, and if it is new."""
        with self._locked():
            file = self._read()
            if known := file.bmcs.get(authority):
                return known, False
            file.bmcs[authority] = entry = _entry(sha256, Trust.PIN)
            self._write(file)
            return entry, True

    def vouched(self, authority: str, sha256: str) -> None:
        """Remember that a CA vouches for this BMC, so that losing that is noticed."""
        known = self.find(authority)
        if known and known.trust is Trust.CA and known.sha256 == sha256:
            return
        with self._locked():
            file = self._read()
            file.bmcs[authority] = _entry(sha256, Trust.CA)
            self._write(file)

    def meet(self, authority: str, system: str, serial: str) -> Meeting:
        """Remember which server is behind a BMC; return who was there before, and where it was."""
        known = self.find(authority)
        if known and known.serials.get(system) == serial:
            return Meeting()
        with self._locked():
            file = self._read()
            if (known := file.bmcs.get(authority)) is None:
                return Meeting()
            elsewhere = {
                address: each
                for address, each in file.bmcs.items()
                if address != authority and serial in each.serials.values()
            }
            serials = {**known.serials, system: serial}
            file.bmcs[authority] = known.model_copy(update={"serials": serials})
            self._write(file)
        return Meeting(
            before=known.serials.get(system, ""),
            elsewhere=tuple(elsewhere),
            other_key=any(each.sha256 != known.sha256 for each in elsewhere.values()),
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.path.with_name("known_bmcs.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> _File:
        """Return the file; from memory while nobody has written to it: it may hold thousands."""
        try:
            told = self.path.stat()
        except OSError:
            return self._load()
        version = (told.st_ino, told.st_mtime_ns, told.st_size)
        found = _loaded.get(self.path)
        if found is None or found[0] != version:
            found = _loaded[self.path] = (version, self._load())
        return _File.model_construct(bmcs=dict(found[1].bmcs))

    def _load(self) -> _File:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            content["schema_"] = content.pop("schema")
            return _File.model_validate(content)
        except FileNotFoundError:
            return _File()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            raise ConfigError(
                f"reading the pinned certificates in {self.path}: it is damaged or unreadable",
                hint="Mend it, or move it away and compare each BMC's fingerprint anew.",
            ) from error

    def _write(self, file: _File) -> None:
        content = {
            "schema": file.schema_,
            "bmcs": {name: _dumped(known) for name, known in file.bmcs.items()},
        }
        write_json(self.path, content)


def _dumped(known: Known) -> dict[str, object]:
    return known.model_dump(mode="json", exclude_defaults=True)


def _entry(sha256: str, trust: Trust) -> Known:
    return Known(sha256=sha256, trust=trust, since=datetime.now(UTC).replace(microsecond=0))

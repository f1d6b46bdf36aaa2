"""The sessions we have open, written down so that a crash leaves none behind for ever.

Each process writes to a file of its own and holds a lock on it; the kernel drops the lock however
the process ends. A file whose lock can be had is of a process that is gone, and what stands open in
it was left behind. A session's token is never written.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from provision.core.config import private_dir, state_dir

_FOLDER: Final = "sessions"
_LARGEST: Final = 1024 * 1024
#: No BMC keeps an idle session longer; a name that old may be that of another session by now.
_OLDEST: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A session of ours: on which BMC (``host:port``), at which path, for which user."""

    bmc: str
    path: str
    user: str = ""
    #: When the BMC says that it was created, as it says it; and when we opened it.
    created: str = ""
    at: str = ""


class Journal:
    """The file of this process in one state directory; safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Opened] = {}
        self._fd = -1

    def opened(self, session: Opened) -> None:
        """Write down that a session is open; it is on the disk when this returns."""
        with self._lock:
            self._open[session.bmc, session.path] = session
            self._write({"open": asdict(session)})
        os.fdatasync(self._fd)  # outside the lock: the disk takes those of many threads together

    def closed(self, bmc: str, path: str) -> None:
        """Write down that a session was closed."""
        with self._lock:
            if self._open.pop((bmc, path), None) is None:
                return
            if self._open:
                self._write({"close": [bmc, path]})
            elif self._fd >= 0:
                os.ftruncate(self._fd, 0)

    def left_behind(self, bmc: str) -> list[Opened]:
        """Return the sessions on ``bmc`` that processes of ours left open when they died."""
        found: list[Opened] = []
        for _, entries in self._of_the_dead():
            found += [each for each in entries if each.bmc == bmc]
        return found

    def claim(self, bmc: str) -> list[Opened]:
        """Return the same, and answer for them from now on: they stand in our file instead."""
        found: list[Opened] = []
        for path, entries in self._of_the_dead():
            mine = [each for each in entries if each.bmc == bmc]
            for each in mine:
                self.opened(each)
            found += mine
            if len(mine) == len(entries):
                path.unlink(missing_ok=True)
            elif mine:
                _append(path, [{"close": [bmc, each.path]} for each in mine])
        return found

    @property
    def ours(self) -> bool:
        """Whether this process made it: after a fork, the file is still the parent's."""
        return self._pid == os.getpid()

    def _of_the_dead(self) -> Iterator[tuple[Path, list[Opened]]]:
        """Yield the files whose process is gone, each while we hold its lock."""
        now = datetime.now(UTC)
        for path in sorted(self._folder.glob("*.jsonl")) if self._folder.is_dir() else ():
            try:
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                entries = _entries(os.pread(fd, _LARGEST, 0))
                yield path, [each for each in entries if _recent(each, now)]
            except BlockingIOError:
                continue  # its process lives
            finally:
                os.close(fd)

    def _write(self, line: dict[str, object]) -> None:
        if self._fd < 0:
            self._fd = self._start()
        os.write(self._fd, json.dumps(line).encode() + b"\n")

    def _start(self) -> int:
        """Make our file; it has its final name only once it is locked."""
        private_dir(self._folder)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        hidden = self._folder / f".{name}"
        fd = os.open(hidden, _NEW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        hidden.rename(self._folder / f"{name}.jsonl")
        _sync(self._folder)
        return fd


_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
_journals: dict[Path, Journal] = {}


def journal() -> Journal:
    """Return this process's journal in the state directory."""
    folder = state_dir() / _FOLDER
    known = _journals.get(folder)
    if known is None or not known.ours:
        known = _journals[folder] = Journal(folder)
    return known


def left_behind(bmc: str) -> list[Opened]:
    """Return the sessions on ``bmc`` (``host:port``) that dead processes of ours left open."""
    return journal().left_behind(bmc)


def _entries(raw: bytes) -> list[Opened]:
    """Return what stands open in a file; a line that is torn or no line of ours does not count."""
    found: dict[tuple[str, str], Opened] = {}
    for line in raw.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            told = json.loads(line)
            if "open" in told:
                session = Opened(**{name: str(value) for name, value in told["open"].items()})
                found[session.bmc, session.path] = session
            else:
                bmc, path = told["close"]
                found.pop((bmc, path), None)
    return list(found.values())


def _recent(session: Opened, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(session.at) < _OLDEST
    except (ValueError, TypeError):
        return False


def _append(path: Path, lines: list[dict[str, object]]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

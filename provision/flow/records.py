"""What a run leaves behind: its directory, its event log, and one record per server.

<state>/runs/<run>/
    run.json          what was asked: the servers, fully decided (references, no secrets)
    run.sqlite        how far each server is (the durable engine's own)
    events.jsonl      everything that happened, one line each
    marks/            what is about to be done to a server, written before it is
    records/NAME.json the record of each server
    summary.json      written last; a run without it was interrupted
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provision.core.config import private_dir, state_dir
from provision.core.errors import ConfigError
from provision.core.events import Event
from provision.core.files import write_json
from provision.core.secrets import redact
from provision.core.servers import Server

_log = logging.getLogger(__name__)

RUN_SCHEMA = "bareiron.run/1"
RECORD_SCHEMA = "bareiron.record/1"
EVENT_SCHEMA = "bareiron.event/1"

#: What reading a file of ours raises when it is not as we wrote it.
_DAMAGED = (OSError, ValueError, KeyError, TypeError)


class RunDirectory:
    """One run's files. ``name`` sorts by time: 20261124-2251-3fa9."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.database = path / "run.sqlite"
        self.records = path / "records"
        self.summary = path / "summary.json"

    @classmethod
    def create(cls, servers: list[Server], source: Path) -> RunDirectory:
        """Make the directory of a new run and write down what was asked."""
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        run = cls(private_dir(_runs() / name))
        private_dir(run.records)
        write_json(
            run.path / "run.json",
            {
                "schema": RUN_SCHEMA,
                "run": name,
                "source": str(source),
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "servers": [server.model_dump(exclude_none=True) for server in servers],
            },
        )
        return run

    @classmethod
    def find(cls, name: str) -> RunDirectory:
        """Return the run of that name, or raise ``ConfigError`` naming those there are."""
        run = cls(_runs() / name)
        if "/" in name or not (run.path / "run.json").is_file():
            known = ", ".join(each.name for each in all_runs()[-5:]) or "none"
            raise ConfigError(
                f"looking for the run {name!r}: there is none in {_runs()}",
                hint=f"The latest runs: {known}.",
            )
        return run

    def servers(self) -> list[Server]:
        """Return the servers as they were decided when the run began."""
        try:
            return [Server.model_validate(row) for row in self._asked()["servers"]]
        except _DAMAGED as error:
            raise ConfigError(
                f"reading the run in {self.path / 'run.json'}: {error}",
                hint="Start a new run; its file is damaged.",
            ) from error

    @property
    def title(self) -> str:
        """Name, age and size, for a person to recognise it."""
        try:
            asked = self._asked()
            count, source = len(asked["servers"]), asked["source"]
            return f"{self.name}: {count} servers of {source}, begun {asked['started']}"
        except _DAMAGED:
            return f"{self.name}: damaged"

    def _asked(self) -> Any:
        return json.loads((self.path / "run.json").read_text(encoding="utf-8"))

    def abandon(self) -> None:
        """Give the run up: it counts as ended and is not taken up again."""
        write_json(self.summary, {"run": self.name, "abandoned": True})

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.summary.is_file()

    def read_record(self, name: str) -> dict[str, Any] | None:
        """Return one server's record, or None where there is none yet."""
        try:
            record = json.loads((self.records / f"{name}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def mark(self, name: str, act: str) -> bool:
        """Write down, before ``act`` is done to a server, that it is about to be; once.

        Return False when it was written down before: then the act was done, or may have been.
        """
        folder = private_dir(self.path / "marks")
        try:
            os.close(os.open(folder / f"{name}.{act}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        except OSError as error:
            raise ConfigError(
                f"writing to {folder}: {error.strerror}", hint="Free some space, then resume."
            ) from error
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        return True

    def write_record(self, name: str, record: dict[str, Any]) -> Path:
        """Write one server's record; return its path."""
        path = self.records / f"{name}.json"
        write_json(path, record)
        return path


def _runs() -> Path:
    return private_dir(state_dir() / "runs")


def all_runs() -> list[RunDirectory]:
    """Return every run of this state directory, oldest first."""
    return [
        RunDirectory(path) for path in sorted(_runs().iterdir()) if (path / "run.json").is_file()
    ]


class EventLog:
    """Appends each event to ``events.jsonl``, whole lines only."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run.name
        self._fd = os.open(
            run.path / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

    def __call__(self, event: Event) -> None:
        """Write ``event``; progress is for the screen and is not kept."""
        if event.phase == "progress":
            return
        line = {
            "schema": EVENT_SCHEMA,
            "run": self._run,
            "ts": event.at.isoformat(timespec="milliseconds"),
            "target": event.subject,
            "step": event.step,
            "phase": str(event.phase),
            "result": str(event.result) if event.result else None,
            "code": event.code or None,
            "msg": redact(event.message),
        }
        text = json.dumps(line, ensure_ascii=False) + "\n"
        try:
            os.write(self._fd, text.encode("utf-8", "backslashreplace"))
        except OSError as error:  # the disk is full; what counts is in the database and the record
            _log.warning("writing the event log of %s: %s", self._run, error.strerror)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

"""What the work says while it goes on; the terminal, the log and the record listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Phase(StrEnum):
    """Where in a step an event stands."""

    START = "start"
    PROGRESS = "progress"
    END = "end"
    NOTE = "note"


class Result(StrEnum):
    """How a step ended."""

    OK = "ok"
    SKIPPED = "skipped"  # looked, and found nothing to do
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to one subject (a server's name, a target's path).

    ``done`` and ``total`` count bytes in progress events; ``total`` is None while unknown.
    """

    subject: str
    step: str
    phase: Phase
    message: str = ""
    result: Result | None = None
    code: str = ""
    done: int | None = None
    total: int | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


#: Called with each event, from whatever thread the work runs in. It must not block or raise.
Observer = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""

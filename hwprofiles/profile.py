"""A profile ready to judge by: rules with compiled checks, each knowing where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from hwprofiles.checks import Check
from hwprofiles.population import Layout


class Severity(StrEnum):
    """How bad it is when a rule is not met."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class ProfileKind(StrEnum):
    """Who asks: a hypervisor, a server model (of itself), or a site (of both)."""

    HYPERVISOR = "hypervisor"
    SERVER = "server"
    SITE = "site"


class OnUnknown(StrEnum):
    """What becomes of a rule whose facts are not known."""

    UNKNOWN = "unknown"
    SKIP = "skip"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Who says so: a title, and a page or document."""

    title: str
    where: str

    def __str__(self) -> str:
        return f"{self.title}, {self.where}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing asked of a machine. ``origin`` is the file and line that says so."""

    id: str
    title: str
    severity: Severity
    check: Check
    when: Check | None
    fix: str
    fix_redfish: Mapping[str, str]
    source: Source | None
    confidence: Literal["high", "low"]
    on_unknown: OnUnknown
    origin: str


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Somebody's word that a rule may be missed, up to and with a day; ``when`` says by whom."""

    rule: str
    reason: str
    by: str
    until: date
    when: Check | None

    def as_dict(self, today: date) -> dict[str, str | bool]:
        """Return it as findings print it."""
        return {
            "reason": self.reason,
            "by": self.by,
            "until": self.until.isoformat(),
            "expired": self.until < today,
        }


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What is asked of hardware. ``files`` are those it was read from, bases first.

    ``match`` tells whether a machine is of this model, ``aliases`` are its other names, ``layout``
    is that of its memory slots: all three of a server only.
    """

    id: str
    kind: ProfileKind
    title: str
    verified: date
    params: Mapping[str, str | int | float]
    rules: tuple[Rule, ...]
    files: tuple[str, ...]
    waivers: tuple[Waiver, ...] = ()
    match: Check | None = None
    aliases: tuple[str, ...] = ()
    layout: Layout | None = None

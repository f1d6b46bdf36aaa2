"""A profile ready to judge by: rules with compiled checks, each knowing where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from hwprofiles.checks import Check


class Severity(StrEnum):
    """How bad it is when a rule is not met."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


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
class Profile:
    """What one hypervisor asks of hardware. ``files`` are those it was read from, bases first."""

    id: str
    title: str
    verified: date
    params: Mapping[str, str | int | float]
    rules: tuple[Rule, ...]
    files: tuple[str, ...]

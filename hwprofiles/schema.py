"""The shape of a profile file; a typo in a key or a type is an error with its place."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hwprofiles.platforms import SettingWord
from hwprofiles.profile import OnUnknown, Severity
from hwprofiles.sources import Reference, Strict

SCHEMA = "bareiron.profile/1"
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]


class RuleFile(Strict):
    """A rule as written. ``enabled: false`` removes one that a base has, and needs nothing else."""

    id: Id
    enabled: bool = True
    title: str = ""
    severity: Severity | None = None
    when: dict[str, Any] | None = None
    check: dict[str, Any] | None = None
    fix: str = ""
    fix_redfish: dict[SettingWord, Literal["enabled", "disabled"]] = Field(default_factory=dict)
    source: str = ""
    confidence: Literal["high", "low"] = "high"
    on_unknown: OnUnknown = OnUnknown.UNKNOWN

    @model_validator(mode="after")
    def _whole(self) -> RuleFile:
        asked = {"title": self.title, "severity": self.severity, "check": self.check}
        lacking = [name for name, value in asked.items() if value in ("", None)]
        if self.enabled and lacking:
            raise ValueError(f"rule {self.id!r} lacks {', '.join(lacking)}")
        return self


class ProfileFile(Strict):
    """A file of requirements; ``abstract`` ones are only there to be extended."""

    schema_: Literal["bareiron.profile/1"] = Field(alias="schema")
    kind: Literal["hypervisor"]
    id: Id
    title: str = Field(min_length=3)
    verified: date
    abstract: bool = False
    extends: tuple[str, ...] = ()
    sources: dict[str, Reference] = Field(default_factory=dict)
    params: dict[str, str | int | float] = Field(default_factory=dict)
    rules: tuple[RuleFile, ...] = ()

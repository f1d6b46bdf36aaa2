"""The shape of a profile file; a typo in a key or a type is an error with its place."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hwprofiles.platforms import SettingWord
from hwprofiles.population import Layout
from hwprofiles.profile import OnUnknown, ProfileKind, Severity
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


class WaiverFile(Strict):
    """A rule that may be missed for a while: why, who says so, and until which day."""

    rule: Id
    reason: str = Field(min_length=3)
    by: str = Field(min_length=2)
    until: date
    when: dict[str, Any] | None = None


class PopulationFile(Strict):
    """The memory slots of a server model; see ``hwprofiles.population.Layout``."""

    slots: dict[str, tuple[str, ...]] = Field(min_length=1)
    fill: tuple[tuple[int, ...], ...] = ()
    counts: tuple[tuple[int, ...], ...] = ()
    same: tuple[Literal["size", "rank", "speed", "type", "part"], ...] = ()
    balanced: bool = False

    @model_validator(mode="after")
    def _within(self) -> PopulationFile:
        fewest = min(len(names) for names in self.slots.values())
        placed = [position for group in self.fill for position in group]
        counted = [position for positions in self.counts for position in positions]
        if any(not 1 <= position <= fewest for position in placed + counted):
            raise ValueError(f"fill and counts count slots from 1 to {fewest}")
        if len(set(placed)) < len(placed):
            raise ValueError("fill has a slot in two groups")
        numbers = [len(set(positions)) for positions in self.counts]
        if len(set(numbers)) < len(numbers):
            raise ValueError("counts has two lists for one number of modules")
        if self.fill and self.counts:
            raise ValueError("fill and counts say the same in two ways; give one of them")
        return self

    def layout(self) -> Layout:
        """Return it as checks use it."""
        return Layout(**dict(self))


class ProfileFile(Strict):
    """A file of requirements; ``abstract`` ones are only there to be extended."""

    schema_: Literal["bareiron.profile/1"] = Field(alias="schema")
    kind: ProfileKind
    id: Id
    title: str = Field(min_length=3)
    verified: date
    abstract: bool = False
    extends: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    match: dict[str, Any] | None = None
    population: PopulationFile | None = None
    sources: dict[str, Reference] = Field(default_factory=dict)
    params: dict[str, str | int | float] = Field(default_factory=dict)
    rules: tuple[RuleFile, ...] = ()
    waivers: tuple[WaiverFile, ...] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> ProfileFile:
        server = self.kind is ProfileKind.SERVER
        if not server and (self.match or self.aliases or self.population):
            raise ValueError("match, aliases and population are for profiles of kind server")
        if server and not self.abstract and self.match is None:
            raise ValueError("a server profile needs match, to know its machines by")
        return self

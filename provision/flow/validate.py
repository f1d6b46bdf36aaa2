"""Validate: read what machines are, judge them by a profile, keep facts and findings together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import hwprofiles
from hwprofiles import DocumentError, Finding, Outcome, Profile
from hwprofiles.facts import Facts, as_dict
from provision import __version__
from provision.core.errors import ConfigError, ProvisionError, ValidationFailed
from provision.core.events import Event, Observer, Phase, Result, ignore
from provision.flow.errors import ValidationUnknown
from provision.flow.sources import Machine
from provision.flow.targets import Seen, Targets, each
from provision.report import json, text
from provision.report.validations import verdict_of

if TYPE_CHECKING:
    from provision.bmc.service import Bmc

SCHEMA: Final = "bareiron.validation/1"
_STEP: Final = "validate"
_STAGED: Final = (
    "BIOS settings are staged and wait for a restart: start or restart it, or give "
    "--allow-reboot; then validate again."
)
_RESULTS: Final = {"PASS": Result.OK, "FAIL": Result.FAIL, "UNKNOWN": Result.UNKNOWN}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of validating one machine.

    ``server`` is the profile of the server model, where it is known. ``tls`` says how a BMC's
    identity was established. ``settings`` holds, by rule, the BIOS attributes and values that would
    mend it on this very machine; ``staged``: they wait for the next restart.
    """

    target: str
    profile: Profile
    findings: tuple[Finding, ...]
    facts: Facts
    server: Profile | None = None
    tls: Mapping[str, Any] | str | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    staged: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many rules came out how."""
        return json.counts(self.findings)

    @property
    def failed(self) -> bool:
        """Whether some rule failed."""
        return bool(self.counts[Outcome.FAIL])

    @property
    def passed(self) -> bool:
        """Whether the machine is known to suit: nothing failed, and nothing is open."""
        return self.word == "PASS"

    def rules(self, outcome: Outcome) -> list[str]:
        """Return the ids of the rules that came out so."""
        return [finding.rule for finding in self.findings if finding.outcome is outcome]

    @property
    def word(self) -> str:
        """FAIL, UNKNOWN or PASS."""
        return verdict_of(self.findings, self.profile.id)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as ``--output json`` and records keep it."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "profile": _named(self.profile) | {"params": dict(self.profile.params)},
            "server": _named(self.server) if self.server else None,
            "tool": f"bareiron {__version__}",
            "at": self.at.isoformat(timespec="seconds"),
            "tls": self.tls,
            "verdict": self.word,
            "passed": self.passed,
            "counts": self.counts,
            "findings": json.findings(self.findings)["findings"],
            "settings": {rule: dict(values) for rule, values in self.settings.items()},
            "facts": as_dict(self.facts)["facts"],
        }

    def as_text(self) -> str:
        """Return the verdict for a person: the machine, the findings worst first, the counts."""
        return text.render([self.as_dict()]).rstrip("\n")


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A machine that could not be validated, and why."""

    target: str
    error: ProvisionError
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` and reports print it."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "tool": f"bareiron {__version__}",
            "at": self.at.isoformat(timespec="seconds"),
            "verdict": "ERROR",
            "error": self.error.as_dict(),
        }


def _named(profile: Profile) -> dict[str, str]:
    return {
        "id": profile.id,
        "title": profile.title,
        "verified": profile.verified.isoformat(),
    }


def load_profile(name_or_path: str) -> Profile:
    """Return a profile; ``ConfigError`` with every problem at its place."""
    try:
        return hwprofiles.load(name_or_path)
    except DocumentError as error:
        told = "\n".join(
            str(problem).removeprefix(f"{name_or_path}: ") for problem in error.problems
        )
        between = " " if len(error.problems) == 1 else "\n"
        raise ConfigError(
            f"loading the profile {name_or_path}:{between}{told}",
            hint="Mend the places named, or choose one of `provision profile list`.",
        ) from error


async def validate(
    targets: Targets, profile: Profile, observer: Observer = ignore
) -> list[Verdict | Unread]:
    """Validate every one of ``targets``; read only. One that cannot be read stops no other."""

    async def work(machine: Machine) -> Verdict:
        verdict = await judge(machine.bmc, machine.facts, profile, machine.target)
        _tell(verdict, observer)
        return verdict

    return [
        seen.result or Unread(target=seen.target, error=_error(seen))
        for seen in await each(targets, work, observer)
    ]


def _error(seen: Seen[Verdict]) -> ProvisionError:
    return seen.error or ConfigError(f"validating {seen.target}: nothing came of it")


async def judge(bmc: Bmc | None, facts: Facts, profile: Profile, target: str) -> Verdict:
    """Judge facts by ``profile`` and, if the server model is known, by what it is.

    Where a BMC told them, the remedies come out in that machine's own attributes.
    """
    server = hwprofiles.match(facts)
    findings = tuple(hwprofiles.judge(profile, facts, server))
    return Verdict(
        target=target,
        profile=profile,
        server=server,
        findings=findings,
        facts=facts,
        tls=bmc.tls if bmc else None,
        settings=await _settings(bmc, findings) if bmc else {},
    )


async def _settings(bmc: Bmc, findings: tuple[Finding, ...]) -> dict[str, dict[str, Any]]:
    """Translate the remedies of what is wrong into this machine's own attributes and values."""
    from provision.bmc import bios

    wrong = [
        finding
        for finding in findings
        if finding.fix_redfish and finding.outcome in (Outcome.FAIL, Outcome.WARN, Outcome.INFO)
    ]
    if not wrong:
        return {}
    try:
        known = await bios.settings(bmc)
    except ProvisionError:
        return {}  # the verdict stands without it; the words of the remedy do too
    found: dict[str, dict[str, Any]] = {}
    for finding in wrong:
        for word, state in finding.fix_redfish.items():
            if setting := known.get(word):
                value = setting.enabled if state == "enabled" else setting.disabled
                found.setdefault(finding.rule, {})[setting.attribute] = value
    return found


def _tell(verdict: Verdict, observer: Observer) -> None:
    observer(
        Event(
            subject=verdict.target,
            step=_STEP,
            phase=Phase.END,
            message=text.summary(verdict.findings, verdict.profile.id),
            result=_RESULTS[verdict.word],
        )
    )


def problem(verdict: Verdict | Unread, *, strict: bool = False) -> ProvisionError | None:
    """Return what a caller has to be told of ``verdict``; None when there is nothing.

    With ``strict``, that is also what could not be judged, and that nothing passed.
    """
    if isinstance(verdict, Unread):
        return verdict.error
    doing = f"validating {verdict.target} against {verdict.profile.id}"
    if failed := verdict.rules(Outcome.FAIL):
        return ValidationFailed(
            f"{doing}: {_number(failed)} failed: {', '.join(failed)}",
            hint=_STAGED if verdict.staged else None,
        )
    if not strict or verdict.word != "UNKNOWN":
        return None
    unknown = verdict.rules(Outcome.UNKNOWN)
    told = f"{_number(unknown)} could not be judged: {', '.join(unknown)}"
    return ValidationUnknown(f"{doing}: {told if unknown else 'no rule passed'}")


def _number(rules: list[str]) -> str:
    return "1 rule" if len(rules) == 1 else f"{len(rules)} rules"

"""Validate: read what a machine is, judge it by a profile, and keep facts and findings together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import hwprofiles
from hwprofiles import DocumentError, Finding, Outcome, Profile
from hwprofiles.facts import Facts, as_dict
from provision import __version__
from provision.core.errors import ConfigError, ProvisionError
from provision.core.events import Event, Observer, Phase, Result, ignore
from provision.core.text import clean
from provision.flow.errors import ValidationUnknown
from provision.report import json, text

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc

SCHEMA: Final = "bareiron.validation/1"
_STEP: Final = "validate"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of validating one machine.

    ``tls`` says how a BMC's identity was established. ``settings`` holds, by rule, the BIOS
    attributes and values that would mend it on this very machine.
    """

    target: str
    profile: Profile
    findings: tuple[Finding, ...]
    facts: Facts
    tls: Mapping[str, Any] | str | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def counts(self) -> dict[str, int]:
        """How many rules came out how."""
        return json.counts(self.findings)

    @property
    def passed(self) -> bool:
        """Whether no rule failed; with rules open, or none passed, ``word`` says UNKNOWN."""
        return not self.counts[Outcome.FAIL]

    @property
    def word(self) -> str:
        """FAIL, UNKNOWN or PASS."""
        return text.verdict(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as ``--output json`` and records keep it."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "profile": {
                "id": self.profile.id,
                "title": self.profile.title,
                "verified": self.profile.verified.isoformat(),
                "params": dict(self.profile.params),
            },
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
        told = (self.facts.get(f"system.{name}") for name in ("vendor", "model", "serial"))
        machine = " ".join(clean(fact.value) for fact in told if fact)
        head = f"{self.profile.title} on {self.target}" + (f" ({machine})" if machine else "")
        remedies = {rule: _spoken(values) for rule, values in self.settings.items()}
        return f"{head}\n\n{text.findings(self.findings, remedies)}"


def _spoken(values: Mapping[str, Any]) -> str:
    pairs = ", ".join(f"{clean(name)} to {value}" for name, value in values.items())
    return f"In the BIOS settings of this machine: set {pairs}."


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


async def validate_bmc(access: Access, profile: Profile, observer: Observer = ignore) -> Verdict:
    """Validate a server over Redfish; read only."""
    from provision.bmc import inventory
    from provision.bmc.client import connect

    async with connect(access, observer=observer) as bmc:
        verdict = await judge(bmc, await inventory.read_facts(bmc), profile, access.url)
    _tell(verdict, observer)
    return verdict


async def judge(bmc: Bmc, facts: Facts, profile: Profile, target: str) -> Verdict:
    """Judge what a BMC told; the remedies come out in that machine's own attributes."""
    findings = tuple(hwprofiles.judge(profile, facts))
    return Verdict(
        target=target,
        profile=profile,
        findings=findings,
        facts=facts,
        tls=bmc.tls,
        settings=await _settings(bmc, findings),
    )


def validate_local(root: Path, profile: Profile, observer: Observer = ignore) -> Verdict:
    """Validate the machine under ``root``: ``/`` is this one."""
    from provision.host import read_facts

    facts = read_facts(root)
    if not facts:
        raise ConfigError(
            f"reading the machine under {root}: nothing there tells of one",
            hint="Give a directory laid out like /, with proc and sys below it.",
        )
    verdict = Verdict(
        target=str(root),
        profile=profile,
        findings=tuple(hwprofiles.judge(profile, facts)),
        facts=facts,
    )
    _tell(verdict, observer)
    return verdict


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
            message=text.summary(verdict.findings),
            result=Result.OK if verdict.passed else Result.FAIL,
        )
    )


def insist(verdict: Verdict) -> None:
    """Raise ``ValidationUnknown`` when nothing failed but something, or everything, is open."""
    if verdict.word != "UNKNOWN":
        return
    rules = [f.rule for f in verdict.findings if f.outcome is Outcome.UNKNOWN]
    number = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    told = f"{number} could not be judged: {', '.join(rules)}" if rules else "no rule passed"
    raise ValidationUnknown(f"validating {verdict.target} against {verdict.profile.id}: {told}")

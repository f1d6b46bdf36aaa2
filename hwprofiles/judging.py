"""Judging: a profile and facts in, findings out, worst first. Pure; stdlib only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hwprofiles.checks import Check, Truth
from hwprofiles.facts import Fact, Facts
from hwprofiles.profile import OnUnknown, Profile, Rule, Severity, Source


class Outcome(StrEnum):
    """What came of a rule, worst first."""

    FAIL = "fail"
    WARN = "warn"
    UNKNOWN = "unknown"
    INFO = "info"  # not met, and of no matter but to know
    WAIVED = "waived"
    SKIP = "skip"
    PASS = "pass"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule judged: what was expected, what was found, on what evidence, and what to do.

    ``fix_redfish`` is in setting words (``virtualization: enabled``); the platform's data turns
    them into its own attributes. ``origin`` is the profile file and line.
    """

    rule: str
    title: str
    outcome: Outcome
    severity: Severity
    expected: str
    found: str
    evidence: tuple[tuple[str, Fact], ...]
    unknown: tuple[str, ...]
    fix: str
    fix_redfish: Mapping[str, str]
    source: Source | None
    confidence: str
    origin: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as ``bareiron.findings/1`` prints it."""
        source = {"title": self.source.title, "where": self.source.where} if self.source else None
        return {
            "rule": self.rule,
            "title": self.title,
            "outcome": str(self.outcome),
            "severity": str(self.severity),
            "expected": self.expected,
            "found": self.found,
            "evidence": {name: fact.as_dict() for name, fact in self.evidence},
            "unknown": list(self.unknown),
            "fix": self.fix,
            "fix_redfish": dict(self.fix_redfish),
            "source": source,
            "confidence": self.confidence,
            "origin": self.origin,
        }


def judge(profile: Profile, facts: Facts) -> list[Finding]:
    """Judge ``facts`` by every rule of ``profile``; worst first, else in the profile's order."""
    findings = [judge_rule(rule, facts) for rule in profile.rules]
    return sorted(findings, key=lambda finding: _RANK[finding.outcome])


_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
_MISSED = {
    Severity.ERROR: Outcome.FAIL,
    Severity.WARNING: Outcome.WARN,
    Severity.INFO: Outcome.INFO,
}
_OPEN = {
    OnUnknown.UNKNOWN: Outcome.UNKNOWN,
    OnUnknown.SKIP: Outcome.SKIP,
    OnUnknown.WARNING: Outcome.WARN,
    OnUnknown.ERROR: Outcome.FAIL,
}


def judge_rule(rule: Rule, facts: Facts) -> Finding:
    """Judge one rule."""
    verdict = rule.check.judge(facts)
    applies = True if rule.when is None else rule.when.judge(facts)
    asked = [rule.check] if rule.when is None or applies is True else [rule.when, rule.check]
    names = list(dict.fromkeys(name for check in asked for name in check.facts()))
    return Finding(
        rule=rule.id,
        title=rule.title,
        outcome=_outcome(rule, applies, verdict),
        severity=rule.severity,
        expected=rule.check.words(),
        found=_found(asked, facts),
        evidence=tuple((name, facts[name]) for name in _with_attributes(names) if name in facts),
        unknown=tuple(name for name in names if name not in facts),
        fix=rule.fix,
        fix_redfish=rule.fix_redfish,
        source=rule.source,
        confidence=rule.confidence,
        origin=rule.origin,
    )


def _outcome(rule: Rule, applies: Truth, verdict: Truth) -> Outcome:
    if applies is False:
        return Outcome.SKIP
    if verdict is True:
        return Outcome.PASS
    if applies is None or verdict is None:
        return _OPEN[rule.on_unknown]
    return _MISSED[rule.severity]


def _found(asked: list[Check], facts: Facts) -> str:
    """Return the values met; one alone goes without its name."""
    met = list(dict.fromkeys(pair for check in asked for pair in check.found(facts)))
    if len(met) == 1:
        return met[0][1]
    return ", ".join(f"{name} {words}" for name, words in met)


def _with_attributes(names: list[str]) -> list[str]:
    """Add, behind each state, the attribute that told it: a remedy is done there."""
    found: list[str] = []
    for name in names:
        found.append(name)
        if name.endswith(".state"):
            found.append(name.removesuffix("state") + "attribute")
    return found

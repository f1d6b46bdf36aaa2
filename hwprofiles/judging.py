"""Judging: a profile and facts in, findings out, worst first. Pure; stdlib only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from hwprofiles.checks import Check, Truth
from hwprofiles.facts import CATALOGUE, Fact, Facts, shown
from hwprofiles.facts import Source as FactSource
from hwprofiles.origins import how_to_learn
from hwprofiles.profile import OnUnknown, Profile, Rule, Severity, Source, Waiver


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
    them into its own attributes. ``profile`` is the id of the one that asks, ``origin`` its file
    and line. ``waiver`` is one that speaks of this rule and machine, be it in force or expired.
    ``look``: how to learn what is not known, where that left the rule open.
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
    profile: str
    waiver: Mapping[str, str | bool] | None = None
    look: str = ""

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
            "profile": self.profile,
            "waiver": dict(self.waiver) if self.waiver else None,
            "look": self.look,
        }


def judge(
    profile: Profile, facts: Facts, server: Profile | None = None, today: date | None = None
) -> list[Finding]:
    """Judge ``facts`` by every rule of ``profile``, and of the ``server`` model's own.

    Worst first, else in the profiles' order. Sources that contradict one another are findings as
    well. The waivers of ``profile`` count for all of them, by the date ``today``.
    """
    today = today or datetime.now(UTC).date()
    findings = [
        judge_rule(rule, facts, asking.id)
        for asking in (profile, server)
        if asking is not None
        for rule in asking.rules
    ]
    findings += contradictions(facts)
    findings = [_waived(finding, profile.waivers, facts, today) for finding in findings]
    return sorted(findings, key=lambda finding: _RANK[finding.outcome])


def _waived(finding: Finding, waivers: Sequence[Waiver], facts: Facts, today: date) -> Finding:
    """Put the waiver that speaks of ``finding``, if one does, and its effect.

    The site's own come after those of its bases and win; one in force wins over one that expired.
    """
    if finding.outcome in (Outcome.PASS, Outcome.SKIP):
        return finding
    speaking = [
        waiver
        for waiver in reversed(waivers)
        if waiver.rule == finding.rule and (waiver.when is None or waiver.when.judge(facts) is True)
    ]
    in_force = [waiver for waiver in speaking if waiver.until >= today]
    if not speaking:
        return finding
    outcome = Outcome.WAIVED if in_force else finding.outcome
    return replace(finding, outcome=outcome, waiver=(in_force or speaking)[0].as_dict(today))


def contradictions(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each fact that two sources do not agree about."""
    for name, fact in facts.items():
        if not fact.rivals:
            continue
        rivals = "; ".join(f"{shown(name, rival.value)} ({rival.path})" for rival in fact.rivals)
        yield Finding(
            rule=f"sources.{name}",
            title=f"The sources agree on {CATALOGUE[name].text}",
            outcome=Outcome.WARN,
            severity=Severity.WARNING,
            expected=f"{shown(name, fact.value)} ({fact.path})",
            found=rivals,
            evidence=((name, fact),),  # which brings its rivals along
            unknown=(),
            fix=(
                "Find out which one is right: read both again with the host on and past its POST; "
                "a BMC that is behind takes its inventory anew when it is restarted."
            ),
            fix_redfish={},
            source=None,
            confidence="high",
            origin="",
            profile="",
        )


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


def judge_rule(rule: Rule, facts: Facts, profile: str = "") -> Finding:
    """Judge one rule of the profile with that id.

    Where sources contradict one another, and the rule would come out otherwise by what the others
    say, it is open.
    """
    applies, verdict = _truths(rule, facts)
    disputed = _disputed(rule, facts, (applies, verdict))
    if disputed:
        applies, verdict = (True, None) if applies is not None else (None, verdict)
    asked = [rule.check] if rule.when is None or applies is True else [rule.when, rule.check]
    names = list(dict.fromkeys(name for check in asked for name in check.facts()))
    unknown = tuple(name for name in names if name not in facts or name in disputed)
    outcome = _outcome(rule, applies, verdict)
    open_ = outcome not in (Outcome.PASS, Outcome.SKIP) and None in (applies, verdict)
    return Finding(
        rule=rule.id,
        title=rule.title,
        outcome=outcome,
        severity=rule.severity,
        expected=rule.check.words(),
        found=_found(asked, facts),
        evidence=tuple((name, facts[name]) for name in _with_attributes(names) if name in facts),
        unknown=unknown,
        fix=" ".join([*_advice(rule, verdict, facts), rule.fix]).strip(),
        fix_redfish=rule.fix_redfish,
        source=rule.source,
        confidence=rule.confidence,
        origin=rule.origin,
        profile=profile,
        look=_look(names, facts) if open_ else "",
    )


def _truths(rule: Rule, facts: Facts) -> tuple[Truth, Truth]:
    return (True if rule.when is None else rule.when.judge(facts)), rule.check.judge(facts)


def _disputed(rule: Rule, facts: Facts, truths: tuple[Truth, Truth]) -> list[str]:
    """Return the facts of which what other sources say would have the rule come out otherwise.

    What the user states decides: who states it knows of the others.
    """
    checks = [rule.check] if rule.when is None else [rule.when, rule.check]
    names = dict.fromkeys(name for check in checks for name in check.facts())
    outcome = _outcome(rule, *truths)
    return [
        name
        for name in names
        if any(
            _outcome(rule, *_truths(rule, {**facts, name: rival})) is not outcome
            for rival in _rivals(facts.get(name))
        )
    ]


def _rivals(fact: Fact | None) -> tuple[Fact, ...]:
    return () if fact is None or fact.source is FactSource.USER else fact.rivals


def _look(names: list[str], facts: Facts) -> str:
    """Return how to learn what the rule lacks: facts not told, and those that cannot tell."""
    lacking = [
        name for name in names if name not in facts or facts[name].value in CATALOGUE[name].unsure
    ]
    return how_to_learn(lacking, {fact.source for fact in facts.values()})


def _advice(rule: Rule, verdict: Truth, facts: Facts) -> Iterator[str]:
    if verdict is False:
        yield from dict.fromkeys(rule.check.advice(facts))


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

"""Findings and facts for a person at a crash cart: 80 columns, worst first, with remedies."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hwprofiles import Finding, Outcome
from hwprofiles.facts import CATALOGUE, Fact, Facts, shown
from provision.core.text import clean
from provision.report.json import counts

WIDTH: Final = 80
_LABEL: Final = 10
_INDENT: Final = 9
_COLUMN: Final = 14  # most values fit in
_FEW: Final = 10  # words of a list worth printing
#: Told one by one; the rest only by their names.
_TOLD: Final = (Outcome.FAIL, Outcome.WARN, Outcome.UNKNOWN, Outcome.INFO)
_COUNTED: Final = {
    Outcome.FAIL: "failed",
    Outcome.WARN: "warned of",
    Outcome.UNKNOWN: "not known",
    Outcome.INFO: "for information",
    Outcome.WAIVED: "waived",
    Outcome.SKIP: "not applicable",
    Outcome.PASS: "passed",
}


def findings(found: Sequence[Finding], remedies: Mapping[str, str] | None = None) -> str:
    """Return the findings as text; ``remedies`` adds, by rule, what a machine can do about it."""
    lines: list[str] = []
    for finding in found:
        if finding.outcome in _TOLD:
            lines += [*_finding(finding, (remedies or {}).get(finding.rule, "")), ""]
    for outcome in Outcome:
        rules = [finding.rule for finding in found if finding.outcome is outcome]
        if rules and outcome not in _TOLD:
            lines += _wrapped(f"{outcome.upper():<{_INDENT}}", ", ".join(rules))
    return "\n".join([*lines, "", summary(found)]).strip("\n")


def summary(found: Sequence[Finding]) -> str:
    """Return the last line: the verdict, and how many rules came out how."""
    number = counts(found)
    told = [f"{number[outcome]} {word}" for outcome, word in _COUNTED.items() if number[outcome]]
    return f"{verdict(found)}: {', '.join(told) or 'no rules'}"


def verdict(found: Sequence[Finding]) -> str:
    """Return FAIL, UNKNOWN or PASS: what could not be judged has not passed.

    Nor has a machine of which not one rule says that it suits.
    """
    number = counts(found)
    if number["fail"]:
        return "FAIL"
    return "PASS" if number["pass"] and not number["unknown"] else "UNKNOWN"


def _finding(finding: Finding, remedy: str) -> Iterator[str]:
    yield from _wrapped(
        f"{finding.outcome.upper():<{_INDENT}}", f"{clean(finding.title)} [{finding.rule}]"
    )
    yield from _part("found", clean(finding.found))
    yield from _part("wanted", clean(finding.expected))
    for place, told in _evidence(finding).items():
        yield from _part("evidence", ", ".join(told))
        yield from _part("", place)
    if finding.outcome is Outcome.UNKNOWN and finding.unknown:
        yield from _part("not told", ", ".join(finding.unknown))
    if finding.outcome is not Outcome.UNKNOWN:  # mending what may be well is no remedy
        yield from _part("fix", clean(finding.fix, 1000))
        yield from _part("" if finding.fix else "fix", remedy)
    if finding.source:
        yield from _part("source", clean(finding.source.title))
    if finding.confidence == "low":
        yield from _part("caution", "this rule has no sure source; check before acting on it")


def _value(name: str, fact: Fact) -> str:
    if isinstance(fact.value, tuple) and len(fact.value) > _FEW:
        return f"{len(fact.value)} words"
    return clean(shown(name, fact.value), 200)


def _evidence(finding: Finding) -> dict[str, list[str]]:
    """Return what was told at each place; one attribute often tells several facts."""
    places: dict[str, list[str]] = {}
    for name, fact in finding.evidence:
        places.setdefault(_place(fact), []).append(f"{name} = {_value(name, fact)}")
    return places


def _place(fact: Fact) -> str:
    power = f", power {clean(fact.power_state)}" if fact.power_state else ""
    path = clean(fact.path)
    if len(path) > WIDTH - _INDENT - _LABEL:
        path = path.replace("#", " #")  # a good place to break
    return f"{path} ({fact.source}{power})"


def _part(label: str, text: str) -> list[str]:
    return _wrapped(f"{' ' * _INDENT}{label:<{_LABEL}}", text) if text else []


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )


def facts(known: Facts) -> str:
    """Return facts as two columns, in the order of the catalogue, with where each was read."""
    width = max((len(name) for name in known), default=0) + 2
    lines: list[str] = []
    for name in CATALOGUE:
        if name in known:
            value, place = _value(name, known[name]), _place(known[name])
            line = f"{name:<{width}}{value:<{_COLUMN}}  {place}"
            if len(value) <= _COLUMN and len(line) <= WIDTH:
                lines.append(line)
                continue
            lines += _wrapped(f"{name:<{width}}", value)
            lines += _wrapped(" " * width, place)
    return "\n".join(lines) or "nothing is known"

"""Findings and facts for a person at a crash cart: 80 columns, worst first, with remedies."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hwprofiles import Outcome
from hwprofiles.facts import CATALOGUE, Facts
from hwprofiles.judging import Finding as Judged
from provision.report import text_many
from provision.report.layout import INDENT, WIDTH, headed, part, parts, wrapped
from provision.report.reading import read_all, read_fact, read_finding
from provision.report.validations import (
    LOW,
    TOLD,
    Fact,
    Finding,
    Validation,
    counted,
    host,
    in_text,
    verdict_of,
)

_COLUMN: Final = 14  # most values fit in
_SHORT: Final = "…"  # for the file that most facts come from
_FEW: Final = 10  # words of a list worth printing


def render(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return validations as text: one machine in full, several by verdict and by cause."""
    validations = read_all(verdicts)
    if len(validations) == 1:
        return "\n".join(_machine(validations[0])) + "\n"
    return text_many.render(validations)


def findings(found: Sequence[Judged], remedies: Mapping[str, str] | None = None) -> str:
    """Return the findings as text; ``remedies`` adds, by rule, what a machine can do about it."""
    told = [read_finding(finding.as_dict()) for finding in found]
    return "\n".join(_findings(told, remedies)).strip("\n")


def summary(found: Sequence[Judged]) -> str:
    """Return the last line: the verdict, and how many rules came out how."""
    return _summary([finding.outcome for finding in found])


def verdict(found: Sequence[Judged]) -> str:
    """Return FAIL, UNKNOWN or PASS: what could not be judged has not passed.

    Nor has a machine of which not one rule says that it suits.
    """
    return verdict_of([finding.outcome for finding in found])


def facts(known: Facts) -> str:
    """Return facts in the order of the catalogue, with where each was read; tables row by row."""
    told = [read_fact(name, known[name].as_dict()) for name in CATALOGUE if name in known]
    width = max((len(fact.name) for fact in told), default=0) + 2
    base = _base(told)
    lines = [*wrapped("", f"{_SHORT} stands for {base}"), ""] if base else []
    lines += (line for fact in told for line in _fact(fact, width, base))
    return "\n".join(lines) or "nothing is known"


def _base(told: Sequence[Fact]) -> str:
    """Return the file or resource that most facts come from, where its name is worth shortening."""
    files = Counter(fact.path.partition("#")[0] for fact in told if "#" in fact.path)
    base, number = files.most_common(1)[0] if files else ("", 0)
    return base if number > len(told) / 2 and len(base) > len(_SHORT) + 8 else ""


def _machine(validation: Validation) -> Iterator[str]:
    name = f" ({validation.machine})" if validation.machine else ""
    target = host(validation.target)
    if validation.error:
        yield from headed("ERROR", f"{target} could not be validated [{validation.error.code}]")
        yield from part("why", validation.error.message)
        yield from part("fix", validation.error.hint)
        return
    title = validation.profile.title if validation.profile else "Validation"
    yield from wrapped("", f"{title} on {target}{name}")
    yield from wrapped("", validation.made_of)
    if validation.server:
        server = validation.server
        yield from wrapped("", f"Known server: {server.title}, verified {server.verified}")
    elif validation.server_sought:
        yield from wrapped("", "Known server: none; only what the hypervisor asks was judged")
    yield ""
    own = validation.profile.id if validation.profile else ""
    yield from _findings(validation.findings, own=own)


def _findings(
    found: Sequence[Finding], remedies: Mapping[str, str] | None = None, own: str = ""
) -> Iterator[str]:
    for finding in found:
        if finding.outcome in TOLD:
            other = own and finding.profile and finding.profile != own
            rule = f"{finding.rule} of {finding.profile}" if other else finding.rule
            yield from (*_finding(finding, rule, (remedies or {}).get(finding.rule, "")), "")
    for outcome in Outcome:
        rules = [finding.rule for finding in found if finding.outcome is outcome]
        if rules and outcome not in TOLD:
            yield from headed(outcome, ", ".join(rules))
    yield ""
    yield from wrapped("", _summary([finding.outcome for finding in found]))


def _summary(outcomes: Sequence[Outcome]) -> str:
    number = {outcome: outcomes.count(outcome) for outcome in Outcome}
    return f"{verdict_of(outcomes)}: {counted(number)}"


def _finding(finding: Finding, rule: str, remedy: str) -> Iterator[str]:
    yield from headed(finding.outcome, f"{finding.title} [{rule}]")
    if finding.waiver:
        yield from part("waiver", str(finding.waiver))
    for label, told in finding.told.items():
        yield from part(label, told)
    if finding.outcome is not Outcome.UNKNOWN:  # mending what may be well is no remedy
        yield from parts("fix", [*finding.remedies, *([remedy] if remedy else [])])
    if not finding.disagreement:
        yield from _evidence(finding)
    yield from parts("source", filter(None, (finding.source_title, finding.source_where)))
    if finding.confidence == "low":
        yield from part("caution", LOW)


def _value(fact: Fact) -> str:
    if fact.rows:
        return "1 row" if len(fact.rows) == 1 else f"{len(fact.rows)} rows"
    if isinstance(fact.value, tuple) and len(fact.value) > _FEW:
        return f"{len(fact.value)} words"
    return textwrap.shorten(fact.words, 200, placeholder=" …")


def _evidence(finding: Finding) -> Iterator[str]:
    """Yield what was told at each place; one attribute often tells several facts."""
    places: dict[str, list[str]] = {}
    for fact in finding.evidence:
        places.setdefault(_place(fact), []).append(f"{fact.name} = {_value(fact)}")
    for place, told in places.items():
        yield from part("evidence", ", ".join(told))
        yield from part("", place)
    for fact in finding.evidence:
        said = (f"{fact.name} = {_value(each)}, says {_place(each)}" for each in fact.rivals)
        yield from parts("but", said)


def _place(fact: Fact, base: str = "") -> str:
    power = f", power {fact.power_state}" if fact.power_state else ""
    path = fact.path
    if base and path.startswith(f"{base}#"):
        path = _SHORT + path.removeprefix(base)
    if len(path) > WIDTH - 2 * INDENT:
        path = path.replace("#", " #")  # a good place to break
    return f"{path} ({fact.source}{power})"


def _fact(fact: Fact, width: int, base: str) -> Iterator[str]:
    value, place = _value(fact), _place(fact, base)
    line = f"{fact.name:<{width}}{value:<{_COLUMN}}  {place}"
    if len(value) <= _COLUMN and len(line) <= WIDTH:
        yield line
    else:
        yield from wrapped(f"{fact.name:<{width}}", value)
        yield from wrapped(" " * width, place)
    for row in fact.rows:
        cells = (f"{column} {in_text(fact.name, cell, column)}" for column, cell in row.items())
        yield from wrapped("    ", " · ".join(cells) or "nothing known of it")
    for rival in fact.rivals:
        yield from wrapped(" " * width, f"but {_value(rival)}, says {_place(rival, base)}")

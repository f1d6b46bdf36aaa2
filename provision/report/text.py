"""Findings and facts for a person at a crash cart: 80 columns, worst first, with remedies."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hwprofiles import Outcome
from hwprofiles.facts import CATALOGUE, Facts
from hwprofiles.judging import Finding as Judged
from provision.report import text_many
from provision.report.layout import INDENT, WIDTH, headed, options, part, parts, wrapped
from provision.report.naming import CUT, base_of, host, shortened
from provision.report.reading import read_all, read_fact, read_finding
from provision.report.validations import (
    DESCRIBE,
    INSECURE,
    LOW,
    NO_SERVER,
    TOLD,
    Fact,
    Finding,
    Outcomes,
    Validation,
    counted,
    in_text,
    verdict_of,
)

_COLUMN: Final = 14  # most values fit in
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
    asked = told[0].profile if told else ""
    return "\n".join(_findings(told, remedies, asked)).strip("\n")


def summary(found: Sequence[Judged], asked: str) -> str:
    """Return the last line: the verdict, and how many rules came out how."""
    return _summary(found, asked)


def facts(known: Facts) -> str:
    """Return facts in the order of the catalogue, with where each was read; tables row by row."""
    told = [read_fact(name, known[name].as_dict()) for name in CATALOGUE if name in known]
    width = max((len(fact.name) for fact in told), default=0) + 2
    base = base_of(fact.path for fact in told)
    lines = [*wrapped("", f"{CUT} stands for {base}"), ""] if base else []
    lines += (line for fact in told for line in _fact(fact, width, base))
    return "\n".join(lines) or "nothing is known"


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
    if validation.trust == "insecure":
        yield from wrapped("", INSECURE)
    if validation.server:
        server = validation.server
        yield from wrapped("", f"Known server: {server.title}, verified {server.verified}")
    elif validation.no_server:
        yield from wrapped("", f"{NO_SERVER}; to describe it:")
        yield f"  {DESCRIBE}"
    told = [each for each in validation.findings if each.outcome in TOLD]
    base = validation.base if any(_places(each, validation.base) for each in told) else ""
    if base:
        yield from wrapped("", f"Below, {CUT} stands for {base}")
    yield ""
    own = validation.profile.id if validation.profile else ""
    yield from _findings(validation.findings, own=own, base=base)
    yield from _to_state(told)


def _places(finding: Finding, base: str) -> bool:
    """Whether something told of ``finding`` is a place inside the file ``base``."""
    return any(
        shortened(each.path, base) != each.path
        for fact in finding.evidence
        for each in (fact, *fact.rivals)
    )


def _to_state(told: Sequence[Finding]) -> Iterator[str]:
    """Yield the options that state what is not known, to be filled in: once, for all rules."""
    names = dict.fromkeys(name for finding in told for name in finding.statable)
    if names and sum(finding.open for finding in told) > 1:
        yield from ("", "What you know of it yourself can be stated; fill in, leave out the rest:")
        yield from options(f"--fact {name}={CUT}" for name in names)


def _findings(
    found: Sequence[Finding],
    remedies: Mapping[str, str] | None = None,
    own: str = "",
    base: str = "",
) -> Iterator[str]:
    for finding in found:
        if finding.outcome in TOLD:
            other = own and finding.profile and finding.profile != own
            rule = f"{finding.rule} of {finding.profile}" if other else finding.rule
            remedy = (remedies or {}).get(finding.rule, "")
            yield from (*_finding(finding, rule, remedy, base), "")
    for outcome in Outcome:
        rules = [finding.rule for finding in found if finding.outcome is outcome]
        if rules and outcome not in TOLD:
            yield from headed(outcome, ", ".join(rules))
    yield ""
    yield from wrapped("", _summary(found, own))


def _summary(found: Sequence[Outcomes], asked: str) -> str:
    outcomes = [finding.outcome for finding in found]
    number = {outcome: outcomes.count(outcome) for outcome in Outcome}
    return f"{verdict_of(found, asked)}: {counted(number)}"


def _finding(finding: Finding, rule: str, remedy: str, base: str) -> Iterator[str]:
    yield from headed(finding.outcome, f"{finding.title} [{rule}]")
    if finding.waiver:
        yield from part("waiver", str(finding.waiver))
    for label, told in finding.told.items():
        yield from part(label, shortened(told, base) if finding.disagreement else told)
    yield from part("look", finding.look)
    if finding.outcome is not Outcome.UNKNOWN:  # mending what may be well is no remedy
        yield from parts("fix", [*finding.remedies, *([remedy] if remedy else [])])
    if not finding.disagreement:
        yield from _evidence(finding, base)
    yield from parts("source", filter(None, (finding.source_title, finding.source_where)))
    if finding.confidence == "low":
        yield from part("caution", LOW)


def _value(fact: Fact) -> str:
    if fact.rows:
        return "1 row" if len(fact.rows) == 1 else f"{len(fact.rows)} rows"
    if isinstance(fact.value, tuple) and len(fact.value) > _FEW:
        return f"{len(fact.value)} words"
    return textwrap.shorten(fact.words, 200, placeholder=" …")


def _evidence(finding: Finding, base: str) -> Iterator[str]:
    """Yield what was told at each place; one attribute often tells several facts."""
    places: dict[str, list[str]] = {}
    for fact in finding.evidence:
        places.setdefault(_place(fact, base), []).append(f"{fact.name} = {_value(fact)}")
    for place, told in places.items():
        yield from part("evidence", ", ".join(told))
        yield from part("", place)
    for fact in finding.evidence:
        said = (f"{fact.name} = {_value(each)}, says {_place(each, base)}" for each in fact.rivals)
        yield from parts("but", said)


def _place(fact: Fact, base: str) -> str:
    long = len(shortened(fact.path, base)) > WIDTH - 2 * INDENT
    place = fact.place(base)
    return place.replace("#", " #") if long else place  # a good place to break


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

"""Many machines in HTML: the matrix, what to do cause by cause, and a sheet for each machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hwprofiles import Outcome
from provision.report import html_machine
from provision.report.causes import TIMES, Cause, causes, labels, unread
from provision.report.html_machine import anchor, looks, rule, source, steps
from provision.report.markup import GLYPHS, Markup, badge, join, pairs, scrolling, tag
from provision.report.validations import LOW, VERDICTS, Validation, worst_first

#: A machine with its number on the page and its name.
Entry = tuple[int, str, Validation]

_PLAIN: Final = (Outcome.PASS, Outcome.SKIP)
_ORDER: Final = list(Outcome)
_NAME: Final = 32  # characters of a recording's path
_WIDE: Final = 10  # rules that an upright sheet has room for


def page(validations: Sequence[Validation]) -> tuple[str, Markup, Markup]:
    """Return the title, the top and the main part of a page about several machines."""
    names = dict(zip(map(id, validations), labels(validations, _NAME), strict=True))
    ordered = [(at, names[id(each)], each) for at, each in enumerate(worst_first(validations))]
    missed = _missed(validations)
    wide = "wide" if len(missed) > _WIDE else ""
    main = join(
        tag(
            "section",
            tag("h2", "All machines", id="all"),
            _matrix(ordered, missed),
            class_=wide,
        ),
        tag("section", tag("h2", "What to do, by cause"), _causes(validations)),
        (html_machine.section(each, name, at) for at, name, each in ordered),
    )
    number = Counter(each.verdict for each in validations)
    told = ", ".join(f"{number[word]} {word}" for word in VERDICTS if number[word])
    title = f"{len(validations)} machines: {told or 'nothing to tell'}"
    return title, _top(validations, number, wide), main


def _top(validations: Sequence[Validation], number: Counter[str], wide: str) -> Markup:
    titles = sorted({each.profile.title for each in validations if each.profile})
    tiles = (
        tag("li", tag("b", str(number[word])), badge(word)) for word in VERDICTS if number[word]
    )
    return tag(
        "header",
        tag("p", "Validation report", class_="soft"),
        tag("h1", f"{len(validations)} machines against {' and '.join(titles) or 'no profile'}"),
        tag("ul", tiles, class_="tiles"),
        class_=wide,
    )


def _missed(validations: Sequence[Validation]) -> list[str]:
    """Return the rules that not all machines passed, the ones that went worst first."""
    worst: dict[str, Outcome] = {}
    for one in validations:
        for each in one.findings:
            if each.outcome not in _PLAIN:
                known = worst.get(each.rule, each.outcome)
                worst[each.rule] = min(known, each.outcome, key=_ORDER.index)
    return sorted(worst, key=lambda rule: (_ORDER.index(worst[rule]), rule))


def _matrix(ordered: Sequence[Entry], rules: Sequence[str]) -> Markup:
    """Return the machines by the rules that not all of them passed."""
    every = {f.rule for _, _, one in ordered for f in one.findings}
    serials = any(one.told("system.serial") for _, _, one in ordered)
    columns = ("Machine", *(["Serial number"] if serials else []), "Verdict")
    heads = [tag("th", name, scope="col") for name in columns]
    heads += [tag("th", tag("span", rule, class_="rule"), scope="col") for rule in rules]
    rows = (_row(entry, rules, serials=serials) for entry in ordered)
    well = sorted(every - set(rules))
    notes = [f"Met, or not applicable, everywhere: {', '.join(well)}."] if well else []
    if len(rules) > _WIDE:
        notes.append(f"{', '.join(f'{GLYPHS[each]} {each}' for each in Outcome)}.")
    grid = tag(
        "table",
        tag("caption", "Machines, and the rules that not all of them met"),
        tag("thead", tag("tr", heads)),
        tag("tbody", rows),
        class_="matrix",
    )
    return join(scrolling("All machines", grid), (tag("p", note, class_="soft") for note in notes))


def _row(entry: Entry, rules: Sequence[str], *, serials: bool) -> Markup:
    at, name, one = entry
    cells = [tag("th", tag("a", name, href=f"#{anchor(at)}"), scope="row")]
    if serials:
        cells.append(tag("td", one.told("system.serial") or "not told"))
    cells.append(tag("td", badge(one.verdict)))
    if one.error:
        cells.append(tag("td", one.error.code, colspan=str(max(len(rules), 1))))
        return tag("tr", cells)
    found = {each.rule: (number, each) for number, each in reversed([*enumerate(one.findings)])}
    for asked in rules:
        if asked not in found:
            cells.append(tag("td"))
            continue
        number, each = found[asked]
        told = _outcome(each.outcome, brief=len(rules) > _WIDE)
        if each.outcome not in _PLAIN:
            told = tag("a", told, href=f"#{anchor(at, number)}")
        cells.append(tag("td", told, class_=str(each.outcome)))
    return tag("tr", cells)


def _outcome(outcome: Outcome, *, brief: bool) -> Markup:
    """Return the word; ``brief`` shows its glyph instead, and says the word to who cannot see."""
    if not brief:
        return join(str(outcome))
    glyph = tag("span", GLYPHS[outcome], class_="glyph", aria_hidden="true", title=str(outcome))
    return join(glyph, tag("span", outcome, class_="said"))


def _causes(validations: Sequence[Validation]) -> Iterator[Markup]:
    wrong = list(causes(validations, _NAME))
    failed = [each for each in wrong if each.outcome is Outcome.FAIL]
    yield from map(_cause, failed)
    for (code, hint), told in unread(validations, _NAME).items():
        messages = (tag("p", f"{name}: {message}") for name, message in told)
        yield tag(
            "article",
            tag("h3", badge("error"), f" {len(told)} could not be read: {code}"),
            steps([hint] if hint else []),
            pairs((("Machines", messages),)),
            class_="finding error",
        )
    yield from map(_cause, wrong[len(failed) :])
    if not wrong and not any(each.error for each in validations):
        yield tag("p", "Nothing: every rule is met.")


def _cause(cause: Cause) -> Markup:
    sample = cause.sample
    number = len(cause.members)
    told = ((label.capitalize(), _values(each, number)) for label, each in cause.told.items())
    return tag(
        "article",
        tag("h3", badge(cause.outcome), f" {number} {TIMES} {sample.title}"),
        steps(cause.remedies),
        looks(cause.looks),
        pairs(
            (
                ("Machines", _hosts(cause.hosts)),
                *told,
                ("Source", source(sample)),
                ("Caution", LOW if sample.confidence == "low" else ""),
                ("Rule", rule(sample)),
            )
        ),
        class_=f"finding {cause.outcome}",
    )


def _values(values: Mapping[str, Sequence[str]], of: int) -> Iterator[Markup]:
    """Yield each value met; with the machines that have it when not all of them do."""
    for value, hosts in values.items():
        yield tag("p", value if len(hosts) == of else join(f"{value}: ", _hosts(hosts)))


def _hosts(names: Sequence[str]) -> Iterator[Markup]:
    for at, name in enumerate(names):
        comma = ", " if at + 1 < len(names) else ""
        yield join(tag("span", name, class_="host"), comma)

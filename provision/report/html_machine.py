"""One machine in HTML: the verdict, what to do, what was met, and the facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hwprofiles import Outcome
from hwprofiles.catalogue import CATALOGUE
from provision.report.markup import Content, Markup, badge, join, link, pairs, table, tag
from provision.report.naming import CUT, host, shortened
from provision.report.validations import (
    DESCRIBE,
    LOW,
    NO_SERVER,
    TOLD,
    Fact,
    Finding,
    Validation,
    counted,
    in_text,
)

_SENTENCES: Final = {
    "PASS": "This machine suits {}.",
    "FAIL": "This machine does not suit {}.",
    "UNKNOWN": "Whether this machine suits {} is not known: not everything could be judged.",
    "ERROR": "This machine could not be read.",
}
_TRUST: Final = {
    "ca": "vouched for by a certificate authority",
    "pin": "the certificate is the one pinned",
    "first-use": "first contact: the certificate was pinned then",
    "insecure": "NOT CHECKED: whoever was in between could have answered",
}


def page(one: Validation) -> tuple[str, Markup, Markup]:
    """Return the title, the top and the main part of a page about one machine."""
    name = host(one.target)
    top = tag(
        "header",
        tag("p", "Validation report", class_="soft"),
        tag("h1", name),
        _verdict(one),
        _identity(one),
    )
    parts = (
        tag("section", tag("h2", "What to do"), _told(one, 0)),
        tag("section", tag("h2", "What was met"), _met(one)) if one.findings else "",
        tag("section", tag("h2", "Facts"), _facts(one, "h3")) if one.facts else "",
    )
    return f"{one.verdict}: {name}", top, join(parts, signing())


def section(one: Validation, name: str, at: int) -> Markup:
    """Return a machine as a section of a page about several; the facts fold."""
    facts = tag("details", tag("summary", "Facts"), _facts(one, "h4")) if one.facts else ""
    return tag(
        "section",
        tag("h2", name),
        _verdict(one),
        _identity(one),
        _told(one, at),
        _met(one) if one.findings else "",
        facts,
        signing(),
        tag("p", tag("a", "To all machines", href="#all"), class_="to-top"),
        class_="machine",
        id=anchor(at),
    )


def anchor(machine: int, finding: int | None = None) -> str:
    """Return the id of a machine's section, or of one of its findings."""
    return f"m{machine}" if finding is None else f"m{machine}f{finding}"


def _verdict(one: Validation) -> Markup:
    title = one.profile.title if one.profile else "the profile"
    told = _SENTENCES[one.verdict].format(title)
    number = "" if one.error else f" {counted(one.counts).capitalize()}."
    return tag("div", badge(one.verdict), tag("p", told, number), class_="verdict")


def _identity(one: Validation) -> Markup:
    model = " ".join(filter(None, (one.told(f"system.{name}") for name in ("vendor", "model"))))
    serial = one.told("system.serial")
    return pairs(
        (
            ("Machine", model or "not told"),
            ("Serial number", tag("strong", serial or "not told")),
            ("Address", one.target),
            ("Asked by", _profile(one)),
            ("Known server", _server(one)),
            ("Validated", _when(one)),
            ("BMC's identity", _TRUST.get(one.trust, one.trust)),
            (CUT, f"stands for {one.base}" if one.base else ""),
        )
    )


def _when(one: Validation) -> str:
    at = f"{one.at:%Y-%m-%d %H:%M:%S} UTC" if one.at else ""
    return f"{at} by {one.tool}" if at and one.tool else at or one.tool


def signing() -> Markup:
    """Return lines to sign on; on paper only."""
    lines = ("Checked by", "Date", "Signature")
    return tag("div", (tag("p", line) for line in lines), class_="signing")


def _profile(one: Validation) -> str:
    if not one.profile:
        return ""
    params = ", ".join(f"{name} = {value}" for name, value in one.params.items() if _short(value))
    told = f"{one.profile.title} ({one.profile.id}), verified {one.profile.verified}"
    return f"{told}; {params}" if params else told


def _short(value: object) -> bool:
    """Whether a parameter is a number or a size; the longer ones are remedies."""
    return len(str(value)) <= 16


def _server(one: Validation) -> Content:
    if one.server:
        return f"{one.server.title} ({one.server.id}), verified {one.server.verified}"
    if not one.no_server:
        return ""
    return join(f"{NO_SERVER.partition(': ')[2]}; to describe it: ", tag("code", DESCRIBE))


def _told(one: Validation, at: int) -> Iterator[Markup]:
    if one.error:
        yield tag(
            "article",
            tag("h3", badge("error"), f" {one.error.message}"),
            steps([one.error.hint] if one.error.hint else []),
            pairs((("Code", tag("code", one.error.code)),)),
            class_="finding error",
        )
        return
    told = [(number, each) for number, each in enumerate(one.findings) if each.outcome in TOLD]
    if not told:
        yield tag("p", "Nothing: every rule that applies is met.")
    for number, each in told:
        yield _finding(each, anchor(at, number), one.base)


def _finding(each: Finding, id_: str, base: str) -> Markup:
    evidence = () if each.disagreement else [_evidence(fact, base) for fact in each.evidence]
    told = {
        label: shortened(text, base) if each.disagreement else text
        for label, text in each.told.items()
    }
    return tag(
        "article",
        tag("h3", badge(each.outcome), f" {each.title}"),
        steps(each.remedies),
        looks([each.look]),
        pairs(
            (
                ("Waiver", str(each.waiver or "")),
                *((label.capitalize(), text) for label, text in told.items()),
                ("Evidence", evidence),
                ("Source", source(each)),
                ("Caution", LOW if each.confidence == "low" else ""),
                ("Rule", rule(each)),
            )
        ),
        class_=f"finding {each.outcome}",
        id=id_,
    )


def rule(each: Finding) -> Markup:
    """Return the rule's id, and the profile that asks."""
    of = f" of {each.profile}" if each.profile else ""
    return join(tag("code", each.rule), of)


def steps(told: Sequence[str]) -> Markup:
    """Return what to do, numbered where it is several things."""
    if not told:
        return join()
    several = len(told) > 1
    inner = tag("ol", (tag("li", text) for text in told)) if several else tag("p", told[0])
    return tag("div", inner, class_="fix")


def looks(told: Iterable[str]) -> Markup:
    """Return how to learn what is not known; it stands where the remedy would."""
    lines = [tag("p", tag("strong", "Look: "), text) for text in told if text]
    return tag("div", lines, class_="fix") if lines else join()


def source(each: Finding) -> Markup:
    """Return who asks for it: a link where it is on the web."""
    title, where = each.source_title, each.source_where
    if not title or not where:
        return link(where, title or where)
    linked = link(where, title)
    return linked if linked != join(title) else join(f"{title}, {where}")


def _evidence(fact: Fact, base: str) -> Markup:
    words = f"{len(fact.rows)} rows" if fact.rows else fact.words
    line = tag("p", tag("code", f"{fact.name} = {words}"), f", read from {fact.place(base)}")
    return join(line, _rivals(fact, base))


def _rivals(fact: Fact, base: str) -> Iterator[Markup]:
    for rival in fact.rivals:
        yield tag("p", f"but {rival.words}, says {rival.place(base)}")


def _met(one: Validation) -> Markup:
    rows = (
        (tag("code", each.rule), each.title, badge(each.outcome), each.found, each.expected)
        for outcome in (Outcome.PASS, Outcome.SKIP)
        for each in one.findings
        if each.outcome is outcome
    )
    heads = ("Rule", "What it asks", "Outcome", "Found", "Wanted")
    return table("Rules met, and rules that do not apply", heads, rows, "met")


def _facts(one: Validation, heading: str) -> Iterator[Markup]:
    order = [name for name in CATALOGUE if name in one.facts]
    order += [name for name in one.facts if name not in CATALOGUE]
    facts = [one.facts[name] for name in order]
    base = one.base
    rows = ((tag("code", fact.name), _value(fact, base), _read(fact, base)) for fact in facts)
    yield table("What is known of this machine", ("Fact", "Value", "Read from"), rows, "facts")
    for fact in facts:
        if any(fact.rows):
            yield tag(heading, _meaning(fact))
            yield _rows(fact)


def _value(fact: Fact, base: str) -> Content:
    words = f"{len(fact.rows)} rows, see below" if fact.rows else fact.words
    return join(words, _rivals(fact, base))


def _read(fact: Fact, base: str) -> Markup:
    return tag("span", fact.place(base), class_="where")


def _meaning(fact: Fact) -> str:
    meaning = CATALOGUE.get(fact.name)
    return f"{fact.name}: {meaning.text}" if meaning else fact.name


def _rows(fact: Fact) -> Markup:
    columns = list(dict.fromkeys(column for row in fact.rows for column in row))
    rows = (
        [in_text(fact.name, row[name], name) if name in row else "" for name in columns]
        for row in fact.rows
    )
    return table(fact.name, columns, rows)

"""HTML: one file to read, to print and to hand over. No script, nothing fetched from anywhere.

One machine is a page with its verdict on top, what to do, what was met, and the facts with where
each was read. Several are a matrix, the causes, and a section for each that starts a new sheet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from provision.report import html_machine, html_many, json
from provision.report.markup import Markup, join, pairs, tag
from provision.report.reading import SCHEMA, read_all
from provision.report.style import CSS
from provision.report.validations import Validation

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def render(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return the page."""
    validations = read_all(verdicts)
    digest = hashlib.sha256(json.render(verdicts).encode("utf-8", "replace")).hexdigest()
    if len(validations) == 1:
        title, top, main = html_machine.page(validations[0])
    else:
        title, top, main = html_many.page(validations)
    page = tag("html", _head(title), _body(top, main, _footer(validations, digest)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(title: str) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(CSS)),
    )


def _body(top: Markup, main: Markup, footer: Markup) -> Markup:
    return tag(
        "body",
        tag("a", "To the findings", href="#main", class_="skip-link"),
        top,
        tag("main", main, id="main"),
        footer,
    )


def _footer(validations: Sequence[Validation], digest: str) -> Markup:
    tools = ", ".join(sorted({each.tool for each in validations if each.tool}))
    times = sorted(f"{each.at:%Y-%m-%d %H:%M}" for each in validations if each.at)
    when = " to ".join(dict.fromkeys((times[0], times[-1]))) if times else ""
    made_from = join(f"{SCHEMA} with the SHA-256 ", tag("code", digest))
    told = (("Made by", tools), ("Validated", f"{when} UTC" if when else ""), ("From", made_from))
    return tag("footer", pairs(told, class_="soft"))

"""CSV: a row for each machine, a column for each rule. For spreadsheets (RFC 4180, UTF-8).

A cell that a spreadsheet would take for a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hwprofiles import Outcome
from provision.report.reading import read_all
from provision.report.validations import Finding, Validation

_FIXED: Final = ("target", "vendor", "model", "serial", "profile", "server", "at", "verdict")
_COUNTS: Final = tuple(str(outcome) for outcome in Outcome)
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def render(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return the matrix; the columns of the rules are in the order of their names."""
    validations = read_all(verdicts)
    plain = _plain(validations)
    columns = sorted({_column(each, plain) for one in validations for each in one.findings})
    out = io.StringIO()
    writer = csv.writer(out)  # quotes what needs it, ends lines with CR LF
    writer.writerow([_safe(name) for name in (*_FIXED, *_COUNTS, "error", *columns)])
    for one in validations:
        outcomes = {_column(each, plain): str(each.outcome) for each in one.findings}
        row = [*_known(one), *(outcomes.get(column, "") for column in columns)]
        writer.writerow([_safe(cell) for cell in row])
    return out.getvalue()


def _plain(validations: Sequence[Validation]) -> set[str]:
    """Return the rules whose name alone says which column: one in each machine, none of ours."""
    rules = {each.rule for one in validations for each in one.findings}
    twice: set[str] = set()
    for one in validations:
        number = Counter(each.rule for each in one.findings)
        twice |= {rule for rule, count in number.items() if count > 1}
    return rules - twice - {*_FIXED, *_COUNTS, "error"}


def _column(finding: Finding, plain: set[str]) -> str:
    return finding.rule if finding.rule in plain else f"{finding.profile}:{finding.rule}"


def _known(one: Validation) -> list[str]:
    return [
        one.target,
        *(one.told(f"system.{name}") for name in ("vendor", "model", "serial")),
        one.profile.id if one.profile else "",
        one.server.id if one.server else "",
        one.at.isoformat() if one.at else "",
        one.verdict,
        *(str(one.counts[outcome]) for outcome in Outcome),
        one.error.message if one.error else "",
    ]


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell

"""Whatever a machine or a profile says: every format stays well formed and tells the same."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provision import report
from tests.report import ocp_rules
from tests.report.samples import fact, finding, unread, verdict
from tests.report.test_html import page

#: Text of any kind, also the kinds that break markup, tables and terminals.
TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "]]>",
            "</td><script>",
            "&#0;&amp;",
            "\"'`",
            "=1+1",
            "a,b\r\nc",
            "\x1b[31m",
            "\u202e\u2066",
            "\udc80",
            "\ufffe\uffff",
            "x" * 500,
            "-- -->",
            "{}%s\\",
        ]
    ),
)
OUTCOMES = ["fail", "warn", "unknown", "info", "waived", "skip", "pass"]
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(1 << 64), 1 << 64),
    TEXT,
    st.lists(TEXT, max_size=3),
    st.lists(
        st.dictionaries(st.sampled_from(["slot", "size", "x"]), st.integers() | TEXT, max_size=3),
        max_size=3,
    ),
)
NAMES = st.sampled_from(["memory.total", "memory.dimms", "cpu.flags", "tpm.present", "cpu.model"])


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """Facts under known and unknown names, with values of any kind."""
    names = draw(st.lists(st.one_of(NAMES, TEXT), max_size=3))
    return {
        name: fact(
            draw(VALUES), draw(TEXT), draw(TEXT), rivals=[fact(draw(VALUES)) for _ in range(2)]
        )
        for name in names
    }


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    """A machine with findings of any text; the ids of rules are such as profiles may have."""
    ids = st.from_regex(r"[a-z][a-z0-9_.-]{0,20}", fullmatch=True)
    found = [
        finding(
            rule,
            draw(st.sampled_from(OUTCOMES)),
            title=draw(TEXT),
            expected=draw(TEXT),
            found=draw(TEXT),
            fix=draw(TEXT),
            unknown=draw(st.lists(NAMES | TEXT, max_size=2)),
            look=draw(st.just("") | TEXT),
            evidence=draw(facts()),
            source={"title": draw(TEXT), "where": draw(TEXT)},
            profile=draw(st.sampled_from(["xen-4.17", "dell-r805"])),
            waiver=draw(st.none() | st.fixed_dictionaries({"reason": TEXT, "by": TEXT})),
        )
        for rule in draw(st.lists(ids, max_size=4, unique=True))
    ]
    return verdict(
        *found, target=draw(TEXT), tool=draw(TEXT), facts=draw(facts()), settings={"a": {"b": 1}}
    )


def told(documents: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """The rules and outcomes of machines."""
    return Counter((each["rule"], each["outcome"]) for one in documents for each in one["findings"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents=st.lists(machines(), min_size=1, max_size=2), message=TEXT)
def test_every_format_tells_the_same_rules_and_outcomes(
    documents: list[dict[str, Any]], message: str
) -> None:
    """XML, CSV, JSON Lines and HTML parse, and hold each rule with its outcome exactly once."""
    lost = unread(message)
    lost["error"] = {"code": message, "message": message, "hint": message}
    whole = [*documents, lost]
    expected = told(documents)
    assert _csv(report.render("csv", whole)) == expected
    assert _ocp(report.render("ocp", whole)) == expected
    assert _junit(report.render("junit", whole)) == Counter(rule for rule, _ in expected.elements())
    text = report.render("text", whole)
    assert max(map(len, text.splitlines())) <= 80
    shown = Counter(each.get("class", "") for each in page(*whole).all("article") if "id" in each)
    for outcome in OUTCOMES[:5]:
        number = sum(count for (_, kind), count in expected.items() if kind == outcome)
        assert shown[f"finding {outcome}"] == number


def _csv(text: str) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        names = list(row)
        for name in names[names.index("error") + 1 :]:
            if row[name]:
                found[(name.lstrip("'").rpartition(":")[2], row[name])] += 1
    return found


def _ocp(text: str) -> Counter[tuple[str, str]]:
    artifacts = [json.loads(line) for line in text.splitlines()]
    starts = [at for at, each in enumerate(artifacts) if "schemaVersion" in each]
    for start, end in zip(starts, [*starts[1:], len(artifacts)], strict=True):
        ocp_rules.check(artifacts[start:end])
    inner = (each.get("testStepArtifact", {}).get("extension") for each in artifacts)
    return Counter((each["content"]["rule"], each["content"]["outcome"]) for each in inner if each)


def _junit(text: str) -> Counter[str]:
    root = ET.fromstring(text)  # noqa: S314 (ours)
    cases = [case for case in root.iter("testcase") if case.get("classname") != "validate"]
    return Counter(case.get("name", "") for case in cases)

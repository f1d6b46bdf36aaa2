"""Judging is pure and three-valued: what is not known neither passes nor fails by itself."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles import Outcome, Profile, ProfileKind, Severity, judge
from hwprofiles.checks import Check, Truth
from hwprofiles.compiling import Compiler
from hwprofiles.documents import Document
from hwprofiles.facts import FactBook, Source, Value
from hwprofiles.judging import judge_rule
from hwprofiles.profile import OnUnknown, Rule


def book(**facts: Value | tuple[str, ...]) -> FactBook:
    """Facts by name, ``__`` standing for the dot."""
    found = FactBook()
    for name, value in facts.items():
        found.learn(name.replace("__", "."), value, Source.USER, "test")
    return found


def check(data: dict[str, Any]) -> Check:
    """A compiled check."""
    compiler = Compiler(Document(file="t"), {})
    compiled = compiler.check(data, ())
    assert not compiler.problems
    return compiled


def rule(data: dict[str, Any], **more: Any) -> Rule:
    """A rule around a check."""
    usual: dict[str, Any] = {
        "id": "r",
        "title": "R",
        "severity": Severity.ERROR,
        "check": check(data),
        "when": None,
        "fix": "",
        "fix_redfish": {},
        "source": None,
        "confidence": "high",
        "on_unknown": OnUnknown.UNKNOWN,
        "origin": "t:1",
    }
    return Rule(**usual | more)


GIB = 1 << 30


@pytest.mark.parametrize(
    ("data", "facts", "truth"),
    [
        ({"memory.total": {"ge": "8 GiB"}}, {"memory__total": 8 * GIB}, True),
        ({"memory.total": {"ge": "8 GiB"}}, {"memory__total": 8 * GIB - 1}, False),
        ({"memory.total": {"ge": "8 GB"}}, {"memory__total": 8 * 10**9}, True),
        ({"memory.total": {"ge": "8 GiB"}}, {}, None),
        (
            {"memory.total": {"ge": "8 GiB", "tolerance": "3.125%"}},
            {"memory__total": 8 * GIB - GIB // 4},
            True,
        ),
        (
            {"memory.total": {"ge": "8 GiB", "tolerance": "3.125%"}},
            {"memory__total": 8 * GIB - GIB // 4 - 1},
            False,
        ),
        ({"memory.total": {"le": "8 GiB", "tolerance": "50%"}}, {"memory__total": 12 * GIB}, True),
        ({"memory.total": {"eq": "8 GiB", "tolerance": "10%"}}, {"memory__total": 9 * GIB}, False),
        ({"cpu.cores": {"gt": 1, "lt": 9}}, {"cpu__cores": 8}, True),
        ({"cpu.cores": {"gt": 1, "lt": 9}}, {"cpu__cores": 9}, False),
        ({"cpu.cores": {"ne": 8}}, {"cpu__cores": 8}, False),
        ({"cpu.model": {"in": [1, 2]}}, {"cpu__model": 2}, True),
        ({"cpu.model": {"not_in": [1, 2]}}, {"cpu__model": 2}, False),
        ({"cpu.name": {"matches": "E5-26.. v4"}}, {"cpu__name": "Xeon E5-2620 v4"}, True),
        ({"cpu.flags": "vmx"}, {"cpu__flags": ("lm", "vmx")}, True),
        ({"cpu.flags": {"contains_all": ["lm", "nx"]}}, {"cpu__flags": ("lm", "vmx")}, False),
        ({"tpm.version": {"ge": "2.0"}}, {"tpm__version": "2.0"}, True),
        ({"tpm.version": {"ge": "2.0"}}, {"tpm__version": "1.2"}, False),
        ({"tpm.version": {"ge": "1.9"}}, {"tpm__version": "1.16"}, True),
        ({"cpu.virt.state": "enabled"}, {"cpu__virt__state": "disabled"}, False),
        ({"cpu.virt.state": "enabled"}, {"cpu__virt__state": "off-or-hidden"}, False),
        ({"cpu.virt.state": "enabled"}, {"cpu__virt__state": "capable"}, None),
        ({"cpu.virt.state": "enabled"}, {"cpu__virt__state": "guest"}, None),
        ({"cpu.virt.state": {"in": ["enabled", "guest"]}}, {"cpu__virt__state": "guest"}, True),
        ({"not": {"cpu.cores": 8}}, {"cpu__cores": 8}, False),
        ({"not": {"cpu.cores": 8}}, {}, None),
        ({"any": [{"cpu.cores": 8}, {"cpu.model": 1}]}, {"cpu__cores": 8}, True),
        ({"any": [{"cpu.cores": 9}, {"cpu.model": 1}]}, {"cpu__cores": 8}, None),
        ({"all": [{"cpu.cores": 9}, {"cpu.model": 1}]}, {"cpu__cores": 8}, False),
        ({"none": [{"cpu.cores": 9}, {"cpu.model": 1}]}, {"cpu__cores": 8}, None),
        ({"none": [{"cpu.cores": 8}, {"cpu.model": 1}]}, {"cpu__cores": 8}, False),
        ({"none": [{"cpu.cores": 9}]}, {"cpu__cores": 8}, True),
    ],
)
def test_checks(data: dict[str, Any], facts: dict[str, Value], truth: Truth) -> None:
    """Every operator, at its edges, and with what it needs not known."""
    assert check(data).judge(book(**facts)) is truth


@pytest.mark.parametrize(
    ("severity", "outcome"), [("error", "fail"), ("warning", "warn"), ("info", "info")]
)
def test_a_miss_weighs_by_severity(severity: str, outcome: str) -> None:
    """The same miss is a failure, a warning or a remark."""
    finding = judge_rule(rule({"cpu.cores": 2}, severity=Severity(severity)), book(cpu__cores=1))
    assert finding.outcome == outcome


@pytest.mark.parametrize(
    ("on_unknown", "outcome"),
    [("unknown", "unknown"), ("skip", "skip"), ("warning", "warn"), ("error", "fail")],
)
def test_unknown_is_a_verdict_the_rule_chooses(on_unknown: str, outcome: str) -> None:
    """A rule says what becomes of it when nobody knows; the default is to say so."""
    finding = judge_rule(rule({"cpu.cores": 2}, on_unknown=OnUnknown(on_unknown)), {})
    assert finding.outcome == outcome
    assert finding.found == "not known"
    assert finding.unknown == ("cpu.cores",)


def test_when() -> None:
    """A rule that does not apply is skipped; whether it applies may be unknown as well."""
    asked = rule({"cpu.cores": 2}, when=check({"cpu.family": 6}))
    assert judge_rule(asked, book(cpu__family=16, cpu__cores=1)).outcome == Outcome.SKIP
    assert judge_rule(asked, book(cpu__family=6, cpu__cores=1)).outcome == Outcome.FAIL
    assert judge_rule(asked, book(cpu__cores=1)).outcome == Outcome.UNKNOWN
    assert judge_rule(asked, book(cpu__cores=2)).outcome == Outcome.PASS


def test_finding_tells_what_was_met_and_where() -> None:
    """The evidence holds the facts with their places, the BIOS attribute of a state included."""
    facts = book(
        cpu__virt__state="disabled",
        cpu__virt__attribute="ProcVirtualization",
        cpu__flags=tuple(f"flag{number}" for number in range(100)),
    )
    found = judge_rule(rule({"cpu.virt.state": {"in": ["enabled", "unlocked"]}}), facts)
    assert (found.expected, found.found) == ("enabled or unlocked", "disabled")
    assert [name for name, _ in found.evidence] == ["cpu.virt.state", "cpu.virt.attribute"]
    assert found.as_dict()["evidence"]["cpu.virt.attribute"]["value"] == "ProcVirtualization"
    flags = judge_rule(rule({"cpu.flags": {"contains_all": ["flag1", "xsave"]}}), facts)
    assert flags.found == "without xsave"
    both = judge_rule(rule({"cpu.cores": 1, "cpu.model": {"le": 0x36}}), facts)
    assert both.expected == "cpu.cores 1 and cpu.model at most 36h"
    assert both.found == "cpu.cores not known, cpu.model not known"


@pytest.mark.parametrize(
    ("told", "asked", "verdict"),
    [
        ("2", {"eq": "2.0"}, True),
        ("2.0", {"le": "2"}, True),
        ("2.0.1", {"le": "2"}, False),
        ("1.2", {"ge": "2.0"}, False),
        ("unknown", {"lt": "2.0"}, None),  # no number in it says nothing
    ],
)
def test_versions(told: str, asked: dict[str, str], verdict: Truth) -> None:
    """Versions compare by their numbers, and zeros behind change nothing."""
    facts = FactBook()
    facts.learn("tpm.version", told, Source.DMI, "/dmi")
    assert check({"tpm.version": asked}).judge(facts) is verdict


def test_worst_first() -> None:
    """Failures lead, passes end, and equals keep the profile's order."""
    rules = (
        rule({"cpu.cores": 1}, id="passes"),
        rule({"cpu.model": 1}, id="open"),
        rule({"cpu.cores": 2}, id="warns", severity=Severity.WARNING),
        rule({"cpu.cores": 2}, id="fails"),
        rule({"cpu.cores": 3}, id="fails-too"),
    )
    profile = Profile(
        id="p",
        kind=ProfileKind.HYPERVISOR,
        title="P",
        verified=date(2026, 1, 1),
        params={},
        rules=rules,
        files=(),
    )
    order = [finding.rule for finding in judge(profile, book(cpu__cores=1))]
    assert order == ["fails", "fails-too", "warns", "open", "passes"]


numbers = st.integers(0, 3)
leaves = st.builds(
    lambda fact, op, number: {fact: {op: number}},
    st.sampled_from(["cpu.cores", "cpu.model", "cpu.family", "cpu.sockets"]),
    st.sampled_from(["eq", "ne", "lt", "ge"]),
    numbers,
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda how, members: {how: members},
            st.sampled_from(["all", "any", "none"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        inner.map(lambda member: {"not": member}),
    ),
    max_leaves=8,
)
known = st.dictionaries(
    st.sampled_from(["cpu__cores", "cpu__model", "cpu__family", "cpu__sockets"]), numbers
)


@given(trees, known, known)
def test_more_facts_never_turn_a_verdict_round(
    tree: dict[str, Any], some: dict[str, int], more: dict[str, int]
) -> None:
    """Kleene's logic is monotone: learning a fact may settle a verdict, never reverse it."""
    compiled = check(tree)
    before = compiled.judge(book(**some))
    after = compiled.judge(book(**more | some))
    assert before is None or after is before


def test_sources_that_would_have_a_rule_come_out_otherwise_leave_it_open() -> None:
    """No PASS, and no FAIL, hangs on which of two sources was read last."""
    asked = rule({"memory.total": {"ge": "8 GiB"}})
    for values in ((4, 64), (64, 4)):
        facts = FactBook()
        for gib in values:
            facts.learn("memory.total", gib << 30, Source.DMI, "x")
        found = judge_rule(asked, facts)
        assert found.outcome is Outcome.UNKNOWN
        assert found.unknown == ("memory.total",)
    facts.learn("memory.total", 4 << 30, Source.USER, "stated")  # who states it has looked
    assert judge_rule(asked, facts).outcome is Outcome.FAIL
    facts = FactBook()
    for gib in (32, 64):
        facts.learn("memory.total", gib << 30, Source.DMI, "x")
    assert judge_rule(asked, facts).outcome is Outcome.PASS  # by both of them

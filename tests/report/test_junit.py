"""JUnit XML: the shape that Jenkins, GitLab and others read, with counts that are right."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from provision import report
from tests.report import samples
from tests.report.samples import MEMORY, unread, verdict

#: Element -> its attributes (``!`` marks those needed) and the elements inside, in their order.
SHAPE = {
    "testsuites": ("name tests! failures! errors! skipped time!", ("testsuite",)),
    "testsuite": (
        "name! hostname! timestamp id package tests! failures! errors! skipped time!",
        ("properties", "testcase", "system-out", "system-err"),
    ),
    "properties": ("", ("property",)),
    "property": ("name! value!", ()),
    "testcase": (
        "classname! name! time!",
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    "failure": ("message type!", ()),
    "error": ("message type!", ()),
    "skipped": ("message", ()),
    "system-out": ("", ()),
}


def suites(*documents: dict[str, Any], strict: bool = False) -> ET.Element:
    """The suites of machines, after their shape was checked."""
    told = report.render("junit", documents, strict=strict)
    assert told.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ET.fromstring(told)  # noqa: S314 (ours)
    for element in root.iter():
        _check(element)
    return root


def _check(element: ET.Element) -> None:
    attributes, inside = SHAPE[element.tag]
    names = attributes.split()
    assert set(element.attrib) <= {name.rstrip("!") for name in names}
    assert {name.rstrip("!") for name in names if name.endswith("!")} <= set(element.attrib)
    places = [inside.index(child.tag) for child in element]
    assert places == sorted(places), f"{element.tag}: {[child.tag for child in element]}"
    if element.tag in ("testsuite", "testsuites"):
        assert int(element.get("tests", "")) == len(element.findall(".//testcase"))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(name, "")) == len(element.findall(f".//testcase/{tag}"))
    if element.tag == "testcase":
        assert len([child for child in element if child.tag in SHAPE["testcase"][1][:3]]) <= 1


def outcomes(suite: ET.Element) -> dict[str, str]:
    """What became of each case; passed where nothing stands inside but words."""
    return {
        case.get("name", ""): next((child.tag for child in case), "passed")
        for case in suite
        if case.tag == "testcase"
    }


def test_a_suite_is_a_machine_and_a_case_a_rule() -> None:
    """Failures fail, warnings pass and are told, what is open, waived or skipped is skipped."""
    (suite,) = suites(verdict(*samples.FINDINGS))
    assert outcomes(suite) == {
        "cpu.virt": "failure",
        "boot.media": "system-out",
        "iommu": "skipped",
        "tpm": "system-out",
        "memory.population": "skipped",
        "cpu.sockets": "skipped",
        "memory.size": "passed",
    }
    assert suite.get("timestamp") == "2026-11-24T10:00:00"
    classes = {case.get("classname") for case in suite.iter("testcase")}
    assert classes == {"xen-4.17", "dell-r805"}
    told = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert told["serial"] == "8XJ0188"
    assert told["profile.verified"] == "2026-11-24"
    failure = suite.find(".//failure")
    assert failure is not None
    assert failure.get("message", "").endswith("found disabled, wanted enabled")
    text = failure.text or ""
    for part in ("found: disabled", "wanted: enabled", "fix: Turn on", "source: Xen SUPPORT.md"):
        assert part in text
    skipped = {case.get("message") for case in suite.iter("skipped")}
    assert "waived: spare part under way (by A. Miller, until 2027-01-31)" in skipped


def test_strict_makes_what_is_open_an_error() -> None:
    """With --strict a rule that could not be judged is as red as it is for the exit status."""
    (suite,) = suites(verdict(*samples.FINDINGS), strict=True)
    assert outcomes(suite)["iommu"] == "error"
    assert suite.get("errors") == "1"


def test_a_machine_that_could_not_be_read_is_an_error() -> None:
    """It is not missing from the report, and not green."""
    root = suites(verdict(MEMORY), unread())
    assert [suite.get("errors") for suite in root] == ["0", "1"]
    error = root.find(".//error")
    assert error is not None
    assert error.get("type") == "unreachable"
    assert root.get("errors") == "1"


def test_without_a_rule_that_passed_nothing_is_green() -> None:
    """A machine of which no rule says that it suits is skipped, and an error when strict."""
    (suite,) = suites(verdict(samples.SOCKETS))
    assert set(outcomes(suite).values()) == {"skipped"}
    (suite,) = suites(verdict(), strict=True)
    assert outcomes(suite) == {"verdict": "error"}


def test_a_rack_counts_right() -> None:
    """Every machine has its own name, and the sums are those of its suites."""
    root = suites(*samples.rack())
    assert len({suite.get("name") for suite in root}) == 40
    assert sum(int(suite.get("failures", "")) for suite in root) == int(root.get("failures", ""))


def test_what_is_open_says_how_to_learn_it() -> None:
    """The message of a case left open, and the words of one that the profile fails or warns of."""
    failed = {**samples.NX, "rule": "nx", "outcome": "fail"}
    (suite,) = suites(verdict(failed, samples.NX, samples.ENDURANCE, MEMORY))
    skipped = suite.find("testcase[@name='cpu.nx']/skipped")
    assert skipped is not None
    assert skipped.get("message") == f"unknown: not told cpu.nx, wanted enabled; {samples.LOOK}"
    for name, words in (("nx", "failure"), ("boot.endurance", "system-out")):
        told = suite.findtext(f"testcase[@name='{name}']/{words}") or ""
        assert "look: " in told
        assert "fix: " not in told


def test_suites_of_recordings_go_by_their_whole_paths() -> None:
    """A CI system keeps their history by name, which another recording must not change."""
    documents = samples.recordings(2)
    names = [suite.get("name") for suite in suites(*documents)]
    assert names == [each["target"] for each in documents]

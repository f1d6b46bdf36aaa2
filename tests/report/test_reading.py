"""Reading a validation back: what does not hold together is refused, and nothing dirty gets in."""

from __future__ import annotations

import json as stdlib_json
from typing import Any

import pytest

from provision import report
from provision.core.errors import ConfigError
from provision.report import json
from provision.report.reading import read
from tests.report import samples
from tests.report.samples import MEMORY, VIRTUALIZATION, fact, finding, unread, verdict


def test_a_machine_is_read_whole() -> None:
    """Identity, verdict, counts, findings worst first, rivals and waivers arrive."""
    one = read(verdict(*reversed(samples.FINDINGS)))
    assert one.machine == "Dell Inc. PowerEdge R805 8XJ0188"
    assert [each.outcome for each in one.findings] == [
        "fail",
        "warn",
        "unknown",
        "info",
        "waived",
        "skip",
        "pass",
    ]
    assert one.findings[0].remedies[1] == "In the BIOS settings: set ProcVirtualization to Enabled."
    assert one.findings[0].evidence[0].rivals[0].words == "enabled"
    assert one.trust == "pin"
    waiver = one.findings[4].waiver
    assert str(waiver) == "spare part under way (by A. Miller, until 2027-01-31)"
    assert one.told("memory.total") == "64 GiB"
    assert one.told("cpu.family") == "10h"
    assert len(one.facts["memory.dimms"].rows) == 2


def test_an_older_file_is_read() -> None:
    """What later versions added may be missing: server, profile of a finding, waiver."""
    old = verdict(*samples.FINDINGS)
    del old["server"]
    for each in old["findings"]:
        del each["profile"], each["waiver"]
    one = read(old)
    assert (one.server, one.server_sought) == (None, False)
    assert report.render("text", [old])


def broken() -> dict[str, dict[str, Any]]:
    """Documents that are wrong in one place each."""
    whole = verdict(VIRTUALIZATION, MEMORY)
    return {
        "schema should be bareiron": {**whole, "schema": "bareiron.facts/1"},
        "findings should be a list": {**whole, "findings": {"a": 1}},
        "findings[0] should be an object": {**whole, "findings": ["cpu.virt"]},
        "findings[0].rule should be": verdict(finding("", "fail")),
        "findings[0].severity should be one of error, warning": verdict(
            finding("x", "fail", severity="dire")
        ),
        "findings[0].evidence.cpu.virt.state.value should be": verdict(
            finding("x", "fail", evidence={"cpu.virt.state": fact({"a": 1})})
        ),
        "facts should be an object": {**whole, "facts": [1]},
        "facts.x.value should be text, a number": {**whole, "facts": {"x": fact(float("nan"))}},
        "facts.y.value[0] should be an object": {**whole, "facts": {"y": fact([1, 2])}},
        "target should be text": {**whole, "target": 7},
        "at should be a time": {**whole, "at": "yesterday"},
        "error should be an object": {**unread(), "error": "gone"},
    }


@pytest.mark.parametrize("told", broken(), ids=str)
def test_what_is_no_validation_is_refused_at_its_place(told: str) -> None:
    """A clear error that names the place; never a traceback, never a report made of it."""
    with pytest.raises(ConfigError) as caught:
        report.render("text", [broken()[told]])
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        {**verdict(VIRTUALIZATION, MEMORY), "verdict": "PASS"},
        {**verdict(MEMORY), "verdict": "FAIL"},
        {**verdict(samples.IOMMU, MEMORY), "verdict": "PASS"},
        {**verdict(samples.SOCKETS), "verdict": "PASS"},
        {**verdict(), "verdict": "PASS"},
        {**verdict(MEMORY), "verdict": "ERROR"},
        {**unread(), "verdict": "PASS"},
        {**verdict(MEMORY), "error": unread()["error"]},
    ],
)
@pytest.mark.parametrize("name", [name for name in report.FORMATS if name != "json"])
def test_a_verdict_that_its_findings_deny_is_refused(name: str, document: dict[str, Any]) -> None:
    """Whoever edits a saved verdict gets no report that says PASS."""
    with pytest.raises(ConfigError, match=r"the verdict says|ERROR goes with"):
        report.render(name, [document])


@pytest.mark.parametrize("name", [name for name in report.FORMATS if name != "json"])
def test_what_a_machine_says_reaches_no_terminal_or_page(name: str) -> None:
    """Escape sequences, bidi overrides, markup and formulas come out as harmless text."""
    evil = "=cmd|'/c calc'!A1 \x1b[2J\u202e<script>alert(1)</script>\x00\ufffe]]>&\r\n\u2028"
    facts = {f"system.{each}": fact(evil, evil) for each in ("vendor", "model", "serial")}
    document = verdict(
        finding("x", "fail", title=evil, found=evil, expected=evil, fix=evil, evidence=facts),
        target=evil,
        facts=facts,
        settings={"x": {evil: evil}},
    )
    for documents in ([document], [document, unread(evil)]):
        told = report.render(name, documents)
        assert not {"\x1b", "\u202e", "\x00", "\ufffe", "\u2028"} & set(told)
        if name in ("html", "junit"):
            assert "<script" not in told
        if name == "csv":
            assert not [line for line in told.split("\r\n") if line.startswith("=")]


def test_json_of_one_is_an_object_and_of_many_a_list() -> None:
    """What is saved is what was there, and loads again, whichever way it was written."""
    one, two = verdict(*samples.FINDINGS), unread()
    assert stdlib_json.loads(json.render([one])) == one
    assert stdlib_json.loads(json.render([one, two])) == [one, two]
    assert json.load(json.render([one]).encode(), "a.json") == [one]
    assert json.load(json.render([one, two]).encode(), "a.json") == [one, two]
    lines = "\n".join(stdlib_json.dumps(each) for each in (one, two)) + "\n\n"
    assert json.load(b"\xef\xbb\xbf" + lines.encode(), "a.jsonl") == [one, two]
    assert "\udc80" not in json.render([verdict(MEMORY, target="\udc80")])


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"<html>", b"[]", b"[1]", b"7", b"[" * 100_000, b'{"a":1}\nx'],
    ids=str,
)
def test_a_file_that_holds_no_validation_says_so(content: bytes) -> None:
    """Whatever file is given instead: an error that names it and what was wanted."""
    with pytest.raises(ConfigError, match=r"a\.json") as caught:
        json.load(content, "a.json")
    assert "provision validate" in caught.value.hint

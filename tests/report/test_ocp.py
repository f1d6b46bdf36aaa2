"""OCP Test & Validation output: by the published schema's rules, with a true result."""

from __future__ import annotations

import json
from typing import Any

import pytest

import hwprofiles
from hwprofiles.checks import Compare
from hwprofiles.facts import FactBook, Kind, Source
from provision import report
from provision.report.comparisons import comparisons
from provision.report.reading import read_finding
from tests.report import ocp_rules, samples
from tests.report.samples import MEMORY, fact, finding, unread, verdict


def output(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    """The artifacts of one machine, after they were checked."""
    artifacts = [json.loads(line) for line in report.render("ocp", documents).splitlines()]
    ocp_rules.check(artifacts)
    return artifacts


def steps(artifacts: list[dict[str, Any]], kind: str) -> list[Any]:
    """What the steps hold of one kind."""
    inner = (each.get("testStepArtifact", {}) for each in artifacts)
    return [each[kind] for each in inner if kind in each]


def test_a_step_is_a_rule_with_what_was_measured() -> None:
    """Found and wanted as a measurement with validators, the outcome as a diagnosis."""
    artifacts = output(verdict(*samples.FINDINGS))
    assert [each["name"] for each in steps(artifacts, "testStepStart")] == [
        each["rule"] for each in samples.FINDINGS
    ]
    assert {each["verdict"]: each["type"] for each in steps(artifacts, "diagnosis")} == {
        "cpu.virt-fail": "FAIL",
        "boot.media-warn": "PASS",
        "iommu-unknown": "UNKNOWN",
        "tpm-info": "PASS",
        "memory.size-pass": "PASS",
    }
    measured = {each["name"]: each for each in steps(artifacts, "measurement")}
    assert measured["cpu.virt.state"]["value"] == "disabled"
    assert measured["cpu.virt.state"]["validators"] == [{"type": "EQUAL", "value": "enabled"}]
    assert measured["memory.total"]["unit"] == "byte"
    assert measured["memory.total"]["validators"] == [
        {"type": "GREATER_THAN_OR_EQUAL", "value": 966367641.6}
    ]
    assert "validators" not in measured["boot.device.bus"]  # any of two: no list of validators
    logged = [each["message"] for each in steps(artifacts, "log")]
    assert any("Waived: spare part under way (by A. Miller" in message for message in logged)
    ended = [each["status"] for each in steps(artifacts, "testStepEnd")]
    assert ended.count("SKIP") == 2


def test_the_device_under_test_has_its_parts() -> None:
    """The serial number with the Redfish resource, the modules that are there, the firmware."""
    artifacts = output(verdict(*samples.FINDINGS))
    start = artifacts[1]["testRunArtifact"]["testRunStart"]
    assert (start["name"], start["version"]) == ("bareiron validate", "0.1.0")
    dut = start["dutInfo"]
    assert dut["dutInfoId"] == "8XJ0188"
    system, module = dut["hardwareInfos"]
    assert (system["serialNumber"], system["odataId"]) == ("8XJ0188", "/redfish/v1/Systems/1")
    assert (module["partType"], module["location"]) == ("DIMM", "A1")
    assert dut["softwareInfos"][0]["version"] == "4.2.1"


@pytest.mark.parametrize(
    ("document", "status", "result"),
    [
        (verdict(*samples.FINDINGS), "COMPLETE", "FAIL"),
        (verdict(samples.BOOT, MEMORY), "COMPLETE", "PASS"),
        (verdict(samples.IOMMU, MEMORY), "SKIP", "NOT_APPLICABLE"),
        (verdict(samples.SOCKETS), "SKIP", "NOT_APPLICABLE"),
        (unread(), "ERROR", "NOT_APPLICABLE"),
    ],
)
def test_only_what_passed_is_passed(document: dict[str, Any], status: str, result: str) -> None:
    """A machine that was not read, or not judged in full, has no result."""
    end = output(document)[-1]["testRunArtifact"]["testRunEnd"]
    assert (end["status"], end["result"]) == (status, result)


def test_many_machines_are_many_outputs() -> None:
    """Each can be cut out at its schema version, and is what it would be alone."""
    documents = samples.rack()
    whole = report.render("ocp", documents)
    assert whole == "".join(report.render("ocp", [each]) for each in documents)
    assert whole.count('"schemaVersion"') == 40


def compares() -> dict[str, Compare]:
    """The plain comparisons of all profiles shipped, by profile and rule."""
    found = {}
    for name in hwprofiles.names():
        for rule in hwprofiles.load(name).rules:
            if isinstance(rule.check, Compare):
                found[f"{name} {rule.id}"] = rule.check
    return found


def test_validators_say_what_the_rules_ask() -> None:
    """The words of every plain rule shipped become the comparison that the rule makes."""
    told = 0
    for name, check in compares().items():
        words = {Kind.BOOL: True, Kind.WORD: "neither"}
        value: Any = words.get(check.kind.kind, 12345)
        if check.kind.words:
            value = check.kind.words[0]
        if check.kind.kind in (Kind.VERSION, Kind.WORDS) or check.op == "matches":
            continue
        book = FactBook()
        book.learn(check.fact, value, Source.USER, "here")
        met = check.judge(book)
        outcome = {True: "pass", False: "fail", None: "unknown"}[met]
        evidence = {check.fact: fact(value)}
        judged = read_finding(
            finding("x", outcome, expected=check.words(), found="", evidence=evidence)
        )
        found = comparisons(judged)
        if met is not None and not (check.kind.kind is Kind.INTEGER and check.op == "in"):
            assert found, f"{name}: {check.words()}"
            assert all(each.holds(value) for each in found) is met
            told += 1
    assert told > 50


@pytest.mark.parametrize(
    ("expected", "name", "value", "outcome", "found"),
    [
        ("single-bit or multi-bit", "memory.ecc", "none", "fail", ["REGEX_MATCH"]),
        ("not usb or sd", "boot.device.bus", "sd", "warn", ["NOT_EQUAL", "NOT_EQUAL"]),
        ("more than 0Fh", "cpu.family", 16, "pass", ["GREATER_THAN"]),
        ("less than 4", "cpu.sockets", 4, "fail", ["LESS_THAN"]),
        ("at most 12 TiB (+5 %)", "memory.total", 1 << 43, "pass", ["LESS_THAN_OR_EQUAL"]),
        ("yes", "tpm.present", False, "info", ["EQUAL"]),
        ("enabled", "cpu.virt.state", "enabled", "fail", []),  # contradicts the outcome
        ("enabled", "cpu.virt.state", "unknown", "unknown", []),
        ("like ^PowerEdge", "system.model", "PowerEdge R805", "pass", []),
        ("at least 2.0", "tpm.version", "1.2", "fail", []),
        ("at least 8 bananas", "memory.total", 1, "fail", []),
        ("none of: cpu.family 06h", "cpu.family", 6, "fail", []),
        ("1 or 2", "cpu.sockets", 3, "fail", []),
        ("not (cpu.family 06h)", "cpu.family", 6, "fail", []),
    ],
)
def test_only_sure_comparisons_are_told(
    expected: str, name: str, value: Any, outcome: str, found: list[str]
) -> None:
    """What the words do not tell for sure, or what the outcome denies, is not told."""
    told = finding("x", outcome, expected=expected, evidence={name: fact(value)})
    assert [each.type for each in comparisons(read_finding(told))] == found


def test_several_facts_that_must_all_hold() -> None:
    """Joined by "and", each fact has its own validator."""
    told = finding(
        "x",
        "fail",
        expected="cpu.vendor AuthenticAMD and cpu.family at least 15h",
        evidence={"cpu.vendor": fact("AuthenticAMD"), "cpu.family": fact(16)},
    )
    found = [(each.fact, each.type, each.operand) for each in comparisons(read_finding(told))]
    assert found == [
        ("cpu.vendor", "EQUAL", "AuthenticAMD"),
        ("cpu.family", "GREATER_THAN_OR_EQUAL", 21),
    ]


def test_what_is_open_says_how_to_learn_it() -> None:
    """In the diagnosis' message and in the whole finding, and nothing is to be mended there."""
    artifacts = output(verdict(samples.NX, MEMORY))
    message = steps(artifacts, "diagnosis")[0]["message"]
    assert message.endswith(f"wanted enabled. Look: {samples.LOOK}")
    content = steps(artifacts, "extension")[0]["content"]
    assert content["look"] == samples.LOOK
    assert "fix" not in content

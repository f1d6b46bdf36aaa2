"""JUnit XML: a suite for each machine, a case for each rule. For Jenkins, GitLab, GitHub, Azure.

The shape is that of Ant's and Jenkins' schemas (attributes of suites and cases, the order inside).
A warning passes and says so on ``system-out``; what is waived, skipped or not known is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from hwprofiles import Outcome
from provision.report.causes import labels
from provision.report.naming import host
from provision.report.reading import read_all
from provision.report.validations import LOW, Finding, Validation, counted


def render(verdicts: Sequence[Mapping[str, Any]], *, strict: bool = False) -> str:
    """Return the suites; with ``strict`` a rule that could not be judged is an error."""
    root = ET.Element("testsuites", name="bareiron validate")
    validations = read_all(verdicts)
    for at, (name, validation) in enumerate(zip(labels(validations), validations, strict=True)):
        root.append(_suite(validation, name, at, strict=strict))
    _count(root)
    ET.indent(root)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return declaration + ET.tostring(root, encoding="unicode") + "\n"


def _suite(validation: Validation, name: str, at: int, *, strict: bool) -> ET.Element:
    suite = ET.Element("testsuite", name=name, hostname=host(validation.target), id=str(at))
    if validation.profile:
        suite.set("package", validation.profile.id)
    if validation.at:
        suite.set("timestamp", f"{validation.at:%Y-%m-%dT%H:%M:%S}")
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(validation).items():
        if value:
            ET.SubElement(properties, "property", name=key, value=value)
    suite.extend(_cases(validation, strict=strict))
    if not validation.error:
        told = f"{validation.verdict}: {counted(validation.counts)}"
        ET.SubElement(suite, "system-out").text = told
    _count(suite)
    return suite


def _cases(validation: Validation, *, strict: bool) -> Iterator[ET.Element]:
    if validation.error:
        case = ET.Element("testcase", classname="validate", name="reading", time="0")
        error = ET.SubElement(case, "error", type=validation.error.code)
        error.set("message", validation.error.message)
        error.text = validation.error.hint
        yield case
    own = validation.profile.id if validation.profile else ""
    for finding in validation.findings:
        yield _case(finding, finding.profile or own or "validate", strict=strict)
    if validation.verdict == "UNKNOWN" and not validation.counts[Outcome.UNKNOWN]:
        case = ET.Element("testcase", classname="validate", name="verdict", time="0")
        tag = ET.SubElement(case, "error" if strict else "skipped")
        tag.set("message", "not one rule says that this machine suits")
        if strict:
            tag.set("type", "unknown")
        yield case


def _properties(validation: Validation) -> dict[str, str]:
    profile, server = validation.profile, validation.server
    return {
        "target": validation.target,
        "verdict": validation.verdict,
        "tool": validation.tool,
        "profile": profile.id if profile else "",
        "profile.title": profile.title if profile else "",
        "profile.verified": profile.verified if profile else "",
        "server": server.id if server else "",
        "server.verified": server.verified if server else "",
        "vendor": validation.told("system.vendor"),
        "model": validation.told("system.model"),
        "serial": validation.told("system.serial"),
    }


def _case(finding: Finding, profile: str, *, strict: bool) -> ET.Element:
    case = ET.Element("testcase", classname=profile, name=finding.rule, time="0")
    told = _told(finding)
    if finding.outcome is Outcome.FAIL:
        failure = ET.SubElement(case, "failure", type="fail")
        failure.set("message", f"{finding.title}: {finding.comparison}")
        failure.text = told
    elif finding.outcome is Outcome.UNKNOWN and strict:
        error = ET.SubElement(case, "error", type="unknown")
        error.set("message", f"{finding.title}: {finding.comparison}")
        error.text = told
    elif finding.outcome in _SKIPPED:
        ET.SubElement(case, "skipped", message=f"{finding.outcome}: {_why(finding)}")
    elif finding.outcome is not Outcome.PASS:
        ET.SubElement(case, "system-out").text = f"{finding.outcome}: {finding.title}\n{told}"
    return case


_SKIPPED = (Outcome.UNKNOWN, Outcome.WAIVED, Outcome.SKIP)


def _why(finding: Finding) -> str:
    if finding.outcome is Outcome.WAIVED:
        return str(finding.waiver or "")
    if finding.outcome is Outcome.SKIP:
        return "does not apply to this machine"
    return "; ".join(filter(None, (finding.comparison, finding.look)))


def _told(finding: Finding) -> str:
    lines: dict[str, Sequence[str]] = {
        **{label: [text] for label, text in finding.told.items()},
        "fix": finding.remedies,
        "look": [finding.look],
        "evidence": [f"{each.name} = {each.words} ({each.path})" for each in finding.evidence],
        "source": [finding.source],
        "caution": [LOW] if finding.confidence == "low" else [],
    }
    return "\n".join(f"{label}: {text}" for label, texts in lines.items() for text in texts if text)


def _count(parent: ET.Element) -> None:
    """Count the cases below ``parent`` and what became of them."""
    parent.set("tests", str(len(parent.findall(".//testcase"))))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        parent.set(attribute, str(len(parent.findall(f".//testcase/{tag}"))))
    parent.set("time", "0")

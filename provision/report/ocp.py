"""OCP Test & Validation output 2.0, JSON Lines: for factories and labs that take this standard.

Each machine is an output of its own, from its ``schemaVersion`` (sequence number 0) to the end of
its test run; several machines follow one another. A rule is a test step: what was found is measured
with validators where the comparison can be told, the outcome is the diagnosis. A warning passes as
far as the run is concerned: its verdict ends in ``-warn`` and a log line says so.

The specification: https://github.com/opencomputeproject/ocp-diag-core/tree/main/json_spec
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hwprofiles import Outcome
from hwprofiles.catalogue import CATALOGUE, Kind
from provision.report.comparisons import comparisons
from provision.report.dut import SYSTEM, dut_info
from provision.report.reading import read_all
from provision.report.validations import Fact, Finding, Validation

Artifact = dict[str, Any]

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)  # the standard wants one
_DIAGNOSES: Final = {
    Outcome.PASS: "PASS",
    Outcome.WARN: "PASS",
    Outcome.INFO: "PASS",
    Outcome.FAIL: "FAIL",
    Outcome.UNKNOWN: "UNKNOWN",
}
_RUNS: Final = {
    "PASS": ("COMPLETE", "PASS"),
    "FAIL": ("COMPLETE", "FAIL"),
    "UNKNOWN": ("SKIP", "NOT_APPLICABLE"),  # not enough was judged to say that it passed
    "ERROR": ("ERROR", "NOT_APPLICABLE"),
}
_UNITS: Final = {
    Kind.BYTES: "byte",
    Kind.ENDURANCE: "byte",
    Kind.BIT_RATE: "bit/s",
    Kind.PERCENT: "%",
}


def render(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return one output after the other, an artifact a line."""
    lines: list[str] = []
    for validation in read_all(verdicts):
        stamp = (validation.at or _NO_TIME).strftime("%Y-%m-%dT%H:%M:%SZ")
        for number, artifact in enumerate(_artifacts(validation)):
            whole = {**artifact, "sequenceNumber": number, "timestamp": stamp}
            lines.append(json.dumps(whole, ensure_ascii=False, allow_nan=False))
    return "".join(f"{line}\n" for line in lines)


def _artifacts(validation: Validation) -> Iterator[Artifact]:
    yield {"schemaVersion": {"major": 2, "minor": 0}}
    yield {"testRunArtifact": {"testRunStart": _start(validation)}}
    if validation.error:
        told = f"{validation.error.message}. {validation.error.hint}".strip()
        error = {"symptom": validation.error.code or "unread", "message": told}
        yield {"testRunArtifact": {"error": error}}
    for at, finding in enumerate(validation.findings):
        for artifact in _step(finding):
            yield {"testStepArtifact": {**artifact, "testStepId": str(at)}}
    status, result = _RUNS[validation.verdict]
    yield {"testRunArtifact": {"testRunEnd": {"status": status, "result": result}}}


def _start(validation: Validation) -> Artifact:
    profile = validation.profile
    asked = f" --profile {profile.id}" if profile else ""
    parameters: Artifact = dict(validation.params)
    if profile:
        parameters |= {"profile": profile.id, "profile.verified": profile.verified}
    if validation.server:
        parameters |= {"server": validation.server.id}
    name, _, version = validation.tool.partition(" ")
    return {
        "name": f"{name or 'bareiron'} validate",
        "version": version or "unknown",
        "commandLine": f"provision validate{asked} {validation.target}",
        "parameters": parameters,
        "dutInfo": dut_info(validation),
    }


def _step(finding: Finding) -> Iterator[Artifact]:
    yield {"testStepStart": {"name": finding.rule}}
    yield from _measurements(finding)
    yield {"extension": {"name": "bareiron.finding", "content": _content(finding)}}
    if finding.outcome in _DIAGNOSES:
        yield {
            "diagnosis": {
                "verdict": f"{finding.rule}-{finding.outcome}",
                "type": _DIAGNOSES[finding.outcome],
                "message": _message(finding),
                "hardwareInfoId": SYSTEM,
            }
        }
    if finding.outcome in _LOGS:
        yield {"log": {"severity": _LOGS[finding.outcome], "message": _message(finding)}}
    yield {"testStepEnd": {"status": "COMPLETE" if finding.outcome in _DIAGNOSES else "SKIP"}}


_LOGS: Final = {
    Outcome.WARN: "WARNING",
    Outcome.INFO: "INFO",
    Outcome.WAIVED: "WARNING",
    Outcome.SKIP: "INFO",
}


def _measurements(finding: Finding) -> Iterator[Artifact]:
    """Yield each fact that was looked at, with what the rule asks of it where that can be told."""
    asked: dict[str, list[Artifact]] = {}
    for each in comparisons(finding):
        asked.setdefault(each.fact, []).append({"type": each.type, "value": each.operand})
    for fact in finding.evidence:
        where = {"source": fact.source, "path": fact.path, "power_state": fact.power_state}
        measured: Artifact = {
            "name": fact.name,
            "value": fact.words if isinstance(fact.value, tuple) else fact.value,
            "hardwareInfoId": SYSTEM,
            "metadata": {key: value for key, value in where.items() if value},
        }
        if unit := _unit(fact):
            measured["unit"] = unit
        if validators := asked.get(fact.name):
            measured["validators"] = validators
        yield {"measurement": measured}


def _unit(fact: Fact) -> str:
    meaning = CATALOGUE.get(fact.name)
    return _UNITS.get(meaning.kind, "") if meaning and not isinstance(fact.value, tuple) else ""


def _message(finding: Finding) -> str:
    if finding.outcome is Outcome.SKIP:
        return f"{finding.title}: does not apply to this machine"
    waived = f" Waived: {finding.waiver}." if finding.outcome is Outcome.WAIVED else ""
    remedies = f" Fix: {' '.join(finding.remedies)}" if finding.remedies else ""
    look = f" Look: {finding.look}" if finding.look else ""
    return f"{finding.title}: {finding.comparison}.{waived}{remedies}{look}"


def _content(finding: Finding) -> Artifact:
    content = {
        "rule": finding.rule,
        "profile": finding.profile,
        "outcome": str(finding.outcome),
        "severity": str(finding.severity),
        "expected": finding.expected,
        "found": finding.found,
        "fix": list(finding.remedies),
        "look": finding.look,
        "source": finding.source,
        "confidence": finding.confidence,
    }
    return {key: value for key, value in content.items() if value}

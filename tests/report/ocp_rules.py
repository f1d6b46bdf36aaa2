"""The rules of OCP Test & Validation output 2.0, in our own words, for tests.

Field by field as the published schema has them: an object may have no other fields, and ``!`` marks
those that it must have. Enumerations, the pairs of status and result, and the order of artifacts
are those of the specification's text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Rule = Callable[[Any, str], None]

STATUS = {"COMPLETE", "ERROR", "SKIP"}
RESULTS = {("COMPLETE", "PASS"), ("COMPLETE", "FAIL"), ("SKIP", "NOT_APPLICABLE")} | {
    ("ERROR", "NOT_APPLICABLE")
}
ORDERED = {"LESS_THAN", "LESS_THAN_OR_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL"}
PATTERNS = {"REGEX_MATCH", "REGEX_NO_MATCH"}
SETS = {"IN_SET", "NOT_IN_SET"}


def text(value: Any, place: str) -> None:
    """A string."""
    assert isinstance(value, str), place


def free(value: Any, place: str) -> None:
    """Any object."""
    assert isinstance(value, dict), place


def scalar(value: Any, place: str) -> None:
    """A string, a number or a boolean."""
    assert isinstance(value, str | bool | int | float), place


def one_of(*words: str) -> Rule:
    """One of ``words``."""

    def rule(value: Any, place: str) -> None:
        assert value in words, f"{place}: {value}"

    return rule


def many(each: Rule) -> Rule:
    """A list."""

    def rule(value: Any, place: str) -> None:
        assert isinstance(value, list), place
        for at, item in enumerate(value):
            each(item, f"{place}[{at}]")

    return rule


def fields(**rules: Rule) -> Rule:
    """An object with these fields; a name that ends in ``_`` has to be there."""
    known = {name.rstrip("_"): rule for name, rule in rules.items()}
    needed = {name.rstrip("_") for name in rules if name.endswith("_")}

    def rule(value: Any, place: str) -> None:
        assert isinstance(value, dict), place
        assert set(value) <= set(known), f"{place}: {set(value) - set(known)}"
        assert needed <= set(value), f"{place}: {needed - set(value)}"
        for name, item in value.items():
            known[name](item, f"{place}.{name}")

    return rule


_HARDWARE = fields(
    hardwareInfoId_=text,
    name_=text,
    **dict.fromkeys(
        (
            "version",
            "revision",
            "location",
            "serialNumber",
            "partNumber",
            "partType",
            "manufacturer",
            "manufacturerPartNumber",
            "odataId",
            "computerSystem",
            "manager",
        ),
        text,
    ),
)
_SOFTWARE = fields(
    softwareInfoId_=text,
    name_=text,
    version=text,
    revision=text,
    computerSystem=text,
    softwareType=one_of("UNSPECIFIED", "FIRMWARE", "SYSTEM", "APPLICATION"),
)
_DUT = fields(
    dutInfoId_=text,
    name=text,
    metadata=free,
    platformInfos=many(fields(info_=text)),
    hardwareInfos=many(_HARDWARE),
    softwareInfos=many(_SOFTWARE),
)
_LOG = fields(severity_=one_of("INFO", "DEBUG", "WARNING", "ERROR", "FATAL"), message_=text)
_ERROR = fields(symptom_=text, message=text, softwareInfoIds=many(text))
_VALIDATOR = fields(
    name=text,
    metadata=free,
    value_=scalar,
    type_=one_of("EQUAL", "NOT_EQUAL", *sorted(ORDERED | PATTERNS | SETS)),
)
RUN: Mapping[str, Rule] = {
    "testRunStart": fields(
        name_=text, version_=text, commandLine_=text, parameters_=free, dutInfo_=_DUT, metadata=free
    ),
    "testRunEnd": fields(status_=one_of(*STATUS), result_=one_of("NOT_APPLICABLE", "PASS", "FAIL")),
    "log": _LOG,
    "error": _ERROR,
}
STEP: Mapping[str, Rule] = {
    "testStepStart": fields(name_=text),
    "testStepEnd": fields(status_=one_of(*STATUS)),
    "measurement": fields(
        name_=text,
        value_=scalar,
        unit=text,
        validators=many(_VALIDATOR),
        hardwareInfoId=text,
        metadata=free,
    ),
    "diagnosis": fields(
        verdict_=text,
        type_=one_of("PASS", "FAIL", "UNKNOWN"),
        message=text,
        hardwareInfoId=text,
    ),
    "extension": fields(name_=text, content_=free),
    "log": _LOG,
    "error": _ERROR,
}


def only(value: Mapping[str, Any]) -> tuple[str, Any]:
    """The one artifact inside ``value``."""
    assert len(value) == 1, sorted(value)
    return next(iter(value.items()))


def check(output: list[dict[str, Any]]) -> None:
    """Check one machine's output, from its schema version to the end of its run."""
    artifacts = [_artifact(number, each) for number, each in enumerate(output)]
    assert artifacts[0] == ("schemaVersion", {"major": 2, "minor": 0})
    run = [only(content) for kind, content in artifacts if kind == "testRunArtifact"]
    for name, inner in run:
        RUN[name](inner, name)
    assert [kind for kind, _ in artifacts[1:2] + artifacts[-1:]] == ["testRunArtifact"] * 2
    assert (run[0][0], run[-1][0]) == ("testRunStart", "testRunEnd")
    assert (run[-1][1]["status"], run[-1][1]["result"]) in RESULTS
    parts = [each["hardwareInfoId"] for each in run[0][1]["dutInfo"]["hardwareInfos"]]
    assert len(parts) == len(set(parts))
    steps: dict[str, list[str]] = {}
    for kind, content in artifacts[1:]:
        assert kind in ("testRunArtifact", "testStepArtifact")
        if kind == "testStepArtifact":
            _step(content, steps, parts)
    for names in steps.values():
        assert (names[0], names[-1]) == ("testStepStart", "testStepEnd")
        assert names.count("testStepStart") == names.count("testStepEnd") == 1


def _artifact(number: int, whole: Mapping[str, Any]) -> tuple[str, Any]:
    rest = dict(whole)
    assert rest.pop("sequenceNumber") == number
    assert datetime.fromisoformat(rest.pop("timestamp")).tzinfo is not None
    return only(rest)


def _step(content: Mapping[str, Any], steps: dict[str, list[str]], parts: list[str]) -> None:
    rest = dict(content)
    step = rest.pop("testStepId")
    text(step, "testStepId")
    name, inner = only(rest)
    STEP[name](inner, name)
    assert inner.get("hardwareInfoId", parts[0]) in parts
    steps.setdefault(step, []).append(name)
    _validators(inner)


def _validators(measured: Mapping[str, Any]) -> None:
    """Both sides of a validator have the same type, and one that its comparison knows."""
    for each in measured.get("validators", []):
        numbers = [isinstance(side, int | float) for side in (each["value"], measured["value"])]
        if each["type"] in ORDERED:
            assert numbers == [True, True]
        elif each["type"] in PATTERNS:
            assert numbers == [False, False]
        else:
            assert numbers[0] is numbers[1]

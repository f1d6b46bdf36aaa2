"""From the JSON of a validation to the types that reports are made of.

The one source of every format is what ``--output json`` prints (``bareiron.validation/1``). It may
have been saved a year ago, or written by somebody else: what does not hold together is refused
here, and every string is made harmless here, once for all formats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from hwprofiles import Outcome, Severity
from provision.core.errors import ConfigError
from provision.core.text import clean
from provision.report.validations import (
    VERDICTS,
    Cell,
    Fact,
    Failure,
    Finding,
    ProfileName,
    Validation,
    Waiver,
    verdict_of,
)

SCHEMA: Final = "bareiron.validation/1"
_PROSE: Final = 2000  # characters of a remedy or an error
_Word = TypeVar("_Word", bound=StrEnum)


def read(document: Any) -> Validation:
    """Return the validation in ``document``; ``ConfigError`` where it is none."""
    try:
        validation = _validation(_Reader(document, ""))
        _hold_together(validation)
    except _Malformed as error:
        raise ConfigError(
            f"reading a validation: {error}",
            hint="Give what `provision validate --output json` prints, unchanged.",
        ) from error
    return validation


def read_all(documents: Sequence[Any]) -> list[Validation]:
    """Return the validations in ``documents``, in their order."""
    return [read(document) for document in documents]


def read_finding(document: Any) -> Finding:
    """Return one finding, as ``Finding.as_dict`` of hwprofiles gives it."""
    return _finding(_Reader(document, "finding"), {})


def read_fact(name: str, document: Any) -> Fact:
    """Return one fact, as ``Fact.as_dict`` of hwprofiles gives it."""
    return _fact(name, _Reader(document, name))


class _Malformed(Exception):
    """What is wrong, with its place."""


class _Reader:
    """An object inside the document, read key by key; every complaint names the place."""

    def __init__(self, data: Any, place: str) -> None:
        self._data, self._place = data, place
        if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
            raise _Malformed(f"{place or 'the document'} should be an object")

    def raw(self, key: str) -> Any:
        """Return what stands under ``key``, None for nothing."""
        return self._data.get(key)

    def names(self, key: str) -> bool:
        """Whether ``key`` stands there, be it with null."""
        return key in self._data

    def text(self, key: str, limit: int = 400) -> str:
        """Return clean text; empty for nothing."""
        value = self.raw(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "text")
        return clean(value or "", limit)

    def word(self, key: str, words: type[_Word]) -> _Word:
        """Return one of few words."""
        try:
            return words(self.raw(key))
        except ValueError:
            raise self.wrong(key, f"one of {', '.join(words)}") from None

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of clean words."""
        items = self._list(key)
        if not all(isinstance(each, str) for each in items):
            raise self.wrong(key, "a list of words")
        return tuple(clean(each) for each in items)

    def inner(self, key: str) -> _Reader:
        """Return the object under ``key``; an empty one for nothing."""
        value = self.raw(key)
        return _Reader({} if value is None else value, self._at(key))

    def each(self, key: str) -> list[_Reader]:
        """Return the objects in the list under ``key``."""
        return [_Reader(item, f"{self._at(key)}[{at}]") for at, item in enumerate(self._list(key))]

    def members(self) -> list[tuple[str, _Reader]]:
        """Return the objects inside, by clean name."""
        return [(clean(key), self.inner(key)) for key in self._data]

    def cells(self) -> dict[str, Cell]:
        """Return the plain values inside, by clean name."""
        return {clean(key): self.cell(key) for key in self._data if self.raw(key) is not None}

    def cell(self, key: str) -> Cell:
        """Return a plain value, text cleaned."""
        value = self.raw(key)
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        raise self.wrong(key, "text, a number, true or false")

    def value(self, key: str) -> Cell | tuple[str, ...] | tuple[Mapping[str, Cell], ...]:
        """Return the value of a fact: a plain one, words, or the rows of a table."""
        items = self.raw(key)
        if not isinstance(items, list | tuple):
            return self.cell(key)
        if all(isinstance(each, str) for each in items):
            return self.words(key)
        return tuple(row.cells() for row in self.each(key))

    def wrong(self, key: str, wanted: str) -> _Malformed:
        """Return the complaint about ``key``."""
        return _Malformed(f"{self._at(key)} should be {wanted}")

    def _at(self, key: str) -> str:
        name = clean(key, 60)
        return f"{self._place}.{name}" if self._place else name

    def _list(self, key: str) -> Sequence[Any]:
        value = self.raw(key)
        if value is not None and not isinstance(value, list | tuple):
            raise self.wrong(key, "a list")
        return value or ()


def _validation(document: _Reader) -> Validation:
    if document.raw("schema") != SCHEMA:
        raise document.wrong("schema", SCHEMA)
    settings = {
        rule: {name: clean(value) for name, value in values.cells().items()}
        for rule, values in document.inner("settings").members()
    }
    findings = [_finding(each, settings) for each in document.each("findings")]
    return Validation(
        target=document.text("target") or "a machine without a name",
        verdict=document.text("verdict"),
        at=_time(document),
        tool=document.text("tool"),
        trust=_trust(document),
        profile=_profile(document, "profile"),
        params=document.inner("profile").inner("params").cells(),
        server=_profile(document, "server"),
        server_sought=document.names("server"),
        findings=tuple(sorted(findings, key=_badness)),
        facts={name: _fact(name, told) for name, told in document.inner("facts").members()},
        error=_failure(document),
    )


def _badness(finding: Finding) -> tuple[int, int]:
    """Return where a finding stands: by its outcome, then by how much its rule matters."""
    return list(Outcome).index(finding.outcome), list(Severity).index(finding.severity)


def _profile(document: _Reader, key: str) -> ProfileName | None:
    if document.raw(key) is None:
        return None
    told = document.inner(key)
    return ProfileName(id=told.text("id"), title=told.text("title"), verified=told.text("verified"))


def _failure(document: _Reader) -> Failure | None:
    if document.raw("error") is None:
        return None
    told = document.inner("error")
    return Failure(
        code=told.text("code"),
        message=told.text("message", _PROSE),
        hint=told.text("hint", _PROSE),
    )


def _time(document: _Reader) -> datetime | None:
    text = document.text("at")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise document.wrong("at", "a time such as 2026-11-24T10:00:00+00:00") from None


def _trust(document: _Reader) -> str:
    if isinstance(document.raw("tls"), Mapping):
        return document.inner("tls").text("how")
    return document.text("tls")


def _finding(told: _Reader, settings: Mapping[str, Mapping[str, str]]) -> Finding:
    rule = told.text("rule")
    if not rule:
        raise told.wrong("rule", "the id of a rule")
    source = told.inner("source")
    return Finding(
        rule=rule,
        profile=told.text("profile"),
        title=told.text("title") or rule,
        outcome=told.word("outcome", Outcome),
        severity=told.word("severity", Severity),
        expected=told.text("expected", _PROSE),
        found=told.text("found", _PROSE),
        evidence=tuple(_fact(name, fact) for name, fact in told.inner("evidence").members()),
        unknown=told.words("unknown"),
        fix=told.text("fix", _PROSE),
        settings=settings.get(rule, {}),
        source_title=source.text("title"),
        source_where=source.text("where"),
        confidence=told.text("confidence"),
        waiver=_waiver(told),
        look=told.text("look", _PROSE),
    )


def _waiver(told: _Reader) -> Waiver | None:
    if told.raw("waiver") is None:
        return None
    waiver = told.inner("waiver")
    return Waiver(
        reason=waiver.text("reason", _PROSE),
        by=waiver.text("by"),
        until=waiver.text("until"),
        expired=waiver.raw("expired") is True,
    )


def _fact(name: str, told: _Reader, *, rival: bool = False) -> Fact:
    rivals = [] if rival else told.each("rivals")
    return Fact(
        name=name,
        value=told.value("value"),
        source=told.text("source"),
        path=told.text("path"),
        at=told.text("at"),
        power_state=told.text("power_state"),
        rivals=tuple(_fact(name, each, rival=True) for each in rivals),
    )


def _hold_together(validation: Validation) -> None:
    """Refuse a verdict that its own findings deny: no report shows a false PASS."""
    if validation.error or validation.verdict == "ERROR":
        if validation.verdict != "ERROR" or not validation.error or validation.findings:
            raise _Malformed("ERROR goes with an error and without findings; nothing else does")
        return
    said = verdict_of(validation.findings, validation.profile.id if validation.profile else "")
    if validation.verdict != said:
        word = validation.verdict if validation.verdict in VERDICTS else "nothing known"
        raise _Malformed(f"the verdict says {word}, the findings say {said}")

"""The registry of formats: what can be chosen, and how a file's name chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision import report
from provision.core.errors import ConfigError
from tests.report import samples


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.json", "json"),
        ("a.xml", "junit"),
        ("TEST-a.XML", "junit"),
        ("a.html", "html"),
        ("a.csv", "csv"),
        ("a.b.jsonl", "ocp"),
        ("a.txt", "text"),
    ],
)
def test_a_name_says_which_format(file: str, name: str) -> None:
    """The suffix alone decides."""
    assert report.expected(Path(file)) == name


@pytest.mark.parametrize("file", ["report", "a.pdf", ".html", "a."])
def test_another_name_is_refused_with_what_would_do(file: str) -> None:
    """Before anything is validated, somebody learns which names there are."""
    with pytest.raises(ConfigError) as caught:
        report.expected(Path(file))
    assert ".jsonl (ocp)" in caught.value.hint


def test_an_unknown_format_is_refused() -> None:
    """No traceback for a format that is none."""
    with pytest.raises(ConfigError, match="no such format"):
        report.render("pdf", [samples.verdict(samples.MEMORY)])


@pytest.mark.parametrize("name", report.FORMATS)
def test_every_format_renders_every_kind_of_machine(name: str) -> None:
    """All outcomes, unread machines, none at all; the same input is the same output, strict too."""
    for documents in ([], [samples.unread()], [samples.verdict(*samples.FINDINGS)], samples.rack()):
        told = report.render(name, documents, strict=True)
        assert told.endswith("\n") or not documents
        assert told == report.render(name, documents, strict=True)

"""Regular expressions that could run away are refused before they meet a BMC's text."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from hwprofiles import DocumentError, load
from hwprofiles.patterns import LONGEST_TEXT, problem


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(\S+\s*)+$",
        r"(a|a)*$",
        r"(a|aa)+$",
        r"(?:ab|[ab]b)*$",
        r"(.*)*x",
        r"(a?){30}a{30}",
        r"(?i)(ab|Ab)*$",
        r"((ab)*)*c",
        r"(\w+\d)+x",
        r"(?=(a+)+$)a",
        r"(éa|\wa)*$",
        r"(a*?)+?x",
        r".*.*.*.*x",
        r"\d+\d+\d+\d+x",
        r"(a)(\1|a)*$",
        r".+?\S{1,}a*?!c",
        r"\S+?\w*?(?=\w{0,40}x)",
        r"[ab]+?(?:x+|[ab]{0,40})?a*?!c",
    ],
)
def test_a_pattern_that_can_run_away_is_refused(pattern: str) -> None:
    """A BMC chooses the text; with such a pattern it would choose our running time as well."""
    assert problem(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^Dell",
        "(?i)^super ?micro",
        r"Xen version \d+(\.\d+)*",
        r"^(\d+\.){2}\d+$",
        r"login: ?$",
        r"(foo|bar)+",
        r"Xen .*loaded.*ready",
        r"[A-Z]{2,4}-\d{1,4}",
        r"(?:Intel|AMD) .* CPU",
        r"^(\w+ )*end$",
        r"Xen .*loaded.*ready.*go",
        r"^a.*b.*c.*d$",
    ],
)
def test_an_ordinary_pattern_is_taken_and_is_quick(pattern: str) -> None:
    """What people write for versions, names and prompts stays possible."""
    assert problem(pattern) is None
    for text in ("a" * LONGEST_TEXT, "1." * (LONGEST_TEXT // 2), "Xen " * (LONGEST_TEXT // 4)):
        begun = time.perf_counter()
        re.search(pattern, text + "!")
        assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "[z-a]", "a" * 600])
def test_a_pattern_that_is_none_is_told(pattern: str) -> None:
    """In words, never as an exception."""
    assert problem(pattern)


def test_a_profile_with_such_a_pattern_is_refused_at_its_place(tmp_path: Path) -> None:
    """Before anything is asked of a BMC."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "schema: bareiron.profile/1\nkind: hypervisor\nid: mine\ntitle: Mine\n"
        "verified: 2026-01-01\nrules:\n  - id: r\n    title: T\n    severity: error\n"
        '    check: {system.model: {matches: "(a+)+$"}}\n'
    )
    with pytest.raises(DocumentError, match=r"mine\.yaml:10:\d+: .*run away"):
        load(str(path))

"""Selectors mean what they say, and what they do not say they tell with its place."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.core.errors import Exit
from provision.core.selectors import BadSelector, groups_of, select
from provision.core.servers import Listed


def server(name: str, **more: object) -> Listed:
    """A server of that name."""
    return Listed.model_validate({"name": name, "bmc": f"{name}.example", **more})


RACK = [
    server("r12-u01", rack="r12", u=1, model="PowerEdge R750", serial="8XJ0201", tags=["gpu"]),
    server("r12-u02", rack="r12", u=2, model="PowerEdge R650", mac="aa:bb:cc:dd:ee:02"),
    server("r12-u17", rack="r12", u=17, model="ProLiant DL360", tags=["gpu", "lab"]),
    server("r13-u01", rack="r13", u=1, model="R760, special; edition"),
    server("spare"),
]


def names(*expressions: str) -> list[str]:
    """The names that the expressions select, the digits alone where they suffice."""
    groups = groups_of({"r12-u01": True, "r12-u02": False, "spare": None})
    return [one.name for one in select(RACK, expressions, groups=groups)]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("rack=r12,u=1-16", ["r12-u01", "r12-u02"]),
        ("rack=r12, u=2|17", ["r12-u02", "r12-u17"]),
        ("u=2-", ["r12-u02", "r12-u17"]),
        ("model~R7.*", ["r12-u01", "r13-u01"]),
        ("model~^power", ["r12-u01", "r12-u02"]),
        ("model!~r[67]50", ["r12-u17", "r13-u01", "spare"]),
        ('model="r760, special; edition"', ["r13-u01"]),
        ('model~"R7{1,2}"', ["r12-u01", "r13-u01"]),
        ("name=r12-u0?", ["r12-u01", "r12-u02"]),
        ("r12-*", ["r12-u01", "r12-u02", "r12-u17"]),
        ("R12-U01|spare", ["r12-u01", "spare"]),
        ("!r12-*", ["r13-u01", "spare"]),
        ("!!spare", ["spare"]),
        ("rack!=r12", ["r13-u01", "spare"]),
        ('rack=""', ["spare"]),
        ('u=""|17', ["r12-u17", "spare"]),
        ("!u=1", ["r12-u02", "r12-u17", "spare"]),
        ("serial=8xj*", ["r12-u01"]),
        ("mac=AABB.CCDD.EE02", ["r12-u02"]),
        ("mac=aa:bb:*", ["r12-u02"]),
        ("tag=gpu", ["r12-u01", "r12-u17"]),
        ("tag=gpu,!tag=lab", ["r12-u01"]),
        ("rack=r12,u=1; spare", ["r12-u01", "spare"]),
        ("@failed", ["r12-u02"]),
        ("@passed", ["r12-u01"]),
        ("@unknown", ["spare"]),
        ("r12-*,!@passed", ["r12-u02", "r12-u17"]),
        ("rack=r99", []),
    ],
)
def test_what_an_expression_selects(expression: str, wanted: list[str]) -> None:
    """In the order of the file, whatever the order of the terms."""
    assert names(expression) == wanted


def test_repeated_expressions_are_either_or() -> None:
    """As `--limit A --limit B` reads; none selects nobody."""
    assert names("u=17", "spare") == ["r12-u17", "spare"]
    assert names() == []


@pytest.mark.parametrize(
    ("expression", "at", "words"),
    [
        ("", 1, "missing"),
        ("rack=r12,", 10, "missing"),
        ("rack=r12,,u=1", 10, "missing"),
        ("rakc=r12", 1, "unknown key 'rakc'; did you mean 'rack'"),
        ("u=1, colour=red", 6, "unknown key 'colour'; there are name, bmc"),
        ("rack=", 6, 'there should be a value; rack="" means'),
        ("!", 2, "a name"),
        ("rack=r12|", 10, "a value is missing"),
        ("u=1-16x", 3, "a number or a range"),
        ("u=1|x", 5, "a number or a range"),
        ("u=16-1", 3, "nothing lies between"),
        ('name="a', 6, "not closed"),
        ("model~", 7, "a pattern is missing"),
        ("model~a(", 7, "regular expression"),
        ("model~(a+)+$", 7, "repeat"),
        ('"r12", model~a(', 14, "regular expression"),
        ("r12-*,@", 8, "group"),
        ("@stuck", 1, "no group is called @stuck"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(expression: str, at: int, words: str) -> None:
    """The mark stands under the character that the message counts; status 13."""
    with pytest.raises(BadSelector, match=re.escape(words)) as caught:
        names(expression)
    told, shown, mark = str(caught.value).split("\n")
    assert f"character {at}:" in told
    assert shown.strip() == expression.strip()
    assert len(mark) == at + 2
    assert caught.value.status is Exit.CONFIG
    assert caught.value.hint


def test_a_group_without_a_run_is_told() -> None:
    """No run means no @failed, not an empty one."""
    with pytest.raises(BadSelector, match="none is at hand"):
        select(RACK, "@failed")


@given(st.text(alphabet='abu@!=~|,;"*?[]()1-9 \x1b\n', max_size=40) | st.text(max_size=40))
def test_any_text_is_a_selector_or_told(text: str) -> None:
    """Never a traceback, and never a control character in the message."""
    told = ""
    try:
        chosen = names(text)
    except BadSelector as error:
        told, chosen = str(error), []
    if told:
        at = int(told.partition("character ")[2].partition(":")[0])
        assert 1 <= at <= len(text) + 1
        assert all(line.isprintable() for line in told.split("\n"))
    assert set(chosen) <= {one.name for one in RACK}


TERMS: dict[str, Callable[[Listed], bool]] = {
    "rack=r12": lambda one: one.rack == "r12",
    "u=1-16": lambda one: one.u is not None and 1 <= one.u <= 16,
    "model~R7": lambda one: "R7" in (one.model or ""),
    "*u01": lambda one: one.name.endswith("u01"),
    "tag=gpu": lambda one: "gpu" in one.tags,
    "@failed": lambda one: one.name == "r12-u02",
}
term = st.tuples(st.booleans(), st.sampled_from(sorted(TERMS)))


@given(st.lists(st.lists(term, min_size=1, max_size=3), min_size=1, max_size=3))
def test_comma_is_and_semicolon_is_or(ways: list[list[tuple[bool, str]]]) -> None:
    """Against the same said in Python; a repeated option is a semicolon."""
    texts = [",".join(f"{'!' if no else ''}{text}" for no, text in way) for way in ways]
    wanted = [
        one.name
        for one in RACK
        if any(all(bool(TERMS[text](one)) != no for no, text in way) for way in ways)
    ]
    assert names(";".join(texts)) == names(*texts) == wanted

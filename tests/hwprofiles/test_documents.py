"""Documents people write are read strictly, and every problem is told at its place."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from hwprofiles import DocumentError
from hwprofiles.documents import LISTS, SMALL, parse_document
from hwprofiles.loading import read_yaml
from hwprofiles.validation import validate


class Server(BaseModel):
    """A model as callers write it."""

    model_config = ConfigDict(extra="forbid")
    url: str
    port: int | None = None
    on: bool = False


class Rack(BaseModel):
    """A model with models inside."""

    model_config = ConfigDict(extra="forbid")
    servers: tuple[Server, ...]
    named: dict[str, Server] = {}
    value: str | int | bool = ""


def problems(text: str) -> list[str]:
    """What is said about ``text`` when it is read as a rack."""
    with pytest.raises(DocumentError) as caught:
        validate(parse_document(text, "f.yaml"), Rack)
    return [str(problem) for problem in caught.value.problems]


def test_good_document(tmp_path: Path) -> None:
    """YAML 1.2: numbers in hex, words that 1.1 took for booleans, lists for tuples."""
    path = tmp_path / "rack.yaml"
    path.write_text("servers:\n  - {url: no, port: 0x1bb, on: true}\nvalue: 1:30\n")
    rack = read_yaml(path, Rack)
    assert rack.servers == (Server(url="no", port=443, on=True),)
    assert rack.value == "1:30"


def test_all_problems_at_once_each_at_its_place() -> None:
    """A person mends the whole file in one go."""
    assert problems(
        "servers:\n"
        "  - url: 5\n"
        "    prot: 3\n"
        "  - port: x\n"
        "    on: yes\n"
        "named:\n"
        "  a: {url: x, prot: 1}\n"
        "value: [1]\n"
        "sevrers: []\n"
    ) == [
        "f.yaml:2:10: url: should be text, not 5; put it in quotes",
        "f.yaml:3:5: unknown key 'prot'; did you mean 'port'?",
        "f.yaml:4:5: 'url' is missing",
        "f.yaml:4:11: port: should be a whole number, not 'x'",
        "f.yaml:5:9: on: should be true or false, not 'yes'",
        "f.yaml:7:15: unknown key 'prot'; did you mean 'port'?",
        "f.yaml:8:8: value: should be text or a whole number or true or false, not a list",
        "f.yaml:9:1: unknown key 'sevrers'; did you mean 'servers'?",
    ]


def test_duplicates_and_tags_together() -> None:
    """Duplicate keys, tags and keys that are no words are found in one reading."""
    assert problems("a: 1\na: 2\nb: !!python/name:os.system x\n1: x\n<<: {}\n") == [
        "f.yaml:2:1: duplicate key 'a', first on line 1",
        "f.yaml:3:4: the tag tag:yaml.org,2002:python/name:os.system is not supported here",
        "f.yaml:4:1: a key is a plain word; put it in quotes to make it one",
        "f.yaml:5:1: a key is a plain word; put it in quotes to make it one",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f.yaml:1:1: the file is empty"),
        ("# nothing\n", "f.yaml:1:1: the file is empty"),
        ("a: b: c", "f.yaml:1:5: not YAML: mapping values are not allowed here"),
        ("servers:\n\t- x", "f.yaml:2:1: not YAML: while scanning"),
        ("a: 1\n---\nb: 1", "f.yaml:2:1: not YAML: expected a single document"),
        ("x: &a [*a]", "f.yaml:1:4: nested more than 40 deep"),
        ("{a: " * 5000, "f.yaml:1:161: nested more than 40 deep"),
        ("[" * 500_000, "f.yaml:1:41: nested more than 40 deep"),
        ("k: " + "!" * 500_000, "f.yaml:1:4: a tag of more than 200 characters"),
        ("- " * 500_000, "f.yaml:1:81: nested more than 40 deep"),
        ('value: "\\e[2J"\nservers: []', "f.yaml:1:8: a control character stands in it (U+001B)"),
        ('value: "\\uD800"\nservers: []', "f.yaml:1:8: a control character stands in it (U+D800)"),
        ('"\\u202Eeulav": 1\nservers: []', "f.yaml:1:1: a control character stands in it (U+202E)"),
        ("a: 1\nb: \x00", "f.yaml:2:4: a control character stands in it (U+0000)"),
        ("- 1", "f.yaml:1:1: should be a mapping, not a list"),
        ("%YAML 1.1\n---\nvalue: yes", "f.yaml:3:8: 'yes' cannot be read as bool"),
        ("value: .nan\nservers: []", "f.yaml:1:8: '.nan' cannot be read as float"),
        ("value: 1" + "0" * 5000, "f.yaml:1:8: '1000"),
    ],
)
def test_nonsense_is_located(text: str, told: str) -> None:
    """Whatever the file holds, one reads where and why."""
    assert problems(text)[0].startswith(told)


def test_alias_bomb_is_refused_quickly() -> None:
    """Aliases of aliases cannot fill the memory."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert problems("\n".join(lines))[0].endswith("more than 50000 values")


@pytest.mark.parametrize("dense", ["k: [" + "1," * 200_000 + "]", "-\n" * 200_000])
def test_a_dense_file_is_refused_where_it_is_too_much(dense: str) -> None:
    """A profile of half a megabyte of digits is not read to its end."""
    with pytest.raises(DocumentError, match=rf"f.yaml:\d+:\d+: more than {SMALL.values} values"):
        parse_document(dense, "f.yaml", SMALL)


def test_files_that_are_no_documents(tmp_path: Path) -> None:
    """A missing file, a directory, a binary and a huge file are told apart."""
    binary, huge = tmp_path / "b.yaml", tmp_path / "h.yaml"
    binary.write_bytes(b"a: 1\nb: \xff\xfe")
    huge.write_bytes(b"#" * (LISTS.size + 1))
    for path, told in (
        (tmp_path / "none.yaml", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (binary, "b.yaml:2:4: not text in UTF-8"),
        (huge, "larger than 1024 KiB"),
    ):
        with pytest.raises(DocumentError, match=told):
            read_yaml(path, Rack)


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    """Any text is read or refused with places; nothing else ever comes out."""
    with contextlib.suppress(DocumentError):
        validate(parse_document(text, "f.yaml"), Rack)

"""A profile that was damaged loads, or is refused with a place: nothing else ever comes out."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprofiles import DocumentError, Profile, loading
from hwprofiles.documents import read_document
from hwprofiles.loading import FOLDERS
from hwprofiles.profile import ProfileKind
from tests.hwprofiles.test_exporting import GOOD, SERVER, wrong

Damage = Callable[[random.Random, str], str]
ESXI = (FOLDERS[ProfileKind.HYPERVISOR] / "esxi-8.0.yaml").read_text(encoding="utf-8")
R805 = (FOLDERS[ProfileKind.SERVER] / "dell-poweredge-r805.yaml").read_text(encoding="utf-8")
TEXTS = (GOOD, SERVER, ESXI, R805)
_KEY = re.compile(r"[\w.]+(?=: )")
_VALUE = re.compile(r"(?<=: )[^\n,{}\[\]]+")
_WRONG = (
    "5", "-1", "1e999", ".nan", "''", "[]", "{}", "~", "true", "[1, [2]]", "{a: {b: c}}", "64 GiB",
    "1 Gbit/s", "${no}", "${least}", "(a+)+$", "2026-99-99", "!x y", "&a x", "*a", "|", '"\\x00"',
    "9" * 5000, "0x", "8 GB GB", "é" * 300,
)  # fmt: skip


def lines_of(text: str) -> list[str]:
    """The lines, each with its end."""
    return text.splitlines(keepends=True)


def delete_line(chance: random.Random, text: str) -> str:
    """A line that was cut."""
    lines = lines_of(text)
    del lines[chance.randrange(len(lines))]
    return "".join(lines)


def repeat_line(chance: random.Random, text: str) -> str:
    """A line that is there twice, here or elsewhere."""
    lines = lines_of(text)
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return "".join(lines)


def indent(chance: random.Random, text: str) -> str:
    """A line that moved to the side."""
    lines = lines_of(text)
    at = chance.randrange(len(lines))
    lines[at] = chance.choice([" ", "  ", "\t", "    "]) + lines[at].lstrip(chance.choice(" \n"))
    return "".join(lines)


def swap_indents(chance: random.Random, text: str) -> str:
    """Two lines that took each other's place at the margin."""
    lines = lines_of(text)
    one, other = (chance.randrange(len(lines)) for _ in range(2))
    margins = [line[: len(line) - len(line.lstrip())] for line in (lines[one], lines[other])]
    lines[one], lines[other] = margins[1] + lines[one].lstrip(), margins[0] + lines[other].lstrip()
    return "".join(lines)


def rename_key(chance: random.Random, text: str) -> str:
    """A key with another name."""
    found = chance.choice(list(_KEY.finditer(text)))
    name = chance.choice(
        ["x", found[0] + "s", found[0][:-1] or "y", "all", "not", "count", "memory.dimms"]
    )
    return text[: found.start()] + name + text[found.end() :]


def change_value(chance: random.Random, text: str) -> str:
    """A value of another type, or none that can be."""
    found = chance.choice(list(_VALUE.finditer(text)))
    return text[: found.start()] + chance.choice(_WRONG) + text[found.end() :]


def cut(chance: random.Random, text: str) -> str:
    """A file that ends too soon."""
    return text[: chance.randrange(len(text))]


def scribble(chance: random.Random, text: str) -> str:
    """Some characters that stand for others."""
    letters = list(text)
    for _ in range(chance.randint(1, 4)):
        letters[chance.randrange(len(letters))] = chance.choice(
            "\0\t\n\r{}[]:,&*!|>'\"%@`-?#é\u2028\ufeff "
        )
    return "".join(letters)


def nest(chance: random.Random, text: str) -> str:
    """Brackets without end in place of a value."""
    found = chance.choice(list(_VALUE.finditer(text)))
    deep = chance.choice(["[", "{a: ", "{not: ", "- ", "{all: [{"]) * chance.choice([3, 30, 3000])
    return text[: found.start()] + deep + text[found.end() :]


DAMAGES: tuple[Damage, ...] = (
    delete_line, repeat_line, indent, swap_indents, rename_key, change_value, cut, scribble, nest,
)  # fmt: skip


def load(data: bytes) -> Profile | list[str]:
    """What comes of loading a file that holds ``data``: a profile, or the problems.

    A profile that loads is one by the JSON Schema, too: an editor underlines nothing in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ours.yaml"
        path.write_bytes(data)
        try:
            profile = loading.load(str(path))
            assert wrong(read_document(path).data) == []
            return profile
        except DocumentError as error:
            problems = error.problems
    assert problems
    for problem in problems:
        assert problem.file.endswith("ours.yaml")
        assert problem.message.isprintable(), problem.message
        assert len(problem.message) < 2000
        assert problem.line or not data.strip(), problem
        assert problem.column or not data.strip(), problem
    return [str(problem) for problem in problems]


@pytest.mark.parametrize("text", TEXTS)
def test_undamaged_it_loads(text: str) -> None:
    """What the damage below is done to is a profile."""
    assert isinstance(load(text.encode()), Profile)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: str(damage.__name__))
@settings(max_examples=12, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_every_damage_is_told_at_its_place(damage: Damage, chance: random.Random) -> None:
    """One thing wrong: it still is a profile, or the file, line and column of it are told."""
    load(damage(chance, chance.choice(TEXTS)).encode("utf-8", "surrogatepass"))


@settings(max_examples=20, deadline=None)
@given(chance=st.randoms(use_true_random=False), times=st.integers(2, 6))
def test_several_at_once(chance: random.Random, times: int) -> None:
    """Damage upon damage is no other matter."""
    text = chance.choice((GOOD, SERVER))
    for _ in range(times):
        text = chance.choice(DAMAGES)(chance, text) or text
        if not _VALUE.search(text) or not _KEY.search(text):
            break
    load(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=60), at=st.integers(0, len(GOOD)))
def test_bytes_that_are_no_text(data: bytes, at: int) -> None:
    """Whatever bytes come between, nothing but a profile or a place comes out."""
    whole = GOOD.encode()
    load(whole[:at] + data + whole[at:])


def test_an_empty_file_and_a_file_of_nothing() -> None:
    """They are no profiles, and it is said so."""
    for data in (b"", b"\n\n", b"# only words\n", b"---\n...\n", b"\xef\xbb\xbf"):
        told = load(data)
        assert isinstance(told, list)
        assert "the file is empty" in told[0] or "should be a mapping" in told[0], told


def test_a_base_asked_wrongly_is_not_to_blame() -> None:
    """The place told is in the file that its user can mend."""
    source = re.search(r"source: (\w+)", ESXI)
    assert source
    rule = (
        "  - {id: ours, title: Ours, severity: error, confidence: low, fix: Buy it,\n"
        f"     source: {source[1]}, check: {{firmware.boot_mode: "
        "{eq: uefi, tolerance: '${memory_tolerance}'}}}\n"
    )
    told = load(ESXI.replace("\nrules:\n", f"\nrules:\n{rule}", 1).encode())
    assert isinstance(told, list)
    assert "no tolerance fits here" in told[0]

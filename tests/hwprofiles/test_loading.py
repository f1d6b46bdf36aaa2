"""Profiles are put together from files; whatever is wrong with them is told at its place."""

from __future__ import annotations

import random
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import hwprofiles
from hwprofiles import DocumentError, ProfileKind
from hwprofiles.loading import FOLDERS

HEAD = """\
schema: bareiron.profile/1
kind: hypervisor
id: site
title: Our site
verified: 2026-11-24
"""


def write(tmp_path: Path, text: str, name: str = "site.yaml") -> str:
    """Write a profile (its head is added) and return its path."""
    path = tmp_path / name
    path.write_text(HEAD + text)
    return str(path)


def problems(path: str) -> list[str]:
    """What is said about the profile, without the folder it is in."""
    with pytest.raises(DocumentError) as caught:
        hwprofiles.load(path)
    folder = str(Path(path).parent) + "/"
    return [str(problem).replace(folder, "") for problem in caught.value.problems]


def test_site_profile_extends_a_shipped_one(tmp_path: Path) -> None:
    """A site changes a parameter, replaces a rule in its place, removes one and adds one."""
    path = write(
        tmp_path,
        """\
extends: [esxi-8.0]
params: {boot_min: 64 GB}
rules:
  - {id: memory.ecc, enabled: false}
  - {id: tpm, title: TPM, severity: error, check: {tpm.present: true}}
  - {id: rack, title: Ours, severity: info, check: {system.vendor: {matches: "^Dell"}}}
""",
    )
    base, site = hwprofiles.load("esxi-8.0"), hwprofiles.load(path)
    ids = [rule.id for rule in site.rules]
    assert [*(rule.id for rule in base.rules if rule.id != "memory.ecc"), "rack"] == ids
    rules = {rule.id: rule for rule in site.rules}
    assert rules["boot.size"].title == "Boot device of 64 GB or more"
    assert rules["boot.size"].check.words() == "at least 64 GB"
    assert rules["boot.size"].origin.startswith("esxi-8.0.yaml:")
    assert rules["tpm"].severity == "error"
    assert rules["tpm"].origin == f"{path}:10"
    assert [Path(file).name for file in site.files] == [
        "x86-host.yaml",
        "esxi-base.yaml",
        "esxi-8.0.yaml",
        "site.yaml",
    ]


def test_file_beside_wins_and_paths_work(tmp_path: Path) -> None:
    """A base is looked for beside the file first, by name or by path."""
    write(tmp_path, "rules: [{id: a, title: A, severity: info, check: {cpu.cores: 1}}]", "b.yaml")
    for name in ("b", "./b.yaml"):
        path = write(tmp_path, f"extends: [{name}]")
        assert [rule.id for rule in hwprofiles.load(path).rules] == ["a"]


def test_all_mistakes_of_the_checks_at_once(tmp_path: Path) -> None:
    """Unknown facts, operators, words, units, parameters and sources: each where it stands."""
    path = write(
        tmp_path,
        """\
params: {least: 8 GiB, speed: 10 Gbit/s}
sources: {page: {title: A page, url: "https://example.org/"}}
rules:
  - id: a
    title: Memory of ${leest}
    severity: error
    source: pages
    check:
      memory.totl: {ge: 8 GiB}
      memory.total: {ge: "${speed}", tolerance: 3 GiB}
      memory.max: {gte: 8 GiB}
      cpu.cores: {ge: 8 GiB, tolerance: 10%}
  - id: b
    title: More
    severity: error
    when: {cpu.virt.state: on}
    check:
      any:
        - {memory.total: {ge: 8}}
        - {memory.total: 8 gib}
        - {cpu.flags: {eq: vmx}}
        - {cpu.name: {matches: "("}}
        - {tpm.version: 2.0}
        - {tpm.present: "yes"}
        - cpu.cores
        - {all: []}
        - {cpu.model: {in: 5}}
        - {cpu.name: {}}
        - {cpu.name: {eq: x, tolerance: 1%}}
""",
    )
    assert problems(path) == [
        "site.yaml:10:12: unknown parameter 'leest'; did you mean 'least'?",
        "site.yaml:12:13: unknown source 'pages'; did you mean 'page'?",
        "site.yaml:14:7: unknown fact 'memory.totl'; did you mean 'memory.total'?",
        "site.yaml:15:26: 10 Gbit/s measures a bit rate; wanted is a size for memory.total, "
        "such as 8 GiB",
        "site.yaml:15:49: 3 GiB measures a size; wanted is a percentage, such as 3.125%",
        "site.yaml:16:20: unknown operator 'gte'; did you mean 'gt'?",
        "site.yaml:17:23: should be a whole number, not '8 GiB'",
        "site.yaml:21:28: cpu.virt.state is never 'on' (enabled, disabled, locked, unlocked, "
        "unsupported, off-or-hidden, capable, not-controllable, guest, unknown)",
        "site.yaml:24:31: a size wants a unit for memory.total, such as 8 GiB",
        "site.yaml:25:26: unknown unit 'gib'; did you mean 'GiB'?",
        "site.yaml:26:24: cpu.flags is of kind words, which knows contains, contains_all, not eq",
        "site.yaml:27:32: not a regular expression: missing ), unterminated subpattern at "
        "position 0",
        "site.yaml:28:25: should be text (in quotes, where it looks like a number), not 2.0",
        "site.yaml:29:25: should be true or false, not 'yes'",
        "site.yaml:30:11: should be a mapping of facts to what is asked of them",
        "site.yaml:31:17: all wants a list of checks",
        "site.yaml:32:28: in wants a list",
        "site.yaml:33:22: nothing is asked of cpu.name",
        "site.yaml:34:30: no tolerance fits here: only numbers have one",
    ]


def test_unit_mismatch_is_a_load_time_error(tmp_path: Path) -> None:
    """Memory is not compared with a bit rate, nor a size with an endurance."""
    path = write(
        tmp_path,
        """\
rules:
  - {id: a, title: A, severity: error, check: {memory.total: {ge: 1 Gbit/s}}}
  - {id: b, title: B, severity: error, check: {boot.device.endurance: {ge: 128 TB}}}
""",
    )
    assert problems(path) == [
        "site.yaml:7:67: 1 Gbit/s measures a bit rate; wanted is a size for memory.total, "
        "such as 8 GiB",
        "site.yaml:8:76: 128 TB measures a size; wanted is a endurance for boot.device.endurance, "
        "such as 128 TBW",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: [{id: a, title: A, check: {cpu.cores: 1}}]", "6:9: rule 'a' lacks severity"),
        ("rules: [{id: a, titel: A}]", "6:17: unknown key 'titel'; did you mean 'title'?"),
        ("rules: [{id: a b, enabled: false}]", "6:14: id: should match pattern"),
        ("rules: [{id: a, enabled: false}]", "6:14: no base has a rule 'a' to remove"),
        ("extends: [esxi-8]", "6:11: no profile 'esxi-8' to extend; did you mean 'esxi-8.0'?"),
        ("extends: [site]", "6:11: extending 'site' leads back to this file"),
        ("abstract: true", "6:11: this profile is only there to be extended"),
        ("params: {a: [1]}", "a: should be text or a whole number or a valid number, not a list"),
        ("sources: {a: {title: Some page}}", "6:14: a: a source needs a url or a ref"),
        (
            "rules:\n- &a {id: a, title: A, severity: info, check: {cpu.cores: 1}}\n- *a",
            "rule 'a' is there twice",
        ),
        (
            "rules: [{id: a, title: A, severity: info, check: {}}]",
            "6:50: a check asks for something; this one is empty",
        ),
        (
            "rules: [{id: a, title: A, severity: grave, check: {cpu.cores: 1}}]",
            "severity: should be 'error', 'warning' or 'info', not 'grave'",
        ),
    ],
)
def test_one_mistake(tmp_path: Path, text: str, told: str) -> None:
    """Each mistake in the frame of a profile has its own words."""
    assert any(told in problem for problem in problems(write(tmp_path, text)))


def test_circles_are_found(tmp_path: Path) -> None:
    """Two files that extend each other are told apart from a missing one."""
    write(tmp_path, "extends: [site]", "other.yaml")
    assert problems(write(tmp_path, "extends: [other]")) == [
        "other.yaml:6:11: extending 'site' leads back to this file"
    ]


def test_a_broken_base_is_told_with_the_rest(tmp_path: Path) -> None:
    """A mistake in a base is at its place in the base's file."""
    write(tmp_path, "rules: [{id: a}]\nextra: 1", "base.yaml")
    told = problems(write(tmp_path, "extends: [base, gone]"))
    assert told == [
        "base.yaml:6:9: rule 'a' lacks title, severity, check",
        "base.yaml:7:1: unknown key 'extra'",
        "site.yaml:6:17: no profile 'gone' to extend",
    ]


RULE = "rules: [{id: a, title: A, severity: info, check: {cpu.cores: 1}}]"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "site.yaml:1:1: no rules: a profile that asks for nothing judges nothing"),
        ("rules: []", "site.yaml:6:8: no rules: "),
        (
            "extends: [base]\nrules: [{id: a, enabled: false}]",
            "site.yaml:7:8: no rules: ",
        ),
    ],
)
def test_a_profile_without_rules_is_no_profile(tmp_path: Path, text: str, told: str) -> None:
    """Whatever it was compared with would have passed."""
    write(tmp_path, RULE, "base.yaml")
    assert [each[: len(told)] for each in problems(write(tmp_path, text))] == [told]


def test_a_base_without_rules_may_be_extended(tmp_path: Path) -> None:
    """A file of parameters alone is a fine base."""
    write(tmp_path, "abstract: true\nparams: {least: 8}", "base.yaml")
    path = write(
        tmp_path,
        "extends: [base]\n"
        'rules: [{id: a, title: A, severity: info, check: {cpu.cores: {ge: "${least}"}}}]',
    )
    assert len(hwprofiles.load(path).rules) == 1


def test_a_base_reached_on_several_ways_is_read_once(tmp_path: Path) -> None:
    """Its work does not double with each level; what stands between is not undone by it."""
    write(tmp_path, RULE, "b0.yaml")
    write(tmp_path, RULE, "c0.yaml")
    for level in range(1, 12):
        both = f"extends: [b{level - 1}, c{level - 1}]"
        write(tmp_path, both, f"b{level}.yaml")
        write(tmp_path, both, f"c{level}.yaml")
    begun = time.perf_counter()
    profile = hwprofiles.load(write(tmp_path, "extends: [b11, c11]"))
    assert time.perf_counter() - begun < 3
    assert len(profile.files) == 25


def test_extending_the_same_twice_is_a_slip(tmp_path: Path) -> None:
    """By another spelling too."""
    write(tmp_path, RULE, "base.yaml")
    assert problems(write(tmp_path, "extends: [base, ./base.yaml]")) == [
        "site.yaml:6:17: './base.yaml' is extended twice"
    ]


def test_extending_has_an_end(tmp_path: Path) -> None:
    """A chain of more than 16 files, or more than 64 in all, is refused where it grows too long."""
    write(tmp_path, RULE, "n0.yaml")
    for level in range(1, 30):
        write(tmp_path, f"extends: [n{level - 1}]", f"n{level}.yaml")
    assert problems(write(tmp_path, "extends: [n29]")) == [
        "n15.yaml:6:11: more than 16 files, each extending the next"
    ]
    for number in range(70):
        write(tmp_path, RULE, f"m{number}.yaml")
    many = ", ".join(f"m{number}" for number in range(70))
    told = problems(write(tmp_path, f"extends: [{many}]"))
    assert len(told) == 1
    assert told[0].endswith("more than 64 files in one profile")


def test_parameters_of_parameters(tmp_path: Path) -> None:
    """One may be made of others; a loop, and an unknown one, is named at its place."""
    path = write(tmp_path, "params: {a: '${b} GiB', b: 8, c: '${c}', d: '${e}', e: 'x ${d}'}")
    assert problems(path) == [
        "site.yaml:6:34: parameters in a loop: c → c",
        "site.yaml:6:45: parameters in a loop: d → e → d",
        "site.yaml:6:56: parameters in a loop: e → d → e",
    ]
    assert problems(write(tmp_path, "params: {a: '${bb}', bbb: 8}")) == [
        "site.yaml:6:13: unknown parameter 'bb'; did you mean 'bbb'?"
    ]
    good = write(
        tmp_path,
        "params: {a: '${b} GiB', b: 8}\nrules: [{id: a, title: '${a}', severity: info, "
        "check: {memory.total: {ge: '${a}'}}}]",
    )
    assert hwprofiles.load(good).rules[0].check.words() == "at least 8 GiB"


def test_parameters_that_multiply_are_bounded(tmp_path: Path) -> None:
    """Neither time nor length doubles with each one: it would never end."""
    chain = ", ".join(f"p{n}: '${{p{n + 1}}}${{p{n + 1}}}'" for n in range(15))
    assert problems(write(tmp_path, f"params: {{{chain}, p15: 'long text'}}"))
    chain = ", ".join(f"p{n}: '${{p{n + 1}}}'" for n in range(2000))
    told = problems(write(tmp_path, f"params: {{{chain}, p2000: x}}"))
    assert "more than 16 parameters, each made of the next" in told[0]


def test_verified_in_the_future_is_a_slip(tmp_path: Path) -> None:
    """A day is let pass: the date may be that of another time zone."""
    path = tmp_path / "site.yaml"
    for days, right in ((1, True), (2, False)):
        day = datetime.now(UTC).date() + timedelta(days=days)
        path.write_text(HEAD.replace("2026-11-24", str(day)) + RULE)
        if right:
            hwprofiles.load(str(path))
        else:
            (told,) = problems(str(path))
            assert told.startswith(f"site.yaml:5:11: verified on {day}, which is yet to come")


def test_missing_profile_says_what_there_is() -> None:
    """A wrong name is answered with the right one; a wrong path with the path."""
    with pytest.raises(DocumentError, match=r"no such profile; did you mean 'xen-4\.17', or "):
        hwprofiles.load("xen-4.71")
    with pytest.raises(DocumentError, match=r"there are .*esxi-8\.0, .*, or the path of a file"):
        hwprofiles.load("windows")
    with pytest.raises(DocumentError, match=r"gone\.yaml: cannot be read: No such file"):
        hwprofiles.load("gone.yaml")
    with pytest.raises(DocumentError, match="only there to be extended"):
        hwprofiles.load("esxi-base")


@pytest.mark.parametrize("name", ["xen-4.17", "esxi-8.0"])
def test_damage_is_always_located(tmp_path: Path, name: str) -> None:
    """Break a good profile in one place at a time: it is still fine, or refused with the place."""
    for file in FOLDERS[ProfileKind.HYPERVISOR].glob("*.yaml"):
        shutil.copy(file, tmp_path)
    path = tmp_path / f"{name}.yaml"
    whole = path.read_text()
    chance = random.Random(4)  # noqa: S311 - the same damage each time
    refused: list[DocumentError] = []
    for _ in range(40):
        at = chance.randrange(len(whole))
        junk = chance.choice(":-{}[],'\"#&*!|>%@\n\t ~0a$\u2028")
        cut = chance.randrange(4)
        path.write_text(whole[:at] + junk + whole[at + cut :])
        try:
            hwprofiles.load(str(path))
        except DocumentError as error:
            refused.append(error)
    assert len(refused) > 20
    assert all(problem.line for error in refused for problem in error.problems)


def test_a_parameter_is_mended_where_it_stands(tmp_path: Path) -> None:
    """A site's slip is told in the site's file, not in the base that asks for the parameter."""
    (told,) = problems(write(tmp_path, "extends: [xen-4.17]\nparams: {memory_min: 128}"))
    assert told.startswith("site.yaml:7:22: ")
    assert "memory_min: a size wants a unit" in told
    assert "xen-4.17.yaml:" in told

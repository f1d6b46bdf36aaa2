"""``provision profile``: what there is, what it asks, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from provision.cli import cli
from provision.core.errors import ConfigError, Exit

GOOD = """\
schema: bareiron.profile/1
kind: hypervisor
id: ours
title: Our own
verified: 2026-11-24
extends: [xen-4.17]
rules:
  - {id: vendor, title: One of ours, severity: info, check: {system.vendor: {matches: "^Dell"}}}
"""


def run(*words: str) -> str:
    """What the command prints; an error of ours is raised."""
    return CliRunner().invoke(cli, ["profile", *words], catch_exceptions=False).output


def lint(*files: str) -> tuple[str, ConfigError | None]:
    """What lint prints, and the error it ends with."""
    result = CliRunner().invoke(cli, ["profile", "lint", *files])
    assert result.exception is None or isinstance(result.exception, ConfigError)
    return result.output, result.exception


def test_list() -> None:
    """Every shipped profile with its title; a base is not offered."""
    shown = run("list")
    assert [line.split()[0] for line in shown.splitlines()] == [
        "PROFILE",
        "esxi-8.0",
        "proxmox-ve-9",
        "xen-4.17",
    ]
    rows = json.loads(run("list", "--output", "json"))
    assert {row["id"] for row in rows} == {"esxi-8.0", "proxmox-ve-9", "xen-4.17"}
    assert all(row["verified"] and row["rules"] for row in rows)


@pytest.mark.parametrize("name", ["esxi-8.0", "proxmox-ve-9", "xen-4.17"])
def test_show(name: str) -> None:
    """Each rule with what it asks, its remedy, its source, and the file it came from."""
    shown = run("show", name)
    data = json.loads(run("show", name, "--output", "json"))
    for rule in data["rules"]:
        assert f"[{rule['id']}]" in shown
        assert rule["asks"]
        assert rule["fix"]
        assert rule["origin"] in shown
    wide = [line for line in shown.splitlines() if len(line) > 80]
    assert all("http" in line or "[" in line for line in wide)


def test_show_of_a_file(tmp_path: Path) -> None:
    """A file of one's own is shown whole, with what it inherits."""
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD)
    shown = run("show", str(path))
    assert "One of ours [vendor]" in shown
    assert "[cpu.virt]" in shown
    assert f"{path}:8" in shown


def test_lint_of_good_files_remarks(tmp_path: Path) -> None:
    """Rules without source, remedy or confidence are told, and cost nothing."""
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD.replace("2026-11-24", "2020-01-01"))
    told, error = lint(str(path), "esxi-8.0", "esxi-base")
    assert error is None
    assert f"{path}:8: vendor has no source" in told
    assert f"{path}:8: vendor says nothing of what to do" in told
    assert "memory.supported has low confidence" in told
    assert "last verified 2020-01-01, over a year ago" in told
    assert "memory.ecc has no source" in told
    assert "esxi-base: 6 rules, 0 remarks" in told


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (
            "severity: info",
            "severty: info",
            "8:38: unknown key 'severty'; did you mean 'severity'?",
        ),
        ("title: Our own", "title: Our: own", "4:11: not YAML: mapping values are not allowed"),
        ("system.vendor:", "system.vender:", "8:62: unknown fact 'system.vender'; did you mean"),
        ("system.vendor: {matches", "memory.total: {ge", "is not a number with a unit"),
        (
            'system.vendor: {matches: "^Dell"}',
            "memory.total: {ge: 1 Gbit/s}",
            "measures a bit rate; wanted is a size for memory.total",
        ),
        ("[xen-4.17]", "[xen-4.71]", "6:11: no profile 'xen-4.71' to extend; did you mean"),
    ],
)
def test_lint_of_bad_files(tmp_path: Path, good: str, bad: str, told: str) -> None:
    """A typo, an unknown fact, a wrong unit, a missing base: at its line and column; status 13."""
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD.replace(good, bad))
    shown, error = lint("xen-4.17", str(path))
    assert error is not None
    assert error.status == Exit.CONFIG
    assert error.hint
    assert any(line.startswith(f"{path}:") and told in line for line in shown.splitlines())
    assert shown.startswith("xen-4.17: 10 rules")


def test_lint_of_a_missing_file() -> None:
    """A path that is not there, or no profile of that name."""
    shown, error = lint("gone.yaml", "xen")
    assert error is not None
    assert "gone.yaml: cannot be read: No such file or directory" in shown
    assert "xen: no such profile" in shown

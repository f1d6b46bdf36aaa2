"""``provision profile``: what there is, what it asks, and the work on one's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hwprofiles
from hwprofiles import ProfileKind, shelf
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
BOARD = """\
# dmidecode 3.3
SMBIOS 2.7 present.

Handle 0x0001, DMI type 1, 27 bytes
System Information
	Manufacturer: Example, Inc.
	Product Name: Server (one)

Handle 0x0010, DMI type 16, 23 bytes
Physical Memory Array
	Location: System Board Or Motherboard
	Use: System Memory
	Error Correction Type: Multi-bit ECC
	Maximum Capacity: 256 GB
	Number Of Devices: 2

Handle 0x0011, DMI type 17, 34 bytes
Memory Device
	Array Handle: 0x0010
	Size: 16384 MB
	Locator: P1-DIMMA1
	Bank Locator: P0

Handle 0x0012, DMI type 17, 34 bytes
Memory Device
	Array Handle: 0x0010
	Size: No Module Installed
	Locator: P2-DIMMA1
	Bank Locator: P1

Handle 0xFEFF, DMI type 127, 4 bytes
End Of Table
"""


def invoke(*words: str) -> Result:
    """What came of the command, an error of ours included."""
    result = CliRunner().invoke(cli, ["profile", *words])
    assert result.exception is None or isinstance(result.exception, ConfigError | SystemExit)
    return result


def run(*words: str) -> str:
    """What the command prints; an error of ours is raised."""
    return CliRunner().invoke(cli, ["profile", *words], catch_exceptions=False).output


def told(*words: str) -> Any:
    """What it prints as JSON."""
    return json.loads(run(*words, "--output", "json"))


def lint(*files: str) -> tuple[str, ConfigError | None]:
    """What lint prints, and the error it ends with."""
    result = invoke("lint", *files)
    assert result.exception is None or isinstance(result.exception, ConfigError)
    return result.output, result.exception


def write(folder: Path, text: str, name: str = "ours.yaml") -> str:
    """A file of one's own."""
    path = folder / name
    path.write_text(text)
    return str(path)


def fits(text: str) -> bool:
    """Whether it fits 80 columns, but for what must not be broken."""
    long = [line for line in text.splitlines() if len(line) > 80]
    return all(" " not in line.strip() or "://" in line for line in long)


def test_list() -> None:
    """Every shipped profile of each kind with its title; a base is not offered."""
    rows = told("list")
    known = [*shelf.names(), *shelf.names(ProfileKind.SERVER)]
    assert [row["id"] for row in rows] == known
    for row in (rows[0], rows[-1]):
        profile = hwprofiles.load(row["id"])
        assert (row["kind"], row["title"]) == (profile.kind, profile.title)
        assert row["verified"] == profile.verified.isoformat()
    shown = run("list")
    assert all(f"\n{name} " in shown for name in known)
    assert fits(shown)


@pytest.mark.parametrize(
    ("kind", "here", "not_here"),
    [("hypervisors", "xen-4.17", "poweredge"), ("servers", "dell-poweredge-r805", "xen-4.17")],
)
def test_list_of_one_kind(kind: str, here: str, not_here: str) -> None:
    """Hypervisors or servers alone."""
    shown = run("list", "--kind", kind)
    assert here in shown
    assert not_here not in shown


@pytest.mark.parametrize("name", ["esxi-8.0", "xen-4.17", "dell-poweredge-r805"])
def test_show(name: str) -> None:
    """Each rule with what it asks, its remedy, its source, and the file it came from."""
    shown = run("show", name)
    plain = " ".join(shown.split())
    for rule in told("show", name)["rules"]:
        assert f"[{rule['id']}]" in shown
        assert rule["asks"]
        assert " ".join(rule["fix"].split()) in plain
        assert rule["origin"] in shown
    assert fits(shown)


def test_show_of_a_server() -> None:
    """How its machines are known, and its memory slots."""
    data = told("show", "dell-poweredge-r805")
    assert data["kind"] == "server"
    assert "poweredge r805" in data["match"]
    assert list(data["slots"]) == ["CPU1", "CPU2"]


def test_show_of_a_file(tmp_path: Path) -> None:
    """A file of one's own is shown whole, with what it inherits, and what it waives."""
    waiver = "waivers: [{rule: vendor, reason: No longer made, by: me, until: 2020-01-31}]\n"
    path = write(tmp_path, GOOD + waiver)
    shown = run("show", path)
    assert "One of ours [vendor]" in shown
    assert "[cpu.virt]" in shown
    assert f"{path}:8" in shown
    assert "vendor until 2020-01-31, which is over: No longer made (me)" in " ".join(shown.split())


def test_lint_notes_what_deserves_a_look(tmp_path: Path) -> None:
    """Doubtful, dated, unused: each at its place, and without cost."""
    today = datetime.now(UTC).date()
    soon, later = today + timedelta(days=7), today + timedelta(days=31)
    path = write(
        tmp_path,
        GOOD.replace("2026-11-24", "2020-01-01")
        + "  - {id: rack, title: Ours, severity: info, confidence: low, fix: Buy it,\n"
        + "     check: {system.model: R1}}\n"
        + "sources: {wiki: {title: Our wiki, url: 'https://wiki.example'}}\n"
        + "params: {memory_mim: 64 GiB, fix_memory: More of it.}\n"
        + "waivers:\n"
        + f"  - {{rule: vendor, reason: Sold, by: me, until: {soon}}}\n"
        + f"  - {{rule: rack, reason: Sold, by: me, until: {later}}}\n"
        + "  - {rule: rack, reason: Sold, by: me, until: 2020-01-31}\n",
    )
    shown, error = lint(path)
    assert error is None
    assert shown.splitlines() == [
        f"{path}:5:11: note: last verified 2020-01-01, over a year ago",
        f"{path}:8:10: note: vendor has no source, no words on what to do",
        f"{path}:9:10: note: rack has no source, low confidence",
        f"{path}:11:17: note: no rule names the source 'wiki'",
        f"{path}:12:10: note: nothing uses the parameter 'memory_mim'; did you mean 'memory_min'?",
        f"{path}:14:49: note: the waiver of vendor ends in 7 days",
        f"{path}:16:47: note: the waiver of rack ended on 2020-01-31",
        f"{path}: 13 rules, 2 of its own; 7 notes",
    ]
    assert invoke("lint", path, "--strict").exception is not None
    assert invoke("lint", "xen-base", "--strict").exception is None
    notes = told("lint", path)[0]["notes"]
    assert (notes[0]["line"], notes[0]["column"]) == (5, 11)


def test_lint_of_all_that_is_shipped() -> None:
    """Nothing shipped is wrong; every rule of low confidence is listed."""
    shown, error = lint("--all")
    assert error is None
    for name in [*shelf.names(), *shelf.names(ProfileKind.SERVER)]:
        for rule in hwprofiles.load(name).rules:
            doubtful = [
                line
                for line in shown.splitlines()
                if line.startswith(rule.origin.rpartition(":")[0])
                and f"note: {rule.id} has" in line
                and "low confidence" in line
            ]
            assert (rule.confidence == "low") == bool(doubtful), (name, rule.id)


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
    path = write(tmp_path, GOOD.replace(good, bad))
    shown, error = lint("xen-4.17", path)
    assert error is not None
    assert error.status == Exit.CONFIG
    assert error.hint
    assert any(line.startswith(f"{path}:") and told in line for line in shown.splitlines())
    assert "xen-4.17: 11 rules" in shown


def test_lint_of_a_missing_file() -> None:
    """A path that is not there, or no profile of that name."""
    shown, error = lint("gone.yaml", "xen")
    assert error is not None
    assert "gone.yaml: cannot be read: No such file or directory" in shown
    assert "xen: no such profile" in shown
    assert invoke("lint").exit_code == Exit.USAGE


def test_explain() -> None:
    """Where a rule stands, what it looks at, and where that can be read."""
    (rule,) = told("explain", "xen-4.17", "--rule", "cpu.virt")
    assert rule["origin"].startswith(("xen-4.17.yaml:", "xen-base.yaml:"))
    (need,) = [each for each in rule["needs"] if each["fact"] == "cpu.virt.state"]
    assert {"msr", "redfish", "procfs"} <= set(need["from"])
    shown = run("explain", "xen-4.17")
    assert "Sources of facts" in shown
    assert "rdmsr" in shown
    assert fits(shown)


def test_explain_says_what_was_overridden(tmp_path: Path) -> None:
    """A rule in the place of a base's names both."""
    path = write(tmp_path, GOOD.replace("id: vendor", "id: memory.size"))
    (rule,) = told("explain", path, "--rule", "memory.size")
    assert rule["origin"] == f"{path}:8"
    assert len(rule["overrides"]) == 1
    assert rule["overrides"][0].startswith("xen-")
    assert f"of {rule['overrides'][0]}" in run("explain", path, "--rule", "memory.size")


def test_explain_with_a_recorded_machine(tmp_path: Path) -> None:
    """What the machine says to each rule, and which fact it said it by."""
    board = write(tmp_path, BOARD, "board.txt")
    shown = run("explain", "xen-4.17", "--rule", "memory.size", "--from", board)
    plain = " ".join(shown.split())
    assert f"says 16 GiB, by dmi: {board}" in plain.replace(" # ", "#")
    assert "here PASS: found 16 GiB" in plain
    assert "here UNKNOWN" in " ".join(run("explain", "xen-4.17", "--from", board).split())


def test_explain_of_no_such_rule() -> None:
    """The nearest one is named."""
    result = invoke("explain", "xen-4.17", "--rule", "cpu.virtt")
    assert isinstance(result.exception, ConfigError)
    assert "did you mean 'cpu.virt'?" in str(result.exception)


def test_diff(tmp_path: Path) -> None:
    """Rules that came, went or changed, with what changed; parameters; status 20."""
    path = write(
        tmp_path,
        GOOD + "  - {id: iommu, enabled: false}\n"
        "  - {id: memory.size, title: Memory, severity: warning,\n"
        "     check: {memory.total: {ge: 2 GiB}}}\n"
        "params: {memory_rec: 64 GiB}\n",
    )
    changes = told("diff", "xen-4.17", path)
    assert changes["added"] == {"vendor": "One of ours"}
    assert list(changes["removed"]) == ["iommu"]
    size = changes["changed"]["memory.size"]
    assert size["severity"] == {"from": "error", "to": "warning"}
    assert size["check"]["to"] == "memory.total at least 2 GiB"
    assert set(size) >= {"title", "fix", "source"}
    assert changes["params"]["memory_rec"]["to"] == "64 GiB"
    shown = run("diff", "xen-4.17", path)
    assert "REMOVED" in shown
    assert fits(shown)
    for other, status in ((path, Exit.CHANGES), ("xen-4.17", Exit.OK)):
        words = ["profile", "diff", "xen-4.17", other]
        assert CliRunner().invoke(cli, words, standalone_mode=False).return_value == status


def test_diff_of_the_same() -> None:
    """Nothing to tell is told."""
    assert "They ask the same." in run("diff", "xen-4.17", "xen-4.17")


@pytest.mark.parametrize("base", ["esxi-8.0", "xen-4.17", "kvm-base"])
def test_new_for_a_site(tmp_path: Path, base: str) -> None:
    """It loads as it is, without a note; so it does when all that is commented out counts."""
    path = tmp_path / "Our Lab.yaml"
    assert str(path) in run("new", str(path), "--kind", "site", "--extends", base)
    assert hwprofiles.load(str(path)).id == "our-lab"
    assert invoke("lint", str(path), "--strict").exception is None
    text = path.read_text()
    whole = "".join(
        line[1:]
        if line[0] == "#" and line[1] in "abcdefghijklmnopqrstuvwxyz" + " " * line.startswith("#  ")
        else line
        for line in text.splitlines(keepends=True)
    )
    assert "\nwaivers:\n" in whole
    profile = hwprofiles.load(write(tmp_path, whole, "whole.yaml"))
    assert "ours.nics" in {rule.id for rule in profile.rules}
    assert profile.waivers


def test_new_for_a_hypervisor_and_upon_a_file(tmp_path: Path) -> None:
    """A base in another folder is found from where the new file lies."""
    base = tmp_path / "base.yaml"
    run("new", str(base), "--kind", "hypervisor")
    (tmp_path / "sites").mkdir()
    path = tmp_path / "sites" / "lab.yaml"
    run("new", str(path), "--extends", str(base), "--title", 'The "Lab": #1')
    profile = hwprofiles.load(str(path))
    assert profile.title == 'The "Lab": #1'
    assert {rule.id for rule in profile.rules} == {"cpu.arch", "cpu.x86-64"}


def test_new_for_a_server(tmp_path: Path) -> None:
    """A recorded machine fills in what it is; the profile knows that machine again."""
    board = write(tmp_path, BOARD, "board.txt")
    path = str(tmp_path / "example.yaml")
    run("new", path, "--kind", "server", "--from", board)
    profile = hwprofiles.load(path)
    assert profile.layout is not None
    assert profile.layout.slots == {"CPU1": ("P1-DIMMA1",), "CPU2": ("P2-DIMMA1",)}
    assert [rule.id for rule in profile.rules] == ["server.memory.slots"]
    assert invoke("lint", path, "--strict").exception is None
    here = told("explain", path, "--from", board)[0]["here"]
    assert [each["outcome"] for each in here] == ["pass"]


def test_new_refuses(tmp_path: Path) -> None:
    """A file that is there, a machine that tells too little, a folder that is not there."""
    path = write(tmp_path, "mine\n")
    result = invoke("new", path, "--extends", "xen-4.17")
    assert "is not overwritten" in str(result.exception)
    assert Path(path).read_text() == "mine\n"
    board = write(tmp_path, BOARD.replace("Product Name", "Name"), "board.txt")
    other = str(tmp_path / "other.yaml")
    result = invoke("new", other, "--kind", "server", "--from", board)
    assert "does not tell of system.model" in str(result.exception)
    assert not Path(other).exists()
    result = invoke("new", str(tmp_path / "no" / "x.yaml"), "--extends", "xen-4.17")
    assert "No such file or directory" in str(result.exception)
    for words in (["--kind", "server"], [], ["--extends", "xen-4.17", "--from", board]):
        assert invoke("new", other, *words).exit_code == Exit.USAGE


def test_schema() -> None:
    """It is JSON, and says which draft it is."""
    schema = json.loads(run("schema"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "cpu.virt.state" in schema["$defs"]["check"]["properties"]


def test_the_guide_is_right(tmp_path: Path) -> None:
    """Its example loads, lint has nothing to note, and what its comments say is so."""
    guide = (Path(__file__).parent.parent.parent / "docs" / "profiles.md").read_text()
    path = write(tmp_path, guide.split("```yaml\n")[1].split("```")[0])
    profile = hwprofiles.load(path)
    rules = {rule.id: rule for rule in profile.rules}
    assert "tpm" not in rules
    assert rules["memory.size"].title.startswith("128 GiB")
    assert [waiver.rule for waiver in profile.waivers] == ["boot.size"]
    noted = told("lint", path)[0]["notes"]
    assert not [note for note in noted if "waiver" not in note["message"]]
    for line in guide.splitlines():
        words = line.split()
        if line.startswith("    provision profile") and "<" not in line:
            assert run(words[2], "--help")

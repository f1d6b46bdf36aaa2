"""The servers file: defaults, references, and every problem with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provision.core.errors import ConfigError
from provision.core.servers import Server, read_listed, read_servers

GOOD = """\
schema: bareiron.servers/1
defaults:
  user: admin
  password: file:bmc-password
  profile: xen-4.17
  boot: {device: usb}
  evidence:
    serial: {file: "serial/{name}.log", expect: ["Xen", "a{2}"]}
    within: 60
servers:
  - {name: u01, bmc: 10.0.0.1, rack: r12, u: 1}
  - name: u02
    bmc: 10.0.0.2
    boot: {device: cd, once: true}
    media: {image: "http://10.0.0.9/{name}.iso"}
    evidence: {tcp: {host: 10.1.0.2, port: 22, expect: "^SSH-"}}
"""


def written(tmp_path: Path, text: str) -> Path:
    """The text as a file."""
    path = tmp_path / "servers.yaml"
    path.write_text(text)
    return path


def test_defaults_fill_what_a_row_leaves_out(tmp_path: Path) -> None:
    """A row's own words win; names are put into paths, and not into patterns."""
    first, second = read_servers(written(tmp_path, GOOD))
    assert first.user == "admin"
    assert first.evidence.serial is not None
    assert first.evidence.serial.file == str(tmp_path / "serial/u01.log")
    assert first.evidence.serial.expect == ["Xen", "a{2}"]
    assert second.boot.once
    assert second.media is not None
    assert second.media.image == "http://10.0.0.9/u02.iso"
    assert second.evidence.serial is None


def test_file_references_are_relative_to_the_file(tmp_path: Path) -> None:
    """A run is taken up from any directory."""
    first = read_servers(written(tmp_path, GOOD))[0]
    assert first.password == f"file:{tmp_path}/bmc-password"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("bmc: 10.0.0.1,", "bmx: 10.0.0.1,", r"servers.yaml:11:\d+.*bmx"),
        ("password: file:bmc-password", "password: hunter2", r"servers.yaml:4:\d+.*reference"),
        ("device: usb", "device: floppy", r"servers.yaml:6:\d+"),
        ("within: 60", "within: soon", r"servers.yaml:9:\d+"),
        ("bmc: 10.0.0.2", "bmc: 10.0.0.1", r"servers.yaml:13:\d+.*given twice, first at 11:\d+"),
        (
            "bmc: 10.0.0.2",
            "bmc: HTTPS://10.0.0.1:443/redfish/v1/",
            r"servers.yaml:13:\d+.*given twice, first at 11:\d+",
        ),
        ("bmc: 10.0.0.2", "bmc: http://10.0.0.2", r"servers.yaml:13:\d+.*only https"),
        ("bmc: 10.0.0.2", "bmc: 10.0.0.2:99999", r"servers.yaml:13:\d+"),
        ("profile: xen-4.17", 'profile: "xen\\0"', "control character"),
        ('"a{2}"', r"'(\S+\s*)+$'", r"servers.yaml:8:\d+"),
        ("name: u02", "name: ../u02", r"servers.yaml:12:\d+"),
        ('"a{2}"', '"a("', "regular expression"),
        ("media: {image", "remarks: {image", "remarks"),
        ("  profile: xen-4.17\n", "", "profile"),
        ("schema: bareiron.servers/1", "schema: bareiron.servers/9", r"servers.yaml:1:\d+"),
        ("servers:\n", "servers:\n  - [\n", r"servers.yaml:\d+:\d+"),
    ],
)
def test_each_mistake_is_located(tmp_path: Path, old: str, new: str, words: str) -> None:
    """A typo costs a look at one line, not a search."""
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=words) as caught:
        read_servers(path)
    assert caught.value.hint


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Wrong values, unknown keys and twins: one pass through the file mends it."""
    text = GOOD.replace("u: 1}", "u: 99, serail: X}").replace("bmc: 10.0.0.2", "bmc: 10.0.0.1")
    with pytest.raises(ConfigError) as caught:
        read_servers(written(tmp_path, text))
    told = str(caught.value)
    assert "did you mean 'serial'" in told
    assert "u: should be less than or equal to 60" in told
    assert "given twice" in told


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("serial: abc", "serial: ABC"),
        ("mac: aa:bb:cc:dd:ee:ff", "mac: AABB.CCDD.EEFF"),
        ("rack: r1, u: 2", "u: 2, rack: r1"),
        ("rack: r1, u: 2, slot: a", "rack: r1, u: 2, slot: a"),
    ],
)
def test_two_servers_do_not_share_what_is_ones_own(tmp_path: Path, first: str, second: str) -> None:
    """Each twin is told with the place of the first, however the two are spelled."""
    text = f"""\
schema: bareiron.servers/1
servers:
  - {{name: a, bmc: 10.0.0.1, {first}}}
  - {{name: b, bmc: 10.0.0.2, {second}}}
"""
    with pytest.raises(ConfigError, match=r"servers.yaml:4:\d+: .*given twice, first at 3:\d+"):
        read_listed(written(tmp_path, text))


def test_four_nodes_may_share_a_unit(tmp_path: Path) -> None:
    """A chassis of two units holds four servers; their slots tell them apart."""
    rows = "".join(
        f"  - {{name: n{slot}, bmc: 10.0.0.{slot}, rack: r1, u: 2, slot: n{slot}}}\n"
        for slot in range(1, 5)
    )
    text = f"schema: bareiron.servers/1\nservers:\n{rows}"
    assert [one.slot for one in read_listed(written(tmp_path, text))] == ["n1", "n2", "n3", "n4"]


def test_what_is_only_looked_at_needs_no_profile(tmp_path: Path) -> None:
    """A file that discovery wrote serves every command that installs nothing."""
    text = "schema: bareiron.servers/1\nservers: [{name: a, bmc: 10.0.0.1, mac: AABBCCDDEEFF}]\n"
    path = written(tmp_path, text)
    assert read_listed(path)[0].mac == "aa:bb:cc:dd:ee:ff"
    with pytest.raises(ConfigError, match=r"yaml:2:\d+: no evidence(.|\n)*:2:\d+: no profile"):
        read_servers(path)


def test_a_command_in_a_file_that_anybody_may_write_is_refused(tmp_path: Path) -> None:
    """Else everybody on the machine could have us run a program of theirs."""
    path = written(tmp_path, GOOD.replace("file:bmc-password", "'cmd:pass show {name}'"))
    assert read_servers(path)[0].password == "cmd:pass show u01"
    path.chmod(0o666)
    with pytest.raises(ConfigError, match=r":4:\d+: a command.*anybody"):
        read_servers(path)


@pytest.mark.parametrize("written_so", ["fd:x", "credential:../x", "cmd:", "cmd:a 'b", "file:"])
def test_a_malformed_reference_is_told(tmp_path: Path, written_so: str) -> None:
    """Before the run, not in the middle of it."""
    path = written(tmp_path, GOOD.replace("file:bmc-password", f'"{written_so}"'))
    with pytest.raises(ConfigError, match=r"servers.yaml:4:\d+"):
        read_servers(path)


def test_a_password_in_the_file_is_not_repeated(tmp_path: Path) -> None:
    """The error about a literal password must not print it."""
    path = written(tmp_path, GOOD.replace("file:bmc-password", "hunter2"))
    with pytest.raises(ConfigError) as caught:
        read_servers(path)
    assert "hunter2" not in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """Addresses are stored and shown."""
    path = written(tmp_path, GOOD.replace("bmc: 10.0.0.2", "bmc: https://u:hunter2@10.0.0.2"))
    with pytest.raises(ConfigError, match="do not belong") as caught:
        read_servers(path)
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(ConfigError, match="nowhere"):
        read_servers(tmp_path / "nowhere.yaml")


def test_a_server_survives_being_stored(tmp_path: Path) -> None:
    """A run writes its servers down as JSON and takes them up from there."""
    for server in read_servers(written(tmp_path, GOOD)):
        stored = json.loads(json.dumps(server.model_dump(exclude_none=True)))
        assert Server.model_validate(stored) == server

"""``provision sim``: a rack that a person, or a script, starts, uses and ends."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from provision.cli.sim import command
from provision.core.servers import read_servers
from provision.sim import firmware, journal

PROVISION = [sys.executable, "-m", "provision"]


@contextmanager
def up(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start ``provision sim up`` as a process of its own; yield it and what it said of itself."""
    arguments = [*PROVISION, "sim", "up", "--scale", "0", "--output", "json", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout
            text = ""
            while not text.endswith("\n}\n"):
                line = process.stdout.readline()
                assert line, process.stderr and process.stderr.read()
                text += line
            yield process, json.loads(text)
        finally:
            process.kill()


def root_of(url: str, ca_file: str) -> Any:
    """Read a BMC's service root, its certificate verified."""
    context = ssl.create_default_context(cafile=ca_file)
    address = f"{url}/redfish/v1/"
    with urllib.request.urlopen(address, context=context, timeout=10) as reply:  # noqa: S310 - ours
        return json.load(reply)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C or TERM end it with status 0 and nothing listens any more; the files stay."""
    with up("--servers", "2", "--virt-off", "1", "--dir", str(tmp_path)) as (process, rack):
        for server in rack["servers"]:
            assert root_of(server["url"], rack["ca_file"])["Vendor"] == "bareiron"
        process.send_signal(number)
        assert process.wait(10) == 0
    url = rack["servers"][0]["url"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) != 0
    assert Path(rack["password_file"]).stat().st_mode & 0o777 == 0o600
    assert Path(rack["servers"][0]["stick"]).stat().st_size == 64 << 20


def test_its_servers_file_is_one_that_run_reads(tmp_path: Path) -> None:
    """Names, addresses, password, CA and serial logs are right without an edit."""
    with up("--servers", "3", "--dir", str(tmp_path)) as (_, rack):
        servers = read_servers(Path(rack["servers_file"]))
    assert [row.bmc for row in servers] == [server["url"] for server in rack["servers"]]
    first, said = servers[0], rack["servers"][0]
    assert (first.name, first.serial, first.rack, first.u) == ("r1u01", said["serial"], "r1", 1)
    assert first.password == f"file:{rack['password_file']}"
    assert first.ca_file == rack["ca_file"]
    assert first.evidence.serial
    assert first.evidence.serial.file == said["serial_log"]


def test_the_request_log_outlives_a_kill(tmp_path: Path) -> None:
    """What was asked is on disk before it is answered, so that no crash loses it."""
    with up("--servers", "1", "--dir", str(tmp_path)) as (process, rack):
        root_of(rack["servers"][0]["url"], rack["ca_file"])
        process.kill()
        process.wait(10)
    requests = journal.read(Path(rack["request_log"]), "r1u01")
    assert [(r.method, r.path, r.status) for r in requests] == [("GET", "/redfish/v1/", 200)]


def test_a_temporary_rack_leaves_nothing(tmp_path: Path) -> None:
    """Without --dir, the directory goes when the rack does."""
    with up("--servers", "1") as (process, rack):
        assert Path(rack["directory"]).is_dir()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert not Path(rack["directory"]).exists()


def test_a_taken_port_is_named(tmp_path: Path, unused_tcp_port: int) -> None:
    """The error says which server wanted which port, and what to do; status 11."""
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        done = subprocess.run(
            [*PROVISION, "sim", "up", "--servers", "1", "--port", str(unused_tcp_port)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert done.returncode == 11
    assert f"port {unused_tcp_port}" in done.stderr
    assert "r1u01" in done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "options",
    [
        ["--servers", "0"],
        ["--servers", "2", "--port", "65535"],
        ["--listen", "somewhere"],
        ["--scale", "-1"],
    ],
)
def test_impossible_options_are_refused(options: list[str]) -> None:
    """Before anything listens, with the status of a usage error."""
    result = CliRunner().invoke(command, ["up", *options])
    assert result.exit_code == 2
    assert options[-2] in result.output


def test_the_image_is_one_the_simulated_firmware_boots(tmp_path: Path) -> None:
    """On a stick and, with --iso, in a CD drive."""
    for name, options in (("demo.img", []), ("demo.iso", ["--iso"])):
        path = tmp_path / name
        assert CliRunner().invoke(command, ["image", str(path), *options]).exit_code == 0
        head = path.read_bytes()[: 1 << 20]
        assert firmware.has_boot_signature(head)
        assert firmware.has_el_torito(head) is bool(options)
        assert firmware.script_of(head)

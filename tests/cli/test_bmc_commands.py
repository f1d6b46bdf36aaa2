"""The commands that talk to one BMC: what they print, what they refuse, how they end."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provision.cli import cli, shell
from provision.sim import faults
from provision.sim.rack import Rack, SimServer, running
from provision.sim.spec import ServerSpec

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """Two simulated servers in a thread of their own: u01 is off, u02 runs."""
    started: list[Rack] = []
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        specs = [ServerSpec(name="u01"), ServerSpec(name="u02", powered_on=True)]
        directory = tmp_path_factory.mktemp("rack")
        async with running(specs, scale=0.01, directory=directory) as rack:
            started.append(rack)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    ready.wait(20)
    yield started[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def off(rack: Rack) -> SimServer:
    """The server that is off."""
    return rack.server("u01")


@pytest.fixture
def on(rack: Rack) -> SimServer:
    """The server that runs."""
    return rack.server("u02")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `provision …` as the shell would; returns exit status, output and talk."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))

    def provision(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["provision", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        status = shell.run(cli)
        told = capsys.readouterr()
        return int(status), told.out, told.err

    return provision


def at(server: SimServer, command: str, *words: str) -> list[str]:
    """The words of a command for ``server``, with its password and its CA."""
    return [
        command,
        server.url,
        *words,
        *("--user", server.user),
        *("--password-file", str(server.password_file)),
        *("--ca-file", str(server.ca_file)),
    ]


def test_inventory(run: Run, off: SimServer) -> None:
    """Text for people in 80 columns; JSON as the interface promises, a list of systems."""
    status, out, err = run(*at(off, "inventory"))
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "cpu.virt.state" in out
    status, out, _ = run(*at(off, "inventory", "--output", "json"))
    (system,) = json.loads(out)
    assert system["schema"] == "bareiron.facts/1"
    fact = system["facts"]["cpu.virt.state"]
    assert (fact["value"], fact["source"]) == ("enabled", "redfish")
    assert fact["path"].startswith("/redfish/v1/")


def test_power(run: Run, off: SimServer) -> None:
    """Status, on, on again; a server that is off can be powered off without a question."""
    before = off.count("POST", "Reset")
    assert run(*at(off, "power"))[:2] == (0, "Off\n")
    status, out, _ = run(*at(off, "power", "on"))
    assert (status, out.startswith("Off → On")) == (0, True)
    assert run(*at(off, "power", "on"))[:2] == (0, "On (nothing to do)\n")
    status, out, _ = run(*at(off, "power", "force-off", "--yes", "--output", "json"))
    (told,) = json.loads(out)
    assert (status, told["target"], told["result"]["after"]) == (0, off.url, "Off")
    assert run(*at(off, "power", "off"))[:2] == (0, "Off (nothing to do)\n")
    assert off.count("POST", "Reset") == before + 2


@pytest.mark.parametrize("action", ["off", "force-off", "restart", "force-restart"])
def test_what_runs_is_not_interrupted_unasked(run: Run, on: SimServer, action: str) -> None:
    """Without a terminal and without --yes: refused, exit 6, and nothing was sent."""
    before = on.count("POST", "Reset")
    status, out, err = run(*at(on, "power", action))
    assert (status, out) == (6, "")
    assert "[not-confirmed]" in err
    assert "u02" in err or on.spec.model in err
    assert on.count("POST", "Reset") == before


def test_boot(run: Run, off: SimServer) -> None:
    """Get, set, what was set, clear; and what cannot be."""
    assert "its own order" in run(*at(off, "boot"))[1]
    status, out, _ = run(*at(off, "boot", "set", "usb", "--persistent", "--mode", "uefi"))
    assert status == 0
    assert [line.split()[-1] for line in out.splitlines()[:3]] == ["Usb", "Continuous", "UEFI"]
    status, out, _ = run(*at(off, "boot", "get", "--output", "json"))
    assert json.loads(out)[0]["result"]["target"] == "Usb"
    assert run(*at(off, "boot", "clear"))[0] == 0
    assert run(*at(off, "boot", "set", "sd"))[0] == 5
    assert run(*at(off, "boot", "set"))[0] == 2
    status, _, err = run(*at(off, "boot", "once", "tape"))
    assert status == 13
    assert "usb" in err
    status, out, _ = run(*at(off, "boot", "once", "cd", "--dry-run"))
    assert status == 0
    assert "would send PATCH /redfish/v1/Systems/1" in out
    assert "its own order" in run(*at(off, "boot"))[1]


def test_boot_order(run: Run, off: SimServer) -> None:
    """Shown in order; what is named comes first, and the rest keeps its place behind."""
    status, out, _ = run(*at(off, "boot", "order"))
    before = [line.partition(". ")[2] for line in out.splitlines()]
    assert (status, len(before) > 2) == (0, True)
    last = before[-1].split()[0]
    status, out, _ = run(*at(off, "boot", "order", last))
    assert status == 0
    assert [line.partition(". ")[2] for line in out.splitlines()] == [before[-1], *before[:-1]]
    assert run(*at(off, "boot", "order", "nonsense"))[0] == 13


def test_words_that_could_be_bmcs(run: Run, off: SimServer) -> None:
    """A verb with a list of words of its own wants the BMCs before it."""
    status, _, err = run("boot", "order", "usb", off.url)
    assert status == 2
    assert "BMCs stand before this verb: provision boot BMC order" in err


@pytest.mark.parametrize(
    ("noun", "verb"),
    [
        ("power", "status"),
        ("boot", "get"),
        ("media", "list"),
        ("secureboot", "show"),
        ("firmware", "list"),
        ("accounts", "list"),
        ("identify", "status"),
    ],
)
def test_bmcs_on_either_side(run: Run, off: SimServer, noun: str, verb: str) -> None:
    """BMCs stand before the verb, behind it or among the options; without a verb it is shown."""
    words = at(off, noun)[2:]
    told = run(noun, verb, off.url, *words)
    assert told[0] == 0
    assert told[1]
    assert run(noun, off.url, verb, *words) == told
    assert run(noun, *words, off.url, verb) == told
    assert run(noun, off.url, *words) == told


def test_many_at_once(run: Run, rack: Rack, tmp_path: Path) -> None:
    """A servers file, a selector, one line of JSON each; one that is gone stops no other."""
    rows = [
        f"  - {{name: {server.spec.name}, bmc: '{server.url}', user: {server.user}, "
        f"password: 'file:{server.password_file}', ca_file: '{server.ca_file}', rack: r1}}"
        for server in rack.servers
    ]
    rows.append("  - {name: gone, bmc: '127.0.0.1:1', user: a, password: 'file:pw', rack: r2}")
    (tmp_path / "pw").write_text("secret-1\n")
    (tmp_path / "pw").chmod(0o600)
    path = tmp_path / "servers.yaml"
    path.write_text("schema: bareiron.servers/1\nservers:\n" + "\n".join(rows) + "\n")
    words = ["--servers", str(path), "--output", "jsonl"]
    status, out, _ = run("power", "status", *words, "--limit", "rack=r1")
    assert status == 0
    assert [json.loads(line)["target"] for line in out.splitlines()] == ["u01", "u02"]
    status, out, err = run("power", "status", *words)
    told = {line["target"]: line for line in map(json.loads, out.splitlines())}
    assert (status, told["gone"]["error"]["code"]) == (10, "unreachable")
    assert told["u01"]["result"]["after"] == "Off"
    assert "gone" in err or "127.0.0.1:1" in err
    status, out, _ = run("power", "force-off", *words, "--limit", "u02", "--dry-run")
    assert status == 0
    (request,) = json.loads(out)["result"]["requests"]
    assert request["body"] == {"ResetType": "ForceOff"}
    assert run("power", "--servers", str(path), "--limit", "u02")[1] == "On\n"


def test_media(run: Run, off: SimServer) -> None:
    """List and eject; an image that is no address of a web server is refused."""
    status, out, _ = run(*at(off, "media"))
    assert status == 0
    assert out.splitlines()[0].split() == ["CD1", "CD/DVD:", "empty"]
    assert run(*at(off, "media", "eject"))[:2] == (0, "nothing was inserted\n")
    status, _, err = run(*at(off, "media", "insert", "xen.iso"))
    assert status == 13
    assert "http" in err
    assert run(*at(off, "media", "insert"))[0] == 2
    assert run(*at(off, "media", "eject", "a", "b"))[0] == 2


def test_bios(run: Run, off: SimServer) -> None:
    """All attributes, some, our words for them; a wrong name is answered with a near one."""
    assert "BootMode" in run(*at(off, "bios"))[1]
    status, out, _ = run(*at(off, "bios", "get", "virtualization", "BootMode", "--output", "json"))
    (told,) = json.loads(out)
    wanted = {"ProcVirtualization": "Enabled", "BootMode": "Uefi"}
    assert (status, told["result"]) == (0, wanted)
    status, _, err = run(*at(off, "bios", "get", "BootMod"))
    assert status == 5
    assert "Near are: BootMode" in err


def test_bios_changes(run: Run, off: SimServer, tmp_path: Path) -> None:
    """Checked before they are sent, shown by a dry run, staged, and compared with a file."""
    golden = tmp_path / "golden.json"
    golden.write_text(run(*at(off, "bios", "get", "--output", "json"))[1])
    assert run(*at(off, "bios", "diff", str(golden)))[:2] == (0, "the same\n")
    assert run(*at(off, "bios", "set", "Sriov=Maybe"))[0] == 5
    status, out, _ = run(*at(off, "bios", "set", "sriov=disabled", "--dry-run"))
    assert (status, "would send PATCH" in out) == (0, True)
    assert run(*at(off, "bios", "pending"))[:2] == (0, "nothing\n")
    status, out, _ = run(*at(off, "bios", "set", "sriov=disabled"))
    assert (status, "Sriov: Enabled → Disabled" in out) == (0, True)
    assert "Sriov: Enabled → Disabled" in run(*at(off, "bios", "pending"))[1]
    assert "staged already" in run(*at(off, "bios", "set", "sriov=disabled"))[1]
    assert run(*at(off, "bios", "set", "sriov"))[0] == 2
    assert run(*at(off, "bios", "reset"))[0] == 6
    assert run(*at(off, "bios", "reset", "--dry-run"))[0] == 0


def test_first_contact_shows_the_fingerprint(run: Run, off: SimServer) -> None:
    """Without a CA: the fingerprint on standard error, once; the data alone on standard output."""
    words = ["power", off.url, "--user", off.user, "--password-file", str(off.password_file)]
    status, out, err = run(*words)
    assert (status, out) == (0, "Off\n")
    assert "pinned, SHA-256 " in err
    assert run(*words) == (0, "Off\n", "")
    assert run(*words, "--tls", "ca")[0] == 8
    status, _, err = run(*words, "--tls", "insecure")
    assert (status, "INSECURE" in err) == (0, True)


def test_a_wrong_password(run: Run, off: SimServer) -> None:
    """Exit 7, with a remedy, after one login; the password is in no message."""
    before = off.count("POST", "Sessions")
    words = ["power", off.url, "--user", off.user, "--ca-file", str(off.ca_file)]
    status, out, err = run(*words, "--password-file", "-", stdin="wr0ng-s3cret\n")
    assert (status, out) == (7, "")
    assert "[credentials]" in err
    assert "→" in err
    assert "wr0ng-s3cret" not in err
    assert off.count("POST", "Sessions") == before + 1


def test_nobody_to_ask(run: Run, off: SimServer) -> None:
    """No password and no terminal: exit 7, and how to give one."""
    status, _, err = run("power", off.url, "--user", "admin")
    assert status == 7
    assert "--password-file" in err
    status, _, err = run("power", off.url, "--password-file", str(off.password_file))
    assert status == 7
    assert "--user" in err


def test_a_password_file_that_others_can_read(run: Run, off: SimServer, tmp_path: Path) -> None:
    """Refused as configuration, with the command that mends it."""
    path = tmp_path / "password"
    path.write_text("secret\n")
    path.chmod(0o644)
    status, _, err = run("power", off.url, "--user", "admin", "--password-file", str(path))
    assert status == 13
    assert "chmod 600" in err


@pytest.mark.parametrize(
    ("address", "status", "word"),
    [
        ("127.0.0.1:1", 10, "refused"),
        ("nowhere.invalid", 10, "[unreachable]"),
        ("http://10.0.0.7", 6, "unencrypted"),
        ("ftp://10.0.0.7", 2, "ftp"),
        ("https://10.0.0.7/ui", 2, "/ui"),
    ],
)
def test_addresses_that_lead_nowhere(run: Run, address: str, status: int, word: str) -> None:
    """Unreachable is 10, clear text is refused with 6, and what is no address is usage."""
    words = ["inventory", address, "--user", "admin", "--password-file", "-", "--timeout", "5"]
    ended, out, err = run(*words, stdin="secret-1\n")
    assert (ended, out) == (status, "")
    assert word in err


def test_a_busy_bmc(run: Run, off: SimServer) -> None:
    """503 at first is waited out; 503 for good is exit 10."""
    off.faults.add(faults.busy("Systems/1", method="GET", retry_after=0))
    assert run(*at(off, "power"))[0] == 0
    off.faults.add(faults.busy("Systems/1", method="GET", times=None, retry_after=0))
    status, _, err = run(*at(off, "power"))
    off.faults.clear()
    assert (status, "[bmc-busy]" in err) == (10, True)


def test_an_answer_that_is_lost(run: Run, off: SimServer) -> None:
    """A reset whose answer was lost is not sent twice, and its effect is seen."""
    before = off.count("POST", "Reset")
    off.faults.add(faults.drop("Reset"))
    assert run(*at(off, "power", "on"))[0] == 0
    assert off.count("POST", "Reset") == before + 1
    assert run(*at(off, "power", "force-off", "--yes"))[0] == 0


def test_a_question_is_asked_on_a_terminal(
    run: Run, on: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the question names the server; only yes goes on."""
    import click

    from provision.cli import options

    asked: list[str] = []

    def answer(question: str, **_more: object) -> bool:
        asked.append(question)
        return len(asked) > 1

    monkeypatch.setattr(options, "_somebody_is_there", lambda: True)
    monkeypatch.setattr(click, "confirm", answer)
    assert run(*at(on, "power", "force-restart"))[0] == 6
    assert run(*at(on, "power", "force-restart"))[0] == 0
    assert "is On; reset interrupts what runs there" in asked[0]


def test_bios_set_says_how(run: Run, off: SimServer) -> None:
    """A tech who leaves the equals sign out is told before any login."""
    asked = len(off.requests)
    status, _, err = run(*at(off, "bios", "set", "virtualization", "enabled"))
    assert status == 2
    assert "virtualization is not NAME=VALUE" in err
    assert len(off.requests) == asked

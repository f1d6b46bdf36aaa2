"""``provision discover``: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provision.bmc.address import Address
from provision.bmc.discover import Root, Seen, Verdict
from provision.cli import cli, discover_text, shell
from provision.flow.discovery_found import Discovery, Found, State
from provision.flow.discovery_sources import Candidate
from provision.sim import running
from provision.sim.spec import ServerSpec

Run = Callable[..., tuple[int, str, str]]

HOSTS = ("127.0.0.2", "127.0.0.3")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Two simulated BMCs at two loopback addresses, in a thread of their own; their port."""
    started: list[int] = []
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            where = 0
            for host in HOSTS:
                directory = tmp_path_factory.mktemp("rack")
                place = running([ServerSpec(name=host)], host=host, port=where, directory=directory)
                rack = await stack.enter_async_context(place)
                where = int(rack.servers[0].url.rpartition(":")[2])
            started.append(where)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    assert ready.wait(20)
    yield started[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `provision discover …` as the shell would; returns exit status, output and talk."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))

    def provision(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["provision", "discover", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        capsys.readouterr()
        status = shell.run(cli)
        told = capsys.readouterr()
        return int(status), told.out, told.err

    return provision


def test_a_range_is_shown_as_a_table(run: Run, port: int) -> None:
    """The table on standard output, what goes on beside it; within 80 columns."""
    status, out, err = run("127.0.0.0/29", "--port", str(port))
    assert status == 0
    assert re.sub(r" +", " ", out.splitlines()[0]) == "BMC what it says it is platform Redfish"
    assert [line.split()[0] for line in out.splitlines()[1:]] == [f"{h}:{port}" for h in HOSTS]
    assert all("bareiron-sim" in line for line in out.splitlines()[1:])
    assert "6 addresses: 2 BMCs, 0 unclear, 4 silent." in err
    assert max(map(len, (out + err).splitlines())) <= 80


def test_several_ports_are_looked_at(run: Run, port: int) -> None:
    """A simulated rack listens on one address, at port after port."""
    _, out, err = run("127.0.0.2", "--port", f"{port - 1}-{port}", "--port", f"{port + 1}")
    assert f"127.0.0.2:{port} " in out
    assert "3 addresses" in err


def test_long_shows_what_is_compared_with_a_label(run: Run, port: int) -> None:
    """The whole fingerprint, in two lines; as openssl prints it."""
    _, out, _ = run(f"127.0.0.2:{port}", "--long")
    first, second = out.splitlines()[3:5]
    fingerprint = first.split()[-1] + second.split()[-1]
    assert len(bytes.fromhex(fingerprint.replace(":", ""))) == 32
    assert "UUID" in out
    assert max(map(len, out.splitlines())) <= 80


def test_json_and_csv_tell_all(run: Run, port: int) -> None:
    """For programs and spreadsheets: the same BMCs."""
    _, out, _ = run("127.0.0.0/29", "--port", str(port), "--output", "json")
    data = json.loads(out)
    assert data["schema"] == "bareiron.discovery/1"
    assert (data["looked_at"], data["silent"]) == (6, 4)
    _, out, _ = run("127.0.0.0/29", "--port", str(port), "--output", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["sha256"] for row in rows] == [one["sha256"] for one in data["found"]]
    assert {row["platform"] for row in rows} == {"bareiron-sim"}


def test_what_is_saved_is_compared_later(run: Run, port: int, tmp_path: Path) -> None:
    """Nothing new: 0. Something missing: 20. The file is never overwritten: 6."""
    path = tmp_path / "rack.yaml"
    where = ("127.0.0.0/29", "--port", str(port))
    status, _, err = run(*where, "--save", str(path))
    assert (status, f"{path}: 2 servers written" in err) == (0, True)
    text = path.read_text()
    assert run(*where, "--save", str(path))[0] == 6
    assert path.read_text() == text
    assert run("--servers", str(path))[0] == 0
    path.write_text(text.replace("127.0.0.3:", "127.0.0.4:"))
    status, out, _ = run(*where, "--servers", str(path))
    assert status == 20
    assert [line.split()[1] for line in out.splitlines()[1:3]] == [
        f"bmc-127-0-0-2-{port}"[:20],
        "(new)",
    ]
    assert out.splitlines()[3].startswith("missing: bmc-127-0-0-3")


def test_a_changed_certificate_has_its_own_status(run: Run, port: int, tmp_path: Path) -> None:
    """As for every other command; nothing is pinned by looking."""
    from provision.bmc.known import KnownBmcs

    state = tmp_path / "state"
    assert run(f"127.0.0.2:{port}")[0] == 0
    assert not (state / "known_bmcs").exists()
    KnownBmcs(state).pin(f"127.0.0.2:{port}", "00:11")
    status, out, _ = run(f"127.0.0.2:{port}")
    assert status == 8
    assert "! another certificate than on" in out


def test_nothing_found_is_told(run: Run, tmp_path: Path) -> None:
    """Status 10 and what to check; no file is written."""
    path = tmp_path / "none.yaml"
    status, out, err = run("127.0.0.9", "--port", "9", "--save", str(path))
    assert (status, out) == (10, "")
    assert "1 address: 0 BMCs, 0 unclear, 1 silent." in err
    assert "→" in err
    assert not path.exists()


def test_something_else_is_unclear(run: Run) -> None:
    """It is named with the reason, and is no BMC."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        status, _, err = run(f"127.0.0.1:{number}", "--timeout", "0.3")
    assert status == 10
    assert f"127.0.0.1:{number}: it takes connections and does not answer in time" in err


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ((), 2, "Say where to look"),
        (("--interface", "lo"), 2, "--ssdp"),
        (("10.0.0.1", "--netbox-token-file", "x"), 2, "--netbox"),
        (("--netbox", "https://x"), 2, "--netbox-token-file"),
        (("10.0.0.0/8",), 6, "--large"),
        (("fd00::/64",), 6, "/112"),
        (("10.0.0.0/33",), 13, "10.0.0.0/24"),
        (("http://10.0.0.1",), 6, "https"),
        (("user:hunter2@10.0.0.1",), 13, "user name does not belong"),
        (("user:hunter2@10.0.0.0/24",), 13, "user name does not belong"),
        (("--leases", "/nowhere"), 13, "No such file"),
        (("--from-csv", "/nowhere.csv"), 13, "No such file"),
        (("10.0.0.1", "--servers", "/nowhere.yaml"), 13, "No such file"),
        (("10.0.0.1", "--port", "70000"), 2, "65535"),
        (("10.0.0.1", "--port", "9-8"), 2, "65535"),
        (("10.0.0.1", "--port", "1-60000"), 2, "1000 at most"),
        (("10.0.0.1", "--port", "https"), 2, "no port"),
        (("--ssdp", "--interface", "nowhere0"), 13, "nowhere0"),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Run, words: tuple[str, ...], status: int, told: str
) -> None:
    """Before anything is asked."""
    got, out, err = run(*words)
    assert (got, out) == (status, "")
    assert told in err
    assert "hunter2" not in err


def test_long_words_of_a_bmc_are_cut_and_not_the_screen() -> None:
    """A rack of many makers, compared with a file: every line within 80 columns."""
    words = ("A" * 80, "Integrated Dell Remote Access Controller", "", "ProLiant DL360 Gen11")
    hosts = ("10.200.120.101", "10.200.120.102", "fd00:1234:5678:9abc::7", "10.0.0.4")
    found = [
        Found(
            seen=Seen(
                address=Address(host=host),
                verdict=Verdict.BMC,
                root=Root(product=word, vendor=word[:3], redfish_version="1.2" * 20),
                sha256="AA:" * 31 + "AA",
            ),
            candidate=Candidate(address=Address(host=host), source="range", name="n" * 20),
            state=State.NEW,
            remarks=("the same UUID as 10.0.0.1:443",),
        )
        for host, word in zip(hosts, words, strict=True)
    ]
    whole = Discovery(
        found=found,
        unclear=[],
        absent=[],
        looked_at=4,
        silent=0,
        notes=(),
        compared=True,
        at=datetime.now(UTC),
    )
    lines = discover_text.table(whole, long_=True).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith((*hosts, "[")) for line in lines) == 4

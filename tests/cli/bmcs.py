"""Two simulated BMCs in a thread of their own, and `provision …` as the shell would run it."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provision.cli import cli, shell
from provision.sim.rack import Rack, SimServer, running
from provision.sim.spec import ServerSpec

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bmcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """Two simulated servers, u01 and u02."""
    started: list[Rack] = []
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        specs = [ServerSpec(name="u01", rack="r1", unit=1), ServerSpec(name="u02", rack="r2")]
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
def one(bmcs: Rack) -> SimServer:
    """The first server."""
    return bmcs.server("u01")


@pytest.fixture
def two(bmcs: Rack) -> SimServer:
    """The second server."""
    return bmcs.server("u02")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `provision …`; returns exit status, output and talk."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))

    def provision(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["provision", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        capsys.readouterr()
        status = shell.run(cli)
        told = capsys.readouterr()
        assert all(len(line) <= 80 for line in told.out.splitlines() if line[:1] not in "{ [")
        return int(status), told.out, told.err

    return provision


def reach(server: SimServer) -> list[str]:
    """The options by which the BMCs of the rack are reached."""
    return [
        *("--user", server.user),
        *("--password-file", str(server.password_file)),
        *("--ca-file", str(server.ca_file)),
    ]


def result(out: str) -> Any:
    """What the one BMC of a JSON report answered."""
    (seen,) = json.loads(out)
    return seen["result"]

"""``provision run`` and ``resume`` as processes: killed, interrupted, and misused."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from provision.cli import cli
from provision.core.servers import Server
from provision.flow.records import RunDirectory
from provision.sim import Rack, SimServer, demo_image, inventory, running, standard_mix

FAST = 0.02
SLOWER = 0.2  # leaves the time to kill between two requests


class Command:
    """``provision`` with a state directory of its own."""

    def __init__(self, state: Path) -> None:
        self._env = {**os.environ, "PROVISION_STATE_DIR": str(state)}
        self.state = state

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """Start the command."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "provision",
            *words,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Run the command to its end."""
        process = await self.start(*words)
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command under test."""
    return Command(tmp_path / "state")


async def heard(server: SimServer, method: str, path: str) -> None:
    """Wait until the BMC was asked that."""
    async with asyncio.timeout(30):
        while not server.count(method, path):
            await asyncio.sleep(0.005)


def written(rack: Rack) -> str:
    """A servers file for the rack whose sticks all boot."""
    for server in rack.servers:
        demo_image.write(server.stick)
    return str(inventory.write(rack))


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("PATCH", "Bios/Settings", signal.SIGKILL),
        ("PATCH", "Systems/1", signal.SIGINT),
        ("POST", "ComputerSystem.Reset", signal.SIGKILL),
    ],
)
async def test_a_run_killed_between_two_steps_is_finished_by_resume(
    command: Command, method: str, path: str, how: signal.Signals
) -> None:
    """Whatever request the controller died after, the server passes and was reset once."""
    async with running(standard_mix(1, virt_off=1), scale=SLOWER) as rack:
        server = rack.servers[0]
        process = await command.start("run", written(rack))
        await heard(server, method, path)
        process.send_signal(how)
        _, err = await process.communicate()
        assert process.returncode == (-9 if how is signal.SIGKILL else 130)
        if how is signal.SIGINT:
            assert "provision resume" in err.decode()
        status, out, err_text = await command.run("resume", "--output", "json")
        assert status == 0, err_text
        summary = json.loads(out)
        assert [row["verdict"] for row in summary["servers"]] == ["PASS"]
        assert server.count("POST", "ComputerSystem.Reset") == 1
        assert server.count("PATCH", "Bios/Settings") == 1
        assert await command.run("resume") == (
            0,
            "",
            "Nothing to resume: every run came to its end.\n",
        )


@pytest.mark.campaign
async def test_terminate_ends_a_run_as_interrupt_does(command: Command) -> None:
    """With its own status, and without a session left at the BMC."""
    async with running(1, scale=SLOWER) as rack:
        server = rack.servers[0]
        process = await command.start("run", written(rack))
        await heard(server, "PATCH", "Systems/1")
        process.terminate()
        await process.communicate()
        assert process.returncode == 143
        assert server.count("DELETE", "Sessions/") == server.count("POST", "Sessions")


@pytest.mark.campaign
async def test_two_controllers_do_not_share_a_run(command: Command) -> None:
    """Each would drive the same servers."""
    async with running(1, scale=1.0) as rack:
        server = rack.servers[0]
        process = await command.start("run", written(rack))
        await heard(server, "POST", "ComputerSystem.Reset")
        status, _, err = await command.run("resume")
        process.kill()
        await process.communicate()
        assert status == 11
        assert "another run is working on it" in err


async def test_the_record_names_the_evidence(command: Command) -> None:
    """A customer reads it a year later."""
    async with running(1, scale=FAST) as rack:
        status, out, _ = await command.run("run", written(rack), "--output", "json")
        assert status == 0
        row = json.loads(out)["servers"][0]
        record = json.loads(Path(row["record"]).read_text())
        assert record["schema"] == "bareiron.record/1"
        assert record["evidence"]["kind"] == "serial"
        assert record["system"]["tls"]["how"] == "ca"
        assert record["system"]["serial"] == rack.servers[0].spec.serial


async def test_a_typo_is_status_13_with_its_place(command: Command) -> None:
    """Before anything is touched."""
    async with running(1, scale=FAST) as rack:
        path = Path(written(rack))
        path.write_text(path.read_text().replace("bmc:", "bcm:"))
        status, _, err = await command.run("run", str(path))
        assert status == 13
        assert "servers.yaml:" in err
        assert "bcm" in err
        assert not rack.servers[0].requests
        assert not (command.state / "runs").exists()


async def test_a_run_that_cannot_begin_leaves_nothing_to_resume(command: Command) -> None:
    """Otherwise a later `resume` would start servers nobody thinks of any more."""
    async with running(1, scale=FAST) as rack:
        path = Path(written(rack))
        good = path.read_text()
        for bad in (good.replace("xen-4.17", "nosuch"), good.replace("file:", "file:no-")):
            path.write_text(bad)
            status, _, _ = await command.run("run", str(path))
            assert status == 13
        assert not (command.state / "runs").exists()
        assert not rack.servers[0].requests


def test_several_interrupted_runs_are_listed_before_any_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be weeks old; one can be named, or given up."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path))
    row = {"name": "u01", "bmc": "10.0.0.1", "profile": "xen-4.17"}
    server = Server.model_validate({**row, "evidence": {"tcp": {"host": "h", "port": 22}}})
    first, second = (RunDirectory.create([server], tmp_path / "s.yaml") for _ in range(2))
    result = CliRunner().invoke(cli, ["resume"])
    assert result.exit_code == 2
    assert first.name in result.output
    assert second.name in result.output
    for run in (first, second):
        assert CliRunner().invoke(cli, ["resume", run.name, "--abandon"]).exit_code == 0
    result = CliRunner().invoke(cli, ["resume"])
    assert result.exit_code == 0
    assert "Nothing to resume" in result.output


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["run", "/nowhere/servers.yaml"], 13, "/nowhere/servers.yaml"),
        (["resume", "20200101-000000-dead"], 13, "there is none"),
        (["run"], 2, "SERVERS.yaml"),
    ],
)
async def test_misuse_is_told(command: Command, words: list[str], status: int, text: str) -> None:
    """Each with its documented status."""
    ended, _, err = await command.run(*words)
    assert ended == status
    assert text in err

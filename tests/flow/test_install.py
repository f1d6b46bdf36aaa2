"""From a file of servers to running hypervisors, on the simulated rack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from provision.core.errors import Conflict
from provision.core.events import Event, Phase, ignore
from provision.core.servers import Server, read_servers
from provision.flow import install, steps
from provision.flow.records import RunDirectory
from provision.sim import Rack, SimServer, demo_image, faults, running, standard_mix
from provision.sim.machine import Power, Reset
from tests.serving import served

FAST = 0.02


def servers_file(rack: Rack, servers: Sequence[SimServer], **extra: Any) -> Path:
    """A servers file for some of the rack; ``extra`` goes into each row."""
    document = {
        "schema": "bareiron.servers/1",
        "defaults": {
            "user": "admin",
            "password": "file:password",
            "ca_file": "ca.pem",
            "profile": "xen-4.17",
        },
        "servers": [
            {
                "name": server.name,
                "bmc": server.url,
                "serial": server.spec.serial,
                "evidence": {
                    "serial": {
                        "file": str(server.serial_log),
                        "expect": ["Xen version", "hypervisor up"],
                    },
                    "within": 10,
                },
                **extra,
            }
            for server in servers
        ],
    }
    path = rack.directory / "servers.yaml"
    path.write_text(json.dumps(document))  # JSON is YAML 1.2
    return path


async def provision(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Run the file; return the summary and the records by server."""
    run = RunDirectory.create(read_servers(path), path)
    install.check(run.servers(), None)
    with install.reserved(run.servers()):
        summary = await install.provision(run, None, ignore, parallel=8)
    return summary, {
        row["server"]: run.read_record(row["server"]) or {} for row in summary["servers"]
    }


def step(record: dict[str, Any], name: str) -> dict[str, Any]:
    """One step of a record."""
    found: dict[str, Any] = next(row for row in record["steps"] if row["step"] == name)
    return found


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))


async def test_a_rack_is_provisioned_and_its_faults_are_told_apart() -> None:
    """Good servers pass with evidence, VT-x is turned on, too little memory stops before power."""
    async with running(standard_mix(4, virt_off=1, low_memory=1), scale=FAST) as rack:
        for server in rack.servers:
            demo_image.write(server.stick)
        summary, records = await provision(servers_file(rack, rack.servers))
        mended, *good, poor = rack.servers
        for server in good:
            record = records[server.name]
            assert record["verdict"] == "PASS"
            assert "hypervisor up" in record["evidence"]["lines"][-1]
            assert step(record, "bios")["result"] == "skipped"
            assert server.count("POST", "ComputerSystem.Reset") == 1
        record = records[mended.name]
        assert record["verdict"] == "PASS"
        assert [row[1:] for row in step(record, "bios")["data"]["changes"]] == [
            ["Disabled", "Enabled"]
        ]
        assert "HVM: hardware virtualization enabled" in mended.console()
        assert step(record, "confirm")["result"] == "ok"
        record = records[poor.name]
        assert record["verdict"] == "FAIL"
        assert record["error"]["code"] == "validation-failed"
        assert "memory" in record["error"]["message"].lower()
        assert poor.count("POST", "Reset") == 0
        assert poor.count("PATCH", "") == 0
        assert summary["exit_status"] == 4


@pytest.mark.campaign
async def test_a_blank_stick_is_not_a_pass() -> None:
    """A started server proves nothing; the record says what the console showed instead."""
    async with running(1, scale=FAST) as rack:
        path = servers_file(rack, rack.servers)
        path.write_text(path.read_text().replace('"within": 10', '"within": 2'))
        summary, records = await provision(path)
        record = records[rack.servers[0].name]
        assert record["verdict"] == "FAIL"
        assert record["error"]["code"] == "no-evidence"
        assert "No bootable device" in record["error"]["message"]
        assert summary["exit_status"] == 5


async def test_virtual_media_are_inserted_booted_and_ejected() -> None:
    """The BMC fetches the image itself; it is ejected where the file says so."""
    async with running(1, scale=FAST) as rack:
        image = rack.directory / "demo.img"
        demo_image.write(image, iso=True)
        async with served(rack.directory) as address:
            url = f"{address}/demo.img"
            path = servers_file(
                rack,
                rack.servers,
                boot={"device": "cd", "once": True},
                media={"image": url, "eject": True},
            )
            _, records = await provision(path)
        record = records[rack.servers[0].name]
        assert record["verdict"] == "PASS", record["error"]
        assert step(record, "media")["data"]["image"] == url
        assert step(record, "eject")["result"] == "ok"


@pytest.mark.campaign
async def test_a_running_server_is_not_touched() -> None:
    """Unless the file allows it, what runs goes on running."""
    async with running(standard_mix(1, powered_on=True), scale=FAST) as rack:
        server = rack.servers[0]
        demo_image.write(server.stick)
        summary, records = await provision(servers_file(rack, [server]))
        assert records[server.name]["error"]["code"] == "server-is-on"
        assert summary["exit_status"] == 6
        assert server.count("POST", "Reset") == 0
        _, records = await provision(servers_file(rack, [server], if_on="force-off"))
        assert records[server.name]["verdict"] == "PASS"
        assert server.count("POST", "Reset") == 2


async def test_the_wrong_server_is_not_touched() -> None:
    """Two swapped cables must not provision the neighbour."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        summary, records = await provision(servers_file(rack, [server], serial="SOMETHING-ELSE"))
        assert "swapped" in records[server.name]["error"]["hint"]
        assert summary["exit_status"] == 13
        assert server.count("PATCH", "") == 0


async def test_a_reset_whose_answer_is_lost_is_sent_once() -> None:
    """The power state tells that it was heard; a second one would interrupt the boot."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        demo_image.write(server.stick)
        server.faults.add(faults.drop("ComputerSystem.Reset"))
        _, records = await provision(servers_file(rack, [server]))
        assert records[server.name]["verdict"] == "PASS"
        assert server.count("POST", "ComputerSystem.Reset") == 1


@pytest.mark.campaign
async def test_a_bmc_that_lies_about_the_boot_device_is_found_out() -> None:
    """200 OK with nothing changed is a failure, before the server is started."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        demo_image.write(server.stick)
        server.faults.add(faults.lie("/Systems/", method="PATCH"))
        _, records = await provision(servers_file(rack, [server]))
        assert records[server.name]["error"]["code"] == "not-applied"
        assert server.count("POST", "Reset") == 0


async def test_a_refused_password_has_its_own_status() -> None:
    """And is tried once: BMCs lock accounts."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        server.faults.add(faults.deny())
        summary, records = await provision(servers_file(rack, [server]))
        assert records[server.name]["error"]["code"] == "credentials"
        assert summary["exit_status"] == 7
        assert server.count("POST", "Sessions") == 1


async def test_a_bmc_nobody_answers_for_is_status_10() -> None:
    """The address stands in the message, and a remedy with it."""
    async with running(1, scale=FAST) as rack:
        path = servers_file(rack, rack.servers, bmc="https://127.0.0.1:1")
        summary, _ = await provision(path)
        assert summary["exit_status"] == 10
        error = summary["servers"][0]["error"]
        assert "127.0.0.1:1" in error["message"]
        assert error["hint"]


@pytest.mark.campaign
async def test_two_rows_that_lead_to_one_machine_are_found_out() -> None:
    """Another spelling of an address must not make one server pass for two."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        demo_image.write(server.stick)
        path = servers_file(rack, [server, server])
        document = json.loads(path.read_text())
        document["servers"][1] |= {"name": "twin", "serial": None}
        document["servers"][1]["bmc"] = server.url.replace("127.0.0.1", "localhost")
        path.write_text(json.dumps(document))
        _, records = await provision(path)
        verdicts = sorted(record["verdict"] for record in records.values())
        assert verdicts == ["FAIL", "PASS"]
        assert server.count("POST", "ComputerSystem.Reset") == 1


async def test_a_reset_that_may_have_been_sent_is_not_sent_again() -> None:
    """After a crash a BMC that still says Off may only be slow; then the outcome is watched."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        demo_image.write(server.stick)
        path = servers_file(rack, [server])
        run = RunDirectory.create(read_servers(path), path)
        assert run.mark(server.name, "power-on")
        work = asyncio.create_task(install.provision(run, None, ignore, parallel=1))
        while not server.count("PATCH", "/Systems/"):
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        server.machine.reset(Reset.ON)  # the request of before the crash takes effect at last
        summary = await work
        assert summary["servers"][0]["verdict"] == "PASS"
        assert server.count("POST", "ComputerSystem.Reset") == 0


async def test_a_reset_that_was_never_sent_is_sent_by_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed between the mark and the request: after the watch in vain, On is asked for."""
    monkeypatch.setattr(steps, "_POWER_WAIT", 1.5)
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        demo_image.write(server.stick)
        path = servers_file(rack, [server])
        run = RunDirectory.create(read_servers(path), path)
        assert run.mark(server.name, "power-on")
        summary = await install.provision(run, None, ignore, parallel=1)
        assert summary["servers"][0]["verdict"] == "PASS"
        assert server.count("POST", "ComputerSystem.Reset") == 1


async def test_a_server_somebody_else_started_is_not_stopped() -> None:
    """Between our look and our act the world goes on; `refuse` holds all the same."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        path = servers_file(rack, [server])

        def meddle(event: Event) -> None:
            if event.step == "claim" and event.phase is Phase.END:
                server.machine.reset(Reset.ON)
                server.machine.power = Power.ON

        run = RunDirectory.create(read_servers(path), path)
        summary = await install.provision(run, None, meddle, parallel=1)
        assert summary["servers"][0]["error"]["code"] == "server-is-on"
        assert server.count("POST", "ComputerSystem.Reset") == 0


async def test_two_runs_do_not_share_a_server() -> None:
    """Each would look, find it off, and start it."""
    async with running(1, scale=FAST) as rack:
        servers = read_servers(servers_file(rack, rack.servers))
        with install.reserved(servers), pytest.raises(Conflict), install.reserved(servers):
            pass
        with install.reserved(servers):
            pass


async def test_no_session_is_left_behind() -> None:
    """BMCs have few of them."""
    async with running(2, scale=FAST) as rack:
        for server in rack.servers:
            demo_image.write(server.stick)
        await provision(servers_file(rack, rack.servers))
        for server in rack.servers:
            opened = server.count("POST", "Sessions")
            assert opened >= 1
            assert server.count("DELETE", "Sessions/") == opened


@pytest.mark.campaign
async def test_one_servers_bug_is_not_the_racks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody foresaw becomes that server's record; the others go on."""
    async with running(2, scale=FAST) as rack:
        for server in rack.servers:
            demo_image.write(server.stick)
        first, second = (server.name for server in rack.servers)

        async def stumble(job: steps.Job) -> dict[str, Any]:
            if job.server.name == first:
                raise RuntimeError("nobody foresaw this")
            return steps.done("fine")

        monkeypatch.setattr(steps, "STEPS", (("stumble", stumble), *steps.STEPS))
        summary, records = await provision(servers_file(rack, rack.servers))
        assert records[second]["verdict"] == "PASS"
        assert records[first]["verdict"] == "FAIL"
        assert records[first]["error"]["code"] == "internal-fault"
        assert summary["exit_status"] == 4


async def test_secrets_stay_out_of_everything_a_run_leaves() -> None:
    """The password and session tokens are in no file of the run, the database included."""
    async with running(1, scale=FAST) as rack:
        server = rack.servers[0]
        demo_image.write(server.stick)
        path = servers_file(rack, [server])
        run = RunDirectory.create(read_servers(path), path)
        await install.provision(run, None, ignore, parallel=1)
        secret = server.password.reveal().encode()
        files = [each for each in run.path.rglob("*") if each.is_file()]
        assert {each.name for each in files} >= {"run.json", "events.jsonl", "summary.json"}
        for each in files:
            assert secret not in each.read_bytes(), each
            assert each.stat().st_mode & 0o077 == 0, each


def test_what_a_run_stores_is_enough_to_take_it_up(tmp_path: Path) -> None:
    """The servers file may be edited or gone by then."""
    row = Server.model_validate(
        {
            "name": "u01",
            "bmc": "10.0.0.1",
            "profile": "xen-4.17",
            "evidence": {"tcp": {"host": "h", "port": 22}},
        }
    )
    run = RunDirectory.create([row], tmp_path / "servers.yaml")
    assert RunDirectory.find(run.name).servers() == [row]

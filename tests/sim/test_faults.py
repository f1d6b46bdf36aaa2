"""Planned faults: each misbehaves as it says, as often as it says, and no more."""

from __future__ import annotations

import time

import aiohttp
import pytest

from provision.sim import Rack, faults, journal, running, standard_mix
from tests.sim.client import RESET, SESSIONS, SETTINGS, SYSTEM, client


async def test_a_dropped_reset_has_happened(rack: Rack) -> None:
    """The client sees no answer; the server is on all the same, and the log shows one reset."""
    server = rack.servers[0]
    server.faults.add(faults.drop("ComputerSystem.Reset"))
    async with client(server) as bmc:
        with pytest.raises(aiohttp.ClientError):
            await bmc.ask("POST", RESET, {"ResetType": "On"})
        await bmc.state("On")
    assert server.count("POST", "ComputerSystem.Reset") == 1
    assert [r.status for r in server.requests if r.path == RESET] == [0]


async def test_busy_says_when_to_come_back(rack: Rack) -> None:
    """503 with Retry-After as often as planned, and nothing was done meanwhile."""
    server = rack.servers[0]
    server.faults.add(faults.busy("Actions", times=2, retry_after=3))
    async with client(server) as bmc:
        for _ in range(2):
            answer = await bmc.ask("POST", RESET, {"ResetType": "On"})
            assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
            assert (await bmc.get(SYSTEM))["PowerState"] == "Off"
        assert await bmc.reset("On") == 204


async def test_a_conflict_is_somebody_elses_job(rack: Rack) -> None:
    """409, and the next try succeeds."""
    server = rack.servers[0]
    server.faults.add(faults.conflict("Reset"))
    async with client(server) as bmc:
        answer = await bmc.ask("POST", RESET, {"ResetType": "On"})
        assert (answer.status, answer.message) == (409, "ResourceInUse")
        assert await bmc.reset("On") == 204


async def test_slow_answers_are_slow(rack: Rack) -> None:
    """Only the ones that are meant."""
    server = rack.servers[0]
    server.faults.add(faults.slow(0.2, "/Bios"))
    async with client(server) as bmc:
        start = time.monotonic()
        await bmc.get(SYSTEM)
        between = time.monotonic()
        await bmc.get(f"{SYSTEM}/Bios")
        assert time.monotonic() - between >= 0.2
        assert between - start < time.monotonic() - between


async def test_a_lie_is_a_success_without_an_effect(rack: Rack) -> None:
    """The answer says done; what is read afterwards says not done."""
    server = rack.servers[0]
    server.faults.add(faults.lie("Bios/Settings"), faults.lie("Reset", times=1))
    async with client(server) as bmc:
        before = (await bmc.get(SETTINGS))["Attributes"]
        await bmc.patch(SETTINGS, {"Attributes": {"Sriov": "Disabled"}})
        assert (await bmc.get(SETTINGS))["Attributes"] == before
        assert await bmc.reset("On") == 204
        assert (await bmc.get(SYSTEM))["PowerState"] == "Off"
        assert await bmc.reset("On") == 204
        await bmc.state("On")


async def test_deny_refuses_the_right_password(rack: Rack) -> None:
    """Credentials never work; the root stays open."""
    server = rack.servers[0]
    server.faults.add(faults.deny())
    login = {"UserName": server.user, "Password": server.password.reveal()}
    async with client(server) as bmc:
        assert (await bmc.ask("POST", SESSIONS, login, anonymous=True)).status == 401
        assert (await bmc.ask("GET", SYSTEM)).status == 401
        assert (await bmc.ask("GET", "/redfish/v1/", anonymous=True)).status == 200
        server.faults.clear()
        assert (await bmc.ask("GET", SYSTEM)).status == 200


async def test_faults_are_planned_per_server() -> None:
    """From the start of the rack, by name; the neighbour behaves."""
    planned = {"r1u01": [faults.busy(times=None)]}
    async with running(standard_mix(2), scale=0, faults=planned) as rack:
        answers = []
        for server in rack.servers:
            async with client(server) as bmc:
                answers.append((await bmc.ask("GET", SYSTEM)).status)
        assert answers == [503, 200]
        assert [r.status for r in journal.read(rack.request_log, "r1u02")] == [200]
        assert rack.server("r1u02").count("GET", SYSTEM) == 1

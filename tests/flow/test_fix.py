"""Mending BIOS settings: the plan is what is sent, a restart needs leave, the end is read back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import hwprofiles
from hwprofiles import Finding, Outcome
from hwprofiles.facts import FactBook
from provision.bmc import bios, inventory
from provision.bmc.client import Access, Tls, connect
from provision.bmc.errors import NotApplied
from provision.bmc.service import Bmc
from provision.core.errors import ConfigError, Conflict
from provision.flow import fix
from provision.flow.fix import Ending
from provision.flow.mending import Case, diagnose, treat
from provision.flow.targets import Targets
from provision.flow.validate import Unread
from provision.sim import SimServer, faults
from provision.sim.demo_image import SCRIPT
from provision.sim.rack import running
from provision.sim.spec import ServerSpec

SETTINGS = "/redfish/v1/Systems/1/Bios/Settings"
VT_OFF = ServerSpec(name="u01", virtualization=False, disk_script=SCRIPT)
LOW_LATENCY = ServerSpec(name="u01", bios={"WorkloadProfile": "LowLatency"})
TRUSTED = ServerSpec(name="u01", virtualization=False, bios={"TrustedExecution": "Enabled"})


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of this test's own, and no waiting between looks."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(fix, "_BETWEEN_LOOKS", 0.05)
    monkeypatch.setattr(bios, "_BETWEEN_LOOKS", 0.01)


@asynccontextmanager
async def machine(spec: ServerSpec, tmp_path: Path) -> AsyncIterator[tuple[SimServer, Bmc]]:
    """A simulated server, and a connection to its BMC."""
    async with running([spec], scale=0.01, directory=tmp_path / "rack") as rack:
        server = rack.servers[0]
        access = Access(
            url=server.url,
            user=server.user,
            password=server.password,
            tls=Tls.CA,
            ca_file=server.ca_file,
            timeout=5.0,
        )
        async with connect(access) as bmc:
            yield server, bmc


async def judged(bmc: Bmc) -> list[Finding]:
    """What is wrong with the machine now, by a profile that asks for virtualization."""
    facts = await inventory.read_facts(bmc)
    return list(hwprofiles.judge(hwprofiles.load("xen-4.17"), facts))


def failed(findings: list[Finding]) -> list[str]:
    """The rules that failed."""
    return [each.rule for each in findings if each.outcome is Outcome.FAIL]


def writes(server: SimServer) -> list[tuple[str, str]]:
    """What changed anything at the BMC, sessions aside."""
    return [
        (each.method, each.path)
        for each in server.requests
        if each.method != "GET" and "Session" not in each.path
    ]


async def test_a_plan_is_the_request_and_sends_nothing(tmp_path: Path) -> None:
    """Old and new values, method, URI and body, and why; the BMC was only read."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        plan = await fix.plan(bmc, await judged(bmc))
        assert plan.requests == [
            {
                "method": "PATCH",
                "uri": SETTINGS,
                "body": {"Attributes": {"ProcVirtualization": "Enabled"}},
                "if_match": "on-demand",
            }
        ]
        assert writes(server) == []
    text = plan.as_text()
    assert "ProcVirtualization: Disabled → Enabled" in text
    assert "for cpu.virt" in text
    assert f"PATCH {SETTINGS}" in text
    assert '{"Attributes": {"ProcVirtualization": "Enabled"}}' in text
    told = json.loads(json.dumps(plan.as_dict()))
    assert told["schema"] == "bareiron.fix/1"
    assert told["remedies"][0]["attributes"] == {"virtualization": "ProcVirtualization"}
    assert told["changes"] == [
        {"attribute": "ProcVirtualization", "old": "Disabled", "new": "Enabled"}
    ]


async def test_staging_sends_exactly_the_plan_once(tmp_path: Path) -> None:
    """One PATCH with the planned body; planned again, nothing is left to send."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        plan = await fix.plan(bmc, await judged(bmc))
        done = await fix.fix(bmc, plan)
        assert (done.ending, done.power) == (Ending.STAGED, "Off")
        assert "at the next power-on" in done.as_text()
        again = await fix.plan(bmc, await judged(bmc))
        assert again.requests == []
        assert [each.attribute for each in again.waiting] == ["ProcVirtualization"]
        assert "Enabled, staged already" in again.as_text()
        assert (await fix.fix(bmc, again)).ending is Ending.STAGED
        patches = [each for each in server.requests if each.method == "PATCH"]
        assert [(each.path, each.body) for each in patches] == [
            (SETTINGS, plan.requests[0]["body"])
        ]
        assert writes(server) == [("PATCH", SETTINGS)]  # off is left off


async def test_with_leave_it_is_restarted_and_passes(tmp_path: Path) -> None:
    """The running server is shut down by its system, started, and validated again: it passes."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        await start(server)
        plan = await fix.plan(bmc, await judged(bmc))
        assert (await fix.fix(bmc, plan)).ending is Ending.STAGED  # without leave: no restart
        assert server.count("POST", "Reset") == 0
        done = await fix.fix(bmc, await fix.plan(bmc, await judged(bmc)), allow_reboot=True)
        assert done.ending is Ending.IN_FORCE
        assert [each.attribute for each in done.changes] == ["ProcVirtualization"]
        kinds = [each.body for each in server.requests if "Reset" in each.path]
        assert kinds == [{"ResetType": "GracefulShutdown"}, {"ResetType": "On"}]
        assert failed(await judged(bmc)) == []
        nothing = await fix.plan(bmc, await judged(bmc))
        assert nothing.as_text() == "  nothing to change"
        assert (await fix.fix(bmc, nothing, allow_reboot=True)).ending is Ending.NOTHING
        assert server.count("POST", "Reset") == 2


async def start(server: SimServer) -> None:
    """Start the machine and wait until its operating system runs."""
    from provision.sim.machine import Reset

    server.machine.reset(Reset.ON)
    while not server.machine.os_running:
        await asyncio.sleep(0.01)


async def test_a_workload_profile_in_the_way(tmp_path: Path) -> None:
    """The registry proves that Custom clears the way and sets nothing: it is part of the plan."""
    async with machine(LOW_LATENCY, tmp_path) as (_, bmc):
        findings = await judged(bmc)
        plan = await fix.plan(bmc, findings)
        changes = {each.attribute: (each.old, each.new) for each in plan.changes}
        assert changes["ProcVirtualization"] == ("Disabled", "Enabled")
        assert changes["WorkloadProfile"] == ("LowLatency", "Custom")
        assert "needed: while WorkloadProfile is LowLatency" in plan.as_text()
        await fix.stage(bmc, plan)
        pending = await bmc.get(SETTINGS)
        assert pending["Attributes"]["ProcVirtualization"] == "Enabled"


async def test_trusted_execution_in_the_way(tmp_path: Path) -> None:
    """What greys the switch out is switched off with it, and that is said."""
    async with machine(TRUSTED, tmp_path) as (_, bmc):
        plan = await fix.plan(bmc, await judged(bmc))
        assert {each.attribute: each.new for each in plan.changes} == {
            "ProcVirtualization": "Enabled",
            "TrustedExecution": "Disabled",
        }
        assert "greyed out" in plan.as_text()


async def test_settings_that_changed_since_the_plan(tmp_path: Path) -> None:
    """A plan made for another state is not carried out."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        plan = await fix.plan(bmc, await judged(bmc))
        server.machine.bios.current["ProcVirtualization"] = "Auto"
        with pytest.raises(Conflict, match="was Disabled when this was planned, and is Auto"):
            await fix.stage(bmc, plan)
        assert writes(server) == []


async def test_what_somebody_else_staged_is_not_brought_into_force(tmp_path: Path) -> None:
    """Foreign settings are named; a restart would bring them into force, and wants leave for it."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        await start(server)
        await bmc.patch(SETTINGS, {"Attributes": {"Smt": "Disabled"}})
        plan = await fix.plan(bmc, await judged(bmc))
        assert "staged by somebody else" in plan.as_text()
        assert [each["attribute"] for each in plan.as_dict()["others"]] == ["Smt"]
        with pytest.raises(Conflict, match="Smt → Disabled") as caught:
            await fix.fix(bmc, plan, allow_reboot=True)
        assert "--with-staged" in caught.value.hint
        assert len(writes(server)) == 1  # theirs
        assert (await fix.fix(bmc, plan)).ending is Ending.STAGED  # staging harms nobody
        done = await fix.fix(bmc, plan, allow_reboot=True, with_staged=True)
        assert done.ending is Ending.IN_FORCE


async def test_what_is_staged_after_the_plan_is_not_brought_into_force(tmp_path: Path) -> None:
    """Nobody agreed to what the plan did not name: the server is not restarted."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        await start(server)
        plan = await fix.plan(bmc, await judged(bmc))
        await bmc.patch(SETTINGS, {"Attributes": {"Smt": "Disabled"}})
        with pytest.raises(Conflict, match="Smt") as caught:
            await fix.fix(bmc, plan, allow_reboot=True, with_staged=True)
        assert "nothing was restarted" in caught.value.hint
        assert server.count("POST", "Reset") == 0


async def test_a_bmc_that_only_says_yes(tmp_path: Path) -> None:
    """Staged is what is read back, not what was answered."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        server.faults.add(faults.lie("Bios", method="PATCH"))
        plan = await fix.plan(bmc, await judged(bmc))
        with pytest.raises(NotApplied, match="ProcVirtualization"):
            await fix.fix(bmc, plan)


async def test_settings_that_do_not_come_into_force(tmp_path: Path) -> None:
    """The wait ends, and the error names what is still pending."""
    async with machine(VT_OFF, tmp_path) as (_, bmc):
        plan = await fix.plan(bmc, await judged(bmc))
        await fix.stage(bmc, plan)
        with pytest.raises(NotApplied, match="ProcVirtualization not in force"):
            await fix.in_force(bmc, plan, wait=0.0)


def reach(server: SimServer) -> Access:
    """How to reach a simulated BMC."""
    return Access(
        url=server.url,
        user=server.user,
        password=server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
    )


async def test_another_server_at_the_address_is_not_mended(tmp_path: Path) -> None:
    """What was validated is what is changed: another identity stops it, unchanged."""
    async with running([VT_OFF], scale=0.01, directory=tmp_path / "rack") as rack:
        server = rack.servers[0]
        targets = Targets(accesses={"u01": reach(server)})
        profile = hwprofiles.load("xen-4.17")
        (case,) = await diagnose(targets, profile)
        assert isinstance(case, Case)
        stranger = FactBook(case.verdict.facts)
        stranger["system.uuid"] = replace(stranger["system.uuid"], value="another")
        case = replace(case, verdict=replace(case.verdict, facts=stranger))
        (after,) = await treat(targets, [case], profile)
        assert isinstance(after, Unread)
        assert isinstance(after.error, Conflict)
        assert "Another server answers there" in after.error.hint
        assert writes(server) == []


async def test_a_recording_is_not_mended_at_the_server_of_its_name(tmp_path: Path) -> None:
    """A recording with the name of a live server tells nothing of that server: it is left alone."""
    specs = [VT_OFF, ServerSpec(name="u02", disk_script=SCRIPT)]
    async with running(specs, scale=0.01, directory=tmp_path / "rack") as rack:
        broken, healthy = rack.servers
        profile = hwprofiles.load("xen-4.17")
        (ill,) = await diagnose(Targets(accesses={"u02": reach(broken)}), profile)
        assert isinstance(ill, Case)
        recorded = tmp_path / "u02.json"
        recorded.write_text(json.dumps(ill.verdict.as_dict()))
        targets = Targets(accesses={"u02": reach(healthy)}, recordings=(str(recorded),))
        cases = await diagnose(targets, profile)
        assert [case.verdict.target for case in cases if isinstance(case, Case)] == ["u02"] * 2
        assert isinstance(cases[0], Case)
        # As it would be with a recording that tells its BIOS settings too.
        cases[0] = replace(cases[0], plan=ill.plan)
        after = await treat(targets, cases, profile, allow_reboot=True, force_off=True)
        assert after == cases
        assert writes(healthy) == []


async def test_one_server_by_two_names_is_not_mended_twice(tmp_path: Path) -> None:
    """Two restarts at once would be one in the middle of the other: refused, nothing changed."""
    async with running([VT_OFF], scale=0.01, directory=tmp_path / "rack") as rack:
        server = rack.servers[0]
        again = replace(reach(server), url=server.url.replace("127.0.0.1", "localhost"))
        targets = Targets(accesses={"a": reach(server), "b": replace(again, tls=Tls.PIN)})
        profile = hwprofiles.load("xen-4.17")
        cases = await diagnose(targets, profile)
        with pytest.raises(ConfigError, match="a and b: both are the same server"):
            await treat(targets, cases, profile)
        assert writes(server) == []


async def test_a_reset_whose_answer_is_lost_while_mending(tmp_path: Path) -> None:
    """The power state tells that it was heard: each reset is sent once, and the end is in force."""
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        await start(server)
        plan = await fix.plan(bmc, await judged(bmc))
        server.faults.add(faults.drop("ComputerSystem.Reset"))
        done = await fix.fix(bmc, plan, allow_reboot=True)
        assert done.ending is Ending.IN_FORCE
        assert server.count("POST", "ComputerSystem.Reset") == 2  # shutdown, and on


async def test_a_reset_that_is_only_said_to_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server never went off: told, with what is staged, and not started once more."""
    monkeypatch.setattr(fix, "POWER_WAIT", 0.5)
    async with machine(VT_OFF, tmp_path) as (server, bmc):
        await start(server)
        plan = await fix.plan(bmc, await judged(bmc))
        server.faults.add(faults.lie("ComputerSystem.Reset"))
        with pytest.raises(NotApplied, match="still On") as caught:
            await fix.fix(bmc, plan, allow_reboot=True)
        assert "The settings are staged" in caught.value.hint
        assert server.count("POST", "ComputerSystem.Reset") == 1

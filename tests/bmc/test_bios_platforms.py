"""BIOS settings of every simulated platform: staged where it wants them, in force after a start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.bmc import bios, bios_reset, system
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import NotApplied, NotSupported
from provision.core.errors import Conflict
from provision.sim import personalities
from provision.sim.rack import SimServer
from provision.sim.spec import ServerSpec
from tests.bmc.hostile import SYSTEM, HostileBmc, Request, answer
from tests.bmc.platform_rack import reached

pytestmark = pytest.mark.campaign

Reach = Callable[..., Access]
BIOS = f"{SYSTEM}/Bios"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow at once."""
    for module in (bios, bios_reset):
        monkeypatch.setattr(module, "_BETWEEN_LOOKS", 0.01)


@pytest.mark.parametrize("name", personalities.names())
async def test_staged_once_and_in_force_after_a_start(name: str, tmp_path: Path) -> None:
    """Switched off: one change, staged and not sent again, in force after the start we caused."""
    async with reached(name, tmp_path) as (server, bmc):
        own = personalities.load(name).bios
        if own and not any("ProcVirtualization" in each.is_ for each in own.attributes):
            with pytest.raises(NotSupported, match="virtualization"):
                await bios.stage(bmc, {"virtualization": "disabled"})
            assert server.count("PATCH", "Bios") == 0
            return
        plan = await bios.plan(bmc, {"virtualization": "disabled"})
        bios.check(bmc, plan)
        assert len(plan.changes) == 1
        staged = await bios.send(bmc, plan)
        again = await bios.plan(bmc, {"virtualization": "disabled"})
        assert (again.changes == ()) is staged.seen
        await system.set_power(bmc, "on", wait=5)
        assert await in_force(bmc, plan)
        assert not server.machine.bios.on("ProcVirtualization")
        assert await bios.stage(bmc, {"virtualization": "disabled"}) == []


async def in_force(bmc: Bmc, plan: bios.BiosPlan) -> bool:
    """Whether nothing of a plan waits any more, soon after a start."""
    for _ in range(100):
        if not await bios.waiting(bmc, plan):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_described_attributes_are_read(tmp_path: Path) -> None:
    """Where an attribute is an object, its value is what counts."""
    async with reached("hpe-cray-ex", tmp_path) as (_, bmc):
        assert (await bios.attributes(bmc))["TPM Control"] == "Enabled"


async def test_apply_times(tmp_path: Path) -> None:
    """Sent where the platform insists or the user asks, never where it is refused."""
    wanted = {"virtualization": "disabled"}
    when = "@Redfish.SettingsApplyTime"
    async with reached("dell-idrac9", tmp_path / "1") as (_, bmc):
        assert (await bios.plan(bmc, wanted)).body[when] == {"ApplyTime": "OnReset"}
        with pytest.raises(NotSupported, match="Immediate"):
            await bios.plan(bmc, wanted, apply_time="Immediate")
    async with reached("lenovo-xcc", tmp_path / "2") as (_, bmc):
        assert when not in (await bios.plan(bmc, wanted, apply_time="OnReset")).body
    async with reached("hpe-ilo6", tmp_path / "3") as (_, bmc):
        assert when not in (await bios.plan(bmc, wanted)).body


async def test_an_earlier_change_is_in_the_way(tmp_path: Path) -> None:
    """A BMC that takes one change between two starts: a conflict, with what to do."""
    async with reached("dell-idrac9", tmp_path) as (_, bmc):
        staged = await bios.send(bmc, await bios.plan(bmc, {"virtualization": "disabled"}))
        assert staged.job
        with pytest.raises(Conflict, match="earlier change") as caught:
            await bios.stage(bmc, {"LogicalProc": "disabled"})
        assert "Restart the server" in caught.value.hint


OFF = ServerSpec(name="u01", virtualization=False)


@pytest.mark.parametrize("server", [OFF], indirect=True)
async def test_attributes_by_name(server: SimServer, client: Bmc) -> None:
    """Any attribute, by any case of its name and value; nothing is sent where one is wrong."""
    found = await bios.plan(client, {"bootmode": "legacy", "procvirtualization": "ENABLED"})
    assert found.body["Attributes"] == {"BootMode": "Legacy", "ProcVirtualization": "Enabled"}
    for wanted, why in (
        ({"BootMode": "Ufi"}, "only be"),
        ({"NoSuch": "1"}, "no such attribute"),
        ({"virtualization": "auto"}, "either enabled or disabled"),
        ({"virtualization": "enabled", "ProcVirtualization": "Disabled"}, "wanted otherwise"),
    ):
        with pytest.raises(NotSupported, match=why):
            await bios.stage(client, wanted)
    assert server.count("PATCH", "Bios") == 0


@pytest.mark.parametrize("server", [OFF], indirect=True)
async def test_pending_and_defaults(server: SimServer, client: Bmc) -> None:
    """What waits is told; the defaults are asked for once, and show what they will change."""
    assert await bios.pending(client) == []
    await bios.stage(client, {"sriov": "disabled"})
    (waiting,) = await bios.pending(client)
    assert (waiting.attribute, waiting.new) == ("Sriov", "Disabled")
    found = await bios_reset.reset_bios(client)
    assert found.pending
    assert {each.attribute for each in found.changes} >= {"ProcVirtualization"}
    assert server.count("POST", "ResetBios") == 1


async def test_defaults_that_nobody_shows(bmc: HostileBmc, access: Reach) -> None:
    """A BMC that shows nothing of them before the start: said, not believed; none is refused."""
    bmc.tree[SYSTEM]["Bios"] = {"@odata.id": BIOS}
    bmc.tree[BIOS] = {"Attributes": {"A": "x"}}
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="no such action"):
            await bios_reset.reset_bios(there)
        bmc.tree[BIOS]["Actions"] = {"#Bios.ResetBios": {"target": "/redfish/v1/reset"}}
        found = await bios_reset.reset_bios(there)
        assert (found.pending, bool(found.note)) == (False, True)
        bmc.tree[BIOS]["ResetBiosToDefaultsPending"] = True
        assert (await bios_reset.reset_bios(there)).requests == ()
    assert bmc.count("POST", "/redfish/v1/reset") == 1


async def test_settings_changed_in_place(bmc: HostileBmc, access: Reach) -> None:
    """No place for staged settings: accepted unseen; a settings resource that lies is found out."""
    bmc.tree[SYSTEM]["Bios"] = {"@odata.id": BIOS}
    bmc.tree[BIOS] = {"Attributes": {"IntelVT": "Disabled"}}

    async def accept(_request: Request) -> bytes:
        return answer(None, 204)

    bmc.on["PATCH", BIOS] = bmc.on["PATCH", f"{BIOS}/Settings"] = accept
    wanted: dict[str, Any] = {"virtualization": "enabled"}
    async with connect(access()) as there:
        staged = await bios.send(there, await bios.plan(there, wanted))
        assert not staged.seen
        place = {"SettingsObject": {"@odata.id": f"{BIOS}/Settings"}}
        bmc.tree[BIOS]["@Redfish.Settings"] = place
        bmc.tree[f"{BIOS}/Settings"] = {"Attributes": {}}
        with pytest.raises(NotApplied):
            await bios.stage(there, wanted)

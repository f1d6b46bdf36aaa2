"""Power and boot: one request at most, and only what is read back counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from provision.bmc import boot_writing, system
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import BmcError, NotApplied, NotSupported, ServerIsOff
from provision.core.errors import ConfigError, OutcomeUnknown
from provision.sim import faults
from provision.sim.rack import SimServer
from provision.sim.spec import ServerSpec
from tests.bmc.hostile import RESET, SYSTEM, HostileBmc, Request, answer

Reach = Callable[..., Access]
RUNNING = ServerSpec(name="u01", powered_on=True)


async def test_on_is_seen(server: SimServer, client: Bmc) -> None:
    """Off, one On, and it is on."""
    assert await system.power_state(client) == "Off"
    change = await system.set_power(client, "on", wait=10)
    assert (change.before, change.after, change.sent, change.observed) == ("Off", "On", "On", True)
    assert server.count("POST", "Reset") == 1


@pytest.mark.parametrize("server", [RUNNING], indirect=True)
async def test_what_is_so_already_is_not_asked_for(server: SimServer, client: Bmc) -> None:
    """A server that is on is on; nothing is sent."""
    change = await system.set_power(client, "on", wait=10)
    assert (change.sent, change.after) == ("", "On")
    assert server.count("POST", "Reset") == 0


@pytest.mark.parametrize("server", [RUNNING], indirect=True)
async def test_forced_off_and_restart(server: SimServer, client: Bmc) -> None:
    """The forced forms do not ask the operating system; a restart needs a running server."""
    server.machine.last_reset = datetime(2020, 1, 1, tzinfo=UTC)  # it has been on for long
    change = await system.set_power(client, "force-restart", wait=10)
    assert (change.sent, change.after, change.observed) == ("ForceRestart", "On", True)
    assert (await system.set_power(client, "force-off", wait=10)).after == "Off"
    with pytest.raises(ServerIsOff, match="off"):
        await system.set_power(client, "restart", wait=10)
    assert server.count("POST", "Reset") == 2


@pytest.mark.parametrize("server", [RUNNING], indirect=True)
async def test_an_operating_system_that_does_not_obey(server: SimServer, client: Bmc) -> None:
    """`off` never becomes force-off by itself: after the wait it says what could be done."""
    with pytest.raises(NotApplied, match="still On") as caught:
        await system.set_power(client, "off", wait=0.5)
    assert "force-off" in caught.value.hint
    assert server.count("POST", "Reset") == 1


async def test_a_dropped_answer_is_found_out(server: SimServer, client: Bmc) -> None:
    """The BMC acted and its answer was lost: the state read back says so, nothing is re-sent."""
    server.faults.add(faults.drop("Reset"))
    change = await system.set_power(client, "on", wait=10)
    assert change.after == "On"
    assert server.count("POST", "Reset") == 1


async def test_a_lie_is_not_believed(server: SimServer, client: Bmc) -> None:
    """Success was said and nothing happened: not applied."""
    server.faults.add(faults.lie("Reset"))
    with pytest.raises(NotApplied):
        await system.set_power(client, "on", wait=0.5)
    assert server.count("POST", "Reset") == 1


async def test_an_outcome_that_stays_unknown(bmc: HostileBmc, access: Reach) -> None:
    """No answer and no sign in the state: nobody knows, and it is said."""

    async def drop(_request: Request) -> None:
        return None

    bmc.on["POST", RESET] = drop
    async with connect(access()) as there:
        with pytest.raises(OutcomeUnknown):
            await system.set_power(there, "on", wait=0.5)
    assert bmc.count("POST", RESET) == 1


async def test_reset_types_come_from_the_bmc(bmc: HostileBmc, access: Reach) -> None:
    """What the action, or its ActionInfo, does not list is not tried."""
    action = bmc.tree[SYSTEM]["Actions"]["#ComputerSystem.Reset"]
    bmc.tree[SYSTEM]["PowerState"] = "On"
    action["ResetType@Redfish.AllowableValues"] = ["On", "ForceOff", "PowerCycle"]
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="On, ForceOff, PowerCycle"):
            await system.set_power(there, "off", wait=0)
        assert (await system.set_power(there, "force-restart", wait=0)).sent == "PowerCycle"
    del action["ResetType@Redfish.AllowableValues"]
    action["@Redfish.ActionInfo"] = "/redfish/v1/Info"
    bmc.tree["/redfish/v1/Info"] = {
        "Parameters": [{"Name": "ResetType", "AllowableValues": ["ForceOff"]}]
    }
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="only ForceOff"):
            await system.set_power(there, "restart", wait=0)
    assert bmc.count("POST", RESET) == 1


async def test_a_refusal_of_what_is_so_already(bmc: HostileBmc, access: Reach) -> None:
    """Some answer 400 when somebody else was faster; that it is so is all we wanted."""

    async def refuse(_request: Request) -> bytes:
        bmc.tree[SYSTEM]["PowerState"] = "On"
        return answer({}, 400)

    bmc.on["POST", RESET] = refuse
    async with connect(access()) as there:
        assert (await system.set_power(there, "on", wait=1)).after == "On"
        with pytest.raises(BmcError, match="HTTP 400"):
            await system.set_power(there, "force-restart", wait=1)


async def test_a_state_that_is_not_told(bmc: HostileBmc, access: Reach) -> None:
    """Unknown is a value, not an error."""
    for state in (None, 7, "", {"On": True}):
        bmc.tree[SYSTEM]["PowerState"] = state
        async with connect(access()) as there:
            assert await system.power_state(there) == "Unknown"


async def test_boot_once_is_set_read_back_and_cleared(server: SimServer, client: Bmc) -> None:
    """Set, the same again (nothing sent), another mode, cleared, cleared again (nothing sent)."""
    first = await system.set_boot(client, "usb", once=True, mode="uefi")
    assert (first.target, first.enabled, first.mode, first.note) == ("Usb", "Once", "UEFI", "")
    await system.set_boot(client, "usb", once=True, mode=None)
    assert server.count("PATCH", "Systems/1") == 1
    second = await system.set_boot(client, "cd", once=False, mode="bios")
    assert (second.target, second.enabled, second.mode) == ("Cd", "Continuous", "Legacy")
    assert (await system.clear_boot(client)).enabled == "Disabled"
    await system.clear_boot(client)
    assert server.count("PATCH", "Systems/1") == 3


async def test_a_device_the_bmc_does_not_know(client: Bmc) -> None:
    """A word of ours that is none, and one that this BMC has no target for."""
    with pytest.raises(ConfigError, match="no such device word"):
        await system.set_boot(client, "tape", once=True, mode=None)
    with pytest.raises(NotSupported, match="none of them is that"):
        await system.set_boot(client, "sd", once=True, mode=None)


async def test_a_boot_setting_that_is_only_said(
    server: SimServer, client: Bmc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """204 is no evidence."""
    monkeypatch.setattr(boot_writing, "_BETWEEN_LOOKS", 0.01)
    server.faults.add(faults.lie("Systems/1", method="PATCH"))
    with pytest.raises(NotApplied, match="shows"):
        await system.set_boot(client, "usb", once=True, mode=None)


async def test_a_dropped_boot_setting_is_found_out(server: SimServer, client: Bmc) -> None:
    """The change was made and its answer lost: reading back settles it."""
    server.faults.add(faults.drop("Systems/1", method="PATCH"))
    assert (await system.set_boot(client, "usb", once=True, mode=None)).target == "Usb"
    assert server.count("PATCH", "Systems/1") == 1


async def test_once_that_becomes_continuous_is_said(bmc: HostileBmc, access: Reach) -> None:
    """A BMC may keep what was meant for once; the result tells."""

    async def coerce(_request: Request) -> bytes:
        bmc.tree[SYSTEM]["Boot"] = {
            "BootSourceOverrideTarget": "Usb",
            "BootSourceOverrideEnabled": "Continuous",
        }
        return answer({})

    bmc.on["PATCH", SYSTEM] = coerce
    async with connect(access()) as there:
        found = await system.set_boot(there, "usb", once=True, mode=None)
    assert found.enabled == "Continuous"
    assert "asked for Once" in found.note


async def test_what_a_bmc_can_only_do_once(bmc: HostileBmc, access: Reach) -> None:
    """Persistence that is not on offer is refused, not turned into once."""
    bmc.tree[SYSTEM]["Boot"] = {
        "BootSourceOverrideEnabled": "Disabled",
        "BootSourceOverrideEnabled@Redfish.AllowableValues": ["Disabled", "Once"],
        "BootSourceOverrideMode@Redfish.AllowableValues": ["UEFI"],
    }
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="only do it once"):
            await system.set_boot(there, "usb", once=False, mode=None)
        with pytest.raises(NotSupported, match="UEFI"):
            await system.set_boot(there, "usb", once=True, mode="bios")
    assert bmc.count("PATCH") == 0

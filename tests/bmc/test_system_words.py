"""Power words beyond on and off: forced after a deadline, cycled, reset; and who cannot do what."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provision.bmc import system
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import NotSupported, ServerIsOff
from provision.core.errors import Conflict
from provision.sim import faults, personalities
from provision.sim.rack import SimServer
from provision.sim.spec import ServerSpec
from tests.bmc.hostile import RESET, SYSTEM, HostileBmc, Request, answer
from tests.bmc.platform_rack import reached

pytestmark = pytest.mark.campaign

Reach = Callable[..., Access]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
RUNNING = ServerSpec(name="u01", powered_on=True)


@pytest.mark.parametrize("server", [RUNNING], indirect=True)
async def test_off_is_forced_after_its_deadline(server: SimServer, client: Bmc) -> None:
    """An operating system that does not obey is asked once; then the power is cut."""
    change = await system.set_power(client, "off", wait=5, force_after=0.3)
    assert (change.after, change.sent) == ("Off", "GracefulShutdown, ForceOff")
    assert len(change.requests) == 2
    assert "still On after 0 s" in change.note
    kinds = [each.body for each in server.requests if "Reset" in each.path]
    assert kinds == [{"ResetType": "GracefulShutdown"}, {"ResetType": "ForceOff"}]


@pytest.mark.parametrize("server", [RUNNING], indirect=True)
async def test_reset_and_cycle(server: SimServer, client: Bmc) -> None:
    """Each is one request of its own kind; a server that is off cannot be restarted."""
    for word, kind in (("reset", "ForceRestart"), ("cycle", "PowerCycle")):
        server.machine.last_reset = LONG_AGO
        assert (await system.set_power(client, word, wait=5)).sent == kind
    assert server.count("POST", "Reset") == 2
    await system.set_power(client, "force-off", wait=5)
    with pytest.raises(ServerIsOff):
        await system.set_power(client, "cycle", wait=5)


def obey(bmc: HostileBmc, allowed: list[str], refuse: Callable[[str], bytes | None]) -> list[str]:
    """Let the BMC do what is asked for unless ``refuse`` has an answer; return the kinds."""
    asked: list[str] = []
    action = bmc.tree[SYSTEM]["Actions"]["#ComputerSystem.Reset"]
    action["ResetType@Redfish.AllowableValues"] = allowed
    bmc.tree[SYSTEM]["PowerState"] = "On"

    async def reset(request: Request) -> bytes:
        kind = json.loads(request.body)["ResetType"]
        asked.append(kind)
        if no := refuse(kind):
            return no
        bmc.tree[SYSTEM]["PowerState"] = "Off" if kind.endswith(("Off", "Shutdown")) else "On"
        return answer(None, 204)

    bmc.on["POST", RESET] = reset
    return asked


async def test_a_cycle_in_two_parts(bmc: HostileBmc, access: Reach) -> None:
    """Where there is no PowerCycle, the power is cut, seen to be off, and switched on again."""
    asked = obey(bmc, ["On", "ForceOff", "GracefulShutdown"], lambda _kind: None)
    async with connect(access()) as there:
        dry = await system.set_power(there, "cycle", wait=5, dry_run=True)
        assert [each.body["ResetType"] for each in dry.requests] == ["ForceOff", "On"]
        assert asked == []
        change = await system.set_power(there, "cycle", wait=5)
    assert (change.before, change.after, change.sent) == ("On", "On", "ForceOff, On")
    assert "no power cycle" in change.note
    assert asked == ["ForceOff", "On"]


async def test_no_graceful_off(bmc: HostileBmc, access: Reach) -> None:
    """Without a graceful form, off is refused; with a deadline it is forced at once."""
    asked = obey(bmc, ["On", "ForceOff"], lambda _kind: None)
    async with connect(access()) as there:
        with pytest.raises(NotSupported, match="only On, ForceOff"):
            await system.set_power(there, "off", wait=1)
        change = await system.set_power(there, "off", wait=1, force_after=60)
    assert (change.after, asked) == ("Off", ["ForceOff"])


async def test_on_that_is_refused_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where On is a conflict just after Off, it is asked for again after each refusal."""
    monkeypatch.setattr(system, "_SETTLE_PAUSE", 0.05)
    async with reached("dell-idrac10", tmp_path) as (server, bmc):
        server.faults.add(faults.conflict("Reset"), faults.conflict("Reset"))
        assert (await system.set_power(bmc, "on", wait=5)).after == "On"
        assert server.count("POST", "Reset") == 3
    async with reached("dell-idrac9", tmp_path / "9") as (server, bmc):
        server.faults.add(faults.conflict("Reset"))
        with pytest.raises(Conflict):
            await system.set_power(bmc, "on", wait=5)
        assert server.count("POST", "Reset") == 1


async def test_a_graceful_restart_that_is_none(tmp_path: Path) -> None:
    """Where GracefulRestart resets at once, it is not passed off as graceful."""
    async with reached("dell-idrac8", tmp_path, powered_on=True) as (server, bmc):
        await system.set_power(bmc, "on", wait=5)
        with pytest.raises(NotSupported, match="does not ask the operating system"):
            await system.set_power(bmc, "restart", wait=1)
        assert server.count("POST", "Reset") == 0


@pytest.mark.parametrize("name", personalities.names())
async def test_power_of_every_platform(name: str, tmp_path: Path) -> None:
    """On, on again, cycled, off by force after a deadline, off again: the states say so."""
    async with reached(name, tmp_path) as (server, bmc):
        before = server.count("POST", "Reset")
        assert (await system.set_power(bmc, "on", wait=5)).after == "On"
        assert (await system.set_power(bmc, "on", wait=5)).sent == ""
        assert server.count("POST", "Reset") == before + 1
        server.machine.last_reset = LONG_AGO
        assert (await system.set_power(bmc, "cycle", wait=5)).after == "On"
        assert (await system.set_power(bmc, "off", wait=5, force_after=0.1)).after == "Off"
        assert (await system.set_power(bmc, "force-off", wait=5)).sent == ""

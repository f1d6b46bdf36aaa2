"""The light that shows where a server is: the right property, once, and really lit."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from provision.bmc import indicator
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import NotApplied, NotSupported
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.bmc.hostile import SYSTEM, HostileBmc, Request, answer, reply

Reach = Callable[..., Access]
CHASSIS = "/redfish/v1/Chassis/1"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(indicator, "_BETWEEN_LOOKS", 0.01)


async def test_on_and_off(server: SimServer, client: Bmc) -> None:
    """One PATCH each way; what is so already is not sent; a dry run sends nothing."""
    assert (await indicator.light(client)).state == "off"
    assert not (await indicator.shine(client, True, dry_run=True)).sent
    done = await indicator.shine(client, True)
    assert (done.before, done.after, done.sent) == ("off", "on", True)
    assert server.machine.locate
    assert not (await indicator.shine(client, True)).sent
    assert (await indicator.shine(client, False)).after == "off"
    assert server.count("PATCH", "Systems/1") == 2


async def test_a_lie_and_a_lost_answer(server: SimServer, client: Bmc) -> None:
    """Found out by looking again; each wish was sent once."""
    server.faults.add(faults.lie("Systems/1", method="PATCH", times=1))
    with pytest.raises(NotApplied):
        await indicator.shine(client, True)
    server.faults.add(faults.drop("Systems/1", method="PATCH"))
    assert (await indicator.shine(client, True)).after == "on"
    assert server.count("PATCH", "Systems/1") == 2


def obey(bmc: HostileBmc, path: str) -> None:
    """Let PATCHes of ``path`` do what they say."""

    async def take(request: Request) -> bytes:
        bmc.tree[path] |= json.loads(request.body)
        return answer(None, 204)

    bmc.on["PATCH", path] = take


@pytest.mark.parametrize(
    ("led", "allowed", "wish", "sent", "state"),
    [
        ("Off", None, True, "Blinking", "on"),
        ("Lit", None, True, "Blinking", "on"),
        ("Off", ["Lit", "Off"], True, "Lit", "lit"),
        ("Blinking", ["Lit", "Blinking", "Off"], False, "Off", "off"),
    ],
)
async def test_the_older_property(
    *,
    bmc: HostileBmc,
    access: Reach,
    led: str,
    allowed: list[str] | None,
    wish: bool,
    sent: str,
    state: str,
) -> None:
    """IndicatorLED is set to the clearest value it may have."""
    bmc.tree[SYSTEM] |= {"IndicatorLED": led, "IndicatorLED@Redfish.AllowableValues": allowed}
    obey(bmc, SYSTEM)
    async with connect(access()) as there:
        done = await indicator.shine(there, wish)
    assert bmc.tree[SYSTEM]["IndicatorLED"] == sent
    assert (done.after, bmc.count("PATCH")) == (state, 1)


async def test_the_chassis_where_the_system_refuses(bmc: HostileBmc, access: Reach) -> None:
    """A light that is refused was not switched; the next one is tried."""
    bmc.tree[SYSTEM] |= {
        "LocationIndicatorActive": False,
        "Links": {"Chassis": [{"@odata.id": CHASSIS}, {"@odata.id": "/redfish/v1/Gone"}]},
    }
    bmc.tree[CHASSIS] = {"LocationIndicatorActive": False}
    bmc.on["PATCH", SYSTEM] = reply(answer({}, 405))
    obey(bmc, CHASSIS)
    async with connect(access()) as there:
        assert (await indicator.shine(there, True)).path == CHASSIS
    assert (bmc.count("PATCH", SYSTEM), bmc.count("PATCH", CHASSIS)) == (1, 1)


@pytest.mark.parametrize("value", [None, 7, [], {}, "", "Unknown"])
async def test_no_light(bmc: HostileBmc, access: Reach, value: object) -> None:
    """None, or nothing that makes sense: not supported, and nothing is sent."""
    bmc.tree[SYSTEM] |= {"LocationIndicatorActive": value, "IndicatorLED": value}
    async with connect(access()) as there:
        with pytest.raises(NotSupported):
            await indicator.light(there)
    assert bmc.count("PATCH") == 0

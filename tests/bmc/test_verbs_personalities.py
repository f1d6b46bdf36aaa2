"""Every verb against every personality of the simulator: the same wish, the same end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from provision.bmc import (
    accounts,
    firmware,
    firmware_update,
    indicator,
    logs,
    secure_boot,
    sessions,
    tasks,
)
from provision.bmc.client import Access, Bmc, Tls, connect
from provision.bmc.firmware_plan import Wanted
from provision.core.secrets import Secret
from provision.sim import personalities
from provision.sim.rack import SimServer, running
from provision.sim.spec import ServerSpec

pytestmark = pytest.mark.campaign

NEW = Secret("n3w-Passw0rd1")
#: The system to speak of where a BMC has several.
NODE = {"hpe-cray-ex": "/redfish/v1/Systems/Node0"}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other soon."""
    for module in (secure_boot, indicator, logs, firmware_update):
        monkeypatch.setattr(module, "_BETWEEN_LOOKS", 0.02)
    monkeypatch.setattr(tasks, "_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(tasks, "_SHORTEST", 0.05)


async def test_all_of_them(tmp_path: Path) -> None:
    """Seen, switched, emptied, updated and changed: each wish has come true, with one request."""
    names = personalities.names()
    specs = [personalities.dressed(ServerSpec(name=name), name) for name in names]
    image = tmp_path / "bios.bin"
    image.write_text("bareiron-firmware BIOS 2.0.0\n")
    async with running(specs, scale=0.01, directory=tmp_path / "rack") as rack:
        await asyncio.gather(*(_one(server, image) for server in rack.servers))


async def _one(server: SimServer, image: Path) -> None:
    access = Access(
        url=server.url + NODE.get(server.name, ""),
        user=server.user,
        password=server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
        timeout=30.0,
    )
    async with connect(access) as bmc:
        await _all(bmc, access, image)
    assert server.bmc.access.accounts[1].password == NEW, server.name
    assert _changes(server) == 5, server.name


async def _all(bmc: Bmc, access: Access, image: Path) -> None:
    assert (await secure_boot.switch(bmc, True)).after.wanted is True
    assert (await indicator.shine(bmc, True)).after == "on"
    assert any(each.this for each in await sessions.sessions(bmc, access.user))
    assert (await logs.read(bmc, logs.Wanted())).entries
    assert all(each.sent for each in await logs.clear(bmc))
    await firmware_update.update(bmc, Wanted(file=image))
    found = await firmware.components(bmc)
    assert "2.0.0" in [each.version for each in found]
    assert (await accounts.rotate(bmc, access, access.user, NEW)).sent


def _changes(server: SimServer) -> int:
    """How many requests that change something were carried out, logins and logouts apart."""
    return sum(
        each.method in ("PATCH", "POST")
        and not each.path.rstrip("/").endswith("/Sessions")
        and 200 <= each.status < 300
        for each in server.requests
    )

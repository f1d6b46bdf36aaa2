"""Every recorded Redfish tree, served as a BMC: it reads as recorded, and takes writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.sim import personalities, recorded, running
from tests.sim.client import client

TREES = (
    "crayrie-EX4252",
    "crayrie-Gigabyte",
    "crayrie-OpenBMC-stock",
    "iloemu-DL360",
    "iloemu-DL380a",
    "libredfish-dell",
    "libredfish-lenovo",
    "libredfish-nvidia_gb200",
    "libredfish-supermicro",
    "redfishctl-dell_xr8620t-tree",
)


@pytest.mark.parametrize("name", TREES)
async def test_it_answers_as_recorded_and_can_be_switched(redfish: Path, name: str) -> None:
    """A sample of its resources is the same; power follows the reset action; Boot is written."""
    file = redfish / f"{name}.json"
    tree = recorded.read(file)
    async with (
        running(personalities.specs([], [file]), scale=0) as rack,
        client(rack.servers[0]) as bmc,
    ):
        sample = [uri for uri in list(tree)[::9] if "SessionService" not in uri]
        for uri in sample:
            if uri.rstrip("/") != "/redfish/v1":
                assert await bmc.get(uri) == tree[uri], uri
        systems = await bmc.get("/redfish/v1/Systems")
        uri = systems["Members"][0]["@odata.id"]
        system = await bmc.get(uri)
        target = system["Actions"]["#ComputerSystem.Reset"]["target"]
        for kind, state in (("ForceOff", "Off"), ("On", "On")):
            assert (await bmc.ask("POST", target, {"ResetType": kind})).status == 204
            assert (await bmc.get(uri))["PowerState"] == state
        order = system["Boot"].get("BootOrder", [])[::-1]
        await bmc.patch(uri, {"Boot": {"BootOrder": order}})
        assert (await bmc.get(uri))["Boot"]["BootOrder"] == order

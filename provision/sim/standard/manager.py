"""The manager: the BMC itself."""

from __future__ import annotations

from provision.sim.bmc import Bmc
from provision.sim.messages import Json
from provision.sim.standard import uris
from provision.sim.tree import OK, Resource, collection, link, links, resource


def plant(bmc: Bmc) -> None:
    """Plant the manager."""
    bmc.tree[uris.MANAGERS] = Resource(
        body=lambda: collection(uris.MANAGERS, "Manager", "Managers", [uris.MANAGER])
    )
    bmc.tree[uris.MANAGER] = Resource(body=lambda: _manager(bmc))


def _manager(bmc: Bmc) -> Json:
    return resource(
        uris.MANAGER,
        "Manager.v1_19_1",
        "Simulated BMC",
        ManagerType="BMC",
        Manufacturer="bareiron",
        Model="bareiron simulator",
        FirmwareVersion="1.0.0",
        UUID=bmc.spec.uuid,
        ServiceEntryPointUUID=bmc.spec.uuid,
        PowerState="On",
        Status=OK,
        VirtualMedia=link(uris.MEDIA),
        LogServices=link(uris.LOGS),
        Links={
            "ManagerForServers": links([uris.SYSTEM]),
            "ManagerForChassis": links([uris.CHASSIS]),
            "ManagerInChassis": link(uris.CHASSIS),
        },
    )

"""The chassis: the box in the rack."""

from __future__ import annotations

from provision.sim.bmc import Bmc
from provision.sim.machine import Power
from provision.sim.messages import Json
from provision.sim.standard import uris
from provision.sim.tree import OK, Resource, collection, links, resource


def plant(bmc: Bmc) -> None:
    """Plant the chassis."""
    bmc.tree[uris.CHASSES] = Resource(
        body=lambda: collection(uris.CHASSES, "Chassis", "Chassis", [uris.CHASSIS])
    )
    bmc.tree[uris.CHASSIS] = Resource(body=lambda: _chassis(bmc))


def _chassis(bmc: Bmc) -> Json:
    spec = bmc.spec
    return resource(
        uris.CHASSIS,
        "Chassis.v1_25_1",
        f"Chassis of {spec.name}",
        ChassisType="RackMount",
        Manufacturer=spec.vendor,
        Model=spec.model,
        SerialNumber=spec.serial,
        PowerState="Off" if bmc.machine.power is Power.OFF else "On",
        Status=OK,
        Links={
            "ComputerSystems": links([uris.SYSTEM]),
            "ManagedBy": links([uris.MANAGER]),
            "ManagersInChassis": links([uris.MANAGER]),
            "Drives": links([f"{uris.SYSTEM}/Storage/{number}/Drives/1" for number in (1, 2)]),
        },
    )

"""The standard personality: what a BMC serves that follows Redfish to the letter.

Each module here plants one part of the tree. Another personality is another such package (or one
function that plants this tree and then changes what its vendor does differently).
"""

from __future__ import annotations

from provision.sim.bmc import Bmc
from provision.sim.standard import (
    accounts,
    bios,
    chassis,
    hardware,
    logs,
    manager,
    media,
    registries,
    root,
    sessions,
    system,
    update,
)


def plant(bmc: Bmc) -> None:
    """Fill the BMC's tree."""
    for part in (
        root,
        sessions,
        accounts,
        system,
        bios,
        hardware,
        media,
        manager,
        chassis,
        registries,
        update,
        logs,
    ):
        part.plant(bmc)

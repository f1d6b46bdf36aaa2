"""A simulated server of each personality, and how to reach it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from provision.bmc.client import Access, Bmc, Tls, connect
from provision.sim import personalities
from provision.sim.rack import SimServer, running
from provision.sim.spec import ServerSpec

#: Personalities with several machines, and the one that is meant.
NODES = {"hpe-cray-ex": "/redfish/v1/Systems/Node0"}


@contextlib.asynccontextmanager
async def reached(
    name: str, directory: Path, *, powered_on: bool = False, scale: float = 0.01
) -> AsyncIterator[tuple[SimServer, Bmc]]:
    """Yield a simulated server with a personality, and a connection to its BMC."""
    spec = personalities.dressed(ServerSpec(name="u01", serial="S1", powered_on=powered_on), name)
    async with running([spec], scale=scale, directory=directory) as rack:
        server = rack.servers[0]
        access = Access(
            url=server.url + NODES.get(name, ""),
            user=server.user,
            password=server.password,
            tls=Tls.CA,
            ca_file=server.ca_file,
            timeout=5.0,
        )
        async with connect(access) as bmc:
            yield server, bmc

"""One simulated BMC with a personality, asked in its own spelling by following links."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from provision.sim import SimServer, personalities, running
from tests.sim.client import Answer, Client, client

ROOT = "/redfish/v1"


class Person(Client):
    """A client that knows where this BMC keeps its things."""

    system: str
    manager: str

    async def find(self) -> None:
        """Follow the root's collections to the first system and manager."""
        self.system = await self._first("Systems")
        self.manager = await self._first("Managers")

    async def _first(self, collection: str) -> str:
        members = (await self.get(f"{ROOT}/{collection}"))["Members"]
        return str(members[0]["@odata.id"])

    async def link(self, uri: str, *names: str) -> str:
        """Return the link that ``names`` lead to in the body at ``uri``."""
        body = await self.get(uri)
        for name in names:
            body = body[name]
        return str(body["@odata.id"])

    async def bios(self) -> Any:
        """Return the Bios resource."""
        return await self.get(await self.link(self.system, "Bios"))

    async def settings(self) -> str:
        """Return the URI of the BIOS settings resource, as linked, or beside Bios."""
        bios = await self.bios()
        leading = bios.get("@Redfish.Settings", {}).get("SettingsObject")
        return str(leading["@odata.id"] if leading else f"{bios['@odata.id'].rstrip('/')}/SD")

    async def tag(self, uri: str) -> str:
        """Return ``@odata.etag`` of a resource, fit for If-Match."""
        return str((await self.get(uri)).get("@odata.etag", "*")).removeprefix("W/")

    async def write(self, uri: str, body: Any, *, headers: dict[str, str] | None = None) -> Answer:
        """PATCH with the resource's own ETag, as the careful do."""
        tagged = {"If-Match": await self.tag(uri)} if headers is None else headers
        return await self.ask("PATCH", uri, body, headers=tagged)

    async def act(self, uri: str, name: str, body: Any) -> Answer:
        """POST to an action that the resource offers."""
        actions = (await self.get(uri))["Actions"]
        return await self.ask("POST", actions[f"#{name}"]["target"], body)

    async def power(self, kind: str) -> Answer:
        """Reset the system."""
        return await self.act(self.system, "ComputerSystem.Reset", {"ResetType": kind})

    async def stay(self, wanted: str) -> None:
        """Wait until the system's PowerState is ``wanted``."""
        async with asyncio.timeout(10):
            while (await self.get(self.system))["PowerState"] != wanted:
                await asyncio.sleep(0.01)

    async def boot_once(self) -> None:
        """Switch on and wait until the firmware has found nothing to boot."""
        seen = len(self.server.console())
        on = (await self.get(self.system))["PowerState"] == "On"
        assert (await self.power("ForceRestart" if on else "On")).status == 204
        async with asyncio.timeout(10):
            while "No bootable device" not in self.server.console()[seen:]:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def person(name: str, *, scale: float = 0, licensed: bool = True) -> AsyncIterator[Person]:
    """Run one BMC with the personality ``name``."""
    specs = personalities.specs([(name, 1)], licensed=licensed)
    async with running(specs, scale=scale) as rack:
        server: SimServer = rack.servers[0]
        async with client(server) as plain:
            one = Person(server, plain.http)
            await one.find()
            yield one

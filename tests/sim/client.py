"""A bare HTTP client for the simulator: it shows what went over the wire and decides nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from provision.sim import SimServer

SYSTEM = "/redfish/v1/Systems/1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
SETTINGS = f"{SYSTEM}/Bios/Settings"
SESSIONS = "/redfish/v1/SessionService/Sessions"
CD = "/redfish/v1/Managers/BMC/VirtualMedia/CD1"
USB = "/redfish/v1/Managers/BMC/VirtualMedia/USB1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply, read to its end."""

    status: int
    headers: Any
    body: Any

    @property
    def message(self) -> str:
        """The message id of an error, without its registry."""
        return str(self.body["error"]["code"]).rsplit(".", 1)[-1]


class Client:
    """Sends requests to one BMC; with credentials unless told otherwise."""

    def __init__(self, server: SimServer, http: aiohttp.ClientSession) -> None:
        self.server, self.http = server, http
        self.login = aiohttp.encode_basic_auth(server.user, server.password.reveal())

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        anonymous: bool = False,
    ) -> Answer:
        """Send one request."""
        login = {} if anonymous else {"Authorization": self.login}
        async with self.http.request(
            method, self.server.url + path, json=body, headers=login | (headers or {})
        ) as reply:
            is_json = reply.content_type == "application/json"
            content = await (reply.json() if is_json else reply.text())
            return Answer(status=reply.status, headers=reply.headers, body=content)

    async def get(self, path: str) -> Any:
        """Return the body at ``path``."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, (path, answer)
        return answer.body

    async def patch(self, path: str, body: Any) -> Answer:
        """PATCH, and expect it to be accepted."""
        answer = await self.ask("PATCH", path, body)
        assert answer.status == 200, (path, answer.body)
        return answer

    async def boot(self, **settings: Any) -> Answer:
        """PATCH the system's Boot object; names go without their long prefix."""
        names = {"target": "Target", "enabled": "Enabled", "mode": "Mode"}
        wanted = {
            f"BootSourceOverride{names[key]}" if key in names else key: value
            for key, value in settings.items()
        }
        return await self.ask("PATCH", SYSTEM, {"Boot": wanted})

    async def reset(self, kind: str) -> int:
        """Ask for a reset; return the status."""
        return (await self.ask("POST", RESET, {"ResetType": kind})).status

    async def until(self, *texts: str) -> str:
        """Wait for texts on the console; return all of it."""
        async with asyncio.timeout(10):
            while not all(text in self.server.console() for text in texts):
                await asyncio.sleep(0.01)
        return self.server.console()

    async def state(self, wanted: str) -> None:
        """Wait for a power state, as the BMC tells it."""
        async with asyncio.timeout(10):
            while (await self.get(SYSTEM))["PowerState"] != wanted:
                await asyncio.sleep(0.01)

    async def boots(self) -> str:
        """Power on (or restart), wait for the end of the boot; return what this boot showed."""
        seen = len(self.server.console())
        running = (await self.get(SYSTEM))["PowerState"] == "On"
        assert await self.reset("ForceRestart" if running else "On") == 204
        async with asyncio.timeout(10):
            while not _ended(self.server.console()[seen:]):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.02)
        return self.server.console()[seen:]


def _ended(text: str) -> bool:
    return any(end in text for end in ("No bootable device", "unknown operating", "END", "setup"))


@asynccontextmanager
async def client(server: SimServer) -> AsyncIterator[Client]:
    """Yield a client that trusts the rack's CA and nothing else."""
    context = ssl.create_default_context(cafile=server.ca_file)
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as http:
        yield Client(server, http)
    await asyncio.sleep(0)


def image(script: str = "", *, signature: bool = True) -> bytes:
    """Return a small disk image with a boot script that shows END last."""
    head = bytearray(4096)
    if signature:
        head[510:512] = b"\x55\xaa"
    if script:
        head += b"BAREIRON-SIM-BOOT\n" + script.encode() + b"\nEND\n\0 not part of it"
    return bytes(head)

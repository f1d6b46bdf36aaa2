"""One BMC as we use it: its resources, its computer system, its collections, its platform."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from hwprofiles import platforms
from hwprofiles.platforms import Platform
from provision.bmc import address as addresses
from provision.bmc.address import Address
from provision.bmc.errors import UNTOLD, BadReply, SeveralSystems
from provision.bmc.expanding import Expanding
from provision.bmc.replies import JsonObject, Reply
from provision.bmc.trust import Identity
from provision.bmc.values import at, serial, text
from provision.core.text import clean

_log = logging.getLogger(__name__)

T = TypeVar("T")


#: Told, once, which system (its path) with which serial number this BMC serves.
Meeting = Callable[[str, str], Awaitable[None]]


async def _nobody(_system: str, _serial: str) -> None:
    """Nobody wants to know."""


class Requests(Protocol):
    """What a ``Bmc`` needs of the wire below it."""

    async def read(self, path: str) -> Reply:
        """Read a resource."""

    async def change(self, path: str, body: JsonObject) -> Reply:
        """Change a resource."""

    async def ask(self, path: str, body: JsonObject) -> Reply:
        """Ask for an action, once."""

    async def push(self, path: str, form: Any, seconds: float) -> Reply:
        """Send an upload, once."""

    async def remove(self, path: str) -> Reply:
        """Delete a resource."""

    @property
    def session(self) -> str:
        """The path of our own session."""

    @property
    def password_due(self) -> JsonObject | None:
        """What the BMC said of a password that has to be changed first."""


class Bmc:
    """A BMC we are logged in to."""

    def __init__(  # noqa: PLR0913 - each is one property of a connection
        self,
        *,
        wire: Requests,
        address: Address,
        root: JsonObject,
        tls: Identity | None = None,
        recording: str = "",
        meet: Meeting = _nobody,
    ) -> None:
        self._wire = wire
        #: Whether this is a recording, read from a file: what is staged now, it cannot tell.
        self.recorded = bool(recording)
        self.address = address
        self.root = root
        #: ``host:port``, or the file a recording came from; for messages.
        self.name = recording or address.authority
        #: How its identity was established, as records print it; None for a recording.
        self.tls = tls.as_dict() if tls else None
        self.platform: Platform = platforms.match(root, {})
        #: What was read once and does not change while we are connected.
        self.kept: dict[str, JsonObject] = {}
        #: The version of the BIOS, once the computer system was read.
        self.firmware = ""
        self._system_path = ""
        self._meet, self._met = meet, False
        promised = {} if recording else root  # a recording answers what it holds, and nothing else
        self._expanding = Expanding(promised, wire.read, address.authority)

    async def recognise(self) -> None:
        """Choose the platform, once, from the service root and the manager."""
        manager: JsonObject = {}
        self.platform = platforms.match(self.root, manager)
        if self.platform.id != platforms.STANDARD and not platforms.extended(self.platform):
            return
        try:
            if paths := await self.links(link(self.root, "Managers")):
                manager = await self.get(paths[0])
        except UNTOLD as error:
            _log.info("reading the manager of %s: %s", self.name, error)
        self.platform = platforms.match(self.root, manager)

    async def get(self, path: str) -> JsonObject:
        """Return the resource at ``path``."""
        return (await self._wire.read(path)).body

    async def fetch(self, path: str) -> Reply:
        """Return the resource at ``path`` with its status and headers."""
        return await self._wire.read(path)

    async def patch(self, path: str, body: JsonObject) -> Reply:
        """Change the resource at ``path``."""
        return await self._wire.change(path, body)

    async def post(self, path: str, body: JsonObject) -> Reply:
        """Ask for the action at ``path``, once; ``OutcomeUnknown`` if no answer came."""
        return await self._wire.ask(path, body)

    async def push(self, path: str, form: Any, seconds: float) -> Reply:
        """Send the upload ``form`` to ``path``, once; ``OutcomeUnknown`` if no answer came."""
        return await self._wire.push(path, form, seconds)

    async def delete(self, path: str) -> Reply:
        """Delete the resource at ``path``."""
        return await self._wire.remove(path)

    @property
    def session(self) -> str:
        """The path of our own session; empty where there is none."""
        return self._wire.session

    @property
    def password_due(self) -> JsonObject | None:
        """What the BMC said of a password that has to be changed first; None where it need not."""
        return self._wire.password_due

    async def system(self) -> JsonObject:
        """Return the computer system: the one there is, or the one the address names."""
        if not self._system_path:
            self._system_path = await self._choose_system()
        body = await self.get(self._system_path)
        self.firmware = text(body, "BiosVersion") or ""
        if not self._met and self.tls:
            self._met = True
            await self._meet(self._system_path, serial_number(body, self.serial_names))
        return {"@odata.id": self._system_path} | body

    async def systems(self) -> list[str]:
        """Return the computer systems: of several those that can be started, if there are such."""
        paths = await self._all_systems()
        return (await self._startable(paths) or paths) if len(paths) > 1 else paths

    async def _all_systems(self) -> list[str]:
        return await self.links(link(self.root, "Systems") or f"{addresses.ROOT}/Systems")

    async def _choose_system(self) -> str:
        wanted = self.address.system
        if wanted:
            paths = await self._all_systems()
            paths = [path for path in paths if path.rstrip("/").lower() == wanted.lower()]
        else:
            paths = await self.systems()
        if len(paths) == 1:
            return paths[0]
        if wanted or not paths:
            what = f"no system {wanted}" if wanted else "it serves no computer system"
            raise BadReply(
                f"looking for the server behind {self.name}: {what}",
                hint="Check the address; a BMC without systems may be that of an enclosure.",
            )
        raise SeveralSystems(
            f"looking for the server behind {self.name}: it serves {len(paths)} "
            f"({clean(', '.join(path.rstrip('/').rpartition('/')[2] for path in paths), 120)})",
            systems=[f"{self.address.origin}{path}" for path in paths],
        )

    async def _startable(self, paths: list[str]) -> list[str]:
        """Return the systems that can be reset: a board full of GPUs is no server."""
        bodies = await together(self.get(path) for path in paths)
        return [
            path
            for path, body in zip(paths, bodies, strict=True)
            if at(body, "Actions", "#ComputerSystem.Reset") is not None
        ]

    @property
    def serial_names(self) -> tuple[str, ...]:
        """Return the properties of a system that hold its serial number, the best first."""
        return ("SKU", "SerialNumber") if self.platform.quirks.serial_in_sku else ("SerialNumber",)

    async def links(self, path: str) -> list[str]:
        """Return the paths of a collection's members, over all its pages; ``[]`` for no path."""
        return list(await self._expanding.plain(path)) if path else []

    async def listed(self, path: str) -> dict[str, JsonObject | None]:
        """Return a collection's members by path; with their bodies where one request brings all.

        The body is None where the member has to be read for itself.
        """
        return await self._expanding.members(path)

    async def members(self, path: str) -> list[JsonObject]:
        """Return a collection's members, read a few at a time; one that fails fails all."""
        listed = await self.listed(path)
        bodies = await together(self._body(each, body) for each, body in listed.items())
        return [{"@odata.id": each} | body for each, body in zip(listed, bodies, strict=True)]

    async def _body(self, path: str, body: JsonObject | None) -> JsonObject:
        return await self.get(path) if body is None else body


def serial_number(system: JsonObject, names: Iterable[str]) -> str:
    """Return the serial number of a computer system, or nothing where it has none."""
    return next((found for name in names if (found := serial(system, name))), "")


def link(resource: JsonObject, *names: str) -> str:
    """Return the path that ``resource`` links to under ``names``, or an empty string."""
    target = at(resource, *names, "@odata.id")
    return target if isinstance(target, str) else ""


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what ``work`` returns, in order; the first error ends the rest and is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise

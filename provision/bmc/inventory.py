"""What a server is, as its BMC tells it: facts with their source, and nothing that is not told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from hwprofiles.facts import FactBook
from provision.bmc import bios, hardware, virtual_media
from provision.bmc.errors import BmcError, Busy, Forbidden, NotSupported
from provision.bmc.hardware import Book, Part
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link, together
from provision.bmc.values import links, text

_log = logging.getLogger(__name__)
T = TypeVar("T")

#: What one resource may refuse without spoiling the rest: its facts are unknown then.
_UNTOLD = (BmcError, Busy, Forbidden)


async def read_facts(bmc: Bmc) -> FactBook:
    """Return what the BMC tells of its server.

    Only members of collections count: other resources may call themselves processor or system and
    be none. What cannot be read, or makes no sense, gives no fact.
    """
    system = await bmc.system()
    told = await _read_parts(bmc, system)
    book = Book(power_state=text(system, "PowerState") or "")
    hardware.system(book, system)
    hardware.processors(book, system, told["Processors"])
    hardware.memory(book, system, told["Memory"])
    hardware.secure_boot(book, told["SecureBoot"])
    hardware.boot_mode(book, system, told["Bios"], told["SecureBoot"])
    hardware.network(book, told["EthernetInterfaces"])
    hardware.storage(book, told["Drives"], told["SimpleStorage"])
    hardware.switches(book, told["Bios"], told["settings"])
    if told["slots"] is not None:
        hardware.media(book, told["slots"])
    return book.facts


async def _read_parts(bmc: Bmc, system: JsonObject) -> dict[str, Any]:
    """Read everything that does not depend on one another at once; the client limits how fast."""
    work = {
        **{name: _collection(bmc, link(system, name)) for name in _COLLECTIONS},
        "SecureBoot": _single(bmc, link(system, "SecureBoot")),
        "Bios": _single(bmc, link(system, "Bios")),
        "Drives": _drives(bmc, link(system, "Storage")),
        "slots": _told(bmc, virtual_media.slots(bmc, system), "virtual media"),
    }
    parts: dict[str, Any] = dict(zip(work, await together(work.values()), strict=True))
    found = parts["Bios"].first
    parts["settings"] = await _told(bmc, bios.settings(bmc, found), "BIOS") if found else None
    return parts


_COLLECTIONS = ("Processors", "Memory", "EthernetInterfaces", "SimpleStorage")


async def _single(bmc: Bmc, path: str) -> Part:
    return await _each(bmc, path, [path] if path else [])


async def _collection(bmc: Bmc, path: str) -> Part:
    if not path:
        return Part(path="", complete=False)
    members = await _told(bmc, bmc.links(path), path)
    if members is None:
        return Part(path=path, complete=False)
    return await _each(bmc, path, members)


async def _drives(bmc: Bmc, path: str) -> Part:
    controllers = await _collection(bmc, path)
    paths = [each for body in controllers.bodies for each in links(body, "Drives")]
    return await _each(bmc, path, dict.fromkeys(paths))


async def _each(bmc: Bmc, path: str, members: Iterable[str]) -> Part:
    members = list(members)
    bodies = await together(_told(bmc, bmc.get(each), each) for each in members)
    found = tuple(
        {"@odata.id": each} | body
        for each, body in zip(members, bodies, strict=True)
        if body is not None
    )
    return Part(path=path, bodies=found, complete=len(found) == len(members))


async def _told(bmc: Bmc, work: Awaitable[T], what: str) -> T | None:
    """Return what ``work`` returns; None where the BMC would not tell, which the log says."""
    try:
        return await work
    except NotSupported as error:
        _log.info("%s: no facts from %s: %s", bmc.name, what, error)
    except _UNTOLD as error:
        _log.warning("%s: no facts from %s: %s", bmc.name, what, error)
    return None

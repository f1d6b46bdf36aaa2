"""What a server is, as its BMC tells it: facts with their source, and nothing that is not told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from hwprofiles.deriving import complete
from hwprofiles.facts import FactBook
from hwprofiles.platforms import Setting, SettingWord
from provision.bmc import bios, devices, hardware, virtual_media
from provision.bmc.errors import UNTOLD
from provision.bmc.hardware import NOTHING, Book, Part
from provision.bmc.memory import memory
from provision.bmc.processors import processors
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link, together
from provision.bmc.values import links, text
from provision.bmc.virtual_media import Slot

_log = logging.getLogger(__name__)
T = TypeVar("T")

#: What facts are told of: worth the reading of a large registry, where the platform knows no name.
_TOLD: Final[tuple[SettingWord, ...]] = ("virtualization", "iommu", "sriov")


#: What can be read of a server beside its computer system, by the names Redfish gives them.
PARTS: Final = frozenset(
    {
        *("Processors", "Memory", "EthernetInterfaces", "SimpleStorage", "Storage"),
        *("SecureBoot", "Bios", "VirtualMedia"),
    }
)
#: Of those, what says whether hypervisors run on it.
VIRTUALIZATION: Final = frozenset({"Processors", "Memory", "SecureBoot", "Bios"})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What was read of one server, beside the system itself."""

    processors: Part = NOTHING
    memory: Part = NOTHING
    ports: Part = NOTHING
    drives: Part = NOTHING
    simple_storage: Part = NOTHING
    secure_boot: Part = NOTHING
    bios: Part = NOTHING
    serial_names: tuple[str, ...] = ("SerialNumber",)
    slots: list[Slot] = field(default_factory=list)
    settings: Mapping[str, Setting] = field(default_factory=dict)
    #: Settings that have no switch on this machine, and why.
    fixed: Mapping[str, str] = field(default_factory=dict)


async def read_facts(bmc: Bmc, about: Iterable[str] = PARTS) -> FactBook:
    """Return what the BMC tells of its server: all of it, or ``about`` some parts alone.

    Parts are named as in ``PARTS``; what belongs to the others is not read and not told. Only
    members of collections count: other resources may call themselves processor or system and
    be none. What cannot be read, or makes no sense, gives no fact.
    """
    system = await bmc.system()
    facts = learn(system, await _read_parts(bmc, system, frozenset(about)))
    if not facts:
        _log.warning("%s tells nothing of its server; -v says why", bmc.name)
    return facts


def learn(system: JsonObject, parts: Parts) -> FactBook:
    """Return the facts in what was read; pure, and prepared for any body."""
    book = Book(power_state=text(system, "PowerState") or "")
    hardware.system(book, system, parts.serial_names)
    processors(book, system, parts.processors)
    memory(book, system, parts.memory)
    hardware.secure_boot(book, parts.secure_boot, parts.bios, parts.settings)
    hardware.boot_mode(book, system, parts.bios, parts.secure_boot)
    devices.network(book, parts.ports)
    devices.storage(book, parts.drives, parts.simple_storage)
    hardware.switches(book, parts.bios, parts.settings, parts.fixed)
    hardware.media(book, parts.slots)
    complete(book.facts)
    return book.facts


async def _read_parts(bmc: Bmc, system: JsonObject, about: frozenset[str]) -> Parts:
    """Read everything that does not depend on one another at once; the client limits how fast."""

    def place(name: str) -> str:
        return link(system, name) if name in about else ""

    collections = ("Processors", "Memory", "EthernetInterfaces", "SimpleStorage")
    cpus, dimms, ports, simple, secure, bios_, drives = await together(
        [
            *(_collection(bmc, place(name)) for name in collections),
            _single(bmc, place("SecureBoot")),
            _single(bmc, place("Bios")),
            _drives(bmc, place("Storage")),
        ]
    )
    found = bios_.first
    return Parts(
        processors=cpus,
        memory=dimms,
        ports=ports,
        simple_storage=simple,
        secure_boot=secure,
        bios=bios_,
        drives=drives,
        serial_names=bmc.serial_names,
        slots=await _slots(bmc, system) if "VirtualMedia" in about else [],
        settings=(await _told(bios.settings(bmc, found, _TOLD)) if found else None) or {},
        fixed=bios.fixed(bmc, found) if found else {},
    )


async def _slots(bmc: Bmc, system: JsonObject) -> list[Slot]:
    return await _told(virtual_media.slots(bmc, system)) or []


async def _single(bmc: Bmc, path: str) -> Part:
    return await _each(bmc, path, {path: None} if path else {})


async def _collection(bmc: Bmc, path: str) -> Part:
    if not path:
        return NOTHING
    members = await _told(bmc.listed(path))
    if members is None:
        return Part(path=path, complete=False)
    return await _each(bmc, path, members)


async def _drives(bmc: Bmc, path: str) -> Part:
    controllers = await _collection(bmc, path)
    paths = [each for body in controllers.bodies for each in links(body, "Drives")]
    return await _each(bmc, path, dict.fromkeys(paths))


async def _each(bmc: Bmc, path: str, members: Mapping[str, JsonObject | None]) -> Part:
    bodies = await together(_body(bmc, each, body) for each, body in members.items())
    found = tuple(
        {"@odata.id": each} | body
        for each, body in zip(members, bodies, strict=True)
        if body is not None
    )
    return Part(path=path, bodies=found, complete=len(found) == len(members))


async def _body(bmc: Bmc, path: str, body: JsonObject | None) -> JsonObject | None:
    """Return what came along with its collection, or read it."""
    return body if body is not None else await _told(bmc.get(path))


async def _told(work: Awaitable[T]) -> T | None:
    """Return what ``work`` returns; None where the BMC would not tell, which the log says."""
    try:
        return await work
    except UNTOLD as error:
        _log.info("no facts from it: %s", error)
    return None

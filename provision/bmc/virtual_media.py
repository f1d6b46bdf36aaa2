"""Virtual media: an image from a web server, shown to the host as a drive."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from provision.bmc.errors import BmcError, NotApplied, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import at, links, text, words
from provision.core.errors import ConfigError, Conflict, OutcomeUnknown
from provision.core.secrets import redact
from provision.core.text import clean

_SCHEMES = ("http", "https", "nfs", "cifs", "smb")
_LOOKS = 15
_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One virtual drive; ``image`` is what is in it, empty when nothing is."""

    path: str
    name: str
    media: tuple[str, ...]
    image: str
    inserted: bool
    write_protected: bool | None
    insert_action: str
    eject_action: str

    @property
    def takes_cd(self) -> bool:
        """Whether CD or DVD images go in; by its name where the BMC does not say."""
        if self.media:
            return "CD" in self.media or "DVD" in self.media
        return bool(re.match(r"(cd|dvd)", self.name, re.IGNORECASE))

    def as_dict(self) -> dict[str, object]:
        """Return the slot as ``--output json`` prints it."""
        return {
            "name": self.name,
            "media": list(self.media),
            "inserted": self.inserted,
            "image": self.image,
            "write_protected": self.write_protected,
            "path": self.path,
        }


async def slots(bmc: Bmc, system: JsonObject | None = None) -> list[Slot]:
    """Return the virtual drives: those of the system, else those of its manager."""
    system = system or await bmc.system()
    if path := link(system, "VirtualMedia"):
        try:
            if found := await bmc.members(path):
                return [_slot(bmc, body) for body in found]
        except NotSupported:
            pass  # linked and not there: some keep it at the manager alone
    for manager in await _managers(bmc, system):
        if path := link(await bmc.get(manager), "VirtualMedia"):
            return [_slot(bmc, body) for body in await bmc.members(path)]
    return []


async def _managers(bmc: Bmc, system: JsonObject) -> list[str]:
    return links(system, "Links", "ManagedBy") or await bmc.links(link(bmc.root, "Managers"))


def _slot(bmc: Bmc, body: JsonObject) -> Slot:
    path = str(body["@odata.id"])
    image = text(body, "Image") or ""
    inserted = body.get("Inserted")
    if not isinstance(inserted, bool):
        inserted = bool(image) and body.get("ConnectedVia") != "NotConnected"
    protected = body.get("WriteProtected")
    return Slot(
        path=path,
        name=text(body, "Id") or path.rstrip("/").rpartition("/")[2],
        media=tuple(words(body, "MediaTypes")),
        image=image if inserted else "",
        inserted=inserted,
        write_protected=protected if isinstance(protected, bool) else None,
        insert_action=str(at(body, "Actions", "#VirtualMedia.InsertMedia", "target") or ""),
        eject_action=str(at(body, "Actions", "#VirtualMedia.EjectMedia", "target") or ""),
    )


async def insert(bmc: Bmc, url: str) -> Slot:
    """Put the image at ``url`` into a virtual CD drive, unless it is in one already."""
    _check(url)
    doing = f"inserting {clean(url, 200)} at {bmc.name}"
    shown = redact(url, data=True)  # as what is read back went through it too
    drives = [slot for slot in await slots(bmc) if slot.takes_cd]
    if there := next((slot for slot in drives if slot.inserted and slot.image == shown), None):
        return there
    if drives and all(slot.inserted for slot in drives):
        held = ", ".join(f"{slot.name} holds {slot.image or 'something'}" for slot in drives)
        raise Conflict(f"{doing}: {held}", hint="Eject it first: provision media BMC eject")
    usable = [slot for slot in drives if not slot.inserted and _can_insert(bmc, slot)]
    if not usable:
        raise NotSupported(f"{doing}: it has no virtual CD drive that takes an image by URL")
    return await _into_first(bmc, usable, url, doing)


def _can_insert(bmc: Bmc, slot: Slot) -> bool:
    return bool(slot.insert_action) or bmc.platform.quirks.media_patch


async def _into_first(bmc: Bmc, usable: list[Slot], url: str, doing: str) -> Slot:
    """Try one drive after the other while they refuse; some serve only the remote console."""
    refusal: BmcError | None = None
    for slot in usable:
        unknown: OutcomeUnknown | None = None
        try:
            if slot.insert_action:
                await bmc.post(slot.insert_action, {"Image": url})
            else:
                await bmc.patch(slot.path, {"Image": url, "Inserted": True})
        except OutcomeUnknown as error:
            unknown = error
        except BmcError as error:
            refusal = refusal or error
            continue
        seen = await _look_until(bmc, slot, lambda now: now.inserted and _same(now.image, url))
        if seen:
            return seen
        raise unknown or NotApplied(
            f"{doing}: the BMC said yes, and {slot.name} is empty",
            hint="Check that the BMC can reach that address and that the server answers ranges.",
        )
    raise refusal or NotSupported(doing)


def _same(shown: str, url: str) -> bool:
    """Whether a BMC shows this image; some cut the address down to the file's name."""
    url = redact(url, data=True)
    return shown == url or (bool(shown) and url.endswith("/" + shown.rpartition("/")[2]))


def _check(url: str) -> None:
    parts = urlsplit(url)
    doing = f"inserting {clean(url, 200)}"
    if parts.scheme.lower() not in _SCHEMES or not parts.netloc:
        raise ConfigError(
            f"{doing}: it is no address the BMC could fetch from",
            hint="A BMC fetches the image itself: give an http:// or https:// URL that it reaches.",
        )
    if parts.password is not None:
        raise ConfigError(
            f"{doing.replace(parts.password, '***')}: a password in the address ends up in logs",
            hint="Serve the image where the BMC needs no password.",
        )


async def eject(bmc: Bmc, name: str = "") -> list[Slot]:
    """Take images out of the drives (of the one called ``name``); return those that held one.

    What somebody's remote console has mounted is left alone unless named.
    """
    doing = f"ejecting virtual media at {bmc.name}"
    found = await slots(bmc)
    if name:
        found = [slot for slot in found if slot.name.lower() == name.lower()]
        if not found:
            raise NotSupported(f"{doing}: it has no drive {clean(name, 40)}")
    full = [slot for slot in found if slot.inserted and (name or slot.image)]
    for slot in full:
        await _eject_one(bmc, slot, doing)
    return full


async def _eject_one(bmc: Bmc, slot: Slot, doing: str) -> None:
    unknown: OutcomeUnknown | None = None
    try:
        if slot.eject_action:
            await bmc.post(slot.eject_action, {})
        else:
            await bmc.patch(slot.path, {"Image": None, "Inserted": False})
    except OutcomeUnknown as error:
        unknown = error
    if not await _look_until(bmc, slot, lambda now: not now.inserted):
        raise unknown or NotApplied(f"{doing}: the BMC said yes, and {slot.name} still holds it")


async def _look_until(bmc: Bmc, slot: Slot, wanted: Callable[[Slot], bool]) -> Slot | None:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        now = _slot(bmc, {"@odata.id": slot.path} | await bmc.get(slot.path))
        if wanted(now):
            return now
    return None

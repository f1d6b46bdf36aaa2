"""The virtual drives of a server: where they are, what they hold, what they take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from provision.bmc.errors import UNTOLD, NotSupported
from provision.bmc.intents import Request
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import at, links, text, words

#: MediaTypes by our words for what goes in.
_MEDIA: Final = {"cd": ("CD", "DVD"), "usb": ("USBStick",)}
_NAMES: Final = {
    "cd": re.compile(r"(cd|dvd)", re.IGNORECASE),
    "usb": re.compile(r"(usb|removable)", re.IGNORECASE),
}


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One virtual drive; ``image`` is what is in it, empty when nothing is.

    ``requests`` were sent to it; or would be, as ``note`` then says.
    """

    path: str
    name: str
    media: tuple[str, ...]
    image: str
    inserted: bool
    write_protected: bool | None
    insert_action: str
    eject_action: str
    #: Where the parameters of the insert action are described; empty where they are not.
    insert_info: str = ""
    #: Whether the action is the vendor's own, told what the platform's file says.
    insert_oem: bool = False
    eject_oem: bool = False
    note: str = ""
    requests: tuple[Request, ...] = ()

    @property
    def takes_cd(self) -> bool:
        """Whether CD or DVD images go in; by its name where the BMC does not say."""
        return self.takes("cd")

    def takes(self, kind: str) -> bool:
        """Whether images of ``kind`` (cd or usb) go in."""
        if self.media:
            return any(each in self.media for each in _MEDIA[kind])
        return bool(_NAMES[kind].match(self.name))

    def as_dict(self) -> dict[str, object]:
        """Return the slot as ``--output json`` prints it."""
        return {
            "name": self.name,
            "media": list(self.media),
            "inserted": self.inserted,
            "image": self.image,
            "write_protected": self.write_protected,
            "path": self.path,
            "note": self.note,
            "requests": [each.as_dict() for each in self.requests],
        }


async def of_system(bmc: Bmc, system: JsonObject) -> list[Slot]:
    """Return the drives that the system links to: some link to a collection that is not there."""
    path = link(system, "VirtualMedia")
    try:
        return await _members(bmc, path) if path else []
    except NotSupported:
        return []


async def of_managers(bmc: Bmc, system: JsonObject) -> list[Slot]:
    """Return the drives of the first manager that has any."""
    for manager in links(system, "Links", "ManagedBy") or await _managers(bmc):
        if path := link(await bmc.get(manager), "VirtualMedia"):
            try:
                if found := await _members(bmc, path):
                    return found
            except NotSupported:
                continue
    return []


async def _managers(bmc: Bmc) -> list[str]:
    return await bmc.links(link(bmc.root, "Managers"))


async def _members(bmc: Bmc, path: str) -> list[Slot]:
    return [slot_of(bmc, body) for body in await bmc.members(path)]


async def again(bmc: Bmc, slot: Slot) -> Slot:
    """Return the drive as it is now."""
    return slot_of(bmc, {"@odata.id": slot.path} | await bmc.get(slot.path))


def slot_of(bmc: Bmc, body: JsonObject) -> Slot:
    """Return the drive that a VirtualMedia resource tells of."""
    path = str(body["@odata.id"])
    image = text(body, "Image") or ""
    inserted = body.get("Inserted")
    if not isinstance(inserted, bool):
        inserted = bool(image) and body.get("ConnectedVia") != "NotConnected"
    protected = body.get("WriteProtected")
    quirks = bmc.platform.quirks
    inserts = _target(body, "Actions", "#VirtualMedia.InsertMedia", "target")
    ejects = _target(body, "Actions", "#VirtualMedia.EjectMedia", "target")
    own_insert = _target(body, *quirks.media_insert.path) if quirks.media_insert else ""
    own_eject = _target(body, *quirks.media_eject.path) if quirks.media_eject else ""
    return Slot(
        path=path,
        name=text(body, "Id") or path.rstrip("/").rpartition("/")[2],
        media=tuple(words(body, "MediaTypes")),
        image=image if inserted else "",
        inserted=inserted,
        write_protected=protected if isinstance(protected, bool) else None,
        insert_action=inserts or own_insert,
        eject_action=ejects or own_eject,
        insert_info=_target(body, "Actions", "#VirtualMedia.InsertMedia", "@Redfish.ActionInfo"),
        insert_oem=bool(own_insert and not inserts),
        eject_oem=bool(own_eject and not ejects),
    )


def _target(body: JsonObject, *path: str) -> str:
    found = at(body, *path)
    return found if isinstance(found, str) else ""


async def parameters(bmc: Bmc, slot: Slot) -> dict[str, JsonObject]:
    """Return the parameters of the insert action by their names, where the BMC describes them."""
    if not slot.insert_info or slot.insert_oem:
        return {}
    try:
        found = (await bmc.get(slot.insert_info)).get("Parameters")
    except UNTOLD:
        return {}
    listed = found if isinstance(found, list) else []
    return {
        each["Name"]: each
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("Name"), str)
    }


def by_url(bmc: Bmc, slots: list[Slot]) -> list[Slot]:
    """Return the drives that take an image by URL on this platform, the best first."""
    patterns = bmc.platform.quirks.media_slots
    able = [each for each in slots if each.insert_action or bmc.platform.quirks.media_patch]
    if not patterns:
        return able
    ranked = [
        (rank, each)
        for each in able
        for rank in [next((n for n, p in enumerate(patterns) if re.search(p, each.name)), None)]
        if rank is not None
    ]
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0])]

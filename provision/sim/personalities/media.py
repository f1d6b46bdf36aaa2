"""Virtual media as a personality has them: which slots, where, and how they are filled."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from uuid import uuid4

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.media import Slot as Drive
from provision.sim.messages import Json, Problem, Reply
from provision.sim.personalities import bodies
from provision.sim.personalities.model import Media as Ways
from provision.sim.personalities.model import Slot
from provision.sim.standard import media, uris
from provision.sim.tree import Resource, collection, link, resource

_CONNECT = "VirtualMedia.VmmControl"
_OWNERS = {"manager": uris.MANAGER, "system": uris.SYSTEM}


def plant(bmc: Bmc, ways: Ways) -> None:
    """Put the personality's slots in place of the standard's."""
    for owner in _OWNERS.values():
        for uri in [uri for uri in bmc.tree if uri.startswith(f"{owner}/VirtualMedia")]:
            del bmc.tree[uri]
    for where, owner in _OWNERS.items():
        uri = f"{owner}/VirtualMedia"
        slots = [slot for slot in ways.slots if slot.at == where]
        if slots or where in ways.empty:
            members = [f"{uri}/{slot.id}" for slot in slots]
            bmc.tree[uri] = Resource(
                body=partial(collection, uri, "VirtualMedia", "Virtual Media", members)
            )
        for slot in slots:
            _Slot(bmc, ways, slot, f"{uri}/{slot.id}").plant()
    _link(bmc, uris.SYSTEM, _OWNERS.get(ways.system_link, ""))
    _link(bmc, uris.MANAGER, uris.MANAGER if uris.MEDIA in bmc.tree else "")


def _link(bmc: Bmc, uri: str, owner: str) -> None:
    """Make the resource at ``uri`` link to the virtual media below ``owner``, or to none."""
    found = bmc.tree[uri]
    change: Json = {"VirtualMedia": link(f"{owner}/VirtualMedia") if owner else None}
    if show := found.body:
        bmc.tree[uri] = replace(found, body=lambda: bodies.merged(show(), change))


class _Slot:
    """One slot."""

    def __init__(self, bmc: Bmc, ways: Ways, slot: Slot, uri: str) -> None:
        self.bmc, self.ways, self.slot, self.uri = bmc, ways, slot, uri
        drives = bmc.machine.slots
        own = {"cd": drives[0], "usb": drives[-1]}
        self.drive = own.get(slot.drive) or Drive(slot.id, slot.types)
        self.last = ""
        self.stale_until = 0.0

    def plant(self) -> None:
        """Plant the slot and the actions it has."""
        tree, uri = self.bmc.tree, self.uri
        tree[uri] = Resource(body=self.show, change=self.patch if self.slot.by == "patch" else None)
        if self.slot.by == "action":
            tree[f"{uri}/Actions/{media.INSERT}"] = Resource(post=self.insert)
            tree[f"{uri}/Actions/{media.EJECT}"] = Resource(post=self.eject)
        if self.slot.by == "connect":
            tree[f"{uri}/Oem/{self.slot.oem}/Actions/{_CONNECT}"] = Resource(post=self.connect)

    def show(self) -> Json:
        """Return the slot."""
        stale = time.monotonic() < self.stale_until
        body = media.show(self.uri, self.drive)
        if self.drive.image:
            self.last = self.drive.image
        body["MediaTypes"] = list(self.slot.types)
        if stale:
            body |= {"Image": self.last, "Inserted": True, "ConnectedVia": "URI"}
        elif not self.drive.inserted:
            self._empty(body)
        if self.slot.by == "connect":
            target = f"{self.uri}/Oem/{self.slot.oem}/Actions/{_CONNECT}"
            actions = {f"#{_CONNECT}": {"target": target}}
            body["Oem"] = {self.slot.oem: {"Actions": actions}}
        if self.slot.by != "action":
            del body["Actions"]
        elif self.ways.eject_offered == "inserted" and not self.drive.inserted:
            body["Actions"] = {f"#{media.INSERT}": {"target": f"{self.uri}/Actions/{media.INSERT}"}}
        return body

    def _empty(self, body: Json) -> None:
        words = {"null": None, "blank": "", "none-word": "None"}
        if self.ways.empty_image == "missing":
            del body["Image"], body["ImageName"]
        else:
            body["Image"] = words[self.ways.empty_image]
        if self.ways.keeps_image and self.last:
            body["Image"] = self.last

    async def insert(self, body: Json) -> Reply:
        """Insert by action."""
        return await media.insert(self.drive, body)

    async def eject(self, body: Json) -> Reply:
        """Eject by action."""
        if self.drive.inserted:
            self.show()  # so that it is known what was in there
            lag = self.ways.eject_lag * self.bmc.machine.timing.second
            self.stale_until = time.monotonic() + lag
        return await media.eject(self.drive, body)

    async def connect(self, body: Json) -> Reply:
        """Insert or eject by the one OEM action; the task that it makes is in the body."""
        checks.parameters(_CONNECT, body, ["VmmControlType", "Image"])
        kind = checks.parameter(_CONNECT, body, "VmmControlType", ["Connect", "Disconnect"])
        if kind == "Connect":
            await media.insert(self.drive, {"Image": body.get("Image")})
        else:
            await self.drive.eject()
        task = f"{uris.TASK_SERVICE}/Tasks/{uuid4().hex[:8]}"
        done = resource(task, "Task.v1_7_4", "VMM control", TaskState="Completed", Messages=[])
        self.bmc.tree[task] = Resource(body=lambda: done)
        return Reply(
            status=202,
            body=resource(task, "Task.v1_7_4", "VMM control", TaskState="New"),
            headers={"Location": f"{task}/Monitor"},
        )

    async def patch(self, body: Json) -> Reply:
        """Insert or eject by writing Image."""
        known = ("Image", "Inserted", "WriteProtected", "UserName", "Password", "TransferMethod")
        checks.writable(body, self.show(), known)
        image = body.get("Image")
        if self.slot.drive == "none" and image:
            raise Problem("PropertyNotWritable", "Image", related=("#/Image",))
        if image:
            wanted: Json = {key: body[key] for key in ("Image", "WriteProtected") if key in body}
            await media.insert(self.drive, wanted)
        elif "Image" in body or body.get("Inserted") is False:
            await self.drive.eject()
        return Reply(body=self.show())

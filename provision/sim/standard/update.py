"""The update service: what firmware runs, and how another one is brought in.

An image for a simulated machine is a file that begins with one line of text, such as
``bareiron-firmware BIOS 2.0.0``: the component and its version. A third word makes the task fail
(``fail``) or never end (``hang``). What follows the line does not matter; it may be of any length.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import BodyPartReader, web

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.media import MediaError, fetch
from provision.sim.messages import Json, Problem, Reply
from provision.sim.standard import uris
from provision.sim.standard.tasks import Task, TaskFailure, Tasks
from provision.sim.tree import OK, Resource, collection, link, resource

MAGIC: Final = "bareiron-firmware"
#: The largest image taken.
LARGEST: Final = 512 * 1024 * 1024
#: How long an update takes, in (scaled) seconds, and in how many steps it is told.
_SECONDS: Final = 10.0
_STEPS: Final = 5
_HEAD: Final = 256
_SIMPLE: Final = "UpdateService.SimpleUpdate"
_SIMPLE_URI: Final = f"{uris.UPDATE_SERVICE}/Actions/{_SIMPLE}"
_PUSH: Final = f"{uris.UPDATE_SERVICE}/upload"
_BARE: Final = f"{uris.UPDATE_SERVICE}/push"
_INVENTORY: Final = f"{uris.UPDATE_SERVICE}/FirmwareInventory"
_PROTOCOLS: Final = ("HTTP", "HTTPS")
_COMPONENTS: Final = {"BMC": "1.0.0", "BIOS": "SIM 1.0.0", "CPLD": "3", "PSU1": "00.14.22"}
_FIXED: Final = frozenset({"PSU1"})


def plant(bmc: Bmc) -> None:
    """Plant the service, the inventory, the ways in, and the tasks they make."""
    store = _Store(bmc)
    tree = bmc.tree
    tree[uris.UPDATE_SERVICE] = Resource(body=_service)
    tree[_SIMPLE_URI] = Resource(post=store.fetched)
    tree[_PUSH] = Resource(upload=store.pushed)
    tree[_BARE] = Resource(upload=store.bare)
    members = [f"{_INVENTORY}/{name}" for name in store.versions]
    tree[_INVENTORY] = Resource(
        body=lambda: collection(_INVENTORY, "SoftwareInventory", "Firmware Inventory", members)
    )
    for name in store.versions:
        tree[f"{_INVENTORY}/{name}"] = Resource(body=partial(store.component, name))


def _service() -> Json:
    return resource(
        uris.UPDATE_SERVICE,
        "UpdateService.v1_14_0",
        "Update Service",
        ServiceEnabled=True,
        Status=OK,
        MaxImageSizeBytes=LARGEST,
        MultipartHttpPushUri=_PUSH,
        HttpPushUri=_BARE,
        FirmwareInventory=link(_INVENTORY),
        Actions={
            f"#{_SIMPLE}": {
                "target": _SIMPLE_URI,
                **checks.allowable(_PROTOCOLS, "TransferProtocol"),
            }
        },
    )


class _Store:
    """The firmware of one machine."""

    def __init__(self, bmc: Bmc) -> None:
        self._bmc = bmc
        self._tasks = Tasks(bmc)
        self.versions = dict(_COMPONENTS)

    def component(self, name: str) -> Json:
        return resource(
            f"{_INVENTORY}/{name}",
            "SoftwareInventory.v1_10_0",
            f"{name} firmware",
            Version=self.versions[name],
            Updateable=name not in _FIXED,
            SoftwareId=f"SIM-{name}",
            Status=OK,
        )

    async def fetched(self, body: Json) -> Reply:
        known = ("ImageURI", "TransferProtocol", "Targets", "Username", "Password")
        checks.parameters(_SIMPLE, body, known)
        url = checks.parameter(_SIMPLE, body, "ImageURI")
        if "TransferProtocol" in body:
            checks.parameter(_SIMPLE, body, "TransferProtocol", _PROTOCOLS)
        targets = _targets(body)

        async def work(task: Task) -> None:
            try:
                head = await fetch(url)
            except MediaError as error:
                raise TaskFailure(f"The image could not be fetched: {error}") from error
            await self._install(task, head, targets)

        return self._tasks.start("SimpleUpdate", work)

    async def pushed(self, request: web.BaseRequest) -> Reply:
        """Take a form as it comes; what is in the file but its first line is dropped."""
        if not request.content_type.startswith("multipart/form-data"):
            raise Problem("UnrecognizedRequestBody")
        form = await request.multipart()
        head, targets = b"", None
        while (part := await form.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise Problem("UnrecognizedRequestBody")
            if part.name == "UpdateParameters":
                told = await part.json()
                targets = _targets(told if isinstance(told, dict) else {})
            elif part.name == "UpdateFile":
                count = 0
                while chunk := await part.read_chunk(65536):
                    head += chunk[: _HEAD - len(head)]
                    count += len(chunk)
                self._must_fit(count)
        if targets is None or not head:
            raise Problem("PropertyMissing", "UpdateFile" if not head else "UpdateParameters")
        chosen = targets
        return self._tasks.start("Update", lambda task: self._install(task, head, chosen))

    async def bare(self, request: web.BaseRequest) -> Reply:
        """Take a file that is the whole body."""
        head, count = b"", 0
        async for chunk in request.content.iter_any():
            head += chunk[: _HEAD - len(head)]
            count += len(chunk)
        self._must_fit(count)
        return self._tasks.start("Update", lambda task: self._install(task, head, ()))

    def _must_fit(self, count: int) -> None:
        if not 0 < count <= LARGEST:
            raise Problem("UnrecognizedRequestBody")

    async def _install(self, task: Task, head: bytes, targets: tuple[str, ...]) -> None:
        machine = self._bmc.machine
        line = head.split(b"\n", 1)[0].decode("utf-8", "replace").split()
        if len(line) < 3 or line[0] != MAGIC or line[1] not in self.versions:
            raise TaskFailure("The image is no firmware for this machine.")
        name, version, *how = line[1:]
        if targets and f"{_INVENTORY}/{name}" not in targets:
            raise TaskFailure(f"The image is for {name}, which is no target of this update.")
        for step in range(1, _STEPS + 1):
            await machine.pause(_SECONDS / _STEPS * machine.timing.second)
            task.percent = min(100 * step // _STEPS, 99)
        if "hang" in how:
            await machine.pause(3600)
        if "fail" in how:
            raise TaskFailure(f"Writing {name} failed at block 17; the old version is kept.")
        self.versions[name] = version


def _targets(body: Json) -> tuple[str, ...]:
    targets = body.get("Targets", [])
    if not isinstance(targets, list) or not all(isinstance(each, str) for each in targets):
        raise Problem("PropertyValueTypeError", targets, "Targets")
    for each in targets:
        if each.removeprefix(f"{_INVENTORY}/") not in _COMPONENTS:
            raise Problem("PropertyValueNotInList", each, "Targets")
    return tuple(targets)

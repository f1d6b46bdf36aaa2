"""Firmware of a machine: what its parts run, and what is another than before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from provision.bmc.errors import UNTOLD, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link, together
from provision.bmc.values import text
from provision.core.text import clean

#: Components that are read; the largest honest list seen has 106.
_MOST: Final = 500


@dataclass(frozen=True, kw_only=True)
class Component:
    """One piece of firmware; ``version`` is empty where the BMC does not tell it."""

    path: str
    id: str
    name: str
    version: str = ""
    updateable: bool | None = None
    software: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--output json`` prints it."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version or None,
            "updateable": self.updateable,
            "software_id": self.software or None,
            "path": self.path,
        }


async def service(bmc: Bmc) -> JsonObject:
    """Return the update service."""
    path = link(bmc.root, "UpdateService")
    if not path:
        raise NotSupported(f"reading the firmware at {bmc.name}: the BMC has no update service")
    return await bmc.get(path)


async def components(bmc: Bmc, about: JsonObject | None = None) -> list[Component]:
    """Return what the BMC lists of the machine's firmware; one it will not tell has no version."""
    about = about if about is not None else await service(bmc)
    paths = await bmc.links(link(about, "FirmwareInventory"))
    return await together(_component(bmc, path) for path in paths[:_MOST])


async def _component(bmc: Bmc, path: str) -> Component:
    name = clean(path.rstrip("/").rpartition("/")[2], 120)
    try:
        body = await bmc.get(path)
    except UNTOLD:
        return Component(path=path, id=name, name=name)
    updateable = body.get("Updateable")
    return Component(
        path=path,
        id=text(body, "Id") or name,
        name=text(body, "Name") or name,
        version=text(body, "Version") or "",
        updateable=updateable if isinstance(updateable, bool) else None,
        software=text(body, "SoftwareId") or "",
    )


@dataclass(frozen=True, kw_only=True)
class VersionChange:
    """One component whose version is another than before; empty where it was or is not there."""

    id: str
    name: str
    old: str
    new: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        return {"id": self.id, "name": self.name, "old": self.old or None, "new": self.new or None}


def changes(before: tuple[Component, ...], after: list[Component]) -> list[VersionChange]:
    """Return what is another than before.

    Some BMCs have the version in a component's id: one that went and one that came under the same
    name are the same component.
    """
    was = {each.path: each for each in before}
    gone = [each for each in before if each.path not in {now.path for now in after}]
    found = []
    for now in after:
        old = was.get(now.path)
        if old is None:
            key = (now.name, now.software)
            old = next((each for each in gone if (each.name, each.software) == key), None)
            if old is not None:
                gone.remove(old)
        if old is None or old.version != now.version:
            found.append(
                VersionChange(
                    id=now.id, name=now.name, old=old.version if old else "", new=now.version
                )
            )
    return found

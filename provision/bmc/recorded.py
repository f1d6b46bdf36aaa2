"""A recorded Redfish service, read by the code that reads a live one.

A recording is a JSON object of URI -> body, a list of bodies, a mockup directory as DMTF lays it
out (``…/index.json``), or a single ComputerSystem or Bios saved from a browser. URIs are looked up
without regard to case and to a slash at their end: BMCs spell them both ways in one answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from hwprofiles import platforms
from hwprofiles.facts import FactBook
from provision.bmc import inventory
from provision.bmc.address import ROOT, Address
from provision.bmc.errors import NotSupported, RecordingDamaged, RecordingUnknown
from provision.bmc.recorded_json import Lines, parse
from provision.bmc.replies import JsonObject, Reply
from provision.bmc.service import Bmc, link
from provision.bmc.values import at
from provision.core.errors import ProvisionError, Refused
from provision.core.text import clean

__all__ = ["Recorded", "is_redfish", "parse", "read"]

#: Resources in a recording, and computer systems.
MOST_RESOURCES: Final = 50_000
MOST_SYSTEMS: Final = 64
_SYSTEMS: Final = f"{ROOT}/Systems"
_SYSTEM: Final = re.compile(r"/redfish/v1/systems/[^/]+", re.IGNORECASE)
#: A resource that alone tells of its system, the link that leads to it, and where it lies.
_PARTS: Final = {"Bios": "Bios", "SecureBoot": "SecureBoot"}
_EXPECTED: Final = (
    "Expected is a Redfish tree (a JSON object of URI -> body), a list of bodies, a mockup "
    "directory, or one ComputerSystem or Bios resource."
)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One computer system of a recording.

    ``bmc`` answers what a live one would (BIOS settings, the registry); it refuses to be changed.
    """

    path: str
    facts: FactBook
    bmc: Bmc = field(repr=False)

    @property
    def name(self) -> str:
        """The last part of its path: ``System.Embedded.1``, ``Node0``."""
        return self.path.rstrip("/").rpartition("/")[2]


def is_redfish(body: object) -> bool:
    """Whether a JSON value looks like a recording of Redfish, or a part of one."""
    if isinstance(body, list):
        return bool(body) and all(isinstance(each, dict) and _kind(each) for each in body[:50])
    if not isinstance(body, Mapping):
        return False
    if not isinstance(body, Lines) and _kind(body):
        return True
    return any(_uri(key) for key in list(body)[:50])


async def read(tree: object, name: str) -> list[Recorded]:
    """Return the computer systems in a recording; of several those that can be started.

    ``tree`` is any JSON value. ``RecordingUnknown`` where it tells of no computer system.
    """
    name = clean(name, 120)
    doing = f"reading the recording {name}"
    recording = Recording(tree, name, doing)
    recording.complete(doing)
    bmc = recording.bmc()
    await bmc.recognise()
    paths = await bmc.systems()
    if len(paths) > MOST_SYSTEMS:
        raise RecordingDamaged(f"{doing}: it holds more than {MOST_SYSTEMS} computer systems")
    found = [await _system(recording, path) for path in paths]
    if not any(each.facts for each in found):
        raise RecordingUnknown(f"{doing}: it tells nothing of a server", hint=_EXPECTED)
    return found


async def _system(recording: Recording, path: str) -> Recorded:
    bmc = recording.bmc(path)
    await bmc.recognise()
    if not recording.has_root:
        system = recording.find(path) or {}
        bios = recording.find(link(system, "Bios")) or {}
        bmc.platform = platforms.match_any({"system": system, "bios": bios})
    return Recorded(path=path, facts=await inventory.read_facts(bmc), bmc=bmc)


class Recording:
    """The wire of a BMC that is not there: what was recorded is answered, nothing is changed."""

    def __init__(self, tree: object, name: str, doing: str) -> None:
        self._name = name
        self._bodies: dict[str, JsonObject] = {}
        #: Resources that are not parsed yet, and the names they have in it.
        self._lines = tree if isinstance(tree, Lines) else Lines({}, name)
        if len(self._lines) > MOST_RESOURCES:
            raise RecordingDamaged(f"{doing}: it holds more than {MOST_RESOURCES} resources")
        self._unread = {_key(uri): uri for uri in reversed([*self._lines])}
        if self._unread:
            found = [(uri, self.find(uri)) for uri in self._lines.mention("Members")]
            bodies = [(uri, body) for uri, body in found if body is not None]
        else:
            bodies = list(_bodies(tree, doing))
        for uri, body in bodies:
            self._bodies.setdefault(_key(uri), body)
        for _, body in [each for each in bodies if "Members" in each[1]]:
            for uri, member in _expanded(body):
                if _key(uri) not in self._unread:
                    self._bodies.setdefault(_key(uri), member)
        #: Whether the service root was recorded, or had to be made up.
        self.has_root = self.find(ROOT) is not None

    def bmc(self, system: str = "") -> Bmc:
        """Return the BMC as code for live ones uses it, for one of its systems."""
        address = Address(host="recording", system=system.rstrip("/"))
        root = self._bodies[_key(ROOT)]
        return Bmc(wire=self, address=address, root=root, recording=self._name)

    def find(self, uri: str) -> JsonObject | None:
        """Return the body at ``uri``, whatever its spelling."""
        key = _key(uri)
        if (unread := self._unread.pop(key, None)) is not None:
            body = self._lines[unread]
            if isinstance(body, dict):
                self._bodies.setdefault(key, body)
        return self._bodies.get(key)

    def _all(self) -> dict[str, JsonObject]:
        """Return every body there is, by the key of its URI."""
        for key in list(self._unread):
            self.find(key)
        return self._bodies

    def complete(self, doing: str) -> None:
        """Add the way to the systems where it was not recorded; drop members that were not."""
        if not self.has_root:
            names = ("Systems", "Managers", "Registries")
            links = {name: {"@odata.id": f"{ROOT}/{name}"} for name in names}
            self._bodies[_key(ROOT)] = {"@odata.id": ROOT} | links
        path = link(self._bodies[_key(ROOT)], "Systems") or _SYSTEMS
        listed = self.find(path)
        members = [each for each in _members(listed) if self.find(link(each))]
        members = members or [{"@odata.id": uri} for uri in self._loose_systems()]
        if not members:
            why = "none of the computer systems it lists" if listed else "no computer system"
            raise RecordingUnknown(f"{doing}: {self._kinds()}{why}", hint=_EXPECTED)
        self._bodies[_key(path)] = {"@odata.id": path, "Members": members}

    def _loose_systems(self) -> list[str]:
        """Return the systems that nothing leads to; one is made up for a Bios without a system."""
        found = [
            str(body.get("@odata.id") or uri)
            for uri, body in self._all().items()
            if _kind(body) == "ComputerSystem" and _SYSTEM.fullmatch(uri)
        ]
        if found:
            return found
        for body in list(self._bodies.values()):
            path = at(body, "@odata.id")
            part = _PARTS.get(_kind(body))
            if not (part and isinstance(path, str)):
                continue
            system, _, last = path.rstrip("/").rpartition("/")
            if last.lower() == part.lower() and _SYSTEM.fullmatch(system):
                made = self._bodies.setdefault(_key(system), {"@odata.id": system})
                made[part] = {"@odata.id": path}
                found.append(system)
        return list(dict.fromkeys(found))

    def _kinds(self) -> str:
        """Return what a recording of few resources holds, to say why it is none."""
        kinds = {kind for body in self._all().values() if (kind := _kind(body))}
        return f"it holds {', '.join(sorted(kinds)[:3])} and " if kinds else "it holds "

    async def read(self, path: str) -> Reply:
        """Answer from the recording; what was not recorded is what a BMC does not have."""
        body = self.find(path)
        if body is None:
            raise NotSupported(f"reading {clean(path, 120)} in {self._name}: it was not recorded")
        return Reply(status=200, body=body, headers={})

    async def change(self, path: str, body: JsonObject) -> Reply:
        """Refuse."""
        raise self._refused(path)

    async def ask(self, path: str, body: JsonObject) -> Reply:
        """Refuse."""
        raise self._refused(path)

    async def push(self, path: str, form: object, seconds: float) -> Reply:
        """Refuse."""
        raise self._refused(path)

    async def remove(self, path: str) -> Reply:
        """Refuse."""
        raise self._refused(path)

    @property
    def session(self) -> str:
        """Return an empty string: nobody logs in to a recording."""
        return ""

    @property
    def password_due(self) -> JsonObject | None:
        """Return None, likewise."""
        return None

    def _refused(self, path: str) -> ProvisionError:
        return Refused(
            f"changing {clean(path, 120)}: {self._name} is a recording",
            hint="Give the address of the BMC instead.",
        )


def _bodies(tree: object, doing: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield the resources of a recording by URI."""
    if isinstance(tree, dict) and (kind := _kind(tree)):
        where = {"ComputerSystem": f"{_SYSTEMS}/1", "ComputerSystemCollection": _SYSTEMS} | {
            each: f"{_SYSTEMS}/1/{part}" for each, part in _PARTS.items()
        }
        uri = tree.get("@odata.id")
        uri = uri if isinstance(uri, str) else where.get(kind, "/")
        yield uri, {"@odata.id": uri} | tree
        return
    pairs: list[tuple[object, object]] = []
    if isinstance(tree, list):
        pairs = [(at(each, "@odata.id"), each) for each in tree]
    elif isinstance(tree, Mapping):
        pairs = list(tree.items())
    found = [(uri, body) for key, body in pairs if isinstance(body, dict) and (uri := _uri(key))]
    if not found:
        raise RecordingUnknown(f"{doing}: it is JSON, and not of Redfish", hint=_EXPECTED)
    if len(found) > MOST_RESOURCES:
        raise RecordingDamaged(f"{doing}: it holds more than {MOST_RESOURCES} resources")
    yield from found


def _uri(key: object) -> str:
    """Return the path that a key of a tree stands for; nothing where it is none."""
    if not isinstance(key, str) or len(key) > 2048:
        return ""
    if key.startswith(("http://", "https://")):
        try:
            key = urlsplit(key).path
        except ValueError:
            return ""
    return key if key.startswith("/") else ""


def _key(uri: str) -> str:
    return uri.partition("#")[0].rstrip("/").lower()


def _kind(body: Mapping[str, Any]) -> str:
    """Return the schema of a resource: ``ComputerSystem`` of ``#ComputerSystem.v1_5_0.…``."""
    kind = body.get("@odata.type")
    return kind.lstrip("#").partition(".")[0] if isinstance(kind, str) else ""


def _members(body: JsonObject | None) -> list[JsonObject]:
    members = (body or {}).get("Members")
    return [each for each in members if isinstance(each, dict)] if isinstance(members, list) else []


def _expanded(body: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield the members that a collection holds in full, as ``$expand`` gives them."""
    for member in _members(body):
        uri = member.get("@odata.id")
        if len(member) > 1 and isinstance(uri, str):
            yield uri, member

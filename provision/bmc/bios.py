"""BIOS attributes: what is set, what our setting words mean on this platform, staging changes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hwprofiles.platforms import Scalar, Setting, SettingWord
from provision.bmc import changes, intents, registry, tasks
from provision.bmc.bios_values import Names
from provision.bmc.bios_wishes import WORDS, resolve, words_in
from provision.bmc.changes import Change, Obstacle
from provision.bmc.dependencies import Registry
from provision.bmc.errors import UNTOLD, BmcError, NotApplied, NotSupported
from provision.bmc.intents import Request
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import at, objects, safe, text, words
from provision.core.errors import Conflict

_LOOKS = 5
_BETWEEN_LOOKS = 1.0
#: What a BMC says that takes one change between two starts of its server.
_COMMITTED = re.compile(r"already (been )?committed|pending configuration", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class BiosPlan:
    """The one PATCH that brings settings to where they should be, and what is known of it.

    ``staged`` are changes that wait for the next boot already and are not sent again; ``others``
    wait for it too, and are none of ours.
    """

    uri: str
    body: JsonObject
    changes: tuple[Change, ...] = ()
    staged: tuple[Change, ...] = ()
    others: tuple[Change, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    follows: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    #: Our words -> the attributes that they are on this machine.
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: Whether the Bios resource itself is changed, as there is no place for staged settings.
    in_place: bool = False

    @property
    def request(self) -> Request:
        """Return what ``send`` sends."""
        return Request(method="PATCH", uri=self.uri, body=self.body)

    @property
    def waiting(self) -> tuple[Change, ...]:
        """Return everything that comes into force at the next boot once the plan is staged."""
        return (*self.staged, *self.changes)


async def resource(bmc: Bmc) -> JsonObject:
    """Return the Bios resource of the system; ``NotSupported`` where there is none."""
    path = link(await bmc.system(), "Bios")
    if not path:
        raise NotSupported(f"reading BIOS settings at {bmc.name}: this BMC does not show them")
    return {"@odata.id": path} | await _read(bmc, path)


async def _read(bmc: Bmc, path: str) -> JsonObject:
    """Return a Bios resource; attributes that are described are taken for their values."""
    body = await bmc.get(path)
    found = at(body, "Attributes")
    if bmc.platform.quirks.bios_described and isinstance(found, dict):
        values = {
            name: each.get("current_value") if isinstance(each, dict) else each
            for name, each in found.items()
        }
        return body | {"Attributes": values}
    return body


async def attributes(bmc: Bmc) -> dict[str, Scalar]:
    """Return the BIOS attributes in force, by name; those with readable values."""
    return scalars(await resource(bmc))


async def to_come(bmc: Bmc) -> dict[str, Scalar]:
    """Return the attributes as they will be after the next boot: those in force, and staged."""
    bios = await resource(bmc)
    return scalars(bios) | await _staged(bmc, pending_path(bmc, bios))


async def _staged(bmc: Bmc, uri: str) -> dict[str, Scalar]:
    """Return the staged attributes; a place that is not there while nothing waits holds none."""
    try:
        return scalars(await _read(bmc, uri))
    except NotSupported:
        return {}


async def pending(bmc: Bmc, bios: JsonObject | None = None) -> list[Change]:
    """Return what waits for the next boot; nothing where there is no place of its own for it.

    Where staged settings list only what differs, one that is listed waits, whatever the Bios
    resource says: some BMCs show it in both before the server has restarted.
    """
    bios = bios or await resource(bmc)
    here, uri = scalars(bios), pending_path(bmc, bios)
    if uri == bios["@odata.id"]:
        return []
    return _pending(here, await _staged(bmc, uri))


def _pending(here: Mapping[str, Scalar], staged: Mapping[str, Scalar]) -> list[Change]:
    few = len(staged) < len(here) / 2
    return [
        Change(attribute=name, old=None if here.get(name) == new else here.get(name), new=new)
        for name, new in staged.items()
        if few or here.get(name) != new
    ]


def scalars(bios: JsonObject) -> dict[str, Scalar]:
    """Return the attributes of a Bios resource whose values are words, numbers or booleans."""
    return {
        safe(name, 200): safe(value, 400) if isinstance(value, str) else value
        for name, value in _raw(bios).items()
    }


def _raw(bios: JsonObject) -> dict[str, Scalar]:
    """Return the same as it came: for looking up alone."""
    found = at(bios, "Attributes")
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, bool | int | str)}


async def settings(
    bmc: Bmc, bios: JsonObject | None = None, words: Sequence[SettingWord] = WORDS
) -> dict[str, Setting]:
    """Return what can be switched here, by our words: by the platform's map, else the registry.

    The registry, which is large, is read only where one of ``words`` is not in the map.
    """
    bios = bios or await resource(bmc)
    here = _raw(bios)
    found: dict[str, Setting] = {
        word: _safe(setting) for word in WORDS if (setting := bmc.platform.setting(word, here))
    }
    missing = [word for word in words if word not in found]
    if here and missing:
        entries = await registry.entries(bmc, bios)
        for word in missing:
            if setting := registry.setting(word, here, entries):
                found[word] = _safe(setting)
    return found


def _safe(setting: Setting) -> Setting:
    current = setting.current
    return replace(
        setting,
        attribute=safe(setting.attribute, 200),
        current=safe(current, 400) if isinstance(current, str) else current,
    )


def fixed(bmc: Bmc, bios: JsonObject) -> dict[str, str]:
    """Return, by our words, why some settings have no switch on this machine."""
    here = _raw(bios)
    return {word: why for word in bmc.platform.fixed if (why := bmc.platform.no_switch(word, here))}


def pending_path(bmc: Bmc, bios: JsonObject) -> str:
    """Return where changes of ``bios`` are staged; the resource itself where there is no other."""
    path = link(bios, "@Redfish.Settings", "SettingsObject")
    if not path and bmc.platform.quirks.bios_settings_sd and "@Redfish.Settings" in bios:
        path = f"{str(bios['@odata.id']).rstrip('/')}/SD"
    return path or str(bios["@odata.id"])


async def plan(bmc: Bmc, wanted: Mapping[str, Scalar], *, apply_time: str = "") -> BiosPlan:
    """Plan ``{"virtualization": "enabled"}``, or ``{"BootMode": "Uefi"}``; reads alone.

    A setting word takes ``enabled`` or ``disabled``, an attribute what its registry allows, by the
    value's name or as menus show it. What is in force is left alone, what is staged already is not
    sent again, and what a registry says of dependencies is honoured. ``apply_time`` is one of the
    BMC's SupportedApplyTimes; ``NotSupported`` where it is not.
    """
    bios = await resource(bmc)
    uri, notes = pending_path(bmc, bios), []
    here, staged = scalars(bios), {}
    try:
        staged = {} if bmc.recorded else scalars(await _read(bmc, uri))
    except UNTOLD as error:
        notes.append(f"What is staged already is not known: {error}")
    when = _apply_time(bmc, bios, apply_time)
    known = Registry(await registry.body(bmc, bios))
    words = words_in(wanted)
    found = await settings(bmc, bios, words) if words else {}
    before = here | staged
    resolved = resolve(wanted, found, fixed(bmc, bios), Names(known, before))
    open_ = {name: new for name, new in resolved.values.items() if before.get(name) != new}
    planned = changes.plan(open_, before, known)
    in_place = uri == str(bios["@odata.id"])
    ours = {*resolved.values, *(change.attribute for change in planned.changes)}
    waiting = [] if in_place else _pending(here, staged)
    return BiosPlan(
        uri=uri,
        body=_body(planned.changes, when),
        changes=planned.changes,
        staged=tuple(
            Change(attribute=name, old=here.get(name), new=new)
            for name, new in resolved.values.items()
            if name not in open_ and here.get(name) != new
        ),
        others=tuple(change for change in waiting if change.attribute not in ours),
        obstacles=(*resolved.obstacles, *planned.obstacles),
        follows=planned.follows,
        notes=(*notes, *planned.notes),
        attributes=resolved.attributes,
        in_place=in_place,
    )


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What became of a plan: whether the BMC shows it, and the job it made of it, if any.

    A job ends after the next boot. A BMC that has no place for staged settings may show the old
    ones until then: they are accepted, and to be looked at again after the boot.
    """

    seen: bool = True
    job: str = ""


async def send(bmc: Bmc, plan: BiosPlan) -> Staged:
    """Stage exactly what ``plan`` says; believed only when read back, where there is a place to.

    ``Conflict`` where an earlier change is in the way.
    """
    if not plan.changes:
        return Staged()
    doing = f"staging BIOS settings at {bmc.name}"
    try:
        sent = await intents.send(bmc, plan.request)
    except BmcError as error:
        if not _COMMITTED.search(str(error)):
            raise
        raise Conflict(
            f"{doing}: an earlier change waits for the next start ({error})",
            hint="Restart the server so that it comes into force, or delete the BMC's job.",
        ) from error
    seen = await _took(bmc, plan)
    if not seen and (sent.unknown or not plan.in_place):
        names = ", ".join(change.attribute for change in plan.changes)
        raise sent.unknown or NotApplied(f"{doing}: {names} is not among the staged settings")
    return Staged(seen=seen, job=tasks.task_of(bmc, sent.reply) if sent.reply else "")


async def stage(bmc: Bmc, wanted: Mapping[str, Scalar]) -> list[Change]:
    """Plan ``wanted`` and stage it whole or not at all; return what differed."""
    found = await plan(bmc, wanted)
    check(bmc, found)
    await send(bmc, found)
    return list(found.changes)


def check(bmc: Bmc, plan: BiosPlan) -> None:
    """Raise ``NotSupported`` for the first thing that stands in the way of ``plan``."""
    for each in plan.obstacles:
        raise NotSupported(
            f"staging BIOS settings at {bmc.name}: {each.attribute}: {each.why}", hint=each.hint
        )


async def waiting(bmc: Bmc, plan: BiosPlan) -> list[Change]:
    """Return the changes of ``plan`` that are not in force yet, or still staged.

    Where staged settings list only what differs, one that is listed is not in force, whatever the
    others say: some BMCs show it among both before the server has restarted.
    """
    bios = await resource(bmc)
    here, uri = scalars(bios), pending_path(bmc, bios)
    staged = await _staged(bmc, uri) if uri != bios["@odata.id"] else {}
    few = len(staged) < len(here) / 2
    return [
        change
        for change in plan.waiting
        if here.get(change.attribute) != change.new
        or (change.attribute in staged and (few or staged[change.attribute] != change.new))
    ]


async def said(bmc: Bmc) -> str:
    """Return what became of the last staged settings, in the BMC's own words, where it has any."""
    settings_ = at(await resource(bmc), "@Redfish.Settings")
    told = (
        text(each, "Message") or text(each, "MessageId") for each in objects(settings_, "Messages")
    )
    return " / ".join(dict.fromkeys(filter(None, told)))[:400]


def _body(planned: Sequence[Change], when: str) -> JsonObject:
    if not planned:
        return {}
    body: JsonObject = {"Attributes": {change.attribute: change.new for change in planned}}
    return body | ({"@Redfish.SettingsApplyTime": {"ApplyTime": when}} if when else {})


def _apply_time(bmc: Bmc, bios: JsonObject, asked: str) -> str:
    """Return the apply time to send: the one asked for, or what the platform insists on."""
    quirks = bmc.platform.quirks
    offered = words(bios, "@Redfish.Settings", "SupportedApplyTimes")
    if asked and quirks.bios_no_apply_time:
        offered = ["OnReset"]
    if asked and asked not in offered:
        raise NotSupported(
            f"staging BIOS settings at {bmc.name}: the BMC does not apply them {asked}",
            hint=f"It offers {', '.join(offered)}." if offered else "Leave the apply time out.",
        )
    if quirks.bios_no_apply_time:
        return ""
    return asked or ("OnReset" if quirks.bios_apply_on_reset else "")


async def _took(bmc: Bmc, plan: BiosPlan) -> bool:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        staged = scalars(await _read(bmc, plan.uri))
        if all(staged.get(change.attribute) == change.new for change in plan.changes):
            return True
    return False

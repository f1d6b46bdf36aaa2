"""BIOS attributes: what is set, what our setting words mean on this platform, staging changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from hwprofiles.platforms import Scalar, Setting, SettingWord
from provision.bmc import changes, registry
from provision.bmc.changes import Change, Obstacle
from provision.bmc.dependencies import Registry
from provision.bmc.errors import UNTOLD, NotApplied, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import at, objects, safe, text
from provision.core.errors import OutcomeUnknown

#: Every setting word.
WORDS: tuple[SettingWord, ...] = get_args(SettingWord)
_LOOKS = 5
_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True, kw_only=True)
class BiosPlan:
    """The one PATCH that brings settings to where they should be, and what is known of it.

    ``staged`` are changes that wait for the next boot already and are not sent again.
    """

    uri: str
    body: JsonObject
    changes: tuple[Change, ...] = ()
    staged: tuple[Change, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    follows: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    #: Our words -> the attributes that they are on this machine.
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def waiting(self) -> tuple[Change, ...]:
        """Return everything that comes into force at the next boot once the plan is staged."""
        return (*self.staged, *self.changes)


async def resource(bmc: Bmc) -> JsonObject:
    """Return the Bios resource of the system; ``NotSupported`` where there is none."""
    path = link(await bmc.system(), "Bios")
    if not path:
        raise NotSupported(f"reading BIOS settings at {bmc.name}: this BMC does not show them")
    return {"@odata.id": path} | await bmc.get(path)


async def attributes(bmc: Bmc) -> dict[str, Scalar]:
    """Return the BIOS attributes in force, by name; those with readable values."""
    return scalars(await resource(bmc))


async def to_come(bmc: Bmc) -> dict[str, Scalar]:
    """Return the attributes as they will be after the next boot: those in force, and staged."""
    bios = await resource(bmc)
    return scalars(bios) | scalars(await bmc.get(pending_path(bmc, bios)))


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


async def plan(bmc: Bmc, wanted: Mapping[str, str]) -> BiosPlan:
    """Plan ``{"virtualization": "enabled"}``; reads alone.

    What is in force is left alone, what is staged already is not sent again, and what a registry
    says of dependencies is honoured.
    """
    bios = await resource(bmc)
    uri, notes = pending_path(bmc, bios), []
    here, staged = scalars(bios), {}
    try:
        staged = {} if bmc.recorded else scalars(await bmc.get(uri))
    except UNTOLD as error:
        notes.append(f"What is staged already is not known: {error}")
    resolved = _resolve(wanted, await settings(bmc, bios, _words(wanted)), fixed(bmc, bios))
    known = Registry(await registry.body(bmc, bios))
    before = here | staged
    open_ = {name: new for name, new in resolved.values.items() if before.get(name) != new}
    planned = changes.plan(open_, before, known)
    return BiosPlan(
        uri=uri,
        body=_body(bmc, planned.changes),
        changes=planned.changes,
        staged=tuple(
            Change(attribute=name, old=here.get(name), new=new)
            for name, new in resolved.values.items()
            if name not in open_ and here.get(name) != new
        ),
        obstacles=(*resolved.obstacles, *planned.obstacles),
        follows=planned.follows,
        notes=(*notes, *planned.notes),
        attributes=resolved.attributes,
    )


async def send(bmc: Bmc, plan: BiosPlan) -> None:
    """Stage exactly what ``plan`` says; believed only when read back."""
    if not plan.changes:
        return
    doing = f"staging BIOS settings at {bmc.name}"
    unknown: OutcomeUnknown | None = None
    try:
        await bmc.patch(plan.uri, plan.body)
    except OutcomeUnknown as error:
        unknown = error
    if not await _took(bmc, plan):
        names = ", ".join(change.attribute for change in plan.changes)
        raise unknown or NotApplied(f"{doing}: {names} is not among the staged settings")


async def stage(bmc: Bmc, wanted: Mapping[str, str]) -> list[Change]:
    """Plan ``wanted`` and stage it whole or not at all; return what differed."""
    found = await plan(bmc, wanted)
    for each in found.obstacles:
        raise NotSupported(
            f"staging BIOS settings at {bmc.name}: {each.attribute}: {each.why}", hint=each.hint
        )
    await send(bmc, found)
    return list(found.changes)


async def waiting(bmc: Bmc, plan: BiosPlan) -> list[Change]:
    """Return the changes of ``plan`` that are not in force yet, or still staged.

    Where staged settings list only what differs, one that is listed is not in force, whatever the
    others say: some BMCs show it among both before the server has restarted.
    """
    bios = await resource(bmc)
    here, uri = scalars(bios), pending_path(bmc, bios)
    staged = scalars(await bmc.get(uri)) if uri != bios["@odata.id"] else {}
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


@dataclass(frozen=True, kw_only=True)
class _Resolved:
    """Setting words, as attributes and values of this machine."""

    values: Mapping[str, Scalar]
    attributes: Mapping[str, str]
    obstacles: tuple[Obstacle, ...]


def _resolve(
    wanted: Mapping[str, str], known: Mapping[str, Setting], fixed: Mapping[str, str]
) -> _Resolved:
    values: dict[str, Scalar] = {}
    attributes: dict[str, str] = {}
    obstacles: list[Obstacle] = []
    for word, state in wanted.items():
        setting = known.get(word)
        if setting is None:
            why = fixed.get(word) or "nobody knows which attribute it is on this server"
            obstacles.append(_obstacle(word, state, why))
            continue
        # What is so already keeps its spelling.
        new = setting.enabled if state == "enabled" else setting.disabled
        new = setting.current if setting.state == state else new
        if values.setdefault(setting.attribute, new) != new:
            why = f"the same attribute, {setting.attribute}, is wanted otherwise"
            obstacles.append(_obstacle(word, state, why))
        attributes[word] = setting.attribute
    return _Resolved(values=values, attributes=attributes, obstacles=tuple(obstacles))


def _obstacle(word: str, state: str, why: str) -> Obstacle:
    return Obstacle(attribute=word, new=state, why=why, hint=changes.by_hand(word, state))


def _words(wanted: Mapping[str, str]) -> list[SettingWord]:
    return [word for word in WORDS if word in wanted]


def _body(bmc: Bmc, planned: Sequence[Change]) -> JsonObject:
    if not planned:
        return {}
    body: JsonObject = {"Attributes": {change.attribute: change.new for change in planned}}
    if bmc.platform.quirks.bios_apply_on_reset:
        body["@Redfish.SettingsApplyTime"] = {"ApplyTime": "OnReset"}
    return body


async def _took(bmc: Bmc, plan: BiosPlan) -> bool:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        staged = scalars(await bmc.get(plan.uri))
        if all(staged.get(change.attribute) == change.new for change in plan.changes):
            return True
    return False

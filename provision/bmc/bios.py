"""BIOS attributes: what is set, what our setting words mean on this platform, staging changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from hwprofiles.platforms import Scalar, Setting, SettingWord
from provision.bmc import registry
from provision.bmc.errors import NotApplied, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import at, safe
from provision.core.errors import OutcomeUnknown

#: Every setting word.
WORDS: tuple[SettingWord, ...] = get_args(SettingWord)
_LOOKS = 5
_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """One attribute staged for the next boot."""

    attribute: str
    old: Scalar
    new: Scalar


async def resource(bmc: Bmc) -> JsonObject:
    """Return the Bios resource of the system; ``NotSupported`` where there is none."""
    path = link(await bmc.system(), "Bios")
    if not path:
        raise NotSupported(f"reading BIOS settings at {bmc.name}: this BMC does not show them")
    return {"@odata.id": path} | await bmc.get(path)


async def attributes(bmc: Bmc) -> dict[str, Scalar]:
    """Return the BIOS attributes in force, by name; those with readable values."""
    return scalars(await resource(bmc))


def scalars(bios: JsonObject) -> dict[str, Scalar]:
    """Return the attributes of a Bios resource whose values are words, numbers or booleans."""
    found = at(bios, "Attributes")
    if not isinstance(found, dict):
        return {}
    return {
        safe(name, 200): safe(value, 400) if isinstance(value, str) else value
        for name, value in found.items()
        if isinstance(value, bool | int | str)
    }


async def settings(
    bmc: Bmc, bios: JsonObject | None = None, words: Sequence[SettingWord] = WORDS
) -> dict[str, Setting]:
    """Return what can be switched here, by our words: by the platform's map, else the registry.

    The registry, which is large, is read only where one of ``words`` is not in the map.
    """
    bios = bios or await resource(bmc)
    here = scalars(bios)
    found: dict[str, Setting] = {
        word: setting for word in WORDS if (setting := bmc.platform.setting(word, here))
    }
    missing = [word for word in words if word not in found]
    if here and missing:
        entries = await registry.entries(bmc, bios)
        found |= {
            word: setting for word in missing if (setting := registry.setting(word, here, entries))
        }
    return found


def fixed(bmc: Bmc, bios: JsonObject) -> dict[str, str]:
    """Return, by our words, why some settings have no switch on this machine."""
    here = at(bios, "Attributes")
    here = here if isinstance(here, dict) else {}
    return {word: why for word in bmc.platform.fixed if (why := bmc.platform.no_switch(word, here))}


async def stage(bmc: Bmc, wanted: Mapping[str, str]) -> list[Change]:
    """Stage ``{"virtualization": "enabled"}`` for the next boot; return what differed.

    What is in force or staged already is not sent again.
    """
    bios = await resource(bmc)
    doing = f"staging BIOS settings at {bmc.name}"
    changes = _changes(doing, wanted, await settings(bmc, bios))
    pending_path = link(bios, "@Redfish.Settings", "SettingsObject") or str(bios["@odata.id"])
    staged = scalars(await bmc.get(pending_path))
    missing = [change for change in changes if staged.get(change.attribute) != change.new]
    if not missing:
        return []
    body: JsonObject = {"Attributes": {change.attribute: change.new for change in missing}}
    if bmc.platform.quirks.bios_apply_on_reset:
        body["@Redfish.SettingsApplyTime"] = {"ApplyTime": "OnReset"}
    unknown: OutcomeUnknown | None = None
    try:
        await bmc.patch(pending_path, body)
    except OutcomeUnknown as error:
        unknown = error
    if not await _took(bmc, missing, pending_path):
        names = ", ".join(change.attribute for change in missing)
        raise unknown or NotApplied(f"{doing}: {names} is not among the staged settings")
    return missing


def _changes(doing: str, wanted: Mapping[str, str], known: Mapping[str, Setting]) -> list[Change]:
    found: dict[str, Change] = {}
    for word, state in wanted.items():
        setting = known.get(word)
        if setting is None:
            raise NotSupported(
                f"{doing}: nobody knows which attribute {word} is on this server",
                hint="Set it by hand in the firmware's setup, then validate again.",
            )
        if setting.state != state:
            new = setting.enabled if state == "enabled" else setting.disabled
            found[setting.attribute] = Change(
                attribute=setting.attribute, old=setting.current, new=new
            )
    return list(found.values())


async def _took(bmc: Bmc, changes: list[Change], pending_path: str) -> bool:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        staged = scalars(await bmc.get(pending_path))
        if all(staged.get(change.attribute) == change.new for change in changes):
            return True
    return False

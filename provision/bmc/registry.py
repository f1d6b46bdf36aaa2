"""The BIOS attribute registry: what an attribute is called in the firmware's own menus."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping

from hwprofiles.platforms import Scalar, Setting, SettingWord
from provision.bmc import keeping
from provision.bmc.errors import BmcError
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import objects, text

_log = logging.getLogger(__name__)

#: Names in menus by which a setting is known beyond doubt; two that fit are a doubt.
_NAMES: dict[SettingWord, re.Pattern[str]] = {
    "virtualization": re.compile(
        r"(intel\W*r?\W*)?(processor |cpu )?virtuali[sz]ation( technology)?( \([\w -]+\))?|"
        r"svm( mode)?|(intel )?vmx|(intel )?vt-x|amd-v",
        re.IGNORECASE,
    ),
    "iommu": re.compile(
        r"iommu|(intel\W*r?\W*)?vt-?d( support)?|.*directed i/?o( \(vt-?d\))?|amd-vi|"
        r"i/o virtuali[sz]ation( technology)?( \(iommu\))?",
        re.IGNORECASE,
    ),
    "sriov": re.compile(r"(pcie? )?sr-?iov( support| global enable)?", re.IGNORECASE),
    "x2apic": re.compile(r"(processor |local )?x2apic( mode| support)?", re.IGNORECASE),
    "nx": re.compile(r"execute disable( bit)?|no-execute( memory)? protection", re.IGNORECASE),
    "uefi-boot": re.compile(r"(system )?boot mode( select)?", re.IGNORECASE),
    "secure-boot": re.compile(r"secure ?boot( setting| enable)?", re.IGNORECASE),
    "tpm": re.compile(r"tpm( state| visibility| security)?", re.IGNORECASE),
}
#: What on and off are called in menus; the boot mode has words of its own.
_SWITCH = (re.compile(r"enabled?|on", re.IGNORECASE), re.compile(r"disabled?|off", re.IGNORECASE))
_BOOT_MODE = (
    re.compile(r"uefi( mode)?", re.IGNORECASE),
    re.compile(r"(legacy|bios|legacy bios)( mode)?", re.IGNORECASE),
)


async def entries(bmc: Bmc, bios: JsonObject) -> list[JsonObject]:
    """Return the registry's attributes; none where it is not served or not found."""
    return objects(await body(bmc, bios), "RegistryEntries", "Attributes")


async def body(bmc: Bmc, bios: JsonObject) -> JsonObject:
    """Return the registry itself, read once; an empty one where it is not served or not found."""
    if "bios-registry" not in bmc.kept:
        try:
            bmc.kept["bios-registry"] = await _kept(bmc, text(bios, "AttributeRegistry") or "")
        except BmcError as error:
            _log.info("reading the BIOS attribute registry of %s: %s", bmc.name, error)
            bmc.kept["bios-registry"] = {}
    return bmc.kept["bios-registry"]


async def _kept(bmc: Bmc, name: str) -> JsonObject:
    """Return the registry called ``name`` from our disk, or from the BMC, and keep it."""
    if bmc.recorded or not (name and bmc.firmware):
        return await _read(bmc, name)
    key = keeping.Key(registry=name, bios=bmc.firmware, platform=bmc.platform.id)
    kept = await asyncio.to_thread(keeping.find, key, bmc.name)
    if kept is not None:
        return kept
    if found := await _read(bmc, name):
        await asyncio.to_thread(keeping.keep, key, bmc.name, found)
    return found


async def _read(bmc: Bmc, name: str) -> JsonObject:
    paths = await bmc.links(link(bmc.root, "Registries"))
    ids = {path: path.rstrip("/").rpartition("/")[2] for path in paths}
    fitting = [path for path in paths if name and ids[path].lower() == name.lower()]
    # What the Bios resource calls it and what the collection calls it often differ.
    fitting = fitting or [path for path in paths if ids[path].lower().startswith("biosattr")]
    for path in fitting:
        for place in objects(await bmc.get(path), "Location"):
            uri = place.get("Uri")
            if isinstance(uri, str) and (text(place, "Language") or "en").startswith("en"):
                return await bmc.get(uri)
    return {}


def setting(
    word: SettingWord, attributes: Mapping[str, Scalar], registry: list[JsonObject]
) -> Setting | None:
    """Find the switch ``word`` by its name in the menus; None in doubt."""
    fitting = [
        entry
        for entry in registry
        if isinstance(shown := entry.get("DisplayName"), str)
        and _NAMES[word].fullmatch(" ".join(shown[:200].split()))
        and isinstance(name := entry.get("AttributeName"), str)
        and name in attributes
    ]
    if len(fitting) != 1:
        return None
    name = str(fitting[0]["AttributeName"])
    labels = _BOOT_MODE if word == "uefi-boot" else _SWITCH
    return _switch(name, attributes[name], fitting[0], labels)


def _switch(
    name: str, current: Scalar, entry: JsonObject, switch: tuple[re.Pattern[str], re.Pattern[str]]
) -> Setting | None:
    """Return the switch if its values are on and off; spelt as the current value is."""
    for spelling in ("ValueName", "ValueDisplayName"):
        values = [each.get(spelling) for each in objects(entry, "Value")]
        labels = [_label(each) for each in objects(entry, "Value")]
        on, off = (
            [value for value, label in zip(values, labels, strict=True) if word.fullmatch(label)]
            for word in switch
        )
        if current in values and len(on) == 1 and len(off) == 1:
            return Setting(
                attribute=name,
                current=current,
                state="enabled"
                if current == on[0]
                else "disabled"
                if current == off[0]
                else "unknown",
                enabled=on[0] if isinstance(on[0], str | int) else str(on[0]),
                disabled=off[0] if isinstance(off[0], str | int) else str(off[0]),
            )
    return None


def _label(value: JsonObject) -> str:
    """Return what menus call a value; its name where nothing else is given."""
    return text(value, "ValueDisplayName") or text(value, "ValueName") or ""

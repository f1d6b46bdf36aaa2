"""How BMC platforms depart from the Redfish standard: one YAML file each, found by its name.

The platform is chosen once per BMC, from its service root and manager; after that, code asks it
questions and never its vendor. What a file does not say is as the file says that it ``extends``,
and in the end as ``redfish.yaml``, the standard, says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from hwprofiles import patterns
from hwprofiles.platforms.quirks import OemAction, Quirks
from hwprofiles.sources import Reference, Strict
from hwprofiles.validation import read_yaml

__all__ = [
    "STANDARD",
    "Clue",
    "OemAction",
    "Platform",
    "Quirks",
    "Scalar",
    "Setting",
    "SettingWord",
    "all_platforms",
    "match",
    "match_any",
]

SCHEMA = "bareiron.platform/1"
STANDARD = "redfish"
_FOLDER: Final = Path(__file__).parent

#: What can be switched in firmware setup, in our words; each is enabled or disabled.
SettingWord = Literal[
    "virtualization",  # VT-x, AMD-V
    "iommu",  # VT-d, AMD-Vi
    "sriov",
    "x2apic",
    "nx",  # no-execute pages
    "uefi-boot",  # disabled: legacy boot
    "secure-boot",
    "tpm",  # shown to the operating system
]
#: What a BIOS attribute can hold; integers and booleans occur beside words.
Scalar = bool | int | str


def _compiles(pattern: str) -> str:
    if told := patterns.problem(pattern):
        raise ValueError(told)
    return pattern


class Clue(Strict):
    """A property of a resource that gives the platform away.

    A BMC is recognised by its service root or manager; a recording without them, by its system or
    its BIOS. ``at`` is a dotted path; without ``matches`` its presence suffices.
    """

    where: Literal["root", "manager", "system", "bios"]
    at: str
    matches: Annotated[str, AfterValidator(_compiles)] = ""

    def holds(self, resources: Mapping[str, Mapping[str, Any]]) -> bool:
        """Tell whether the property is there and matches."""
        value: Any = resources.get(self.where, {})
        for step in self.at.split("."):
            if not isinstance(value, Mapping) or step not in value:
                return False
            value = value[step]
        if not self.matches:
            return value is not None
        return isinstance(value, str) and bool(
            re.search(self.matches, value[: patterns.LONGEST_TEXT])
        )


class Attribute(Strict):
    """A BIOS attribute, and its values for on and off.

    ``*`` in the name stands for the suffix some boards add. An attribute with several spellings of
    its values is listed once for each.
    """

    attribute: str
    enabled: Scalar
    disabled: Scalar


class Fixed(Strict):
    """A setting that has no switch on some machines of the platform, and why.

    Those machines are known by a BIOS attribute that only they have; the switch itself must be
    missing.
    """

    known_by: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A firmware switch as found on one machine."""

    attribute: str
    current: Scalar
    state: Literal["enabled", "disabled", "unknown"]
    enabled: Scalar
    disabled: Scalar


class Platform(Strict):
    """One kind of BMC."""

    schema_: Literal["bareiron.platform/1"] = Field(alias="schema")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    extends: str = STANDARD
    sources: tuple[Reference, ...] = Field(min_length=1)
    match: tuple[Clue, ...] = Field(
        default=(), description="one of these, and one of the platform that this one extends"
    )
    bios: dict[SettingWord, tuple[Attribute, ...]] = Field(default_factory=dict)
    fixed: dict[SettingWord, tuple[Fixed, ...]] = Field(default_factory=dict)
    boot_targets: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    boot_names: dict[str, tuple[Annotated[str, AfterValidator(_compiles)], ...]] = Field(
        default_factory=dict, description="device word -> patterns of names in the boot menu"
    )
    quirks: Quirks = Quirks()

    def setting(self, word: SettingWord, attributes: Mapping[str, Any]) -> Setting | None:
        """Find the switch ``word`` among a machine's BIOS attributes; None when none is known.

        The first candidate present wins. A value that is neither its on nor its off (``Auto``)
        makes the state unknown, never off.
        """
        found: Setting | None = None
        for candidate in self.bios.get(word, ()):
            for name in _named(candidate.attribute, attributes):
                here = _setting(candidate, name, attributes[name])
                if found is None or (name == found.attribute and here.state != "unknown"):
                    found = here
        return found

    def no_switch(self, word: SettingWord, attributes: Mapping[str, Any]) -> str:
        """Return why ``word`` cannot be switched on a machine with these attributes, or nothing."""
        if self.setting(word, attributes):
            return ""
        reasons = (each.because for each in self.fixed.get(word, ()) if each.known_by in attributes)
        return next(reasons, "")


def _named(pattern: str, attributes: Iterable[str]) -> list[str]:
    if "*" not in pattern:
        return [pattern] if pattern in attributes else []
    before, _, after = pattern.partition("*")
    return sorted(
        name
        for name in attributes
        if name.startswith(before) and name.endswith(after) and len(name) >= len(pattern) - 1
    )


def _setting(candidate: Attribute, name: str, current: Any) -> Setting:
    state: Literal["enabled", "disabled", "unknown"] = "unknown"
    if _same(current, candidate.enabled):
        state = "enabled"
    elif _same(current, candidate.disabled):
        state = "disabled"
    return Setting(
        attribute=name,
        current=current if isinstance(current, bool | int | str) else str(current),
        state=state,
        enabled=candidate.enabled,
        disabled=candidate.disabled,
    )


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


@cache
def all_platforms() -> Mapping[str, Platform]:
    """Return every shipped platform by its id, each completed from what it extends."""
    written = {path.stem: read_yaml(path, Platform) for path in sorted(_FOLDER.glob("*.yaml"))}
    found = {STANDARD: written[STANDARD]}

    def complete(name: str, above: tuple[str, ...] = ()) -> Platform:
        if name not in written or name in above:
            raise ValueError(f"platform {above[-1]} extends {name}, which is no other platform")
        if name not in found:
            parent = complete(written[name].extends, (*above, name))
            found[name] = _completed(written[name], parent)
        return found[name]

    return {name: complete(name) for name in written}


def _completed(platform: Platform, parent: Platform) -> Platform:
    own = {name: getattr(platform.quirks, name) for name in platform.quirks.model_fields_set}
    return platform.model_copy(
        update={
            "bios": {**parent.bios, **platform.bios},
            "fixed": {**parent.fixed, **platform.fixed},
            "boot_targets": {**parent.boot_targets, **platform.boot_targets},
            "boot_names": _more_names(platform.boot_names, parent.boot_names),
            "quirks": parent.quirks.model_copy(update=own),
        }
    )


def _more_names(
    own: Mapping[str, tuple[str, ...]], parent: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return all patterns of both: what menus say elsewhere, they say here, too."""
    return {
        word: (*own.get(word, ()), *parent.get(word, ())) for word in dict.fromkeys((*own, *parent))
    }


def extended(platform: Platform) -> bool:
    """Whether another platform extends this one, so that a machine of it may be that other."""
    return any(
        each.extends == platform.id and each is not platform for each in all_platforms().values()
    )


def match(service_root: Mapping[str, Any], manager: Mapping[str, Any]) -> Platform:
    """Return the platform these two resources give away, else the standard."""
    return match_any({"root": service_root, "manager": manager})


def match_any(resources: Mapping[str, Mapping[str, Any]]) -> Platform:
    """Return the platform that resources give away; they are named as ``Clue.where`` names them.

    The search goes from the standard to what extends it, and from there on to the next, as long as
    one has a clue that holds.
    """
    platforms = all_platforms()
    found: Platform | None = platforms[STANDARD]
    nearest = platforms[STANDARD]
    while found:
        nearest = found
        found = next(
            (
                platform
                for platform in platforms.values()
                if platform.extends == nearest.id
                and platform is not nearest
                and any(clue.holds(resources) for clue in platform.match)
            ),
            None,
        )
    return nearest

"""The boot menu of a server: its options, what each of them is, and which one is meant.

An option is what its name in the menu says, by the platform's patterns; else what its UEFI device
path leads to; else its Alias. A path that begins at a partition (``HD(1,GPT,…)``) may lie on any
disk or stick: what such an option is stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provision.bmc.errors import UNTOLD, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import at, safe, text
from provision.core.errors import ConfigError
from provision.core.text import clean

_LONGEST: Final = 1000
#: Nodes of a UEFI device path, the first that is found decides; MAC comes behind USB in some.
_PATHS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"/Uri\("), "http"),
    (re.compile(r"\bMAC\("), "pxe"),
    (re.compile(r"\bCDROM\(", re.IGNORECASE), "cd"),
    (re.compile(r"\b(USB|UsbClass|UsbWwid)\(", re.IGNORECASE), "usb"),
    (re.compile(r"/SD\("), "sd"),
    (re.compile(r"/(NVMe|S?ATA|Scsi|SAS\w*|UFS|eMMC)\(", re.IGNORECASE), "disk"),
)
_ALIASES: Final = {
    "Pxe": "pxe",
    "Hdd": "disk",
    "Cd": "cd",
    "Usb": "usb",
    "UefiHttp": "http",
    "SDCard": "sd",
}


@dataclass(frozen=True, kw_only=True)
class BootOption:
    """One option; ``kind`` is our word for what it is, empty where it cannot be told."""

    reference: str
    name: str
    path: str = ""
    kind: str = ""
    enabled: bool = True

    def as_dict(self) -> dict[str, object]:
        """Return the option as ``--output json`` prints it."""
        return {
            "reference": self.reference,
            "name": self.name,
            "kind": self.kind or None,
            "enabled": self.enabled,
            "uefi_path": self.path or None,
        }

    def __str__(self) -> str:
        return f"{self.reference} ({self.name})" if self.name != self.reference else self.name


def order_of(system: JsonObject) -> tuple[str, ...]:
    """Return the references of the boot order as they came; empty where there is none."""
    order = at(system, "Boot", "BootOrder")
    return tuple(each for each in order if isinstance(each, str)) if isinstance(order, list) else ()


async def options(bmc: Bmc, system: JsonObject) -> list[BootOption]:
    """Return the options in the boot order, and behind them those that are not in it.

    Of one that is in the order and not told of, the reference alone is known.
    """
    found: dict[str, BootOption] = {}
    if path := link(system, "Boot", "BootOptions"):
        try:
            bodies = await bmc.members(path)
        except UNTOLD:
            bodies = []
        names = bmc.platform.boot_names
        found = {each.reference: each for body in bodies if (each := _option(body, names))}
    order = order_of(system)
    listed = [found.get(each) or BootOption(reference=each, name=safe(each, 80)) for each in order]
    return listed + [each for reference, each in found.items() if reference not in order]


def _option(body: JsonObject, names: Mapping[str, Sequence[str]]) -> BootOption | None:
    reference = at(body, "BootOptionReference") or at(body, "Id")
    if not isinstance(reference, str):
        return None
    name = text(body, "DisplayName") or text(body, "Name") or safe(reference, 80)
    path = at(body, "UefiDevicePath")
    path = path if isinstance(path, str) and len(path) <= _LONGEST and path.isprintable() else ""
    return BootOption(
        reference=reference,
        name=name,
        path=path,
        kind=_kind(name, path, names) or _ALIASES.get(str(body.get("Alias")), ""),
        enabled=body.get("BootOptionEnabled") is not False,
    )


def _kind(name: str, path: str, names: Mapping[str, Sequence[str]]) -> str:
    for kind, patterns in names.items():
        if any(re.search(pattern, name) for pattern in patterns):
            return kind
    return next((kind for pattern, kind in _PATHS if pattern.search(path)), "")


def meant(menu: Sequence[BootOption], device: str, words: Sequence[str]) -> list[BootOption]:
    """Return the options that ``device`` stands for, in their order.

    It is one of our ``words`` (then all options of that kind), a reference, a name or a path.
    """
    if device in words:
        return [each for each in menu if each.kind == device and each.enabled]
    wanted = device.casefold()
    for field in ("reference", "name", "path"):
        if found := [each for each in menu if str(getattr(each, field)).casefold() == wanted]:
            return found
    return []


def known_device(menu: Sequence[BootOption], device: str, words: Sequence[str], doing: str) -> None:
    """Raise ``ConfigError`` where ``device`` is neither a word nor an option of this server."""
    if device in words or meant(menu, device, words):
        return
    listed = ", ".join(str(each) for each in menu[:12])
    raise ConfigError(
        f"{doing}: no such device word, and no boot option of that name",
        hint=f"Words are {', '.join(sorted(words))}."
        + (f" Options here: {listed}." if listed else ""),
    )


def exactly_one(found: Sequence[BootOption], device: str, doing: str) -> BootOption:
    """Return the one option there is; none and several are refused, as neither proves anything."""
    if len(found) == 1:
        return found[0]
    if found:
        raise NotSupported(
            f"{doing}: several boot options are that: {', '.join(str(each) for each in found[:8])}",
            hint="Name one of them by its reference.",
        )
    raise NotSupported(
        f"{doing}: no boot option proves to be {clean(device, 60)}",
        hint="Start the server once with it in place, so that the firmware lists it; or name an "
        "option by its reference, or set the boot order in the firmware's setup.",
    )

"""The override of the boot source, as a BMC shows it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Final

from provision.bmc.boot_writing import settings_path
from provision.bmc.errors import UNTOLD
from provision.bmc.intents import Request
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.values import at, text, words
from provision.core.text import clean

TARGET: Final = "BootSourceOverrideTarget"
ENABLED: Final = "BootSourceOverrideEnabled"
MODE: Final = "BootSourceOverrideMode"
UEFI_PATH: Final = "UefiTargetBootSourceOverride"
NEXT: Final = "BootNext"
UEFI_TARGET: Final = "UefiTarget"
UEFI_NEXT: Final = "UefiBootNext"


@dataclass(frozen=True, kw_only=True)
class BootSetting:
    """The override as the BMC shows it; ``note`` says where it is not what was asked for.

    ``option`` is the boot option it leads to, where it is one. ``requests`` were sent; or, as the
    note then says, would be.
    """

    target: str
    enabled: str
    mode: str
    allowed: tuple[str, ...]
    note: str = ""
    option: str = ""
    requests: tuple[Request, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the setting as ``--output json`` prints it."""
        return {
            "target": self.target,
            "enabled": self.enabled,
            "mode": self.mode,
            "allowed": list(self.allowed),
            "option": self.option or None,
            "note": self.note,
            "requests": [each.as_dict() for each in self.requests],
        }


def parse(system: JsonObject) -> BootSetting:
    """Return the override in the body of a system, or of its settings resource."""
    boot = at(system, "Boot")
    target = clean(at(boot, TARGET) or "", 80)  # "None" is an answer here
    leads = {UEFI_TARGET: UEFI_PATH, UEFI_NEXT: NEXT}.get(target)
    return BootSetting(
        target=target,
        enabled=text(boot, ENABLED) or "",
        mode=text(boot, MODE) or "",
        allowed=allowed_targets(boot),
        option=clean(at(boot, leads) or "", 400) if leads else "",
    )


def allowed_targets(boot: object) -> tuple[str, ...]:
    """Return the targets on offer; nothing where a BMC does not list them."""
    # The second name is from before the standard, and still in use.
    listed = words(boot, f"{TARGET}@Redfish.AllowableValues") or words(
        boot, "BootSourceOverrideSupported"
    )
    return tuple(each for each in listed if each != "None")


async def read(bmc: Bmc) -> tuple[JsonObject, BootSetting]:
    """Return the system and its override; some list the targets at the settings resource alone."""
    system = await bmc.system()
    now = parse(system)
    if not now.allowed and (path := settings_path(system)):
        with contextlib.suppress(*UNTOLD):
            now = replace(now, allowed=allowed_targets(at(await bmc.get(path), "Boot")))
    return system, now

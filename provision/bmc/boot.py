"""What a server boots from: the override of the boot source, set once or for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from provision.bmc.errors import NotApplied, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.values import at, text, words
from provision.core.errors import ConfigError, OutcomeUnknown
from provision.core.text import clean

MODES = {"uefi": "UEFI", "bios": "Legacy"}
_LOOKS = 5
_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True, kw_only=True)
class BootSetting:
    """The override as the BMC shows it; ``note`` says where it is not what was asked for."""

    target: str
    enabled: str
    mode: str
    allowed: tuple[str, ...]
    note: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the setting as ``--output json`` prints it."""
        return {
            "target": self.target,
            "enabled": self.enabled,
            "mode": self.mode,
            "allowed": list(self.allowed),
            "note": self.note,
        }


def _setting(system: JsonObject) -> BootSetting:
    boot = at(system, "Boot")
    return BootSetting(
        target=clean(at(boot, _TARGET) or "", 80),  # "None" is an answer here
        enabled=text(boot, _ENABLED) or "",
        mode=text(boot, _MODE) or "",
        allowed=tuple(
            each for each in words(boot, f"{_TARGET}@Redfish.AllowableValues") if each != "None"
        ),
    )


_TARGET = "BootSourceOverrideTarget"
_ENABLED = "BootSourceOverrideEnabled"
_MODE = "BootSourceOverrideMode"


async def boot_setting(bmc: Bmc) -> BootSetting:
    """Return what the server is told to boot from."""
    return _setting(await bmc.system())


async def set_boot(bmc: Bmc, device: str, *, once: bool, mode: str | None) -> BootSetting:
    """Boot from ``device`` at the next start (``once``) or from now on; read back and compare."""
    doing = f"setting the boot device {device} at {bmc.name}"
    system = await bmc.system()
    now = _setting(system)
    wanted = BootSetting(
        target=_target(bmc, device, now.allowed, doing),
        enabled=_enabled(bmc, system, once, doing),
        mode=_wanted_mode(system, mode, doing),
        allowed=now.allowed,
    )
    note = ""
    if once and wanted.enabled != "Once":
        note = "this BMC keeps the setting until it is changed; it cannot do it once"
    if _holds(now, wanted):
        return replace(now, note=note)
    body = {_TARGET: wanted.target, _ENABLED: wanted.enabled}
    if wanted.mode or (bmc.platform.quirks.boot_send_mode and now.mode):
        body[_MODE] = wanted.mode or now.mode
    seen = await _change(bmc, system, body, lambda after: _took(after, wanted), doing)
    if seen.enabled != wanted.enabled:
        note = f"asked for {wanted.enabled}, and the BMC made it {seen.enabled}"
    return replace(seen, note=note)


async def clear_boot(bmc: Bmc) -> BootSetting:
    """Let the server boot by its own order again."""
    doing = f"clearing the boot override at {bmc.name}"
    system = await bmc.system()
    now = _setting(system)
    if now.enabled in ("Disabled", "") or now.target == "None":
        return now
    if bmc.platform.quirks.boot_continuous_only:
        raise NotSupported(
            f"{doing}: this BMC cannot be without one",
            hint="Set the device to boot from instead: provision boot BMC set disk --persistent",
        )
    body = {_ENABLED: "Disabled"}
    if bmc.platform.quirks.boot_send_mode and now.mode:
        body[_MODE] = now.mode
    return await _change(bmc, system, body, lambda after: after.enabled == "Disabled", doing)


def _target(bmc: Bmc, device: str, allowed: tuple[str, ...], doing: str) -> str:
    targets = bmc.platform.boot_targets
    if device not in targets:
        raise ConfigError(
            f"{doing}: no such device word", hint=f"Known are {', '.join(sorted(targets))}."
        )
    for target in targets[device]:
        if target in allowed or not allowed:
            return target
    raise NotSupported(
        f"{doing}: the BMC can boot from {', '.join(allowed)}, and none of them is that",
        hint="Choose another device, or set the boot order in the firmware's setup.",
    )


def _enabled(bmc: Bmc, system: JsonObject, once: bool, doing: str) -> str:
    quirks = bmc.platform.quirks
    allowed = words(system, "Boot", f"{_ENABLED}@Redfish.AllowableValues")
    can_once = not quirks.boot_continuous_only and ("Once" in allowed or not allowed)
    can_stay = not quirks.boot_once_only and ("Continuous" in allowed or not allowed)
    if once:
        return "Once" if can_once or not can_stay else "Continuous"
    if not can_stay:
        raise NotSupported(
            f"{doing}: this BMC can only do it once",
            hint="Use --once, or set the boot order in the firmware's setup.",
        )
    return "Continuous"


def _wanted_mode(system: JsonObject, mode: str | None, doing: str) -> str:
    if mode is None:
        return ""
    allowed = words(system, "Boot", f"{_MODE}@Redfish.AllowableValues")
    if MODES[mode] not in allowed and allowed:
        raise NotSupported(f"{doing}: the BMC boots only by {', '.join(allowed)}")
    return MODES[mode]


def _holds(now: BootSetting, wanted: BootSetting) -> bool:
    same = now.target == wanted.target and now.enabled == wanted.enabled
    return same and wanted.mode in ("", now.mode)


def _took(after: BootSetting, wanted: BootSetting) -> bool:
    """Whether the override is on and leads where it should; Once may have become Continuous."""
    on = after.enabled == wanted.enabled or (
        wanted.enabled == "Once" and after.enabled == "Continuous"
    )
    return on and after.target == wanted.target and wanted.mode in ("", after.mode)


async def _change(
    bmc: Bmc,
    system: JsonObject,
    body: JsonObject,
    took: Callable[[BootSetting], bool],
    doing: str,
) -> BootSetting:
    unknown: OutcomeUnknown | None = None
    try:
        await bmc.patch(str(system["@odata.id"]), {"Boot": body})
    except OutcomeUnknown as error:
        unknown = error
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        after = await boot_setting(bmc)
        if took(after):
            return after
    raise unknown or NotApplied(
        f"{doing}: the BMC said yes, and shows {after.target or 'nothing'}, "
        f"{after.enabled or 'nothing'}, {after.mode or 'no mode'}"
    )

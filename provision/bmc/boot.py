"""What a server boots from: the override of the boot source, set once or for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provision.bmc import boot_options, boot_order
from provision.bmc.boot_options import BootOption
from provision.bmc.boot_override import (
    ENABLED,
    MODE,
    NEXT,
    TARGET,
    UEFI_NEXT,
    UEFI_PATH,
    UEFI_TARGET,
    BootSetting,
    parse,
    read,
)
from provision.bmc.boot_writing import BootChange, first_request, write
from provision.bmc.errors import NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.values import at, words
from provision.core.errors import ConfigError
from provision.core.text import clean

__all__ = ["MODES", "BootSetting", "boot_setting", "clear_boot", "set_boot"]

MODES = {"uefi": "UEFI", "bios": "Legacy"}


async def boot_setting(bmc: Bmc) -> BootSetting:
    """Return what the server is told to boot from."""
    return (await read(bmc))[1]


async def set_boot(
    bmc: Bmc, device: str, *, once: bool, mode: str | None, dry_run: bool = False
) -> BootSetting:
    """Boot from ``device`` at the next start (``once``) or from now on; read back and compare.

    ``device`` is one of our words (usb, cd, disk, pxe, http, sd, setup), or a boot option: its
    reference, name or UEFI path. Where the override cannot do what is asked for, the boot option
    that proves to be the device is used, for good by putting it first in the boot order. With
    ``dry_run`` nothing is sent. ``NotSupported`` where nothing proves to be the device.
    """
    wish = _Wish(bmc, device, once=once, doing=f"setting the boot device {device} at {bmc.name}")
    system, now = await read(bmc)
    menu = await wish.menu(system)
    wanted = await wish.override(system, now, menu)
    if wanted is None:
        return await _by_order(bmc, wish, now, dry_run=dry_run)
    wanted = replace(wanted, mode=_wanted_mode(system, mode, wish.doing), allowed=now.allowed)
    if _holds(now, wanted):
        return replace(now, note=wanted.note)
    change = _change(bmc, system, now, wanted, wish.doing)
    if dry_run:
        note = wanted.note or "nothing was sent"
        return replace(wanted, note=note, requests=(first_request(change),))
    written = await write(bmc, change)
    seen = replace(parse(written.body), allowed=now.allowed, requests=(written.request,))
    note = wanted.note
    if seen.enabled != wanted.enabled:
        note = f"asked for {wanted.enabled}, and the BMC made it {seen.enabled}"
    return replace(seen, note=note)


async def clear_boot(bmc: Bmc, *, dry_run: bool = False) -> BootSetting:
    """Let the server boot by its own order again."""
    doing = f"clearing the boot override at {bmc.name}"
    system, now = await read(bmc)
    if now.enabled in ("Disabled", "") or now.target == "None":
        return now
    if bmc.platform.quirks.boot_continuous_only:
        raise NotSupported(
            f"{doing}: this BMC cannot be without one",
            hint="Set the device to boot from instead: provision boot BMC persistent disk",
        )
    change = BootChange(
        system=system,
        variants=_clearing(bmc, now),
        in_settings=bmc.platform.quirks.boot_in_settings,
        took=lambda body: parse(body).enabled == "Disabled" or parse(body).target == "None",
        shown=_shown,
        doing=doing,
    )
    if dry_run:
        return replace(now, note="nothing was sent", requests=(first_request(change),))
    written = await write(bmc, change)
    return replace(parse(written.body), allowed=now.allowed, requests=(written.request,))


def _clearing(bmc: Bmc, now: BootSetting) -> list[JsonObject]:
    """Return the forms of clearing: some BMCs want the mode with it, some all three."""
    short: JsonObject = {ENABLED: "Disabled"}
    mode: JsonObject = {MODE: now.mode} if now.mode else {}
    whole = {TARGET: "None"} | short | mode
    if bmc.platform.quirks.boot_send_whole:
        return [whole]
    forms = [short | mode, whole] if bmc.platform.quirks.boot_send_mode else [short, short | mode]
    return forms if mode else [short]


@dataclass
class _Wish:
    """One device to boot from, and the ways that lead there."""

    bmc: Bmc
    device: str
    once: bool
    doing: str

    def __init__(self, bmc: Bmc, device: str, *, once: bool, doing: str) -> None:
        self.bmc, self.device, self.once, self.doing = bmc, device, once, doing

    @property
    def words(self) -> Sequence[str]:
        """Our words for devices."""
        return tuple(self.bmc.platform.boot_targets)

    async def menu(self, system: JsonObject) -> list[BootOption] | None:
        """Return the boot menu where the device is no word of ours, and has to be in it."""
        if self.device in self.words:
            return None
        menu = await boot_options.options(self.bmc, system)
        boot_options.known_device(menu, self.device, self.words, self.doing)
        return menu

    async def override(
        self, system: JsonObject, now: BootSetting, menu: list[BootOption] | None
    ) -> BootSetting | None:
        """Return the override that does it; None where the boot order has to."""
        quirks = self.bmc.platform.quirks
        if quirks.boot_no_override:
            if self.once:
                raise NotSupported(
                    f"{self.doing}: this BMC has no boot override",
                    hint="Set the boot order instead: provision boot BMC order DEVICE",
                )
            return None
        target = self._target(now.allowed)
        enabled, note = self._enabled(system)
        if not self.once and (not enabled or not target):
            return None
        by_option = self.once and (not target or self._better_by_option(now))
        if by_option and (found := await self._by_option(system, now, menu, bool(target))):
            return replace(found, note=note, enabled=enabled or "Once")
        if target == "Cd" and quirks.boot_cd_by_option:
            note = note or "this BMC may boot a real drive in place of the virtual one"
        return BootSetting(target=target, enabled=enabled, mode="", allowed=(), note=note)

    def _target(self, allowed: Sequence[str]) -> str:
        targets = self.bmc.platform.boot_targets.get(self.device, ())
        return next((each for each in targets if each in allowed or not allowed), "")

    def _better_by_option(self, now: BootSetting) -> bool:
        return (
            self.device == "cd"
            and self.bmc.platform.quirks.boot_cd_by_option
            and UEFI_TARGET in now.allowed
        )

    async def _by_option(
        self,
        system: JsonObject,
        now: BootSetting,
        menu: list[BootOption] | None,
        otherwise: bool,
    ) -> BootSetting | None:
        """Return the override that leads to the boot option that is the device.

        ``otherwise`` says that there is another way, so that no option is no error.
        """
        ways = (UEFI_TARGET, UEFI_NEXT)
        way = next((each for each in ways if each in now.allowed or not now.allowed), "")
        listed = (
            f"{self.doing}: the BMC can boot from {', '.join(now.allowed)}, none of them is that"
        )
        if not way:
            raise NotSupported(
                listed,
                hint="Choose another device, or set the boot order: provision boot BMC order",
            )
        menu = await boot_options.options(self.bmc, system) if menu is None else menu
        found = boot_options.meant(menu, self.device, self.words)
        if otherwise and len(found) != 1:
            return None
        if not found:
            raise NotSupported(
                f"{listed}; no boot option proves to be it",
                hint="Start the server once with it in place, so that the firmware lists it, or "
                "name a boot option by its reference.",
            )
        option = boot_options.exactly_one(found, self.device, self.doing)
        leads = option.path if way == UEFI_TARGET else option.reference
        if not leads:
            raise NotSupported(f"{self.doing}: the BMC tells no UEFI path of {option}")
        return BootSetting(target=way, enabled="", mode="", allowed=(), option=leads)

    def _enabled(self, system: JsonObject) -> tuple[str, str]:
        """Return Once or Continuous, and a note; nothing where it cannot stay."""
        quirks = self.bmc.platform.quirks
        allowed = words(system, "Boot", f"{ENABLED}@Redfish.AllowableValues")
        can_once = not quirks.boot_continuous_only and ("Once" in allowed or not allowed)
        can_stay = not quirks.boot_once_only and ("Continuous" in allowed or not allowed)
        if not self.once:
            return ("Continuous" if can_stay else ""), ""
        if can_once or not can_stay:
            return "Once", ""
        return "Continuous", (
            "this BMC keeps the setting until it is changed; it cannot do it once"
        )


async def _by_order(bmc: Bmc, wish: _Wish, now: BootSetting, *, dry_run: bool) -> BootSetting:
    """Put the device first in the boot order; what overrides it until then is told."""
    try:
        found = await boot_order.set_order(bmc, [wish.device], dry_run=dry_run, doing=wish.doing)
    except NotSupported as error:
        hint = "Set the boot order in the firmware's setup."
        if not bmc.platform.quirks.boot_no_override:
            raise NotSupported(
                f"{error}; and this BMC's override can only do it once",
                hint=f"Set it for once. {hint}",
            ) from error
        raise NotSupported(str(error), hint=hint) from error
    note = f"first in the boot order: {found.options[0]}"
    note += "; from the next start on" if found.pending else ""
    note += "; nothing was sent" if dry_run and found.requests else ""
    return replace(
        now, note=note, option=found.options[0].reference, requests=tuple(found.requests)
    )


def _wanted_mode(system: JsonObject, mode: str | None, doing: str) -> str:
    if mode is None:
        return ""
    if mode not in MODES:
        raise ConfigError(f"{doing}: no such mode as {clean(mode, 40)}", hint="uefi, or bios.")
    boot = at(system, "Boot")
    allowed = words(boot, f"{MODE}@Redfish.AllowableValues")
    if MODES[mode] not in allowed and allowed:
        raise NotSupported(f"{doing}: the BMC boots only by {', '.join(allowed)}")
    if not allowed and isinstance(boot, dict) and TARGET in boot and MODE not in boot:
        raise NotSupported(
            f"{doing}: the BMC knows no boot mode", hint="Leave --mode out; the firmware decides."
        )
    return MODES[mode]


def _holds(now: BootSetting, wanted: BootSetting) -> bool:
    same = now.target == wanted.target and now.enabled == wanted.enabled
    return same and now.option == wanted.option and wanted.mode in ("", now.mode)


def _change(
    bmc: Bmc, system: JsonObject, now: BootSetting, wanted: BootSetting, doing: str
) -> BootChange:
    quirks = bmc.platform.quirks
    short: JsonObject = {TARGET: wanted.target, ENABLED: wanted.enabled}
    if wanted.option:
        short[UEFI_PATH if wanted.target == UEFI_TARGET else NEXT] = wanted.option
    mode = wanted.mode or now.mode
    whole = short | ({MODE: mode} if mode else {})
    if wanted.mode or quirks.boot_send_mode or quirks.boot_send_whole:
        short = whole
    return BootChange(
        system=system,
        variants=[short] if short == whole else [short, whole],
        in_settings=quirks.boot_in_settings,
        took=lambda body: _took(parse(body), wanted),
        shown=_shown,
        doing=doing,
    )


def _took(after: BootSetting, wanted: BootSetting) -> bool:
    """Whether the override is on and leads where it should; Once may have become Continuous."""
    on = after.enabled == wanted.enabled or (
        wanted.enabled == "Once" and after.enabled == "Continuous"
    )
    leads = after.option == wanted.option
    return on and leads and after.target == wanted.target and wanted.mode in ("", after.mode)


def _shown(body: JsonObject) -> str:
    after = parse(body)
    return f"{after.target or 'nothing'}, {after.enabled or 'nothing'}, {after.mode or 'no mode'}"

"""Boot settings as a personality has them."""

from __future__ import annotations

from dataclasses import replace

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Problem
from provision.sim.personalities import bodies
from provision.sim.personalities.model import Boot as Ways
from provision.sim.standard import uris
from provision.sim.tree import Resource, link, resource

#: The settings resource, whatever it is called here.
SETTINGS = f"{uris.SYSTEM}/Settings"
_TARGET, _ENABLED, _MODE = (f"BootSourceOverride{word}" for word in ("Target", "Enabled", "Mode"))
_UEFI = "UefiTargetBootSourceOverride"


def plant(bmc: Bmc, ways: Ways) -> None:
    """Put the personality's Boot in place of the standard's."""
    here = _Boot(bmc, ways)
    bmc.tree[uris.SYSTEM] = _system(bmc.tree[uris.SYSTEM], here)
    if not ways.options:
        bodies.remove(bmc.tree, f"{uris.SYSTEM}/BootOptions")
    if ways.place:
        bmc.tree[SETTINGS] = Resource(body=here.settings, patch=here.patch_settings)


def _system(standard: Resource, here: _Boot) -> Resource:
    """Return the system with the personality's Boot."""
    show, patch = standard.body, standard.patch
    if show is None or patch is None:
        raise ValueError("the standard system can be read and written")
    settings = {"@odata.type": "#Settings.v1_3_5.Settings", "SettingsObject": link(SETTINGS)}
    leading: Json = {"@Redfish.Settings": settings} if here.ways.place else {}

    def system() -> Json:
        return show() | {"Boot": here.show("system"), **leading}

    def patch_system(body: Json) -> None:
        if body.keys() != {"Boot"}:
            patch({key: value for key, value in body.items() if key != "Boot"})
        if "Boot" in body:
            here.patch(checks.inner(body, "Boot"), "system")

    return replace(standard, body=system, patch=patch_system)


class _Boot:
    """The override and the order, in a vendor's words."""

    def __init__(self, bmc: Bmc, ways: Ways) -> None:
        self.ways, self.boot = ways, bmc.machine.boot
        self.word = "None"
        if ways.modes and self.boot.mode not in ways.modes:
            self.boot.mode = ways.modes[0]

    def settings(self) -> Json:
        """Return the settings resource of the system."""
        return resource(
            SETTINGS, "ComputerSystem.v1_20_1", "Pending Settings", Boot=self.show("settings")
        )

    def patch_settings(self, body: Json) -> None:
        """Write the settings resource."""
        checks.writable(body, self.settings(), ["Boot"])
        self.patch(checks.inner(body, "Boot"), "settings")

    def show(self, where: str) -> Json:
        """Return Boot as it is on the system, or on its settings resource."""
        ways, boot = self.ways, self.boot
        shown: Json = {}
        if ways.override:
            shown[_TARGET] = "None" if boot.target == "None" else self.word
            if ways.targets_listed == where:
                shown |= checks.allowable(ways.targets, _TARGET)
            shown[_ENABLED] = boot.enabled
            if ways.enabled_listed:
                shown |= checks.allowable(ways.enabled, _ENABLED)
            if ways.modes:
                shown |= {_MODE: boot.mode, **checks.allowable(ways.modes, _MODE)}
            if "UefiTarget" in ways.targets:
                shown[_UEFI] = boot.uefi_target or None
                shown |= checks.allowable([one.path for one in boot.options.values()], _UEFI)
        if ways.order != "none":
            shown["BootOrder"] = list(boot.order)
        if ways.options and where == "system":
            shown["BootOptions"] = link(f"{uris.SYSTEM}/BootOptions")
        return shown

    def patch(self, body: Json, where: str) -> None:
        """Write Boot, as far as it can be written here."""
        ways, boot = self.ways, self.boot
        checks.writable(body, self.show(where), self._open(where))
        order = self._order(body)
        word = checks.one_of(body, _TARGET, ways.targets, self.word)
        enabled = checks.one_of(
            body, _ENABLED, ways.enabled, "Disabled" if ways.forgets else boot.enabled
        )
        mode = checks.one_of(
            body, _MODE, ways.modes, ways.modes[-1] if ways.forgets and ways.modes else boot.mode
        )
        paths = [option.path for option in boot.options.values()]
        uefi = checks.one_of(body, _UEFI, paths, boot.uefi_target)
        if word == "UefiTarget" and enabled == "Continuous":
            raise Problem("PropertyValueConflict", _ENABLED, _TARGET)
        boot.order = order
        if not set(body) - {"BootOrder"}:
            return
        boot.mode, boot.uefi_target = mode, uefi
        lost = ways.loses_once and where == "settings" and enabled == "Once"
        boot.enabled = "Disabled" if lost else enabled
        # What stands for nothing must not be a word that the firmware happens to know.
        self.word, boot.target = word, ways.targets.get(word, "") or f"no {word}"
        if boot.enabled == "Disabled":
            boot.clear()

    def _open(self, where: str) -> list[str]:
        ways = self.ways
        names = ["BootOrder"] if ways.order == where else []
        if ways.override and ways.writable in (where, "both"):
            names += [_TARGET, _ENABLED, _UEFI, *([_MODE] if ways.modes else [])]
        return names

    def _order(self, body: Json) -> list[str]:
        current = self.boot.order
        order = body.get("BootOrder", current)
        if not isinstance(order, list):
            raise Problem("PropertyValueTypeError", order, "BootOrder")
        if sorted(map(str, order)) != sorted(current):
            raise Problem("PropertyValueNotInList", order, "BootOrder")
        return [str(reference) for reference in order]

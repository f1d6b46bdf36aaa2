"""Power and boot of one server: look, act on a difference, believe what is read back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from provision.bmc.boot import BootSetting, boot_setting, clear_boot, set_boot
from provision.bmc.errors import BmcError, NotApplied, NotSupported, ServerIsOff
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.values import at, objects, text, words
from provision.core.errors import (
    Conflict,
    OutcomeUnknown,
    ProvisionError,
    Unreachable,
)

__all__ = [
    "WISHES",
    "BootSetting",
    "PowerChange",
    "boot_setting",
    "clear_boot",
    "describe",
    "power_state",
    "set_boot",
    "set_power",
]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a power word means: the ResetType values that do it, best first, and how it ends."""

    types: tuple[str, ...]
    ends: str
    restarts: bool = False


WISHES = {
    "on": Wish(types=("On", "ForceOn"), ends="On"),
    "off": Wish(types=("GracefulShutdown",), ends="Off"),
    "force-off": Wish(types=("ForceOff",), ends="Off"),
    "restart": Wish(types=("GracefulRestart",), ends="On", restarts=True),
    "force-restart": Wish(types=("ForceRestart", "PowerCycle"), ends="On", restarts=True),
}
_ON_THE_WAY = {"On": "PoweringOn", "Off": "PoweringOff"}
#: A restart that leaves no trace in the state is believed after this many seconds without one.
_RESTART_LOOK = 10.0


@dataclass(frozen=True, kw_only=True)
class PowerChange:
    """What became of a wish: the states before and after, and what was sent (nothing: empty)."""

    before: str
    after: str
    sent: str = ""
    seconds: float = 0.0
    observed: bool = True

    def as_dict(self) -> dict[str, object]:
        """Return the change as ``--output json`` prints it."""
        return {
            "before": self.before,
            "after": self.after,
            "sent": self.sent,
            "seconds": round(self.seconds, 1),
            "observed": self.observed,
        }


async def power_state(bmc: Bmc) -> str:
    """Return ``On``, ``Off``, ``PoweringOn`` …, or ``Unknown`` where the BMC does not say."""
    return _state(await bmc.system())


async def describe(bmc: Bmc) -> str:
    """Return what to call the server in a question: model, serial number and address."""
    system = await bmc.system()
    serial = next((found for name in bmc.serial_names if (found := text(system, name))), None)
    words = [text(system, "Model"), f"serial {serial}" if serial else None, f"at {bmc.name}"]
    return " ".join(word for word in words if word)


def _state(system: JsonObject) -> str:
    return text(system, "PowerState") or "Unknown"


async def set_power(bmc: Bmc, wish: str, wait: float) -> PowerChange:
    """Bring the power to what ``wish`` says, with at most one request, and wait to see it.

    ``wait`` 0 asks and does not wait. ``off`` asks the operating system and never forces it.
    """
    meaning = WISHES[wish]
    doing = f"power {wish} at {bmc.name}"
    system = await bmc.system()
    before = _state(system)
    if meaning.restarts and before == "Off":
        raise ServerIsOff(f"{doing}: the server is off")
    if not meaning.restarts and before == meaning.ends:
        return PowerChange(before=before, after=before)
    watch = _Watch(bmc, meaning, system)
    if not meaning.restarts and before == _ON_THE_WAY[meaning.ends]:
        return await watch.until(wait, doing, sent="", unknown=None)
    target = at(system, "Actions", "#ComputerSystem.Reset", "target")
    if not isinstance(target, str):
        raise NotSupported(f"{doing}: the BMC offers no reset action")
    kind = await _reset_type(bmc, system, meaning, doing)
    unknown: OutcomeUnknown | None = None
    try:
        await bmc.post(target, {"ResetType": kind})
    except OutcomeUnknown as error:
        unknown = error
    except (BmcError, Conflict):
        # Some refuse what is so already; that it is so is all we want.
        if meaning.restarts or await power_state(bmc) != meaning.ends:
            raise
    return await watch.until(wait, doing, sent=kind, unknown=unknown)


async def _reset_type(bmc: Bmc, system: JsonObject, wish: Wish, doing: str) -> str:
    """Return the first ResetType of the wish that the BMC allows."""
    action = at(system, "Actions", "#ComputerSystem.Reset")
    allowed = words(action, "ResetType@Redfish.AllowableValues")
    info = at(action, "@Redfish.ActionInfo")
    if not allowed and isinstance(info, str):
        for parameter in objects(await bmc.get(info), "Parameters"):
            if parameter.get("Name") == "ResetType":
                allowed = words(parameter, "AllowableValues")
    fitting = [kind for kind in wish.types if kind in allowed or not allowed]
    if not fitting:
        raise NotSupported(
            f"{doing}: the BMC can only {', '.join(allowed)}",
            hint="Use the forced form of the word, if the loss of what runs there is acceptable.",
        )
    return fitting[0]


class _Watch:
    """Looks at the power state until a wish is seen to have come true."""

    def __init__(self, bmc: Bmc, wish: Wish, before: JsonObject) -> None:
        self._bmc = bmc
        self._wish = wish
        self._before = before
        self._left = False

    async def until(
        self, wait: float, doing: str, *, sent: str, unknown: OutcomeUnknown | None
    ) -> PowerChange:
        """Return once the wish is seen; raise when ``wait`` seconds did not show it."""
        clock = asyncio.get_running_loop().time
        began, pause = clock(), 0.2
        look = min(wait, _RESTART_LOOK) if self._wish.restarts else wait
        while True:
            now, seen = await self._look()
            seconds = clock() - began
            if seen or wait == 0 or seconds >= look:
                break
            pause = min(pause * 1.5, 2.0, max(look - seconds, 0.05))
            await asyncio.sleep(pause)
        if unknown and not seen:
            raise unknown
        if not seen and wait and not (self._wish.restarts and now == "On"):
            raise _not_seen(doing, now, seconds, self._wish)
        before = _state(self._before)
        return PowerChange(before=before, after=now, sent=sent, seconds=seconds, observed=seen)

    async def _look(self) -> tuple[str, bool]:
        """Return the state, and whether it shows the wish; a BMC out of breath shows nothing."""
        try:
            system = await self._bmc.system()
        except (BmcError, Unreachable):
            return "Unknown", False
        now = _state(system)
        if not self._wish.restarts:
            return now, now == self._wish.ends
        self._left = self._left or now not in ("On", "Unknown")
        stamp = text(system, "LastResetTime")
        anew = stamp is not None and stamp != text(self._before, "LastResetTime")
        return now, now == "On" and (self._left or anew)


def _not_seen(doing: str, now: str, seconds: float, wish: Wish) -> ProvisionError:
    graceful = wish is WISHES["off"]
    return NotApplied(
        f"{doing}: still {now} after {seconds:.0f} s",
        hint="The operating system does not obey; wait longer (--wait), or use force-off."
        if graceful
        else None,
    )

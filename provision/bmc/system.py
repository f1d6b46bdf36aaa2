"""Power and boot of one server: look, act on a difference, believe what is read back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from provision.bmc import resets
from provision.bmc.boot import boot_setting, clear_boot, set_boot
from provision.bmc.boot_override import BootSetting
from provision.bmc.errors import BmcError, NotApplied, ServerIsOff
from provision.bmc.intents import Request, Sent, send
from provision.bmc.replies import JsonObject
from provision.bmc.resets import WISHES, Wish
from provision.bmc.service import Bmc
from provision.bmc.values import text
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


_ON_THE_WAY: Final = {"On": "PoweringOn", "Off": "PoweringOff"}
#: A restart that leaves no trace in the state is believed after this many seconds without one.
_RESTART_LOOK: Final = 10.0
#: Seconds between two tries of an On that is refused because the server has just gone off.
_SETTLE_PAUSE: Final = 10.0
#: How long the first half of a power cycle is looked for at least.
_SHORTEST_LOOK: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class PowerChange:
    """What became of a wish: the states before and after, and what was sent (nothing: empty).

    ``requests`` were sent, or would be: a dry run leaves ``sent`` empty. ``note`` says what was
    done otherwise than by the one request that the word stands for.
    """

    before: str
    after: str
    sent: str = ""
    seconds: float = 0.0
    observed: bool = True
    note: str = ""
    requests: tuple[Request, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the change as ``--output json`` prints it."""
        return {
            "before": self.before,
            "after": self.after,
            "sent": self.sent,
            "seconds": round(self.seconds, 1),
            "observed": self.observed,
            "note": self.note,
            "requests": [each.as_dict() for each in self.requests],
        }


async def power_state(bmc: Bmc) -> str:
    """Return ``On``, ``Off``, ``PoweringOn`` …, or ``Unknown`` where the BMC does not say."""
    return resets.state(await bmc.system())


async def describe(bmc: Bmc) -> str:
    """Return what to call the server in a question: model, serial number and address."""
    system = await bmc.system()
    serial = next((found for name in bmc.serial_names if (found := text(system, name))), None)
    words = [text(system, "Model"), f"serial {serial}" if serial else None, f"at {bmc.name}"]
    return " ".join(word for word in words if word)


async def set_power(
    bmc: Bmc,
    wish: str,
    wait: float,
    *,
    force_after: float | None = None,
    dry_run: bool = False,
) -> PowerChange:
    """Bring the power to what ``wish`` (one of ``WISHES``) says, and wait to see it.

    One request at most, but for ``cycle`` where the BMC has no PowerCycle (forced off, then on).
    ``wait`` is in seconds; 0 asks and does not wait. ``off`` asks the operating system and never
    forces it, unless ``force_after`` gives the seconds after which it is. With ``dry_run`` nothing
    is sent.
    """
    meaning = WISHES[wish]
    if force_after is not None and wish == "off":
        return await _off_by_force(bmc, wait, force_after, dry_run=dry_run)
    doing = f"power {wish} at {bmc.name}"
    system = await bmc.system()
    before = resets.state(system)
    if meaning.restarts and before == "Off":
        raise ServerIsOff(f"{doing}: the server is off")
    on_its_way = not meaning.restarts and before == _ON_THE_WAY[meaning.ends]
    if not meaning.restarts and (before == meaning.ends or (on_its_way and dry_run)):
        return PowerChange(before=before, after=before, observed=before == meaning.ends)
    if on_its_way:
        return await _Watch(bmc, meaning, system).until(wait, doing)
    where = resets.target(system, doing)
    kind = resets.choose(bmc, meaning, await resets.offered(bmc, system), doing)
    if not kind:
        return await _by_parts(bmc, meaning, wait, dry_run=dry_run)
    request = Request(method="POST", uri=where, body={"ResetType": kind})
    if dry_run:
        return PowerChange(before=before, after=before, observed=False, requests=(request,))
    change = await _ask(bmc, meaning, system, request, wait=wait, doing=doing)
    return replace(change, requests=(request,))


async def _ask(  # noqa: PLR0913 - each is one part of asking
    bmc: Bmc, meaning: Wish, system: JsonObject, request: Request, *, wait: float, doing: str
) -> PowerChange:
    """Send the one request, and look; a refusal of what is so already is no failure."""
    kind = str(request.body["ResetType"])
    watch = _Watch(bmc, meaning, system)
    try:
        sent = await _settled(bmc, meaning, request)
    except (BmcError, Conflict):
        # Some refuse what is so already; that it is so, or will be, is all we want.
        now = await power_state(bmc)
        if meaning.restarts or now not in (meaning.ends, _ON_THE_WAY[meaning.ends]):
            raise
        return await watch.until(wait, doing, sent=kind)
    return await watch.until(wait, doing, sent=kind, unknown=sent.unknown)


async def _settled(bmc: Bmc, meaning: Wish, request: Request) -> Sent:
    """Send; where On is known to be refused for a while after Off, again after each refusal."""
    settles = bmc.platform.quirks.power_on_settles if meaning is WISHES["on"] else 0
    clock = asyncio.get_running_loop().time
    end = clock() + settles
    while True:
        try:
            return await send(bmc, request)
        except Conflict:
            if clock() >= end or await power_state(bmc) != "Off":
                raise
            await asyncio.sleep(_SETTLE_PAUSE)


async def _by_parts(bmc: Bmc, meaning: Wish, wait: float, *, dry_run: bool) -> PowerChange:
    """Do a wish by the words it is made of, each seen before the next is asked for."""
    first, second = meaning.parts
    off = await set_power(bmc, first, max(wait, _SHORTEST_LOOK), dry_run=dry_run)
    note = "this BMC has no power cycle: forced off, then on"
    if dry_run:
        body = {"ResetType": WISHES[second].types[0]}
        requests = (*off.requests, *(replace(each, body=body) for each in off.requests))
        return replace(off, note=note, requests=requests)
    on = await set_power(bmc, second, wait)
    return replace(
        on,
        before=off.before,
        sent=", ".join(filter(None, (off.sent, on.sent))),
        seconds=off.seconds + on.seconds,
        note=note,
        requests=(*off.requests, *on.requests),
    )


async def _off_by_force(bmc: Bmc, wait: float, force_after: float, *, dry_run: bool) -> PowerChange:
    """Ask the operating system; after ``force_after`` seconds, or if that is refused, force it."""
    asked: tuple[Request, ...] = ()
    try:
        asked = (await set_power(bmc, "off", 0, dry_run=True)).requests
        graceful = await set_power(bmc, "off", force_after, dry_run=dry_run)
        if dry_run or graceful.after == "Off":
            return graceful
        why = f"still {graceful.after} after {force_after:g} s"
    except (OutcomeUnknown, BmcError, Conflict) as error:
        why = str(error)
    forced = await set_power(bmc, "force-off", wait, dry_run=dry_run)
    if not forced.requests:
        return forced
    requests = (*asked, *forced.requests)
    sent = "" if dry_run else ", ".join(str(each.body["ResetType"]) for each in requests)
    return replace(forced, sent=sent, requests=requests, note=f"forced: {why}")


class _Watch:
    """Looks at the power state until a wish is seen to have come true."""

    def __init__(self, bmc: Bmc, wish: Wish, before: JsonObject) -> None:
        self._bmc = bmc
        self._wish = wish
        self._before = before
        self._left = False

    async def until(
        self, wait: float, doing: str, *, sent: str = "", unknown: OutcomeUnknown | None = None
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
        before = resets.state(self._before)
        return PowerChange(before=before, after=now, sent=sent, seconds=seconds, observed=seen)

    async def _look(self) -> tuple[str, bool]:
        """Return the state, and whether it shows the wish; a BMC out of breath shows nothing."""
        try:
            system = await self._bmc.system()
        except (BmcError, Unreachable):
            return "Unknown", False
        now = resets.state(system)
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

"""The light by which a server is found in its rack."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

from provision.bmc.errors import UNTOLD, BmcError, NotApplied, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.values import links, text, words
from provision.core.errors import OutcomeUnknown

#: ``lit`` is IndicatorLED's Lit: some BMCs show it for a call, some for all being well.
State = Literal["on", "off", "lit", "unknown"]

_ACTIVE: Final = "LocationIndicatorActive"
_LED: Final = "IndicatorLED"
_LED_STATES: Final[dict[str, State]] = {"Blinking": "on", "Off": "off", "Lit": "lit"}
#: What is set for a wish, the clearest first.
_LED_VALUES: Final = {True: ("Blinking", "Lit"), False: ("Off",)}
_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0
_MOST_CHASSIS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Light:
    """One light: the resource and the property that stand for it, and how it is."""

    path: str
    name: str
    value: bool | str
    allowed: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """Return the state in our words."""
        if isinstance(self.value, bool):
            return "on" if self.value else "off"
        return _LED_STATES.get(self.value, "unknown")

    def wanted(self, on: bool) -> bool | str | None:
        """Return what to set; None where this light cannot do it."""
        if self.name == _ACTIVE:
            return on
        allowed = [each for each in _LED_VALUES[on] if each in self.allowed or not self.allowed]
        return allowed[0] if allowed else None


@dataclass(frozen=True, kw_only=True)
class Shone:
    """What became of a wish."""

    before: State
    after: State
    sent: bool
    path: str

    def as_dict(self) -> dict[str, object]:
        """Return the change as ``--output json`` prints it."""
        return {"before": self.before, "after": self.after, "sent": self.sent, "path": self.path}


async def lights(bmc: Bmc) -> list[Light]:
    """Return the lights of the server, the best first: of the system, then of its chassis."""
    system = await bmc.system()
    bodies = [system]
    for path in links(system, "Links", "Chassis")[:_MOST_CHASSIS]:
        try:
            bodies.append({"@odata.id": path} | await bmc.get(path))
        except UNTOLD:
            continue
    found = [light for body in bodies if (light := _active(body))]
    return found + [light for body in bodies if (light := _led(body))]


def _active(body: JsonObject) -> Light | None:
    value = body.get(_ACTIVE)
    path = str(body["@odata.id"])
    return Light(path=path, name=_ACTIVE, value=value) if isinstance(value, bool) else None


def _led(body: JsonObject) -> Light | None:
    value = text(body, _LED)  # deprecated by DMTF, and all that older BMCs have
    if value is None:
        return None
    allowed = tuple(words(body, f"{_LED}@Redfish.AllowableValues"))
    return Light(path=str(body["@odata.id"]), name=_LED, value=value, allowed=allowed)


async def light(bmc: Bmc) -> Light:
    """Return the light to look at; ``NotSupported`` where the BMC shows none."""
    found = await lights(bmc)
    if not found:
        raise NotSupported(
            f"looking for the identification light at {bmc.name}: the BMC shows none",
            hint="Use the button at the server itself, or its label.",
        )
    return found[0]


async def shine(bmc: Bmc, on: bool, *, dry_run: bool = False) -> Shone:
    """Switch the light, unless it is so already; where one refuses, the next is tried."""
    doing = f"switching the identification light {'on' if on else 'off'} at {bmc.name}"
    first = await light(bmc)
    if first.state == ("on" if on else "off") or dry_run:
        return Shone(before=first.state, after=first.state, sent=False, path=first.path)
    refusal: BmcError | None = None
    for each in await lights(bmc):
        value = each.wanted(on)
        if value is None:
            continue
        if each.value == value:
            return Shone(before=each.state, after=each.state, sent=False, path=each.path)
        unknown: OutcomeUnknown | None = None
        try:
            await bmc.patch(each.path, {each.name: value})
        except OutcomeUnknown as error:
            unknown = error
        except BmcError as error:  # refused, so nothing was done
            refusal = refusal or error
            continue
        if seen := await _seen(bmc, each, value):
            return Shone(before=each.state, after=seen.state, sent=True, path=each.path)
        raise unknown or NotApplied(f"{doing}: the BMC said yes, and shows it as it was")
    raise refusal or NotSupported(f"{doing}: the BMC cannot")


async def _seen(bmc: Bmc, which: Light, value: bool | str) -> Light | None:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        body = {"@odata.id": which.path} | await bmc.get(which.path)
        now = _active(body) if which.name == _ACTIVE else _led(body)
        if now and now.value == value:
            return now
    return None

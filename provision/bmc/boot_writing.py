"""Changing the Boot object of a system: where it is written, in what form, and seen again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from provision.bmc.errors import UNTOLD, BmcError, NotApplied
from provision.bmc.intents import Request, Sent, send
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link
from provision.bmc.values import at

_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0
#: How often a change is tried again that the BMC cannot take while its server starts.
_POST_TRIES: Final = 6
_POST_PAUSE: Final = 5.0
_IN_POST: Final = re.compile(r"(during|in) ?(the )?(system ?)?post\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class BootChange:
    """One change of Boot; ``variants`` are its forms, the shortest first, all of one meaning."""

    system: JsonObject
    variants: Sequence[JsonObject]
    #: Whether the settings resource is where this is written on this platform.
    in_settings: bool
    took: Callable[[JsonObject], bool]
    shown: Callable[[JsonObject], str]
    doing: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """The resource that shows the change, and the request that made it."""

    body: JsonObject
    request: Request
    pending: bool


def settings_path(system: JsonObject, *, guess: bool = False) -> str:
    """Return the settings resource of a system; where it is not linked, a ``guess`` or nothing."""
    path = link(system, "@Redfish.Settings", "SettingsObject")
    return path or (f"{str(system['@odata.id']).rstrip('/')}/Settings" if guess else "")


def first_request(change: BootChange) -> Request:
    """Return what ``write`` sends first."""
    path = str(change.system["@odata.id"])
    if change.in_settings:
        path = settings_path(change.system, guess=True)
    return Request(method="PATCH", uri=path, body={"Boot": change.variants[0]})


async def write(bmc: Bmc, change: BootChange) -> Written:
    """Make the change and look until it is seen; ``NotApplied`` where it is not.

    A refusal changes nothing: then the next form is tried, and the settings resource where it
    shows what is to be written.
    """
    request, sent = await _send_first_taken(bmc, change)
    system = str(change.system["@odata.id"])
    shown = ""
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        body = await bmc.get(system)
        if change.took(body):
            return Written(body=body, request=request, pending=False)
        shown = change.shown(body)
        if request.uri != system:
            waiting = await bmc.get(request.uri)
            if change.took(waiting):
                return Written(body=waiting, request=request, pending=True)
    raise sent.unknown or NotApplied(f"{change.doing}: the BMC said yes, and shows {shown}")


async def _send_first_taken(bmc: Bmc, change: BootChange) -> tuple[Request, Sent]:
    first = first_request(change)
    places = [first.uri]
    refusals: list[BmcError] = []
    for place in places:
        for variant in change.variants:
            request = Request(method="PATCH", uri=place, body={"Boot": variant})
            try:
                return request, await _sent_after_post(bmc, request)
            except BmcError as error:
                refusals.append(error)
        if place == first.uri and (other := await _other_place(bmc, change)):
            places.append(other)
    raise refusals[0]


async def _sent_after_post(bmc: Bmc, request: Request) -> Sent:
    """Send; again while the BMC says that its server is starting and this has to wait."""
    for tries_left in reversed(range(_POST_TRIES)):
        try:
            return await send(bmc, request)
        except BmcError as error:
            if not (tries_left and _IN_POST.search(str(error))):
                raise
            await asyncio.sleep(_POST_PAUSE)
    raise AssertionError("the last try ends with an answer or an error")


async def _other_place(bmc: Bmc, change: BootChange) -> str:
    """Return the system where its settings refused, else those where they show what is written."""
    if change.in_settings:
        return str(change.system["@odata.id"])
    path = settings_path(change.system)
    if not path:
        return ""
    try:
        boot = at(await bmc.get(path), "Boot")
    except UNTOLD:
        return ""
    return path if isinstance(boot, dict) and all(k in boot for k in change.variants[0]) else ""

"""Taking the BIOS back to its defaults, from the next start on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from provision.bmc import bios
from provision.bmc.changes import Change
from provision.bmc.errors import NotSupported
from provision.bmc.intents import Request, send
from provision.bmc.service import Bmc
from provision.bmc.values import at

_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class BiosReset:
    """What became of it: whether the BMC shows that it is to come, and what will change then."""

    pending: bool
    changes: tuple[Change, ...] = ()
    note: str = ""
    requests: tuple[Request, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the result as ``--output json`` prints it."""
        return {
            "pending": self.pending,
            "changes": [each.as_dict() for each in self.changes],
            "note": self.note,
            "requests": [each.as_dict() for each in self.requests],
        }


async def reset_bios(bmc: Bmc, *, dry_run: bool = False) -> BiosReset:
    """Ask for the defaults, once; the BMC's state tells whether they are to come.

    Many BMCs show nothing of it before the next start: then ``pending`` is false, and ``note`` says
    so. ``OutcomeUnknown`` where neither an answer nor the state tells.
    """
    doing = f"resetting the BIOS settings at {bmc.name}"
    resource = await bios.resource(bmc)
    target = at(resource, "Actions", "#Bios.ResetBios", "target")
    if not isinstance(target, str):
        raise NotSupported(
            f"{doing}: the BMC offers no such action", hint="Load the defaults in the setup."
        )
    if resource.get("ResetBiosToDefaultsPending") is True:
        return BiosReset(pending=True, note="it was asked for already")
    request = Request(method="POST", uri=target, body={})
    if dry_run:
        return BiosReset(pending=False, note="nothing was sent", requests=(request,))
    before = await bios.pending(bmc, resource)
    sent = await send(bmc, request)
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        now = await bios.resource(bmc)
        waiting = await bios.pending(bmc, now)
        if now.get("ResetBiosToDefaultsPending") is True or waiting != before:
            return BiosReset(pending=True, changes=tuple(waiting), requests=(request,))
    if sent.unknown:
        raise sent.unknown
    note = "the BMC shows no sign of it yet; look again after the next start"
    return BiosReset(pending=False, note=note, requests=(request,))

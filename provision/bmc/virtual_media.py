"""Virtual media: an image from a web server, shown to the host as a drive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from provision.bmc import media_slots, tasks
from provision.bmc.errors import BmcError, NotApplied, NotSupported
from provision.bmc.intents import Request, Sent, send
from provision.bmc.media_slots import Slot
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.values import words
from provision.core.errors import ConfigError, Conflict
from provision.core.secrets import Secret, redact
from provision.core.text import clean

__all__ = ["MediaWish", "Slot", "eject", "insert", "slots"]

#: Schemes of addresses, and what TransferProtocolType calls them.
_PROTOCOLS: Final = {"http": "HTTP", "https": "HTTPS", "nfs": "NFS", "cifs": "CIFS", "smb": "CIFS"}
_LOOKS: Final = 15
_BETWEEN_LOOKS: Final = 1.0
#: How long a task of the BMC that fetches or releases an image is followed, in seconds.
_TASK: Final = 120.0


async def slots(bmc: Bmc, system: JsonObject | None = None) -> list[Slot]:
    """Return the virtual drives: those of the system, else those of its manager.

    Where the system's take no image by URL, the manager's follow.
    """
    system = system or await bmc.system()
    found = await media_slots.of_system(bmc, system)
    if not media_slots.by_url(bmc, found):
        known = {each.path for each in found}
        others = await media_slots.of_managers(bmc, system)
        found += [each for each in others if each.path not in known]
    return found


@dataclass(frozen=True, kw_only=True)
class MediaWish:
    """How an image is to be inserted.

    ``kind`` is what the host shall see, ``drive`` the name of the drive (else any that takes it);
    ``user`` and ``password`` are those of the image's server.
    """

    kind: Literal["cd", "usb"] = "cd"
    drive: str = ""
    user: str = ""
    password: Secret | None = None
    write_protected: bool | None = None


_PLAIN: Final = MediaWish()


async def insert(bmc: Bmc, url: str, wish: MediaWish = _PLAIN, *, dry_run: bool = False) -> Slot:
    """Put the image at ``url`` into a virtual drive, unless it is in one already.

    What the BMC does not ask for is not sent. With ``dry_run`` nothing is.
    """
    _check(url)
    doing = f"inserting {clean(url, 200)} at {bmc.name}"
    shown = redact(url, data=True)  # as what is read back went through it too
    found = await slots(bmc)
    if wish.drive:
        found = _named(found, wish.drive, doing)
    drives = [slot for slot in found if slot.takes(wish.kind)]
    if there := next((slot for slot in drives if slot.inserted and slot.image == shown), None):
        return there
    able = media_slots.by_url(bmc, drives)
    if able and all(slot.inserted for slot in able):
        held = ", ".join(f"{slot.name} holds {slot.image or 'something'}" for slot in able)
        raise Conflict(f"{doing}: {held}", hint="Eject it first: provision media BMC eject")
    if not able:
        raise NotSupported(
            f"{doing}: it has no virtual {wish.kind.upper()} drive that takes an image by URL",
            hint=_by_hand(bmc),
        )
    image = _Image(url=url, wish=wish, doing=doing)
    free = [slot for slot in able if not slot.inserted]
    return await _into_first(bmc, free, image, dry_run=dry_run)


@dataclass(frozen=True, kw_only=True)
class _Image:
    """What is to be inserted."""

    url: str
    wish: MediaWish
    doing: str


def _by_hand(bmc: Bmc) -> str | None:
    because = bmc.platform.quirks.media_by_hand
    return f"{because[:1].upper()}{because[1:]}." if because else None


def _named(found: list[Slot], name: str, doing: str) -> list[Slot]:
    named = [slot for slot in found if slot.name.lower() == name.lower()]
    if not named:
        raise NotSupported(
            f"{doing}: it has no drive {clean(name, 40)}",
            hint=f"Its drives are {', '.join(slot.name for slot in found[:12]) or 'none'}.",
        )
    return named


async def _into_first(bmc: Bmc, usable: list[Slot], image: _Image, *, dry_run: bool) -> Slot:
    """Try one drive after the other while they refuse; some serve only the remote console."""
    refusal: BmcError | None = None
    for slot in usable:
        try:
            request = await _inserting(bmc, slot, image)
            if dry_run:
                return replace(slot, note="nothing was sent", requests=(request,))
            sent = await _send(bmc, request, image.doing)
        except tasks.TaskFailed:
            raise
        except BmcError as error:
            # Some fail aloud and do it all the same: then it is not put into another drive, too.
            now = await media_slots.again(bmc, slot)
            if now.inserted and _same(now.image, image.url):
                return replace(now, note=f"the BMC answered with an error: {error}")
            refusal = refusal or error
            continue
        seen = await _look_until(
            bmc, slot, lambda now: now.inserted and _same(now.image, image.url)
        )
        if seen:
            return replace(seen, requests=(request,))
        raise sent.unknown or NotApplied(
            f"{image.doing}: the BMC said yes, and {slot.name} is empty",
            hint="Check that the BMC can reach that address and that the server answers ranges.",
        )
    raise refusal or NotSupported(image.doing)


async def _inserting(bmc: Bmc, slot: Slot, image: _Image) -> Request:
    """Return the request that inserts, with what this BMC wants to be told and nothing else."""
    quirks = bmc.platform.quirks
    if slot.insert_oem and quirks.media_insert:
        own = {k: v.format(image=image.url) for k, v in quirks.media_insert.body.items()}
        return Request(method="POST", uri=slot.insert_action, body=own)
    known = await media_slots.parameters(bmc, slot)
    protocol = _PROTOCOLS[urlsplit(image.url).scheme.lower()]
    offered = words(known.get("TransferProtocolType"), "AllowableValues")
    if offered and protocol not in offered:
        raise NotSupported(
            f"{image.doing}: {slot.name} fetches by {', '.join(offered)}, not by {protocol}",
            hint="Serve the image by one of these.",
        )
    required = {name for name, each in known.items() if each.get("Required") is True}
    told = _told(bmc, image, protocol, required)
    if slot.insert_action:
        return Request(method="POST", uri=slot.insert_action, body=told)
    return Request(method="PATCH", uri=slot.path, body=told | {"Inserted": True})


def _told(bmc: Bmc, image: _Image, protocol: str, required: set[str]) -> JsonObject:
    """Return the parameters: the image, what was asked for, and what this BMC insists on."""
    quirks, wish = bmc.platform.quirks, image.wish
    body: JsonObject = {"Image": image.url}
    if wish.write_protected is not None:
        body["WriteProtected"] = wish.write_protected
    if quirks.media_send_protocol:
        required = required | {"TransferProtocolType"}
    if wish.user or quirks.media_send_user or "Password" in required:
        required = required | {"UserName", "Password"}
    standard = {
        "TransferProtocolType": protocol,
        "TransferMethod": "Stream",
        "Inserted": True,
        "WriteProtected": True,
        "UserName": wish.user or "none",
        "Password": wish.password.reveal() if wish.password else "none",
    }
    return {name: value for name, value in standard.items() if name in required} | body


async def _send(bmc: Bmc, request: Request, doing: str) -> Sent:
    """Send, and follow the task that the BMC makes of it, where it does."""
    sent = await send(bmc, request)
    if sent.reply and sent.reply.status == 202 and (path := tasks.task_of(bmc, sent.reply)):
        await tasks.wait(bmc, path, doing=doing, seconds=_TASK)
    return sent


def _same(shown: str, url: str) -> bool:
    """Whether a BMC shows this image; some cut the address down to the file's name."""
    url = redact(url, data=True)
    return shown == url or (bool(shown) and url.endswith("/" + shown.rpartition("/")[2]))


def _check(url: str) -> None:
    parts = urlsplit(url)
    doing = f"inserting {clean(url, 200)}"
    if parts.scheme.lower() not in _PROTOCOLS or not parts.netloc:
        raise ConfigError(
            f"{doing}: it is no address the BMC could fetch from",
            hint="A BMC fetches the image itself: give an http:// or https:// URL that it reaches.",
        )
    if parts.password is not None:
        raise ConfigError(
            f"{doing.replace(parts.password, '***')}: a password in the address ends up in logs",
            hint="Give the user and a password file for the image's server instead.",
        )


async def eject(bmc: Bmc, name: str = "", *, dry_run: bool = False) -> list[Slot]:
    """Take images out of the drives (of the one called ``name``); return those that held one.

    What somebody's remote console has mounted is left alone unless named. With ``dry_run`` nothing
    is sent.
    """
    doing = f"ejecting virtual media at {bmc.name}"
    system = await bmc.system()
    gone: list[Slot] = []
    seen: list[Slot] = []
    # Both may show the same drives: the second is read when the first is done.
    for read in (media_slots.of_system, media_slots.of_managers):
        found = [slot for slot in await read(bmc, system) if slot.path not in _paths(seen)]
        seen += found
        for slot in found:
            chosen = slot.name.lower() == name.lower() if name else bool(slot.image)
            if slot.inserted and chosen and not (dry_run and _twin(slot, gone)):
                gone.append(await _eject_one(bmc, slot, doing, dry_run=dry_run))
    if name:
        _named(seen, name, doing)
    return gone


def _paths(found: list[Slot]) -> set[str]:
    return {slot.path for slot in found}


def _twin(slot: Slot, others: list[Slot]) -> bool:
    return any((slot.name, slot.image) == (each.name, each.image) for each in others)


async def _eject_one(bmc: Bmc, slot: Slot, doing: str, *, dry_run: bool) -> Slot:
    quirk = bmc.platform.quirks.media_eject
    if slot.eject_action:
        told = dict(quirk.body) if quirk and slot.eject_oem else {}
        request = Request(method="POST", uri=slot.eject_action, body=told)
    else:
        request = Request(method="PATCH", uri=slot.path, body={"Image": None, "Inserted": False})
    if dry_run:
        return replace(slot, note="nothing was sent", requests=(request,))
    sent = await _send(bmc, request, doing)
    if not await _look_until(bmc, slot, lambda now: not now.inserted):
        raise sent.unknown or NotApplied(
            f"{doing}: the BMC said yes, and {slot.name} still holds it"
        )
    return replace(slot, requests=(request,))


async def _look_until(bmc: Bmc, slot: Slot, wanted: Callable[[Slot], bool]) -> Slot | None:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        now = await media_slots.again(bmc, slot)
        if wanted(now):
            return now
    return None

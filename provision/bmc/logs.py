"""The logs of a BMC: what happened to the machine, newest first; and an end to it.

Where a log was not read whole, or could not be read, that is said beside what was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from provision.bmc.errors import UNTOLD, NotApplied, NotSupported
from provision.bmc.log_pages import SEVERITIES, Entry, Log, Pages
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link, together
from provision.bmc.values import at, links, text
from provision.core.errors import OutcomeUnknown
from provision.core.text import clean

_MOST_SERVICES: Final = 32
_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which entries: of the logs called ``logs`` (all), of a time, a severity; so many at most."""

    logs: tuple[str, ...] = ()
    since: datetime | None = None
    severity: str = ""
    limit: int = 50


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was read: entries, newest first; ``notes`` say what is missing among them."""

    logs: tuple[Log, ...] = ()
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--output json`` prints it."""
        return {
            "logs": [{"id": each.id, "name": each.name, "path": each.path} for each in self.logs],
            "entries": [each.as_dict() for each in self.entries],
            "notes": list(self.notes),
        }


async def logs(bmc: Bmc, names: Iterable[str] = ()) -> list[Log]:
    """Return the logs of the system, its managers and its chassis; of ``names`` where given."""
    system = await bmc.system()
    owners = [system]
    owners += await _owners(bmc, system)
    places = dict.fromkeys(path for owner in owners if (path := link(owner, "LogServices")))
    found: dict[str, Log] = {}
    for place in places:
        for log in await _services(bmc, place):
            found.setdefault(log.path.rstrip("/").lower(), log)
    wanted = {name.lower() for name in names}
    chosen = [log for log in found.values() if not wanted or log.id.lower() in wanted]
    if wanted and not chosen:
        there = ", ".join(log.id for log in found.values()) or "no log at all"
        raise NotSupported(
            f"looking for the log {clean(', '.join(sorted(wanted)), 80)} at {bmc.name}: "
            f"it has {there}",
            hint="Name one of these with --log, or none for all.",
        )
    return chosen[:_MOST_SERVICES]


async def _owners(bmc: Bmc, system: JsonObject) -> list[JsonObject]:
    paths = links(system, "Links", "ManagedBy") or await _untold(bmc, link(bmc.root, "Managers"))
    paths += links(system, "Links", "Chassis")
    return [body for path in paths[:_MOST_SERVICES] if (body := await _get(bmc, path))]


async def _untold(bmc: Bmc, path: str) -> list[str]:
    try:
        return await bmc.links(path)
    except UNTOLD:
        return []


async def _get(bmc: Bmc, path: str) -> JsonObject:
    try:
        return await bmc.get(path)
    except UNTOLD:
        return {}


async def _services(bmc: Bmc, place: str) -> list[Log]:
    paths = (await _untold(bmc, place))[:_MOST_SERVICES]
    bodies = await together(_get(bmc, path) for path in paths)
    return [_log(path, body) for path, body in zip(paths, bodies, strict=True) if body]


def _log(path: str, body: JsonObject) -> Log:
    name = clean(path.rstrip("/").rpartition("/")[2], 80)
    target = at(body, "Actions", "#LogService.ClearLog", "target")
    return Log(
        path=path,
        id=text(body, "Id") or name,
        name=text(body, "Name") or name,
        entries=link(body, "Entries"),
        clear_action=target if isinstance(target, str) else "",
    )


async def read(bmc: Bmc, wanted: Wanted) -> Read:
    """Return the newest entries of the logs; a log that cannot be read is told in the notes."""
    chosen = await logs(bmc, wanted.logs)
    found: list[Entry] = []
    notes: list[str] = []
    for log in chosen:
        if not log.entries:
            continue
        try:
            entries, whole = await Pages(bmc, log).newest()
        except UNTOLD as error:
            notes.append(f"{log.id} could not be read: {clean(error, 200)}")
            continue
        found += entries
        if whole:
            notes.append(f"{log.id}: {len(entries)} of {whole} entries were read")
    kept, more = _kept(found, wanted)
    kept.sort(key=_newest_first, reverse=True)
    return Read(logs=tuple(chosen), entries=tuple(kept[: wanted.limit]), notes=(*notes, *more))


def _newest_first(entry: Entry) -> tuple[datetime, int]:
    counted = entry.id.isascii() and entry.id.isdecimal() and len(entry.id) < 19
    return entry.at or _BEFORE_ALL, int(entry.id) if counted else 0


def _kept(entries: list[Entry], wanted: Wanted) -> tuple[list[Entry], list[str]]:
    """Return the entries that are wanted, and what has to be said of those that cannot be told."""
    notes = []
    kept = entries
    if wanted.since is not None:
        untimed = sum(each.at is None for each in kept)
        kept = [each for each in kept if each.at is not None and each.at >= wanted.since]
        if untimed:
            notes.append(f"{untimed} entries say no time and are left out by --since")
    if wanted.severity:
        least = SEVERITIES.index(wanted.severity)
        unjudged = sum(each.severity not in SEVERITIES for each in kept)
        kept = [
            each
            for each in kept
            if each.severity in SEVERITIES and SEVERITIES.index(each.severity) >= least
        ]
        if unjudged:
            notes.append(f"{unjudged} entries say no severity and are left out by --severity")
    return kept, notes


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """What became of one log: how many entries it held before and holds now."""

    log: str
    before: int
    after: int
    sent: bool

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--output json`` prints it."""
        return {"log": self.log, "before": self.before, "after": self.after, "sent": self.sent}


async def clear(bmc: Bmc, names: Iterable[str] = (), *, dry_run: bool = False) -> list[Cleared]:
    """Clear logs for good: those called ``names``, else every one that can be; once each."""
    chosen = await logs(bmc, names)
    able = [each for each in chosen if each.clear_action and each.entries]
    unable = [each.id for each in chosen if each not in able]
    if not able or (names and unable):
        raise NotSupported(
            f"clearing logs at {bmc.name}: the BMC cannot clear {', '.join(unable) or 'any'}"
        )
    return [await _clear(bmc, each, dry_run) for each in able]


async def _clear(bmc: Bmc, log: Log, dry_run: bool) -> Cleared:
    doing = f"clearing the log {log.id} at {bmc.name}"
    old, whole = await Pages(bmc, log).newest()
    result = Cleared(log=log.id, before=whole or len(old), after=whole or len(old), sent=False)
    if not old or dry_run:
        return result
    unknown: OutcomeUnknown | None = None
    try:
        await bmc.post(log.clear_action, {})
    except OutcomeUnknown as error:
        unknown = error
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        now, more = await Pages(bmc, log).newest()
        if not set(now) & set(old):  # what is there now tells of the clearing
            return replace(result, after=more or len(now), sent=True)
    raise unknown or NotApplied(f"{doing}: the BMC said yes, and the entries are still there")

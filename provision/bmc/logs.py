"""The logs of a BMC: what happened to the machine, newest first, within bounds.

BMCs write their logs oldest first or newest first, in one page or in many, and whole logs can take
minutes to read. So a bounded part is read, at the end where the newest are, and it is said where
that was not all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from provision.bmc import address as addresses
from provision.bmc.errors import UNTOLD, BmcError, NotApplied, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc, link, together
from provision.bmc.values import at, integer, links, text
from provision.core.errors import OutcomeUnknown
from provision.core.secrets import redact
from provision.core.text import clean

#: Severities as Redfish has them, mildest first.
SEVERITIES: Final = ("OK", "Warning", "Critical")
_MOST_SERVICES: Final = 32
_MOST_PAGES: Final = 10
_MOST_ENTRIES: Final = 1000
#: Entries that have to be fetched one by one, where a collection only links to them.
_MOST_FETCHED: Final = 100
_LONGEST: Final = 1000
_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Log:
    """One log service."""

    path: str
    id: str
    name: str
    entries: str
    clear_action: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry; ``at`` is None where the BMC does not say when in a way that can be read."""

    log: str
    id: str
    at: datetime | None
    severity: str
    message: str
    kind: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the entry as ``--output json`` prints it."""
        return {
            "log": self.log,
            "id": self.id,
            "at": self.at.isoformat() if self.at else None,
            "severity": self.severity or None,
            "message": self.message,
            "type": self.kind or None,
        }


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
            entries, whole = await _Pages(bmc, log).newest()
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


class _Pages:
    """The entries of one log, page by page."""

    def __init__(self, bmc: Bmc, log: Log) -> None:
        self._bmc = bmc
        self._log = log
        self._fetched = 0

    async def newest(self) -> tuple[list[Entry], int]:
        """Return entries, among them the newest; and how many there are, where not all were read.

        The number is that of the BMC, 0 where all of them were read.
        """
        first = await self._bmc.get(self._log.entries)
        entries = await self._entries(first)
        following = self._following(first)
        count = integer(first, "Members@odata.count") or 0
        if following and count > _MOST_ENTRIES and _oldest_first(entries):
            skipped = await self._from(count - _MOST_ENTRIES)
            if skipped is not None:
                entries, following = skipped
        seen = {self._log.entries}
        while following and following not in seen and len(entries) < _MOST_ENTRIES:
            if len(seen) >= _MOST_PAGES:
                break
            seen.add(following)
            page = await self._bmc.get(following)
            entries += await self._entries(page)
            following = self._following(page)
        unique = list({(each.id, each.at, each.message): each for each in entries}.values())
        left = count - len(unique)
        return unique, count if (left > 0 and count < 10**9) else 0

    async def _from(self, start: int) -> tuple[list[Entry], str] | None:
        """Return the page that begins at ``start``; None where the BMC cannot skip."""
        joint = "&" if "?" in self._log.entries else "?"
        path = f"{self._log.entries}{joint}{urlencode({'$skip': start}, safe='$')}"
        try:
            page = await self._bmc.get(path)
        except BmcError:
            return None
        entries = await self._entries(page)
        return (entries, self._following(page)) if entries else None

    def _following(self, page: JsonObject) -> str:
        target = page.get("Members@odata.nextLink")
        if not isinstance(target, str):
            return ""
        return addresses.resource(target, self._bmc.address.authority)

    async def _entries(self, page: JsonObject) -> list[Entry]:
        """Return the entries of a page; those that are only links are fetched, some of them."""
        members = page.get("Members")
        members = members[:_MOST_ENTRIES] if isinstance(members, list) else []
        bodies = [each for each in members if isinstance(each, dict)]
        whole = [each for each in bodies if set(each) != {"@odata.id"}]
        bare = [path for each in bodies if len(each) == 1 and (path := link({"": each}, ""))]
        bare = bare[: max(0, _MOST_FETCHED - self._fetched)]
        self._fetched += len(bare)
        whole += [each for each in await together(_get(self._bmc, path) for path in bare) if each]
        return [_entry(self._log.id, each) for each in whole]


def _oldest_first(entries: list[Entry]) -> bool:
    times = [each.at for each in entries if each.at is not None]
    return len(times) > 1 and times[0] < times[-1]


def _entry(log: str, body: JsonObject) -> Entry:
    severity = text(body, "Severity") or text(body, "MessageSeverity") or ""
    return Entry(
        log=log,
        id=text(body, "Id") or "",
        at=_time(body),
        severity=next((s for s in SEVERITIES if s.lower() == severity.lower()), severity),
        message=_said(body),
        kind=text(body, "EntryType") or "",
    )


def _said(body: JsonObject) -> str:
    for name in ("Message", "MessageId", "Name"):
        value = body.get(name)
        if isinstance(value, str) and (words := clean(redact(value[: _LONGEST * 4]), _LONGEST)):
            return words
    return "(no message)"


def _time(body: JsonObject) -> datetime | None:
    for name in ("Created", "EventTimestamp"):
        value = body.get(name)
        if isinstance(value, str) and len(value) < 64:
            try:
                moment = datetime.fromisoformat(value.strip())
                # Without a zone, as some write it, it is the BMC's own time, which we do not know.
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
            except (ValueError, OverflowError):
                continue
    return None


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
    old, whole = await _Pages(bmc, log).newest()
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
        now, more = await _Pages(bmc, log).newest()
        if not set(now) & set(old):  # what is there now tells of the clearing
            return replace(result, after=more or len(now), sent=True)
    raise unknown or NotApplied(f"{doing}: the BMC said yes, and the entries are still there")
